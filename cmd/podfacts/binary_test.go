package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBinary builds the program as it is released. It runs in every pod, so its
// size is a promise; and a single call that finds methods by reflection makes the
// linker keep each exported method of each type in it, 2.6 MB of client-go. Such
// a call is in text/template's executor, and in cobra where it is given a
// template: package render/template says how to do without.
func TestBinary(t *testing.T) {
	t.Parallel()
	const most = 16_000_000
	file := filepath.Join(t.TempDir(), "podfacts")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -dumpdep", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var dependencies bytes.Buffer
	build.Stdout, build.Stderr = &dependencies, &dependencies
	if err := build.Run(); err != nil {
		t.Fatalf("%v\n%.2000s", err, dependencies.Bytes())
	}
	// cmd/link: "a -> b", what each symbol makes it keep, for those that are kept.
	main, callers := false, 0
	lines := bufio.NewScanner(&dependencies)
	for lines.Scan() {
		line := lines.Text()
		main = main || strings.HasPrefix(line, "main.main -> ")
		if from, to, ok := strings.Cut(line, " -> "); ok && strings.HasSuffix(to, "<ReflectMethod>") {
			if callers++; callers <= 10 {
				t.Errorf("%s keeps all exported methods: %s finds one by reflection", from, to)
			}
		}
	}
	if err := lines.Err(); err != nil || !main {
		t.Errorf("the linker does not tell what depends on what: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() > most {
		t.Errorf("the binary has %d bytes, more than %d; %v", info.Size(), most, err)
	}
}
