package agent

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
)

// ear is an action that writes down what it is told.
type ear struct {
	name string
	errs []error // of the first attempts

	mu     sync.Mutex
	events []string
}

func (e *ear) String() string { return e.name }

func (e *ear) Do(_ context.Context, event notify.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var files []string
	for _, path := range event.Outputs {
		files = append(files, filepath.Base(path))
	}
	e.events = append(e.events, strings.Join(files, " ")+": "+strings.Join(event.Facts, " ")+": "+string(event.Body))
	if len(e.errs) > 0 {
		err := e.errs[0]
		e.errs = e.errs[1:]
		return err
	}
	return nil
}

func (e *ear) heard(t *testing.T, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.events, want) {
		t.Errorf("%s heard %q\nwant %q", e.name, e.events, want)
	}
	e.events = nil
}

func (e *ear) on(outputs ...Output) Hook {
	h := Hook{Hook: notify.Hook{Action: e}}
	for _, o := range outputs {
		h.On = append(h.On, o.File.Path)
	}
	return h
}

// running runs an agent in a bubble until do returns.
func running(t *testing.T, a Agent, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	time.Sleep(time.Second)
	synctest.Wait()
	do()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A hook hears of what concerns it, once for all files of a round, and after a
// restart only of what it has not heard.
func TestHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web", "team", "blue")
		first, second := output(t, dir, "first", `{{ .pod.labels.app }}`), output(t, dir, "second", `{{ .pod.labels.app }} {{ .pod.labels.team }}`)
		both, one := &ear{name: "both"}, &ear{name: "one"}
		message, err := render.ParseTemplate("body", `now {{ .pod.labels.team }}`, render.TemplateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		hooks := []Hook{both.on(first, second), one.on(second)}
		hooks[1].Message, hooks[1].SkipFirst = message, true
		a := Agent{
			Sources: []watch.Source{source}, Outputs: []Output{first, second}, Hooks: hooks,
			Timing: watch.Timing{Resync: -1},
		}
		change := func(pairs ...string) {
			source.set(nil, pairs...)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		const app, team = "pod.labels['app']", "pod.labels['team']"
		running(t, a, func() {
			both.heard(t, "first second: : ")
			one.heard(t)
			change("app", "shop", "team", "blue")
			both.heard(t, "first second: "+app+": ")
			one.heard(t, "second: "+app+": now blue")
			change("app", "shop", "team", "red", "other", "x")
			both.heard(t, "second: "+team+": ")
			one.heard(t, "second: "+team+": now red")
			change("app", "shop", "team", "red")
			both.heard(t)
		})
		running(t, a, func() {
			both.heard(t)
			one.heard(t)
			change("app", "shop", "team", "red")
			both.heard(t)
		})
		source.set(nil, "app", "shop", "team", "green") // while nobody watches
		one.errs = []error{errors.New("not yet")}
		running(t, a, func() {
			both.heard(t, "second: : ")
			time.Sleep(10 * time.Second)
			one.heard(t, "second: : now green", "second: : now green")
		})
	})
}

// Once waits for its hooks, and its error tells.
func TestOnceHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		out := output(t, dir, "out", `{{ .pod.labels.app }}`)
		hook := &ear{name: "hook", errs: []error{errors.New("no"), errors.New("still no")}}
		exit := Hook{Hook: notify.Hook{On: []string{out.File.Path}, Action: notify.Exit{Code: 88}}}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{hook.on(out), exit}, Wait: time.Minute}
		if err := a.Once(t.Context()); err != nil {
			t.Error(err)
		}
		if len(hook.events) != 3 {
			t.Errorf("%d attempts, want 3", len(hook.events))
		}

		source.set(nil, "app", "shop")
		hook.errs = slices.Repeat([]error{errors.New("the application is down")}, 100)
		if err := a.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "hook") || !strings.Contains(err.Error(), "the application is down") {
			t.Errorf("the error is %v", err)
		}
	})
}

// A hook hears at once of its own outputs, and once of all of them.
func TestHookBesideSlowCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		quick, slow := output(t, dir, "quick", `{{ .pod.labels.app }}`), output(t, dir, "slow", `{{ .pod.labels.app }}`)
		slow.File.Check = func(context.Context, string) error {
			time.Sleep(10 * time.Second)
			return nil
		}
		one, both := &ear{name: "one"}, &ear{name: "both"}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{quick, slow}, Hooks: []Hook{one.on(quick), both.on(quick, slow)}}
		running(t, a, func() {
			one.heard(t, "quick: : ")
			both.heard(t)
			time.Sleep(10 * time.Second)
			both.heard(t, "quick slow: : ")
			time.Sleep(time.Hour)
			one.heard(t)
			both.heard(t)
		})
	})
}

// What a hook reads while a file is replaced is not taken for what it was told,
// though podfacts is killed before it knows of the new content, and the old one
// is back afterwards.
func TestHookReadsWhatIsBeingPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		out, began, killed := output(t, dir, "out", `{{ .pod.labels.app }}`), make(chan bool), make(chan bool)
		checks := 0
		out.File.Check = func(ctx context.Context, _ string) error {
			if checks++; checks == 2 {
				close(began)
				<-killed
				return errors.New("killed")
			}
			return nil
		}
		hook := &ear{name: "hook"}
		slow := Hook{Hook: notify.Hook{On: []string{out.File.Path}, Action: slowly{hook}}}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{slow}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(time.Second)
		source.set(nil, "app", "shop") // while the hook runs
		<-began
		time.Sleep(time.Minute)
		hook.heard(t, "out: : ")
		cancel()
		close(killed)
		if err := <-done; err != nil {
			t.Error(err)
		}
		source.set(nil, "app", "web")
		a.Hooks[0].Action = hook
		running(t, a, func() { hook.heard(t, "out: : ") })
	})
}

