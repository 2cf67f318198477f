package child

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// pty returns both ends of a new terminal.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlock uint32
	ioctl(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	ioctl(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	// It shows nothing by itself: the kernel signals before it shows "^C", and the one who
	// is signalled may write before that.
	var settings syscall.Termios
	ioctl(t, slave, syscall.TCGETS, unsafe.Pointer(&settings))
	settings.Lflag &^= syscall.ECHO
	ioctl(t, slave, syscall.TCSETS, unsafe.Pointer(&settings))
	return master, slave
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		t.Fatal(errno)
	}
}

// TestTerminal: the command has the terminal as if it were alone. It reads from
// it, and gets each of its signals once, before and after a restart; and whoever
// started podfacts has it again in the end, also where no command was started.
func TestTerminal(t *testing.T) {
	t.Parallel()
	master, slave := pty(t)
	change := filepath.Join(t.TempDir(), "change")
	parent := fmt.Sprintf("%s=parent %s restart %s sh -c 'read x; echo \"got $x\"; [ \"$x\" != end ] || exit 6; exec env %[1]s=signals %[2]s'", roleVariable, self(t), change)
	failing := fmt.Sprintf("%s=parent %s restart %s /dev/null 2>/dev/null", roleVariable, self(t), change)
	cmd := play(t, "", "-c", failing+"; read x; echo \"first $x\"; "+parent+"; echo \"code $?\"; read x; echo \"again $x\"")
	cmd.Path = "/bin/sh"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen := bufio.NewReader(master)
	expect := func(want string) {
		t.Helper()
		for want := range strings.SplitSeq(want, "\n") {
			line, err := screen.ReadString('\n')
			if got := strings.TrimSuffix(line, "\r\n"); got != want || err != nil {
				t.Fatalf("the screen shows %q (%v), want %q", got, err, want)
			}
		}
	}
	write := func(text string) {
		t.Helper()
		if _, err := master.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("line\n")
	expect("first line")
	for range 2 {
		write("line\n")
		expect("got line\nready")
		write("\x03")
		expect("interrupt")
		write("\x1c")
		expect("quit")
		size := struct{ row, col, x, y uint16 }{row: 30, col: 100}
		ioctl(t, master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
		expect("window changed")
		size.row++
		ioctl(t, master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
		expect("window changed")
		if err := os.WriteFile(change, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		expect("terminated")
	}
	write("end\n")
	expect("got end\ncode 6")
	write("line\n")
	expect("again line")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
