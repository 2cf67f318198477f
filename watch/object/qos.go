package object

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// qosClass is the class that the API server stored, else the one it will
// compute. Kubernetes: pkg/apis/core/v1/helper/qos, ComputePodQOS.
func qosClass(pod map[string]any) string {
	if class := Text(pod, "status", "qosClass"); class != "" {
		return class
	}
	limits, requests := amounts{}, amounts{}
	guaranteed := true
	owners := Containers(pod)
	if spec := Map(pod, "spec"); Map(spec, "resources") != nil {
		owners = []map[string]any{spec}
	}
	if len(owners) == 0 {
		return "" // no pod that the API server would take
	}
	for _, owner := range owners {
		requests.add(owner, "requests")
		guaranteed = limits.add(owner, "limits") && guaranteed
	}
	switch {
	case len(limits) == 0 && len(requests) == 0:
		return "BestEffort"
	case guaranteed && limits.cover(requests):
		return "Guaranteed"
	}
	return "Burstable"
}

// amounts sums the resources that decide the class.
type amounts map[string]resource.Quantity

// add reports whether all of them are set.
func (a amounts) add(owner map[string]any, field string) bool {
	all := true
	for _, name := range []string{"cpu", "memory"} {
		q := Quantity(owner, name, "resources", field)
		if q.Sign() <= 0 {
			all = false
			continue
		}
		q.Add(a[name])
		a[name] = q
	}
	return all
}

// cover reports whether limits and requests are the same.
func (a amounts) cover(requests amounts) bool {
	names := []string{"cpu", "memory"}
	return !slices.ContainsFunc(names, func(name string) bool {
		limit, limited := a[name]
		request, requested := requests[name]
		return limited != requested || limit.Cmp(request) != 0
	})
}
