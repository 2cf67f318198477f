package publish_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/test/sandbox"
)

// Links that somebody with access to the volume may plant. None leads a write
// out of it, and none makes us touch anything in it.
func TestPlantedLinks(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	tests := []struct {
		name  string
		links [][2]string // what, where
		path  string
		group bool
	}{
		{"target, absolute", [][2]string{{"OUT/victim", "x"}}, "x", false},
		{"target, absolute, inside", [][2]string{{"IN/real/file", "x"}}, "x", false},
		{"target, relative", [][2]string{{"../out/victim", "x"}}, "x", false},
		{"target, relative, by a detour", [][2]string{{"real/../../out/victim", "x"}}, "x", false},
		{"target, new file outside", [][2]string{{"../out/new", "x"}}, "x", false},
		{"target, chain", [][2]string{{"y", "x"}, {"real/z", "y"}, {"../../out/victim", "real/z"}}, "x", false},
		{"target, through a linked directory", [][2]string{{"d/victim", "x"}, {"../out", "d"}}, "x", false},
		{"target, loop", [][2]string{{"y", "x"}, {"x", "y"}}, "x", false},
		{"target, system file", [][2]string{{"/etc/hostname", "x"}}, "x", false},
		{"target, process", [][2]string{{"/proc/self/rootOUT/victim", "x"}}, "x", false},
		{"directory, absolute", [][2]string{{"OUT", "d"}}, "d/victim", false},
		{"directory, relative", [][2]string{{"../out", "d"}}, "d/victim", false},
		{"directory, deep", [][2]string{{"../../out", "real/d"}}, "real/d/victim", false},
		{"directory, chain", [][2]string{{"e", "d"}, {"../out", "e"}}, "d/victim", false},
		{"directory, loop", [][2]string{{"e", "d"}, {"d", "e"}}, "d/victim", false},
		{"directory to make", [][2]string{{"../out", "d"}}, "d/sub/new", false},
		{"group's directory", [][2]string{{"../out", "d"}}, "d/victim", true},
		{"group's ..data", [][2]string{{"../out", "..data"}}, "x", true},
		{"group's ..data, absolute", [][2]string{{"OUT", "..data"}}, "x", true},
		{"group's set", [][2]string{{"..2026_01_02_03_04_05.6", "..data"}, {"../out", "..2026_01_02_03_04_05.6"}}, "x", true},
		{"group's name", [][2]string{{"../out/victim", "x"}}, "x", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, out := volumes(t)
			write(t, mkdir(t, filepath.Join(in, "real"))+"/file", "untouched", 0o644)
			for _, link := range test.links {
				target := strings.NewReplacer("OUT", out, "IN", in).Replace(link[0])
				symlink(t, target, filepath.Join(in, link[1]))
			}
			before := tree(t, in) + tree(t, out)
			f := publish.File{Path: filepath.Join(in, test.path), MakeDirs: true}
			calls := []func() (bool, error){
				func() (bool, error) { return f.Publish(t.Context(), []byte("new")) },
				func() (bool, error) { f.InPlace = true; return f.Publish(t.Context(), []byte("new")) },
			}
			if test.group {
				calls = calls[:1]
				calls[0] = func() (bool, error) {
					return publish.Group{Files: []publish.File{f}}.Publish(t.Context(), contents("new"))
				}
			}
			for _, call := range calls {
				changed, err := call()
				if changed {
					t.Error("changed")
				}
				wantError(t, err, publish.ErrLink, f.Path)
			}
			// Neither does cleaning lead out. What it says is another matter:
			// a link that leads nowhere has nothing to clean.
			_ = publish.File{Path: f.Path}.Clean()
			_ = publish.Group{Files: []publish.File{{Path: f.Path}}}.Clean()
			if after := tree(t, in) + tree(t, out); after != before {
				t.Errorf("the volumes held\n%s\nand hold\n%s", before, after)
			}
		})
	}
}

