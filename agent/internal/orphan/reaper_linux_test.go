package orphan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	firstVariable = "PODFACTS_TEST_FIRST_PROCESS"
	// withoutVariable is for a machine that permits no namespaces. CI does not
	// set it.
	withoutVariable = "TEST_WITHOUT_NAMESPACES"
)

// asFirst runs the calling test once more, as the first process of a process
// namespace. It reports whether this is that process.
func asFirst(t *testing.T) bool {
	t.Helper()
	if os.Getenv(firstVariable) == t.Name() {
		if os.Getpid() != 1 {
			t.Fatalf("process %d is not the first", os.Getpid())
		}
		for _, err := range []error{
			syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
			syscall.Mount("proc", "/proc", "proc", 0, ""),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), firstVariable+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		if os.Getenv(withoutVariable) != "" {
			t.Skip("no process namespace, and " + withoutVariable + " is set")
		}
		t.Fatalf("cannot make a process namespace (%v): run as root or permit user namespaces; "+
			"only where neither can be had, set %s=1", err, withoutVariable)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as the first process: %v\n%s", err, out)
	}
	return false
}

// orphans starts processes that end after a while, when their parent has
// ended. Half of them have a session of their own.
func orphans(t *testing.T, r *Reaper, n int, after string) {
	t.Helper()
	for i, starter := range []string{"", "setsid"} {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do %s sleep %s & i=$((i+1)); done", n/2, starter, after))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		wait, err := r.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if err := wait(); err != nil {
			t.Fatalf("starter %d: %v", i, err)
		}
	}
}

// zombies counts the dead that are still there.
func zombies(t *testing.T) (n int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatal("no /proc")
	}
	for _, name := range stats {
		stat, _ := os.ReadFile(name) // it may be gone by now
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, "Z") {
			n++
		}
	}
	return n
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestOrphans: a thousand zombies are there, and then they are not.
func TestOrphans(t *testing.T) {
	if !asFirst(t) {
		return
	}
	const n = 1000
	r := New()
	orphans(t, r, n, "1000")
	if err := syscall.Kill(-1, syscall.SIGKILL); err != nil { // all but the first process
		t.Fatal(err)
	}
	waitFor(t, "all orphans are dead", func() bool { return zombies(t) == n })

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	waitFor(t, "all orphans are gone", func() bool { return zombies(t) == 0 })
	cancel()
	wg.Wait()
}

// TestStatusesStay starts programs from many sides while orphans die by the
// hundreds, and holds every status against what it must be.
func TestStatusesStay(t *testing.T) {
	if !asFirst(t) {
		return
	}
	r := New()
	ctx, cancel := context.WithCancel(t.Context())
	var running, reaping sync.WaitGroup
	reaping.Go(func() { r.Run(ctx) })
	for worker := range 4 {
		running.Go(func() {
			for i := range 100 {
				code := (worker*100 + i) % 256
				cmd := exec.Command("sh", "-c", fmt.Sprintf("exit %d", code))
				// The others are what a library starts: nobody told the reaper.
				known := worker%2 == 0
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: known}
				starter := r
				if !known {
					starter = nil
				}
				wait, err := starter.Start(cmd)
				if err != nil {
					t.Error(err)
					return
				}
				err = wait()
				if exit, _ := errors.AsType[*exec.ExitError](err); code == 0 && err != nil || code != 0 && (exit == nil || exit.ExitCode() != code) {
					t.Errorf("exit %d gave %v", code, err)
				}
			}
		})
	}
	running.Go(func() {
		for range 10 {
			orphans(t, r, 100, "0.05")
			if _, err := r.Start(exec.Command("/nonexistent")); err == nil {
				t.Error("what does not exist was started")
			}
		}
	})
	running.Wait()
	waitFor(t, "all orphans are gone", func() bool {
		_, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		return errors.Is(err, syscall.ECHILD)
	})
	cancel()
	reaping.Wait()
	if len(r.waited) > 0 || r.starting != 0 {
		t.Errorf("still remembered: %v, %d being started", r.waited, r.starting)
	}
}

// TestPatience: an orphan in our own process group is taken for a program of
// a library, but not for ever.
func TestPatience(t *testing.T) {
	if !asFirst(t) {
		return
	}
	r := New()
	cmd := exec.Command("sh", "-c", "sleep 0.01 & sleep 0.01 &")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "both orphans are dead", func() bool { return zombies(t) == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	began := time.Now()
	wg.Go(func() { r.Run(ctx) })
	waitFor(t, "both orphans are gone", func() bool { return zombies(t) == 0 })
	if took := time.Since(began); took < 2*patience {
		t.Errorf("gone after %v: nobody would have had the time to wait for them", took)
	}
	cancel()
	wg.Wait()
}

func TestContext(t *testing.T) {
	t.Parallel()
	r := New()
	if From(t.Context()) != nil || From(With(t.Context(), r)) != r {
		t.Error("the context does not give its reaper back")
	}
	wait, err := From(t.Context()).Start(exec.Command("true"))
	if err != nil || wait() != nil {
		t.Error("without a reaper, nothing starts")
	}
}

// TestSubreaper: a process need not be the first to inherit orphans.
func TestSubreaper(t *testing.T) {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	for _, is := range []uintptr{1, 0} {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, is, 0); errno != 0 {
			t.Fatal(errno)
		}
		if inherits() != (is == 1) {
			t.Errorf("subreaper %d: inherits is %v", is, inherits())
		}
	}
}
