package downward

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// serviceAccountDir holds such a volume too, with nothing but a namespace.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// conventionalDirs lists where people mount the volume.
func conventionalDirs() []string {
	return []string{"/etc/podinfo", "/etc/pod-info", "/podinfo", "/pod-info", "/etc/downward-api", "/etc/downwardapi", "/etc/istio/pod"}
}

// Find looks for volumes that nobody named: in conventional directories, and
// at every mount point that has a ..data link. It returns those that prove to
// be about a pod, by a labels or annotations file with at least one line, by
// a limit or request of a container, or by a file such as podName. The
// sources are marked Auto.
//
// root is the root directory, "/" but in tests. mountinfo is the text of
// /proc/self/mountinfo, or nothing.
func Find(ctx context.Context, root string, mountinfo []byte) []*Source {
	var found []*Source
	var seen []os.FileInfo
	for _, dir := range append(conventionalDirs(), mountPoints(root, mountinfo)...) {
		s := &Source{Dir: filepath.Join(root, dir), Auto: true}
		info, err := os.Stat(s.Dir)
		if err != nil || slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			continue
		}
		seen = append(seen, info)
		if s.holds(ctx) {
			found = append(found, s)
		}
	}
	return found
}

// Discover is [Find] on the system that runs this process.
func Discover(ctx context.Context) []*Source {
	mountinfo, _ := os.ReadFile("/proc/self/mountinfo") // there is none but on Linux
	return Find(ctx, "/", mountinfo)
}

// holds reports whether the volume is about a pod.
func (s *Source) holds(ctx context.Context) bool {
	entries, err := s.entries(ctx)
	return err == nil && s.proves(interpret(s, entries))
}

// mountPoints lists the mount points with a ..data link, sorted.
func mountPoints(root string, mountinfo []byte) []string {
	var dirs []string
	for line := range bytes.Lines(mountinfo) {
		_, dir, fsType, ok := parseMount(string(line))
		if !ok || remote(fsType) || isServiceAccount(dir) {
			continue
		}
		if info, err := os.Lstat(filepath.Join(root, dir, dataLink)); err == nil && info.Mode().Type() == os.ModeSymlink {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// isServiceAccount knows the directory also where /var/run is a link to /run.
func isServiceAccount(dir string) bool {
	return dir == serviceAccountDir || dir == strings.TrimPrefix(serviceAccountDir, "/var")
}

// remote reports file systems on which a look can hang while a server is
// away. The kubelet puts Downward API volumes on none of them.
func remote(fsType string) bool {
	for _, prefix := range []string{"nfs", "cifs", "smb", "ceph", "fuse", "gluster", "lustre", "afs"} {
		if strings.HasPrefix(fsType, prefix) {
			return true
		}
	}
	return false
}

// parseMount reads what of its file system is mounted, the mount point and the
// type of a line of mountinfo:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
func parseMount(line string) (root, dir, fsType string, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields, types := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 5 || len(types) == 0 {
		return "", "", "", false
	}
	return unescapeOctal(fields[3]), unescapeOctal(fields[4]), types[0], true
}

// unescapeOctal undoes the kernel's \040 for blanks, tabs, newlines and
// backslashes.
func unescapeOctal(s string) string {
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(s, `\`)
		b.WriteString(plain)
		if !found {
			return b.String()
		}
		if len(rest) >= 3 {
			if n, err := strconv.ParseUint(rest[:3], 8, 8); err == nil {
				b.WriteByte(byte(n))
				s = rest[3:]
				continue
			}
		}
		b.WriteByte('\\')
		s = rest
	}
}