// Somebody swaps the directory, or the file, for a link while we publish.
func TestSwapRace(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	in, out := volumes(t)
	dir := filepath.Join(in, "d")
	mkdir(t, dir)
	before := tree(t, out)
	var stop atomic.Bool
	var wg sync.WaitGroup
	swap := func(pinned *os.Root, name, target string) {
		defer pinned.Close()
		for !stop.Load() {
			_ = pinned.Rename(name, name+".aside")
			_ = pinned.Symlink(target, name)
			_ = pinned.Remove(name)
			_ = pinned.Rename(name+".aside", name)
		}
	}
	pin := func(dir string) *os.Root { // so that the swapper does not follow its own links
		pinned, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		return pinned
	}
	outer, inner := pin(in), pin(dir)
	wg.Go(func() { swap(outer, "d", "../out") })
	wg.Go(func() { swap(inner, "victim", "../../out/victim") })
	published, refused := 0, 0
	f := publish.File{Path: filepath.Join(dir, "victim")}
	g := group(dir, "a", "victim2")
	rounds := 5000
	if slow {
		rounds = 1000
	}
	for n := range rounds {
		f.InPlace = n%2 == 0
		_, err := f.Publish(t.Context(), payload(n))
		if err == nil {
			published++
		} else {
			refused++
		}
		if n%10 == 0 {
			_, _ = g.Publish(t.Context(), [][]byte{payload(n), payload(n)})
			_ = f.Clean()
			_ = g.Clean()
		}
	}
	stop.Store(true)
	wg.Wait()
	if after := tree(t, out); after != before {
		t.Errorf("outside was\n%s\nand is\n%s", before, after)
	}
	if published == 0 || refused == 0 {
		t.Errorf("%d published, %d refused: there was no race", published, refused)
	}
	t.Logf("%d published, %d refused", published, refused)
}

// A volume mounted in another: the inner one confines, and the way to it
// cannot be turned aside.
func TestNestedVolumes(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	in, _ := volumes(t)
	inner := sandbox.Tmpfs(t, filepath.Join(in, "inner"), "")
	write(t, filepath.Join(in, "victim"), "untouched", 0o644)
	symlink(t, "../victim", filepath.Join(inner, "x"))
	f := publish.File{Path: filepath.Join(inner, "x")}
	_, err := f.Publish(t.Context(), []byte("new"))
	wantError(t, err, publish.ErrLink, "leads out of the volume "+inner)
	wantFile(t, filepath.Join(in, "victim"), "untouched")

	symlink(t, "inner", filepath.Join(in, "link")) // from the outer into the inner one
	f.Path = filepath.Join(in, "link/y")
	if changed, err := f.Publish(t.Context(), []byte("new")); !changed || err != nil {
		t.Errorf("Publish: %v, %v", changed, err)
	}
	wantFile(t, filepath.Join(inner, "y"), "new")
}

// The kernel's own words for a mount point with an odd name are understood.
func TestOddMountPoint(t *testing.T) {
	if !sandbox.Enter(t) {
		return
	}
	base := t.TempDir()
	out := sandbox.Tmpfs(t, filepath.Join(base, "out"), "")
	for _, name := range []string{"a b", "tab\there", "line\nbreak", `back\slash`, `\040`, "hash#", "ünïcode", "//deleted", `end\`} {
		in := sandbox.Tmpfs(t, filepath.Join(base, name), "")
		symlink(t, out, filepath.Join(in, "d"))
		_, err := publish.File{Path: filepath.Join(in, "d/new")}.Publish(t.Context(), nil)
		wantError(t, err, publish.ErrLink, "leads out of the volume "+in)
		file := filepath.Join(base, "file "+filepath.Base(name))
		write(t, file, "", 0o644)
		write(t, filepath.Join(out, "source"), "", 0o644)
		sandbox.Bind(t, filepath.Join(out, "source"), file)
		_, err = publish.File{Path: file}.Publish(t.Context(), []byte("new"))
		wantError(t, err, publish.ErrMountPoint)
	}
}
