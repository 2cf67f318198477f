//go:build unix

package child

import (
	"cmp"
	"errors"
	"os"
	"strings"
	"syscall"
)

// defaultPath is searched where there is no PATH, as musl does.
const defaultPath = "/usr/local/bin:/bin:/usr/bin"

// search calls start with each file that the name of a command may mean, until
// one is started: those of PATH in the environment that the command gets, as
// execvp(3) and env(1) go through it.
func search(name string, environ []string, start func(file string) error) error {
	if name == "" {
		return &StartError{Name: `""`, Err: syscall.ENOENT}
	}
	if strings.Contains(name, "/") {
		err := start(name)
		if err != nil {
			err = &StartError{Name: name, Err: err, Found: there(name, err)}
		}
		return err
	}
	path := lookup(environ, "PATH", defaultPath)
	var denied, incomplete error
	for dir := range strings.SplitSeq(path, ":") {
		file := cmp.Or(dir, ".") + "/" + name
		err := start(file)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EACCES):
			denied = &StartError{Name: file, Err: err}
		case there(file, err):
			incomplete = &StartError{Name: file, Err: err, Found: true}
		case absent(err):
		default:
			return &StartError{Name: file, Err: err}
		}
	}
	switch {
	case denied != nil:
		return denied
	case incomplete != nil:
		return incomplete
	}
	return &StartError{Name: name, Err: syscall.ENOENT, Path: cmp.Or(path, `""`)}
}

// absent reports an error for which execvp(3) goes on with the next directory.
func absent(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.ESTALE, syscall.ENODEV, syscall.ETIMEDOUT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// there reports whether the system misses not the file but what it needs.
func there(file string, err error) bool {
	_, missing := os.Stat(file)
	return errors.Is(err, syscall.ENOENT) && missing == nil
}

// lookup gives the value of a variable, or what stands for one that is not set.
func lookup(environ []string, name, unset string) string {
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return unset
}
