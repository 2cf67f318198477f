package watch

import "slices"

// Need is a fact, a map or a group that an output uses.
type Need struct {
	Path Path
	// Optional needs have a default, or stand in a branch that may not run.
	Optional bool
	// By says who needs it: "pod.env: ZONE", "app.tmpl:3".
	By string
}

// Needs is everything that some outputs use. The root path needs the whole
// view.
type Needs []Need

// Wants reports whether any need touches p: the path itself, something below
// it, or something above it. Facts that others are derived from count as
// wanted with them, and with a limit what of it is in force: who plans with it
// takes the smaller one, see [Snapshot.Headroom].
func (n Needs) Wants(p Path) bool {
	return slices.ContainsFunc(n, func(need Need) bool {
		if overlaps(need.Path, p) {
			return true
		}
		if in := enforced(need.Path); in != "" && overlaps(in, p) {
			return true
		}
		return slices.ContainsFunc(basis(need.Path), func(b Path) bool { return overlaps(b, p) })
	})
}

// Paths lists the paths needed, sorted, each once.
func (n Needs) Paths() []Path {
	paths := make([]Path, 0, len(n))
	for _, need := range n {
		paths = append(paths, need.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// enforced is where that of a container's limit, or of all, stands which is in
// force. It is empty for other facts.
func enforced(p Path) Path {
	s := p.Segments()
	if len(s) < 3 || s[0] != "containers" || s[2] != "limits" {
		return ""
	}
	in := Path("containers").Key(s[1]).Key("enforced")
	for _, name := range s[3:] {
		in = in.Key(name)
	}
	return in
}

func overlaps(a, b Path) bool { return a.Covers(b) || b.Covers(a) }

// basis lists what the facts at, above or below a path can be derived from;
// see derive and [Snapshot.Resolve].
func basis(p Path) []Path {
	var from []Path
	for _, d := range []struct {
		fact Path
		from []Path
	}{
		{PodIP, []Path{PodIPs}},
		{PodIPs, []Path{PodIP}},
		{PodHostIP, []Path{PodHostIPs}},
		{PodHostIPs, []Path{PodHostIP}},
		{NodeName, []Path{PodNodeName}},
		{NodeIP, []Path{PodHostIP, PodHostIPs}},
		{NodeZone, []Path{NodeLabels.Key(labelZone), PodLabels.Key(labelZone)}},
		{NodeRegion, []Path{NodeLabels.Key(labelRegion), PodLabels.Key(labelRegion)}},
		{NamespaceName, []Path{PodNamespace}},
		{PodOrdinal, []Path{PodName, PodLabels}},
		{"owner", []Path{PodName, PodLabels}},
		{"workload", []Path{PodName, PodLabels}},
		{"limits", []Path{"containers", PodAnnotations.Key(defaultContainerAnnotation)}},
		{"requests", []Path{"containers", PodAnnotations.Key(defaultContainerAnnotation)}},
	} {
		if overlaps(d.fact, p) {
			from = append(from, d.from...)
		}
	}
	return from
}
