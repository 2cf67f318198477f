package publish

import (
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// mounts are the mount points of the process's mount namespace.
type mounts []string

// readMounts returns nil where the system does not tell.
func readMounts() mounts {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(string(data))
}

// parseMounts reads the fifth field of each line, as proc_pid_mountinfo(5)
// describes it:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
//
// Lines that are not of that form are passed over.
func parseMounts(text string) mounts {
	var points mounts
	for line := range strings.Lines(text) {
		field := ""
		for range 5 {
			field, line, _ = strings.Cut(line, " ")
		}
		if point := unescape(field); path.IsAbs(point) {
			points = append(points, point)
		}
	}
	return points
}

// unescape undoes the kernel's mangle_path, which writes blank, tab, newline,
// backslash and '#' as a backslash and three octal digits.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] <= '3' && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(c byte) bool { return '0' <= c && c <= '7' }

func (m mounts) has(point string) bool { return slices.Contains(m, point) }

// chain lists the mount points that hold the absolute path, outermost first.
// The container's root file system counts only where there is no other.
func (m mounts) chain(name string) []string {
	var points []string
	for p := name; p != "/"; p = path.Dir(p) {
		if m.has(p) {
			points = append([]string{p}, points...)
		}
	}
	if points == nil {
		return []string{"/"}
	}
	return points
}

// locate splits an absolute directory into the mount points that hold it and
// the path below the last of them. Links are followed in the root file system
// alone, which is the container's own; those in a volume are left to os.Root.
// What does not exist yet is taken as it is written.
func (m mounts) locate(dir string) (chain []string, rel string, err error) {
	cur, rest, hops := "/", strings.Split(dir, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			cur = path.Dir(cur)
			continue
		}
		cur = path.Join(cur, name)
		if m.chain(cur)[0] != "/" {
			continue
		}
		link, err := os.Readlink(cur)
		if err != nil {
			continue // not a link, or not there
		}
		if hops++; hops > maxLinks {
			return nil, "", &os.PathError{Op: "readlink", Path: dir, Err: syscall.ELOOP}
		}
		cur = path.Dir(cur)
		if path.IsAbs(link) {
			cur = "/"
		}
		rest = append(strings.Split(link, "/"), rest...)
	}
	chain = m.chain(cur)
	return chain, below(chain[len(chain)-1], cur), nil
}

// below is the path of name relative to dir, which holds it.
func below(dir, name string) string {
	rel := strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
	if rel == "" {
		return "."
	}
	return rel
}
