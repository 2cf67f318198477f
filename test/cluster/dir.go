package cluster

import (
	"bytes"
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
	"syscall"
	"time"
)

// newDir makes a directory for a cluster and takes the lock that marks it as in use.
// First it clears up those whose lock nobody has: their run was killed.
func newDir(ctx context.Context) (dir string, hold *os.File, err error) {
	parent := filepath.Join(os.TempDir(), fmt.Sprintf("podfacts-cluster-%d", os.Getuid()))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", nil, err
	}
	// Fails where somebody else made it, and it is to hold keys.
	if err := os.Chmod(parent, 0o700); err != nil {
		return "", nil, err
	}
	lock, err := lockFile(ctx, filepath.Join(parent, "lock"), nil)
	if err != nil {
		return "", nil, err
	}
	defer lock.Close()
	if err := clearUp(parent); err != nil {
		return "", nil, fmt.Errorf("clearing up after a killed run: %w", err)
	}
	if dir, err = os.MkdirTemp(parent, ""); err != nil {
		return "", nil, err
	}
	hold, err = tryLock(filepath.Join(dir, "lock"))
	return dir, hold, err
}

// removeDir removes what newDir made, while nobody looks for what a killed run left.
func removeDir(dir string, hold *os.File) error {
	lock, err := lockFile(context.Background(), filepath.Join(filepath.Dir(dir), "lock"), nil)
	if err != nil {
		return err
	}
	defer lock.Close()
	return errors.Join(os.RemoveAll(dir), hold.Close())
}

func clearUp(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		hold, err := tryLock(filepath.Join(dir, "lock"))
		if errors.Is(err, fs.ErrNotExist) || err == nil && hold == nil {
			continue // just removed, or in use
		}
		if err != nil {
			return err
		}
		err = errors.Join(stopLeftovers(dir), os.RemoveAll(dir), hold.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// stopLeftovers ends the servers whose ids stand in dir, where they still are those:
// an id may have gone to another process since.
func stopLeftovers(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.pid"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(string(text))
		if err != nil || pid <= 1 {
			continue // the run was killed before it had written the id
		}
		for deadline := time.Now().Add(10 * time.Second); strings.Contains(commandLine(pid), dir); {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending process %d of %s: %w", pid, dir, err)
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d of %s does not end", pid, dir)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// commandLine is empty when there is no such process, or only its exit status.
func commandLine(pid int) string {
	if runtime.GOOS == "linux" {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return ""
		}
		return string(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
	}
	text, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(text)
}
