package manifest

import (
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestItemsAt(t *testing.T) {
	t.Parallel()
	const (
		mount   = "volumeMounts: [{name: a, mountPath: /etc/podinfo/}]"
		another = "volumeMounts: [{name: b, mountPath: /etc/podinfo}]"
		a       = "{path: pod-labels.txt, fieldRef: {fieldPath: metadata.labels}} " +
			"{path: cores, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}"
		b = "{path: b.txt, fieldRef: {fieldPath: metadata.uid}}"
	)
	tests := []struct{ name, containers, want string }{
		{"one container", "- {name: main, " + mount + "}", a},
		{"a projected volume", "- {name: main, " + another + "}", b},
		{"two that agree", "- {name: main, " + mount + "}\n  - {name: podfacts, " + mount + "}", a},
		{"podfacts differs", "- {name: main, " + mount + "}\n  - {name: podfacts-run, " + another + "}", b},
		{"its image", "- {name: main, " + mount + "}\n  - {name: x, image: 'example.com/podfacts:1', " + another + "}", b},
		{"its command", "- {name: main, " + mount + "}\n  - {name: x, command: [/bin/podfacts, run], " + another + "}", b},
		{"strangers differ", "- {name: main, " + mount + "}\n  - {name: x, " + another + "}", ""},
		{"an init container", "- {name: main}\n  initContainers:\n  - {name: podfacts, " + mount + "}", a},
		{"two of podfacts differ", "- {name: podfacts, " + mount + "}\n  initContainers:\n  - {name: podfacts-init, " + another + "}", ""},
		{"a part", "- {name: main, volumeMounts: [{name: a, mountPath: /etc/podinfo, subPath: x}]}", ""},
		{"a part by an expression", "- {name: main, volumeMounts: [{name: a, mountPath: /etc/podinfo, subPathExpr: $(X)}]}", ""},
		{"elsewhere", "- {name: main, volumeMounts: [{name: a, mountPath: /etc}]}", ""},
		{"something else", "- {name: main, volumeMounts: [{name: c, mountPath: /etc/podinfo}]}", ""},
		{"a volume that there is not", "- {name: main, volumeMounts: [{name: d, mountPath: /etc/podinfo}]}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var pod map[string]any
			err := yaml.Unmarshal([]byte(`
spec:
  volumes:
  - name: a
    downwardAPI:
      defaultMode: 420
      items:
      - {path: pod-labels.txt, fieldRef: {apiVersion: v1, fieldPath: metadata.labels}}
      - {path: cores, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}
      - {path: wrong, fieldRef: {fieldPath: spec.nodeName}}
  - name: b
    projected:
      sources:
      - serviceAccountToken: {path: token}
      - downwardAPI: {items: [{path: b.txt, fieldRef: {fieldPath: metadata.uid}}]}
  - {name: c, configMap: {name: c}}
  containers:
  `+tt.containers), &pod)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, item := range ItemsAt(pod, "/etc/podinfo") {
				got = append(got, fmt.Sprint(item))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %s, want %s", text, tt.want)
			}
		})
	}
	if got := ItemsAt(nil, "/"); got != nil {
		t.Error(got)
	}
}
