package render

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func BenchmarkTemplate(b *testing.B) {
	var text strings.Builder
	for i := range 25 {
		fmt.Fprintf(&text, `# server %d of {{ .pod.name }}
server {{ .pod.ip }}:80{{ if eq .node.zone "eu-1a" }} weight=2{{ end }};
zone {{ index .pod.labels "app.kubernetes.io/version" | upper | quote }};
memory {{ fact "limits.memory" }} {{ fact "node.instanceType" "unknown" }};
`, i)
	}
	r := mustParse(b, text.String())
	s := web(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Render(b.Context(), io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnv(b *testing.B) {
	e := Env{}
	for i := range 20 {
		e.Entries = append(e.Entries, []Entry{
			{From: "pod.name"}, {From: "pod.labels['app']"}, {Value: "http://$(V0):80"}, {From: "limits.memory", Percent: 40},
		}[i%4])
		e.Entries[i].Name = fmt.Sprintf("V%d", i)
	}
	s := web(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Render(b.Context(), io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseTemplate(b *testing.B) {
	text := strings.Repeat("{{ .pod.name }} {{ range .pod.ips }}{{ . }}{{ end }}\n", 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseTemplate("app.tmpl", text, TemplateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
