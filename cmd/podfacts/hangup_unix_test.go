//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangupWhileStarting sends SIGHUP to a sidecar that is still reading its
// configuration. That does not end it; the configuration is read again.
func TestHangupWhileStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, out := filepath.Join(dir, "podfacts.yaml"), filepath.Join(dir, "out")
	if err := syscall.Mkfifo(config, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "podfacts", "run", "-c", config)
	cmd.Stderr = &log
	cmd.WaitDelay = time.Minute
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"first", "second"} {
		file, err := os.OpenFile(config, os.O_WRONLY, 0) // waits until it is being read
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Error(err)
			}
			time.Sleep(50 * time.Millisecond) // or it may come later, and prove less
		}
		fmt.Fprintf(file, "outputs: [{path: %s, text: %s}]\n", out, text)
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if got, _ := os.ReadFile(out); string(got) == text {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("it never writes %s", text)
			}
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || strings.Count(log.String(), "reading the configuration again") != 1 {
		t.Errorf("it ended with %v:\n%s", err, &log)
	}
}
