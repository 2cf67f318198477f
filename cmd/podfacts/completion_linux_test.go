package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestCompletion sits at the terminal of each shell that is here, with the script of
// `podfacts completion` loaded as its help says, and presses tab. Bash and zsh must be here
// where TEST_SHELLS asks for them.
func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("settings.yaml", "outputs: []\n")
	write("settings.txt", "")
	if err := errors.Join(os.Symlink(self, filepath.Join(dir, "podfacts")), os.Mkdir(filepath.Join(dir, "volume"), 0o700)); err != nil {
		t.Fatal(err)
	}
	const bashCompletion = "/usr/share/bash-completion/bash_completion"
	bashrc := write("bashrc", ". "+bashCompletion+"\n. <(podfacts completion bash)\nPS1='READY> '\n")
	write(".zshrc", "autoload -U compinit; compinit -u -D\nsource <(podfacts completion zsh)\nPS1='READY> '\n")
	for name, shell := range map[string]struct {
		args []string
		also string // a file that it takes besides
	}{
		"bash": {[]string{"--noprofile", "--rcfile", bashrc, "-i"}, bashCompletion},
		"zsh":  {[]string{"-d", "-i"}, ""}, // no global files
		"fish": {[]string{"--no-config", "--init-command", "podfacts completion fish | source; function fish_prompt; echo -n 'READY> '; end", "-i"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := exec.LookPath(name)
			if err == nil && shell.also != "" {
				_, err = os.Stat(shell.also)
			}
			if err != nil {
				if slices.Contains(strings.Fields(os.Getenv("TEST_SHELLS")), name) {
					t.Fatalf("TEST_SHELLS asks for %s: %v", name, err)
				}
				t.Skipf("%s is not here", name)
			}
			s := newTerminal(t, dir, name, shell.args...)
			for line, want := range map[string]string{
				"podfacts view node.z":           "podfacts view node.zone",
				"podfacts view limits.m":         "podfacts view limits.memory",
				"podfacts init --preset p":       "podfacts init --preset pod",
				"podfacts init --preset pod,nod": "podfacts init --preset pod,node",
				"podfacts render --format syst":  "podfacts render --format systemd",
				"podfacts view -o j":             "podfacts view -o json",
				"podfacts run --api req":         "podfacts run --api required",
				"podfacts run --log-format j":    "podfacts run --log-format json",
				"podfacts rbac --for i":          "podfacts rbac --for init",
				"podfacts rbac --for e":          "podfacts rbac --for exec",
				"podfacts check --conf":          "podfacts check --config",
				"podfacts check -c set":          "podfacts check -c settings.yaml",
				"podfacts run --volume vol":      "podfacts run --volume volume",
				"podfacts help pre":              "podfacts help presets",
			} {
				if name == "fish" { // where cobra's script offers files of every kind
					want = strings.Replace(want, "settings.yaml", "settings.", 1)
				}
				if got := s.complete(t, line); got != want {
					t.Errorf("%s<TAB> is %q, want %q", line, got, want)
				}
			}
		})
	}
}

// terminal is one with a shell at its other end.
type terminal struct {
	*os.File
	screen []byte
}

func newTerminal(t *testing.T, dir, shell string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlock uint32
	size := struct{ row, col, x, y uint16 }{row: 50, col: 200}
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for request, arg := range map[uintptr]unsafe.Pointer{
		syscall.TIOCSPTLCK: unsafe.Pointer(&unlock), syscall.TIOCGPTN: unsafe.Pointer(&number), syscall.TIOCSWINSZ: unsafe.Pointer(&size),
	} {
		var errno syscall.Errno
		err := raw.Control(func(fd uintptr) { _, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)) })
		if err != nil || errno != 0 {
			t.Fatal(err, errno)
		}
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "ZDOTDIR=" + dir, "TERM=xterm", "LC_ALL=C.UTF-8"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = slave.Close() // the shell has it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it waits for more to be typed
		_ = cmd.Wait()
	})
	s := &terminal{File: master}
	s.read(t, regexp.MustCompile(`READY> `))
	return s
}

// complete types a line and presses tab, and has the shell print what it has become.
func (s *terminal) complete(t *testing.T, line string) string {
	t.Helper()
	const home = "\x01"
	s.screen = nil
	if _, err := s.WriteString(line + "\t" + home + `echo RES""ULT ` + "\n"); err != nil {
		t.Fatal(err)
	}
	result := s.read(t, regexp.MustCompile(`RESULT ([^\r\n]*)[\r\n]`))
	s.read(t, regexp.MustCompile(`RESULT [^\r\n]*[\r\n](?s:.*)READY> `))
	return strings.TrimRight(result, " /") // zsh takes back the slash that it has added
}

// read waits until the screen shows what matches, and returns the last group of it.
func (s *terminal) read(t *testing.T, what *regexp.Regexp) string {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	for {
		if m := what.FindSubmatch(s.screen); m != nil {
			return string(m[len(m)-1])
		}
		var b [4096]byte
		n, err := s.Read(b[:])
		s.screen = append(s.screen, b[:n]...)
		if err != nil {
			t.Fatalf("the screen shows no %s, but %q: %v", what, s.screen, err)
		}
	}
}
