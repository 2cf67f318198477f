package downward

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// frozen lists the mount points at or below dir that show one version of a volume for
// ever: mounts with a subPath, which the kubelet resolves once, when the container starts.
// The root of such a mount lies in the directory of that version.
// Kubernetes: pkg/volume/util/subpath/subpath_linux.go, doBindSubPath.
func frozen(dir string, mountinfo []byte) []string {
	var points []string
	for line := range bytes.Lines(mountinfo) {
		root, point, _, ok := parseMount(string(line))
		if !ok || !strings.Contains(root, "/..") {
			continue
		}
		if rel, err := filepath.Rel(dir, point); err == nil && filepath.IsLocal(rel) {
			points = append(points, point)
		}
	}
	slices.Sort(points)
	return slices.Compact(points)
}

// warnOfFrozen says of what never changes that it will not.
func (f *follower) warnOfFrozen(mountinfo []byte) {
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return
	}
	if points := frozen(dir, mountinfo); len(points) > 0 {
		f.log.Warn("mounted with subPath, which Kubernetes never updates, so that its facts stay as they are; mount the whole volume instead",
			"volume", f.dir, "mounts", strings.Join(points, ", "))
	}
}
