package volume

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestContentsAreTheKubelets compares with volumes that a kubelet wrote on a node,
// file by file: what the other tests take for the kubelet's word is its word.
func TestContentsAreTheKubelets(t *testing.T) {
	t.Parallel()
	for _, workload := range []string{"deployment", "statefulset"} {
		t.Run(workload, func(t *testing.T) {
			t.Parallel()
			var pod v1.Pod
			var n v1.Node
			decode(t, filepath.Join("testdata", workload, "pod.yaml"), &pod)
			decode(t, filepath.Join("testdata", workload, "node.yaml"), &n)
			node := Node{Allocatable: n.Status.Allocatable}
			Default(&pod)
			addOwnAnnotations(t, &pod, filepath.Join("testdata", workload, "podinfo", "annotations"))

			contents, err := node.Contents(&pod, pod.Spec.Volumes[0].DownwardAPI)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, contents, filepath.Join("testdata", workload, "podinfo"))

			projected := pod.Spec.Volumes[1].Projected
			projected.Sources = slices.DeleteFunc(projected.Sources, func(s v1.VolumeProjection) bool { return s.DownwardAPI == nil })
			if contents, err = node.ProjectedContents(&pod, projected); err != nil {
				t.Fatal(err)
			}
			compare(t, contents, filepath.Join("testdata", workload, "proj"))
		})
	}
}

// TestWriteSwaps shows what a reader of the volume relies on: names that stay, a
// ..data link that moves, and no swap when nothing changed.
func TestWriteSwaps(t *testing.T) {
	t.Parallel()
	v, err := NewVolume(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := func() string {
		target, err := os.Readlink(filepath.Join(v.Dir, "..data"))
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	write := func(files map[string]string) string {
		if err := v.Write(Text(files)); err != nil {
			t.Fatal(err)
		}
		return link()
	}
	first := write(map[string]string{"labels": "a", "resources/main/cpu_limit": "1"})
	if again := write(map[string]string{"labels": "a", "resources/main/cpu_limit": "1"}); again != first {
		t.Errorf("the same contents moved ..data from %s to %s", first, again)
	}
	second := write(map[string]string{"labels": "b"})
	if second == first {
		t.Errorf("..data still names %s after a change", first)
	}
	if _, err := os.Stat(filepath.Join(v.Dir, first)); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", first, err)
	}
	if _, err := os.Lstat(filepath.Join(v.Dir, "resources")); !os.IsNotExist(err) {
		t.Errorf("the link of a removed file is still there: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(v.Dir, "labels")); err != nil || string(got) != "b" {
		t.Errorf("labels: %q, %v", got, err)
	}
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// addOwnAnnotations gives the pod the two annotations that only the kubelet's copy
// of it has, as they stand in the file that the kubelet wrote.
func addOwnAnnotations(t *testing.T, pod *v1.Pod, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if strings.HasPrefix(key, "kubernetes.io/config.") {
			if own[key], err = strconv.Unquote(quoted); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(own) != 2 {
		t.Fatalf("%s: want config.seen and config.source, got %v", file, own)
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	maps.Copy(pod.Annotations, own)
}

// compare asks that contents are the files below dir.
func compare(t *testing.T, contents Contents, dir string) {
	t.Helper()
	want := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		want[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for path, file := range contents {
		got[path] = string(file.Data)
		if file.Mode != 0o644 {
			t.Errorf("%s: mode %o, want 0644", path, file.Mode)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", dir, got, want)
	}
}
