package render

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

// patience is a context that ends when it has been looked at so often.
type patience struct {
	context.Context
	looks int
}

func (p *patience) Err() error {
	if p.looks--; p.looks < 0 {
		return context.Canceled
	}
	return nil
}

// What would take years ends with the context, wherever it is.
func TestTemplatesEndWithTheContext(t *testing.T) {
	t.Parallel()
	const loop = `{{ range 5000000000 }}{{ end }}`
	for text, where := range map[string]string{
		loop:                                     "app.tmpl:1:",
		"\n\n{{ if true }}" + loop + "{{ end }}": "app.tmpl:3:",
		`{{ define "x" }}` + loop + `{{ end }}{{ template "x" . }}`:                                                                             "app.tmpl:1:",
		"{{ define `x` }}\n" + loop + "{{ end }}{{ include `x` . | upper }}":                                                                    "app.tmpl:2:",
		"\n{{ tpl `" + loop + "` . }}":                                                                                                          "app.tmpl:2:3: in the text of tpl, at 1:",
		`{{ define "x" }}{{ if . }}{{ include "x" (sub . 1) }}{{ include "x" (sub . 1) }}{{ end }}{{ end }}{{ include "x" 60 }}`:                "app.tmpl:1:",
		`{{ define "x" }}{{ if . }}{{ template "x" (slice . 1) }}{{ template "x" (slice . 1) }}{{ end }}{{ end }}{{ template "x" (until 60) }}`: "app.tmpl:1:",
		`{{ range until 90000 }}{{ range until 90000 }}{{ end }}{{ end }}`:                                                                      "app.tmpl:1:",
	} {
		ctx := &patience{t.Context(), 10_000}
		err := mustParse(t, text).Render(ctx, io.Discard, secrets(t))
		wantError(t, err, where, ": stopped: context canceled")
		if !errors.Is(err, context.Canceled) || watch.IsMissing(err) {
			t.Errorf("%s: %v does not say that the context has ended", text, err)
		}
	}
}

// Templates that call themselves end before the stack is too large.
func TestTemplatesCallThemselves(t *testing.T) {
	t.Parallel()
	_, err := tryRender(mustParse(t, `{{ define "x" }}{{ if . }}{{ template "x" . }}{{ end }}{{ end }}{{ template "x" . }}`), secrets(t))
	wantError(t, err, "app.tmpl:1:38: exceeded maximum template depth (10000)")
	text := `{{ define "x" }}{{ if . }}{{ template "x" (rest .) }}{{ end }}{{ end }}{{ template "x" (until 1000) }}done`
	if got := render(t, mustParse(t, text), web(t)); got != "done" {
		t.Errorf("got %q", got)
	}
}

// What would fill the memory ends early, and says which line does it.
func TestTemplatesAreBounded(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 1<<16)
	for _, text := range []string{
		`{{ range 5000000000 }}` + line + `{{ end }}`,
		`{{ define "x" }}{{ range 5000000000 }}` + line + `{{ end }}{{ end }}{{ $_ := include "x" . }}`,
		"{{ $_ := tpl `{{ range 5000000000 }}" + line + "{{ end }}` . }}",
		`{{ define "x" }}` + line + `{{ include "y" . }}{{ end }}{{ define "y" }}` + line + line + line + `{{ include "z" . }}{{ end }}{{ define "z" }}{{ range 1020 }}` + line + `{{ end }}{{ end }}{{ include "x" . }}`,
		`{{ $s := "` + line + `" }}{{ range 5000000000 }}{{ $s = print $s $s }}{{ end }}`,
	} {
		err := mustParse(t, text+`{{ env "TOKEN" }}`).Render(t.Context(), io.Discard, secrets(t))
		wantError(t, err, "app.tmpl:1:", "the text is more than 64 MiB; does a loop in the template end?")
	}
}
