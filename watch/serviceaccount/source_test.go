package serviceaccount

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podfacts/podfacts/watch"
)

// payload is that of a token which Kubernetes 1.36 issued, shortened.
const payload = `{"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1826846228,"iss":"https://kubernetes.default.svc.cluster.local",
"kubernetes.io":{"namespace":"shop","node":{"name":"n0","uid":"1bbc1b7e-9d7f-4b1e-8a8e-0a4f2c5c1d9a"},
"pod":{"name":"web-7858dd7779-fmn6h","uid":"b5dea3da-b5f2-4b1a-8c37-805714917ae4"},
"serviceaccount":{"name":"web","uid":"c0ffee00-0000-4000-8000-000000000000"},"warnafter":1795313835},"sub":"system:serviceaccount:shop:web"}`

func token(payload string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + e.EncodeToString([]byte(payload)) + "." + e.EncodeToString([]byte("signature"))
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  map[watch.Path]string // value and origin
	}{
		"bound token": {
			files: fstest.MapFS{"token": {Data: []byte(token(payload))}, "namespace": {Data: []byte("shop")}},
			want: map[watch.Path]string{
				watch.PodName: "web-7858dd7779-fmn6h token", watch.PodUID: "b5dea3da-b5f2-4b1a-8c37-805714917ae4 token",
				watch.PodNodeName: "n0 token", watch.PodServiceAccountName: "web token", watch.PodNamespace: "shop namespace",
			},
		},
		"before Kubernetes 1.30": {
			files: fstest.MapFS{"token": {Data: []byte(token(`{"kubernetes.io":{"namespace":"shop","pod":{"name":"web-1"}}}`))}},
			want:  map[watch.Path]string{watch.PodName: "web-1 token", watch.PodNamespace: "shop token"},
		},
		"legacy token":     {files: fstest.MapFS{"token": {Data: []byte(token(`{"kubernetes.io/serviceaccount/namespace":"shop"}`))}}},
		"namespace only":   {files: fstest.MapFS{"namespace": {Data: []byte("shop")}}, want: map[watch.Path]string{watch.PodNamespace: "shop namespace"}},
		"a copy":           {files: fstest.MapFS{"namespace": {Data: []byte("shop\n")}}, want: map[watch.Path]string{watch.PodNamespace: "shop namespace"}},
		"empty directory":  {files: fstest.MapFS{}},
		"not a token":      {files: fstest.MapFS{"token": {Data: []byte("hunter2")}}},
		"not base64":       {files: fstest.MapFS{"token": {Data: []byte("a.!.c")}}},
		"not JSON":         {files: fstest.MapFS{"token": {Data: []byte(token("x"))}}},
		"other JSON":       {files: fstest.MapFS{"token": {Data: []byte(token(`{"kubernetes.io":{"pod":"web"}}`))}}},
		"token too large":  {files: fstest.MapFS{"token": {Data: []byte(token(`{"kubernetes.io":{"namespace":"shop"}}` + strings.Repeat(" ", maxFileSize)))}}},
		"token is a place": {files: fstest.MapFS{"token/x": {}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Source{FS: test.files}
			layer, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := len(layer.Paths()); got != len(test.want) {
				t.Errorf("states %v", layer.Paths())
			}
			for p, want := range test.want {
				if st, _ := layer.Get(p); fmt.Sprint(st.Value, " ", st.From) != want {
					t.Errorf("%s = %v from %s, want %s", p, st.Value, st.From, want)
				}
			}
		})
	}
}

func TestReadWithoutDirectory(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: filepath.Join(t.TempDir(), "absent")}
	layer, err := s.Read(t.Context())
	if err != nil || len(layer.Paths()) > 0 {
		t.Errorf("got %v, %v", layer.Paths(), err)
	}
	reason, hint := s.Explain(watch.PodName)
	if reason != "no service-account directory at "+s.Dir || hint != "" {
		t.Errorf("explained by %q, %q", reason, hint)
	}
}

func TestReadBrokenNamespace(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]*fstest.MapFile{
		"no name":     {Data: []byte("Not A Namespace")},
		"a directory": {Mode: fs.ModeDir},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Source{FS: fstest.MapFS{"namespace": file, "token": {Data: []byte(token(payload))}}}
			layer, err := s.Read(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "service account: namespace: ") {
				t.Errorf("got %v", err)
			}
			if st, _ := layer.Get(watch.PodNamespace); st.Value != "shop" || st.From != "token" {
				t.Errorf("the token's namespace is lost: %+v", st)
			}
		})
	}
}

// TestReadKubeletsLinks reads the links as the kubelet makes them, and none
// that leads away.
func TestReadKubeletsLinks(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "..1"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "..1", "namespace"), []byte("shop"), 0o644))
	must(os.Symlink("..1", filepath.Join(dir, "..data")))
	must(os.Symlink("..data/namespace", filepath.Join(dir, "namespace")))
	must(os.WriteFile(filepath.Join(outside, "token"), []byte(token(payload)), 0o644))
	must(os.Symlink(filepath.Join(outside, "token"), filepath.Join(dir, "token")))

	layer, err := (&Source{Dir: dir}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st, _ := layer.Get(watch.PodNamespace); len(layer.Paths()) != 1 || st.Value != "shop" {
		t.Errorf("got %v, namespace %v", layer.Paths(), st.Value)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files fstest.MapFS
		fact  watch.Path
		want  string
	}{
		"no token":       {fstest.MapFS{}, watch.PodUID, "service account has no token"},
		"broken token":   {fstest.MapFS{"token": {Data: []byte("hunter2")}}, watch.PodUID, "service account: the token cannot be read"},
		"unreadable":     {fstest.MapFS{"token": {Mode: fs.ModeDir}}, watch.PodUID, "service account: token: is not a regular file"},
		"older token":    {fstest.MapFS{"token": {Data: []byte(token("{}"))}}, watch.PodNodeName, "the token does not say the node's name, as tokens do since Kubernetes 1.30"},
		"broken file":    {fstest.MapFS{"namespace": {Data: []byte("A B")}}, watch.PodNamespace, "service account: namespace: does not hold the name of a namespace"},
		"not its matter": {fstest.MapFS{}, watch.PodLabels, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, _ := (&Source{FS: test.files}).Explain(test.fact)
			if reason != test.want {
				t.Errorf("got  %s\nwant %s", reason, test.want)
			}
			if strings.Contains(reason, "hunter2") {
				t.Error("the token leaks")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(token(payload))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := parse(text)
		if !ok && c != (claims{}) {
			t.Errorf("claims of a token that cannot be read: %+v", c)
		}
	})
}

func ExampleSource() {
	account := &Source{FS: fstest.MapFS{ // in a pod: the zero Source
		"namespace": {Data: []byte("shop")},
		"token":     {Data: []byte(token(payload))},
	}}
	snapshot, err := watch.Collect(context.Background(), account)
	if err != nil {
		fmt.Println(err)
	}
	for fact := range snapshot.Facts() {
		if fact.Origin.Source != "derived" {
			fmt.Println(fact.Path, "=", fact.Value, "from", fact.Origin)
		}
	}
	// Output:
	// pod.name = web-7858dd7779-fmn6h from service account token
	// pod.namespace = shop from service account namespace
	// pod.nodeName = n0 from service account token
	// pod.serviceAccountName = web from service account token
	// pod.uid = b5dea3da-b5f2-4b1a-8c37-805714917ae4 from service account token
}
