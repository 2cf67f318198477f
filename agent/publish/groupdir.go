package publish

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The names are the kubelet's, and so is the reason for the two dots: files of
// a volume cannot start with them.
const (
	dataDir    = "..data"
	newDataDir = "..data_tmp"
	timeFormat = "..2006_01_02_15_04_05."
)

// groupDir is the open and locked directory of a group.
type groupDir struct {
	dir     *os.Root
	where   string   // path of dir
	held    *os.File // carries the lock
	current string   // the directory ..data points to; "" if there is none
	mounted []string // names that are mount points
}

// kept begins the errors of a publication that failed.
func (d *groupDir) kept(names visible) string {
	if d.current != "" || len(names.plain) > 0 {
		return "the old files are kept, "
	}
	return ""
}

func (d *groupDir) close() {
	if d.held != nil {
		_ = d.held.Close() // which lets go of the lock
	}
	d.dir.Close()
}

// readData returns where ..data points to.
func (d *groupDir) readData(target string) (string, error) {
	refuse := func(what string) (string, error) {
		return "", &Error{Path: target, Reason: d.where + "/" + dataDir + " " + what, Err: ErrLink,
			Hint: "remove it; a group keeps its own there"}
	}
	link, err := d.dir.Readlink(dataDir)
	switch {
	case isMissing(err):
		return "", nil
	case err != nil:
		return refuse("is not a link")
	case !isSet(link):
		return refuse("is a link to " + link)
	}
	fi, err := d.dir.Lstat(link)
	switch {
	case isMissing(err):
		return "", nil
	case err != nil:
		return "", fail(target, err, "look at "+d.where+"/"+link)
	case !fi.IsDir():
		return refuse("is a link to " + link + ", which is no directory")
	}
	return link, nil
}

// holds reports whether the current set is just these files and contents.
func (d *groupDir) holds(g Group, data [][]byte) bool {
	if d.current == "" {
		return false
	}
	set, err := openBelow(d.dir, d.current)
	if err != nil {
		return false
	}
	defer set.Close()
	names, err := list(set)
	if err != nil || len(names) != len(g.Files) {
		return false
	}
	for i, f := range g.Files {
		if !f.holds(set, filepath.Base(f.Path), data[i]) {
			return false
		}
	}
	return true
}

// stage writes a new set and returns the name of its directory.
func (d *groupDir) stage(files []File, data [][]byte) (string, error) {
	name, err := d.makeSet()
	if err != nil {
		return "", err
	}
	if err := d.fillSet(name, files, data); err != nil {
		d.dir.RemoveAll(name)
		return "", err
	}
	return name, nil
}

func (d *groupDir) fillSet(name string, files []File, data [][]byte) error {
	set, err := openBelow(d.dir, name)
	if err != nil {
		return err
	}
	defer set.Close()
	for i, f := range files {
		if err := create(set, f, data[i]); err != nil {
			return err
		}
	}
	return syncDir(set)
}

// makeSet makes a directory with the kubelet's name and mode.
func (d *groupDir) makeSet() (string, error) {
	for range 100 {
		var random [4]byte
		rand.Read(random[:])
		name := time.Now().UTC().Format(timeFormat) + fmt.Sprint(binary.NativeEndian.Uint32(random[:]))
		err := d.dir.Mkdir(name, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			if err = d.dir.Chmod(name, 0o755); err != nil { // whatever the umask left
				d.dir.Remove(name)
			}
		}
		return name, err
	}
	return "", errors.New("no free name for a new directory")
}

// isSet recognises the name of a set's directory.
func isSet(name string) bool {
	if len(name) <= len(timeFormat) {
		return false
	}
	_, err := time.Parse(timeFormat, name[:len(timeFormat)])
	return err == nil && strings.Trim(name[len(timeFormat):], "0123456789") == ""
}

