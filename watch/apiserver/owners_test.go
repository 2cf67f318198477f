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

// TestPeers: pods of one workload, whoever stands between.
func TestPeers(t *testing.T) {
	t.Parallel()
	pod := func(name, owner string, labels map[string]any) map[string]any {
		o := label("one")
		metadata := object.Map(o, "metadata")
		metadata["name"], metadata["uid"], metadata["labels"] = name, "uid-"+name, labels
		return owned(o, owner)
	}
	hash := func(h string) map[string]any { return map[string]any{"app": "web", "pod-template-hash": h} }
	deployment := named("apps/v1", "Deployment", "web")
	object.Map(deployment, "spec")["selector"] = map[string]any{"matchLabels": map[string]any{"app": "web"}}
	for name, tt := range map[string]struct {
		objects []map[string]any
		want    string
		asked   string
	}{
		"Deployment in a rollout": {[]map[string]any{
			pod("web-0", "apps/v1 ReplicaSet/web-1", hash("1")), pod("web-b", "apps/v1 ReplicaSet/web-2", hash("2")),
			pod("db", "apps/v1 ReplicaSet/db-1", map[string]any{"app": "db", "pod-template-hash": "1"}),
			owned(named("apps/v1", "ReplicaSet", "web-1"), "apps/v1 Deployment/web"), deployment,
		}, "web-0 web-b", "pods?app=web"},
		"CronJob": {[]map[string]any{
			pod("web-0", "batch/v1 Job/j1", nil), pod("other", "batch/v1 Job/j2", nil), pod("foreign", "batch/v1 Job/j3", nil),
			owned(named("batch/v1", "Job", "j1"), "batch/v1 CronJob/c"), owned(named("batch/v1", "Job", "j2"), "batch/v1 CronJob/c"),
			owned(named("batch/v1", "Job", "j3"), "batch/v1 CronJob/d"), named("batch/v1", "CronJob", "c"),
		}, "other web-0", "jobs/j3"},
		"no controller": {[]map[string]any{label("one"), pod("other", "batch/v1 Job/j2", nil)}, "web-0", ""},
	} {
		for _, mode := range []Mode{Once, Follow} {
			t.Run(fmt.Sprint(name, mode), func(t *testing.T) {
				t.Parallel()
				a := plainAPI(t)
				for _, o := range tt.objects {
					a.put(o)
				}
				s := &Source{Client: a.client(t), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("peers"), nil, mode), Timing: quick()}
				var l watch.Layer
				names := func() string {
					var names []string
					s, _ := l.Get("peers")
					list, _ := s.Value.([]any)
					for _, o := range list {
						names = append(names, o.(map[string]any)["name"].(string))
					}
					return strings.Join(names, " ")
				}
				if mode == Follow {
					follow(t, s).until(tt.want, func(read watch.Layer, err error) bool {
						l = read
						return names() == tt.want && err == nil && l.Live
					})
				} else {
					var err error
					if l, err = s.Read(t.Context()); err != nil || names() != tt.want {
						t.Errorf("%q, %v", names(), err)
					}
				}

				if asked := strings.Join(a.asked(), "\n"); !strings.Contains(asked, tt.asked) {
					t.Errorf("asked %s", asked)
				}
			})
		}
	}
}

// TestKindNotServed: a resource whose definition is not installed.
func TestKindNotServed(t *testing.T) {
	t.Parallel()
	for _, optional := range []bool{true, false} {
		a := plainAPI(t)
		objects := []Object{{ID: "x", APIVersion: "none.example.com/v1", Kind: "Thing", Name: "x", Optional: optional}}
		f := follow(t, shopSource(t, a, objects, "objects.x"))
		f.until("an answer", func(l watch.Layer, err error) bool { return (err == nil) == optional && l.Has("objects.x") == optional })
		if reason, _ := f.Explain("objects.x.spec"); !strings.Contains(reason, "not found") {
			t.Errorf("reason %q", reason)
		}
	}
}
