package notify_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

// victim is a process that notes the signals it gets, run by a copy of the shell
// under a name of its own.
type victim struct {
	*exec.Cmd
	t    *testing.T
	dir  string
	path string
	name string
}

// shellScript notes USR1 in "<$NOTES>.<pid>" once that file is there. Given
// "workers", it has two of its own kind.
const shellScript = `
note() { echo USR1 >>"$NOTES.$1"; }
if test "$1" = workers; then
	for i in 1 2; do ( trap 'note w$i' USR1; : >"$NOTES.w$i"; while :; do sleep 0.01; done ) & done
fi
trap 'note '$$ USR1
: >"$NOTES.$$"
while :; do sleep 0.01; done`

func newName() string { return "v" + strings.ToLower(rand.Text()[:8]) }

func startVictim(t *testing.T, name string, args ...string) *victim {
	t.Helper()
	v := &victim{t: t, dir: t.TempDir(), name: name}
	v.path = filepath.Join(v.dir, name)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	copyProgram(t, shell, v.path)
	v.Cmd = exec.Command(v.path, append([]string{"-c", shellScript, "script"}, args...)...)
	v.begin()
	return v
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (v *victim) begin() {
	v.t.Helper()
	v.Env = append(os.Environ(), "NOTES="+filepath.Join(v.dir, "note"))
	v.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if err := v.Start(); err == nil {
			break
		} else if time.Now().After(deadline) { // text file busy: another test has forked meanwhile
			v.t.Fatal(err)
		}
		v.Cmd = &exec.Cmd{Path: v.Path, Args: v.Args, Env: v.Env, SysProcAttr: v.SysProcAttr}
	}
	v.t.Cleanup(func() {
		_ = syscall.Kill(-v.Process.Pid, syscall.SIGKILL)
		_ = v.Wait()
	})
	v.wait(strconv.Itoa(v.Process.Pid), "")
}

// wait waits until a process has noted what is wanted.
func (v *victim) wait(who, want string) {
	v.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		got, err := os.ReadFile(filepath.Join(v.dir, "note."+who))
		if err == nil && string(got) == want {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("%s noted %q, want %q", who, got, want)
		}
	}
}

func (v *victim) self() string { return strconv.Itoa(v.Process.Pid) }

func usr1(s notify.Signal) notify.Signal {
	s.Signal = syscall.SIGUSR1
	return s
}

func do(t *testing.T, a notify.Action) {
	t.Helper()
	if err := a.Do(t.Context(), notify.Event{}); err != nil {
		t.Error(err)
	}
}

func doFails(t *testing.T, a notify.Action, parts ...string) {
	t.Helper()
	wantError(t, a.Do(t.Context(), notify.Event{}), parts...)
}

func TestSignalByName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{newName(), newName() + "-long-name-indeed"} {
		v := startVictim(t, name)
		do(t, usr1(notify.Signal{Process: name}))
		v.wait(v.self(), "USR1\n")
		do(t, usr1(notify.Signal{Process: v.path}))
		v.wait(v.self(), "USR1\nUSR1\n")
		for _, other := range []string{name[:7], name + "x", "/bin/" + name, strings.ToUpper(name), name[:min(14, len(name)-1)]} {
			doFails(t, usr1(notify.Signal{Process: other}), "no process "+other+" is among the ", "shareProcessNamespace: true")
		}
		if err := os.Remove(v.path); err != nil { // as an update of a package does
			t.Fatal(err)
		}
		do(t, usr1(notify.Signal{Process: name}))
		v.wait(v.self(), "USR1\nUSR1\nUSR1\n")
	}
}

// A script goes by the name of its file, not only by that of its interpreter.
func TestSignalScript(t *testing.T) {
	t.Parallel()
	for _, name := range []string{newName(), newName() + "-long-name-indeed"} {
		v := &victim{t: t, dir: t.TempDir(), name: name}
		v.path = filepath.Join(v.dir, name)
		if err := os.WriteFile(v.path, []byte("#!/bin/sh\n"+shellScript), 0o755); err != nil {
			t.Fatal(err)
		}
		v.Cmd = exec.Command(v.path)
		v.begin()
		do(t, usr1(notify.Signal{Process: name}))
		v.wait(v.self(), "USR1\n")
		doFails(t, usr1(notify.Signal{Process: name[:len(name)-1] + "_"}), "no process")
	}
}

// Of a master and its workers only the master is meant.
func TestSignalMaster(t *testing.T) {
	t.Parallel()
	name := newName()
	v := startVictim(t, name, "workers")
	for _, worker := range []string{"w1", "w2"} {
		v.wait(worker, "")
	}
	notes := ""
	for _, s := range []notify.Signal{{Process: name}, {Process: name, All: true}} {
		do(t, usr1(s))
		notes += "USR1\n"
		v.wait(v.self(), notes)
	}
	for _, worker := range []string{"w1", "w2"} {
		v.wait(worker, "")
	}
}

