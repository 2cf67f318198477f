package render

import (
	"context"
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
func (v *View) Render(_ context.Context, w io.Writer, s *watch.Snapshot) error {
	tree, err := v.tree(s)
	if err != nil {
		return err
	}
	return Encode(w, v.Format, tree)
}

func (v *View) tree(s *watch.Snapshot) (any, error) {
	if v.Path == "" && v.ShowSensitive {
		return s.Tree(), nil
	} else if v.Path == "" {
		return s.Public(), nil
	}
	fact, err := s.Lookup(v.Path)
	if err != nil {
		return nil, err
	}
	if v.ShowSensitive || !fact.Sensitive {
		return fact.Value, nil
	}
	// Some of what lies below the path is sensitive, or all of it.
	var public any = s.Public()
	for _, segment := range fact.Path.Segments() {
		group, _ := public.(map[string]any)
		public = group[segment]
	}
	if public == nil {
		return nil, fmt.Errorf("%s is sensitive and not shown; ask for sensitive values to see it", fact.Path)
	}
	return public, nil
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
