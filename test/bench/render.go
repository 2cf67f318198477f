package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing/fstest"
	"text/template"
	"time"

	consul "github.com/hashicorp/consul-template/template"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
)

// hundredLines is a proxy's configuration as people write it: most lines are plain,
// some hold a field, and a few call a function. Both engines run it as it stands:
// everything comes through fact, which the peer gets as an extra function.
func hundredLines() string {
	return `{{ with fact "pod" }}` + strings.Repeat(`server {
    listen 8080;
    server_name {{ .name }}.{{ .namespace }}.svc;
    location /{{ .labels.app }}/ {
        proxy_pass http://127.0.0.1:9090;
        proxy_set_header X-Pod {{ .name | printf "%q" }};
        proxy_set_header X-Version "{{ .labels.version }}";
        proxy_read_timeout 30s;
    }
}
`, 10) + `{{ end }}`
}

// render measures the engines alone: no file is read or written.
func (b *bench) render(ctx context.Context) ([]row, error) {
	b.step("rendering")
	text := hundredLines()
	ours, err := oursOf(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("podfacts: %w", err)
	}
	peer, err := peerOf(text)
	if err != nil {
		return nil, fmt.Errorf("consul-template: %w", err)
	}
	if a, p, err := both(ours, peer); err != nil || !bytes.Equal(a, p) {
		return nil, fmt.Errorf("the two engines render differently: %w\n%.200q\n%.200q", err, a, p)
	}
	ourTime, peerTime, err := b.inTurns(ctx, ours, peer)
	if err != nil {
		return nil, err
	}
	ratio := float64(peerTime) / float64(ourTime)
	return []row{{
		figure:  "renders of a 100-line template",
		ours:    perSecond(ourTime),
		peer:    perSecond(peerTime) + " consul-template's engine",
		ratio:   times(ratio, 1),
		goal:    ">= 10x",
		reached: ratio >= 10,
	}}, nil
}

type renderer = func() ([]byte, error)

// oursOf parses once, as podfacts does, and renders a snapshot of a volume.
func oursOf(ctx context.Context, text string) (renderer, error) {
	snapshot, err := watch.Collect(ctx, &downward.Source{FS: fstest.MapFS{
		"name":      {Data: []byte("web-0")},
		"namespace": {Data: []byte("shop")},
		"labels":    {Data: []byte("app=\"web\"\nversion=\"v1\"")},
	}})
	if err != nil {
		return nil, err
	}
	t, err := render.ParseTemplate("bench", text, render.TemplateOptions{})
	if err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		var out bytes.Buffer
		err := t.Render(ctx, &out, snapshot)
		return out.Bytes(), err
	}, nil
}

// peerOf parses at each render, as consul-template does.
func peerOf(text string) (renderer, error) {
	pod := map[string]any{"name": "web-0", "namespace": "shop", "labels": map[string]string{"app": "web", "version": "v1"}}
	facts := map[string]any{"pod": pod}
	t, err := consul.NewTemplate(&consul.NewTemplateInput{
		Contents:      text,
		ErrMissingKey: true,
		ExtFuncMap:    template.FuncMap{"fact": func(path string) any { return facts[path] }},
	})
	if err != nil {
		return nil, err
	}
	brain := consul.NewBrain()
	return func() ([]byte, error) {
		result, err := t.Execute(&consul.ExecuteInput{Brain: brain})
		if err != nil {
			return nil, err
		}
		return result.Output, nil
	}, nil
}

func both(a, b renderer) (fromA, fromB []byte, err error) {
	if fromA, err = a(); err != nil {
		return nil, nil, err
	}
	fromB, err = b()
	return fromA, fromB, err
}

func perSecond(each time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(time.Second)/float64(each))
}
