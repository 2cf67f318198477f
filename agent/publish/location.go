package publish

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many links a path may pass through, as in the Linux kernel.
const maxLinks = 40

// location is where a file goes: an open directory and a name in it. Holding
// the directory open pins it, whatever happens to the path meanwhile.
type location struct {
	dir     *os.Root
	where   string // path of dir
	name    string // of the file in dir
	exists  bool   // there is a regular file
	mounted bool   // the file is a mount point
}

func (l *location) close()                  { l.dir.Close() }
func (l *location) join(name string) string { return l.where + "/" + name }

// kept begins the errors of a publication that failed.
func (l *location) kept() string {
	if l.exists {
		return "the old file is kept, "
	}
	return ""
}

// find opens the directory that holds the file at name, following links as far
// as they stay in the volume, the last component included.
func find(name string, makeDirs bool) (*location, error) {
	v, err := openVolume(name)
	if err != nil {
		return nil, err
	}
	defer v.close()

	rel := v.rel
	for range maxLinks {
		parent, base := path.Split(rel)
		dir, err := v.openDir(parent, makeDirs)
		if err != nil {
			return nil, err
		}
		at := &location{dir: dir, where: v.join(parent), name: base, mounted: v.mounted(rel)}
		link, err := at.look(name)
		if err == nil && link == "" {
			return at, nil
		}
		at.close()
		switch {
		case err != nil:
			return nil, err
		case path.IsAbs(link) || filepath.IsAbs(link):
			return nil, &Error{Path: name, Reason: "is a link to the absolute path " + link, Err: ErrLink,
				Hint: "remove the link, or make it relative and let it stay within " + v.where}
		}
		// Not path.Join: it would take "a/.." away where a is itself a link.
		rel, makeDirs = parent+filepath.ToSlash(link), false
	}
	return nil, &Error{Path: name, Reason: "follow links", Err: syscall.ELOOP, kind: ErrLink, Hint: "remove the links"}
}

// look sees what is at the location now, and returns the target of a link.
func (l *location) look(target string) (link string, err error) {
	if l.name == "" || l.name == "." || l.name == ".." {
		return "", &Error{Path: target, Reason: "is a directory", Err: ErrNotRegular, Hint: hint(ErrNotRegular)}
	}
	fi, err := l.dir.Lstat(l.name)
	switch {
	case isMissing(err):
		return "", nil
	case err != nil:
		return "", fail(target, err, "look at it")
	case fi.Mode()&fs.ModeSymlink != 0:
		if link, err = l.dir.Readlink(l.name); err != nil {
			return "", fail(target, err, "read the link")
		}
		return link, nil
	case !fi.Mode().IsRegular():
		return "", irregular(target, fi)
	}
	l.exists = true
	return "", nil
}

func irregular(target string, fi fs.FileInfo) error {
	kind := "something special"
	switch mode := fi.Mode(); {
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return &Error{Path: target, Reason: "is " + kind, Err: ErrNotRegular, Hint: hint(ErrNotRegular)}
}

// volume is what confines one publication.
type volume struct {
	root   *os.Root
	where  string // path of root
	target string // as the user wrote it
	rel    string // path of the target below root, with slashes
	points mounts
}

// mounted reports whether something is mounted at a path below the root. It
// sees no further than the text of the path; behind a link the rename tells.
func (v *volume) mounted(rel string) bool { return v.points.has(path.Join(v.where, rel)) }

func (v *volume) close() { v.root.Close() }

func (v *volume) join(parent string) string {
	return strings.TrimRight(strings.TrimRight(v.where, "/")+"/"+parent, "/")
}

func openVolume(name string) (*volume, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, fail(name, err, "make the path absolute")
	}
	dir, base := filepath.Split(abs)
	if base == "" {
		return nil, &Error{Path: name, Reason: "is a directory", Err: ErrNotRegular, Hint: hint(ErrNotRegular)}
	}
	points := readMounts()
	if points == nil {
		return openDeepest(name, dir, base)
	}
	chain, rel, err := points.locate(dir)
	if err != nil {
		return nil, fail(name, err, "follow links")
	}
	root, err := openChain(chain)
	if err != nil {
		return nil, fail(name, err, "open the volume "+chain[len(chain)-1])
	}
	where := chain[len(chain)-1]
	return &volume{root: root, where: where, target: name, rel: path.Join(rel, base), points: points}, nil
}

// openChain opens the last of some mount points, each through the one before:
// who can write to the outer volume cannot let the inner path lead elsewhere.
func openChain(chain []string) (*os.Root, error) {
	root, err := os.OpenRoot(chain[0])
	for i := 1; i < len(chain) && err == nil; i++ {
		var next *os.Root
		next, err = openBelow(root, below(chain[i-1], chain[i]))
		root.Close()
		root = next
	}
	return root, err
}

// openDeepest is for systems that do not tell their mount points.
func openDeepest(name, dir, base string) (*volume, error) {
	dir = filepath.Clean(dir)
	rel := base
	for {
		root, err := os.OpenRoot(dir)
		if err == nil {
			return &volume{root: root, where: dir, target: name, rel: rel}, nil
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return nil, fail(name, err, "open "+dir)
		}
		rel = filepath.Base(dir) + "/" + rel
		dir = parent
	}
}

// openDir opens a directory below the root, which may be "".
func (v *volume) openDir(parent string, makeDirs bool) (*os.Root, error) {
	name := strings.TrimRight(parent, "/")
	if name == "" {
		name = "."
	}
	if makeDirs && name != "." {
		if err := v.makeDirs(name); err != nil {
			return nil, v.explain(err, parent, "create directory ")
		}
	}
	dir, err := openBelow(v.root, name)
	if err != nil {
		return nil, v.explain(err, parent, "open directory ")
	}
	return dir, nil
}

// makeDirs creates what is missing of a directory, and lets everybody in
// whatever the umask says: those who read the files run as other users.
func (v *volume) makeDirs(name string) error {
	for end, c := range name + "/" {
		if c != '/' {
			continue
		}
		err := v.root.Mkdir(name[:end], 0o755)
		if err == nil {
			err = v.root.Chmod(name[:end], 0o755)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// openBelow opens a directory below a root. The dot makes a directory of what
// comes before it: OpenRoot of a planted pipe waits for a writer.
func openBelow(root *os.Root, name string) (*os.Root, error) { return root.OpenRoot(name + "/.") }

func (v *volume) explain(err error, parent, doing string) error {
	where := v.join(parent)
	switch {
	case v.escapes(err):
		return &Error{Path: v.target, Reason: where + " leads out of the volume " + v.where, Err: ErrLink,
			Hint: "find out who planted the link and remove it"}
	case errors.Is(err, syscall.ELOOP):
		return &Error{Path: v.target, Reason: doing + where, Err: shorten(err), kind: ErrLink, Hint: "remove the links"}
	case isMissing(err):
		return &Error{Path: v.target, Reason: "directory " + where + " does not exist", kind: fs.ErrNotExist,
			Hint: "mount an emptyDir there or set makeDirs: true"}
	case errors.Is(err, syscall.ENOTDIR):
		return &Error{Path: v.target, Reason: doing + where, Err: shorten(err),
			Hint: "a file is where a directory should be; remove it, or choose another path"}
	}
	return fail(v.target, err, doing+where)
}

// escapes recognises the error that os.Root has for a path that leads out. The
// os package does not export it, so the root is asked for one to compare with.
func (v *volume) escapes(err error) bool {
	_, outside := v.root.Lstat("..")
	e, ok := errors.AsType[*fs.PathError](outside)
	return ok && errors.Is(err, e.Err)
}