// slowly is an ear that takes a few seconds.
type slowly struct{ *ear }

func (s slowly) Do(ctx context.Context, e notify.Event) error {
	time.Sleep(5 * time.Second)
	return s.ear.Do(ctx, e)
}

// Where Once does not wait, it tries each hook once.
func TestOnceTriesHooksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		out := output(t, dir, "out", `{{ .pod.labels.app }}`)
		well, down := &ear{name: "well"}, &ear{name: "down", errs: []error{errors.New("the application is down")}}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{down.on(out), well.on(out)}}
		if err := a.Once(t.Context()); err == nil || err.Error() != "hook down: the application is down" {
			t.Errorf("the error is %v", err)
		}
		well.heard(t, "out: : ")
		down.heard(t, "out: : ")
		if err := a.Once(t.Context()); err != nil {
			t.Error(err)
		}
		well.heard(t)
		down.heard(t, "out: : ")
	})
}

// What an output held before this process is not known, however late it is
// published for the first time.
func TestHookOfLateOutput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		out, late := output(t, dir, "out", `{{ .pod.labels.app }}`), output(t, dir, "late", `{{ .pod.labels.team }}`)
		hook := &ear{name: "hook"}
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out, late}, Hooks: []Hook{hook.on(out, late)}}
		running(t, a, func() {
			hook.heard(t, "out: : ")
			source.set(nil, "app", "web", "team", "blue")
			time.Sleep(time.Second)
			hook.heard(t, "late: : ")
		})
	})
}

// A message without end takes no more memory than an output without end.
func TestHookMessageWithoutEnd(t *testing.T) {
	t.Parallel()
	source, dir := &labels{}, t.TempDir()
	source.set(nil, "app", "web")
	out, hook := output(t, dir, "out", `{{ .pod.labels.app }}`), (&ear{name: "hook"})
	h := hook.on(out)
	h.Message = output(t, dir, "body", `{{ range 1000000 }}`+strings.Repeat("x", 1<<20)+`{{ end }}`).Renderer
	a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{h}}
	if err := a.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("the error is %v", err)
	}
}

func TestRunRefusesHooks(t *testing.T) {
	t.Parallel()
	source := &labels{}
	source.set(nil, "app", "web")
	a := Agent{Sources: []watch.Source{source}, Outputs: []Output{output(t, t.TempDir(), "out", `x`)}, Hooks: []Hook{(&ear{name: "nowhere"}).on()}}
	if err := a.Run(t.Context()); err == nil || err.Error() != "hook 1: a hook names no output" {
		t.Errorf("Run ended with %v", err)
	}
}

// An exit ends Run, after which the same state does not end it again.
func TestExitHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, dir := &labels{}, t.TempDir()
		source.set(nil, "app", "web")
		out := output(t, dir, "out", `{{ .pod.labels.app }}`)
		a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{
			{Hook: notify.Hook{On: []string{out.File.Path}, Action: notify.Exit{Code: 88}, SkipFirst: true}},
		}}
		running(t, a, func() {})
		source.set(nil, "app", "shop")
		err := a.Run(t.Context())
		if exit, ok := errors.AsType[*notify.ExitError](err); !ok || exit.Code != 88 {
			t.Fatalf("Run ended with %v", err)
		}
		running(t, a, func() { time.Sleep(time.Hour) })
	})
}

// Headers are rendered anew for each attempt, and one that cannot be is said by its
// name.
func TestHookHeaders(t *testing.T) {
	t.Parallel()
	source := &labels{}
	source.set(nil, "app", "web")
	out := output(t, t.TempDir(), "out", `{{ .pod.labels.app }}`)
	header, err := render.ParseTemplate("header", " {{ .pod.labels.app }}\n", render.TemplateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	hook := Hook{Hook: notify.Hook{On: []string{out.File.Path}, Action: headed(func(h map[string]string) { got = append(got, h["X-App"]) })}}
	hook.Headers = map[string]render.Renderer{"X-App": header}
	a := Agent{Sources: []watch.Source{source}, Outputs: []Output{out}, Hooks: []Hook{hook}}
	for _, app := range []string{"web", "shop"} {
		source.set(nil, "app", app)
		if err := a.Once(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got, []string{"web", "shop"}) {
		t.Errorf("sent %q", got)
	}
	source.set(nil, "app", "api")
	if a.Hooks[0].Headers["X-App"], err = render.ParseTemplate("header", `{{ fail "no" }}`, render.TemplateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "hook headed: header X-App: ") {
		t.Errorf("the error is %v", err)
	}
}

// headed is an action that looks at headers.
type headed func(map[string]string)

func (headed) String() string { return "headed" }

func (h headed) Do(_ context.Context, e notify.Event) error {
	h(e.Header)
	return nil
}
