//go:build unix

package notify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// TestExecTells has a command print what it is told, byte for byte.
func TestExecTells(t *testing.T) {
	t.Parallel()
	e := notify.Event{
		Outputs: []string{"/run/a b", "/run/c\nd:e"},
		Facts:   []string{"pod.labels['app']", "node.zone"},
		Body:    []byte("body"),
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"arguments", []string{"$PODFACTS_OUTPUTS", "--", "${PODFACTS_FACTS}"}, "/run/a b\x00/run/c\nd:e\x00--\x00pod.labels['app']\x00node.zone\x00"},
		{"nothing else is expanded", []string{"--files=$PODFACTS_OUTPUTS", "$HOME", "$$PODFACTS_OUTPUTS", "${PODFACTS_OUTPUTS", "$PODFACTS_OUTPUTS_", "$"}, "--files=$PODFACTS_OUTPUTS\x00$HOME\x00$$PODFACTS_OUTPUTS\x00${PODFACTS_OUTPUTS\x00$PODFACTS_OUTPUTS_\x00$\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			x := notify.Exec{Args: append([]string{"sh", "-c", `printf '%s\0' "$@" >"$OUT"`, "sh"}, test.args...), Env: []string{"OUT=" + out}}
			if err := x.Do(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			wantFile(t, out, test.want)
		})
	}
	t.Run("environment and input", func(t *testing.T) {
		t.Parallel()
		out := filepath.Join(t.TempDir(), "out")
		x := notify.Exec{Args: []string{"sh", "-c", `{ printf '%s|' "$PODFACTS_OUTPUTS" "$PODFACTS_FACTS"; cat; } >"$OUT"`}, Env: []string{"OUT=" + out, "PODFACTS_FACTS=not this"}}
		if err := x.Do(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		wantFile(t, out, "/run/a b\n/run/c\nd:e|pod.labels['app']\nnode.zone|body")
	})
	t.Run("no facts, no body", func(t *testing.T) {
		t.Parallel()
		x := notify.Exec{Args: []string{"sh", "-c", `test "$#" = 0 && test -z "$PODFACTS_FACTS" && test -z "$(cat)"`, "sh", "$PODFACTS_FACTS"}}
		if err := x.Do(t.Context(), notify.Event{Outputs: e.Outputs}); err != nil {
			t.Error(err)
		}
	})
}

// As much as a hook may be told fits into an environment.
func TestExecTellsMuch(t *testing.T) {
	t.Parallel()
	n := notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: notify.Exec{Args: []string{"true"}}}}}
	p := state("/a", 1)
	for i := range 10000 {
		p.Facts = append(p.Facts, fmt.Sprintf("files.%05d%s", i, strings.Repeat("/name", 800)))
	}
	if err := n.Once(t.Context(), p); err != nil {
		t.Error(err)
	}
}

