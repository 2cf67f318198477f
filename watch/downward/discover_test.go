package downward

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mount := func(dir string, files map[string]string) {
		t.Helper()
		v := newVolume(t, files)
		target := filepath.Join(root, dir)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(v.dir, target); err != nil {
			t.Fatal(err)
		}
	}
	labels := map[string]string{"labels": `app="web"`, "password": "hunter2"}
	mount("etc/podinfo", labels)
	mount("mnt/with blank", map[string]string{"resources/main/cpu_limit": "2"})
	mount("mnt/names", map[string]string{"podName": "web-1"})
	mount("mnt/configmap", map[string]string{"name": "web", "namespace": "shop", "labels": "a: b\n"})
	mount("mnt/secret", map[string]string{"username": "web", "uid": "7", "token": token})
	mount("mnt/nfs", labels)
	mount("var/run/secrets/kubernetes.io/serviceaccount", map[string]string{"namespace": "shop", "token": token, "podName": "x"})
	write(t, root, "mnt/plain/labels", `app="web"`) // no ..data, no conventional place

	mountinfo := `22 1 0:21 / /proc rw,nosuid - proc proc rw
100 22 0:50 / /etc/podinfo ro,relatime - tmpfs tmpfs rw
101 22 0:51 / /mnt/with\040blank ro,relatime shared:7 - tmpfs tmpfs rw
102 22 0:52 / /mnt/names ro,relatime - tmpfs tmpfs rw
103 22 0:53 / /mnt/configmap ro,relatime - ext4 /dev/vda rw
104 22 0:54 / /mnt/secret ro,relatime - tmpfs tmpfs rw
105 22 0:55 / /mnt/nfs ro,relatime - nfs4 server:/export rw
106 22 0:56 / /var/run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw
107 22 0:57 / /mnt/plain ro - tmpfs tmpfs rw
108 22 0:58 / /mnt/absent ro - tmpfs tmpfs rw
broken line
`
	var got []string
	for _, s := range Find(t.Context(), root, []byte(mountinfo)) {
		got = append(got, s.Dir)
		layer, err := s.Read(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, p := range layer.Paths() {
			if watch.Path("files").Covers(p) {
				t.Errorf("%s states %s", s, p)
			}
		}
	}
	want := []string{"etc/podinfo", "mnt/names", "mnt/with blank"}
	for i := range want {
		want[i] = filepath.Join(root, want[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestAutoOpensNothingElse makes sure that Secrets are not even read.
func TestAutoOpensNothingElse(t *testing.T) {
	t.Parallel()
	v := newVolume(t, map[string]string{"labels": `app="web"`, "password": "hunter2", "main/key": "x", "main/cpu_limit": "1"})
	var opened []string
	tree := hookFS{os.DirFS(v.dir), func(name string) error {
		if base := filepath.Base(name); base == "password" || base == "key" {
			opened = append(opened, name)
		}
		return nil
	}}
	s := &Source{FS: tree, Auto: true}
	layer, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkLayer(t, layer, map[watch.Path]any{"pod.labels['app']": "web", "containers.main.limits.cpu": "1"})
	if len(opened) > 0 {
		t.Errorf("opened %q", opened)
	}
	if reason, hint := s.Explain("files.password"); reason == "" || hint == "" {
		t.Errorf("explained by %q, %q", reason, hint)
	}
}

func TestAutoThatProvesNothingSaysNothing(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: newVolume(t, map[string]string{"name": "web", "labels": "a: b"}).dir, Auto: true}
	layer, err := s.Read(t.Context())
	if paths := layer.Paths(); err != nil || len(paths) > 0 {
		t.Errorf("got %v, %v", paths, err)
	}
	if reason, hint := s.Explain(watch.PodLabels); reason+hint != "" {
		t.Errorf("explained by %q, %q", reason, hint)
	}
}

// TestAutoKeepsWhatItProved empties a volume whose labels were the only proof:
// the pod then has no labels, and is still the pod.
func TestAutoKeepsWhatItProved(t *testing.T) {
	t.Parallel()
	v := newVolume(t, map[string]string{"etc/podinfo/labels": `app="web"`})
	found := Find(t.Context(), v.dir+"/..data", nil)
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	write(t, found[0].Dir, "labels", "")
	layer, err := found[0].Read(t.Context())
	if err != nil || !layer.Has(watch.PodLabels) {
		t.Errorf("the labels are unknown: %v, %v", layer.Paths(), err)
	}
}

func TestAutoWithItems(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: newVolume(t, map[string]string{"app": "web", "password": "hunter2"}).dir, Auto: true,
		Items: []Item{{Path: "app", Fact: "pod.labels['app']"}}}
	layer, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkLayer(t, layer, map[watch.Path]any{"pod.labels['app']": "web"})
}

func TestParseMount(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][3]string{
		"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue": {"/mnt1", "/mnt2", "ext3"},
		`36 35 98:0 /\040 /a\040b\011c\012d\134e rw - tmpfs tmpfs rw`:                    {"/ ", "/a b\tc\nd\\e", "tmpfs"},
		`36 35 98:0 / /a\04 rw - tmpfs tmpfs rw`:                                         {"/", `/a\04`, "tmpfs"},
		"36 35 98:0 / /a rw":                                                             {},
		"":                                                                               {},
		"1 2 - x":                                                                        {},
	} {
		root, dir, fsType, ok := parseMount(line)
		if [3]string{root, dir, fsType} != want || ok != (dir != "") {
			t.Errorf("%q: got %q, %q, %q, %v", line, root, dir, fsType, ok)
		}
	}
}

func TestDiscoverRuns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is read
	if found := Discover(ctx); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}
