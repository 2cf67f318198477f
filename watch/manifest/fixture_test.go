package manifest_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/manifest"
)

// The fixtures are pods of a real cluster: their objects, what the kubelet wrote
// into their volumes, and the environment of their container main.
func fixtures() []string { return []string{"deployment", "statefulset"} }

// TestProjectEqualsKubelet holds the projection against what the kubelet wrote.
func TestProjectEqualsKubelet(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path.Join("testdata", name)
			pod := choose(t, manifest.Input{Pod: path.Join(dir, "objects/pod.yaml"), Node: path.Join(dir, "objects/node.yaml")}, "")
			main := project(t, pod).Containers[0]
			for _, v := range main.Volumes {
				want := map[string]string{"/etc/podinfo": "podinfo", "/etc/projected": "proj"}[v.Dir]
				equalFiles(t, v.FS, os.DirFS(path.Join(dir, want)))
			}
			if len(main.Volumes) != 2 || main.ServiceAccount == nil {
				t.Fatalf("container main has %d volumes, service account %v", len(main.Volumes), main.ServiceAccount)
			}
			equalFiles(t, main.ServiceAccount.FS, memory{"namespace": "shop"}.fs(t))
		})
	}
}

func TestEnvironmentEqualsKubelet(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path.Join("testdata", name)
			pod := choose(t, manifest.Input{Pod: path.Join(dir, "objects/pod.yaml"), Node: path.Join(dir, "objects/node.yaml")}, "")
			main := project(t, pod).Containers[0]
			data, err := os.ReadFile(path.Join(dir, "container.env"))
			if err != nil {
				t.Fatal(err)
			}
			var want []string // what the spec declares, without services and image
			for line := range strings.Lines(string(data)) {
				if name, _, _ := strings.Cut(line, "="); slices.Contains(declared(), name) {
					want = append(want, strings.TrimSuffix(line, "\n"))
				}
			}
			if got := main.Environ(); !slices.Equal(got, want) || len(got) != len(declared()) {
				t.Errorf("environment\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func declared() []string {
	return strings.Fields("POD_NAME POD_NAMESPACE POD_UID NODE_NAME SERVICE_ACCOUNT POD_IP POD_IPS HOST_IP HOST_IPS " +
		"CONTAINER_CPU_REQUEST_MILLICORES CONTAINER_MEMORY_LIMIT_KIBIBYTES")
}

// TestFactsEqualVolume: what the objects say and what the volume says are the
// same, for every fact that both have.
func TestFactsEqualVolume(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path.Join("testdata", name)
			pod := choose(t, manifest.Input{Pod: path.Join(dir, "objects/pod.yaml"), Node: path.Join(dir, "objects/node.yaml")}, "")
			v := project(t, pod).Containers[0].Volumes[0]
			volume := &downward.Source{Dir: v.Dir, FS: os.DirFS(path.Join(dir, "podinfo")), Items: v.Items, ItemsFrom: "pod spec"}
			written, err := watch.Collect(t.Context(), volume)
			if err != nil {
				t.Fatal(err)
			}
			merged, err := watch.Collect(t.Context(), pod, volume)
			if err != nil {
				t.Fatal(err)
			}
			checked := 0
			for f := range written.Facts() {
				got, err := merged.Lookup(f.Path)
				if err != nil {
					t.Errorf("%s: %v", f.Path, err)
					continue
				}
				for _, other := range got.Origin.Others {
					// The volume rounds 100m up to 1 with the divisor 1.
					if f.Path != "containers.main.limits.cpu" {
						t.Errorf("%s is %v, but %s says %v", f.Path, got.Value, other.Source, other.Value)
					}
				}
				checked++
			}
			if checked < 15 {
				t.Errorf("only %d facts in the volume", checked)
			}
		})
	}
}

// TestStandInDiffersInNamesOnly: the pod made from the Deployment is the pod that
// the cluster made, but for what is drawn by lot.
func TestStandInDiffersInNamesOnly(t *testing.T) {
	t.Parallel()
	for name, workload := range map[string]string{"deployment": "deployment.yaml", "statefulset": "statefulset.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path.Join("testdata", name)
			pod := choose(t, manifest.Input{Pod: path.Join(dir, "objects", workload), Node: path.Join(dir, "objects/node.yaml")}, "")
			main := project(t, pod).Containers[0]
			for _, v := range main.Volumes {
				written := map[string]string{"/etc/podinfo": "podinfo", "/etc/projected": "proj"}[v.Dir]
				equalFiles(t, lots(t, v.FS), lots(t, os.DirFS(path.Join(dir, written))))
			}
			equalFiles(t, main.ServiceAccount.FS, memory{"namespace": "shop"}.fs(t))
		})
	}
}