// However a command misbehaves, the hook is over in time, with a reason, and
// runs again once the command is well.
func TestExecFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		want         string // of the error
	}{ // "within 3s" is of those that do not end by themselves
		{"fails", "echo no such luck >&2; exit 3", "sh: exit status 3: no such luck"},
		{"hangs", "echo begun; sleep 1000", "sh: no answer within 3s: begun"},
		{"hangs and does not mind", "trap '' TERM; echo begun; while :; do sleep 0.01; done", "sh: no answer within 3s: begun"},
		{"forks", "while :; do sleep 1000 & sleep 0.01; done", "sh: no answer within 3s"},
		{"leaves one that holds its output", "sleep 1000 & exit 4", "sh: exit status 4"},
		{"writes megabytes", "head -c 8000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 5", `x\nthe end`},
		{"writes without end", "while :; do echo y; done", "sh: no answer within 3s: …"},
		{"kills itself", "kill -KILL $$", "sh: signal: killed"},
		{"is not there", "exec /no/such/program", "sh: exit status 127: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			well := filepath.Join(t.TempDir(), "well")
			script := `test -e "$WELL" && exit 0; ` + test.script
			hook := notify.Hook{
				On:      []string{"/a"},
				Action:  notify.Exec{Args: []string{"sh", "-c", script}, Env: []string{"WELL=" + well}},
				Timeout: time.Minute,
			}
			if strings.Contains(test.want, "within 3s") {
				hook.Timeout = 3 * time.Second
			}
			done := make(chan error, 100)
			n := &notify.Notifier{Hooks: []notify.Hook{hook}}
			n.Done = func(d notify.Delivery) {
				if d.Err != nil { // it is well before it is tried again
					if due := n.Pending(); len(due) != 1 || due[0].Err == nil {
						t.Errorf("pending %+v", due)
					}
					if err := os.WriteFile(well, nil, 0o600); err != nil {
						t.Error(err)
					}
				}
				done <- d.Err
			}
			stop := running(t, n)
			n.Published(state("/a", 1))
			err := <-done
			wantError(t, err, test.want)
			if err != nil && len(err.Error()) > 2500 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if err := <-done; err != nil {
				t.Errorf("tried again: %v", err)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// When podfacts is asked to end, a command is asked to end, and then has to.
func TestExecStopped(t *testing.T) {
	t.Parallel()
	for _, trap := range []string{"trap 'exit 0' TERM", "trap '' TERM"} {
		dir := t.TempDir()
		note := filepath.Join(dir, "pid")
		store := &memory{}
		n := &notify.Notifier{Store: store, Hooks: []notify.Hook{{
			On:      []string{"/a"},
			Action:  notify.Exec{Args: []string{"sh", "-c", trap + "; echo $$ >" + note + ".new; mv " + note + ".new " + note + "; while :; do sleep 0.01; done"}},
			Timeout: time.Hour,
		}}}
		stop := running(t, n)
		n.Published(state("/a", 1))
		pid := 0
		for pid == 0 {
			text, _ := os.ReadFile(note)
			_, _ = fmt.Sscan(string(text), &pid)
			time.Sleep(time.Millisecond)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the command is alive: %v", err)
		}
		for path, data := range store.files {
			if !strings.Contains(string(data), `"/a":""`) {
				t.Errorf("%s: %s", path, data)
			}
		}
	}
}

func TestExecErrors(t *testing.T) {
	t.Parallel()
	err := notify.Exec{Args: []string{"sh", "-c", "exit 7"}}.Do(t.Context(), notify.Event{})
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
		t.Errorf("error %v holds no exit status 7", err)
	}
	wantError(t, notify.Exec{Args: []string{"no-such-program"}}.Do(t.Context(), notify.Event{}), "no-such-program: not found in $PATH; a hook runs in the image of podfacts")
	for _, test := range []struct {
		x    notify.Exec
		want string
	}{
		{notify.Exec{}, "exec has no command"},
		{notify.Exec{Args: []string{""}}, "exec has no command"},
		{notify.Exec{Args: []string{"a"}, Env: []string{"B"}}, "not KEY=value"},
		{notify.Exec{Args: []string{"a"}, Env: []string{"=B"}}, "not KEY=value"},
		{notify.Exec{Args: []string{"a", "b\x00"}}, "NUL"},
	} {
		wantError(t, test.x.Validate(), test.want)
		wantError(t, test.x.Do(context.Background(), notify.Event{}), test.want)
	}
}

func TestExecString(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"exec":           {},
		"exec nginx":     {"/usr/sbin/nginx", "-s", "reload"},
		"exec curl":      {"curl", "-H", "Authorization: Bearer secret", "https://example.com"},
		`exec 'a b'`:     {"/opt/a b", "c"},
		`exec 'it'\''s'`: {"it's"},
		"exec " + strings.Repeat("ü", 94) + "…": {strings.Repeat("ü", 1000)},
	} {
		if got := (notify.Exec{Args: args}).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, want %q; %v", path, got, want, err)
	}
}
