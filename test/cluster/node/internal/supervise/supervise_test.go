//go:build linux

package supervise

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSupervise starts, stops and loses programs through the pipes.
func TestSupervise(t *testing.T) {
	t.Parallel()
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	served := make(chan error)
	go func() { served <- Serve(toServer, fromServer) }()
	c := NewClient(toClient, fromClient)
	log := filepath.Join(t.TempDir(), "log")
	sh := func(name, script string) error {
		return c.Start(Program{Name: name, Args: []string{"sh", "-c", script}, Env: []string{"SAY=hello", "PATH=" + os.Getenv("PATH")}, Log: log})
	}

	if err := sh("short", "echo $SAY"); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, c, "short")
	if text, err := os.ReadFile(log); err != nil || string(text) != "hello\n" {
		t.Errorf("it said %q, %v", text, err)
	}
	if err := sh("short", "exit 1"); err != nil {
		t.Errorf("a second one, after the first ended: %v", err)
	}
	if err := sh("deaf", "trap '' TERM; while :; do sleep 1; done"); err != nil {
		t.Fatal(err)
	}
	if err := sh("deaf", ":"); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second one beside the first: %v", err)
	}
	if err := c.Stop("deaf", 10*time.Millisecond); err != nil {
		t.Errorf("ending one that does not listen: %v", err)
	}
	if running, err := c.Running("deaf"); running || err != nil {
		t.Errorf("running, after it was stopped: %t, %v", running, err)
	}
	if err := c.Stop("nobody", 0); err != nil {
		t.Errorf("ending what does not run: %v", err)
	}
	if err := c.Start(Program{Name: "none", Args: []string{"/nowhere"}, Log: log}); err == nil {
		t.Error("started what is not there")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	_ = fromServer.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func awaitEnd(t *testing.T, c *Client, name string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		running, err := c.Running(name)
		if err != nil {
			t.Fatal(err)
		}
		if !running {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not end", name)
		}
	}
}