// lots replaces what a cluster draws by lot.
func lots(t *testing.T, fsys fs.FS) fs.FS {
	t.Helper()
	drawn := regexp.MustCompile(`web-[0-9a-z]{9,10}-[0-9a-z]{5}|db-[0-9a-z]{10}|[0-9a-f]{8}-[0-9a-f-]{27}|(hash=")[0-9a-z]{9,10}`)
	files := read(t, fsys)
	for name, text := range files {
		files[name] = drawn.ReplaceAllString(text, "${1}LOT")
	}
	return memory(files).fs(t)
}

// TestDumpResolvesEverything reads the whole dump.
func TestDumpResolvesEverything(t *testing.T) {
	t.Parallel()
	pod := choose(t, manifest.Input{Pod: "testdata/deployment/objects/pod.yaml", Objects: []string{"testdata/deployment/objects"}}, "")
	s := collect(t, pod)
	for fact, want := range map[watch.Path]any{
		"pod.name":                        "web-7858dd7779-fmn6h",
		"pod.qosClass":                    "Burstable",
		"pod.createdAt":                   "2026-11-22T01:37:08Z",
		"pod.ip":                          "192.0.2.2",
		"containers.main.limits.memory":   "40Mi",
		"containers.main.allocated.cpu":   "15m",
		"containers.main.imageID":         "sha256:f6e9cb924ebc2609ad528767522697c628d47d4f4c38b8b4bc4886db7de1cc6e",
		"containers.nolimits.limits.cpu":  "2",
		"node.zone":                       "zone-a",
		"node.kubeletVersion":             "v1.36.3",
		"namespace.labels['environment']": "staging",
		"owner.kind":                      "ReplicaSet",
		"workload.kind":                   "Deployment",
		"workload.name":                   "web",
		"workload.uid":                    "94378fe1-2d83-42c8-8fd2-16805f7ebbe0",
		"workload.labels['tier']":         "front",
		"workload.replicas":               int64(2),
		"cluster.uid":                     "a5933df7-5d21-4ee4-99f2-332905d1243e",
	} {
		if f := lookup(t, s, fact); f.Value != want {
			t.Errorf("%s = %v, want %v", fact, f.Value, want)
		}
	}
	if f := lookup(t, s, "containers.nolimits.limits.memory"); !f.Unset || f.Value != "24580016Ki" {
		t.Errorf("unset limit: %+v", f)
	}
	services := lookup(t, s, "services").Value.([]any)
	if len(services) != 1 || services[0].(map[string]any)["name"] != "web" {
		t.Errorf("services = %v", services)
	}
	peers := lookup(t, s, "peers").Value.([]any)
	if len(peers) != 2 || peers[0].(map[string]any)["self"] != true || peers[1].(map[string]any)["name"] != "web-7858dd7779-jvpqt" {
		t.Errorf("peers = %v", peers)
	}
}

// choose loads and chooses.
func choose(t *testing.T, in manifest.Input, ref string) *manifest.Pod {
	t.Helper()
	cluster, err := manifest.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	pod, err := cluster.Pod(ref)
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func project(t *testing.T, pod *manifest.Pod) *manifest.Projection {
	t.Helper()
	p, err := pod.Project()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func collect(t *testing.T, sources ...watch.Source) *watch.Snapshot {
	t.Helper()
	s, err := watch.Collect(t.Context(), sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lookup(t *testing.T, s *watch.Snapshot, p watch.Path) watch.Fact {
	t.Helper()
	f, err := s.Lookup(p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// memory is a directory of the test.
type memory map[string]string

func (m memory) fs(t *testing.T) fs.FS {
	t.Helper()
	return os.DirFS(m.dir(t))
}

func (m memory) dir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range m {
		file := path.Join(dir, name)
		if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read gives every file of a volume, without the annotations that the kubelet
// adds for itself.
func read(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		kept := slices.DeleteFunc(strings.Split(string(data), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "kubernetes.io/config.")
		})
		files[name] = strings.Join(kept, "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func equalFiles(t *testing.T, got, want fs.FS) {
	t.Helper()
	have, written := read(t, got), read(t, want)
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if have[name] != written[name] {
			t.Errorf("%s:\n%q, want\n%q", name, have[name], written[name])
		}
		if _, ok := have[name]; !ok {
			t.Errorf("%s is not projected", name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("%s is projected, but the kubelet does not write it", name)
	}
}
