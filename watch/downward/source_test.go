package downward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// TestFixtures reads volumes that a real kubelet wrote, as their pod's spec
// says, and holds the facts against the pod as the API server has it.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, fixture := range []string{"deployment", "statefulset"} {
		pod := readPod(t, fixture)
		podinfo := map[watch.Path]any{
			watch.PodName:                        pod.Metadata.Name,
			watch.PodNamespace:                   pod.Metadata.Namespace,
			watch.PodUID:                         pod.Metadata.UID,
			"containers.main.requests.cpu":       "15m",
			"containers.main.limits.memory":      "40Mi",
			"containers.main.limits.cpu":         "1", // 100m, which divisor 1 rounds up
			"containers.nolimits.limits.cpu":     "2", // unset: the node's allocatable
			"containers.nolimits.limits.memory":  "24580016Ki",
			"files['resources/main/unknown']":    nil,
			"containers.main.limits['eph']":      nil,
			"containers.main.requests['memory']": nil,
		}
		proj := map[watch.Path]any{"containers.main.limits.cpu": "100m"}
		for key, value := range pod.Metadata.Labels {
			podinfo[watch.PodLabels.Key(key)] = value
			proj[watch.PodLabels.Key(key)] = value
		}
		for key, value := range pod.Metadata.Annotations {
			podinfo[watch.PodAnnotations.Key(key)] = value
		}
		cert, err := os.ReadFile(filepath.Join(unflatten(t, fixture+"/proj"), "ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		proj["files['ca.crt']"] = string(cert)

		for volume, want := range map[string]map[watch.Path]any{"podinfo": podinfo, "proj": proj} {
			t.Run(fixture+"/"+volume, func(t *testing.T) {
				t.Parallel()
				s := &Source{Dir: unflatten(t, fixture+"/"+volume), Items: pod.items(t, volume), ItemsFrom: "pod spec"}
				layer, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				checkLayer(t, layer, want)
				if st, _ := layer.Get("pod.labels['app.kubernetes.io/name']"); st.From != "labels (pod spec)" {
					t.Errorf("a label comes from %q", st.From)
				}
				// The node reports no ephemeral storage, so the limit nobody set reads 0.
				if volume == "podinfo" {
					reason, _ := s.Explain("containers.main.limits.ephemeral-storage")
					if want := s.String() + ": resources/main/eph_limit reads 0: nobody set limits.ephemeral-storage of container main"; reason != want {
						t.Errorf("got %s\nwant %s", reason, want)
					}
				}
			})
		}
	}
}

// TestFixtureByNames reads the same volume without any items.
func TestFixtureByNames(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: unflatten(t, "statefulset/podinfo")}
	layer, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[watch.Path]any{
		watch.PodName:                                  "db-0",
		watch.PodNamespace:                             "shop",
		watch.PodUID:                                   "45cb2ec6-c11c-412f-bb1e-b1b86f5332f1",
		"containers.main.limits.cpu":                   "1",
		"containers.nolimits.limits.memory":            "24580016Ki",
		"files['resources/nolimits/cpu_limit']":        "2000", // no node has that many cores, so it is some other unit
		"files.containerCpuRequestMilliCores":          "15",
		"files.containerMemoryLimitBytes":              "41943040",
		"files.oneLabel":                               "db",
		"containers.main.limits['not-mounted']":        nil,
		"pod.annotations['kubernetes.io/config.seen']": nil,
	}
	for key, value := range readPod(t, "statefulset").Metadata.Labels {
		want[watch.PodLabels.Key(key)] = value
	}
	checkLayer(t, layer, want)
	if !layer.Has(watch.PodAnnotations) {
		t.Error("the annotations are not known to be empty")
	}
	for p, want := range map[watch.Path]string{
		watch.PodUID:                           "uid (well-known name)",
		"containers.main.limits.cpu":           "resources/main/cpu_limit (well-known name, divisor 1 assumed)",
		"files.oneLabel":                       "oneLabel",
		"pod.labels['app.kubernetes.io/name']": "labels (well-known name)",
	} {
		if st, _ := layer.Get(p); st.From != want {
			t.Errorf("%s comes from %q, want %q", p, st.From, want)
		}
	}
}

