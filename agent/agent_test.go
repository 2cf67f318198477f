package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// labels is a source of labels that a test changes.
type labels struct {
	mu      sync.Mutex
	values  map[string]string
	err     error
	changed func()
}

func (*labels) String() string { return "labels" }

func (l *labels) Read(context.Context) (watch.Layer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var layer watch.Layer
	if l.err == nil {
		layer.Set(watch.PodLabels, l.values, "test")
	}
	return layer, l.err
}

func (l *labels) Watch(ctx context.Context, changed func()) error {
	l.mu.Lock()
	l.changed = changed
	l.mu.Unlock()
	changed()
	<-ctx.Done()
	return nil
}

func (l *labels) set(err error, pairs ...string) {
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	l.mu.Lock()
	l.values, l.err = values, err
	changed := l.changed
	l.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// output is a template that goes to a file of dir.
func output(t *testing.T, dir, name, text string) Output {
	t.Helper()
	r, err := render.ParseTemplate(name+".tmpl", text, render.TemplateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return Output{File: publish.File{Path: filepath.Join(dir, name)}, Renderer: r}
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOncePublishesAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := &labels{}
	source.set(nil, "app", "web")
	good := output(t, dir, "good", `{{ .pod.labels.app }}`)
	a := Agent{Sources: []watch.Source{source}, Outputs: []Output{
		good,
		output(t, dir, "half", "first line\n{{ .pod.labels.team }}"),
		output(t, dir, "bad", `{{ fail "no such luck" }}`),
	}}
	err := a.Once(t.Context())
	for _, want := range []string{"half: half.tmpl:2:7: pod.labels['team'] is missing", "bad: bad.tmpl:1:3: fail: no such luck"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	for _, name := range []string{"good", "half", "bad"} {
		if got := content(t, dir, name); got != "(none)" {
			t.Errorf("%s was written: %q", name, got)
		}
	}

	a.Outputs = []Output{good}
	if err := a.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "good"); got != "web" {
		t.Errorf("good holds %q", got)
	}
}

// A template that never ends takes neither all memory nor, when the process is
// to end, any more time.
func TestTemplateWithoutEnd(t *testing.T) {
	t.Parallel()
	source := &labels{}
	source.set(nil, "app", "web")
	endless := func(line string) Agent {
		text := `{{ define "x" }}{{ range 1000000000 }}` + line + `{{ end }}{{ end }}{{ $_ := include "x" . }}`
		return Agent{Sources: []watch.Source{source}, Outputs: []Output{output(t, t.TempDir(), "endless", text)}}
	}
	a := endless(strings.Repeat("x", 1<<20))
	if err := a.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 64 MiB; does a loop in the template end?") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	a = endless("x")
	if err := a.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

func TestOnceWaitsForMissingFacts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		source := &labels{}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{output(t, dir, "out", `{{ .pod.labels.app }}`)}, Wait: time.Minute}
		go func() {
			time.Sleep(10 * time.Second)
			source.set(nil, "app", "late")
		}()
		start := time.Now()
		if err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir, "out"); got != "late" {
			t.Errorf("out holds %q", got)
		}
		if waited := time.Since(start); waited > 11*time.Second {
			t.Errorf("took %v, though the fact came after 10 s", waited)
		}
	})
}

func TestOnceGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := Agent{Sources: []watch.Source{&labels{}}, Wait: time.Minute, Outputs: []Output{
			output(t, dir, "out", `{{ .pod.labels.app }}`),
			output(t, dir, "other", `{{ .pod.labels.team }}`),
		}}
		start := time.Now()
		errs := watch.Errors(a.Once(t.Context()))
		for i, want := range []string{"after waiting 1m0s: " + filepath.Join(dir, "out"), "after waiting 1m0s: " + filepath.Join(dir, "other")} {
			if len(errs) != 2 || !strings.HasPrefix(errs[i].Error(), want) || !watch.IsMissing(errs[i]) {
				t.Errorf("errors are %v, want %q", errs, want)
			}
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("gave up after %v", waited)
		}
	})
}

func TestOnceIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := Agent{Sources: []watch.Source{&labels{}}, Outputs: []Output{output(t, t.TempDir(), "out", `{{ .pod.labels.app }}`)}, Wait: time.Minute}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		errs := watch.Errors(a.Once(ctx))
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "stopped while waiting: ") || !watch.IsMissing(errs[0]) {
			t.Errorf("errors are %v", errs)
		}
	})
}

// hanging is a source that answers only when it is told to stop.
type hanging struct{}

func (hanging) String() string { return "hanging" }
func (hanging) Read(ctx context.Context) (watch.Layer, error) {
	<-ctx.Done()
	return watch.Layer{}, ctx.Err()
}

func TestOnceDoesNotHangOnASource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		source := &labels{}
		source.set(nil, "app", "web")
		a := Agent{Sources: []watch.Source{source, hanging{}}, Outputs: []Output{output(t, dir, "out", `{{ .pod.labels.app }}`)}, Wait: time.Minute}
		if err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir, "out"); got != "web" {
			t.Errorf("out holds %q", got)
		}
	})
}

