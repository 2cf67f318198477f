package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Roles that this test binary plays for itself when it is started with their name.
const (
	roleOwner = "helper-owner" // starts a cluster, prints its servers' ids, never ends
	roleSleep = "helper-sleep" // never ends
)

func helper(role string) bool {
	switch role {
	case roleOwner:
		c, err := New(context.Background(), Options{})
		if err != nil {
			fmt.Println(err)
			return true
		}
		fmt.Println(c.etcd.os.Pid, c.server.os.Pid, c.dir)
	case roleSleep:
		fmt.Println("ready")
	default:
		return false
	}
	time.Sleep(time.Hour)
	return true
}

// TestKilledOwner kills a test that has a cluster, as a timeout or the machine's memory
// would. Its servers end, at the latest when the next cluster starts, which removes
// their directory too.
func TestKilledOwner(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	owner, line := startHelper(t, temp, roleOwner)
	var etcd, server int
	var dir string
	if _, err := fmt.Sscan(line, &etcd, &server, &dir); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, pid := range []int{etcd, server} {
		if !strings.Contains(commandLine(pid), dir) {
			t.Errorf("process %d is not a server of %s: %s", pid, dir, commandLine(pid))
		}
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	if runtime.GOOS == "linux" { // where the kernel ends them
		eventually(t, func() error {
			if left := commandLine(etcd) + commandLine(server); strings.Contains(left, dir) {
				return fmt.Errorf("still running: %s", left)
			}
			return nil
		})
	}
	if err := clearUp(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{etcd, server} {
		if strings.Contains(commandLine(pid), dir) {
			t.Errorf("process %d still runs: %s", pid, commandLine(pid))
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// TestClearUp has what the kernel would not end by itself: a server whose parent is
// still there, but not its cluster.
func TestClearUp(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dirs := map[string]string{}
	for _, name := range []string{"killed", "used"} {
		dirs[name] = filepath.Join(parent, name)
		if err := os.Mkdir(dirs[name], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	hold, err := tryLock(filepath.Join(dirs["used"], "lock"))
	if err != nil || hold == nil {
		t.Fatal(hold, err)
	}
	defer hold.Close()
	ours, _ := startHelper(t, parent, roleSleep, dirs["killed"])
	used, _ := startHelper(t, parent, roleSleep, dirs["used"])
	other, _ := startHelper(t, parent, roleSleep, "elsewhere") // has got the id of a server that ended
	for file, cmd := range map[string]*exec.Cmd{"killed/etcd.pid": ours, "used/etcd.pid": used, "killed/kube-apiserver.pid": other} {
		if err := os.WriteFile(filepath.Join(parent, file), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dirs["killed"], "half.pid"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if err := clearUp(parent); err != nil {
		t.Fatal(err)
	}
	if line := commandLine(ours.Process.Pid); line != "" {
		t.Errorf("the leftover still runs: %s", line)
	}
	for name, cmd := range map[string]*exec.Cmd{"a server in use": used, "a process of somebody else": other} {
		if commandLine(cmd.Process.Pid) == "" {
			t.Errorf("%s was ended", name)
		}
	}
	if _, err := os.Stat(dirs["killed"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the leftover directory: %v", err)
	}
	if _, err := os.Stat(dirs["used"]); err != nil {
		t.Errorf("the directory in use: %v", err)
	}
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockFile(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lockFile(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("a second lock, given up when it waits: %v", err)
	}
	second, err := lockFile(t.Context(), path, func() { _ = first.Close() })
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

// startHelper starts this test binary in a role and returns the first line it prints.
func startHelper(t *testing.T, temp string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, line
}
