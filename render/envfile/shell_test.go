//go:build unix

package envfile

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shellCommands are the shells that the sh and export dialects promise.
func shellCommands() map[string][]string {
	return map[string][]string{
		"sh":      {"sh"},
		"dash":    {"dash"},
		"bash":    {"bash"},
		"posix":   {"bash", "--posix"},
		"busybox": {"busybox", "sh"},
		"ksh":     {"ksh"},
		"zsh":     {"zsh", "-f"},
	}
}

// eachShell runs test for each shell on PATH. sh has to be there, and the
// shells that TEST_SHELLS names ("dash bash posix busybox").
func eachShell(t *testing.T, test func(*testing.T, []string)) {
	commands := shellCommands()
	required := append(strings.Fields(os.Getenv("TEST_SHELLS")), "sh")
	for _, name := range required {
		if commands[name] == nil {
			t.Errorf("TEST_SHELLS names %s, but this test knows only %s", name, slices.Sorted(maps.Keys(commands)))
		}
	}
	for name, command := range commands {
		if _, err := exec.LookPath(command[0]); err != nil {
			if slices.Contains(required, name) {
				t.Errorf("%s is required: %v", name, err)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, command)
		})
	}
}

// environVariable makes the test binary print its environment and exit, as the
// program that a script starts after it has sourced a file.
const environVariable = "ENVFILE_TEST_PRINT_ENVIRON"

func TestMain(m *testing.M) {
	if os.Getenv(environVariable) != "" {
		fmt.Print(strings.Join(os.Environ(), "\x00"))
		return
	}
	os.Exit(m.Run())
}

func TestShells(t *testing.T) {
	t.Parallel()
	values := nasty(1_500)
	for _, v := range awkward() {
		values = append(values, v.value)
	}
	values = append(values, allBytes(), strings.Repeat("'", 10_000), strings.Repeat("long\n", 100_000))
	eachShell(t, func(t *testing.T, shell []string) {
		for _, locale := range []string{"C", "C.UTF-8"} {
			checkSourced(t, shell, Sh, locale, values)
		}
	})
}

func TestShellsExport(t *testing.T) {
	t.Parallel()
	values := nasty(500)
	for _, v := range awkward() {
		values = append(values, v.value)
	}
	values = append(values, allBytes(), strings.Repeat("'", 10_000))
	eachShell(t, func(t *testing.T, shell []string) { checkExported(t, shell, values) })
}

func FuzzSh(f *testing.F) {
	for _, v := range awkward() {
		f.Add(v.value, "plain")
		f.Add("plain", v.value)
	}
	f.Fuzz(func(t *testing.T, value1, value2 string) {
		for _, d := range []Dialect{Sh, Export} {
			checkSourced(t, []string{"sh"}, d, "C", []string{value1, value2})
		}
	})
}

func allBytes() string {
	var b []byte
	for c := 1; c < 256; c++ {
		b = append(b, byte(c), byte(c), '\\', byte(c))
	}
	return string(b)
}

// checkSourced has the shell source one file with all values and print them.
func checkSourced(t *testing.T, shell []string, d Dialect, locale string, values []string) {
	t.Helper()
	entries := numbered(values)
	file, invalid := d.Append(nil, entries)
	var script strings.Builder
	script.WriteString(". ./vars.env\n")
	kept := written(entries, invalid)
	for _, e := range kept {
		fmt.Fprintf(&script, "printf '%%s\\000' \"$%s\"\n", e.Name)
	}
	printed := strings.Split(runShell(t, shell, file, script.String(), "LC_ALL="+locale), "\x00")
	if len(printed) != len(kept)+1 {
		t.Fatalf("%d values sourced, %d printed", len(kept), len(printed)-1)
	}
	for i, e := range kept {
		if printed[i] != e.Value {
			t.Errorf("%s: sourced %.200q, want %.200q", locale, printed[i], e.Value)
		}
	}
}

// checkExported has the shell source the file and start a program, which must
// see the variables and no others.
func checkExported(t *testing.T, shell []string, values []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	entries := numbered(values)
	file, invalid := Export.Append(nil, entries)
	want := map[string]string{}
	for _, e := range written(entries, invalid) {
		want[e.Name] = e.Value
	}
	environ := runShell(t, shell, file, ". ./vars.env\nexec \"$SELF\"\n", "SELF="+self, environVariable+"=1")
	got := map[string]string{}
	for variable := range strings.SplitSeq(environ, "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		switch name {
		case "SELF", "GOCOVERDIR", environVariable:
		case "PATH", "PWD", "OLDPWD", "SHLVL", "_", "HOME", "LOGNAME", "A__z": // set by one shell or another
		default:
			got[name] = value
		}
	}
	if !maps.Equal(got, want) {
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				t.Errorf("%s: exported %.200q, want %.200q", name, got[name], want[name])
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[name]; !ok {
				t.Errorf("%s appeared from nowhere", name)
			}
		}
	}
}

