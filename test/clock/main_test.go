// Package clock steps the clock under a running podfacts.
//
// The clock of a machine cannot be stepped for one process alone: no namespace
// of Linux has one. So podfacts is built with a time.Now that adds what a file
// says to the time of day. The monotonic clock and all timers stay as they are,
// which is what a step of the real one does. The standard library that is built
// in is Go's own but for that line.
//
// What must hold is that nothing happens: podfacts measures by the monotonic
// clock, and the time of day is only for people to read.
package clock

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// variable names the file that holds the step: seconds, as eight bytes.
const variable = "TEST_CLOCK_STEP"

// stepped is added to package time. It maps the file, since time.Now is also
// called where the runtime permits no system call.
const stepped = `package time

import (
	"syscall"
	"unsafe"
)

var stepped = mapStep()

func mapStep() *int64 {
	name, ok := syscall.Getenv("` + variable + `")
	if !ok {
		return new(int64)
	}
	fd, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		panic(name + ": " + err.Error())
	}
	page, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}
`

// TestMain puts the podfacts that is tested into $PATH.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "podfacts-clock-")
	if err == nil {
		if err = build(dir); err == nil {
			err = os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build makes podfacts with another time.Now.
func build(dir string) error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		return err
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(text), now) != 1 {
		return fmt.Errorf("time.Now of this Go begins otherwise than with\n%s", now)
	}
	replace := map[string]string{}
	for name, content := range map[string]string{
		"time.go":    strings.Replace(string(text), now, now+"\tsec += *stepped\n", 1),
		"stepped.go": stepped,
	} {
		replace[filepath.Join(source, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", dir, "./cmd/podfacts")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build podfacts: %w\n%s", err, out)
	}
	return nil
}
