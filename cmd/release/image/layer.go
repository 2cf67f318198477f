package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// layer is a tar archive of the files, and of the directories above them.
func (i Image) layer() ([]byte, error) {
	var b bytes.Buffer
	a := newArchive(&b, i.Created)
	for _, name := range slices.Sorted(maps.Keys(i.Files)) {
		if !fs.ValidPath(name) {
			return nil, fmt.Errorf("%s is not a path without its first slash", name)
		}
		if err := a.file(name, i.Files[name]); err != nil {
			return nil, err
		}
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// archive is a tar archive in the making.
type archive struct {
	*tar.Writer
	time time.Time // of everything in it
	made map[string]bool
}

func newArchive(w io.Writer, at time.Time) archive {
	return archive{tar.NewWriter(w), at, map[string]bool{".": true}}
}

// file adds a file below directories that are added as needed.
func (a archive) file(name string, f File) error {
	if err := a.parents(path.Dir(name)); err != nil {
		return err
	}
	switch {
	case f.Source != "":
		data, err := os.ReadFile(f.Source)
		if err != nil {
			return err
		}
		return a.add(&tar.Header{Name: name, Mode: 0o755}, data)
	case f.Text != "":
		mode := int64(0o644)
		if strings.HasPrefix(f.Text, "#!") {
			mode = 0o755
		}
		return a.add(&tar.Header{Name: name, Mode: mode}, []byte(f.Text))
	case f.Link != "":
		return a.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: f.Link, Mode: 0o777}, nil)
	}
	return a.parents(name)
}

// parents adds a directory and those above it. A directory named tmp is open to all,
// with the sticky bit.
func (a archive) parents(dir string) error {
	if a.made[dir] {
		return nil
	}
	a.made[dir] = true
	if err := a.parents(path.Dir(dir)); err != nil {
		return err
	}
	mode := int64(0o755)
	if path.Base(dir) == "tmp" {
		mode = 0o1777
	}
	return a.add(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}, nil)
}

func (a archive) add(h *tar.Header, data []byte) error {
	h.Size, h.ModTime = int64(len(data)), a.time
	if err := a.WriteHeader(h); err != nil {
		return err
	}
	_, err := a.Write(data)
	return err
}
