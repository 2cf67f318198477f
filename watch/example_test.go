package watch_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/podfacts/podfacts/watch"
)

// pod is a source that knows a pod's name and labels.
type pod struct{ labels map[string]string }

func (pod) String() string { return "volume /etc/podinfo" }

func (p pod) Read(context.Context) (watch.Layer, error) {
	var l watch.Layer
	l.Set(watch.PodName, "web-7d4b9c6f5-x2x4z", "name")
	l.Set(watch.PodLabels, p.labels, "labels")
	return l, nil
}

func ExampleParsePath() {
	for _, s := range []string{
		"pod.labels.app",
		"metadata.labels['app']",
		"files.ca.crt",
		"node.allocatable['nvidia.com/gpu']",
		"pod.zone",
	} {
		p, err := watch.ParsePath(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(p)
	}
	// Output:
	// pod.labels['app']
	// pod.labels['app']
	// files['ca.crt']
	// node.allocatable['nvidia.com/gpu']
	// unknown fact "pod.zone"; did you mean "node.zone"?
}

func ExampleCollect() {
	source := pod{labels: map[string]string{"app": "web", "pod-template-hash": "7d4b9c6f5"}}
	snapshot, err := watch.Collect(context.Background(), source)
	if err != nil {
		fmt.Println(err) // what could be read is in the snapshot all the same
	}
	for _, p := range []watch.Path{"pod.labels['app']", "workload.name", "node.zone"} {
		fact, err := snapshot.Lookup(p)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s = %v (%s)\n", fact.Path, fact.Value, fact.Origin)
	}
	// Output:
	// pod.labels['app'] = web (volume /etc/podinfo labels)
	// workload.name = web (derived from pod.labels['pod-template-hash'] and pod.name)
	// node.zone is missing: no source gives it; pods have the label topology.kubernetes.io/zone since Kubernetes 1.35; ask the API server, or give it a default
}

// scaled is a source that notices its changes by itself: its pod is moved to
// another tier once.
type scaled struct{ tier chan string }

func (scaled) String() string { return "volume /etc/podinfo" }

func (s scaled) Read(context.Context) (watch.Layer, error) {
	tier := <-s.tier
	s.tier <- tier
	var l watch.Layer
	l.Set(watch.PodLabels, map[string]string{"tier": tier}, "labels")
	return l, nil
}

func (s scaled) Watch(ctx context.Context, changed func()) error {
	changed() // what came before is not lost
	<-s.tier
	s.tier <- "gold"
	changed()
	<-ctx.Done()
	return ctx.Err()
}

func ExampleFollow() {
	source := scaled{tier: make(chan string, 1)}
	source.tier <- "silver"
	last := &watch.Snapshot{}
	err := watch.Follow(context.Background(), watch.Timing{}, func(s *watch.Snapshot, err error) error {
		if err != nil {
			return err // to be tried again
		}
		if s.Equal(last) {
			return nil // rounds are level-triggered: nothing need be new
		}
		last = s
		tier, err := s.Lookup("pod.labels['tier']")
		if err != nil {
			return err
		}
		if tier.Value == "gold" {
			fmt.Println("the tier is", tier.Value)
			return watch.Stop
		}
		return nil
	}, source)
	fmt.Println(err, errors.Is(err, context.Canceled))
	// Output:
	// the tier is gold
	// <nil> false
}
