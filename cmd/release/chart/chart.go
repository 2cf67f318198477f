// Package chart packs a Helm chart for a release, as `helm package` does, with the version
// and the image of that release in place of those that the repository has.
package chart

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"time"
)

// Chart is one in the making. Equal charts are equal bytes.
type Chart struct {
	Name       string    // also of the directory in the archive
	Files      fs.FS     // with Chart.yaml at the top
	Version    string    // of the chart and of the program, 1.2.3, which is the image's tag
	Repository string    // of the image, where values.yaml names one
	Created    time.Time // of every file
}

// Write writes the archive, whose name is to be NAME-VERSION.tgz.
func (c Chart) Write(w io.Writer) error {
	gz, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(gz)
	// In lexical order, and so always in the same one.
	err = fs.WalkDir(c.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(c.Files, name)
		if err == nil {
			data, err = c.edit(name, data)
		}
		if err != nil {
			return err
		}
		h := tar.Header{Name: path.Join(c.Name, name), Mode: 0o644, Size: int64(len(data)), ModTime: c.Created}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		_, err = t.Write(data)
		return err
	})
	if err := errors.Join(err, t.Close(), gz.Close()); err != nil {
		return fmt.Errorf("chart %s: %w", c.Name, err)
	}
	return nil
}

// edit puts in what the release is. The rest stays, with its comments.
func (c Chart) edit(name string, data []byte) ([]byte, error) {
	type edit struct{ line, with string }
	var edits []edit
	switch name {
	case "Chart.yaml":
		edits = []edit{{`version: .*`, "version: " + c.Version}, {`appVersion: .*`, fmt.Sprintf("appVersion: %q", c.Version)}}
	case "values.yaml":
		// A library has no image.
		if regexp.MustCompile(`(?m)^image:$`).Match(data) {
			edits = []edit{{`  repository: .*`, "  repository: " + c.Repository}}
		}
	}
	for _, e := range edits {
		line := regexp.MustCompile(`(?m)^` + e.line + `$`)
		if n := len(line.FindAll(data, -1)); n != 1 {
			return nil, fmt.Errorf("%s has %d lines %q, but must have one, for the release to write", name, n, e.line)
		}
		data = line.ReplaceAllLiteral(data, []byte(e.with))
	}
	return data, nil
}
