package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const changelog = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - 2026-01-02\n\n### Added\n- this\n\n## [1.2.2] - 2026-01-01\n- that\n\n[1.2.3]: https://example.com\n"

// repository is one with a program that takes no time to build, tagged as v1.2.3. All are
// the same commit.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		".gitignore": "/dist/\n.dist-*/\n", "LICENSE": "free\n", "README.md": "read\n", "CHANGELOG.md": changelog,
		"charts/podfacts/Chart.yaml":     "name: podfacts\nversion: 0.1.0\nappVersion: latest\n",
		"charts/podfacts/values.yaml":    "image:\n  repository: podfacts/podfacts\n",
		"charts/podfacts-lib/Chart.yaml": "name: podfacts-lib\nversion: 0.1.0\nappVersion: latest\n",
		"go.mod":                         "module github.com/podfacts/podfacts\n\ngo 1.26\n",
		"cmd/podfacts/main.go":           "package main\n\nimport \"os\"\n\nvar version string\n\nfunc main() { os.Stdout.WriteString(version + os.Args[1] + os.Args[2]) }\n",
	})
	shell(t, dir, "git init -q . && git add . && git commit -q -m one && git tag v1.2.3")
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// shell runs commands as somebody at a certain time.
func shell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=1767323045 +0000",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=1767323045 +0000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// release runs the program, and returns its exit code and what it says.
func releasing(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return releasingAt(t.Context(), dir, "", args...)
}

func releasingAt(ctx context.Context, dir, epoch string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	getenv := func(name string) string { return map[string]string{"SOURCE_DATE_EPOCH": epoch}[name] }
	code = run(ctx, append([]string{"-root", dir, "-out", filepath.Join(dir, "dist")}, args...), getenv, &out, &err)
	return code, out.String(), err.String()
}

// TestRelease makes one of everything, twice, in different directories and at different
// times.
func TestRelease(t *testing.T) {
	t.Parallel()
	const platforms = "linux/amd64,windows/amd64"
	first, second := repository(t), repository(t)
	code, stdout, stderr := releasing(t, first, "-platforms", platforms)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	files := read(t, filepath.Join(first, "dist"))
	want := []string{
		"checksums.txt", "krew/podfacts.yaml", "podfacts-1.2.3.tgz", "podfacts-lib-1.2.3.tgz", "podfacts_1.2.3.spdx.json", "podfacts_1.2.3_image.oci.tar",
		"podfacts_1.2.3_image_linux_amd64.docker.tar", "podfacts_1.2.3_linux_amd64.tar.gz", "podfacts_1.2.3_windows_amd64.zip", "release-notes.md",
	}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("made %q\nwant %q", got, want)
	}
	if got, want := files["release-notes.md"], "### Added\n- this\n"; got != want {
		t.Errorf("the notes are %q, want %q", got, want)
	}
	for name, text := range files {
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name); strings.HasPrefix(name, "podfacts") != strings.Contains(files["checksums.txt"], line) {
			t.Errorf("checksums.txt has of %s the wrong thing:\n%s", name, files["checksums.txt"])
		}
		if strings.HasPrefix(name, "podfacts") && !strings.Contains(stdout, name) {
			t.Errorf("the table lacks %s:\n%s", name, stdout)
		}
	}
	for _, says := range []string{"podfacts v1.2.3, commit ", "linux/amd64    image ", "windows/amd64  "} {
		if !strings.Contains(stdout, says) {
			t.Errorf("does not say %q:\n%s", says, stdout)
		}
	}

	members := append([]string{"CHANGELOG.md", "LICENSE", "README.md", "THIRD_PARTY_LICENSES"}, "completions/_podfacts", "completions/podfacts.bash",
		"completions/podfacts.fish", "completions/podfacts.ps1")
	if got, want := untar(t, files["podfacts_1.2.3_linux_amd64.tar.gz"]), append(members, "podfacts"); !slices.Equal(got, want) {
		t.Errorf("the archive for linux has %q, want %q", got, want)
	}
	if got, want := unzip(t, files["podfacts_1.2.3_windows_amd64.zip"]), append(members, "podfacts.exe"); !slices.Equal(got, want) {
		t.Errorf("the archive for windows has %q, want %q", got, want)
	}

	now := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(second, "README.md"), now, now); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := releasing(t, second, "-platforms", platforms); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	for name, text := range read(t, filepath.Join(second, "dist")) {
		if text != files[name] {
			t.Errorf("made again, %s is not the same", name)
		}
	}

	// Another time gives something else, so what is the same does depend on it.
	if code, _, stderr := releasingAt(t.Context(), second, "1000000000", "-platforms", platforms); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	if image := read(t, filepath.Join(second, "dist"))["podfacts_1.2.3_image.oci.tar"]; !strings.Contains(image, "2001-09-09T01:46:40Z") {
		t.Error("SOURCE_DATE_EPOCH does not count")
	}
}

