//go:build unix

package publish_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// childVariable makes the test binary a publisher that gets killed; see
// crash_test.go.
const childVariable = "PODFACTS_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := child(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// payload is a file of version n: a checksum line, and a body whose length
// varies with n. A mix of two versions, or half of one, does not sum up.
func payload(n int) []byte {
	body := bytes.Repeat(fmt.Appendf(nil, "version %d\n", n), 1+n%97*7)
	return append(fmt.Appendf(nil, "%d %x\n", n, sha256.Sum256(body)), body...)
}

// version returns which payload it is, or an error for a torn one.
func version(data []byte) (n int, err error) {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	var sum string
	if _, err := fmt.Sscanf(string(head), "%d %s", &n, &sum); err != nil {
		return 0, fmt.Errorf("torn: %d bytes beginning with %.40q: %w", len(data), data, err)
	}
	if sum != fmt.Sprintf("%x", sha256.Sum256(body)) {
		return 0, fmt.Errorf("torn: version %d, %d bytes, the checksum is wrong", n, len(data))
	}
	return n, nil
}

// memory returns a directory where fsync costs nothing, if the system has one.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "publish-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t testing.TB, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t testing.TB, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t testing.TB, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if string(got) != text {
		t.Errorf("%s holds %.60q, want %.60q", path, got, text)
	}
}

func wantList(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := listing(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// listing names the entries of a directory, with the varying parts of the
// names of sets and temporaries left out.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, "..2") {
			name = "..2"
		}
		if base, ok := strings.CutSuffix(name, ".podfacts"); ok {
			name = strings.TrimSuffix(base, filepath.Ext(base)) + ".*.podfacts"
		}
		names = append(names, name)
	}
	return names
}

// tree describes all below a directory, so that two trees can be compared.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&b, path, " ", fi.Mode())
		if fi.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d bytes %.40q", len(text), text)
		}
		if link, err := os.Readlink(path); err == nil {
			fmt.Fprint(&b, " -> ", link)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantError checks what an error matches and what it tells the user.
func wantError(t testing.TB, err, target error, text ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if target != nil && !errors.Is(err, target) {
		t.Errorf("error %q is not %q", err, target)
	}
	for _, part := range text {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
