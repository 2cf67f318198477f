package publish_test

import (
	"path/filepath"
	"testing"

	"github.com/podfacts/podfacts/test/sandbox"
)

// volumes mounts two file systems side by side: one to publish into, and one
// that must not be touched.
func volumes(t *testing.T) (in, out string) {
	t.Helper()
	base := t.TempDir()
	in = sandbox.Tmpfs(t, filepath.Join(base, "in"), "")
	out = sandbox.Tmpfs(t, filepath.Join(base, "out"), "")
	write(t, filepath.Join(out, "victim"), "untouched", 0o644)
	return in, out
}
