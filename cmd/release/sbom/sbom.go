// Package sbom writes the bill of materials of Go programs: which modules, in which
// versions and under which licences, are in each, as a document of SPDX 2.3 in JSON
// (https://spdx.github.io/spdx-spec/v2.3/), which scanners for vulnerabilities and licences
// read.
//
// What is in a program the linker has written into it; nothing is guessed from a go.mod,
// whose requirements are many more. Licences are what the files of a module say, see
// [Licence]. The same programs are always the same document.
package sbom

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Release is what a document describes.
type Release struct {
	Name      string // of the program
	Version   string
	Homepage  string
	Licence   string // as an SPDX expression
	Namespace string // a URI that no other document has
	Creator   string // the tool that makes it
	Created   time.Time
	Programs  []Program
}

// A Program is a file that is released, for one platform.
type Program struct {
	Platform string // linux/amd64
	File     string // the archive that it is in
	URL      string // where that is downloaded
	SHA256   string // of the archive
	Go       string // the version of the toolchain, go1.26.0
	Modules  []Module
}

// A Module is linked into a program.
type Module struct {
	Path, Version string
	Sum           string // as in go.sum, h1:…
	Licence       string // as an SPDX expression; empty if it is not known
}

// Write writes the document.
func (r Release) Write(w io.Writer) error {
	d := document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: r.Name + "-" + r.Version, Namespace: r.Namespace,
		Comment: "The SHA256 of a Go module is the sum that go.sum has of it (h1), in hexadecimal: that of the list of its files with their sums.",
		Creation: creation{
			Created: r.Created.UTC().Format(time.RFC3339), Creators: []string{"Tool: " + r.Creator},
		},
	}
	modules := make(map[string]pkg)
	for _, p := range r.Programs {
		program := r.program(p)
		d.Packages = append(d.Packages, program)
		d.Relationships = append(d.Relationships, relationship{d.ID, "DESCRIBES", program.ID})
		depends := []pkg{toolchain(p.Go)}
		for _, m := range p.Modules {
			module, err := m.pkg()
			if err != nil {
				return err
			}
			depends = append(depends, module)
		}
		for _, module := range depends {
			modules[module.ID] = module
			d.Relationships = append(d.Relationships, relationship{program.ID, "DEPENDS_ON", module.ID})
		}
	}
	for _, module := range modules {
		d.Packages = append(d.Packages, module)
	}
	slices.SortStableFunc(d.Packages, func(a, b pkg) int {
		return cmp.Or(strings.Compare(a.Purpose, b.Purpose), strings.Compare(a.ID, b.ID))
	})
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

func (r Release) program(p Program) pkg {
	return pkg{
		Name: r.Name, ID: id(r.Name, p.Platform), Version: r.Version, File: p.File, Purpose: "APPLICATION", Location: p.URL, Homepage: r.Homepage,
		Checksums: []checksum{{"SHA256", p.SHA256}}, Concluded: r.Licence, Declared: r.Licence, Copyright: unknown,
		Comment: "for " + p.Platform,
	}
}

func (m Module) pkg() (pkg, error) {
	p := pkg{
		Name: m.Path, ID: id("module", m.Path, m.Version), Version: m.Version, Purpose: "LIBRARY", Location: unknown,
		Concluded: unknown, Declared: cmp.Or(m.Licence, unknown), Copyright: unknown,
		References: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + strings.ToLower(m.Path) + "@" + m.Version}},
	}
	sum, ok := strings.CutPrefix(m.Sum, "h1:")
	raw, err := base64.StdEncoding.DecodeString(sum)
	if !ok || err != nil {
		return p, fmt.Errorf("the sum of module %s is %q, but must be h1: and base64", m.Path, m.Sum)
	}
	p.Checksums = []checksum{{"SHA256", hex.EncodeToString(raw)}}
	return p, nil
}

// toolchain is Go's own library, by the names that databases of vulnerabilities have for it.
func toolchain(version string) pkg {
	number, _, _ := strings.Cut(strings.TrimPrefix(version, "go"), " ") // go1.26.0 X:experiment
	return pkg{
		Name: "stdlib", ID: id("module", "stdlib", number), Version: version, Purpose: "LIBRARY", Location: unknown,
		Concluded: unknown, Declared: "BSD-3-Clause", Copyright: unknown,
		References: []reference{
			{"SECURITY", "cpe23Type", "cpe:2.3:a:golang:go:" + number + ":*:*:*:*:*:*:*"},
			{"PACKAGE-MANAGER", "purl", "pkg:golang/stdlib@" + number},
		},
	}
}

// id names an element of the document with what may stand in such a name.
func id(parts ...string) string {
	return "SPDXRef-" + regexp.MustCompile(`[^A-Za-z0-9.]+`).ReplaceAllString(strings.Join(parts, "-"), "-")
}
