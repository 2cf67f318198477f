package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRulesBite shows each rule a package that breaks it and one that does not.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	const doc = "// Package watch is a package.\n"
	tests := []struct {
		name   string
		file   string // where the source stands, from the root
		source string
		want   string // part of the only report, or none
	}{
		{"import of what comes first", "render/r.go", "// Package render is.\npackage render\nimport _ \"" + module + "/watch\"\n", ""},
		{"import of what comes later", "watch/w.go", doc + "package watch\nimport _ \"" + module + "/render/envfile\"\n", "comes after it"},
		{"import of what comes later, in a test", "watch/w_test.go", doc + "package watch\nimport _ \"" + module + "/cmd/podfacts\"\n", "comes after it"},
		{"client-go at home", "watch/apiserver/a.go", "// Package apiserver is.\npackage apiserver\nimport _ \"k8s.io/client-go/rest\"\n", ""},
		{"client-go elsewhere", "watch/w.go", doc + "package watch\nimport _ \"k8s.io/client-go/rest\"\n", "only watch/apiserver may"},
		{"no comment", "watch/w.go", "package watch\n", "0 package comments"},
		{"comment that names another", "watch/w.go", "// Package other is.\npackage watch\n", "does not start with"},
		{"init", "watch/w.go", doc + "package watch\nfunc init() {}\n", "func init"},
		{"method named init", "watch/w.go", doc + "package watch\ntype a int\nfunc (a) init() {}\n", ""},
		{"state", "watch/w.go", doc + "package watch\nvar count int\n", "state count"},
		{"state of a call", "watch/w.go", doc + "package watch\nvar home = os.Getenv(\"HOME\")\n", "state home"},
		{"error", "watch/w.go", doc + "package watch\nvar ErrGone = errors.New(\"gone\")\n", ""},
		{"error that is no failure", "watch/w.go", doc + "package watch\nvar Stop = errors.New(\"stop\")\n", ""},
		{"table", "watch/w.go", doc + "package watch\nvar names = []string{\"a\"}\nfunc f(names []string) { names[0] = \"b\" }\n", ""},
		{"table that is changed", "watch/w.go", doc + "package watch\nvar names = map[string]int{}\nfunc f() { names[\"a\"]++ }\n", "changes the package-level variable names"},
		{"table that is emptied", "watch/w.go", doc + "package watch\nvar names = map[string]int{}\nfunc f() { clear(names) }\n", "changes the package-level variable names"},
		{"table whose address is taken", "watch/w.go", doc + "package watch\nvar names = [2]int{}\nfunc f() *int { return &names[0] }\n", "changes the package-level variable names"},
		{"table for everyone", "watch/w.go", doc + "package watch\nvar Names = []string{}\n", "anyone can change"},
		{"embedded file", "watch/w.go", doc + "package watch\n//go:embed a.txt\nvar text string\n", ""},
		{"stamped version", "cmd/podfacts/main.go", "// Podfacts is.\npackage main\nvar version = \"devel\"\n", ""},
		{"exit of main", "cmd/podfacts/main.go", "// Podfacts is.\npackage main\nfunc main() { os.Exit(run()) }\n", ""},
		{"exit of another", "cmd/podfacts/main.go", "// Podfacts is.\npackage main\nfunc run() { os.Exit(1) }\n", "os.Exit outside of main"},
		{"log.Fatal", "watch/w.go", doc + "package watch\nfunc f() { log.Fatalf(\"\") }\n", "log.Fatalf outside of main"},
		{"long file", "watch/w.go", doc + "package watch\n" + strings.Repeat("\n", maxLines), "lines, more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			file := filepath.Join(root, filepath.FromSlash(test.file))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(test.source), 0o644); err != nil {
				t.Fatal(err)
			}
			var reports []string
			for _, p := range load(t, root) {
				for _, check := range rules {
					check(p, func(format string, args ...any) { reports = append(reports, fmt.Sprintf(format, args...)) })
				}
			}
			got := strings.Join(reports, "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) || len(reports) > 1 {
				t.Errorf("reported %q, want %q", got, test.want)
			}
		})
	}
}
