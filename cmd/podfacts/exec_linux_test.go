package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// withoutNamespaces is for a machine that permits none. CI does not set it.
const withoutNamespaces = "PODFACTS_TEST_WITHOUT_NAMESPACES"

// TestExecAsFirstProcess: as the first process of a container, podfacts reaps
// a thousand orphans while its own checks and hooks come and go, of which each
// has its status; and when it ends, everything does.
func TestExecAsFirstProcess(t *testing.T) {
	t.Parallel()
	const orphans = 1000
	dir := ramDir(t)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"volume", "out"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The check says no to each odd number, so that both answers are seen to
	// come through. The orphans are half in the command's group, half not.
	write("podfacts.yaml", fmt.Sprintf(`
volumes: [{path: %[1]s/volume}]
timing: {window: 1ms, retry: 1ms}
outputs:
- path: %[1]s/out/checked
  text: "{{ .pod.labels.n }}"
  check: {command: [sh, -c, 'case $(cat "$1") in *[13579]) exit 3;; esac', sh, $PODFACTS_FILE]}
notify:
- exec: {command: [sh, -c, 'sleep 0.01 & cat %[1]s/out/checked > %[1]s/out/heard']}
`, dir))
	write("app.sh", fmt.Sprintf(`
cd %s/out
echo started > started
i=0
while [ $i -lt %d ]; do
	sh -c 'sleep 0.02 & setsid sleep 0.02 &'
	i=$((i+2))
done
echo done > orphaned
while [ ! -e stop ]; do sleep 0.01; done
exit 9
`, dir, orphans))
	publishLabels(t, filepath.Join(dir, "volume"), 0)

	args := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", append(args, "true")...).CombinedOutput(); err != nil {
		if os.Getenv(withoutNamespaces) != "" {
			t.Skip("no process namespace, and " + withoutNamespaces + " is set")
		}
		t.Fatalf("cannot make a process namespace (%v, %s): run as root or permit user namespaces; only where neither can be had, set %s=1", err, out, withoutNamespaces)
	}
	args = append(args, "podfacts", "exec", "--watch", "--on-change", "none", "-c", filepath.Join(dir, "podfacts.yaml"), "--", "sh", filepath.Join(dir, "app.sh"))
	cmd := exec.CommandContext(t.Context(), "unshare", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the command has started", func() bool { return exists(filepath.Join(dir, "out", "started")) })
	ctx, cancel := context.WithCancel(t.Context())
	var changes sync.WaitGroup
	last := 0
	changes.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
			last++
			publishLabels(t, filepath.Join(dir, "volume"), last)
		}
	})
	waitUntil(t, "all orphans were made", func() bool { return exists(filepath.Join(dir, "out", "orphaned")) })
	cancel()
	changes.Wait()
	last += last%2 + 2 // an even one
	publishLabels(t, filepath.Join(dir, "volume"), last)
	for _, name := range []string{"checked", "heard"} {
		waitUntil(t, name+" has the last state", func() bool {
			data, _ := os.ReadFile(filepath.Join(dir, "out", name)) // it may not be there yet
			return string(data) == strconv.Itoa(last)
		})
	}
	first, err := strconv.Atoi(strings.Join(children(t, cmd.Process.Pid), " "))
	if err != nil {
		t.Fatal(err)
	}
	// Its only child is the command.
	waitUntil(t, "all orphans are gone", func() bool { return len(children(t, first)) == 1 })
	write("out/stop", "")
	_ = cmd.Wait() // says the same as its exit code
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("exit code %d", code)
	}

	refused := 0
	for line := range strings.SplitSeq(stderr.String(), "\n") {
		switch {
		case strings.Contains(line, "level=ERROR") && strings.Contains(line, "sh: exit status 3"):
			refused++
		case strings.Contains(line, "level=ERROR"), strings.Contains(line, "level=WARN"), strings.Contains(line, "no child processes"):
			t.Error(line)
		}
	}
	if refused == 0 {
		t.Error("no check has said no: this test proves nothing")
	}
	t.Logf("%d changes, %d refusals told of", last, refused)
}

// children lists the processes whose parent is pid, the dead that nobody has
// waited for included.
func children(t *testing.T, pid int) []string {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("process %d has no tasks", pid)
	}
	var all []string
	for _, task := range tasks {
		data, _ := os.ReadFile(task) // a thread may be gone by now
		all = append(all, strings.Fields(string(data))...)
	}
	return all
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
