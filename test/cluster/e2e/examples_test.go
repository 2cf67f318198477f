package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/podfacts/podfacts/test/cluster"
	"github.com/podfacts/podfacts/watch/manifest"
)

// TestExamples puts each example into a pod, with the permissions that rbac prints for
// its manifest and no others.
func TestExamples(t *testing.T) {
	t.Parallel()
	const examples = "../../../examples/"
	dirs, err := filepath.Glob(examples + "*/expected")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d examples: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		dir = filepath.Dir(dir)
		if exists(filepath.Join(dir, "expected", "exec")) {
			continue // an environment: neither init nor run gives it to anybody
		}
		if exists(filepath.Join(dir, "expected", "serve")) {
			continue // an answer, to whoever asks
		}
		if exists(filepath.Join(dir, "rendered.yaml")) {
			continue // by programs that test/e2e has
		}
		for _, mode := range []string{"init", "run"} {
			t.Run(filepath.Base(dir)+"/"+mode, func(t *testing.T) {
				t.Parallel()
				testExample(t, dir, mode)
			})
		}
	}
}

func testExample(t *testing.T, dir, mode string) {
	var file string
	for _, name := range []string{"deployment.yaml", "statefulset.yaml", "pod.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			file = filepath.Join(dir, name)
		}
	}
	s := shop("example-" + filepath.Base(dir) + "-" + mode)
	rbac := []string{"rbac", "--pod", file, "--for", mode, "--service-account", "web", "--namespace", string(s)}
	if config := filepath.Join(dir, "podfacts.yaml"); exists(config) {
		rbac = append(rbac, "-c", config)
	}
	printed := outside(t, rbac...)
	printed.wants(t, 0)
	permissions := parsePermissions(t, printed.stdout.String())
	t.Logf("%d permissions: %v", len(permissions.grants(t)), permissions.grants(t))

	enough := "web"
	apply(t, shared, s.objects()+"---\n"+permissions.to(t, string(s), enough))
	await(t, shared, string(s))
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	p, mounted := exampleOf(t, s, dir, file, enough, 1)
	process := p.start(t, mode, "-c", "/etc/podfacts/podfacts.yaml")
	if mode == "init" {
		process.wait(t)
		process.wants(t, 0)
	}
	var outputs []string
	expected := os.DirFS(filepath.Join(dir, "expected"))
	err = fs.WalkDir(expected, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			outputs = append(outputs, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range outputs {
		eventually(t, name, func() error {
			if p.read(t, name) == "" {
				return errors.New("not written; podfacts says:\n" + process.stderr.String())
			}
			return nil
		})
	}
	if mode == "run" {
		process.term(t)
	}
	requests, err := shared.Requests(mark, p.account.Username())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if r.Code == 403 {
			t.Errorf("refused: %s", r)
		}
	}
	if !mounted {
		if len(requests) > 0 {
			t.Errorf("a pod without token asked: %v", requests)
		}
		return
	}
	if mode == "run" {
		return // which fails as init does, but goes on trying
	}
	for i, g := range permissions.grants(t) {
		lacking := "lacks-" + g.verb + "-" + g.resource
		apply(t, shared, permissions.without(g).to(t, string(s), lacking))
		await(t, shared, string(s))
		p, _ := exampleOf(t, s, dir, file, lacking, i+2)
		process := p.run(t, "init", "--timeout", "0s", "-c", "/etc/podfacts/podfacts.yaml")
		// It fails, or warns where labels of the pod tell as much.
		process.says(t, "resources: ["+g.resource+"]", "verbs: ["+g.verb+"]")
	}
}

