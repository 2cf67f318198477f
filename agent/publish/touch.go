package publish

import (
	"context"
	"errors"
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
