package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Group publishes several files of one directory as one: a reader that opens
// the directory ..data and takes the files from there sees one version of all
// of them. Each name in the directory is a link to ..data/<name>, so that a
// reader of one file need not know.
//
// A directory holds at most one group. Its other files are left alone.
type Group struct {
	// Files all lie in the same directory, at its top level; no name starts
	// with "..", and none is InPlace. MakeDirs of one counts for all.
	Files []File
}

// Publish makes the files hold data, which has the order of Files, and reports
// whether it had to change anything. It follows the kubelet's AtomicWriter
// (pkg/volume/util/atomic_writer.go):
//
//  1. validate names; see what ..data and the visible names are now
//  2. end here if every file is there, alone, with these bytes, mode and owner
//  3. write the files into a new directory ..<time>.<random>, down to the disk
//  4. run the checks on them
//  5. make the links name -> ..data/name that are missing
//  6. link ..data_tmp to the new directory and rename it over ..data
//  7. remove the links of files that are no longer in the group
//  8. remove the old directory
//
// Two steps differ from the kubelet's. It makes the links after the swap; here
// whatever may fail comes before it. And a plain file found under one of the
// names, from a time before the group, is kept whole: with 5, what the names
// show now is published as a set of its own, and links take the places of the
// plain files, before the new set is swapped in.
//
// Up to step 6 an error leaves the old set as it was, and none of the new. A
// changed result together with an error means that the new set is visible and
// that steps 7 and 8, or the fsync, failed.
func (g Group) Publish(ctx context.Context, data [][]byte) (changed bool, err error) {
	if err := g.validate(); err != nil {
		return false, err
	}
	if len(data) != len(g.Files) {
		return false, g.fail(nil, fmt.Sprintf("%d contents for %d files", len(data), len(g.Files)))
	}
	if err := ctx.Err(); err != nil {
		return false, g.fail(err, "not published")
	}
	d, err := g.open(ctx, true)
	if err != nil {
		return false, err
	}
	defer d.close()

	names, err := d.look(g)
	if err != nil {
		return false, err
	}
	if len(names.missing)+len(names.plain) == 0 && d.holds(g, data) {
		return false, nil
	}
	fresh, err := d.stage(g.Files, data)
	if err != nil {
		return false, g.fail(err, d.kept(names)+"cannot write to "+d.where)
	}
	if err := d.install(ctx, g, names, fresh); err != nil {
		d.dir.RemoveAll(fresh)
		return false, g.fail(err, d.kept(names)+"cannot replace them")
	}
	if err := errors.Join(syncDir(d.dir), d.retire(g, fresh)); err != nil {
		return true, g.fail(err, "published, but not tidied up")
	}
	return true, nil
}

// install is steps 4 to 6. What it made before it failed is gone again.
func (d *groupDir) install(ctx context.Context, g Group, names visible, fresh string) (err error) {
	for _, f := range g.Files {
		if err := f.check(ctx, d.where+"/"+fresh+"/"+filepath.Base(f.Path), d.kept(names)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(names.plain) > 0 {
		if err := d.adopt(names); err != nil {
			return err
		}
	}
	for i, name := range names.missing {
		if err = d.dir.Symlink(dataDir+"/"+name, name); err != nil {
			d.unlink(names.missing[:i])
			return err
		}
	}
	if err := d.swap(fresh); err != nil {
		d.unlink(names.missing)
		return err
	}
	return nil
}

// Clean removes what a killed process left in the directory: sets that ..data
// does not point to, ..data_tmp, temporaries of the group's names, and links to
// files that no set holds. A directory that does not exist is clean.
func (g Group) Clean() error {
	if err := g.validate(); err != nil {
		return err
	}
	d, err := g.open(context.Background(), false)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.clean(g); err != nil {
		return g.fail(err, "remove what an earlier process left in "+d.where)
	}
	return nil
}

func (g Group) validate() error {
	if len(g.Files) == 0 {
		return g.fail(nil, "the group has no files")
	}
	dir := filepath.Dir(g.Files[0].Path)
	seen := make(map[string]bool, len(g.Files))
	for _, f := range g.Files {
		if err := f.validate(); err != nil {
			return err
		}
		name := filepath.Base(f.Path)
		switch {
		case filepath.Dir(f.Path) != dir:
			return f.fail(nil, "not in "+dir+" with the rest of its group")
		case strings.HasPrefix(name, "..") || name == "." || name == string(filepath.Separator):
			return f.fail(nil, "the name of a file in a group cannot be "+name)
		case seen[name]:
			return f.fail(nil, "twice in its group")
		case f.InPlace:
			return f.fail(nil, "a file in a group cannot be written in place")
		}
		seen[name] = true
	}
	return nil
}

// open opens and locks the directory. The lock is the directory's own, so that
// there is nothing left to clean when its holder dies.
func (g Group) open(ctx context.Context, makeDirs bool) (*groupDir, error) {
	target := g.Files[0].Path
	asked := false
	for _, f := range g.Files {
		asked = asked || f.MakeDirs
	}
	v, err := openVolume(target)
	if err != nil {
		return nil, err
	}
	defer v.close()
	parent, _ := path.Split(v.rel)
	dir, err := v.openDir(parent, makeDirs && asked)
	if err != nil {
		return nil, err
	}
	d := &groupDir{dir: dir, where: v.join(parent)}
	for _, f := range g.Files {
		if name := filepath.Base(f.Path); v.mounted(parent + name) {
			d.mounted = append(d.mounted, name)
		}
	}
	if d.held, err = dir.Open("."); err == nil {
		err = lock(ctx, d.held)
	}
	if err != nil {
		d.close()
		return nil, g.fail(err, "lock directory "+d.where)
	}
	if d.current, err = d.readData(target); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// fail speaks of the directory, since no single file is to blame.
func (g Group) fail(cause error, doing string) error {
	if len(g.Files) == 0 {
		return fail("a group", cause, doing)
	}
	return fail(filepath.Dir(g.Files[0].Path), cause, doing)
}

// visible sorts the group's names by what stands there now. Those that are
// neither missing nor plain are the group's own links.
type visible struct {
	missing []string
	plain   []string // regular files from a time before the group
}

// look refuses what the group would have to destroy.
func (d *groupDir) look(g Group) (visible, error) {
	var v visible
	for _, f := range g.Files {
		name := filepath.Base(f.Path)
		fi, err := d.dir.Lstat(name)
		switch {
		case isMissing(err):
			v.missing = append(v.missing, name)
		case err != nil:
			return v, f.fail(err, "look at it")
		case fi.Mode().IsRegular():
			if slices.Contains(d.mounted, name) {
				return v, f.fail(ErrMountPoint, "")
			}
			v.plain = append(v.plain, name)
		case fi.Mode()&fs.ModeSymlink == 0:
			return v, irregular(f.Path, fi)
		case !d.isOurs(name):
			link, _ := d.dir.Readlink(name)
			return v, &Error{Path: f.Path, Reason: "is a link to " + link + " and not to " + dataDir + "/" + name,
				Err: ErrLink, Hint: "remove the link; a group keeps its own there"}
		}
	}
	return v, nil
}
