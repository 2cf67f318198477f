package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// TestRulesForAWorkload names the controllers of the pod's own workload only.
func TestRulesForAWorkload(t *testing.T) {
	t.Parallel()
	needs := watch.Needs{{Path: "workload.labels"}}
	for workload, want := range map[string]string{
		"Deployment":  "replicasets:get deployments:get,watch",
		"StatefulSet": "statefulsets:get,watch",
		"CronJob":     "cronjobs:get,watch jobs:get",
		"Job":         "jobs:get",
		"Pod":         "",
		// What stands between is not known.
		"argoproj.io/v1alpha1/Rollout": "replicasets:get jobs:get rollouts:get,watch",
		"v1/ReplicationController":     "replicationcontrollers:get,watch",
		"apps/v1beta1/Deployment":      "replicasets:get deployments:get,watch",
		"":                             "replicasets:get jobs:get deployments:get,watch statefulsets:get,watch daemonsets:get,watch cronjobs:get,watch",
	} {
		p := NewPlan(needs, nil, Follow)
		if workload != "" {
			var err error
			if p.Controllers, err = ControllersOf(workload); err != nil {
				t.Fatal(err)
			}
		}
		got := make(map[string]bool)
		for _, r := range p.Rules() {
			if r.Resources[0] != "pods" {
				got[r.Resources[0]+":"+strings.Join(r.Verbs, ",")] = true
			}
		}
		for rule := range strings.FieldsSeq(want) {
			if !got[rule] {
				t.Errorf("%s lacks %s; it has %v", workload, rule, got)
			}
			delete(got, rule)
		}
		if len(got) > 0 {
			t.Errorf("%s has %v too", workload, got)
		}
	}
}

func TestControllersOf(t *testing.T) {
	t.Parallel()
	for workload, want := range map[string]string{
		"Deploymnt":       `did you mean "Deployment"?`,
		"Rollout":         "APIVERSION/KIND",
		"/Rollout":        "APIVERSION/KIND",
		"v1/":             "APIVERSION/KIND",
		"a/b/c/d/Rollout": "GROUP/VERSION",
	} {
		if _, err := ControllersOf(workload); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", workload, err)
		}
	}
}

// TestRulesOfCustomControllers: those on the way are read, the last one is followed.
func TestRulesOfCustomControllers(t *testing.T) {
	t.Parallel()
	p := NewPlan(watch.Needs{{Path: "workload.labels"}}, nil, Follow)
	if !p.AnyController() {
		t.Error("the rules are for controllers of any kind, and do not say so")
	}
	p.Controllers = []object.Kind{{APIVersion: "apps/v1", Kind: "ReplicaSet"}, {APIVersion: "example.com/v1", Kind: "Pool"},
		{APIVersion: "example.com/v1", Kind: "Datacenter"}}
	p.Served = map[object.Kind]object.Resource{p.Controllers[2]: {Name: "datacentera"}}
	var got []string
	for _, r := range p.Rules() {
		got = append(got, fmt.Sprint(strings.Join(r.Resources, ","), r.Verbs, r.ClusterScoped, r.Guessed))
	}
	if p.AnyController() || strings.Join(got, "; ") != "pods[get watch] false false; replicasets[get] false false; pools[get] false true; datacentera[get watch] true false" {
		t.Errorf("%s", got)
	}
}

// TestAdviceIsWhatRulesSay: a server that forbids everything is told of each rule, and
// none is another than those of the plan.
func TestAdviceIsWhatRulesSay(t *testing.T) {
	t.Parallel()
	objects := []Object{
		{ID: "one", APIVersion: "v1", Kind: "ConfigMap", Name: "a"},
		{ID: "other", APIVersion: "v1", Kind: "ConfigMap", Name: "a", Namespace: "infra"},
		{ID: "list", APIVersion: "v1", Kind: "Secret"},
		{ID: "everywhere", APIVersion: "v1", Kind: "Secret", Namespace: AllNamespaces},
		{ID: "namespace", APIVersion: "v1", Kind: "Namespace", Name: "infra"},
		{ID: "class", APIVersion: "storage.k8s.io/v1", Kind: "StorageClass", Name: "fast"},
	}
	for _, mode := range []Mode{Once, Follow} {
		a := plainAPI(t)
		a.breakWith(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/version") {
				return false
			}
			refuse(w, 403, "Forbidden", "x")
			return true
		})
		plan := NewPlan(needs(""), objects, mode)
		plan.Namespace, plan.Controllers = "shop", []object.Kind{}
		s := &Source{Client: a.client(t), Pod: Target{Namespace: "shop", Name: "web-0", Node: "n0"}, Plan: plan, Timing: quick()}
		_, err := s.Read(t.Context())
		for _, e := range watch.Errors(err) {
			forbidden, ok := errors.AsType[*Error](e)
			if !ok || forbidden.Rule == nil {
				t.Errorf("%v names no rule", e)
				continue
			}
			advised := *forbidden.Rule
			if advised.Namespace == "shop" {
				advised.Namespace = ""
			}
			listed := slices.ContainsFunc(plan.Rules(), func(r Rule) bool {
				return r.key() == advised.key() && slices.Contains(r.Verbs, advised.Verbs[0])
			})
			if !listed {
				t.Errorf("mode %d: %v: the plan has no such rule, but %v", mode, e, plan.Rules())
			}
		}
		if got, want := len(watch.Errors(err)), len(plan.Rules()); got != want {
			t.Errorf("mode %d: %d errors, %d rules: %v", mode, got, want, err)
		}
	}
}
