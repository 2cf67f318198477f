package downward

import (
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/watch"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files        map[string]string
		items        []Item
		fact         watch.Path
		reason, hint string
	}{
		"labels not mounted": {
			fact:   watch.PodLabels,
			reason: "has no file for metadata.labels",
			hint:   "add {path: labels, fieldRef: {fieldPath: metadata.labels}} to the volume's downwardAPI.items",
		},
		"one label, and the labels not mounted": {
			fact:   "pod.labels['app']",
			reason: "has no file for metadata.labels",
			hint:   "add {path: labels, fieldRef: {fieldPath: metadata.labels}} to the volume's downwardAPI.items",
		},
		"uid not mounted": {
			fact:   watch.PodUID,
			reason: "has no file for metadata.uid",
			hint:   "add {path: uid, fieldRef: {fieldPath: metadata.uid}} to the volume's downwardAPI.items",
		},
		"limit not mounted": {
			fact:   "containers.main.limits.cpu",
			reason: "has no file for limits.cpu of container main",
			hint:   "add {path: main/cpu_limit_millicores, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}} to the volume's downwardAPI.items",
		},
		"huge pages not mounted": {
			fact:   "containers.main.requests.hugepages-2Mi",
			reason: "has no file for requests.hugepages-2Mi of container main",
			hint:   "add {path: main/hugepages-2Mi_request_bytes, resourceFieldRef: {containerName: main, resource: requests.hugepages-2Mi, divisor: 1}} to the volume's downwardAPI.items",
		},
		"labels mounted, and without that one": {
			files: map[string]string{"labels": `app="web"`}, fact: "pod.labels['tier']",
		},
		"a broken map": {
			files: map[string]string{"labels": "app\n=\n"}, fact: "pod.labels['tier']",
			reason: `labels:1: has no "="; labels:2: has no key before "="`,
		},
		"a broken map, and a fact that it does not hold": {
			files: map[string]string{"labels": "app"}, fact: watch.PodUID,
			reason: "has no file for metadata.uid",
			hint:   "add {path: uid, fieldRef: {fieldPath: metadata.uid}} to the volume's downwardAPI.items",
		},
		"a broken map, and a fact that no volume holds": {
			files: map[string]string{"labels": "app"}, fact: watch.NodeZone,
		},
		"a broken file": {
			files: map[string]string{"cpu": "lots"}, items: []Item{{Path: "cpu", Fact: "containers.main.limits.cpu"}}, fact: "containers.main.limits.cpu",
			reason: `cpu: "lots" is not a whole number, as Kubernetes writes resources`,
		},
		"an empty label": {
			files: map[string]string{"app": ""}, items: []Item{{Path: "app", Fact: "pod.labels['app']"}}, fact: "pod.labels['app']",
			reason: "app is empty: the pod has no such key, or an empty one",
			hint:   "mount metadata.labels or metadata.annotations as a whole to tell these apart",
		},
		"an item without file": {
			items: []Item{{Path: "app", Fact: watch.PodName}}, fact: watch.PodName,
			reason: "has no file app, which its items name for metadata.name",
			hint:   "compare the items with the downwardAPI.items of the pod spec",
		},
		"a divisor that cannot be told": {
			files: map[string]string{"main/cpu_limit": "250"}, fact: "containers.main.limits.cpu",
			reason: "main/cpu_limit reads 250 and nothing says its divisor",
			hint:   "list it under items: of the volume, with the divisor that the pod spec gives it",
		},
		"a file without container": {
			files: map[string]string{"containerMemoryLimitBytes": "1048576"}, fact: "containers.main.limits.memory",
			reason: "the name of containerMemoryLimitBytes says no container",
			hint:   "list it under items: of the volume",
		},
		"a limit that nobody set": {
			files: map[string]string{"main/eph_limit": "0"}, fact: "containers.main.limits.ephemeral-storage",
			reason: "main/eph_limit reads 0: nobody set limits.ephemeral-storage of container main",
			hint:   "set it on the container",
		},
		"a name that holds none": {
			files: map[string]string{"name": "Web Server"}, fact: watch.PodName,
			reason: "name does not hold a metadata.name",
			hint:   "if it should, list it under items: of the volume",
		},
		"a file that is not there": {fact: "files.x", reason: "has no file x, or an empty one"},
		"a binary file":            {files: map[string]string{"x": "\xff"}, fact: "files.x", reason: "x is not UTF-8 text"},

		"only the environment has it": {fact: watch.PodIP},
		"only the API has it":         {fact: watch.NodeZone},
		"a resource out of reach":     {fact: "containers.main.limits['nvidia.com/gpu']"},
		"a group":                     {fact: "pod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Source{Dir: t.TempDir(), Items: test.items}
			for name, text := range test.files {
				write(t, s.Dir, name, text)
			}
			s.Read(t.Context()) //nolint:errcheck // some are broken
			reason, hint := s.Explain(test.fact)
			if want := test.reason; want != "" && !strings.HasPrefix(reason, s.String()) || strings.TrimLeft(strings.TrimPrefix(reason, s.String()), ": ") != want {
				t.Errorf("got  %s\nwant %s", reason, want)
			}
			if hint != test.hint {
				t.Errorf("got  %s\nwant %s", hint, test.hint)
			}
		})
	}
}

// TestExplainWithoutVolume repeats the error for what the volume could hold.
func TestExplainWithoutVolume(t *testing.T) {
	t.Parallel()
	s := &Source{Dir: filepath.Join(t.TempDir(), "absent")}
	_, err := s.Read(t.Context())
	for fact, want := range map[watch.Path]bool{
		watch.PodName: true, "pod.labels['app']": true, "pod": true, "containers.main.limits.cpu": true, "files.x": true,
		watch.NodeZone: false, watch.PodIP: false,
	} {
		reason, _ := s.Explain(fact)
		if explained := err != nil && reason == err.Error(); explained != want || !explained && reason != "" {
			t.Errorf("%s: got %q, want the error %v: %v", fact, reason, err, want)
		}
	}
}

// TestExplainGivesWorkingItems follows the advice: the item is one that
// Kubernetes takes, and its file is understood without configuration.
func TestExplainGivesWorkingItems(t *testing.T) {
	t.Parallel()
	for fact, value := range map[watch.Path]string{
		watch.PodName: "web-1", watch.PodNamespace: "shop", watch.PodUID: "7", "pod.labels['app']": `app="web"`, watch.PodAnnotations: `a="b"`,
		"containers.main.limits.cpu": "250", "containers.main.requests.cpu": "0", "containers.main.limits.memory": "1000",
		"containers.main.requests.ephemeral-storage": "1000", "containers.main.limits.hugepages-2Mi": "2097152",
	} {
		s := &Source{Dir: t.TempDir()}
		_, hint := s.Explain(fact)
		text, ok := strings.CutPrefix(hint, "add ")
		text, _, found := strings.Cut(text, " to ")
		if !ok || !found {
			t.Errorf("%s: hint %q", fact, hint)
			continue
		}
		var spec map[string]any
		if err := yaml.Unmarshal([]byte(text), &spec); err != nil {
			t.Errorf("%s: %v", fact, err)
		}
		item, err := ItemFrom(spec)
		if err != nil {
			t.Errorf("%s: %v", fact, err)
		}
		write(t, s.Dir, item.Path, value)
		layer, err := s.Read(t.Context())
		if err != nil || !layer.Has(fact) {
			t.Errorf("%s is not in %v: %v", fact, layer.Paths(), err)
		}
	}
}
