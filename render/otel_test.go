package render

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
)

func TestOtel(t *testing.T) {
	t.Parallel()
	want := "OTEL_SERVICE_NAME=web\nOTEL_RESOURCE_ATTRIBUTES=" + strings.Join([]string{
		"cloud.availability_zone=eu-1a", "cloud.region=eu-1", "k8s.container.name=main", "k8s.deployment.name=web",
		"k8s.namespace.name=shop", "k8s.node.name=node-a", "k8s.pod.name=web-5d4f8c7b9-x2x4z",
		"k8s.pod.uid=0d2c4a6e-1111-2222-3333-444455556666", "k8s.replicaset.name=web-5d4f8c7b9",
		"service.instance.id=shop.web-5d4f8c7b9-x2x4z.main", "service.namespace=shop", "service.version=1.4.2",
	}, ",") + "\n"
	if got := values(t, "otel", web(t)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Each step takes away what won, best first, as in
// https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/.
func TestOtelServiceName(t *testing.T) {
	t.Parallel()
	known := map[watch.Path]any{
		"env.OTEL_SERVICE_NAME":         "by-env",
		"env.OTEL_RESOURCE_ATTRIBUTES":  "service.name=by-attribute",
		"pod.annotations":               map[string]string{"resource.opentelemetry.io/service.name": "by-annotation"},
		"pod.labels":                    map[string]string{"app.kubernetes.io/instance": "by-instance", "app.kubernetes.io/name": "by-name"},
		"workload.kind":                 "Deployment",
		"workload.name":                 "by-deployment",
		"owner.kind":                    "ReplicaSet",
		"owner.name":                    "by-replicaset",
		"pod.name":                      "by-pod",
		"containers.by-container.image": "x",
	}
	labels := known["pod.labels"].(map[string]string)
	for _, step := range []struct {
		want   string
		remove func()
	}{
		{"by-env", func() { delete(known, "env.OTEL_SERVICE_NAME") }},
		{"by-attribute", func() { delete(known, "env.OTEL_RESOURCE_ATTRIBUTES") }},
		{"by-annotation", func() {
			known["pod.annotations"] = map[string]string{"resource.opentelemetry.io/service.name": ""}
		}},
		{"by-instance", func() { labels["app.kubernetes.io/instance"] = "" }},
		{"by-name", func() { delete(labels, "app.kubernetes.io/name") }},
		{"by-deployment", func() { delete(known, "workload.kind") }},
		{"by-replicaset", func() { known["owner.kind"] = "Rollout" }},
		{"by-pod", func() { delete(known, "pod.name") }},
		{"by-container", func() {}},
	} {
		if got, _, _ := strings.Cut(values(t, "otel", facts(t, known)), "\n"); got != "OTEL_SERVICE_NAME="+step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
		step.remove()
	}
}

func TestOtelWorkloads(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"StatefulSet": "k8s.statefulset.name=w", "DaemonSet": "k8s.daemonset.name=w", "Job": "k8s.job.name=w",
		"CronJob": "k8s.cronjob.name=w", "ReplicaSet": "k8s.replicaset.name=w",
	} {
		got := values(t, "otel", facts(t, map[watch.Path]any{"workload.kind": kind, "workload.name": "w", "workload.uid": "u"}))
		if want := "OTEL_SERVICE_NAME=w\nOTEL_RESOURCE_ATTRIBUTES=" + want + "," + strings.Replace(want, ".name=w", ".uid=u", 1) + "\n"; got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

func TestOtelServiceVersion(t *testing.T) {
	t.Parallel()
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for image, want := range map[string]string{
		"web":                              "",
		"web:1.2":                          "1.2",
		"registry:5000/shop/web":           "",
		"registry:5000/shop/web:1.2":       "1.2",
		"web@" + digest:                    digest,
		"web:1.2@" + digest:                "1.2@" + digest,
		"registry:5000/shop/web@" + digest: digest,
	} {
		if got := attributes(t, map[watch.Path]any{"containers.main.image": image})["service.version"]; got != want {
			t.Errorf("image %s has version %q, want %q", image, got, want)
		}
	}
	label := map[watch.Path]any{"containers.main.image": "web:1", "pod.labels": map[string]string{"app.kubernetes.io/version": "2"}}
	if got := attributes(t, label)["service.version"]; got != "2" {
		t.Errorf("the label goes before the image: got %q", got)
	}
	label["pod.annotations"] = map[string]string{"resource.opentelemetry.io/service.version": "3"}
	if got := attributes(t, label)["service.version"]; got != "3" {
		t.Errorf("the annotation goes before the label: got %q", got)
	}
}

func TestOtelAnnotationsAndEnvironment(t *testing.T) {
	t.Parallel()
	got := attributes(t, map[watch.Path]any{
		"pod.name": "a", "pod.namespace": "b", "containers.c.limits.cpu": "1",
		"pod.annotations": map[string]string{
			"resource.opentelemetry.io/team":                "x=y, z",
			"resource.opentelemetry.io/service.instance.id": "mine",
			"resource.opentelemetry.io/service.namespace":   "",
			"resource.opentelemetry.io/":                    "nameless",
			"other.io/team":                                 "ignored",
		},
		"env.OTEL_RESOURCE_ATTRIBUTES": " k8s.pod.name = env%2Cpod ,bad, =x,team2=caf%C3%A9,k8s.namespace.name=,odd=100%",
	})
	want := map[string]string{
		"team": "x=y, z", "service.instance.id": "mine", "service.namespace": "b", "k8s.namespace.name": "b",
		"k8s.container.name": "c", "k8s.pod.name": "env,pod", "team2": "café", "odd": "100%",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// attributes reads OTEL_RESOURCE_ATTRIBUTES as an SDK does.
func attributes(tb testing.TB, known map[watch.Path]any) map[string]string {
	tb.Helper()
	all := make(map[string]string)
	for line := range strings.Lines(values(tb, "otel", facts(tb, known))) {
		pairs, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "OTEL_RESOURCE_ATTRIBUTES=")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(pairs, ",") {
			key, value, _ := strings.Cut(pair, "=")
			var err error
			if all[key], err = url.PathUnescape(value); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return all
}

func FuzzPercentEncode(f *testing.F) {
	for _, s := range []string{"a,b=c;d", `"'\$` + "`", "1+1 %", "\x00\xff\n", "ünï", "registry/x@sha256:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := percentEncode(s)
		if strings.ContainsAny(encoded, ",=;+ \"'\\$`\n") {
			t.Errorf("%q is written %q", s, encoded)
		}
		// Some SDKs read it as a path does, some as a form does.
		if got, err := url.PathUnescape(encoded); err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
		if got, err := url.QueryUnescape(encoded); err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
		if got := percentDecode(encoded); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
