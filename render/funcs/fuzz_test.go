package funcs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/podfacts/podfacts/render/funcs"
)

// FuzzFunctions calls every function with any arguments, through a template.
// text/template turns a panic into an error; this test does not forgive it.
func FuzzFunctions(f *testing.F) {
	names, all := funcs.Names(), funcs.Map()
	for i := range names {
		f.Add(uint16(i), "a", "b/c", int64(3), 1.5, uint32(0x01234567))
		f.Add(uint16(i), "%d", "", int64(-1), math.Copysign(0, -1), uint32(0x89abcdef))
		f.Add(uint16(i), "1e9", "\xff", int64(1<<62), 1e300, uint32(0x76543210))
	}
	f.Fuzz(func(t *testing.T, pick uint16, a, b string, n int64, x float64, shape uint32) {
		name := names[int(pick)%len(names)]
		values := []any{
			a, b, n, int(n), x, nil, true, []string{a, b}, []any{a, n, nil, x}, map[string]string{a: b},
			map[string]any{a: b, b: n, "m": map[string]any{b: a}}, []int{int(n)}, time.Unix(n, 0), (*time.Time)(nil), func() {}, uint8(n),
		}
		args := ""
		data := map[string]any{}
		for i := range shape % 5 {
			key := fmt.Sprintf("v%d", i)
			data[key] = values[shape>>(4*(i+1))%16]
			args += " ." + key
		}
		text := "{{ " + name + args + " }}"
		tmpl, err := template.New("").Funcs(template.FuncMap{name: witness(t, text, data, all[name])}).Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_ = tmpl.Execute(io.Discard, data)
	})
}

// witness is a function that fails the test when fn panics.
func witness(t *testing.T, text string, data any, fn any) any {
	v := reflect.ValueOf(fn)
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		defer func() {
			if p := recover(); p != nil {
				t.Fatalf("%s with %#v panics: %v", text, data, p)
			}
		}()
		if v.Type().IsVariadic() {
			return v.CallSlice(args)
		}
		return v.Call(args)
	}).Interface()
}

func FuzzShellQuote(f *testing.F) {
	f.Add("it's", "$HOME `id` \\ \"\n")
	f.Add("", "-n")
	f.Fuzz(func(t *testing.T, a, b string) {
		words, err := render(`{{ shellQuote .a .b }}`, map[string]any{"a": a, "b": b})
		if err != nil {
			if !strings.Contains(a+b, "\x00") {
				t.Fatal(err)
			}
			return
		}
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "printf '%s|%s' "+words).Output()
		if err != nil || string(out) != a+"|"+b {
			t.Errorf("sh reads %s as %q, %v", words, out, err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a": [1, 1.5, "x", null, true, 12345678901234567890, 1e400]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		got, err := render(`{{ fromJson . | toRawJson }}`, doc)
		var want any
		if jsonErr := json.Unmarshal([]byte(doc), &want); (err == nil) != (jsonErr == nil) {
			t.Fatalf("%q: %v, but encoding/json says %v", doc, err, jsonErr)
		}
		var back any
		if err == nil && (json.Unmarshal([]byte(got), &back) != nil || !reflect.DeepEqual(back, want)) {
			t.Errorf("%q became %q", doc, got)
		}
	})
}

func BenchmarkMap(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		funcs.Map()
	}
}

func BenchmarkExecute(b *testing.B) {
	for name, text := range map[string]string{
		"strings": `{{ .pod.name | upper | trimSuffix "-0" | quote }}`,
		"labels":  `{{ range $k, $v := .pod.labels }}{{ envName $k }}={{ shellQuote $v }}{{ end }}`,
		"toYaml":  `{{ toYaml .pod | nindent 4 }}`,
		"toJson":  `{{ toJson .pod }}`,
	} {
		b.Run(name, func(b *testing.B) {
			t := template.Must(template.New("").Funcs(funcs.Map()).Parse(text))
			data := facts()
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Execute(io.Discard, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
