package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func files(texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text), ModTime: time.Now()}
	}
	return all
}

// TestWrite: the archive has the chart, as of the release.
func TestWrite(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := Chart{Name: "web", Version: "1.2.3-rc.1", Repository: "registry.example.com/web", Created: at, Files: files(map[string]string{
		"Chart.yaml":             "apiVersion: v2 # not a version of ours\nversion: 0.1.0\nappVersion: latest\nkubeVersion: a\n",
		"values.yaml":            "image:\n  # -- Where\n  repository: web\n  tag: \"\"\n",
		"templates/_helpers.tpl": "version: 0.1.0\n",
	})}
	var first, second bytes.Buffer
	if err := errors.Join(c.Write(&first), c.Write(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("made again, it is not the same")
	}
	gz, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(at) || h.Mode != 0o644 {
			t.Errorf("%s has time %v and mode %o", h.Name, h.ModTime, h.Mode)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(text)
	}
	want := map[string]string{
		"web/Chart.yaml":             "apiVersion: v2 # not a version of ours\nversion: 1.2.3-rc.1\nappVersion: \"1.2.3-rc.1\"\nkubeVersion: a\n",
		"web/values.yaml":            "image:\n  # -- Where\n  repository: registry.example.com/web\n  tag: \"\"\n",
		"web/templates/_helpers.tpl": "version: 0.1.0\n",
	}
	if !maps.Equal(got, want) {
		t.Errorf("packed %q\nwant %q", got, want)
	}
}

// TestWriteRefuses: a chart in which the release cannot be written is not packed.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	c := Chart{Name: "web", Version: "1.2.3", Files: files(map[string]string{"Chart.yaml": "name: web\nversion: 0.1.0\n"})}
	if err := c.Write(io.Discard); err == nil || !strings.Contains(err.Error(), `chart web: Chart.yaml has 0 lines "appVersion: .*"`) {
		t.Errorf("got %v", err)
	}
}