// TestRunKeepsWhatIsGood follows a source through good and bad times.
func TestRunKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		source := &labels{}
		source.set(nil, "app", "web", "role", "follower")
		one, two := output(t, dir, "one", `{{ .pod.labels.app }}`), output(t, dir, "two", `{{ .pod.labels.role }}`)
		one.Group, two.Group = "pair", "pair"
		var log bytes.Buffer
		a := Agent{Sources: []watch.Source{source}, Log: slog.New(slog.NewTextHandler(&log, nil)), Outputs: []Output{
			one, two, output(t, dir, "alone", `{{ .pod.labels.app }}`),
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		steps := []struct {
			name  string
			act   func()
			files string // one, two, alone
		}{
			{"first", func() {}, "web follower web"},
			{"change", func() { source.set(nil, "app", "web", "role", "leader") }, "web leader web"},
			{"one of a group fails", func() { source.set(nil, "app", "api") }, "web leader api"},
			{"source fails", func() { source.set(errors.New("gone")) }, "web leader api"},
			{"all is well", func() { source.set(nil, "app", "api", "role", "x") }, "api x api"},
			{"a file is removed", func() { os.Remove(filepath.Join(dir, "alone")) }, "api x api"},
		}
		for _, step := range steps {
			step.act()
			time.Sleep(2 * time.Minute) // with a resync, should nothing be noticed
			synctest.Wait()
			if got := fmt.Sprint(content(t, dir, "one"), " ", content(t, dir, "two"), " ", content(t, dir, "alone")); got != step.files {
				t.Errorf("%s: files hold %q, want %q", step.name, got, step.files)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
		text := log.String()
		for want, times := range map[string]int{
			"pod.labels['role'] is missing": 1, // though tried again and again
			"source failed":                 1,
			"sources are well again":        1,
			`output="group pair"`:           4,
		} {
			if got := strings.Count(text, want); got != times {
				t.Errorf("log says %q %d times, want %d:\n%s", want, got, times, text)
			}
		}
	})
}

// TestRunSaysWhatHappened holds the log against the truth: what never was does
// not stay, and what is left out is told when it changes.
func TestRunSaysWhatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		source := &labels{}
		source.set(errors.New("gone"))
		var log bytes.Buffer
		env := render.Env{Dialect: envfile.Docker, SkipInvalid: true}
		for _, name := range []string{"app", "note"} {
			env.Entries = append(env.Entries, render.Entry{Name: name, From: watch.PodLabels.Key(name), Default: new("none")})
		}
		a := Agent{Sources: []watch.Source{source}, Log: slog.New(slog.NewTextHandler(&log, nil)), Outputs: []Output{
			output(t, dir, "out", `{{ .pod.labels.app }}`),
			{File: publish.File{Path: filepath.Join(dir, "env")}, Renderer: &env},
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		read := 0
		for _, step := range []struct {
			name         string
			act          func()
			says, silent string // of what is logged
		}{
			{"failing from the start", func() {}, `msg="output not written" output=` + filepath.Join(dir, "out"), "stay"},
			{"well", func() { source.set(nil, "app", "web", "note", "a") }, "published", "left out"},
			{"a value with a newline", func() { source.set(nil, "app", "web", "note", "a\nb") }, `msg="variable left out" error="` + filepath.Join(dir, "env") + ": variable note cannot be written", "variable app"},
			{"another change", func() { source.set(nil, "app", "api", "note", "a\nb") }, "published", "left out"},
			{"no label", func() { source.set(nil, "note", "a\nb") }, "output not renewed; the last good file stays", "left out"},
			{"failing", func() { source.set(errors.New("gone")) }, "source failed; its last facts stay", "left out"},
		} {
			step.act()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			text := log.String()[read:]
			read += len(text)
			if !strings.Contains(text, step.says) || strings.Contains(text, step.silent) {
				t.Errorf("%s: log should say %q and not %q:\n%s", step.name, step.says, step.silent, text)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// TestRunDoesNotWaitForSlowChecks: a check that hangs keeps back its own
// output only.
func TestRunDoesNotWaitForSlowChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		source := &labels{}
		source.set(nil, "app", "web")
		slow := output(t, dir, "slow", `{{ .pod.labels.app }}`)
		slow.File.Check = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{slow, output(t, dir, "quick", `{{ .pod.labels.app }}`)}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(time.Second)
		if got := content(t, dir, "quick"); got != "web" {
			t.Errorf("quick holds %q", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
		if got := content(t, dir, "slow"); got != "(none)" {
			t.Errorf("slow holds %q", got)
		}
	})
}

func ExampleAgent_Once() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	greeting, _ := render.ParseTemplate("greeting", "I am {{ .pod.labels.app }}\n", render.TemplateOptions{})
	source := &labels{values: map[string]string{"app": "web"}}

	a := Agent{
		Sources: []watch.Source{source},
		Outputs: []Output{{File: publish.File{Path: filepath.Join(dir, "greeting")}, Renderer: greeting}},
	}
	if err := a.Once(context.Background()); err != nil {
		fmt.Println(err)
	}
	data, _ := os.ReadFile(filepath.Join(dir, "greeting"))
	fmt.Print(string(data))
	// Output: I am web
}

// TestTake gives the content to something that is no file.
func TestTake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := &labels{}
	source.set(nil, "app", "web")
	taken := output(t, dir, "taken", `{{ .pod.labels.app }}`)
	var got []string
	taken.Take = func(content []byte) bool {
		got = append(got, string(content))
		return len(got) == 1
	}
	var changed []bool
	a := Agent{Sources: []watch.Source{source}, Outputs: []Output{taken}, Report: func(r Report) {
		if p, ok := r.(Published); ok {
			changed = append(changed, p.Changed)
		}
	}}
	for range 2 {
		if err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got, changed) != "[web web] [true false]" {
		t.Errorf("taken: %v, changed: %v", got, changed)
	}
	if got := content(t, dir, "taken"); got != "(none)" {
		t.Errorf("a file was written: %q", got)
	}
}
