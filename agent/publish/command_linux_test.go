package publish_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/test/sandbox"
)

// TestCommandLeavesNoZombie runs checks that leave children behind, in a
// process that inherits them, as the first process of a container does.
func TestCommandLeavesNoZombie(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
	for _, status := range []string{"0", "1"} {
		c := publish.Command{Args: []string{"sh", "-c", "sleep 1000 >/dev/null 2>&1 & sleep 1000 >/dev/null 2>&1 & exit " + status}}
		if err := c.Check(t.Context(), "x"); (err != nil) != (status != "0") {
			t.Error(err)
		}
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}
