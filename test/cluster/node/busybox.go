package node

import (
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/cmd/release/image"
)

// Busybox is an image of this machine's busybox, which must be a static one: a shell and
// the tools that go with it.
func Busybox(name string) (image.Image, error) {
	executable, err := exec.LookPath("busybox")
	if err == nil {
		err = static(executable)
	}
	if err != nil {
		return image.Image{}, Missing{fmt.Sprintf("a static busybox: %v: apt-get install busybox-static", err)}
	}
	list, err := exec.Command(executable, "--list").Output()
	if err != nil {
		return image.Image{}, fmt.Errorf("what busybox has: %w", err)
	}
	files := map[string]image.File{
		"bin/busybox": {Source: executable},
		"etc/passwd":  {Text: "root:x:0:0:root:/:/bin/sh\n"},
		"tmp":         {},
	}
	for applet := range strings.FieldsSeq(string(list)) {
		if applet != "busybox" {
			files["bin/"+applet] = image.File{Link: "busybox"}
		}
	}
	return image.Image{Names: []string{name}, Command: []string{"sh"}, Env: []string{"PATH=/bin"}, Files: files}, nil
}

// static reports whether an executable needs no other file.
func static(executable string) error {
	f, err := elf.Open(executable)
	if err != nil {
		return err
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return errors.New(executable + " is dynamically linked")
	}
	return nil
}
