// Package follow runs the real podfacts binary over a volume that the kubelet's
// AtomicWriter swaps, as fast as it can, while readers look at what comes out.
package follow

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
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/test/kubelet/volume"
)

const (
	swaps = 2000
	lines = 400 // of annotations, so that a version takes more than one read
)

// TestEveryVersionIsWhole swaps a volume thousands of times under `podfacts run`. No
// reader ever sees two versions in one file, or in one group of files, or an older
// version after a newer one, or no file; and the last version arrives.
func TestEveryVersionIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := newVolume(t, filepath.Join(dir, "volume"))
	write(t, v, 0)
	out := filepath.Join(dir, "out")
	p := start(t, dir, config(v.Dir, out))
	views := []view{
		file(filepath.Join(out, "pod.env")),
		file(filepath.Join(out, "pod.conf")),
		group(filepath.Join(out, "group"), "first.env", "second.conf"),
	}
	for _, view := range views {
		await(t, p, view, 0)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	seen := make([]int, len(views)) // versions that each reader saw
	for i, view := range views {
		readers.Go(func() { seen[i] = watch(ctx, t, view) })
	}
	random := rand.New(rand.NewPCG(1, 2))
	for version := 1; version <= swaps; version++ {
		write(t, v, version)
		switch random.IntN(40) {
		case 0: // let the window pass, so that changes after quiet happen too
			time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		case 1, 2, 3, 4, 5, 6:
			time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
		}
	}
	for _, view := range views {
		await(t, p, view, swaps)
	}
	stop()
	readers.Wait()
	for i, n := range seen {
		// Fewer would mean that the readers had nothing to catch.
		if n < 20 {
			t.Errorf("%s: only %d versions seen: the test lost its teeth", views[i].name, n)
		}
	}
	t.Logf("%d swaps, versions seen: %v", swaps, seen)
	p.end(t)
}

// contents is one version of a volume: each file says the version in many places.
func contents(version int) volume.Contents {
	var annotations, labels strings.Builder
	for i := range lines {
		fmt.Fprintf(&annotations, "example.com/a%03d=\"v%d\"\n", i, version)
	}
	fmt.Fprintf(&labels, "app=\"v%d\"\nversion=\"v%d\"", version, version)
	return volume.Text(map[string]string{
		"annotations": strings.TrimSuffix(annotations.String(), "\n"),
		"labels":      labels.String(),
	})
}

// config renders the version from both files of the volume, through both kinds of
// output, alone and in a group.
func config(volume, out string) string {
	return fmt.Sprintf(`volumes:
- path: %[1]q
outputs:
- path: %[2]s/pod.env
  format: kubernetes
  env: &env
  - {name: APP, from: "pod.labels['app']"}
  - {name: FIRST, from: "pod.annotations['example.com/a000']"}
  - {name: LAST, from: "pod.annotations['example.com/a%03[3]d']"}
  - {name: VERSION, from: "pod.labels['version']"}
- path: %[2]s/pod.conf
  text: &text |
    {{ index .pod.labels "app" }}
    {{ range .pod.annotations }}{{ . }}
    {{ end }}{{ index .pod.labels "version" }}
- {path: %[2]s/group/first.env, group: pair, makeDirs: true, format: kubernetes, env: *env}
- {path: %[2]s/group/second.conf, group: pair, text: *text}
timing: {window: 1ms}
`, volume, out, lines-1)
}

// view is one way to look at what podfacts writes.
type view struct {
	name string
	read func() ([]byte, error)
}

// file reads one file, which is there at any time.
func file(path string) view {
	return view{name: path, read: func() ([]byte, error) { return os.ReadFile(path) }}
}

// group reads the files of a group from one directory: opened once through ..data, it
// stays that version, until it is gone altogether.
func group(dir string, names ...string) view {
	read := func() (all []byte, err error) {
		version, err := os.OpenRoot(filepath.Join(dir, "..data"))
		if err != nil {
			return nil, err
		}
		defer version.Close()
		for _, name := range names {
			text, err := version.ReadFile(name)
			if err != nil {
				return nil, err
			}
			all = append(all, text...)
		}
		return all, nil
	}
	return view{name: dir, read: func() (all []byte, err error) {
		for range 1000 {
			if all, err = read(); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		return all, err
	}}
}

// version finds the one version that a rendered file is made of.
func version(text []byte) (int, error) {
	fields := bytes.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\'' || r == '=' })
	found := -1
	for _, field := range fields {
		digits, ok := bytes.CutPrefix(field, []byte("v"))
		if !ok {
			continue // a name
		}
		n, err := strconv.Atoi(string(digits))
		if err != nil {
			return 0, err
		}
		if found >= 0 && n != found {
			return 0, fmt.Errorf("two versions, %d and %d, in one file of %d bytes", found, n, len(text))
		}
		found = n
	}
	if found < 0 {
		return 0, fmt.Errorf("no version in %q", text)
	}
	return found, nil
}

// watch looks until ctx ends and returns how many versions it saw.
func watch(ctx context.Context, t *testing.T, view view) int {
	seen, last := 0, -1
	for ctx.Err() == nil {
		text, err := view.read()
		if err != nil {
			t.Error(err) // once there, a file stays
			return seen
		}
		n, err := version(text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", view.name, err)
			return seen
		case n < last:
			t.Errorf("%s: version %d after %d", view.name, n, last)
			return seen
		case n > last:
			last = n
			seen++
		}
	}
	return seen
}

// await waits until a view shows a version.
func await(t *testing.T, p *process, view view, want int) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, err := view.read()
		if errors.Is(err, fs.ErrNotExist) {
			got = "nothing"
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := version(text)
		if err != nil {
			t.Fatalf("%s: %v", view.name, err)
		}
		if n == want {
			return
		}
		got = fmt.Sprintf("version %d", n)
	}
	p.end(t)
	t.Fatalf("%s: %s, want version %d; podfacts said\n%s", view.name, got, want, p.log.String())
}

func newVolume(t *testing.T, dir string) *volume.Volume {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := volume.NewVolume(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func write(t *testing.T, v *volume.Volume, version int) {
	t.Helper()
	if err := v.Write(contents(version)); err != nil {
		t.Fatal(err)
	}
}

// process is a running podfacts.
type process struct {
	cmd *exec.Cmd
	log bytes.Buffer // complete once ended
	one sync.Once
}

// start builds podfacts and runs it with a configuration, in dir.
func start(t *testing.T, dir, config string) *process {
	t.Helper()
	binary := filepath.Join(dir, "podfacts")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/podfacts")
	build.Dir = "../../.." // the product's module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	path := filepath.Join(dir, "podfacts.yaml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(binary, "run", "--config", path)}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	return p
}

// end asks podfacts to stop, which it does without error.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.one.Do(func() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("podfacts ended early: %v", err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("podfacts: %v\n%s", err, p.log.String())
		}
	})
}
