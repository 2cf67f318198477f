//go:build unix

package process

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"
)

// A process that hangs in the kernel cannot be made at will. Run waits for one
// no longer than it says; here the end of a killed one is withheld.
func TestStuck(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := Program{What: "a test", Args: []string{"sleep"}, Grace: time.Second}.await(ctx, cmd, make(chan error))
		if !errors.Is(err, errStuck) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took != time.Minute+time.Second+killGrace {
			t.Errorf("waited %v", took)
		}
	})
	if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" && err.Error() != "signal: killed" {
		t.Errorf("the process was not killed: %v", err)
	}
}
