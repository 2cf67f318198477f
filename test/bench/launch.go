package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// launcher makes the command that renders the labels of volume into output.
type launcher = func(ctx context.Context, volume, files, output string) (*exec.Cmd, error)

func (b *bench) launchOurs(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
	config, err := writeConfig(volume, files, output)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, b.podfacts, "run", "--config", config), nil
}

// init runs podfacts to its end.
func (b *bench) init(ctx context.Context, config string) (time.Duration, error) {
	return took(exec.CommandContext(ctx, b.podfacts, "init", "--config", config))
}

// writeConfig writes the configuration that has podfacts do what consul-template
// is told below.
func writeConfig(volume, files, output string) (string, error) {
	const text = `volumes:
- path: %q
outputs:
- path: %q
  text: |
    {{ range $key, $value := .pod.labels }}{{ $key }}="{{ $value }}"
    {{ end }}
`
	path := filepath.Join(files, "podfacts.yaml")
	return path, os.WriteFile(path, fmt.Appendf(nil, text, volume, output), 0o644)
}

func (b *bench) launchPeer(ctx context.Context, volume, files, output string) (*exec.Cmd, error) {
	source := filepath.Join(files, "labels.ctmpl")
	text := fmt.Sprintf("{{ file %q }}\n", filepath.Join(volume, "labels"))
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, b.consulTemplate, "-log-level=err", "-template", source+":"+output), nil
}
