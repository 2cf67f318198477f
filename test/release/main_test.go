package release

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// repository is a copy of this one, as one commit, and what was released of it.
var repository string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "podfacts-release-")
	if err == nil {
		defer os.RemoveAll(dir)
		repository, err = release(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// release copies the repository into a directory, commits it at a certain time, and
// releases it for Linux on this machine's architecture.
func release(dir string) (repository string, err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	for _, name := range []string{".gitignore", "go.mod", "go.sum", "LICENSE", "README.md", "CHANGELOG.md", "Dockerfile", "cmd", "agent", "charts", "render", "watch"} {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if err == nil && info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else if err == nil {
			var data []byte
			data, err = os.ReadFile(from)
			err = errors.Join(err, os.WriteFile(to, data, 0o644))
		}
		if err != nil {
			return "", err
		}
	}
	cmd := exec.Command("sh", "-c", "git init -q . && git add . && git commit -q -m one && go run ./cmd/release -snapshot -platforms linux/"+runtime.GOARCH)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=1767323045 +0000",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=1767323045 +0000")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("releasing: %w\n%s", err, out)
	}
	return dir, nil
}

// released is the one file of the release that matches a pattern.
func released(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, "dist", pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files are %s: %q, %v", len(files), pattern, files, err)
	}
	return files[0]
}

// TestReproducible makes the release again, elsewhere.
func TestReproducible(t *testing.T) {
	t.Parallel()
	again, err := release(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first, second := read(t, filepath.Join(repository, "dist")), read(t, filepath.Join(again, "dist"))
	if len(first) < 7 || len(first) != len(second) {
		t.Errorf("made %d files, then %d", len(first), len(second))
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s is not the same", name)
		}
	}
}

// TestChecksums has the tool check them that users have.
func TestChecksums(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "checksums.txt")
	cmd.Dir = filepath.Join(repository, "dist")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), ": OK\n") != 6 {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
