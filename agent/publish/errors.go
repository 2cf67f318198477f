package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// What an [*Error] may match with errors.Is, beside the system's own errors
// such as fs.ErrNotExist, fs.ErrPermission and syscall.ENOSPC.
var (
	// ErrLink says that a symbolic link leads out of the volume, or stands
	// where a group keeps its own.
	ErrLink = errors.New("symbolic link refused")
	// ErrNotRegular says that something other than a file is in the way.
	ErrNotRegular = errors.New("not a regular file")
	// ErrMountPoint says that the target is itself mounted and cannot be
	// renamed over.
	ErrMountPoint = errors.New("is a mount point (subPath?)")
	// ErrCheck says that the check turned the new file down.
	ErrCheck = errors.New("check failed")
	// ErrLocked says that another process kept the lock for too long.
	ErrLocked = errors.New("locked by another process")
)

// Error is what every publication that failed returns: which file, what was
// tried, why it failed and what to do next.
type Error struct {
	Path   string // of the target
	Reason string // what was being done, or what is wrong
	Hint   string // the next step; may be empty
	Err    error  // the cause; may be nil

	kind error // what else errors.Is may match
}

func (e *Error) Error() string {
	parts := []string{"publish " + e.Path}
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause and what else the error matches.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Err, e.kind} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// fail wraps a cause that arose while doing something and adds the next step.
// A cause that is an *Error already says it all.
func fail(path string, cause error, doing string) error {
	if e, ok := errors.AsType[*Error](cause); ok {
		return e
	}
	if errors.Is(cause, syscall.EBUSY) { // from a rename over a mount point
		return &Error{Path: path, Reason: doing, Hint: hint(ErrMountPoint), Err: ErrMountPoint, kind: cause}
	}
	return &Error{Path: path, Reason: doing, Hint: hint(cause), Err: shorten(cause)}
}

func (f File) fail(cause error, doing string) error { return fail(f.Path, cause, doing) }

func hint(cause error) string {
	switch {
	case cause == nil:
		return ""
	case errors.Is(cause, ErrMountPoint):
		return "mount its directory instead, or set inPlace: true"
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT):
		return "free space in the volume or raise its sizeLimit"
	case errors.Is(cause, syscall.EROFS):
		return "mount a writable volume there, such as an emptyDir, without readOnly: true"
	case errors.Is(cause, fs.ErrPermission) && isChown(cause):
		return "to give a file away takes the capability CHOWN; add it, or leave the owner out"
	case errors.Is(cause, fs.ErrPermission):
		return fmt.Sprintf("the process runs as uid %d, gid %d; set fsGroup in the pod's securityContext, or change who owns the target", os.Getuid(), os.Getgid())
	case errors.Is(cause, ErrNotRegular):
		return "remove it, or choose another path"
	case errors.Is(cause, ErrLocked):
		return "only one group may publish into a directory; look for a second podfacts with the same output"
	}
	return ""
}

// shorten drops the system call and the temporary's name from a cause, which
// tell a user nothing.
func shorten(cause error) error {
	switch e := cause.(type) { //nolint:errorlint // errors.As would drop what wraps it
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return cause
}

func isChown(cause error) bool {
	e, ok := errors.AsType[*fs.PathError](cause)
	return ok && e.Op == "chown"
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
