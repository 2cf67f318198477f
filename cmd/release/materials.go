package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/cmd/release/sbom"
)

// material is a module that is linked into a program, with what its authors ask to be
// passed on.
type material struct {
	sbom.Module
	texts map[string]string // of licences and notices, by the name of the file
}

// materials are the modules of a program, whose sources are in dirs, and the version of Go
// that made it.
func materials(program string, dirs map[string]string) (all []material, version string, err error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, "", err
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, "", fmt.Errorf("module %s is replaced by %s; release what go.mod requires, so that others can build it", m.Path, m.Replace.Path)
		}
		texts, err := licences(dirs[m.Path])
		if err != nil {
			return nil, "", fmt.Errorf("module %s: %w", m.Path, err)
		}
		var grants []string
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if !regexp.MustCompile(`(?i)^(notice|patents)`).MatchString(name) {
				grants = append(grants, texts[name])
			}
		}
		all = append(all, material{sbom.Module{Path: m.Path, Version: m.Version, Sum: m.Sum, Licence: sbom.Licence(grants...)}, texts})
	}
	return all, info.GoVersion, nil
}

// moduleDirs says where the sources of modules are.
func (r *release) moduleDirs(ctx context.Context) (map[string]string, error) {
	out, err := r.goCommand(ctx, "list", "-mod=readonly", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	dirs := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[path] = dir
	}
	return dirs, nil
}

// standardLibrary is the material that every program has.
func (r *release) standardLibrary(ctx context.Context) (material, error) {
	out, err := r.goCommand(ctx, "env", "GOROOT").Output()
	if err != nil {
		return material{}, fmt.Errorf("go env GOROOT: %w", err)
	}
	texts, err := licences(strings.TrimSpace(string(out)))
	if err != nil {
		return material{}, fmt.Errorf("the standard library: %w", err)
	}
	return material{sbom.Module{Path: "the Go standard library"}, texts}, nil
}

// licences reads the files at the top of a module that are to be passed on with it.
func licences(dir string) (map[string]string, error) {
	if dir == "" {
		return nil, errors.New("its sources are not here; run go mod download")
	}
	named := regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-]|$)`)
	texts := make(map[string]string)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.Type().IsRegular() || !named.MatchString(e.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts[e.Name()] = string(data)
	}
	if err == nil && len(texts) == 0 {
		err = fmt.Errorf("%s: %w", filepath.Join(dir, "LICENSE"), fs.ErrNotExist)
	}
	return texts, err
}

// thirdParty is the file with the licences of others, which most ask to be passed on with
// copies of their work in any form.
func thirdParty(standard material, modules []material) []byte {
	holders := make(map[string][]string) // by the text, which many share
	var order []string
	for _, m := range append([]material{standard}, modules...) {
		for _, name := range slices.Sorted(maps.Keys(m.texts)) {
			text := strings.TrimSpace(m.texts[name])
			if holders[text] == nil {
				order = append(order, text)
			}
			holders[text] = append(holders[text], strings.TrimSpace(m.Path+" "+m.Version)+": "+name)
		}
	}
	var b strings.Builder
	b.WriteString("podfacts holds work of others, each under its own licence.\n")
	rule := strings.Repeat("=", 80)
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n%[1]s\n\n%[3]s\n", rule, strings.Join(holders[text], "\n"), text)
	}
	return []byte(b.String())
}
