package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// Pod chooses the pod of the dry run and binds it to its node. ref is NAME,
// NAMESPACE/NAME or KIND/NAME of a pod or a workload; an empty one takes the
// only pod there is, else the only workload. Where a file was named for the pod,
// only what it holds is looked at.
//
// From a workload, Pod makes the pod that the controllers would make. What they
// draw by lot is zeros: Deployment web gives ReplicaSet web-0000000000 and pod
// web-0000000000-00000.
func (c *Cluster) Pod(ref string) (*Pod, error) {
	chosen, err := c.choose(ref)
	if err != nil {
		return nil, err
	}
	p := &Pod{cluster: c, at: chosen.at}
	p.build(chosen.object)
	if err := p.findNode(); err != nil {
		return nil, err
	}
	if p.made || object.Text(p.object, "spec", "nodeName") == "" {
		p.bind()
	}
	return p, nil
}

func (c *Cluster) choose(ref string) (entry, error) {
	var pods, workloads []entry
	for _, e := range c.entries {
		switch {
		case c.podFile != "" && e.role != rolePod, !refersTo(ref, e.object):
		case e.kind() == "Pod":
			pods = append(pods, e)
		case podTemplate(e.object) != nil:
			workloads = append(workloads, e)
		}
	}
	if ref == "" {
		workloads = topmost(workloads)
	}
	candidates := pods
	if len(candidates) == 0 {
		candidates = workloads
	}
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case len(candidates) > 1:
		return entry{}, fmt.Errorf("several could be meant: %s; choose one with --pod-name NAMESPACE/NAME or KIND/NAME", names(candidates))
	}
	return entry{}, c.nothing(ref)
}

// topmost leaves out workloads that another one of them controls.
func topmost(workloads []entry) []entry {
	all := Cluster{entries: workloads}
	return slices.DeleteFunc(slices.Clone(workloads), func(e entry) bool {
		return slices.ContainsFunc(object.List(e.object, "metadata", "ownerReferences"), func(ref map[string]any) bool {
			_, known := all.Find(object.Text(ref, "apiVersion"), object.Text(ref, "kind"), namespaceOf(e.object),
				object.Text(ref, "name"), object.Text(ref, "uid"))
			return known && object.Flag(ref, "controller")
		})
	})
}

// nothing says that there is no pod, and what there is in its place.
func (c *Cluster) nothing(ref string) error {
	what := "no pod and no workload with a pod template"
	if ref != "" {
		what = "no pod or workload " + ref
	}
	var candidates, there []entry
	for _, e := range c.entries {
		if c.podFile != "" && e.role != rolePod {
			continue
		}
		there = append(there, e)
		if e.kind() == "Pod" || podTemplate(e.object) != nil {
			candidates = append(candidates, e)
		}
	}
	switch {
	case len(candidates) > 0 && c.podFile != "":
		return fmt.Errorf("%s holds %s, only %s", shown(c.podFile), what, names(candidates))
	case len(candidates) > 0:
		return fmt.Errorf("%s was loaded, only %s", what, names(candidates))
	case c.podFile != "" && len(there) == 0:
		return fmt.Errorf("%s holds %s: it is empty", shown(c.podFile), what)
	case c.podFile != "":
		return fmt.Errorf("%s holds %s, only %s", shown(c.podFile), what, names(there))
	}
	return fmt.Errorf("%s is among the objects that were loaded; name its file with --pod FILE", what)
}

// shown is the name of a file as places have it.
func shown(file string) string {
	if file == "-" {
		return stdin
	}
	return file
}

// names lists objects, but not a whole cluster.
func names(entries []entry) string {
	const most = 5
	var list []string
	for _, e := range entries[:min(most, len(entries))] {
		list = append(list, object.Name(e.object)+" ("+e.at+")")
	}
	if rest := len(entries) - most; rest > 0 {
		list = append(list, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(list, ", ")
}

func refersTo(ref string, o map[string]any) bool {
	prefix, name, both := strings.Cut(ref, "/")
	if !both {
		prefix, name = "", ref
	}
	return name == "" || name == object.Text(o, "metadata", "name") &&
		(prefix == "" || prefix == namespaceOf(o) || strings.EqualFold(prefix, object.Text(o, "kind")))
}

// podTemplate is the template of the pods that a workload makes, or nil.
func podTemplate(o map[string]any) map[string]any {
	template := object.Map(o, "spec", "template")
	if object.Text(o, "kind") == "CronJob" {
		template = object.Map(o, "spec", "jobTemplate", "spec", "template")
	}
	if len(object.List(template, "spec", "containers")) == 0 {
		return nil
	}
	return template
}

// findNode chooses the node: the one in the file named for it, else the one that
// the pod names, else, for a pod that names none, the only one.
func (p *Pod) findNode() error {
	nodeName := object.Text(p.object, "spec", "nodeName")
	var given, all []entry
	for _, e := range p.cluster.entries {
		if e.kind() == "Node" && object.Group(object.Text(e.object, "apiVersion")) == "" {
			all = append(all, e)
			if e.role == roleNode {
				given = append(given, e)
			}
		}
	}
	file := shown(p.cluster.nodeFile)
	named := file != ""
	if named {
		all = given
	}
	for _, e := range all {
		if len(all) == 1 && nodeName == "" || nodeName != "" && object.Text(e.object, "metadata", "name") == nodeName {
			p.node, p.nodeAt = e.object, e.at
			return nil
		}
	}
	switch {
	case named && len(given) == 0:
		there := ""
		if i := slices.IndexFunc(p.cluster.entries, func(e entry) bool { return e.role == roleNode }); i >= 0 {
			there = ", but " + names(p.cluster.entries[i:i+1])
		}
		return fmt.Errorf("--node %s holds no Node%s; dump one with: kubectl get node NAME -o yaml", file, there)
	case named && nodeName != "":
		return fmt.Errorf("%s is bound to node %s, but --node %s holds %s", object.Name(p.object), nodeName, file, names(given))
	case named:
		return fmt.Errorf("--node %s holds several: %s; keep one of them", file, names(given))
	}
	return nil
}
