package node

import (
	"errors"
	"strings"
	"testing"
)

// TestCheckSaysAllAtOnce has something missing, whatever this machine has.
func TestCheckSaysAllAtOnce(t *testing.T) {
	t.Parallel()
	lines := missing()
	err := Check(Missing{"a teapot: apt-get install teapot"}, nil)
	if got := strings.Split(err.Error(), "\n"); len(got) != len(lines)+2 || got[len(got)-1] != "  a teapot: apt-get install teapot" {
		t.Errorf("missing %q and a teapot, says %q", lines, got)
	}
	broken := errors.New("broken")
	if err := Check(Missing{"a teapot"}, broken); !errors.Is(err, broken) {
		t.Errorf("an error of another kind became: %v", err)
	}
}
