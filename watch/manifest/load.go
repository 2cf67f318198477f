package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Input names what [Load] reads. A path is a file, a directory (with everything
// below it that ends in .yaml, .yml or .json), or "-" for Stdin. The zero Input
// loads nothing.
type Input struct {
	Pod     string   // holds the pod or its workload; else they are among Objects
	Node    string   // holds the node that the pod is bound to
	Objects []string // hold whatever else the cluster has
	Stdin   io.Reader
}

// Load reads a cluster. The error, where not nil, is a *multierror.Error with
// everything that is wrong, each with file and line.
func Load(in Input) (*Cluster, error) {
	l := loader{stdin: in.Stdin, cluster: &Cluster{podFile: in.Pod, nodeFile: in.Node}}
	if in.Pod != "" {
		l.load(in.Pod, rolePod)
	}
	if in.Node != "" {
		l.load(in.Node, roleNode)
	}
	for _, path := range in.Objects {
		l.load(path, roleObject)
	}
	l.cluster.index(&l.mistakes)
	if err := l.ErrorOrNil(); err != nil {
		return nil, err
	}
	return l.cluster, nil
}

// role is what a file was named for.
type role int

const (
	rolePod role = iota
	roleNode
	roleObject
)

// named writes a path as it was named.
func (r role) named(path string) string { return []string{"--pod ", "--node ", "--objects "}[r] + path }

const stdin = "stdin" // its name in places

// mistakes gathers errors.
type mistakes struct{ all *multierror.Error }

func (m *mistakes) add(err error) {
	if err != nil {
		m.all = multierror.Append(m.all, err)
	}
}

// at records what is wrong at a place.
func (m *mistakes) at(file string, line int, format string, args ...any) {
	m.add(fmt.Errorf("%s: %s", place(file, line), fmt.Sprintf(format, args...)))
}

// ErrorOrNil returns a *multierror.Error.
func (m *mistakes) ErrorOrNil() error { return m.all.ErrorOrNil() }

func place(file string, line int) string {
	if line <= 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

type loader struct {
	mistakes

	stdin   io.Reader
	cluster *Cluster
}

func (l *loader) load(path string, as role) {
	if path == "-" {
		if l.stdin == nil {
			l.add(fmt.Errorf("%s: there is no standard input, or it was read already", as.named(path)))
			return
		}
		l.read(stdin, l.stdin, as)
		l.stdin = nil // it can be read once
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		l.add(fmt.Errorf("%s: %w", as.named(path), reason(err)))
		return
	}
	if !info.IsDir() {
		l.open(path, as)
		return
	}
	files, err := list(path)
	l.add(err)
	if err == nil && len(files) == 0 {
		l.add(fmt.Errorf("%s: no file below it ends in .yaml, .yml or .json", as.named(path)))
	}
	for _, file := range files {
		l.open(file, as)
	}
}

// list finds the files of a directory, sorted. What the kubelet names for its own
// use (..data) is passed over, so that a mounted ConfigMap is read once.
func list(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), "..") && path != dir:
			if d.IsDir() {
				return fs.SkipDir
			}
		case slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			if info, err := os.Stat(path); err != nil { // follows links
				return err
			} else if info.Mode().IsRegular() {
				files = append(files, path)
			}
		}
		return nil
	})
	return files, err
}

func (l *loader) open(path string, as role) {
	f, err := os.Open(path)
	if err != nil {
		l.add(fmt.Errorf("%s: %w", as.named(path), reason(err)))
		return
	}
	defer f.Close()
	l.read(path, f, as)
}

// reason cuts the system call and the path off an error.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// read takes in every object of one file.
func (l *loader) read(name string, r io.Reader, as role) {
	data, err := io.ReadAll(r)
	if err != nil {
		l.add(fmt.Errorf("%s: %w", name, err))
		return
	}
	documents, err := parse(name, data)
	l.add(err)
	for _, document := range documents {
		d := decoder{file: name, mistakes: &l.mistakes}
		for _, e := range d.entries(document) {
			e.role = as
			l.cluster.entries = append(l.cluster.entries, e)
		}
	}
}
