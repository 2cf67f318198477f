package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/podfacts/podfacts/watch/downward"
)

// parse reads as many annotations as Kubernetes allows. The floor only unquotes the
// values, and keeps nothing.
func (b *bench) parse(ctx context.Context) ([]row, error) {
	b.step("reading annotations")
	text := annotations(256 << 10)
	ours, floor, err := b.inTurns(ctx, func() ([]byte, error) {
		_, err := downward.ParseMap(text)
		return nil, err
	}, func() ([]byte, error) {
		return nil, unquote(string(text))
	})
	if err != nil {
		return nil, err
	}
	ratio := float64(ours) / float64(floor)
	return []row{{
		figure:  fmt.Sprintf("reading %d KiB of annotations", len(text)>>10),
		ours:    milliseconds(ours),
		peer:    milliseconds(floor) + " strconv.Unquote alone",
		ratio:   times(ratio, 1),
		goal:    "<= 2x",
		reached: ratio <= 2,
	}}, nil
}

func unquote(text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		_, quoted, _ := strings.Cut(line, "=")
		if _, err := strconv.Unquote(quoted); err != nil {
			return err
		}
	}
	return nil
}

// annotations makes a file of about a size, of the kinds of values that pods have:
// words, addresses, and JSON, whose quotes are escaped.
func annotations(size int) []byte {
	kinds := []string{
		"true", "9090", "/metrics", "2026-11-22T01:37:08Z", "team-checkout@example.com",
		`{"containers":[{"name":"main","image":"web:1.4.2","args":["serve","--addr=:8080"]}],"replicas":3}`,
		"first line\nsecond line\n", strings.Repeat("a long word of letters ", 20), "größer ✓",
	}
	var text []byte
	for i := 0; len(text) < size; i++ {
		if i > 0 {
			text = append(text, '\n')
		}
		text = fmt.Appendf(text, "example.com/annotation-%d=%q", i, kinds[i%len(kinds)])
	}
	return text
}