func create(set *os.Root, f File, data []byte) error {
	file, err := set.OpenFile(filepath.Base(f.Path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	return fill(file, data, f)
}

// swap points ..data to a set. The one it pointed to stays on disk.
func (d *groupDir) swap(set string) error {
	// The lock is held: a ..data_tmp is nobody's.
	if err := d.dir.Remove(newDataDir); err != nil && !isMissing(err) {
		return err
	}
	if err := d.dir.Symlink(set, newDataDir); err != nil {
		return err
	}
	if err := d.dir.Rename(newDataDir, dataDir); err != nil {
		d.dir.Remove(newDataDir)
		return err
	}
	return nil
}

// adopt turns plain files into links without changing what anybody reads: it
// publishes a set of the old contents and then puts a link in each file's place.
func (d *groupDir) adopt(names visible) error {
	var files []File
	var data [][]byte
	add := func(dir *os.Root, name string) error {
		f, content, err := snapshot(dir, name)
		files, data = append(files, f), append(data, content)
		return err
	}
	for _, name := range names.plain {
		if err := add(d.dir, name); err != nil {
			return fmt.Errorf("read the old %s: %w", name, err)
		}
	}
	if d.current != "" {
		set, err := openBelow(d.dir, d.current)
		if err != nil {
			return err
		}
		defer set.Close()
		kept, err := list(set)
		if err != nil {
			return err
		}
		for _, name := range kept {
			if slices.Contains(names.plain, name) {
				continue
			}
			if err := add(set, name); err != nil {
				return fmt.Errorf("read the old %s: %w", name, err)
			}
		}
	}
	old, err := d.stage(files, data)
	if err != nil {
		return err
	}
	if err := d.swap(old); err != nil {
		d.dir.RemoveAll(old)
		return err
	}
	if d.current != "" {
		d.dir.RemoveAll(d.current)
	}
	d.current = old
	for _, name := range names.plain {
		if err := d.relink(name); err != nil {
			return err
		}
	}
	return nil
}

// snapshot reads a file and how it looks. Its owner is kept where that is not
// the process's own to give anyway.
func snapshot(dir *os.Root, name string) (File, []byte, error) {
	f := File{Path: name}
	file, err := openRegular(dir, name, os.O_RDONLY)
	if err != nil {
		return f, nil, err
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return f, nil, err
	}
	f.Mode = fi.Mode().Perm()
	if f.Mode == 0 {
		f.Mode = 0o400 // zero would mean 0644
	}
	if os.Geteuid() == 0 {
		f.UID, f.GID = ownerOf(fi)
	}
	data, err := io.ReadAll(file)
	return f, data, err
}

// relink puts a link in the place of a plain file.
func (d *groupDir) relink(name string) error {
	tmp := temporaryName(name)
	if err := d.dir.Symlink(dataDir+"/"+name, tmp); err != nil {
		return err
	}
	if err := d.dir.Rename(tmp, name); err != nil {
		d.dir.Remove(tmp)
		return err
	}
	return nil
}

// retire removes what the old set has left behind: links to names that the new
// one does not hold, and its directory.
func (d *groupDir) retire(g Group, fresh string) error {
	if d.current == "" {
		return nil
	}
	var errs []error
	if old, err := openBelow(d.dir, d.current); err == nil {
		names, err := list(old)
		old.Close()
		errs = append(errs, err)
		for _, name := range names {
			inGroup := slices.ContainsFunc(g.Files, func(f File) bool { return filepath.Base(f.Path) == name })
			if !inGroup && d.isOurs(name) {
				errs = append(errs, d.dir.Remove(name))
			}
		}
	}
	errs = append(errs, d.dir.RemoveAll(d.current))
	d.current = fresh
	return errors.Join(errs...)
}

// clean removes litter; see [Group.Clean].
func (d *groupDir) clean(g Group) error {
	names, err := list(d.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		switch {
		case name == newDataDir, name == dataDir && d.current == "":
			errs = append(errs, d.dir.Remove(name))
		case isSet(name) && name != d.current:
			errs = append(errs, d.dir.RemoveAll(name))
		case d.isDangling(name):
			errs = append(errs, d.dir.Remove(name))
		}
		for _, f := range g.Files {
			if !isTemporary(name, filepath.Base(f.Path)) {
				continue
			}
			if _, err := d.dir.Readlink(name); err == nil {
				errs = append(errs, d.dir.Remove(name)) // half of a relink
			} else {
				errs = append(errs, removeStale(d.dir, name))
			}
		}
	}
	return errors.Join(errs...)
}

// isOurs reports whether a name is the link the group puts there.
func (d *groupDir) isOurs(name string) bool {
	link, err := d.dir.Readlink(name)
	return err == nil && link == dataDir+"/"+name
}

func (d *groupDir) isDangling(name string) bool {
	if !d.isOurs(name) {
		return false
	}
	if d.current == "" {
		return true
	}
	_, err := d.dir.Lstat(d.current + "/" + name)
	return isMissing(err)
}

// unlink takes back links that led nowhere yet.
func (d *groupDir) unlink(names []string) {
	for _, name := range names {
		d.dir.Remove(name)
	}
}
