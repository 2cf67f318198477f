package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/podfacts/podfacts/cmd/release/chart"
	"github.com/podfacts/podfacts/cmd/release/image"
	"github.com/podfacts/podfacts/cmd/release/sbom"
)

// release is one in the making.
type release struct {
	revision
	root       string // of the repository
	out        string // what it is to become
	platforms  []platform
	repository string  // of the image
	maxSize    float64 // of the image, in MB; 0: any
	progress   io.Writer

	dir      string // where it is made
	tools    string // where programs are made
	archives []archive
	programs []sbom.Program
	images   []*image.Built
}

// archive is a file with the binary for a platform.
type archive struct {
	platform platform
	name     string
	sum      string
}

const megabyte = 1e6

// make makes the release beside what it is to become, and puts it there when all of it is
// done.
func (r *release) make(ctx context.Context) (err error) {
	if err := replaceable(r.out); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	notes, err := notes(string(text), r.revision)
	if err != nil {
		return err
	}
	if r.dir, err = os.MkdirTemp(filepath.Dir(filepath.Clean(r.out)), ".dist-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	if r.tools, err = os.MkdirTemp("", "podfacts-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.tools)
	r.say("podfacts %s, commit %.12s of %s", r.version, r.commit, r.time.Format(time.DateOnly))

	steps := []func(context.Context) error{
		r.compile,
		r.pack,
		r.writeImages,
		r.writeCharts,
		r.writeMaterials,
		func(context.Context) error { return r.write("release-notes.md", []byte(notes)) },
		func(context.Context) error {
			return errors.Join(os.Mkdir(filepath.Join(r.dir, "krew"), 0o755), r.write("krew/podfacts.yaml", []byte(krew(r.version, r.archives))))
		},
		r.writeChecksums,
	}
	for _, step := range steps {
		if err := errors.Join(ctx.Err(), step(ctx)); err != nil {
			return err
		}
	}
	if err := replace(r.dir, r.out); err != nil {
		return err
	}
	return r.table()
}

// compile builds the program for each platform, which fetches the sources of every
// module in one of them.
func (r *release) compile(ctx context.Context) error {
	for _, p := range r.platforms {
		start := time.Now()
		if err := r.build(ctx, p, r.program(p)); err != nil {
			return err
		}
		r.say("%-14s built in %.1f s", p, time.Since(start).Seconds())
	}
	return nil
}

// pack packs the program for each platform with what belongs to it.
func (r *release) pack(ctx context.Context) error {
	common, err := r.common(ctx)
	if err != nil {
		return err
	}
	dirs, err := r.moduleDirs(ctx)
	if err != nil {
		return err
	}
	standard, err := r.standardLibrary(ctx)
	if err != nil {
		return err
	}
	for _, p := range r.platforms {
		program := r.program(p)
		data, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		materials, version, err := materials(program, dirs)
		if err != nil {
			return err
		}
		a := archive{platform: p, name: r.archive(p)}
		entries := append([]entry{{p.file("podfacts"), 0o755, data}, {"THIRD_PARTY_LICENSES", 0o644, thirdParty(standard, materials)}}, common...)
		if err := pack(filepath.Join(r.dir, a.name), entries, r.time); err != nil {
			return err
		}
		if a.sum, err = sum(filepath.Join(r.dir, a.name)); err != nil {
			return err
		}
		r.archives = append(r.archives, a)
		described := sbom.Program{Platform: p.String(), File: a.name, URL: download(r.version, a.name), SHA256: a.sum, Go: version}
		for _, m := range materials {
			described.Modules = append(described.Modules, m.Module)
		}
		r.programs = append(r.programs, described)
		r.say("%-14s %s, built with %s", p, human(int64(len(data))), version)
	}
	return nil
}

func (r *release) program(p platform) string {
	return filepath.Join(r.tools, p.os+"-"+p.arch, p.file("podfacts"))
}

