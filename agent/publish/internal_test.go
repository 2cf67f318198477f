package publish

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseMounts(t *testing.T) {
	t.Parallel()
	got := parseMounts(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,discard - ext4 /dev/vda rw
36 35 98:0 /mnt1 /run/pod\040facts rw,noatime master:1 - ext3 /dev/root rw,errors=continue

37 27 0:5 mnt:[4026532] relative rw - nsfs nsfs rw
short line
38 27 0:5 / /no/newline`)
	want := mounts{"/proc", "/", "/run/pod facts", "/no/newline"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	m := mounts{"/", "/run", "/run/podfacts", "/run/podfacts/sub", "/proc"}
	tests := []struct{ dir, chain, rel string }{
		{"/nowhere/at/all", "/", "nowhere/at/all"},
		{"/", "/", "."},
		{"/run", "/run", "."},
		{"/run/podfacts-not", "/run", "podfacts-not"},
		{"/run/podfacts/", "/run /run/podfacts", "."},
		{"/run/podfacts/conf.d/x", "/run /run/podfacts", "conf.d/x"},
		{"/run/podfacts/sub/x", "/run /run/podfacts /run/podfacts/sub", "x"},
	}
	for _, test := range tests {
		chain, rel, err := m.locate(test.dir)
		if err != nil || strings.Join(chain, " ") != test.chain || rel != test.rel {
			t.Errorf("%s: %q %q %v, want %q %q", test.dir, chain, rel, err, test.chain, test.rel)
		}
	}
}

// Where mount points are not told, what exists of the path confines.
func TestOpenDeepest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := openDeepest("a/b/x", filepath.Join(dir, "a/b"), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	if v.where != dir || v.rel != "a/b/x" || v.mounted(v.rel) {
		t.Errorf("root %s, path %s, want %s and a/b/x", v.where, v.rel, dir)
	}
	made, err := v.openDir("a/b/", true)
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	if deeper, err := openDeepest("a/b/x", filepath.Join(dir, "a/b"), "x"); err != nil {
		t.Error(err)
	} else if deeper.close(); deeper.rel != "x" {
		t.Errorf("path %s below an existing directory, want x", deeper.rel)
	}
}

// FuzzParseMounts writes a mount point as the kernel does and reads it back.
func FuzzParseMounts(f *testing.F) {
	for _, s := range []string{"/run/podfacts", "/a b", "/tab\t", "/line\nbreak", `/back\slash`, `/\040`, `/\`, "/#", "/\xff"} {
		f.Add(s, "22 27 0:21 / ")
	}
	f.Add("/x", "no mountinfo at all\n\n \n")
	f.Fuzz(func(t *testing.T, point, noise string) {
		for _, p := range parseMounts(noise) { // whatever it is, do not panic
			if !path.IsAbs(p) {
				t.Errorf("%q is a mount point of %q", p, noise)
			}
		}
		if !path.IsAbs(point) {
			return
		}
		got := parseMounts("36 35 98:0 / " + mangle(point) + " rw - tmpfs tmpfs rw\n")
		if !slices.Equal(got, mounts{point}) {
			t.Errorf("%q is read back as %q", point, got)
		}
	})
}

// mangle is the kernel's mangle_path with the set of fs/proc_namespace.c.
func mangle(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(" \t\n\\#", s[i]) >= 0 {
			fmt.Fprintf(&b, `\%03o`, s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func TestExpand(t *testing.T) {
	t.Parallel()
	tests := []struct{ arg, want string }{
		{"", ""},
		{"-c", "-c"},
		{"$PODFACTS_FILE", "/x $y"},
		{"${PODFACTS_FILE}", "/x $y"},
		{"--config=$PODFACTS_FILE", "--config=/x $y"},
		{"$PODFACTS_FILE:${PODFACTS_FILE}.bak", "/x $y:/x $y.bak"},
		{"$PODFACTS_FILENAME", "$PODFACTS_FILENAME"},
		{"$PODFACTS_FILE_", "$PODFACTS_FILE_"},
		{"${PODFACTS_FILE", "${PODFACTS_FILE"},
		{"$HOME ${HOME} $(id) $", "$HOME ${HOME} $(id) $"},
		{"$$PODFACTS_FILE", "$/x $y"},
	}
	for _, test := range tests {
		if got := expand(test.arg, "/x $y"); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.arg, got, test.want)
		}
	}
}

// FuzzExpand compares with a regular expression that says the same.
func FuzzExpand(f *testing.F) {
	f.Add("--config=$PODFACTS_FILE:${PODFACTS_FILE}", "/run/.pod.env.x.podfacts")
	f.Add("$$PODFACTS_FILE$PODFACTS_FILE1${PODFACTS_FILE", "$PODFACTS_FILE")
	variable := regexp.MustCompile(`\$\{PODFACTS_FILE\}|\$PODFACTS_FILE\b`)
	f.Fuzz(func(t *testing.T, arg, staged string) {
		want := variable.ReplaceAllLiteralString(arg, staged)
		if got := expand(arg, staged); got != want {
			t.Errorf("%q becomes %q, want %q", arg, got, want)
		}
	})
}

func FuzzTemporaryName(f *testing.F) {
	f.Add("pod.env", "pod.env.x")
	f.Add("a", "a.abcdefghijklm")
	f.Add(strings.Repeat("x", 255), "x")
	f.Fuzz(func(t *testing.T, base, other string) {
		if base == "" || len(base) > 255 || strings.ContainsAny(base+other, "/\x00") {
			return
		}
		name := temporaryName(base)
		if len(name) > 255 || name[0] != '.' || !strings.HasSuffix(name, ".podfacts") || temporaryName(base) == name {
			t.Errorf("%q has the temporary name %q", base, name)
		}
		if !isTemporary(name, base) {
			t.Errorf("%q is not recognised as %q's", name, base)
		}
		if len(base) <= maxBase && len(other) <= maxBase && other != base && isTemporary(name, other) {
			t.Errorf("%q counts as %q's", name, other)
		}
	})
}
