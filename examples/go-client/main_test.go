package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/metadata"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch"
)

// pod is a source of one annotation.
type pod string

func (pod) String() string { return "pod" }

func (p pod) Read(context.Context) (watch.Layer, error) {
	var l watch.Layer
	l.Set(watch.PodName, "web-0", "")
	l.State(watch.PodAnnotations, watch.Statement{Value: map[string]string{"shop.example.com/log-level": string(p)}})
	return l, nil
}

// text is a log that several goroutines use.
type text struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *text) has(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.String(), s)
}

// The level follows the annotation.
func TestFollow(t *testing.T) {
	s := &metadata.Service{}
	s.Set(metadata.Settings{Expose: []metadata.Exposed{{Path: "pod"}}})
	annotate := func(level string) {
		snapshot, err := watch.Collect(t.Context(), pod(level))
		if err != nil {
			t.Fatal(err)
		}
		s.Report(agent.Looked{Snapshot: snapshot})
		s.Report(agent.Ended{})
	}
	address, err := serve.Parse("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := address.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PODFACTS_SERVE", l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if err := (&serve.Server{Handler: s}).Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	var log text
	var level slog.LevelVar
	running.Go(func() {
		if err := follow(ctx, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: &level})), &level); err != nil {
			t.Error(err)
		}
	})
	for _, step := range []struct{ level, want string }{
		{"warn", `level=WARN msg="log level" pod=web-0 level=WARN`},
		{"debug", `level=DEBUG msg="log level" pod=web-0 level=DEBUG`},
		{"loud", `level=WARN msg="this is no log level"`},
	} {
		annotate(step.level)
		for deadline := time.Now().Add(time.Minute); !log.has(step.want); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the log is\n%s", step.level, log.String())
			}
		}
	}
}
