package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/sandbox"
)

// faultsConfig has an output on a file system of its own, which can break, and
// one that nothing happens to. Only what concerns them leads to a round: the
// resync, which hides much, does not.
const faultsConfig = `
timing: {window: 10ms, retry: 100ms, resync: 1h}
outputs:
- {path: out/a, text: "{{ .pod.labels.n }} {{ repeat 8000 \"x\" }}"}
- {path: well, text: "{{ .pod.labels.n }}"}
notify:
- {on: [out/a], exec: {command: [sh, -c, 'cut -c 1-2 out/a >>told-a']}}
- {on: [well], exec: {command: [sh, -c, 'cat well >>told-well']}}
`

func large(n string) string { return n + " " + strings.Repeat("x", 8000) }

// TestFileSystemFaults breaks the file system of an output while a label
// changes, and mends it. Meanwhile the old file stays whole and nothing is
// littered, run goes on with everything else, says that it is not ready, and
// why, once, and does not ask to be restarted; init fails and says why. When the file
// system is well again, the file is written and its hook is told, although
// nothing changes any more.
func TestFileSystemFaults(t *testing.T) {
	t.Parallel()
	if !sandbox.Enter(t) {
		return
	}
	tests := []struct {
		name        string
		options     string // of the file system
		break_, end func(t *testing.T, dir string)
		says        string
	}{
		{"no space", "size=64k", fill, unfill, "no space left on device; free space in the volume or raise its sizeLimit"},
		{"no inodes", "nr_inodes=8", fillInodes, unfill, "no space left on device"},
		{"read-only", "", func(t *testing.T, dir string) { sandbox.Remount(t, dir, syscall.MS_RDONLY) },
			func(t *testing.T, dir string) { sandbox.Remount(t, dir, 0) }, "read-only file system; mount a writable volume there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSidecar(t, faultsConfig)
			out := sandbox.Tmpfs(t, s.path("out"), test.options)
			s.start()
			s.holds("told-a", "1 \n")
			s.says(2, "hook succeeded") // and nothing is written any more
			before := names(t, out)

			test.break_(t, out)
			broken := names(t, out)
			s.label(2)
			s.holds("told-well", "12")
			s.eventually("it tries again", func() bool {
				return s.metric(`podfacts_publishes_total{output="out/a",result="failure"}`) >= 4
			})
			if s.read("out/a") != large("1") {
				t.Errorf("out/a is not what it was, but %.20q", s.read("out/a"))
			}
			if left := names(t, out); !slices.Equal(left, broken) {
				t.Errorf("out holds %q, and held %q", left, broken)
			}
			s.answers("readyz", 503, "output out/a failed: not current", test.says)
			s.answers("livez", 200)
			s.answers("startupz", 200)
			s.logged(1, "output not renewed; the last good file stays")
			s.initFails(test.says)

			test.end(t, out)
			mended := time.Now()
			s.holds("out/a", large("2"))
			t.Logf("written %v after the end of the fault", time.Since(mended).Round(time.Millisecond))
			s.holds("told-a", "1 \n2 \n")
			s.eventually("it is ready", func() bool { status, _ := s.get("readyz"); return status == 200 })
			s.says(4, "hook succeeded")
			if after := names(t, out); !slices.Equal(after, before) {
				t.Errorf("out holds %q, and held %q", after, before)
			}
			s.logged(2, "msg=published output=out/a")
			s.logged(1, "msg=published output=out/a changed=[pod.labels['n']]")
			s.stop()
		})
	}
}

// initFails runs an init container, which does not wait for what no fact mends.
func (s *sidecar) initFails(says string) {
	s.t.Helper()
	cmd := s.command("init", "--timeout=1h")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(stderr.String(), says) {
		s.t.Errorf("init: %v, want exit code %d and %q\n%s", err, exitFailed, says, &stderr)
	}
}

// TestDirectoryDeleted removes the directory of an output with all that is in it.
// The file comes back within seconds of the directory's return, however long it
// was away, and so does what its hook was told: a restart does not tell it again.
func TestDirectoryDeleted(t *testing.T) {
	t.Parallel()
	s := newSidecar(t, faultsConfig)
	s.start()
	s.holds("told-a", "1 \n")
	s.says(2, "hook succeeded") // and nothing is written any more
	before := names(t, s.path("out"))

	remove := func() {
		t.Helper()
		if err := os.RemoveAll(s.path("out")); err != nil {
			t.Fatal(err)
		}
	}
	restore := func(n string) {
		t.Helper()
		if err := os.Mkdir(s.path("out"), 0o755); err != nil {
			t.Fatal(err)
		}
		returned := time.Now()
		s.holds("out/a", large(n))
		t.Logf("written %v after the directory's return", time.Since(returned).Round(time.Millisecond))
	}
	remove()
	s.eventually("it is not ready", func() bool { status, _ := s.get("readyz"); return status == 503 })
	s.answers("readyz", 503, "directory "+s.path("out")+" does not exist; mount an emptyDir there")
	s.answers("livez", 200)
	s.label(2)
	s.holds("told-well", "12")
	s.initFails("does not exist; mount an emptyDir there")
	restore("2")
	s.holds("told-a", "1 \n2 \n")
	s.eventually("it is ready", func() bool { status, _ := s.get("readyz"); return status == 200 })
	s.says(4, "hook succeeded")
	remove()
	restore("2") // though nobody noticed that it was away
	s.says(1, "output restored; others had removed or changed it")
	s.eventually("what was told is written down again", func() bool { return slices.Equal(names(t, s.path("out")), before) })
	s.kill()
	s.start()
	s.label(3)
	s.holds("told-a", "1 \n2 \n3 \n")
	s.stop()
}

// names lists a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// fill takes all the space that is left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(dir + "/fill")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
}

// fillInodes takes all the files that are left.
func fillInodes(t *testing.T, dir string) {
	t.Helper()
	var err error
	for n := 0; err == nil; n++ {
		err = os.WriteFile(dir+"/fill"+strings.Repeat("l", n), nil, 0o600)
	}
}

func unfill(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", "rm "+dir+"/fill*").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
