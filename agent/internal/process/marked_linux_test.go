package process

import (
	"crypto/rand"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// TestMarked looks at a process that becomes another program all the time. Amid
// execve(2) it shows no environment, which is not taken for one without the variable.
func TestMarked(t *testing.T) {
	t.Parallel()
	cmd, variable := restless(t)
	const looks = 5000
	unsure, room := 0, make([]byte, 1<<10)
	for range looks {
		is, sure := isMarked(cmd.Process.Pid, variable, room)
		if sure && !is {
			t.Fatal("it is taken for another's")
		}
		if !sure {
			unsure++
		}
	}
	t.Logf("%d of %d looks came too early", unsure, looks)
	if unsure == looks {
		t.Error("no look is sure")
	}
}

// TestKillMarked kills such a process, which one look may not know.
func TestKillMarked(t *testing.T) {
	t.Parallel()
	for range 50 {
		cmd, variable := restless(t)
		killMarked(variable, 0)
		late := time.AfterFunc(time.Minute, func() {
			t.Error("it lives")
			_ = cmd.Process.Kill() // it may die at last
		})
		_ = cmd.Wait() // it was killed
		late.Stop()
	}
}

// TestMarkedAtOnce finds one beside another that has no environment: what is found is to
// be killed before it forks, not when that other is clear.
func TestMarkedAtOnce(t *testing.T) {
	t.Parallel()
	bare := exec.Command("env", "-i", "sleep", "1000")
	start(t, bare)
	for {
		if is, sure := isMarked(bare.Process.Pid, "none", make([]byte, 1<<10)); !is && !sure {
			break
		}
		time.Sleep(time.Millisecond)
	}
	variable := marker + "=" + rand.Text()
	cmd := exec.Command("sleep", "1000")
	cmd.Env = append(os.Environ(), variable)
	start(t, cmd)
	for {
		pids, unsure := marked(variable, 0)
		if !unsure {
			t.Fatal("it is sure of one without environment")
		}
		if slices.Equal(pids, []int{cmd.Process.Pid}) {
			return
		}
		time.Sleep(time.Millisecond) // it is just beginning
	}
}

// restless is a process that becomes another program all the time.
func restless(t *testing.T) (cmd *exec.Cmd, variable string) {
	t.Helper()
	variable = marker + "=" + rand.Text()
	cmd = exec.Command("sh", "-c", `exec sh -c "$AGAIN"`)
	cmd.Env = append(os.Environ(), variable, `AGAIN=exec sh -c "$AGAIN"`)
	start(t, cmd)
	return cmd, variable
}

// start starts a process that does not end by itself.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been killed
		_ = cmd.Wait()         // it was
	})
}
