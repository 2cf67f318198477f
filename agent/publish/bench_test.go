//go:build unix

package publish_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/podfacts/podfacts/agent/publish"
)

func BenchmarkPublish(b *testing.B) {
	data := [][]byte{bytes.Repeat([]byte("A"), 4<<10), bytes.Repeat([]byte("B"), 4<<10)}
	for _, on := range []struct {
		name string
		dir  func(testing.TB) string
	}{
		{"memory", memory},
		{"disk", func(b testing.TB) string { return b.TempDir() }},
	} {
		run := func(name string, publish func(dir string) func(n int) (bool, error), versions int) {
			b.Run(on.name+"/"+name, func(b *testing.B) {
				put := publish(on.dir(b))
				if _, err := put(versions - 1); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					changed, err := put(n % versions)
					if err != nil || changed != (versions > 1) {
						b.Fatal(changed, err)
					}
				}
			})
		}
		single := func(dir string) func(int) (bool, error) {
			f := publish.File{Path: filepath.Join(dir, "pod.env")}
			return func(n int) (bool, error) { return f.Publish(b.Context(), data[n]) }
		}
		pair := func(dir string) func(int) (bool, error) {
			g := group(dir, "tls.crt", "tls.key")
			return func(n int) (bool, error) { return g.Publish(b.Context(), [][]byte{data[n], data[n]}) }
		}
		run("file/changed", single, 2)
		run("file/unchanged", single, 1)
		run("group/changed", pair, 2)
		run("group/unchanged", pair, 1)
	}
}
