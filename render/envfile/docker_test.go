package envfile

import (
	"bufio"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readDocker follows the package comment of github.com/docker/cli/pkg/kvfile.
func readDocker(file string) ([]Entry, error) {
	var entries []Entry
	lines := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(file, "\ufeff")))
	for lines.Scan() {
		if !utf8.ValidString(lines.Text()) {
			return nil, errors.New("invalid UTF-8")
		}
		line := strings.TrimLeftFunc(lines.Text(), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name == "" || strings.ContainsAny(name, " \t") {
			return nil, errors.New("bad name in " + line)
		}
		if !ok {
			value = "from the environment"
		}
		entries = append(entries, Entry{name, value})
	}
	return entries, lines.Err()
}
