package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Signal sends a signal to a process that shares podfacts' process namespace:
// one of the same container, or of the pod if its spec says
// shareProcessNamespace: true.
//
//	Signal{Signal: syscall.SIGHUP, Process: "nginx"}
//
// A process is found by name, by pid file, or by both: then the pid file tells
// which and the name guards against one that is stale, whose number belongs to
// somebody else by now. podfacts itself and its parents are never signalled.
type Signal struct {
	Signal syscall.Signal
	// Process is the name of an executable, or its absolute path. It is
	// compared with the file that the process runs, where the kernel lets us
	// see that, with the name that it was started by, and with the short name
	// that ps shows.
	//
	// Of a process and its descendants of the same name, such as the master
	// and the workers of nginx, the topmost alone is meant. Several that are not
	// related are an error, unless All is set.
	Process string
	// All means all processes of the name that are not related.
	All bool
	// PIDFile holds the number of the process in its first line.
	PIDFile string
}

func (s Signal) String() string {
	to := s.Process
	switch {
	case s.Process != "" && s.PIDFile != "":
		to += " (" + s.PIDFile + ")"
	case s.PIDFile != "":
		to = s.PIDFile
	}
	return shorten("signal " + signalName(s.Signal) + " to " + to)
}

// Validate reports what is missing.
func (s Signal) Validate() error {
	switch {
	case s.Signal <= 0 || s.Signal > maxSignal:
		return fmt.Errorf("signal %d is out of range; it must be from 1 to %d", int(s.Signal), maxSignal)
	case s.Process == "" && s.PIDFile == "":
		return errors.New("signal names neither a process nor a pid file")
	case s.All && s.PIDFile != "":
		return errors.New("signal: all is for processes by name; a pid file names one")
	}
	return nil
}

const shareHint = "set shareProcessNamespace: true in the pod's spec, so that containers see each other's processes"

// Do sends it.
func (s Signal) Do(_ context.Context, _ Event) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.PIDFile == "" {
		return s.signalName()
	}
	pid, err := readPIDFile(s.PIDFile)
	if err != nil {
		return err
	}
	return s.signalPID(pid)
}

// ParseSignal takes "HUP", "SIGHUP", "hup" and "1" for the same signal.
func ParseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > maxSignal {
			return 0, fmt.Errorf("signal %d is out of range; it must be from 1 to %d", n, maxSignal)
		}
		return syscall.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	for _, s := range signals {
		if s.name == name {
			return s.number, nil
		}
	}
	var known []string
	for _, s := range signals {
		known = append(known, s.name)
	}
	return 0, fmt.Errorf("unknown signal %q; known are %s, and numbers", text, strings.Join(known, ", "))
}

func signalName(s syscall.Signal) string {
	i := slices.IndexFunc(signals, func(known namedSignal) bool { return known.number == s })
	if i < 0 {
		return strconv.Itoa(int(s))
	}
	return signals[i].name
}

type namedSignal struct {
	name   string
	number syscall.Signal
}

// readPIDFile reads the number in the first line.
func readPIDFile(path string) (int, error) {
	head, err := readFile(path, maxPIDFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("pid file: %w; it is there once the application has started, and podfacts needs its volume, too", err)
	}
	if err != nil {
		return 0, fmt.Errorf("pid file: %w", err)
	}
	line, _, _ := strings.Cut(string(head), "\n")
	pid, err := strconv.ParseInt(strings.TrimSpace(line), 10, 32)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("pid file %s begins with %q, which is no process number", path, line)
	}
	return int(pid), nil
}

const maxPIDFile = 64

// readFile reads the head of a file that others may write, who cannot make it
// wait: it takes no pipe for a file.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if fi, err := file.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%s is not a regular file", path))
	}
	return io.ReadAll(io.LimitReader(file, limit))
}