// checkLayer compares what a layer states with what it should. A nil is a
// fact that must be missing.
func checkLayer(t *testing.T, layer watch.Layer, want map[watch.Path]any) {
	t.Helper()
	for p, value := range want {
		if st, ok := layer.Get(p); st.Value != value {
			t.Errorf("%s = %q (stated: %v), want %q", p, st.Value, ok, value)
		}
	}
	for _, p := range layer.Paths() {
		if _, ok := want[p]; !ok {
			st, _ := layer.Get(p)
			t.Errorf("unexpected %s = %q", p, st.Value)
		}
		if canonical, err := watch.ParsePath(string(p)); err != nil || canonical != p {
			t.Errorf("%s is not a canonical path: %s, %v", p, canonical, err)
		}
	}
}

type pod struct {
	Metadata struct {
		Name, Namespace, UID string
		Labels, Annotations  map[string]string
	}
	Spec struct {
		Volumes []struct {
			Name        string
			DownwardAPI struct{ Items []map[string]any } `yaml:"downwardAPI"`
			Projected   struct {
				Sources []struct {
					DownwardAPI struct{ Items []map[string]any } `yaml:"downwardAPI"`
				}
			}
		}
	}
}

func readPod(t *testing.T, fixture string) (p pod) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", fixture, "objects", "pod.yaml"))
	if err == nil {
		err = yaml.Unmarshal(data, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p pod) items(t *testing.T, volume string) (items []Item) {
	t.Helper()
	for _, v := range p.Spec.Volumes {
		if v.Name != volume {
			continue
		}
		specs := v.DownwardAPI.Items
		for _, source := range v.Projected.Sources {
			specs = append(specs, source.DownwardAPI.Items...)
		}
		for _, spec := range specs {
			item, err := ItemFrom(spec)
			if err != nil {
				t.Fatal(err)
			}
			items = append(items, item)
		}
	}
	if len(items) == 0 {
		t.Fatalf("volume %s has no items", volume)
	}
	return items
}

const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl" // {"alg":"RS256"}.{"sub":"x"}.signature

func TestReadFiles(t *testing.T) {
	t.Parallel()
	cpu := []Item{{Path: "app", Fact: "pod.labels['app']"}, {Path: "cpu", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")}}
	for name, test := range map[string]struct {
		files map[string]string
		items []Item
		want  map[watch.Path]any
	}{
		"unknown files are verbatim": {
			files: map[string]string{"a": "x\n", "dir/b": "y", "empty": "", "binary": "\xff\x00"},
			want:  map[watch.Path]any{"files.a": "x\n", "files['dir/b']": "y"},
		},
		"a copy made with echo": {
			files: map[string]string{"name": "web-0\n", "podNamespace": "shop\r\n", "app": "web\n", "cpu": "250\n", "main/mem_limit_mib": "64\n"},
			items: cpu,
			want: map[watch.Path]any{watch.PodName: "web-0", watch.PodNamespace: "shop", "pod.labels['app']": "web",
				"containers.main.limits.cpu": "250m", "containers.main.limits.memory": "64Mi"},
		},
		"an annotation may end in a newline": {
			files: map[string]string{"note": "x\n"},
			items: []Item{{Path: "note", Fact: "pod.annotations['note']"}},
			want:  map[watch.Path]any{"pod.annotations['note']": "x\n"},
		},
		"items come before names": {
			files: map[string]string{"name": "web", "podName": "pod-1"},
			items: []Item{{Path: "name", Fact: "pod.labels['app']"}},
			want:  map[watch.Path]any{"pod.labels['app']": "web", "pod.name": "pod-1"},
		},
		"an item's path is cleaned": {
			files: map[string]string{"a/b": "web"},
			items: []Item{{Path: "./a//b", Fact: "pod.labels['app']"}},
			want:  map[watch.Path]any{"pod.labels['app']": "web"},
		},
		"an empty label states nothing": {
			files: map[string]string{"app": "", "cpu": "250"}, items: cpu,
			want: map[watch.Path]any{"containers.main.limits.cpu": "250m"},
		},
		"a whole map comes before one of its keys": {
			files: map[string]string{"app": "web", "labels": `app="web"`}, items: cpu,
			want: map[watch.Path]any{"pod.labels['app']": "web"},
		},
		"the finer divisor wins": {
			files: map[string]string{"main/cpu_limit": "1", "main/cpu_limit_millicores": "250", "main/cpu_limit_cores": "1"},
			want:  map[watch.Path]any{"containers.main.limits.cpu": "250m"},
		},
		"the finer divisor wins over items": {
			files: map[string]string{"mem": "1", "main/memory_limit_bytes": "1000000001"},
			items: []Item{{Path: "mem", Fact: "containers.main.limits.memory", Divisor: resource.MustParse("1Gi")}},
			want:  map[watch.Path]any{"containers.main.limits.memory": "1000000001"},
		},
		"requests of 0 are requests": {
			files: map[string]string{"main/cpu_request": "0", "main/mem_request": "0", "main/cpu_limit": "0"},
			want:  map[watch.Path]any{"containers.main.requests.cpu": "0", "containers.main.requests.memory": "0"},
		},
		"a number without unit that cannot be in the default one": {
			files: map[string]string{"main/cpu_limit": "250", "main/mem_limit": "64", "main/eph_limit": "1048575", "main/hugepages-2Mi_limit": "3"},
			want: map[watch.Path]any{"files['main/cpu_limit']": "250", "files['main/mem_limit']": "64",
				"files['main/eph_limit']": "1048575", "files['main/hugepages-2Mi_limit']": "3"},
		},
		"resources without container": {
			files: map[string]string{"cpu_limit": "1", "resources/mem_limit": "67108864", "a/b/c/cpu_limit": "1"},
			want:  map[watch.Path]any{"files.cpu_limit": "1", "files['resources/mem_limit']": "67108864", "files['a/b/c/cpu_limit']": "1"},
		},
		"names whose contents are something else": {
			files: map[string]string{"name": "Web Server", "uid": "a b", "namespace": "a.b", "main/cpu_limit": "lots"},
			want:  map[watch.Path]any{"files.name": "Web Server", "files.uid": "a b", "files.namespace": "a.b", "files['main/cpu_limit']": "lots"},
		},
		"a static pod's uid": {
			files: map[string]string{"pod_uid": "0123456789abcdef0123456789abcdef"},
			want:  map[watch.Path]any{"pod.uid": "0123456789abcdef0123456789abcdef"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Source{Dir: newVolume(t, test.files).dir, Items: test.items}
			layer, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkLayer(t, layer, test.want)
		})
	}
}

// TestReadTellsItsAge: a volume is as old as its youngest file.
func TestReadTellsItsAge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	swapped := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, at := range map[string]time.Time{"labels": swapped, "name": swapped.Add(-time.Hour)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("web"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	layer, _ := (&Source{Dir: dir}).Read(t.Context()) // labels cannot be read, and are as old as they are
	if !layer.Written.Equal(swapped) {
		t.Errorf("written %v", layer.Written)
	}
}

func TestReadHidesSecrets(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: newVolume(t, map[string]string{
		"token": token, "tls.key": "-----BEGIN EC PRIVATE KEY-----\n", "a.b.c": "a.b.c", "plain": "x",
	}).dir}
	layer, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[watch.Path]bool{"files.token": true, "files['tls.key']": true, "files['a.b.c']": false, "files.plain": false} {
		if st, ok := layer.Get(p); !ok || st.Sensitive != want {
			t.Errorf("%s: stated %v, sensitive %v, want %v", p, ok, st.Sensitive, want)
		}
	}
}

func TestReadKeepsTheRest(t *testing.T) {
	t.Parallel()
	good := map[string]string{"podName": "web-1", "labels": `app="web"`}
	for name, test := range map[string]struct {
		breakIt func(t *testing.T, dir string)
		items   []Item
		want    string
		lost    watch.Path
	}{
		"malformed line": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "labels", "app=\"web\"\ntier=\"front") },
			want:    `labels:2: key "tier": the value has no closing quote; the file seems cut off`,
		},
		"file replaced by a directory": {
			breakIt: func(t *testing.T, dir string) { remove(t, dir, "labels"); write(t, dir, "labels/x", "1") },
			want:    "labels: is a directory, not a file", lost: "pod.labels['app']",
		},
		"not UTF-8": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "podName", "web\xff") },
			want:    "podName: is not UTF-8 text", lost: watch.PodName,
		},
		"not UTF-8 in a map": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "labels", "app=\"web\"\nx=\"\xff\"") },
			want:    `labels:2: key "x": holds bytes that are not UTF-8`,
		},
		"too large": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "labels", strings.Repeat("x", maxFileSize+1)) },
			want:    "labels: is larger than 4 MiB", lost: "pod.labels['app']",
		},
		"link out of the volume": {
			breakIt: func(t *testing.T, dir string) { link(t, dir, "labels", write(t, t.TempDir(), "secret", "x=\"1\"")) },
			want:    "labels: path escapes from parent", lost: "pod.labels['app']",
		},
		"relative link out of the volume": {
			breakIt: func(t *testing.T, dir string) { link(t, dir, "labels", "../../../../../etc/passwd") },
			want:    "labels: path escapes from parent", lost: "pod.labels['app']",
		},
		"link to a device": {
			breakIt: func(t *testing.T, dir string) { link(t, dir, "labels", "/dev/zero") },
			want:    "labels: path escapes from parent", lost: "pod.labels['app']",
		},
		"link to nowhere": {
			breakIt: func(t *testing.T, dir string) { link(t, dir, "labels", "gone") },
			want:    "labels: no such file or directory", lost: "pod.labels['app']",
		},
		"not a number": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "cpu", "1.5") },
			items:   []Item{{Path: "cpu", Fact: "containers.main.limits.cpu"}},
			want:    `cpu: "1.5" is not a whole number`,
		},
		"too large a number": {
			breakIt: func(t *testing.T, dir string) { write(t, dir, "mem", "9223372036854775807") },
			items:   []Item{{Path: "mem", Fact: "containers.main.limits.memory", Divisor: resource.MustParse("1Mi")}},
			want:    "mem: 9223372036854775807 with divisor 1Mi is too large",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range good {
				write(t, dir, name, text)
			}
			test.breakIt(t, dir)
			s := &Source{Dir: dir, Items: test.items}
			layer, err := s.Read(t.Context())
			if want := "volume " + dir + ": " + test.want; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v\nwant %s", err, want)
			}
			for p, want := range map[watch.Path]any{watch.PodName: "web-1", "pod.labels['app']": "web"} {
				if p == test.lost {
					want = nil
				}
				if st, _ := layer.Get(p); st.Value != want {
					t.Errorf("%s = %v, want %v", p, st.Value, want)
				}
			}
			if layer.Has(watch.PodLabels) != strings.HasPrefix(test.want, "podName") && !strings.HasPrefix(test.want, "cpu") && !strings.HasPrefix(test.want, "mem") {
				t.Errorf("labels stated as a whole: %v", layer.Has(watch.PodLabels))
			}
		})
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, dir, name, target string) {
	t.Helper()
	remove(t, dir, name)
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestReadRefusesTheVolume(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, outside, "labels", `stolen="yes"`)
	for name, test := range map[string]struct {
		dir  func(t *testing.T, dir string) string
		want string
	}{
		"absent": {
			func(t *testing.T, dir string) string { return filepath.Join(dir, "absent") },
			"directory does not exist; mount the downwardAPI volume there",
		},
		"a file": {
			func(t *testing.T, dir string) string { return write(t, dir, "labels", "") },
			"is a file; name the directory that holds it",
		},
		"data link out of the volume": {
			func(t *testing.T, dir string) string { link(t, dir, "..data", outside); return dir },
			"out of the volume",
		},
		"data link up": {
			func(t *testing.T, dir string) string { link(t, dir, "..data", ".."); return dir },
			"out of the volume",
		},
		"data link through another link": {
			func(t *testing.T, dir string) string {
				link(t, dir, "..1", outside)
				link(t, dir, "..data", "..1")
				return dir
			},
			"path escapes from parent",
		},
		"data link to nowhere": {
			func(t *testing.T, dir string) string { link(t, dir, "..data", "..gone"); return dir },
			"..data leads to ..gone, which does not exist",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Source{Dir: test.dir(t, t.TempDir())}
			layer, err := s.Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), s.String()+": ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
			if paths := layer.Paths(); len(paths) > 0 {
				t.Errorf("got %v", paths)
			}
			if reason, hint := s.Explain(watch.PodLabels); err != nil && reason != err.Error() || hint != "" {
				t.Errorf("the error is %v, and Explain says %q, %q", err, reason, hint)
			}
		})
	}
}

