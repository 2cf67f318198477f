package process

import (
	"bytes"
	"strconv"
	"sync"
	"unicode/utf8"
)

// keptOutput is how many characters of a program's output an error holds.
const keptOutput = 500

// tail keeps the end of what is written to it, where programs say why they
// gave up. The zero tail is empty.
type tail struct {
	mu   sync.Mutex // a program that does not die may still write
	kept []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - keptOutput*utf8.UTFMax; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
	return len(p), nil
}

// String is the end of it on one line, as a log or a terminal can show it: what
// cannot be printed is escaped as in Go.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := bytes.TrimSpace(t.kept)
	if t.cut {
		for len(rest) > 0 && !utf8.RuneStart(rest[0]) {
			rest = rest[1:] // the second half of a character
		}
	}
	end, room := "", keptOutput
	for len(rest) > 0 {
		r, size := utf8.DecodeLastRune(rest)
		shown := string(rest[len(rest)-size:])
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			shown = strconv.Quote(shown)
			shown = shown[1 : len(shown)-1]
		}
		if room -= utf8.RuneCountInString(shown); room < 0 {
			break
		}
		end, rest = shown+end, rest[:len(rest)-size]
	}
	if t.cut || len(rest) > 0 {
		return "…" + end
	}
	return end
}
