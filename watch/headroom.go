package watch

import "k8s.io/apimachinery/pkg/api/resource"

// Headroom is Lookup for who plans with a limit. While a resize in place is
// pending, the limit in the pod's spec, which the kubelet's volumes follow, is not
// the one in force: the node may have no room for it now, or ever. The smaller of
// the two is safe both ways. Where no source tells what is in force, and for
// facts that are no limit, Headroom is Lookup.
//
// Kubernetes: a resize that is Deferred or Infeasible, in the PodResizePending
// condition; status.containerStatuses[].resources.
func (s *Snapshot) Headroom(p Path) (Fact, error) {
	f, err := s.Lookup(p)
	in := enforced(f.Path)
	if err != nil || in == "" {
		return f, err
	}
	e, err := s.Lookup(in)
	if err != nil || f.Unset {
		return f, nil //nolint:nilerr // nobody knows better
	}
	wanted, ok := quantity(f)
	if real, known := quantity(e); ok && known && real.Cmp(wanted) < 0 {
		return e, nil
	}
	return f, nil
}

func quantity(f Fact) (resource.Quantity, bool) {
	text, ok := f.Value.(string)
	if !ok {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(text)
	return q, err == nil
}