// archive is the name of the file for a platform.
func (r *release) archive(p platform) string {
	ending := "tar.gz"
	if p.os == "windows" {
		ending = "zip"
	}
	return fmt.Sprintf("podfacts_%s_%s_%s.%s", r.number(), p.os, p.arch, ending)
}

// common are the files that archives for all platforms have: words, and completions, which
// the program writes itself.
func (r *release) common(ctx context.Context) ([]entry, error) {
	var entries []entry
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name, 0o644, data})
	}
	own := r.program(here())
	if err := r.build(ctx, here(), own); err != nil {
		return nil, err
	}
	for shell, file := range map[string]string{"bash": "podfacts.bash", "zsh": "_podfacts", "fish": "podfacts.fish", "powershell": "podfacts.ps1"} {
		script, err := output(ctx, own, "completion", shell)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{"completions/" + file, 0o644, script})
	}
	return entries, nil
}

// writeImages makes the image for each platform of Linux.
func (r *release) writeImages(context.Context) error {
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		built, err := r.image(p).Build()
		if err != nil {
			return err
		}
		if size := float64(built.Size()) / megabyte; r.maxSize > 0 && size > r.maxSize {
			return fmt.Errorf("the image for %s has %.2f MB, more than the %.2f MB of -max-size; go tool nm -size -sort size shows what takes them", p, size, r.maxSize)
		}
		r.images = append(r.images, built)
		r.say("%-14s image %s unpacked, %s compressed", p, human(built.Size()), human(built.Compressed()))
		if err := r.create(fmt.Sprintf("podfacts_%s_image_%s_%s.docker.tar", r.number(), p.os, p.arch), built.WriteDocker); err != nil {
			return err
		}
	}
	if len(r.images) == 0 {
		return nil
	}
	return r.create(fmt.Sprintf("podfacts_%s_image.oci.tar", r.number()), func(w io.Writer) error { return image.WriteLayout(w, r.images...) })
}

// image is what the Dockerfile makes.
func (r *release) image(p platform) image.Image {
	i := image.Image{
		Names: []string{r.repository + ":" + r.number()}, OS: p.os, Architecture: p.arch,
		Entrypoint: []string{"/podfacts"},
		User:       "65532:65532",
		Created:    r.time,
		Files:      map[string]image.File{"podfacts": {Source: r.program(p)}},
		Labels: map[string]string{
			"org.opencontainers.image.title":         "podfacts",
			"org.opencontainers.image.description":   summary,
			"org.opencontainers.image.source":        homepage,
			"org.opencontainers.image.documentation": homepage + "#readme",
			"org.opencontainers.image.licenses":      "Apache-2.0",
			"org.opencontainers.image.version":       r.version,
			"org.opencontainers.image.revision":      r.commit,
			"org.opencontainers.image.created":       r.time.Format(time.RFC3339),
		},
	}
	if r.latest() {
		i.Names = append(i.Names, r.repository+":latest")
	}
	return i
}

// writeCharts packs the charts, which name the image.
func (r *release) writeCharts(context.Context) error {
	for _, name := range []string{"podfacts", "podfacts-lib"} {
		c := chart.Chart{
			Name: name, Files: os.DirFS(filepath.Join(r.root, "charts", name)),
			Version: r.number(), Repository: r.repository, Created: r.time,
		}
		if err := r.create(name+"-"+r.number()+".tgz", c.Write); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) writeMaterials(context.Context) error {
	name := fmt.Sprintf("podfacts_%s.spdx.json", r.number())
	return r.create(name, sbom.Release{
		Name: "podfacts", Version: r.version, Homepage: homepage, Licence: "Apache-2.0", Namespace: download(r.version, name),
		Creator: "github.com/podfacts/podfacts/cmd/release-" + r.version, Created: r.time, Programs: r.programs,
	}.Write)
}

func (r *release) write(name string, data []byte) error {
	return r.create(name, func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(data)); return err })
}

func (r *release) create(name string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Join(r.dir, name))
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func (r *release) say(format string, args ...any) { fmt.Fprintf(r.progress, format+"\n", args...) }

// sum is what sha256sum says of a file.
func sum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