// exampleOf makes the pod of an example in the cluster and enters it.
func exampleOf(t *testing.T, s shop, dir, file, account string, number int) (p *pod, mounted bool) {
	t.Helper()
	c, err := manifest.Load(manifest.Input{Pod: file})
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.Pod("")
	if err != nil {
		t.Fatal(err)
	}
	// As a controller, the scheduler and the kubelet would complete it.
	object := made.Object()
	meta, spec := object["metadata"].(map[string]any), object["spec"].(map[string]any)
	name := meta["name"].(string)
	if set, ok := strings.CutSuffix(name, "-00000"); ok { // of a Deployment, which draws lots
		name = fmt.Sprintf("%s-%05d", set, number)
		w := deployment()
		w.chain[1].name = set
		apply(t, shared, w.manifest(s))
	} else if set, ok := strings.CutSuffix(name, "-0"); ok {
		name = fmt.Sprintf("%s-%d", set, number)
		labels := meta["labels"].(map[string]any)
		labels["statefulset.kubernetes.io/pod-name"], labels["apps.kubernetes.io/pod-index"] = name, fmt.Sprint(number)
		w := statefulSet()
		w.chain[0].name = set
		apply(t, shared, w.manifest(s))
	}
	meta["name"], meta["namespace"] = name, string(s)
	delete(meta, "uid")
	spec["serviceAccountName"], spec["nodeName"] = account, s.node()
	delete(spec, "serviceAccount")
	owners, _ := meta["ownerReferences"].([]any)
	for _, owner := range owners {
		delete(owner.(map[string]any), "uid") // Apply finds it
	}
	object["status"] = map[string]any{"phase": "Running", "podIP": "10.1.0.7", "podIPs": []any{map[string]any{"ip": "10.1.0.7"}}}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	uids := apply(t, shared, string(text)+"\n")
	meta["uid"] = string(uids["Pod/"+string(s)+"/"+name])
	projection, err := manifest.Project(object, nil)
	if err != nil {
		t.Fatal(err)
	}
	self := projection.Self()

	p = container(t, shared)
	if p.account, err = shared.ServiceAccount(t.Context(), string(s), account); err != nil {
		t.Fatal(err)
	}
	p.name, p.env = name, self.Environ()
	for _, v := range self.Volumes {
		p.project(t, v.Dir, v.FS)
	}
	if mounted = self.Token; mounted {
		p.renew(t, cluster.TokenOptions{})
	}
	if mounted && self.ServiceAccount == nil {
		p.projectToken(t, self.Environ())
	}
	p.copyConfiguration(t, dir, file)
	return p, mounted
}

// project mounts a volume with the kubelet's links.
func (p *pod) project(t *testing.T, dir string, files fs.FS) {
	t.Helper()
	dir = filepath.Join(p.root, dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	version := filepath.Join(dir, "..1")
	if err := os.CopyFS(version, files); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(version)
	if err != nil {
		t.Fatal(err)
	}
	err = os.Symlink("..1", filepath.Join(dir, "..data"))
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "..") {
			err = errors.Join(err, os.Symlink(filepath.Join("..data", entry.Name()), filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// projectToken has the token and the CA where variables name them, and nowhere else.
func (p *pod) projectToken(t *testing.T, environ []string) {
	t.Helper()
	dir := filepath.Join(p.root, serviceAccountDir)
	for variable, name := range map[string]string{"PODFACTS_TOKEN_FILE": "token", "PODFACTS_CERTIFICATE_AUTHORITY": "ca.crt"} {
		for _, kv := range environ {
			if file, ok := strings.CutPrefix(kv, variable+"="); ok {
				p.write(t, file, p.read(t, filepath.Join(serviceAccountDir, name)))
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// copyConfiguration mounts the example's ConfigMap, or its files in place of one.
func (p *pod) copyConfiguration(t *testing.T, dir, file string) {
	t.Helper()
	for _, pattern := range []string{"podfacts.yaml", "*.tmpl"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p.write(t, "etc/podfacts/"+filepath.Base(name), string(text))
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		var document struct {
			Kind string
			Data map[string]string
		}
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if document.Kind != "ConfigMap" {
			continue
		}
		for name, text := range document.Data {
			p.write(t, "etc/podfacts/"+name, text)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
