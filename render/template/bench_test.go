package template

import (
	"io"
	"reflect"
	"strings"
	"testing"
	oracle "text/template"
)

// benchmarks are what templates are made of, a hundred lines of each.
func benchmarks() map[string]string {
	return map[string]string{
		"text":      "server { listen 8080; }\n",
		"field":     "name {{ .pod.name }};\n",
		"labels":    "app {{ .pod.labels.app }};\n",
		"function":  "name {{ .pod.name | upper }};\n",
		"printf":    "name {{ printf `%q` .pod.name }};\n",
		"condition": "{{ if eq .pod.name `web-0` }}yes{{ else }}no{{ end }};\n",
		"loop":      "{{ range .pod.ips }}{{ . }},{{ end }}\n",
		"map":       "{{ range $k, $v := .pod.labels }}{{ $k }}={{ $v }},{{ end }}\n",
		"reflected": "{{ cut .pod.name 3 }}\n",
	}
}

func benchmarkFuncs() map[string]any {
	return map[string]any{"upper": strings.ToUpper, "cut": func(s string, n int) string { return s[:n] }}
}

func benchmarkData() map[string]any {
	return map[string]any{"pod": map[string]any{"name": "web-0", "ips": []any{"10.1.2.3", "fd00::3"}, "labels": map[string]string{"app": "web", "tier": "front"}}}
}

// BenchmarkExecute has text/template beside it.
func BenchmarkExecute(b *testing.B) {
	for name, line := range benchmarks() {
		text := strings.Repeat(line, 100)
		b.Run(name+"/here", func(b *testing.B) {
			set := Set{Funcs: benchmarkFuncs()}
			tree, err := set.Parse("t", text)
			if err != nil {
				b.Fatal(err)
			}
			run := Run{Context: b.Context()}
			b.ReportAllocs()
			for b.Loop() {
				run.Out = run.Out[:0]
				if err := run.Execute(&set, tree, benchmarkData()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/text-template", func(b *testing.B) {
			t := oracle.Must(oracle.New("t").Option("missingkey=error").Funcs(benchmarkFuncs()).Parse(text))
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Execute(io.Discard, benchmarkData()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInvoke says what calling without package reflect is worth.
func BenchmarkInvoke(b *testing.B) {
	type other func(any, any) (any, error) // a type that direct does not know
	first := func(a, _ any) (any, error) { return a, nil }
	for name, fn := range map[string]any{"direct": first, "reflected": other(first)} {
		b.Run(name, func(b *testing.B) {
			in := []reflect.Value{reflect.ValueOf("a"), reflect.ValueOf(1)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := invoke(fn, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
