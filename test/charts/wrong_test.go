package charts

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongValues: each is refused in words that lead to it.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, values string
		want         []string // each is part of what Helm says
	}{
		{"unknown value", "imge: {}", []string{"imge"}},
		{"unknown value below", "image: {repositry: a}", []string{"image", "repositry"}},
		{"part that is taken away", "rbac: null", []string{"rbac"}},
		{"setting that is taken away", "injection: {resources: null}", []string{"injection", "resources"}},
		{"repository", "image: {repository: 'a b'}", []string{"image/repository", "does not match pattern"}},
		{"tag", "image: {tag: 'v1@sha'}", []string{"image/tag", "does not match pattern"}},
		{"tag that is a number", "image: {tag: 1.2}", []string{"image/tag", "want string"}},
		{"digest", "image: {digest: 0123456789abcdef}", []string{"image/digest"}},
		{"digest of another kind", "image: {digest: 'md5:0123456789abcdef0123456789abcdef'}", []string{"image/digest", "does not match pattern"}},
		{"pull policy", "image: {pullPolicy: always}", []string{"image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"}},
		{"pull secret", "imagePullSecrets: [registry]", []string{"imagePullSecrets/0", "want object"}},
		{"label", "commonLabels: {team: 'a b'}", []string{"commonLabels/team", "does not match pattern"}},
		{"name", "fullnameOverride: Facts", []string{"fullnameOverride", "does not match pattern"}},
		{"key of the configuration", "config: {ouputs: []}", []string{"config", "ouputs"}},
		{"mode of the API", "config: {api: {mode: sometimes}}", []string{"config/api/mode", "'auto', 'never', 'required'"}},
		{"objects that nobody asks for", "config: {api: {objects: [{id: a, apiVersion: v1, kind: ConfigMap, name: b}]}}", []string{"config.api.objects are never asked for, since config.api.mode is never"}},
		{"preset of an output", "config: {outputs: [{path: /a, presets: [pods]}]}", []string{"config/outputs/0/presets/0", "'pod', 'labels'"}},
		{"format of an output", "config: {outputs: [{path: /a, format: bash}]}", []string{"config/outputs/0/format", "'sh', 'export'"}},
		{"mode that YAML takes for a number", "config: {outputs: [{path: /a, mode: 0640}]}", []string{"config/outputs/0/mode", "want string"}},
		{"no output", "config: {outputs: []}", []string{"config/outputs", "minItems"}},
		{"output without path", "config: {outputs: [{format: json}]}", []string{"config/outputs/0", "path"}},
		{"file that is none", "files: {a: {b: c}}", []string{"files/a", "want string"}},
		{"file in the way", "files: {podfacts.yaml: ''}", []string{"files has podfacts.yaml, which is what config becomes; move it there"}},
		{"account", "serviceAccount: {create: 'yes'}", []string{"serviceAccount/create", "want boolean"}},
		{"annotation of the account", "serviceAccount: {annotations: {a: 1}}", []string{"serviceAccount/annotations/a", "want string"}},
		{"annotation of pods", "podAnnotations: [a]", []string{"podAnnotations", "want object"}},
		{"rbac for", "rbac: {for: sidecar}", []string{"rbac/for", "'run', 'init', 'exec'"}},
		{"workload", "rbac: {workload: Rollout}", []string{"rbac/workload", "'Deployment'"}},
		{"rule", "rbac: {rules: [{resource: pods}]}", []string{"rbac/rules/0", "apiGroups"}},
		{"template", "config: {api: {mode: auto}, outputs: [{path: /a.conf, text: '{{ .node.zone }}'}]}",
			[]string{"output /a.conf is a template, and what it uses is not known to a chart", "podfacts rbac -c podfacts.yaml", "rbac.rules: [] says that none are needed"}},
		{"template of a hook", "config: {api: {mode: auto}, notify: [{http: {url: 'http://a', body: '{{ .pod.name }}'}}]}", []string{"notify has a template"}},
		{"unknown fact", "config: {api: {mode: auto}, outputs: [{path: /a, env: [{name: Z, from: node.zon}]}]}", []string{`output /a: Z: the chart knows no fact "node.zon"`, "podfacts check"}},
		{"object that is not listed", "config: {api: {mode: auto}, outputs: [{path: /a, env: [{name: Z, from: objects.b.data.c}]}]}", []string{`output /a: Z: api.objects has no "b"`}},
		{"kind that nobody knows", "config: {api: {mode: auto, objects: [{id: b, apiVersion: example.com/v1, kind: Shop, name: c}]}, outputs: [{path: /a, format: json}]}",
			[]string{"objects.b: how Shop of example.com/v1 is served is not known to a chart"}},
		{"several", "config: {api: {mode: auto}, outputs: [{path: /a, text: b}, {path: /c, env: [{name: D, from: d.e}]}]}", []string{"- output /a is a template", `- output /c: D: the chart knows no fact "d.e"`}},
		{"presets of injection", "injection: {presets: [otlp]}", []string{"injection/presets/0"}},
		{"no presets of injection", "injection: {presets: []}", []string{"injection/presets", "minItems"}},
		{"directory of injection", "injection: {outputDir: run/podfacts}", []string{"injection/outputDir", "does not match pattern"}},
		{"directory that is taken", "injection: {enabled: true, outputDir: /etc/podinfo/facts}", []string{`podfacts: injection: outputDir is "/etc/podinfo/facts", but must be apart from /etc/podinfo, /etc/podfacts`}},
		{"directory above one that is taken", "injection: {enabled: true, outputDir: /var/run}", []string{`outputDir is "/var/run", but must be apart from`}},
		{"name of a file", "files: {a/b: c}", []string{"at '/files'", "a/b"}},
		{"name of a label", "podLabels: {'a b': c}", []string{"at '/podLabels'", "a b"}},
		{"setting of injection", "injection: {allowImages: []}", []string{"injection", "allowImages"}},
		{"interval", "podMonitor: {interval: 30}", []string{"podMonitor/interval", "want string"}},
		{"replicas", "demo: {replicas: -1}", []string{"demo/replicas", "minimum"}},
		{"no operator", "podMonitor: {enabled: true}", []string{"the cluster has no PodMonitor of monitoring.coreos.com/v1; install the Prometheus operator first", "--api-versions monitoring.coreos.com/v1/PodMonitor"}},
		{"no operator for rules", "prometheusRule: {enabled: true}", []string{"the cluster has no PrometheusRule of monitoring.coreos.com/v1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			values := write(t, "values.yaml", test.values)
			for _, tool := range helms {
				_, wrong := template(t, tool, chart, "--values", values)
				if wrong == "" {
					t.Fatalf("%s takes it", tool)
				}
				for _, want := range test.want {
					// Both say where, each in its way.
					if !strings.Contains(like(wrong), like(want)) {
						t.Errorf("%s does not say %q:\n%s", tool, want, wrong)
					}
				}
			}
		})
	}
}

