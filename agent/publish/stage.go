package publish

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	// suffix marks a temporary. It keeps it out of "include conf.d/*.conf".
	suffix = ".podfacts"
	// randomLen characters of base32 are 65 bits.
	randomLen = 13
	// maxBase keeps the temporary's name within the 255 bytes a name may have.
	maxBase = 200
)

// temporary is a staged file. It is open, and so locked, until it is renamed or
// discarded.
type temporary struct {
	dir  *os.Root
	name string // "" once it is renamed
	file *os.File
}

// stage writes data to a temporary beside base and gives it the look of f.
func stage(dir *os.Root, base string, data []byte, f File) (*temporary, error) {
	tmp, err := createTemporary(dir, base)
	if err != nil {
		return nil, err
	}
	if err := fill(tmp.file, data, f); err != nil {
		tmp.discard()
		return nil, err
	}
	return tmp, nil
}

// createTemporary makes an empty file and locks it. A Clean in another process
// may come between the two and remove it; then the next one is tried.
func createTemporary(dir *os.Root, base string) (*temporary, error) {
	for range 100 {
		name := temporaryName(base)
		file, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tmp := &temporary{dir: dir, name: name, file: file}
		if locked, err := tryLock(file); err != nil {
			tmp.discard()
			return nil, err
		} else if locked && isNamed(dir, name, file) {
			return tmp, nil
		}
		_ = file.Close() // nothing was written
	}
	return nil, errors.New("another process keeps removing the temporary files")
}

// isNamed reports whether the open file is still the one at name.
func isNamed(dir *os.Root, name string, file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := dir.Lstat(name)
	return err == nil && os.SameFile(opened, named)
}

func (t *temporary) rename(target string) error {
	if err := t.dir.Rename(t.name, target); err != nil {
		return err
	}
	t.name = ""
	return nil
}

// discard closes the temporary, and removes it if it was not renamed.
func (t *temporary) discard() {
	if t.name != "" {
		// While it is still locked: nobody else removes it meanwhile.
		_ = t.dir.Remove(t.name)
	}
	_ = t.file.Close() // fill has synced what counts
}

// fill writes a new file, down to the disk.
func fill(file *os.File, data []byte, f File) error {
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := f.dress(file); err != nil {
		return err
	}
	return tolerate(file.Sync())
}

// sweep removes the temporaries of base that no living process holds.
func sweep(dir *os.Root, base string) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if isTemporary(name, base) {
			errs = append(errs, removeStale(dir, name))
		}
	}
	return errors.Join(errs...)
}

func removeStale(dir *os.Root, name string) error {
	file, err := openRegular(dir, name, os.O_RDONLY)
	if isMissing(err) || errors.Is(err, ErrNotRegular) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if locked, err := tryLock(file); err != nil || !locked {
		return err
	}
	if err := dir.Remove(name); !isMissing(err) {
		return err
	}
	return nil
}

// temporaryName is ".<base>.<random>.podfacts".
func temporaryName(base string) string {
	return temporaryPrefix(base) + strings.ToLower(rand.Text()[:randomLen]) + suffix
}

func temporaryPrefix(base string) string {
	return "." + base[:min(len(base), maxBase)] + "."
}

// isTemporary tells base's temporaries from those of its neighbours: "a" has
// no claim on ".a.b.<random>.podfacts", since the random part holds no dot.
func isTemporary(name, base string) bool {
	random, ok := strings.CutPrefix(name, temporaryPrefix(base))
	if !ok {
		return false
	}
	random, ok = strings.CutSuffix(random, suffix)
	return ok && len(random) == randomLen && !strings.Contains(random, ".")
}

// openRegular opens a regular file, and neither follows a link nor waits for
// the other end of a pipe.
func openRegular(dir *os.Root, name string, flag int) (*os.File, error) {
	named, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	file, err := dir.OpenFile(name, flag|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := file.Stat(); err != nil || !os.SameFile(named, opened) {
		_ = file.Close()
		return nil, errors.Join(ErrNotRegular, err) // it was swapped under our hands
	}
	return file, nil
}

func list(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// equal reports whether r holds exactly data.
func equal(r io.Reader, data []byte) bool {
	buf := make([]byte, min(len(data)+1, 32<<10))
	for {
		n, err := r.Read(buf)
		if n > len(data) || !bytes.Equal(buf[:n], data[:n]) {
			return false
		}
		data = data[n:]
		if err != nil {
			return err == io.EOF && len(data) == 0
		}
	}
}

// syncDir makes a rename last.
func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return tolerate(d.Sync())
}

// tolerate forgives file systems that have no fsync, for files or directories.
func tolerate(err error) error {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