// TestSnapshot releases what is not committed and not in the changelog.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := repository(t)
	write(t, dir, map[string]string{"README.md": "changed\n"})
	code, stdout, stderr := releasing(t, dir, "-snapshot", "-platforms", "linux/arm64")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	if !regexp.MustCompile(`^podfacts v0\.0\.0-20260102030405-[0-9a-f]{12}\.changed, `).MatchString(stdout) {
		t.Errorf("says\n%s", stdout)
	}
	if got, want := read(t, filepath.Join(dir, "dist"))["release-notes.md"], "- later\n"; got != want {
		t.Errorf("the notes are %q, want %q", got, want)
	}
}

// TestRefuses: what cannot be released says why, and leaves what was there.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		script string // what is done to the repository before
		args   []string
		code   int
		says   string
	}{
		{"changed", "echo x >>README.md; touch new", nil, 1, "the work tree is not what was committed; commit this or remove it, or try things with -snapshot:\n   M README.md\n  ?? new\n"},
		{"not tagged", "git tag -d v1.2.3; git tag other", nil, 1, "has no tag such as v1.2.3"},
		{"two tags", "git tag v1.2.4", nil, 1, "is v1.2.3 and v1.2.4 at once"},
		{"not in the changelog", "git tag -d v1.2.3; git tag v1.2.4", nil, 1, "CHANGELOG.md has no section ## [1.2.4]; name what is Unreleased there so"},
		{"nothing in the changelog", "git tag -d v1.2.3; printf '## [1.2.3]\\n\\n## [1.2.2]\\n- a\\n' >CHANGELOG.md; git commit -qam b; git tag v1.2.3", nil, 1, "CHANGELOG.md says nothing of [1.2.3]"},
		{"no repository", "rm -r .git", nil, 1, "a release is made from a clone of the repository"},
		{"broken program", "git tag -d v1.2.3; echo nonsense >>cmd/podfacts/main.go; git commit -qam b; git tag v1.2.3", nil, 1, "main.go:8"},
		{"broken for one platform", "git tag -d v1.2.3; echo package nothing >cmd/podfacts/a_darwin.go; git add .; git commit -qam b; git tag v1.2.3",
			[]string{"-platforms", "linux/amd64,darwin/arm64"}, 1, "building for darwin/arm64"},
		{"too big", "", []string{"-max-size", "0.1"}, 1, "MB, more than the 0.10 MB of -max-size"},
		{"something else there", "rm -r dist; mkdir dist; touch dist/mine", nil, 1, "dist holds something that is no release"},
		{"unknown platform", "", []string{"-platforms", "linux/amd64,plan9/amd64"}, 2, `-platforms: "plan9/amd64" is none of linux/amd64, `},
		{"argument", "", []string{"now"}, 2, `takes no arguments, but got "now"`},
		{"unknown flag", "", []string{"-fast"}, 2, "flag provided but not defined: -fast"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := repository(t)
			write(t, dir, map[string]string{"dist/checksums.txt": "", "dist/podfacts_old": "old"})
			shell(t, dir, test.script)
			before := read(t, filepath.Join(dir, "dist"))
			code, _, stderr := releasing(t, dir, append([]string{"-platforms", "linux/amd64"}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.says) {
				t.Errorf("exit code %d, want %d; says\n%s\nwant\n%s", code, test.code, stderr, test.says)
			}
			if after := read(t, filepath.Join(dir, "dist")); !maps.Equal(before, after) {
				t.Errorf("left %q, there was %q", after, before)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".dist-*")); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestInterrupted: ^C leaves nothing, either.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	dir := repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, stderr := releasingAt(ctx, dir, ""); code != 1 || !strings.Contains(stderr, context.Canceled.Error()) {
		t.Errorf("exit code %d, says\n%s", code, stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*dist*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// read returns the files below a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// untar lists an archive, in its order, and checks the modes.
func untar(t *testing.T, text string) (names []string) {
	t.Helper()
	gz, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		checkMode(t, h.Name, h.FileInfo().Mode())
	}
}

func unzip(t *testing.T, text string) (names []string) {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		names = append(names, f.Name)
		checkMode(t, f.Name, f.Mode())
	}
	return names
}

func checkMode(t *testing.T, name string, mode fs.FileMode) {
	t.Helper()
	if program := strings.TrimSuffix(name, ".exe") == "podfacts"; program != (mode == 0o755) || !program && mode != 0o644 {
		t.Errorf("%s has the mode %v", name, mode)
	}
}

// TestReplace: what was there stays where nothing can take its place.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, out := filepath.Join(dir, "made"), filepath.Join(dir, "made", "out") // no directory can be moved into itself
	write(t, out, map[string]string{"a": "old"})
	if err := replace(made, out); err == nil {
		t.Error("a directory took the place of another below it")
	}
	if got := read(t, out)["a"]; got != "old" {
		t.Errorf("there is %q, was old", got)
	}
	write(t, filepath.Join(dir, "new"), map[string]string{"a": "new"})
	if err := replace(filepath.Join(dir, "new"), out); err != nil || read(t, out)["a"] != "new" {
		t.Errorf("there is %q, %v", read(t, out), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.old")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
