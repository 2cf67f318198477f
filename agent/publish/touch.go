package publish

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Touch sets the modification time of the file to now. A file that is not there
// is created empty, with the wanted mode and owner; one that is keeps them.
// Links are followed as Publish follows them.
func (f File) Touch(ctx context.Context) error {
	if err := f.validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return f.fail(err, "not touched")
	}
	at, err := find(f.Path, f.MakeDirs)
	if err != nil {
		return err
	}
	defer at.close()
	if !at.exists {
		err := f.create(at)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// As touch(1) does: who waits for a file that was written hears of it, too.
	file, err := openRegular(at.dir, at.name, os.O_WRONLY)
	if err != nil {
		return f.fail(err, "open the file to touch")
	}
	defer file.Close()
	now := time.Now()
	if err := at.dir.Chtimes(at.name, now, now); err != nil {
		return f.fail(err, "set its time")
	}
	return nil
}

func (f File) create(at *location) error {
	file, err := at.dir.OpenFile(at.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return f.fail(err, "create it")
	}
	defer file.Close()
	if err := f.dress(file); err != nil {
		return f.fail(err, "set mode and owner")
	}
	return nil
}

// Read returns the content of the file. It follows links as Publish does, waits
// for no pipe, and refuses a file of more than limit bytes.
func (f File) Read(limit int64) ([]byte, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	at, err := find(f.Path, false)
	if err != nil {
		return nil, err
	}
	defer at.close()
	file, err := openRegular(at.dir, at.name, os.O_RDONLY)
	if err != nil {
		return nil, f.fail(err, "open it")
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, f.fail(err, "read it")
	}
	if int64(len(data)) > limit {
		return nil, f.fail(errTooLarge, "")
	}
	return data, nil
}

var errTooLarge = errors.New("larger than it can be")
