package cluster

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// InCluster is what the kubelet mounts at /var/run/secrets/kubernetes.io/serviceaccount.
type InCluster struct {
	Token     string
	CA        []byte
	Namespace string
}

// Write makes the directory, or replaces all its files at once when it is there.
func (f InCluster) Write(dir string) error {
	return Project(dir, map[string]string{"token": f.Token, "ca.crt": string(f.CA), "namespace": f.Namespace})
}

// Project makes the directory of a volume, or replaces all its files at once when it is
// there, in the kubelet's way (pkg/volume/util/atomic_writer.go): the files are in a
// directory of their own, which the link ..data leads to. They are the same ones each
// time.
func Project(dir string, files map[string]string) error {
	version := ".." + rand.Text()
	if err := os.MkdirAll(filepath.Join(dir, version), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, version, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	data := filepath.Join(dir, "..data")
	old, err := os.Readlink(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(version, data+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		return err
	}
	for name := range files {
		err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, old))
}
