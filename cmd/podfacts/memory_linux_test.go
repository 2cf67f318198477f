package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/agent/config"
)

func TestCleanMappings(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00c00000 r-xp 00000000 fe:00 12 /podfacts
Size:               8192 kB
Rss:                4096 kB
Anonymous:             0 kB
00c00000-01000000 r--p 00800000 fe:00 12 /podfacts
Rss:                 100 kB
Anonymous:             0 kB
01000000-01100000 r--p 00c00000 fe:00 12 /podfacts
Anonymous:             4 kB
01100000-01200000 rw-p 00d00000 fe:00 12 /podfacts
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
7f0000002000-7f0000003000 r-xp 00000000 fe:00 13 /lib/podfacts
Anonymous:             0 kB
`
	got := cleanMappings(strings.NewReader(smaps), "/podfacts")
	want := []mapping{{0x400000, 0xc00000}, {0xc00000, 0x1000000}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("mappings are %x, want %x", got, want)
	}
}

// TestGiveBack drops this program's own pages, and goes on with fewer processors.
func TestGiveBack(t *testing.T) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if len(cleanMappings(bytes.NewReader(smaps), exe)) == 0 {
		t.Errorf("no mapping of %s is clean:\n%.2000s", exe, smaps)
	}
	t.Setenv("GOMAXPROCS", "")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for listen, want := range map[string]int{"": oneProcessor, "127.0.0.1:8001": twoProcessors} {
		runtime.GOMAXPROCS(4)
		giveBack(&config.Config{Proxy: config.Proxy{Listen: listen}})()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("with the proxy at %q, %d processors stay, want %d", listen, got, want)
		}
	}
	if text := strings.Repeat("still here ", 2); text != "still here still here " {
		t.Error(text)
	}
}
