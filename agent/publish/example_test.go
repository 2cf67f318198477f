//go:build unix

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
)

func ExampleFile_Publish() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	f := publish.File{Path: filepath.Join(dir, "pod.env"), Mode: 0o640}
	for range 2 {
		changed, err := f.Publish(context.Background(), []byte("ZONE='eu-1a'\n"))
		fmt.Println(changed, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleGroup_Publish() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	pair := publish.Group{Files: []publish.File{
		{Path: filepath.Join(dir, "tls.crt")},
		{Path: filepath.Join(dir, "tls.key"), Mode: 0o600},
	}}
	changed, err := pair.Publish(context.Background(), [][]byte{[]byte("certificate"), []byte("key")})
	fmt.Println(changed, err)

	link, _ := os.Readlink(filepath.Join(dir, "tls.key"))
	key, _ := os.ReadFile(filepath.Join(dir, "tls.key"))
	fmt.Println(link, "holds the", string(key))
	// Output:
	// true <nil>
	// ..data/tls.key holds the key
}

func ExampleCommand() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	f := publish.File{
		Path:  filepath.Join(dir, "app.conf"),
		Check: publish.Command{Args: []string{"grep", "-q", "listen", "$PODFACTS_FILE"}, Timeout: 5 * time.Second}.Check,
	}
	_, err = f.Publish(context.Background(), []byte("listen 80;\n"))
	fmt.Println(err)
	_, err = f.Publish(context.Background(), []byte("server {}\n"))
	fmt.Println(errors.Is(err, publish.ErrCheck))
	text, _ := os.ReadFile(f.Path)
	fmt.Print(string(text))
	// Output:
	// <nil>
	// true
	// listen 80;
}

func ExampleFile_Clean() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	// What a killed process may have left.
	litter := filepath.Join(dir, ".pod.env.abcdefghijklm.podfacts")
	if err := os.WriteFile(litter, []byte("ZONE='e"), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(publish.File{Path: filepath.Join(dir, "pod.env")}.Clean())
	left, _ := os.ReadDir(dir)
	fmt.Println(len(left), "files")
	// Output:
	// <nil>
	// 0 files
}
