package envfile

import (
	"bufio"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// readKubernetes follows ParseEnv of Kubernetes 1.35 and later, rule by rule,
// save that it collects all keys where ParseEnv stops at one
// (pkg/kubelet/util/env/env_util.go), and that like its caller it takes an empty
// value for a missing key (pkg/kubelet/kubelet_pods.go).
func readKubernetes(file string) ([]Entry, error) {
	var found collector
	lines := bufio.NewScanner(strings.NewReader(file))
	for lines.Scan() {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.TrimRight(name, " \t") != name {
			return nil, errors.New("bad name in " + line)
		}
		if strings.TrimLeft(rest, " \t") != rest {
			continue // NAME= 'x' is an empty value
		}
		rest, ok = strings.CutPrefix(rest, "'")
		if !ok {
			return nil, errors.New("no single quote in " + line)
		}
		value, tail, closed := strings.Cut(rest, "'")
		for !closed {
			if !lines.Scan() {
				return nil, errors.Join(errors.New("unclosed quote"), lines.Err())
			}
			var more string
			more, tail, closed = strings.Cut(lines.Text(), "'")
			value += "\n" + more
		}
		if tail = strings.TrimLeft(tail, " \t"); tail != "" && tail[0] != '#' {
			return nil, errors.New("content after the closing quote: " + tail)
		}
		found.add(name, value)
	}
	return found.entries, lines.Err()
}

// readKubernetes134 follows ParseEnv of Kubernetes 1.34.
func readKubernetes134(file string) ([]Entry, error) {
	var found collector
	var joined []string // the lines so far of one that a backslash continues
	lines := bufio.NewScanner(strings.NewReader(file))
	for lines.Scan() {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || line[0] == '#' {
			if joined != nil {
				return nil, errors.New("blank line or comment in a continuation")
			}
			continue
		}
		line = strings.TrimRight(line, " \t")
		if start, ok := strings.CutSuffix(line, `\`); ok {
			joined = append(joined, strings.TrimRight(start, " \t"))
			continue
		}
		line = strings.Join(append(joined, line), " ")
		joined = nil
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			return nil, errors.New("bad name in " + line)
		}
		found.add(name, value)
	}
	if joined != nil {
		return nil, errors.New("unfinished continuation")
	}
	return found.entries, lines.Err()
}

// collector keeps the first value of each key, and no empty ones.
type collector struct{ entries []Entry }

func (c *collector) add(name, value string) {
	for _, e := range c.entries {
		if e.Name == name {
			return
		}
	}
	if value != "" {
		c.entries = append(c.entries, Entry{name, value})
	}
}

// TestRefusalsAreNeeded writes refused values all the same: the reader must
// fail or give back something else, or the reason lies behind the reader.
func TestRefusalsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dialect Dialect
		raw     func([]byte, Entry) []byte
		read    reader
	}{
		{Kubernetes, appendKubernetes, readKubernetes},
		{Kubernetes134, appendRaw, readKubernetes134},
		{Docker, appendRaw, readDocker},
	} {
		refused := 0
		for _, v := range append(nasty(4_000), "a'", "a'b", "a\r\nb", "a\\", "a ", "a\nb", "a\r", strings.Repeat("x", 1<<16)) {
			e := Entry{"A", v}
			_, invalid := tt.dialect.Append(nil, []Entry{e})
			if len(invalid) == 0 || !utf8.ValidString(v) {
				continue
			}
			refused++
			got, err := tt.read(string(append(tt.raw(nil, e), '\n')))
			if err == nil && len(got) == 1 && got[0] == e {
				t.Errorf("%s refuses %q (%s), which reads back well", tt.dialect, v, invalid[0].Reason)
			}
		}
		if refused < 100 {
			t.Errorf("%s: only %d values refused: the test lost its teeth", tt.dialect, refused)
		}
	}
}

func TestLineLimits(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		dialect Dialect
		value   string
		ok      bool
	}{
		{Kubernetes, x(65535 - len("A=''")), true},
		{Kubernetes, x(65536 - len("A=''")), false},
		{Kubernetes, x(65535-len("A='")) + "\n" + x(65534), true},
		{Kubernetes, x(65536-len("A='")) + "\n" + x(65534), false},
		{Kubernetes, "a\n" + x(65535) + "\n", true},
		{Kubernetes, "a\n" + x(65536) + "\n", false},
		{Kubernetes, "a\n" + x(65535), false}, // the closing quote
		{Kubernetes, x(60_000) + "\n" + x(60_000) + "\n" + x(131_071-len("A=")-120_002), true},
		{Kubernetes, x(60_000) + "\n" + x(60_000) + "\n" + x(131_072-len("A=")-120_002), false},
		{Kubernetes134, x(65535 - len("A=")), true},
		{Kubernetes134, x(65536 - len("A=")), false},
		{Docker, x(65535 - len("A=")), true},
		{Docker, x(65536 - len("A=")), false},
		{Systemd, x(131_071 - len("A=")), true},
		{Systemd, x(131_072 - len("A=")), false},
		{Export, x(131_071 - len("A=")), true},
		{Export, x(131_072 - len("A=")), false},
		{Sh, x(1 << 20), true},
		{Dotenv, x(1 << 17), true},
	} {
		entries := []Entry{{"A", tt.value}, {"B", "b"}}
		_, invalid := tt.dialect.Append(nil, entries)
		if ok := len(invalid) == 0; ok != tt.ok {
			t.Errorf("%s: %d bytes: %v", tt.dialect, len(tt.value), invalid)
		}
		checkRoundTrip(t, tt.dialect, entries)
	}
}
