package publish

import (
	"context"
	"io/fs"
	"os"
)

// File says where one file goes and how it must look.
type File struct {
	// Path of the file. A relative one is relative to the working directory.
	Path string
	// Mode holds permission bits, independent of the umask. Zero means 0644.
	Mode fs.FileMode
	// UID and GID, where set, are the owner to give the file. Nil leaves what
	// the process creates, and accepts what is there.
	UID, GID *int
	// InPlace writes through the existing inode instead of replacing it, for a
	// file that is itself a mount point and cannot be renamed over. A reader
	// may then see a torn file. A file that does not exist yet is created
	// atomically all the same.
	InPlace bool
	// MakeDirs creates missing parent directories below the mount point. A
	// missing directory is an error otherwise: it mostly is a volume that
	// nobody mounted.
	MakeDirs bool
	// Check, where set, judges the staged file before it becomes visible. Its
	// error keeps the old file. It runs only when there is something to
	// publish. See [Command].
	Check func(ctx context.Context, staged string) error
}

// Publish makes the file hold data, with the wanted mode and owner, and reports
// whether it had to change anything. The steps are
//
//  1. compare with what is there; the same bytes and look end it here
//  2. write a temporary in the same directory, with mode and owner, and fsync it
//  3. run Check on it
//  4. rename it over the target and fsync the directory
//
// An error before the rename leaves the old file and no temporary. A changed
// result together with an error means that the new file is visible, and that
// the disk did not confirm it. Errors are of type [*Error].
//
// ctx ends the work only before the rename.
func (f File) Publish(ctx context.Context, data []byte) (changed bool, err error) {
	if err := f.validate(); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, f.fail(err, "not published")
	}
	at, err := find(f.Path, f.MakeDirs)
	if err != nil {
		return false, err
	}
	defer at.close()

	if at.exists && f.holds(at.dir, at.name, data) {
		return false, nil
	}
	if f.InPlace && at.exists {
		return f.overwrite(ctx, at, data)
	}
	if at.mounted {
		return false, f.fail(ErrMountPoint, "")
	}
	return f.replace(ctx, at, data)
}

func (f File) replace(ctx context.Context, at *location, data []byte) (changed bool, err error) {
	tmp, err := stage(at.dir, at.name, data, f)
	if err != nil {
		return false, f.fail(err, at.kept()+"cannot write to "+at.where)
	}
	defer tmp.discard()
	if err := f.check(ctx, at.join(tmp.name), at.kept()); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, f.fail(err, "not published")
	}
	if err := tmp.rename(at.name); err != nil {
		return false, f.fail(err, at.kept()+"cannot replace it")
	}
	if err := syncDir(at.dir); err != nil {
		return true, f.fail(err, "published, but fsync of "+at.where)
	}
	return true, nil
}

// Clean removes the temporaries that a killed process left beside the file.
// Those of a process that still runs stay. A directory that does not exist is
// clean.
func (f File) Clean() error {
	if err := f.validate(); err != nil {
		return err
	}
	at, err := find(f.Path, false)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer at.close()
	if err := sweep(at.dir, at.name); err != nil {
		return f.fail(err, "remove stale temporaries in "+at.where)
	}
	if f.InPlace {
		return f.cleanFallback(at.name)
	}
	return nil
}

func (f File) validate() error {
	if f.Path == "" {
		return f.fail(nil, "no path")
	}
	if os.IsPathSeparator(f.Path[len(f.Path)-1]) {
		return &Error{Path: f.Path, Reason: "names a directory", Err: ErrNotRegular, Hint: "add the name of the file"}
	}
	if f.Mode&^fs.ModePerm != 0 {
		return f.fail(nil, "mode "+f.Mode.String()+" holds more than permission bits")
	}
	return nil
}

func (f File) mode() fs.FileMode {
	if f.Mode == 0 {
		return 0o644
	}
	return f.Mode
}

// check runs Check on what is staged. kept begins its error.
func (f File) check(ctx context.Context, staged, kept string) error {
	if f.Check == nil {
		return nil
	}
	if err := f.Check(ctx, staged); err != nil {
		return &Error{Path: f.Path, Reason: kept + "the check failed", Err: err, kind: ErrCheck}
	}
	return nil
}

// fits reports whether a file looks as asked: its mode, and its owner where
// that matters.
func (f File) fits(fi fs.FileInfo) bool {
	return sameMode(fi.Mode(), f.mode()) && ownedBy(fi, f.UID, f.GID)
}

// dress gives an open file the wanted look. The mode goes first: once the file
// belongs to somebody else, only CAP_FOWNER may still change it.
func (f File) dress(file *os.File) error {
	if err := file.Chmod(f.mode()); err != nil {
		return err
	}
	if f.UID == nil && f.GID == nil {
		return nil
	}
	return file.Chown(idOr(f.UID, -1), idOr(f.GID, -1))
}

// holds reports whether the file called name is regular, looks as asked and
// holds data. One that cannot be read does not: replacing it needs no read
// permission.
func (f File) holds(dir *os.Root, name string, data []byte) bool {
	file, err := openRegular(dir, name, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer file.Close()
	fi, err := file.Stat()
	return err == nil && f.fits(fi) && fi.Size() == int64(len(data)) && equal(file, data)
}

func idOr(id *int, other int) int {
	if id == nil {
		return other
	}
	return *id
}
