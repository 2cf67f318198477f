package apiserver

import (
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
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
	} {
		p := NewPlan(needs, nil, Follow)
		p.Workload = workload
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
