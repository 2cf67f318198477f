package volume

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podfacts/podfacts/watch/manifest"
)

// TestManifestProjectsWhatTheKubeletWrites gives pods at random to a dry run, as
// somebody writes them, and to the kubelet's code with the API server's defaults.
// Every file of every volume is the same.
func TestManifestProjectsWhatTheKubeletWrites(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	node := &v1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: "n0"},
		Status:     v1.NodeStatus{Allocatable: resources("3920m", "15Gi", "90Gi")},
	}
	for range 300 {
		pod := randomPod(random)
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		pod.UID = "" // only a cluster gives it; a dry run has zeros
		first := &v1.DownwardAPIVolumeSource{Items: randomItems(random, pod)}
		second := &v1.ProjectedVolumeSource{Sources: []v1.VolumeProjection{
			{DownwardAPI: &v1.DownwardAPIProjection{Items: randomItems(random, pod)}},
			{DownwardAPI: &v1.DownwardAPIProjection{Items: randomItems(random, pod)}},
		}}
		pod.Spec.Volumes = []v1.Volume{
			{Name: "first", VolumeSource: v1.VolumeSource{DownwardAPI: first}},
			{Name: "second", VolumeSource: v1.VolumeSource{Projected: second}},
		}
		pod.Spec.Containers[0].VolumeMounts = []v1.VolumeMount{
			{Name: "first", MountPath: "/etc/first"}, {Name: "second", MountPath: "/etc/second"},
		}
		got := project(t, dir, pod, node) // before Default

		Default(pod)
		pod.UID = "00000000-0000-0000-0000-000000000000"
		kubelet := Node{Allocatable: node.Status.Allocatable}
		contents, err := kubelet.Contents(pod, first)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "/etc/first", got["/etc/first"], contents)
		if contents, err = kubelet.ProjectedContents(pod, second); err != nil {
			t.Fatal(err)
		}
		same(t, "/etc/second", got["/etc/second"], contents)
		if t.Failed() {
			return // one pod is enough to read
		}
	}
}

// project returns the volumes of the first container by mount path.
func project(t *testing.T, dir string, pod *v1.Pod, node *v1.Node) map[string]fs.FS {
	t.Helper()
	cluster, err := manifest.Load(manifest.Input{
		Pod:  store(t, filepath.Join(dir, "pod.json"), pod),
		Node: store(t, filepath.Join(dir, "node.json"), node),
	})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := cluster.Pod("")
	if err != nil {
		t.Fatal(err)
	}
	projection, err := loaded.Project()
	if err != nil {
		t.Fatal(err)
	}
	volumes := map[string]fs.FS{}
	for _, v := range projection.Containers[0].Volumes {
		volumes[v.Dir] = v.FS
	}
	return volumes
}

func store(t *testing.T, file string, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// same asks that a volume of a dry run holds what the kubelet writes.
func same(t *testing.T, volume string, fsys fs.FS, contents Contents) {
	t.Helper()
	if fsys == nil {
		t.Errorf("%s: no such volume", volume)
		return
	}
	got, want := map[string]string{}, map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		got[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, file := range contents {
		want[path] = string(file.Data)
	}
	for path := range want {
		if got[path] != want[path] {
			t.Errorf("%s/%s: got %q, want %q", volume, path, got[path], want[path])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d files, want %d", volume, len(got), len(want))
	}
}
