package facts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/podfacts/podfacts/watch/facts"
)

// A sidecar with --serve says what there is, and when it changes.
func ExampleClient_Follow() {
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"pod": {"labels": {"tier": "blue"}}}`)
	}))
	defer sidecar.Close()

	ctx, cancel := context.WithCancel(context.Background())
	pod := facts.Client{Address: sidecar.URL}
	err := pod.Follow(ctx, func(v *facts.View) {
		fmt.Println("the tier is", v.Text("pod.labels['tier']"))
		cancel()
	})
	fmt.Println(err)
	// Output:
	// the tier is blue
	// <nil>
}

// An output with format: json does as well, without a server.
func ExampleClient_View() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "view.json")
	if err := os.WriteFile(path, []byte(`{"node": {"zone": "zone-a"}}`), 0o644); err != nil {
		fmt.Println(err)
		return
	}

	pod := facts.Client{Address: path}
	v, err := pod.View(context.Background())
	fmt.Println(v.Text("node.zone"), v.Has("node.region"), err)
	// Output: zone-a false <nil>
}
