package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a source made of a function.
type fake struct {
	name string
	read func(context.Context) (Layer, error)
}

func (f fake) String() string                          { return f.name }
func (f fake) Read(ctx context.Context) (Layer, error) { return f.read(ctx) }

// fixed is a source that says one thing.
func fixed(name string, s say) fake {
	return fake{name, func(context.Context) (Layer, error) { return s.layer, s.err }}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	s, err := Collect(t.Context(),
		fixed("volume", says("pod.uid", "v", "pod.name", "a")),
		fixed("env", says("pod.uid", "e", "env.X", "x")),
	)
	want := map[Path]string{"pod.uid": "volume: v", "pod.name": "volume: a", "env.X": "env: x"}
	if got := facts(s); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	s, err = Collect(t.Context())
	if err != nil || len(s.Sources()) != 0 || len(s.Tree()) != 0 {
		t.Errorf("of nothing: %v, %v", s.Tree(), err)
	}
}

func TestCollectErrors(t *testing.T) {
	t.Parallel()
	errLost, errOther := errors.New("volume: lost"), errors.New("env: other")
	partial := says("pod.uid", "v")
	partial.err = errLost

	s, err := Collect(t.Context(), fixed("volume", partial), fixed("api", says("pod.name", "a")))
	if !errors.Is(err, errLost) || err.Error() != "volume: lost" {
		t.Errorf("one error: %v", err)
	}
	if got, want := facts(s), (map[Path]string{"pod.uid": "volume: v", "pod.name": "api: a"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want what could be read: %v", got, want)
	}

	_, err = Collect(t.Context(), fixed("volume", say{err: errLost}), fixed("env", say{err: errOther}), fixed("twin", say{err: errLost}))
	if !errors.Is(err, errLost) || !errors.Is(err, errOther) || err.Error() != "volume: lost\nenv: other" {
		t.Errorf("several errors, want each once and on its line: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	one, two := errors.New("one"), errors.New("two")
	both := fmt.Errorf("%w; %w", one, two)
	for _, tt := range []struct {
		err  error
		want []error
	}{
		{nil, nil},
		{one, []error{one}},
		{Join(nil, one), []error{one}},
		{Join(one, nil, two), []error{one, two}},
		{Join(Join(one, two), two), []error{one, two}},
		{errors.Join(one, errors.Join(two, one)), []error{one, two, one}},
		{errors.Join(one, Join(one, two)), []error{one, one, two}},
		{both, []error{both}},
	} {
		if got := Errors(tt.err); !slices.Equal(got, tt.want) {
			t.Errorf("Errors(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// One broken source does not take the others with it.
func TestCollectPanic(t *testing.T) {
	t.Parallel()
	broken := fake{"broken", func(context.Context) (Layer, error) { panic("index out of range") }}
	s, err := Collect(t.Context(), broken, fixed("env", says("pod.uid", "e")))
	if err == nil || err.Error() != "broken: internal error: index out of range; please report this" {
		t.Errorf("got %v", err)
	}
	if f, err := s.Lookup(PodUID); err != nil || f.Value != "e" {
		t.Errorf("got %+v, %v", f, err)
	}
}

// Sources are read at the same time, and an end of the context ends them all.
func TestCollectContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waiting := fake{"waiting", func(ctx context.Context) (Layer, error) {
			<-ctx.Done()
			return Layer{}, ctx.Err()
		}}
		start := time.Now()
		s, err := Collect(ctx, waiting, waiting, fixed("env", says("pod.uid", "e")))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("took %v, want all sources at the same time", d)
		}
		if _, err := s.Lookup(PodUID); err != nil {
			t.Errorf("what could be read: %v", err)
		}
	})
}

// pushed is a source with a watch, to which a test says what it says.
type pushed struct {
	name string
	took time.Duration // how long a read takes
	path Path          // of the fact; empty: a variable called like the source

	mu      sync.Mutex
	value   string
	err     error
	reads   int
	changed func()
	watched int // watches that run
}

func (p *pushed) String() string { return p.name }

// Read gives what was true when it began.
func (p *pushed) Read(ctx context.Context) (Layer, error) {
	p.mu.Lock()
	value, err := p.value, p.err
	p.reads++
	p.mu.Unlock()
	if !sleep(ctx, p.took) {
		return Layer{}, ctx.Err()
	}
	var l Layer
	l.Set(cmp.Or(p.path, Path("env").Key(strings.ToUpper(p.name))), value, "")
	return l, err
}

func (p *pushed) Watch(ctx context.Context, changed func()) error {
	p.mu.Lock()
	p.changed = changed
	p.watched++
	p.mu.Unlock()
	changed()
	<-ctx.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched--
	return ctx.Err()
}

// set changes what the source says, and says so.
func (p *pushed) set(value string, err error) {
	p.mu.Lock()
	p.value, p.err = value, err
	changed := p.changed
	p.mu.Unlock()
	changed()
}

func (p *pushed) count() (reads, watched int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads, p.watched
}
