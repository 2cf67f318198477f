//go:build unix

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
)

// child publishes until it is killed. Its job is "<kind>:<directory>".
func child(job string) error {
	kind, dir, _ := strings.Cut(job, ":")
	fmt.Println("ready")
	for n := 0; ; n++ {
		if err := publishVersion(kind, dir, n); err != nil {
			return err
		}
	}
}

func publishVersion(kind, dir string, n int) error {
	data := payload(n)
	if kind == "file" {
		_, err := publish.File{Path: filepath.Join(dir, "a")}.Publish(context.Background(), data)
		return err
	}
	names := []string{"a", "b"}
	if n%3 == 0 {
		names = append(names, "c") // a name that comes and goes
	}
	all := make([][]byte, len(names))
	for i := range all {
		all[i] = data
	}
	_, err := group(dir, names...).Publish(context.Background(), all)
	return err
}

// TestKill kills a publisher at random moments. Whatever it was doing, every
// file that can be seen is whole, and Clean removes the rest.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 150
	if slow || testing.Short() {
		kills = 25
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"file", "group", "adopt"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := memory(t)
			litter, n := 0, 0
			may := kind != "adopt" // miss files, until some publisher lived long enough
			for ; n < kills || litter == 0 && n < 20*kills; n++ {
				if kind == "adopt" { // each time anew, from plain files
					dir = mkdir(t, filepath.Join(dir, "next"))
					for _, name := range []string{"a", "b"} {
						write(t, filepath.Join(dir, name), string(payload(n)), 0o644)
					}
				}
				kill(t, self, kind, dir)
				may = !wantWhole(t, dir, kind, may) && may
				litter += clean(t, dir, kind)
				wantWhole(t, dir, kind, may)
				if t.Failed() {
					t.Fatalf("after kill %d", n)
				}
				if kind == "adopt" {
					if err := os.RemoveAll(dir); err != nil {
						t.Fatal(err)
					}
					dir = filepath.Dir(dir)
				}
			}
			if litter == 0 {
				t.Error("no kill left anything to clean: this test proves nothing")
			}
			t.Logf("%d kills, %d left litter", n, litter)
		})
	}
}

// kill runs a publisher for a random moment.
func kill(t *testing.T, self, kind, dir string) {
	t.Helper()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+kind+":"+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Errorf("the publisher did not start: %v", err)
	}
	moment := 8 * time.Millisecond
	if kind == "adopt" {
		moment = 2 * time.Millisecond // which is over soon
	}
	time.Sleep(rand.N(moment))
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Errorf("the publisher ended before it was killed: %v", err)
	}
}

// wantWhole reports whether all files are there.
func wantWhole(t *testing.T, dir, kind string, mayMiss bool) (all bool) {
	t.Helper()
	all = true
	seen := map[string]int{}
	for _, name := range []string{"a", "b", "c"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && (name == "c" || kind == "file" && name == "b" || mayMiss) {
			all = all && (name == "c" || kind == "file" && name == "b")
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if seen[name], err = version(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if kind == "group" && all && seen["a"] != seen["b"] {
		t.Errorf("versions %v in one set", seen)
	}
	return all
}

// clean cleans and says whether there was something to clean.
func clean(t *testing.T, dir, kind string) int {
	t.Helper()
	before := listing(t, dir)
	var err error
	if kind == "file" {
		err = publish.File{Path: filepath.Join(dir, "a")}.Clean()
	} else {
		err = group(dir, "a", "b", "c").Clean()
	}
	if err != nil {
		t.Error(err)
	}
	sets := 0
	after := listing(t, dir)
	for _, name := range after {
		fi, err := os.Lstat(filepath.Join(dir, name))
		switch {
		case name == "..2":
			sets++
		case name == "..data", name == "a" && kind == "file":
		case err == nil && fi.Mode()&fs.ModeSymlink != 0:
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("a dangling link: %v", err)
			}
		case kind == "adopt" && err == nil && fi.Mode().IsRegular() && len(name) == 1:
		default:
			t.Errorf("litter: %s in %q", name, after)
		}
	}
	if sets > 1 {
		t.Errorf("%d sets in %q", sets, after)
	}
	return min(1, len(before)-len(after))
}