func TestReadBoundsTheVolume(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{}
	for i := range maxFiles + 1 {
		tree[fmt.Sprintf("f%d", i)] = &fstest.MapFile{}
	}
	_, err := (&Source{FS: tree}).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "holds more than 4096 files; is this a downwardAPI volume?") {
		t.Errorf("got %v", err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Source{FS: fstest.MapFS{"labels": {}}}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// hookFS calls a function before each file is opened.
type hookFS struct {
	fs.FS
	before func(name string) error
}

func (h hookFS) Open(name string) (fs.File, error) {
	if err := h.before(name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return h.FS.Open(name)
}

func (h hookFS) ReadLink(name string) (string, error)   { return fs.ReadLink(h.FS, name) }
func (h hookFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(h.FS, name) }

func TestReadUnreadableFile(t *testing.T) {
	t.Parallel()
	tree := hookFS{fstest.MapFS{"labels": {Data: []byte(`a="1"`)}, "podName": {Data: []byte("web-1")}}, func(name string) error {
		if name == "labels" {
			return fs.ErrPermission
		}
		return nil
	}}
	layer, err := (&Source{FS: tree}).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "volume /etc/podinfo: labels: "+fs.ErrPermission.Error()) {
		t.Errorf("got %v", err)
	}
	checkLayer(t, layer, map[watch.Path]any{watch.PodName: "web-1"})
}

// TestReadStartsOver swaps the volume between two files of one Read.
func TestReadStartsOver(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	swapped := false
	tree := hookFS{os.DirFS(v.dir), func(name string) error {
		if strings.HasSuffix(name, "podName") && !swapped {
			swapped = true
			v.swap(version(2))
		}
		return nil
	}}
	layer, err := (&Source{FS: tree}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkVersion(t, layer, "2")
}

func TestReadGivesUp(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(1))
	n := 1
	tree := hookFS{os.DirFS(v.dir), func(name string) error {
		if strings.HasSuffix(name, "podName") {
			n++
			v.swap(version(n))
		}
		return nil
	}}
	_, err := (&Source{FS: tree}).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "changed during each of 10 attempts to read it") {
		t.Errorf("got %v", err)
	}
	if n != maxAttempts+1 {
		t.Errorf("%d attempts, want %d", n-1, maxAttempts)
	}
}

// TestReadNeverMixes reads while a volume swaps as fast as it can.
func TestReadNeverMixes(t *testing.T) {
	t.Parallel()
	v := newVolume(t, version(0))
	s := &Source{Dir: v.dir}
	var done atomic.Bool
	swapper := make(chan struct{})
	go func() {
		defer close(swapper)
		for i := range 2000 {
			v.swap(version(i))
		}
		done.Store(true)
	}()
	reads, whole := 0, 0
	for !done.Load() {
		reads++
		layer, err := s.Read(t.Context())
		if err != nil {
			if !strings.Contains(err.Error(), "changed during each of") {
				t.Fatal(err)
			}
			continue
		}
		whole++
		st, _ := layer.Get(watch.PodName)
		checkVersion(t, layer, strings.TrimPrefix(st.Value.(string), "web-"))
	}
	<-swapper
	if whole == 0 {
		t.Errorf("none of %d reads got through 2000 swaps", reads)
	}
}

func version(n int) map[string]string {
	return map[string]string{
		"annotations":                fmt.Sprintf("version=\"%d\"", n),
		"labels":                     fmt.Sprintf("version=\"%d\"", n),
		"podName":                    fmt.Sprintf("web-%d", n),
		"resources/main/eph_limit_b": fmt.Sprint(1000000000 + n*1000),
	}
}

func checkVersion(t *testing.T, layer watch.Layer, n string) {
	t.Helper()
	for p, want := range map[watch.Path]string{
		"pod.annotations['version']": n, "pod.labels['version']": n, "pod.name": "web-" + n,
	} {
		if st, _ := layer.Get(p); st.Value != want {
			t.Errorf("%s = %v, want %s", p, st.Value, want)
		}
	}
	st, _ := layer.Get("containers.main.limits.ephemeral-storage")
	if q, err := resource.ParseQuantity(fmt.Sprint(st.Value)); err != nil || fmt.Sprint((q.Value()-1000000000)/1000) != n {
		t.Errorf("limits.ephemeral-storage = %v in version %s", st.Value, n)
	}
}

// FuzzRead reads trees that nobody should trust, from a real file system.
func FuzzRead(f *testing.F) {
	const canary = "from outside of the volume"
	f.Add("labels", []byte(`a="1"`), "main/cpu_limit", []byte("1"), "..data", "..1")
	f.Add("..1/labels", []byte("a="), "..1/a/b", []byte(token), "..data", "..1")
	f.Add("labels/x", []byte("\xff"), "resources/x/memLimitMiB", []byte("9999999999999999999"), "podName", "labels")
	f.Add("a", []byte("x"), "b", []byte("y"), "motd", "../outside/motd")
	f.Add("a", []byte("x"), "b", []byte("y"), "..data", "../outside")
	f.Add("a", []byte("x"), "b", []byte("y"), "loop", "loop")
	f.Fuzz(func(t *testing.T, name1 string, data1 []byte, name2 string, data2 []byte, name3, target string) {
		parent := t.TempDir()
		dir, outside := filepath.Join(parent, "volume"), filepath.Join(parent, "outside")
		for _, d := range []string{dir, outside} {
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, outside, "motd", canary)
		// What the file system refuses is left out.
		for name, data := range map[string][]byte{name1: data1, name2: data2} {
			if file := filepath.Join(dir, name); filepath.IsLocal(name) && os.MkdirAll(filepath.Dir(file), 0o755) == nil {
				os.WriteFile(file, data, 0o644) //nolint:errcheck // see above
			}
		}
		if filepath.IsLocal(name3) {
			os.Symlink(target, filepath.Join(dir, name3)) //nolint:errcheck // see above
		}
		for _, auto := range []bool{false, true} {
			s := &Source{Dir: dir, Auto: auto, Items: []Item{{Path: "app", Fact: "pod.labels['app']"}}}
			layer, err := s.Read(t.Context())
			if err != nil && !strings.Contains(err.Error(), s.String()+": ") {
				t.Errorf("error does not name the volume: %v", err)
			}
			for _, p := range layer.Paths() {
				st, _ := layer.Get(p)
				if st.Value == nil || st.From == "" || st.Value == canary {
					t.Errorf("%s: %+v", p, st)
				}
				if auto && watch.Path("files").Covers(p) {
					t.Errorf("%s of a volume that nobody named", p)
				}
				s.Explain(p)
			}
		}
	})
}

// BenchmarkRead is what a swap costs before anything is rendered.
func BenchmarkRead(b *testing.B) {
	s := &Source{Dir: unflatten(b, "deployment/podinfo")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
