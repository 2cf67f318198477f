package downward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

const (
	dataLink = "..data" // what the kubelet swaps

	maxFileSize = 4 << 20 // annotations end at 256 KiB, other objects at 1.5 MiB
	maxFiles    = 4096
	maxDepth    = 16
	maxAttempts = 10
)

// entry is one file of a volume, or what stands where one should.
type entry struct {
	path    string
	data    []byte
	written time.Time
	dir     bool
	err     error
}

// rootFS is a directory that no link leads out of.
type rootFS struct {
	*os.Root
}

// Open does not wait for a writer where somebody planted a FIFO.
func (r rootFS) Open(name string) (fs.File, error) {
	return r.OpenFile(name, os.O_RDONLY|nonblock, 0)
}

// ReadLink makes rootFS an [fs.ReadLinkFS].
func (r rootFS) ReadLink(name string) (string, error) { return r.Readlink(name) }

// readVolume reads the files that are wanted, all from the same version of
// the volume.
//
// The kubelet's AtomicWriter keeps each version in a directory of its own,
// renames the link ..data over to the new one, and then deletes the old.
// Hence:
//
//  1. Read the link, once.
//  2. Read below the directory it names, never through the link.
//  3. If the link names another directory by now, files may have been missing
//     from the listing or gone when opened: start over.
//
// A directory without the link is read as it is. That is so below a subPath
// mount and in a copy of a volume.
func readVolume(ctx context.Context, fsys fs.FS, wanted func(string) bool) ([]entry, error) {
	for range maxAttempts {
		version, err := currentVersion(fsys)
		if err != nil {
			return nil, err
		}
		w := walker{ctx: ctx, fsys: fsys, wanted: wanted, versioned: version != ""}
		if w.versioned {
			if w.fsys, err = fs.Sub(fsys, version); err != nil {
				return nil, err
			}
		}
		err = w.walk(".", 0)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if w.versioned {
			if now, nowErr := currentVersion(fsys); nowErr != nil || now != version {
				continue
			}
		}
		if w.versioned && errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s leads to %s, which does not exist", dataLink, version)
		}
		return w.entries, err
	}
	return nil, fmt.Errorf("changed during each of %d attempts to read it", maxAttempts)
}

// currentVersion reads the ..data link. It is empty where there is none.
func currentVersion(fsys fs.FS) (string, error) {
	version, err := fs.ReadLink(fsys, dataLink)
	if err != nil {
		// No link, something else of that name, or a system without links.
		return "", nil //nolint:nilerr // the directory is then read as it is
	}
	if !fs.ValidPath(version) || version == "." {
		return "", fmt.Errorf("%s leads to %q, out of the volume", dataLink, version)
	}
	return version, nil
}

type walker struct {
	ctx       context.Context
	fsys      fs.FS
	wanted    func(string) bool
	versioned bool
	entries   []entry
}

// walk reads a directory in the order of names. Its error ends the walk; what
// is wrong with one file is kept in the entry.
func (w *walker) walk(dir string, depth int) error {
	list, err := fs.ReadDir(w.fsys, dir)
	if err != nil {
		if dir == "." {
			return reason(err)
		}
		w.entries = append(w.entries, entry{path: dir, err: reason(err)})
	}
	for _, d := range list {
		name := path.Join(dir, d.Name())
		switch {
		case w.ctx.Err() != nil:
			return nil // the caller looks
		case dir == "." && strings.HasPrefix(name, ".."):
			continue // the kubelet's own
		case len(w.entries) == maxFiles:
			return fmt.Errorf("holds more than %d files; is this a downwardAPI volume?", maxFiles)
		case d.IsDir():
			w.entries = append(w.entries, entry{path: name, dir: true})
			if depth < maxDepth {
				if err := w.walk(name, depth+1); err != nil {
					return err
				}
			}
		case w.wanted(name):
			data, written, err := readFile(w.fsys, name)
			if errors.Is(err, fs.ErrNotExist) && d.Type().IsRegular() {
				continue // deleted since it was listed
			}
			w.entries = append(w.entries, entry{path: name, data: data, written: written, err: err})
		}
	}
	return nil
}

func readFile(fsys fs.FS, name string) (data []byte, written time.Time, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, written, reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, written, reason(err)
	case info.IsDir():
		return nil, written, errors.New("is a directory, not a file")
	case !info.Mode().IsRegular():
		return nil, written, errors.New("is not a regular file")
	case info.Size() > maxFileSize:
		return nil, written, errTooLarge
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, maxFileSize+1)); err != nil {
		return nil, written, reason(err)
	}
	if b.Len() > maxFileSize {
		return nil, written, errTooLarge
	}
	return b.Bytes(), info.ModTime(), nil
}

var errTooLarge = fmt.Errorf("is larger than %d MiB", maxFileSize>>20)

// reason cuts the operation and the path off an error: the caller names the
// file.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
