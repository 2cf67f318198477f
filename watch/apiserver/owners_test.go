package apiserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// owned is an object with a controller, named apiVersion kind/name.
func owned(o map[string]any, by string) map[string]any {
	apiVersion, rest, _ := strings.Cut(by, " ")
	kind, name, _ := strings.Cut(rest, "/")
	object.Map(o, "metadata")["ownerReferences"] = []any{map[string]any{
		"apiVersion": apiVersion, "kind": kind, "name": name, "uid": "uid-" + name, "controller": true}}
	return o
}

func named(apiVersion, kind, name string) map[string]any {
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": map[string]any{"replicas": 2},
		"metadata": map[string]any{"name": name, "namespace": "shop", "uid": "uid-" + name, "labels": map[string]any{"of": name}}}
}

func TestWorkload(t *testing.T) {
	t.Parallel()
	const widget = "example.com/v1 Widget/w"
	for name, tt := range map[string]struct {
		owner     string
		others    []map[string]any
		forbidden string // a part of paths
		want      string // kind, name, uid, label, replicas
		err       Reason
	}{
		"none": {},
		"StatefulSet": {"apps/v1 StatefulSet/db", []map[string]any{named("apps/v1", "StatefulSet", "db")}, "",
			"StatefulSet db uid-db db 2", ""},
		"StatefulSet of an operator": {"apps/v1 StatefulSet/db", []map[string]any{owned(named("apps/v1", "StatefulSet", "db"), widget),
			named("example.com/v1", "Widget", "w")}, "", "StatefulSet db uid-db db 2", ""},
		"bare ReplicaSet": {"apps/v1 ReplicaSet/rs", []map[string]any{named("apps/v1", "ReplicaSet", "rs")}, "", "ReplicaSet rs uid-rs rs 2", ""},
		"Deployment": {"apps/v1 ReplicaSet/rs", []map[string]any{owned(named("apps/v1", "ReplicaSet", "rs"), "apps/v1 Deployment/web"),
			named("apps/v1", "Deployment", "web")}, "", "Deployment web uid-web web 2", ""},
		"Deployment forbidden": {"apps/v1 ReplicaSet/rs", []map[string]any{owned(named("apps/v1", "ReplicaSet", "rs"), "apps/v1 Deployment/web")},
			"deployments", "Deployment web uid-web <nil> <nil>", Forbidden},
		"ReplicaSet forbidden": {"apps/v1 ReplicaSet/rs", nil, "replicasets", "", Forbidden},
		"ReplicaSet gone":      {"apps/v1 ReplicaSet/rs", nil, "", "", NotFound},
		"CronJob": {"batch/v1 Job/j", []map[string]any{owned(named("batch/v1", "Job", "j"), "batch/v1 CronJob/c"),
			named("batch/v1", "CronJob", "c")}, "", "CronJob c uid-c c 2", ""},
		"custom": {widget, []map[string]any{named("example.com/v1", "Widget", "w")}, "", "Widget w uid-w w 2", ""},
		"custom above a ReplicaSet": {"apps/v1 ReplicaSet/rs", []map[string]any{owned(named("apps/v1", "ReplicaSet", "rs"), widget),
			named("example.com/v1", "Widget", "w")}, "", "Widget w uid-w w 2", ""},
		"custom forbidden":       {widget, nil, "widgets", "Widget w uid-w <nil> <nil>", Forbidden},
		"custom of nobody knows": {"no.example.com/v1 Thing/x", nil, "", "Thing x uid-x <nil> <nil>", NotFound},
		"loop": {"example.com/v1 Widget/a", []map[string]any{owned(named("example.com/v1", "Widget", "a"), "example.com/v1 Widget/b"),
			owned(named("example.com/v1", "Widget", "b"), "example.com/v1 Widget/a")}, "", "", ""},
		"another of the same name": {"apps/v1 ReplicaSet/rs", []map[string]any{func() map[string]any {
			o := owned(named("apps/v1", "ReplicaSet", "rs"), "apps/v1 Deployment/other")
			object.Map(o, "metadata")["uid"] = "later"
			return o
		}()}, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := plainAPI(t)
			pod := label("one")
			if tt.owner != "" {
				pod = owned(pod, tt.owner)
			}
			a.put(pod)
			for _, o := range tt.others {
				a.put(o)
			}
			a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
				if tt.forbidden != "" && strings.Contains(r.URL.Path, "/"+tt.forbidden+"/") {
					refuse(w, 403, "Forbidden", "x")
					return true
				}
				return false
			})
			s := &Source{Client: a.client(t), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("workload"), nil, Once)}
			l, err := s.Read(t.Context())
			if reasonOf(err) != tt.err {
				t.Errorf("error %v", err)
			}
			got := ""
			if l.Has(watch.WorkloadKind) {
				value := func(p watch.Path) any { s, _ := l.Get(p); return s.Value }
				got = fmt.Sprint(value(watch.WorkloadKind), " ", value(watch.WorkloadName), " ", value("workload.uid"), " ",
					value("workload.labels['of']"), " ", value("workload.replicas"))
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if l.Has("workload.labels") != strings.HasSuffix(tt.want, " 2") {
				t.Errorf("says %v", l.Paths())
			}
		})
	}
}
