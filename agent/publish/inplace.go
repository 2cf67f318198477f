package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// overwrite writes through the existing inode.
func (f File) overwrite(ctx context.Context, at *location, data []byte) (changed bool, err error) {
	file, err := openRegular(at.dir, at.name, os.O_RDWR)
	if err != nil {
		return false, f.fail(err, "open the file to write in place")
	}
	defer file.Close()
	if err := lock(ctx, file); err != nil {
		return false, f.fail(err, "lock the file to write in place")
	}
	fi, err := file.Stat()
	if err != nil {
		return false, f.fail(err, "look at it")
	}
	old, err := io.ReadAll(file)
	if err != nil {
		return false, f.fail(err, "read the old content")
	}
	if err := f.checkAside(ctx, at, data); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, f.fail(err, "not published")
	}
	if !f.fits(fi) {
		if err := f.dress(file); err != nil {
			return false, f.fail(err, "set mode and owner")
		}
		changed = true
	}
	if bytes.Equal(old, data) {
		return changed, nil
	}
	if err := rewrite(file, old, data); err != nil {
		return changed, f.fail(err, "write in place")
	}
	if err := tolerate(file.Sync()); err != nil {
		return true, f.fail(err, "published, but fsync of the file")
	}
	return true, nil
}

// rewrite turns old into data. What is longer than the old content is written
// first: a full disk shows there, before any old byte is lost.
func rewrite(file *os.File, old, data []byte) error {
	common := min(len(old), len(data))
	_, err := file.WriteAt(data[common:], int64(common))
	if err == nil {
		_, err = file.WriteAt(data[:common], 0)
	}
	if err == nil {
		err = file.Truncate(int64(len(data)))
	}
	if err == nil {
		return nil
	}
	_, undo := file.WriteAt(old, 0)
	if cut := file.Truncate(int64(len(old))); undo == nil {
		undo = cut
	}
	if undo != nil {
		return fmt.Errorf("the file is damaged, the old content could not be restored (%w): %w", undo, shorten(err))
	}
	return fmt.Errorf("the old content is restored: %w", shorten(err))
}

// checkAside runs the check on a copy, since in place there is nothing staged.
// The directory of a single mounted file may be read-only; the system's
// temporary directory serves then.
func (f File) checkAside(ctx context.Context, at *location, data []byte) error {
	if f.Check == nil {
		return nil
	}
	dir, where := at.dir, at.where
	tmp, err := stage(dir, at.name, data, f)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		where = os.TempDir()
		if dir, err = os.OpenRoot(where); err == nil {
			defer dir.Close()
			tmp, err = stage(dir, at.name, data, f)
		}
	}
	if err != nil {
		return f.fail(err, "write a copy to check in "+where)
	}
	defer tmp.discard()
	return f.check(ctx, where+"/"+tmp.name, "the old file is kept, ")
}

// cleanFallback sweeps where checkAside may have put its copy.
func (f File) cleanFallback(name string) error {
	dir, err := os.OpenRoot(os.TempDir())
	if isMissing(err) {
		return nil
	}
	if err == nil {
		defer dir.Close()
		err = sweep(dir, name)
	}
	if err != nil {
		return f.fail(err, "remove stale copies in "+os.TempDir())
	}
	return nil
}
