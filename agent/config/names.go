package config

import (
	"fmt"
	"strings"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// Dialect looks up an env dialect. The error says what may have been meant.
func Dialect(name string) (envfile.Dialect, error) {
	d, ok := envfile.Lookup(name)
	if !ok {
		return d, unknown("format", name, Dialects())
	}
	return d, nil
}

// Dialects lists the names of the env dialects.
func Dialects() []string { return names(envfile.Dialects()) }

// Preset looks up a preset. The error says what may have been meant.
func Preset(name string) (render.Preset, error) {
	p, ok := render.LookupPreset(name)
	if !ok {
		return p, unknown("preset", name, Presets())
	}
	return p, nil
}

// Presets lists the names of the presets.
func Presets() []string { return names(render.Presets()) }

// unknown says that there is no such name, and what may have been meant.
func unknown(what, name string, known []string) error {
	if near := watch.Nearest(name, known); near != "" {
		return fmt.Errorf("unknown %s %q; did you mean %s?", what, name, near)
	}
	return fmt.Errorf("unknown %s %q; known are %s", what, name, strings.Join(known, ", "))
}

func names[T fmt.Stringer](all []T) []string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.String()
	}
	return texts
}
