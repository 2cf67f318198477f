// Package expansion holds the expansion of $(NAME) in a declared variable against
// the code that the kubelet expands with.
package expansion

import (
	"testing"

	"github.com/podfacts/podfacts/watch/environ"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

func FuzzExpand(f *testing.F) {
	for _, text := range []string{
		"", "$", "$$", "$$$", "$(A)", "$$(A)", "$$$(A)", "$(A", "$()", "$(B)", "$(A)$(B)", "$(A$(B))", "a$", "a$b", "$(A)(B)", "$ (A)", "$(A))",
		"http://$(HOST):$(PORT)/", "日$語", "$\xff", "$$(\xff)", "\x00$(A)",
	} {
		f.Add(text, "value")
		f.Add(text, "$(B)")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		known := map[string]string{"A": value, "": "empty", "A$(B": "odd"}
		want := expansion.Expand(text, expansion.MappingFuncFor(known))
		got := environ.Expand(text, func(name string) (string, bool) { value, ok := known[name]; return value, ok })
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	})
}
