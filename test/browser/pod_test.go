package browser

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain builds the program that all tests run.
func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir, "./cmd/podfacts")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// pod is a podfacts serve with a volume of its own.
type pod struct {
	t       *testing.T
	volume  string
	address string
	cmd     *exec.Cmd
}

// start makes one that serves.
func start(t *testing.T) *pod {
	t.Helper()
	// It gets its port back after a while in which it does not listen: Linux, as it comes,
	// gives none of these to those who ask for any.
	address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	p := &pod{t: t, volume: t.TempDir(), address: address}
	p.write("name", "web-0")
	p.write("namespace", "shop")
	p.write("annotations", fmt.Sprintf("note=%q\n", hostile))
	p.label("tier", "blue")
	p.run()
	t.Cleanup(p.stop)
	return p
}

// run starts the program, and waits until it listens.
func (p *pod) run() {
	p.t.Helper()
	p.cmd = exec.Command("podfacts", "serve", "--serve", p.address, "--volume", p.volume, "--api", "never")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), `msg="serving facts" address=`+p.address) {
			return
		}
	}
	p.t.Fatalf("it does not say that it listens:\n%s", strings.Join(said, "\n"))
}

func (p *pod) stop() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
	p.cmd = nil
}

// label gives the pod one label.
func (p *pod) label(key, value string) {
	p.t.Helper()
	p.write("labels", fmt.Sprintf("%s=%q\n", key, value))
}

// write replaces a file of the volume. What the kubelet does to a whole directory is
// tried elsewhere.
func (p *pod) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.volume, name)
	if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		p.t.Fatal(err)
	}
	time.Sleep(time.Millisecond) // two changes are two
}