// Two that are not related may belong to two containers of the pod.
func TestSignalSeveral(t *testing.T) {
	t.Parallel()
	name := newName()
	a, b := startVictim(t, name), startVictim(t, name)
	pids := []int{min(a.Process.Pid, b.Process.Pid), max(a.Process.Pid, b.Process.Pid)}
	doFails(t, usr1(notify.Signal{Process: name}), fmt.Sprintf("several processes are called %s and are not related: %d, %d", name, pids[0], pids[1]))
	do(t, usr1(notify.Signal{Process: a.path}))
	a.wait(a.self(), "USR1\n")
	b.wait(b.self(), "")
	do(t, usr1(notify.Signal{Process: name, All: true}))
	a.wait(a.self(), "USR1\nUSR1\n")
	b.wait(b.self(), "USR1\n")
}

// podfacts is not its own target, nor is what started it, whatever they are
// called. SIGUSR1 would end these. Other tests run this program too, hence a copy.
func TestSignalSpares(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), newName())
	if got, want := runCopy(t, path, "parent|"+path, nil), "no process "+path+" is among the "; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	pidFile := filepath.Join(t.TempDir(), "pid")
	for _, pid := range []int{os.Getpid(), os.Getppid(), 1} {
		if err := os.WriteFile(pidFile, fmt.Append(nil, pid), 0o600); err != nil {
			t.Fatal(err)
		}
		doFails(t, usr1(notify.Signal{PIDFile: pidFile}), fmt.Sprintf("process %d of pid file %s is podfacts itself or its parent", pid, pidFile), "shareProcessNamespace: true")
	}
}

func TestSignalByPIDFile(t *testing.T) {
	t.Parallel()
	name := newName()
	v := startVictim(t, name)
	pidFile := filepath.Join(v.dir, "pid")
	doFails(t, usr1(notify.Signal{PIDFile: pidFile}), "pid file: ", "no such file", "once the application has started")
	notes := ""
	for _, text := range []string{v.self(), v.self() + "\n", "  " + v.self() + " \n/var/lib/data\n1234\n"} {
		if err := os.WriteFile(pidFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		do(t, usr1(notify.Signal{PIDFile: pidFile}))
		notes += "USR1\n"
		v.wait(v.self(), notes)
	}
	do(t, usr1(notify.Signal{PIDFile: pidFile, Process: name}))
	v.wait(v.self(), notes+"USR1\n")
	doFails(t, usr1(notify.Signal{PIDFile: pidFile, Process: "nginx"}), "process "+v.self()+" of pid file "+pidFile+" is not nginx: the file is stale")

	if err := v.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	stale := []string{"process " + v.self() + " of pid file " + pidFile + " does not exist: the file is stale", "shareProcessNamespace: true"}
	for len(zombie(t, v.Process.Pid)) == 0 { // dead, and not waited for: still a number
		time.Sleep(time.Millisecond)
	}
	doFails(t, usr1(notify.Signal{PIDFile: pidFile}), stale...)
	_ = v.Wait()
	doFails(t, usr1(notify.Signal{PIDFile: pidFile}), stale...)
}

func zombie(t *testing.T, pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(string(stat), ") Z ")
	return state
}

func TestSignalBadPIDFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	for _, text := range []string{"", "\n1", "0", "-1", "1.5", "0x10", "99999999999", "nginx", strings.Repeat("1", 1000)} {
		if err := os.WriteFile(pidFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		doFails(t, usr1(notify.Signal{PIDFile: pidFile}), "which is no process number")
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, "/dev/zero"} {
		doFails(t, usr1(notify.Signal{PIDFile: path}), "is not a regular file")
	}
}

// Somebody else's process is out of reach, and the error says what to do.
func TestSignalNotPermitted(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // the first process is root's, and our parent
	}
	name := newName()
	v := startVictim(t, name)
	program := filepath.Join(t.TempDir(), "test") // where another user can see it
	for dir := filepath.Dir(program); dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := runCopy(t, program, "signal|"+name, &syscall.Credential{Uid: 65532, Gid: 65532})
	if want := "process " + v.self() + ": operation not permitted; run podfacts as the same user (runAsUser), or give it the capability KILL\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	v.wait(v.self(), "")
}

// runCopy runs a copy of this program, which is to fail, and gives what it says.
func runCopy(t *testing.T, path, job string, as *syscall.Credential) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyProgram(t, self, path)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		cmd := exec.Command(path)
		cmd.Env = append(os.Environ(), childVariable+"="+job)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.ETXTBSY) && time.Now().Before(deadline) {
			continue // another test has forked meanwhile
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
			t.Errorf("%s %s: %v", path, job, err)
		}
		return string(out)
	}
}
