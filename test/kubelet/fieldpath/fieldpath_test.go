// Package fieldpath holds podfacts' readers against pkg/fieldpath of Kubernetes,
// which writes the labels and annotations files of a volume.
package fieldpath

import (
	"maps"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch/downward"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/kubernetes/pkg/fieldpath"
)

// FuzzMap writes a map with Kubernetes' code and reads it back with ours, and
// writes it with ours and asks for the same bytes.
func FuzzMap(f *testing.F) {
	for _, value := range []string{
		"", "web", `say "hi"`, "it's", `C:\new`, "two\nlines\n", "cr\r\n", "\t\v\f\a\b", "$HOME `id`", "key=\"value\"", `\`, `\"`,
		"日本語", "\u00a0\u2028\u200b\ufeff", "\x7f\u0085", "\U0010ffff", "\ufffd", "a\xff\xc3", "\x00",
	} {
		f.Add("app.kubernetes.io/name", value, "version", "v1")
		f.Add("a", "1", "A", value)
	}
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		m := map[string]string{}
		for key, value := range map[string]string{key1: value1, key2: value2} {
			// Annotations may have capitals that labels may not, pkg/apis/core/validation.
			if len(validation.IsQualifiedName(strings.ToLower(key))) == 0 {
				m[key] = value
			}
		}
		text := fieldpath.FormatMap(m)
		got, err := downward.ParseMap([]byte(text))
		if err != nil || !maps.Equal(got, m) {
			t.Errorf("ParseMap(%q) = %q, %v; want %q", text, got, err, m)
		}
		if got := string(downward.FormatMap(m)); got != text {
			t.Errorf("FormatMap(%q) = %q, want %q", m, got, text)
		}
	})
}
