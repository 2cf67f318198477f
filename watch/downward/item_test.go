package downward

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

func TestItemFrom(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]Item{
		`{path: labels, fieldRef: {fieldPath: metadata.labels}}`:                                      {Path: "labels", Fact: watch.PodLabels},
		`{path: a, fieldRef: {fieldPath: metadata.annotations}, mode: 256}`:                           {Path: "a", Fact: watch.PodAnnotations},
		`{path: a/b, fieldRef: {apiVersion: v1, fieldPath: metadata.name}}`:                           {Path: "a/b", Fact: watch.PodName},
		`{path: ns, fieldRef: {fieldPath: metadata.namespace}}`:                                       {Path: "ns", Fact: watch.PodNamespace},
		`{path: uid, fieldRef: {fieldPath: metadata.uid}}`:                                            {Path: "uid", Fact: watch.PodUID},
		`{path: app, fieldRef: {fieldPath: "metadata.labels['app.kubernetes.io/name']"}}`:             {Path: "app", Fact: "pod.labels['app.kubernetes.io/name']"},
		`{path: x, fieldRef: {fieldPath: "metadata.annotations['Example.com/X']"}}`:                   {Path: "x", Fact: "pod.annotations['Example.com/X']"},
		`{path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}`:     {Path: "cpu", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
		`{path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: "0"}}`:    {Path: "cpu", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("0")},
		`{path: mem, resourceFieldRef: {containerName: main, resource: requests.memory, divisor: 1}}`: {Path: "mem", Fact: "containers.main.requests.memory", Divisor: resource.MustParse("1")},
		`{path: eph, resourceFieldRef: {containerName: main, resource: limits.ephemeral-storage}}`:    {Path: "eph", Fact: "containers.main.limits.ephemeral-storage"},
		`{path: hp, resourceFieldRef: {containerName: m, resource: requests.hugepages-2Mi}}`:          {Path: "hp", Fact: "containers.m.requests.hugepages-2Mi"},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			got, err := ItemFrom(decode(t, spec))
			if err != nil {
				t.Fatal(err)
			}
			if got.Path != want.Path || got.Fact != want.Fact || got.Divisor.Cmp(want.Divisor) != 0 {
				t.Errorf("got %+v, want %+v", got, want)
			}
			// What an item says of itself can stand in a pod spec.
			again, err := ItemFrom(decode(t, got.String()))
			if err != nil || again.Fact != got.Fact || again.Path != got.Path || again.Divisor.Cmp(got.Divisor) != 0 {
				t.Errorf("%s reads as %+v, %v", got, again, err)
			}
		})
	}
}

func TestItemFromRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"nothing":            {`{}`, []string{`item "": says neither fieldRef nor resourceFieldRef`, `item "": has no path`}},
		"no path":            {`{fieldRef: {fieldPath: metadata.name}}`, []string{"has no path"}},
		"absolute path":      {`{path: /labels, fieldRef: {fieldPath: metadata.labels}}`, []string{`item "/labels": path must be relative to the volume`}},
		"path out of volume": {`{path: a/../../b, fieldRef: {fieldPath: metadata.labels}}`, []string{`must not contain ".."`}},
		"reserved path":      {`{path: ..data, fieldRef: {fieldPath: metadata.labels}}`, []string{`must not start with ".."`}},
		"the volume itself":  {`{path: ./, fieldRef: {fieldPath: metadata.labels}}`, []string{"names no file"}},
		"path is a number":   {`{path: 7, fieldRef: {fieldPath: metadata.labels}}`, []string{"path is not a string"}},
		"both": {`{path: a, fieldRef: {fieldPath: metadata.name}, resourceFieldRef: {containerName: a, resource: limits.cpu}}`,
			[]string{"exclude each other"}},
		"mistyped key":         {`{path: a, feildRef: {fieldPath: metadata.name}}`, []string{`unknown key "feildRef"; did you mean "fieldRef"?`}},
		"mistyped key below":   {`{path: a, fieldRef: {fieldpath: metadata.name}}`, []string{`unknown key "fieldRef.fieldpath"`, "has no fieldPath"}},
		"fieldRef is a string": {`{path: a, fieldRef: metadata.name}`, []string{"fieldRef is not a map"}},
		"other API version":    {`{path: a, fieldRef: {fieldPath: metadata.name, apiVersion: v2}}`, []string{`apiVersion "v2" is not v1`}},
		"environment only":     {`{path: a, fieldRef: {fieldPath: status.podIP}}`, []string{`fieldPath "status.podIP" is none that a volume can hold`}},
		"not Kubernetes' name": {`{path: a, fieldRef: {fieldPath: pod.name}}`, []string{`fieldPath "pod.name"`}},
		"double quotes":        {`{path: a, fieldRef: {fieldPath: 'metadata.labels["a"]'}}`, []string{"fieldPath"}},
		"not closed":           {`{path: a, fieldRef: {fieldPath: "metadata.labels['a"}}`, []string{"fieldPath"}},
		"impossible label":     {`{path: a, fieldRef: {fieldPath: "metadata.labels['a b']"}}`, []string{"none that a volume can hold"}},
		"empty label":          {`{path: a, fieldRef: {fieldPath: "metadata.labels['']"}}`, []string{"none that a volume can hold"}},
		"no container":         {`{path: a, resourceFieldRef: {resource: limits.cpu}}`, []string{"has no containerName, which volumes need"}},
		"impossible container": {`{path: a, resourceFieldRef: {containerName: A_b, resource: limits.cpu}}`, []string{`"A_b" cannot be the name of a container`}},
		"unknown resource":     {`{path: a, resourceFieldRef: {containerName: m, resource: limits.nvidia.com/gpu}}`, []string{`resource "limits.nvidia.com/gpu"`}},
		"no resource":          {`{path: a, resourceFieldRef: {containerName: m}}`, []string{`resource ""`}},
		"divisor for memory":   {`{path: a, resourceFieldRef: {containerName: m, resource: limits.cpu, divisor: 1Mi}}`, []string{"divisor 1Mi is not allowed for cpu"}},
		"milli bytes":          {`{path: a, resourceFieldRef: {containerName: m, resource: limits.memory, divisor: 1m}}`, []string{"divisor 1m is not allowed for memory"}},
		"not a divisor":        {`{path: a, resourceFieldRef: {containerName: m, resource: limits.memory, divisor: big}}`, []string{"divisor big is not a quantity"}},
		"every mistake": {`{path: /a, modes: 1, resourceFieldRef: {resource: memory, divisor: x}}`,
			[]string{`unknown key "modes"`, "containerName", `resource "memory"`, "divisor x", "must be relative"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item, err := ItemFrom(decode(t, test.spec))
			if err == nil {
				t.Fatalf("got %+v, want an error", item)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestItemValidate(t *testing.T) {
	t.Parallel()
	for want, item := range map[string]Item{
		"is not in the reach of a volume": {Path: "a", Fact: watch.NodeZone},
		"none that a volume can hold":     {Path: "a", Fact: "containers.main.limits['nvidia.com/gpu']"},
		"divisor 1Ki is not allowed":      {Path: "a", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1Ki")},
		"has no path":                     {Fact: watch.PodName},
	} {
		if err := item.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got error %v, want %q", item, err, want)
		}
	}
	for _, item := range []Item{
		{Path: "labels", Fact: watch.PodLabels},
		{Path: "cpu", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
	} {
		if err := item.Validate(); err != nil {
			t.Errorf("%+v: %v", item, err)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}
