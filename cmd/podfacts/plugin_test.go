package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestInvoked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		argv   []string
		args   []string
		plugin bool
	}{
		{nil, nil, false},
		{[]string{"/podfacts", "view"}, []string{"view"}, false},
		{[]string{"/home/ann/.krew/bin/kubectl-podfacts", "view"}, []string{"view"}, true},
		{[]string{"Kubectl-Podfacts.EXE"}, nil, true},
		{[]string{"/usr/bin/kubectl_complete-podfacts", "view", ""}, []string{"__complete", "view", ""}, true},
		{[]string{"my-kubectl-podfacts", "view"}, []string{"view"}, false},
	} {
		if args, plugin := invoked(test.argv); !slices.Equal(args, test.args) || plugin != test.plugin {
			t.Errorf("%q is %q, %v, want %q, %v", test.argv, args, plugin, test.args, test.plugin)
		}
	}
}

// TestParseLive: what was a reference before -n was there is the same reference still.
func TestParseLive(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, namespace, want string }{
		{"shop/web-0", "", "shop v1 Pod web-0"},
		{"shop/web-0", "other", "shop v1 Pod web-0"},
		{"deploy/web-0", "", "deploy v1 Pod web-0"},
		{"deploy/web", "shop", "shop apps/v1 Deployment web"},
		{"pod/web-0", "shop", "shop v1 Pod web-0"},
		{"shop/sts/db", "", "shop apps/v1 StatefulSet db"},
		{"shop/sts/db", "other", "shop apps/v1 StatefulSet db"},
		{"web-0", "shop", "shop v1 Pod web-0"},
		{"web-0", "", " v1 Pod web-0"},
	} {
		r, err := parseLive(test.text, test.namespace)
		if got := fmt.Sprintf("%s %s %s %s", r.namespace, r.apiVersion, r.kind, r.name); got != test.want || err != nil {
			t.Errorf("--live %s -n %q is %q, %v, want %q", test.text, test.namespace, got, err, test.want)
		}
	}
}

func TestKindNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"po": "v1 Pod", "Pods": "v1 Pod", "deploy": "apps/v1 Deployment", "deployments.apps": "apps/v1 Deployment",
		"statefulset.v1.apps": "apps/v1 StatefulSet", "ds": "apps/v1 DaemonSet", "rs": "apps/v1 ReplicaSet", "job": "batch/v1 Job",
		"jobs.batch": "batch/v1 Job", "svc": "v1 Service", "rc": "v1 ReplicationController",
		"deployments.extensions": "", "jobs.apps": "", "pods.v2": "", "cronjob": "", "": "",
	} {
		got := ""
		if apiVersion, kind, ok := kindNamed(name); ok {
			got = apiVersion + " " + kind
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestUsefulness(t *testing.T) {
	t.Parallel()
	pod := func(phase, ready, deleted string) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"deletionTimestamp": deleted},
			"status":   map[string]any{"phase": phase, "conditions": []any{map[string]any{"type": "Ready", "status": ready}}},
		}
	}
	worst := -1
	for _, p := range []map[string]any{
		pod("Failed", "False", "2026-01-01T00:00:00Z"), pod("Pending", "False", ""), pod("Running", "False", ""),
		pod("Running", "True", "2026-01-01T00:00:00Z"), pod("Running", "True", ""),
	} {
		if u := usefulness(p); u <= worst {
			t.Errorf("%v is no better than the one before", p)
		} else {
			worst = u
		}
	}
}
