package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podfacts/podfacts/agent/notify"
)

// childVariable makes the test binary another process, which a test looks at or
// kills.
const childVariable = "PODFACTS_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := child(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// action is an action that is a function.
type action struct {
	name string
	do   func(context.Context, notify.Event) error
}

func (a action) String() string                               { return a.name }
func (a action) Do(ctx context.Context, e notify.Event) error { return a.do(ctx, e) }

// memory is a store that can be told to fail.
type memory struct {
	mu         sync.Mutex
	files      map[string][]byte
	load, save error
	saves      int
}

func (m *memory) Load(path string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.load != nil {
		return nil, m.load
	}
	data, ok := m.files[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return slices.Clone(data), nil
}

func (m *memory) Save(path string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.save != nil {
		return m.save
	}
	if m.files == nil {
		m.files = make(map[string][]byte)
	}
	m.files[path], m.saves = slices.Clone(data), m.saves+1
	return nil
}

func (m *memory) fail(load, save error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load, m.save = load, save
}

// state is the publication of an output's n-th content.
func state(path string, n byte, facts ...string) notify.Publication {
	return notify.Publication{Digests: map[string]notify.Digest{path: {n}}, Facts: facts}
}

// logged is what a notifier logs, without times.
type logged struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(strings.Lines(l.all.String()))
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "hook" {
			return slog.Attr{}
		}
		return a
	}}))
}

// running runs a notifier until it is stopped, which gives what Run returned.
func running(t *testing.T, n *notify.Notifier) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			t.Fatal("Run does not end")
			return nil
		}
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one that says %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
