package notify

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/podfacts/podfacts/agent/publish"
)

// Store keeps what hooks have been told, across a restart. It is given the path
// of a file in the directory of the hook's first output. Different paths may be
// used at the same time.
type Store interface {
	// Load returns what Save kept. fs.ErrNotExist: nothing yet.
	Load(path string) ([]byte, error)
	Save(path string, data []byte) error
}

// Disk keeps it in files that are replaced atomically, confined to the mount as
// outputs are, with mode 0600.
//
// They hold SHA-256 sums, from which a short secret could be guessed. A salt
// would not help against who can read the file, since it would have to be in
// it; hence the mode. Their names hold a sum of all that the hook does.
type Disk struct {
	// MakeDirs creates the directory, as publish.File does.
	MakeDirs bool
}

const maxLedger = 1 << 20

// Load reads the file, and removes what a killed process left beside it.
func (d Disk) Load(path string) ([]byte, error) {
	f := d.file(path)
	_ = f.Clean() // what stays behind is found the next time
	return f.Read(maxLedger)
}

// Save replaces the file.
func (d Disk) Save(path string, data []byte) error {
	// Not the context of a hook: what was told is written down even if the
	// process is asked to end just then.
	_, err := d.file(path).Publish(context.Background(), data)
	return err
}

// Sweep removes ledgers that are gone.
func (d Disk) Sweep(dir string, gone func(path string, data []byte) bool) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	errs := []error{err}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasPrefix(e.Name(), ledgerPrefix) || !e.Type().IsRegular() {
			continue
		}
		if data, err := d.file(path).Read(maxLedger); err == nil && gone(path, data) {
			errs = append(errs, root.Remove(e.Name()))
		}
	}
	return errors.Join(errs...)
}

func (d Disk) file(path string) publish.File {
	return publish.File{Path: path, Mode: 0o600, MakeDirs: d.MakeDirs}
}
