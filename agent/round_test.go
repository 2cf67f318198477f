package agent

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

// What is removed, or cannot be written, is written again within seconds of
// when it can be, however long that was, and the hooks and the log then tell
// what has changed since the file was last written. A check that fails is not
// run as often.
func TestRunRestores(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, filepath.Join(t.TempDir(), "out")
		source.set(nil, "app", "web")
		one, checked := output(t, dir, "one", `{{ .pod.labels.app }}`), output(t, t.TempDir(), "checked", `{{ .pod.labels.app }}`)
		var checks atomic.Int32
		var refused atomic.Bool
		checked.File.Check = func(context.Context, string) error {
			checks.Add(1)
			if refused.Load() {
				return publish.ErrCheck
			}
			return nil
		}
		hook := &ear{name: "hook"}
		var log bytes.Buffer
		a := Agent{
			Sources: []watch.Source{source}, Outputs: []Output{one, checked}, Hooks: []Hook{hook.on(one)},
			Timing: watch.Timing{Resync: -1}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		check := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		check(os.Mkdir(dir, 0o755))
		running(t, a, func() {
			hook.heard(t, "one: : ")
			check(os.Remove(one.File.Path))
			time.Sleep(6 * time.Second)
			synctest.Wait()
			if got := content(t, dir, "one"); got != "web" {
				t.Errorf("a file that was removed holds %q", got)
			}
			hook.heard(t) // it knows

			ledger := filepath.Join(dir, ".podfacts-notified-*")
			before, err := filepath.Glob(ledger)
			check(err)
			check(os.RemoveAll(dir))
			source.set(nil, "app", "shop")
			time.Sleep(10 * time.Minute)
			check(os.Mkdir(dir, 0o755))
			time.Sleep(6 * time.Second)
			synctest.Wait()
			if after, err := filepath.Glob(ledger); err != nil || len(before) != 1 || !slices.Equal(after, before) {
				t.Errorf("what was told stands in %q, and stood in %q; %v", after, before, err)
			}
			if got := content(t, dir, "one"); got != "shop" {
				t.Errorf("in a directory that was removed and is back: %q", got)
			}
			hook.heard(t, "one: pod.labels['app']: ")

			refused.Store(true)
			checks.Store(0)
			source.set(nil, "app", "api")
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if n := checks.Load(); n < 10 || n > 20 {
				t.Errorf("a check that fails ran %d times in ten minutes", n)
			}
			check(os.Remove(one.File.Path))
			time.Sleep(6 * time.Second)
			synctest.Wait()
			if got := content(t, dir, "one"); got != "api" {
				t.Errorf("beside an output that fails a file that was removed holds %q", got)
			}
		})
		for want, times := range map[string]int{
			`msg="output restored; others had removed or changed it" output=` + one.File.Path: 2,
			"msg=published output=" + one.File.Path + ` changed=[pod.labels['app']]`:          2,
			"directory " + dir + " does not exist":                                            1,
		} {
			if got := strings.Count(log.String(), want); got != times {
				t.Errorf("log says %q %d times, want %d:\n%s", want, got, times, log.String())
			}
		}
	})
}
