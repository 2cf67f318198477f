package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// volume is a downwardAPI volume that holds one file, labels, swapped as the
// kubelet's AtomicWriter does (pkg/volume/util/atomic_writer.go). The kubelet's
// own code is what test/kubelet uses; here it would only be a long build.
type volume struct {
	dir     string
	current string // the directory that ..data names
	version int
}

func newVolume(dir string) (*volume, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	v := &volume{dir: dir}
	if _, err := v.swap(); err != nil {
		return nil, err
	}
	return v, os.Symlink("..data/labels", filepath.Join(dir, "labels"))
}

// swap publishes the next version and returns the moment of the rename that
// makes it visible.
func (v *volume) swap() (time.Time, error) {
	v.version++
	next, err := os.MkdirTemp(v.dir, time.Now().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return time.Time{}, err
	}
	if err := os.Chmod(next, 0o755); err != nil {
		return time.Time{}, err
	}
	if err := os.WriteFile(filepath.Join(next, "labels"), v.labels(), 0o644); err != nil {
		return time.Time{}, err
	}
	link := filepath.Join(v.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(next), link); err != nil {
		return time.Time{}, err
	}
	swapped := time.Now()
	if err := os.Rename(link, filepath.Join(v.dir, "..data")); err != nil {
		return time.Time{}, err
	}
	old := v.current
	v.current = next
	if old == "" {
		return swapped, nil
	}
	return swapped, os.RemoveAll(old)
}

// flip is swap with as little as it takes: names that count, and files that are
// known.
func (v *volume) flip() error {
	v.version++
	next := filepath.Join(v.dir, "..2026_01_02_03_04_05."+strconv.Itoa(v.version))
	if err := os.Mkdir(next, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(next, "labels"), v.labels(), 0o644); err != nil {
		return err
	}
	link := filepath.Join(v.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(next), link); err != nil {
		return err
	}
	if err := os.Rename(link, filepath.Join(v.dir, "..data")); err != nil {
		return err
	}
	old := v.current
	v.current = next
	if err := os.Remove(filepath.Join(old, "labels")); err != nil {
		return err
	}
	return os.Remove(old)
}

func (v *volume) labels() []byte {
	return fmt.Appendf(nil, "app=\"web\"\npod-template-hash=\"6d4cf56db6\"\nversion=\"v%d\"", v.version)
}

// shown is what an output that shows the version must hold.
func (v *volume) shown() string { return fmt.Sprintf("v%d", v.version) }
