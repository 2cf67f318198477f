//go:build unix

package envfile

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestEnvironOfProcess starts a program with what was written, by execve(2)
// and by xargs, and has it print what it got.
func TestEnvironOfProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env, err := exec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	values := append(nasty(300), allBytes(), strings.Repeat("x", maxVariable-len("VALUE_301=")))
	for _, v := range awkward() {
		values = append(values, v.value)
	}
	entries := numbered(values)
	for _, name := range awkwardNames() {
		entries = append(entries, Entry{"x" + name, "named"})
	}
	entries = append(entries, Entry{"-i", "like an option"}, Entry{environVariable, "1"})
	file, invalid := Environ.Append(nil, entries)
	var want []string
	for _, e := range written(entries, invalid) {
		want = append(want, e.Name+"="+e.Value)
	}
	slices.Sort(want)
	if len(want) < 300 {
		t.Fatalf("only %d variables", len(want))
	}

	check := func(t *testing.T, cmd *exec.Cmd) {
		t.Helper()
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%.2000s", err, &stderr)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d variables, want %d", len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("got %.200q, want %.200q", got[i], want[i])
				}
			}
		}
	}
	t.Run("execve", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = strings.Split(strings.TrimSuffix(string(file), "\x00"), "\x00")
		check(t, cmd)
	})
	t.Run("xargs", func(t *testing.T) {
		t.Parallel()
		// -s: what one command may hold; xargs would start several.
		cmd := exec.CommandContext(t.Context(), "xargs", "-0", "-s", "1000000", "sh", "-c", `exec env -i -- "$@" "$0" -0`, env)
		cmd.Stdin = bytes.NewReader(file)
		check(t, cmd)
	})
}
