package process

import (
	"crypto/rand"
	"os"
	"os/exec"
	"testing"
)

// TestMarked looks at a process that becomes another program all the time. Amid
// execve(2) it shows no environment, which is not taken for one without the variable.
func TestMarked(t *testing.T) {
	t.Parallel()
	variable := marker + "=" + rand.Text()
	cmd := exec.Command("sh", "-c", `exec sh -c "$AGAIN"`)
	cmd.Env = append(os.Environ(), variable, `AGAIN=exec sh -c "$AGAIN"`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it cannot have ended
		_ = cmd.Wait()         // it was killed
	}()
	unsure, room := 0, make([]byte, 1<<10)
	for range 5000 {
		is, sure := isMarked(cmd.Process.Pid, variable, room)
		if sure && !is {
			t.Fatal("it is taken for another's")
		}
		if !sure {
			unsure++
		}
	}
	t.Logf("%d of 5000 looks came too early", unsure)
}
