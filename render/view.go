package render

import (
	"encoding/json"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
)

// View writes the whole view, or what lies below one path, as JSON or YAML.
type View struct {
	Name   string // the output's name in needs
	Format string // json or yaml
	Path   watch.Path
	// ShowSensitive writes sensitive values too; otherwise they are left out.
	ShowSensitive bool
}

// Needs is all there is below the path.
func (v *View) Needs() watch.Needs {
	return watch.Needs{{Path: v.Path, Optional: true, By: v.Name}}
}

// Render writes the tree, with sorted keys.
func (v *View) Render(w io.Writer, s *watch.Snapshot) error {
	var tree any = s.Tree()
	if !v.ShowSensitive {
		tree = s.Public()
	}
	if v.Path != "" {
		fact, err := s.Lookup(v.Path)
		if err != nil {
			return err
		}
		tree = fact.Value
	}
	return Encode(w, v.Format, tree)
}

// Encode writes a value as JSON, indented and with no HTML escapes, or as
// YAML.
func Encode(w io.Writer, format string, value any) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	case "yaml":
		enc := yaml.NewEncoder(w)
		enc.SetIndent(2)
		if err := enc.Encode(value); err != nil {
			return err
		}
		return enc.Close()
	}
	return fmt.Errorf("unknown format %q; use json or yaml", format)
}