func numbered(values []string) []Entry {
	entries := make([]Entry, len(values))
	for i, v := range values {
		entries[i] = Entry{fmt.Sprintf("VALUE_%d", i), v}
	}
	return entries
}

// runShell runs script in a directory that holds vars.env, and fails if it
// writes to stderr or if anything was created: the values are full of commands
// that create a file.
func runShell(t *testing.T, shell []string, vars []byte, script string, environ ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string][]byte{"vars.env": vars, "script": []byte(script)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), shell[0], append(slices.Clone(shell[1:]), "script")...)
	cmd.Dir = dir
	cmd.Env = append(environ, "PATH="+os.Getenv("PATH"),
		"GOCOVERDIR="+cmp.Or(os.Getenv("GOCOVERDIR"), t.TempDir())) // else a test binary built for coverage complains
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%.2000s", shell, err, stderr.String())
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("%s: a value ran as a command: %v", shell, files)
	}
	return stdout.String()
}

// TestShellNames asks each shell for its own variables, and tries every one
// that CheckName lets through: it must hold text, and the shell must read on.
func TestShellNames(t *testing.T) {
	t.Parallel()
	const value = "text a[$(touch canary)]"
	eachShell(t, func(t *testing.T, shell []string) {
		list := map[string]string{
			"bash": "compgen -v",
			"zsh":  "print -l ${(k)parameters}",
			"ksh":  "typeset +",
		}[shell[0]]
		if list == "" {
			list = "set"
		}
		var script strings.Builder
		tried := map[string]bool{"AFTER": true}
		for line := range strings.Lines(runShell(t, shell, nil, list+"\n")) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "=")
			tried[line[strings.LastIndexByte(line, ' ')+1:]] = true
		}
		for _, name := range commonNames() {
			tried[name] = true
		}
		var names []string
		for _, name := range slices.Sorted(maps.Keys(tried)) {
			if Sh.CheckName(name) != nil {
				continue
			}
			names = append(names, name)
			file, invalid := Sh.Append(nil, []Entry{{name, value}, {"READ_ON", "yes"}})
			if invalid != nil {
				t.Fatal(invalid[0])
			}
			// A subshell each, as the shell may give up on the file.
			fmt.Fprintf(&script, "(\n%sprintf '%%s\\000%%s\\000' \"$%s\" \"$READ_ON\"\n)\n", file, name)
		}
		if len(names) < 10 {
			t.Fatalf("only %q to try: the list of the shell's own variables is lost", names)
		}
		printed := strings.Split(runShell(t, shell, nil, script.String()), "\x00")
		if len(printed) != 2*len(names)+1 {
			t.Fatalf("%d names tried, %d values printed", len(names), len(printed)/2)
		}
		for i, name := range names {
			if printed[2*i] != value || printed[2*i+1] != "yes" {
				t.Errorf("%s holds %q, want %q; variable after it %q", name, printed[2*i], value, printed[2*i+1])
			}
		}
	})
}

// commonNames are names that people give to variables, and names with a
// meaning to some shell.
func commonNames() []string {
	return strings.Fields(`
		POD_NAME POD_IP NODE_NAME NAMESPACE ZONE REGION HOSTNAME HOST NAME VERSION APP USER LOGNAME HOME SHELL TERM TZ EDITOR
		PATH LD_PRELOAD LD_LIBRARY_PATH CDPATH PWD OLDPWD MANPATH FPATH TTY VENDOR CPUTYPE OSTYPE MACHTYPE HOSTTYPE
		GOMEMLIMIT GOMAXPROCS NODE_OPTIONS JAVA_TOOL_OPTIONS OTEL_SERVICE_NAME OTEL_RESOURCE_ATTRIBUTES
		HISTFILE HISTCONTROL HISTIGNORE GLOBIGNORE EXECIGNORE INPUTRC POSIXLY_CORRECT READNULLCMD NULLCMD WORDCHARS
		VISUAL FCEDIT MAIL REPLY READ name zone a A x if then export function`)
}

// TestShellNamesThatRun shows why reservedInShells is more than pedantry: were
// the name not refused, bash would run the value.
func TestShellNamesThatRun(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"RANDOM", "OPTIND", "BASH_ENV", "PS4", "PPID", "path", "_"} {
		for _, d := range []Dialect{Sh, Export} {
			if err := d.CheckName(name); err == nil {
				t.Errorf("%s: %s is not refused", d, name)
			}
		}
	}
}
