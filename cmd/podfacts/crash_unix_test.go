//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKillRun kills the sidecar at random moments while the volume keeps
// changing. Whatever it was doing, every file that can be seen is whole and
// the files of a group are of one version; and the next start leaves no litter.
func TestKillRun(t *testing.T) {
	t.Parallel()
	kills := 200
	if testing.Short() {
		kills = 30
	}
	dir := ramDir(t)
	out := filepath.Join(dir, "out")
	for _, sub := range []string{out, filepath.Join(out, "group")} {
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "podfacts.yaml")
	const text = `"{{ range until 200 }}{{ $.pod.labels.n }} {{ end }}end\n"`
	err := os.WriteFile(config, fmt.Appendf(nil, `
volumes: [{path: %[1]s/volume}]
timing: {window: 1ms}
outputs:
- {path: %[1]s/out/a, text: %[2]s}
- {path: %[1]s/out/group/a, group: g, text: %[2]s}
- {path: %[1]s/out/group/b, group: g, text: %[2]s}
`, dir, text), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer wg.Wait()
	defer cancel()
	publishLabels(t, filepath.Join(dir, "volume"), 0)
	wg.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			publishLabels(t, filepath.Join(dir, "volume"), n)
			time.Sleep(500 * time.Microsecond)
		}
	})

	littered, last, n, grouped := 0, -1, 0, false
	for ; n < kills || littered == 0 && n < 10*kills; n++ {
		killRun(t, config, filepath.Join(out, "a"))
		version := wholeFile(t, filepath.Join(out, "a"), last < 0)
		if version < last {
			t.Errorf("version %d follows %d", version, last)
		}
		last = version
		set, err := filepath.EvalSymlinks(filepath.Join(out, "group", "..data"))
		switch {
		case err == nil:
			grouped = true
			if a, b := wholeFile(t, filepath.Join(set, "a"), false), wholeFile(t, filepath.Join(set, "b"), false); a != b {
				t.Errorf("versions %d and %d in one set", a, b)
			}
		case grouped:
			t.Error(err)
		}
		if len(litter(t, out)) > 0 {
			littered++
			if err := exec.CommandContext(t.Context(), "podfacts", "init", "-c", config).Run(); err != nil {
				t.Error(err)
			}
			if left := litter(t, out); len(left) > 0 {
				t.Errorf("the next start left %q", left)
			}
		}
		if t.Failed() {
			t.Fatalf("after kill %d", n)
		}
	}
	if littered == 0 {
		t.Error("no kill left anything to clean: this test proves nothing")
	}
	t.Logf("%d kills, %d left litter, up to version %d", n, littered, last)
}

// killRun starts the sidecar and kills it at a random moment, mostly once it
// has published something.
func killRun(t *testing.T, config, output string) {
	t.Helper()
	before, _ := os.Stat(output)
	var stderr bytes.Buffer
	cmd := exec.Command("podfacts", "run", "-c", config)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); rand.IntN(50) > 0; time.Sleep(time.Millisecond) {
		if now, err := os.Stat(output); err == nil && (before == nil || !os.SameFile(before, now)) {
			break
		}
		if time.Now().After(deadline) {
			t.Error("nothing is published")
			break
		}
	}
	time.Sleep(rand.N(2 * time.Millisecond))
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Errorf("the sidecar ended before it was killed: %v\n%s", err, &stderr)
	}
}

// wholeFile returns the version that a file holds, or -1 where it may miss.
func wholeFile(t *testing.T, name string, mayMiss bool) int {
	t.Helper()
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && mayMiss {
		return -1
	}
	if err != nil {
		t.Error(err)
		return -1
	}
	first, _, _ := strings.Cut(string(data), " ")
	version, err := strconv.Atoi(first)
	if err != nil || string(data) != strings.Repeat(first+" ", 200)+"end\n" {
		t.Errorf("%s is torn: %d bytes, %.60q", name, len(data), data)
	}
	return version
}

// litter lists what no reader of the outputs should ever meet.
func litter(t *testing.T, out string) []string {
	t.Helper()
	current, _ := os.Readlink(filepath.Join(out, "group", "..data"))
	expected := map[string]bool{"a": true, "group": true, "group/a": true, "group/b": true, "group/..data": true, "group/" + current: true}
	var found []string
	for _, dir := range []string{"", "group"} {
		entries, err := os.ReadDir(filepath.Join(out, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := filepath.ToSlash(filepath.Join(dir, e.Name())); !expected[name] {
				found = append(found, name)
			}
		}
	}
	return found
}

// publishLabels swaps a volume as the kubelet does.
func publishLabels(t *testing.T, dir string, n int) {
	check := func(err error) {
		if err != nil && !t.Failed() {
			t.Error(err)
		}
	}
	version := fmt.Sprintf("..2026_01_02_03_04_05.%d", n)
	check(os.MkdirAll(filepath.Join(dir, version), 0o755))
	check(os.WriteFile(filepath.Join(dir, version, "labels"), fmt.Appendf(nil, `n="%d"`, n), 0o644))
	old, _ := os.Readlink(filepath.Join(dir, "..data"))
	check(os.Symlink(version, filepath.Join(dir, "..data_tmp")))
	check(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	if old == "" {
		check(os.Symlink("..data/labels", filepath.Join(dir, "labels")))
		return
	}
	check(os.RemoveAll(filepath.Join(dir, old)))
}

// ramDir returns a directory where fsync costs nothing, if the system has one.
func ramDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "podfacts-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
