package env

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/podfacts/podfacts/render/envfile"
	"k8s.io/apimachinery/pkg/util/validation"
)

// side is a dialect that a kubelet reads: with its reader, and with the line that
// holds an entry when nobody checks it.
type side struct {
	dialect envfile.Dialect
	read    Reader
	line    func(name, value string) string
}

func sides() []side {
	return []side{
		{envfile.Kubernetes, Read, func(name, value string) string { return name + "='" + value + "'\n" }},
		{envfile.Kubernetes134, Read134, func(name, value string) string { return name + "=" + value + "\n" }},
	}
}

func FuzzKubeletReadsBack(f *testing.F) {
	for _, value := range values() {
		f.Add("NAME", value)
		f.Add(value, "value")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, s := range sides() {
			checkEntry(t, s, name, value)
		}
	})
}

// values are those that one of the parsers treats in a way of its own.
func values() []string {
	long := strings.Repeat("x", 1<<16)
	return []string{
		"web-0", "", " ", " a ", "\ta\t", "a b", "it's", "'", "''", "'\nEVIL='1", "a\nEVIL=1", "a\n", "\n", "\na",
		"one\r\ntwo", "one\r", "\r\n", "\rone", "#a", "a #b", "a=b", "=", "export A", `a\`, `a\ `, `\`, `\\`, `"a"`, "$HOME `id` $(id)",
		"{\"a\": [1, 2]}\n", "日本語", "\ufeffa", "a\u00a0", "\u2028", "a\xff", "a\x00b", "\v", "\f",
		long, long[:65530], long[:65000] + "\n" + long[:65000], long + long,
	}
}

// checkEntry writes an entry between two plain ones. The kubelet must read back what
// was written, exactly and no more; what was refused must be something that the
// kubelet, or what stands before or after it, would lose.
func checkEntry(t *testing.T, s side, name, value string) {
	t.Helper()
	want := map[string]string{"BEFORE": "b", "AFTER": "a", "EVIL": ""}
	if _, ours := want[name]; ours || name == "" {
		return
	}
	dir := t.TempDir()
	file, invalid := s.dialect.Append(nil, []envfile.Entry{
		{Name: "BEFORE", Value: want["BEFORE"]}, {Name: name, Value: value}, {Name: "AFTER", Value: want["AFTER"]},
	})
	switch {
	case len(invalid) == 0:
		want[name] = value
	case arrives(t, s, dir, name, value):
		t.Errorf("%s refuses %.80q=%.80q, which would arrive: %v", s.dialect, name, value, invalid[0])
	default:
		want[name] = ""
	}
	for key, value := range want {
		got, err := s.read(dir, file, key)
		if err != nil || got != value {
			t.Errorf("%s: %.80q: got %.80q, %v; want %.80q, from the file\n%.200q", s.dialect, key, got, err, value, file)
		}
	}
}

// arrives takes an entry all the way to a process without asking the dialect.
func arrives(t *testing.T, s side, dir, name, value string) bool {
	t.Helper()
	if len(validation.IsRelaxedEnvVarName(name)) > 0 {
		return false // the API server refuses the key of the fileKeyRef
	}
	got, err := s.read(dir, []byte(s.line(name, value)), name)
	if err != nil || got != value {
		return false
	}
	if got == "" {
		return false // kubelet_pods.go, makeEnvironmentVariables: not found
	}
	if !utf8.ValidString(got) {
		return false // up to 1.35 the container runtime interface has a proto3 string there (KeyValue in cri-api)
	}
	cmd := exec.Command("true")
	cmd.Env = []string{name + "=" + got}
	return cmd.Run() == nil // execve
}

// TestRefusalsByReason shows for each reason where such an entry would be lost, and
// that the dialect does refuse it.
func TestRefusalsByReason(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<16)
	tests := []struct {
		dialect     envfile.Dialect
		name, value string
		reason      string
	}{
		{envfile.Kubernetes, "A", "it's", "single quote"},
		{envfile.Kubernetes, "A", "'", "single quote"},
		{envfile.Kubernetes, "A", "one\r\ntwo", "CR before LF"},
		{envfile.Kubernetes, "A", "", "empty"},
		{envfile.Kubernetes, "A", "a\xff", "UTF-8"},
		{envfile.Kubernetes, "A", "a\x00b", "NUL"},
		{envfile.Kubernetes, "A", long, "65,536"},
		{envfile.Kubernetes, "A", long[:60000] + "\n" + long[:60000] + "\n" + long[:60000], "128 KiB"},
		{envfile.Kubernetes, "#A", "a", "comment"},
		{envfile.Kubernetes, " A", "a", "blanks"},
		{envfile.Kubernetes, "A ", "a", "blanks"},
		{envfile.Kubernetes, "A=B", "a", "printable"},
		{envfile.Kubernetes, "Ä", "a", "printable"},
		{envfile.Kubernetes134, "A", "a\nb", "newline"},
		{envfile.Kubernetes134, "A", " a", "white space"},
		{envfile.Kubernetes134, "A", "a\u00a0", "white space"},
		{envfile.Kubernetes134, "A", `a\`, "backslash"},
		{envfile.Kubernetes134, "A", "", "empty"},
		{envfile.Kubernetes134, "A", long, "65,536"},
	}
	for _, test := range tests {
		t.Run(test.dialect.String()+" "+test.reason, func(t *testing.T) {
			t.Parallel()
			_, invalid := test.dialect.Append(nil, []envfile.Entry{{Name: test.name, Value: test.value}})
			if len(invalid) != 1 || !strings.Contains(invalid[0].Reason, test.reason) {
				t.Errorf("%.80q=%.80q: got %v, want a refusal for %q", test.name, test.value, invalid, test.reason)
			}
			for _, s := range sides() {
				if s.dialect == test.dialect && arrives(t, s, t.TempDir(), test.name, test.value) {
					t.Errorf("%.80q=%.80q arrives", test.name, test.value)
				}
			}
		})
	}
}
