package facts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/podfacts/podfacts/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whoever links this package links the standard library, and nothing else.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); len(got) != 1 || got[0] != "github.com/podfacts/podfacts/watch/facts" {
		t.Errorf("it needs %v", got)
	}
}

// FuzzPath: names are read and made as the rest of podfacts does it.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"pod.name", "pod.labels['a.b/c']", `pod.labels["a']b"]`, "files.ca.crt", "env.A", "containers.labels.limits.cpu", "objects.labels['x'].data", "["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		split(s) // does not panic
		p, err := watch.ParsePath(s)
		if err != nil {
			return
		}
		segments, name := split(string(p)), ""
		for _, segment := range segments {
			name = join(name, segment)
		}
		if !slices.Equal(segments, p.Segments()) || name != string(p) {
			t.Errorf("%q is %q, and then %q", p, segments, name)
		}
	})
}

const first = `{"pod": {"name": "web-0", "ordinal": 12345678901234567, "ips": ["10.0.0.7", "fd00::7"], "labels": {"a.b/c": "x", "tier": "blue"}},
	"objects": {"settings": {"data": {"on": true}}}}`

func view(t *testing.T, text string, last *View) *View {
	t.Helper()
	v, err := parse([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	v.follows(last)
	return v
}

func TestView(t *testing.T) {
	t.Parallel()
	v := view(t, first, nil)
	for fact, want := range map[string]string{
		"pod.name":                 "web-0",
		"pod.ordinal":              "12345678901234567",
		"pod.ips":                  "10.0.0.7,fd00::7",
		"pod.labels['a.b/c']":      "x",
		"pod.labels.tier":          "blue",
		"pod.labels":               `{"a.b/c":"x","tier":"blue"}`,
		"objects.settings.data.on": "true",
		"pod.uid":                  "",
		"pod.name.first":           "",
		"pod..name":                "",
		"":                         "",
	} {
		if got := v.Text(fact); got != want {
			t.Errorf("%s is %q, want %q", fact, got, want)
		}
		if v.Has(fact) != (want != "") {
			t.Errorf("%s: Has is %v", fact, v.Has(fact))
		}
	}
	if got := v.Map("pod.labels"); len(got) != 2 || got["tier"] != "blue" || v.Map("pod.name") != nil {
		t.Errorf("labels are %v", got)
	}
	if got := v.List("pod.ips"); !slices.Equal(got, []string{"10.0.0.7", "fd00::7"}) || v.List("pod") != nil {
		t.Errorf("addresses are %v", got)
	}
	var into struct{ Pod struct{ Name string } }
	if err := v.Decode(&into); err != nil || into.Pod.Name != "web-0" {
		t.Errorf("decoded %+v, %v", into, err)
	}
	var none *View
	if none.Has("pod") || none.Text("pod.name") != "" || none.Changed() != nil || none.HasChanged("pod") || none.Decode(&into) != nil {
		t.Error("nothing holds something")
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	one := view(t, first, nil)
	all := []string{"objects.settings.data.on", "pod.ips", "pod.labels['a.b/c']", "pod.labels['tier']", "pod.name", "pod.ordinal"}
	if got := one.Changed(); !slices.Equal(got, all) {
		t.Errorf("at first %q", got)
	}
	two := view(t, `{"pod": {"name": "web-0", "ordinal": 12345678901234567, "ips": ["10.0.0.7"], "labels": {"tier": "green", "new": ""}}, "objects": {"settings": 1}}`, one)
	if got, want := two.Changed(), []string{"objects.settings", "pod.ips", "pod.labels['a.b/c']", "pod.labels['new']", "pod.labels['tier']"}; !slices.Equal(got, want) {
		t.Errorf("changed have %q\nwant %q", got, want)
	}
	for fact, want := range map[string]bool{"pod": true, "pod.labels": true, "pod.labels['tier']": true, "pod.labels.tier": true, "pod.name": false, "objects.settings.data": true, "node": false, "[": false} {
		if two.HasChanged(fact) != want {
			t.Errorf("%s has changed: %v", fact, !want)
		}
	}
	if view(t, first, nil).follows(one) {
		t.Error("the same follows")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

// A file is followed through everything that can become of it.
func TestFollowFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "view.json")
		var seen []string
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		c := Client{Address: path}
		go func() {
			done <- c.Follow(ctx, func(v *View) { seen = append(seen, v.Text("pod.name")+fmt.Sprint(v.Changed())) })
		}()
		step := func() {
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		step()
		for _, text := range []string{`{"pod": {"name": "a"}}`, `{"pod": {"name":   "a"}}`, `{"pod": {"name": "b"}}`, `nonsense`, `{"pod": {"name": "c"}}`} {
			write(t, path, text)
			step()
		}
		os.Remove(path)
		step()
		write(t, path, `{"pod": {"name": "c"}, "node": {"zone": "z"}}`)
		step()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []string{"a[pod.name]", "b[pod.name]", "c[pod.name]", "c[node.zone]"}; !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
		if got, err := c.Get(t.Context(), "node.zone"); got != "z" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := c.Get(t.Context(), "pod.uid"); !isMissing(err) {
			t.Errorf("the error is %v", err)
		}
	})
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*MissingError](err)
	return ok
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"":                   "no address; set PODFACTS_SERVE",
		"9301":               `"9301" is no address; write it as 127.0.0.1:9301`,
		"localhost":          "is no address",
		"./nowhere.json":     "no such file",
		"unix:///nowhere/s":  "connect: no such file",
		"http://127.0.0.1:1": "refused",
	} {
		t.Setenv("PODFACTS_SERVE", address)
		if _, err := new(Client).View(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		err := new(Client).Follow(ctx, func(*View) { t.Error("there is a view") })
		if wrong := address == "" || address == "9301" || address == "localhost"; wrong != (err != nil) {
			t.Errorf("%q: Follow ended with %v", address, err)
		}
		cancel()
	}
}

// What answers like no podfacts is an error, and not a view.
func TestStrangers(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]int{"\n": 304, "": 200, "[]": 200, "null": 200, "<html>": 200, "gone": 404, `{"detail": "not now"}`: 503} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}))
		c := Client{Address: server.URL}
		if v, err := c.View(t.Context()); err == nil || v != nil {
			t.Errorf("%d %q is %v, %v", code, body, v, err)
		}
		server.Close()
	}
}
