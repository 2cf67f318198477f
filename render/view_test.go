package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestViewGolden(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "yaml"} {
		got := render(t, &View{Format: format}, secrets(t))
		golden := filepath.Join("testdata", "view."+format)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs (go test -update rewrites it):\n%s", golden, got)
		}
	}
}

func TestViewOfAPath(t *testing.T) {
	t.Parallel()
	s := secrets(t)
	for _, test := range []struct {
		path, want string
		sensitive  bool
	}{
		{"pod.labels", `{"app":"web","app.kubernetes.io/version":"1.4.2","empty":"","tier":"front"}`, false},
		{"pod.name", `"web-5d4f8c7b9-x2x4z"`, false},
		{"pod.ips", `["10.1.2.3","fd00::3"]`, false},
		{"pod.ordinal", "7", false},
		{"limits.memory", `"1Gi"`, false},
		{"objects.settings.data", `{"mode":"fast"}`, false},
		{"peers", `[{"name":"a","zone":"eu-1a"},{"name":"b"}]`, false},
		{"env", `{"MODE":"debug"}`, false},
		{"env", `{"ESCAPED":"hunter2secret\n\"hunter2secret","MODE":"debug","TOKEN":"hunter2secret"}`, true},
		{"env.TOKEN", `"hunter2secret"`, true},
		{"objects", `{"settings":{"data":{"mode":"fast"},"ports":[80,443]}}`, false},
		{"objects.secret.data.token", `"hunter2secret"`, true},
	} {
		v := View{Format: "json", Path: watch.Path(test.path), ShowSensitive: test.sensitive}
		if got := compact(t, render(t, &v, s)); got != test.want {
			t.Errorf("%s gives %s, want %s", test.path, got, test.want)
		}
	}
	for _, path := range []watch.Path{"env.TOKEN", "objects.secret", "objects.secret.data", "objects.secret.data.token"} {
		out, err := tryRender(&View{Format: "yaml", Path: path}, s)
		wantError(t, err, string(path)+" is sensitive and not shown")
		if out != "" {
			t.Errorf("%s wrote %q", path, out)
		}
	}
	_, err := tryRender(&View{Format: "yaml", Path: "node.os"}, s)
	if !watch.IsMissing(err) {
		t.Errorf("got %v, want node.os missing", err)
	}
}

func TestViewNeedsAllBelowItsPath(t *testing.T) {
	t.Parallel()
	want := watch.Need{Path: "node", Optional: true, By: "node.json"}
	if got := (&View{Name: "node.json", Path: "node"}).Needs(); len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestViewOfNothing(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "yaml"} {
		if got := render(t, &View{Format: format}, &watch.Snapshot{}); got != "{}\n" {
			t.Errorf("%s of nothing is %q", format, got)
		}
	}
	_, err := tryRender(&View{Format: "toml"}, &watch.Snapshot{})
	wantError(t, err, `unknown format "toml"; use json or yaml`)
}

func compact(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}