// like makes one of what two versions of a validator say.
func like(s string) string { return strings.NewReplacer("/", ".", "\"", "'", "", "").Replace(s) }

// TestOldCluster: the policies say what they need, and the rest goes without it.
func TestOldCluster(t *testing.T) {
	t.Parallel()
	for _, tool := range helms {
		if _, wrong := helm(t, tool, "template", "web", chart, "--kube-version", "1.34.1"); wrong != "" {
			t.Errorf("%s: %s", tool, wrong)
		}
		_, wrong := helm(t, tool, "template", "web", chart, "--kube-version", "1.34.1", "--set", "injection.enabled=true")
		if want := "injection.enabled is true, but the cluster is of Kubernetes v1.34.1"; !strings.Contains(wrong, want) {
			t.Errorf("%s does not say %q: %s", tool, want, wrong)
		}
		_, wrong = helm(t, tool, "template", "web", chart, "--kube-version", "1.28.0")
		if want := "chart requires kubeVersion: >=1.29.0-0"; !strings.Contains(wrong, want) {
			t.Errorf("%s does not say %q: %s", tool, want, wrong)
		}
	}
}

// TestWrongParameters does so for the library.
func TestWrongParameters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ call, want string }{
		{`include "podfacts.sidecar" .Values.none`, `podfacts.sidecar: takes a dict, as in include "podfacts.sidecar" (dict "image" …)`},
		{`include "podfacts.sidecar" (dict)`, `podfacts.sidecar: image is missing`},
		{`include "podfacts.sidecar" (dict "imge" "a")`, `podfacts.sidecar: unknown parameter "imge"; there are image, imagePullPolicy,`},
		{`include "podfacts.sidecar" (dict "image" "a b")`, `podfacts.sidecar: image is "a b", but must be the name of an image`},
		{`include "podfacts.sidecar" (dict "image" "a" "imagePullPolicy" "always")`, `podfacts.sidecar: imagePullPolicy is "always", but there are Always, IfNotPresent, Never`},
		{`include "podfacts.sidecar" (dict "image" "a" "configMap" "A")`, `podfacts.sidecar: configMap is "A", but must be the name of a ConfigMap`},
		{`include "podfacts.sidecar" (dict "image" "a" "presets" "pod")`, `podfacts.sidecar: presets is "pod", but must be a list`},
		{`include "podfacts.sidecar" (dict "image" "a" "presets" (list "pods"))`, `podfacts.sidecar: presets is "pods", but there are pod, labels`},
		{`include "podfacts.sidecar" (dict "image" "a" "format" "bash")`, `podfacts.sidecar: format is "bash", but there are sh,`},
		{`include "podfacts.sidecar" (dict "image" "a" "format" "sh" "configMap" "b")`, `podfacts.sidecar: format is for presets, and with configMap there are none`},
		{`include "podfacts.sidecar" (dict "image" "a" "api" "no")`, `podfacts.sidecar: api is "no", but there are auto, never, required`},
		{`include "podfacts.sidecar" (dict "image" "a" "listen" "9300")`, `podfacts.sidecar: listen is "9300", but must be an address`},
		{`include "podfacts.sidecar" (dict "image" "a" "resources" "none")`, `podfacts.sidecar: resources is "none", but must be a map`},
		{`include "podfacts.initContainer" (dict "image" "a" "listen" ":9300")`, `podfacts.initContainer: listen is for sidecars; use podfacts.sidecar`},
		{`include "podfacts.volumes" (dict "outputDir" "/a")`, `podfacts.volumes: unknown parameter "outputDir"; there are configMap, containers`},
		{`include "podfacts.volumeMounts" (dict "outputDir" "a")`, `podfacts.volumeMounts: outputDir is "a", but must be an absolute path`},
		{`include "podfacts.volumeMounts" (dict "outputDir" "/etc")`, `podfacts.volumeMounts: outputDir is "/etc", but must be apart from /etc/podinfo`},
		{`include "podfacts.volumes" (dict "containers" (list "main"))`, `podfacts.volumes: containers has "main", but each must be a map with a name`},
		{`include "podfacts.sidecar" (dict "image" "a" "env" (dict "A" "b"))`, `podfacts.sidecar: env is {"A":"b"}, but must be a list`},
		{`include "podfacts.sidecar" (dict "image" "a" "volumeMounts" (list (dict "mountPath" "/a")))`, `podfacts.sidecar: volumeMounts has {"mountPath":"/a"}, but each must be a map with a name`},
		{`include "podfacts.rbac" (dict "root" . "serviceAccount" "a" "config" "outputs: []")`, `podfacts.rbac: config is "outputs: []", but must be a map`},
		{`include "podfacts.rbac" (dict "root" . "serviceAccount" "a" "rules" "none")`, `podfacts.rbac: rules is "none", but must be a list`},
		{`include "podfacts.rbac" (dict "config" dict)`, `podfacts.rbac: root is missing`},
		{`include "podfacts.rbac" (dict "root" .)`, `podfacts.rbac: serviceAccount is missing`},
		{`include "podfacts.rbac" (dict "root" . "serviceAccount" "a")`, `podfacts.rbac: config is missing`},
		{`include "podfacts.rbac" (dict "root" . "serviceAccount" "a" "config" (dict "listen" "a") "for" "sidecar")`, `rbac for is "sidecar", but must be run, init or exec`},
		{`include "podfacts.rbac" (dict "root" . "serviceAccount" "a" "config" (dict "listen" "a") "workload" "Rollout")`, `rbac workload is "Rollout", but must be Deployment,`},
	} {
		t.Run(test.call, func(t *testing.T) {
			t.Parallel()
			dir := user(t, "{{ "+test.call+" }}")
			for _, tool := range helms {
				if _, wrong := template(t, tool, dir); !strings.Contains(wrong, test.want) {
					t.Errorf("%s does not say %q: %s", tool, test.want, wrong)
				}
			}
		})
	}
}

// user is a chart that uses the library.
func user(t *testing.T, manifest string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "Chart.yaml"), "apiVersion: v2\nname: user\nversion: 0.1.0\ndependencies: [{name: podfacts-lib, version: 0.1.0}]\n")
	write(t, filepath.Join(dir, "templates/all.yaml"), manifest)
	copyDir(t, "../../charts/podfacts-lib", filepath.Join(dir, "charts/podfacts-lib"))
	return dir
}
