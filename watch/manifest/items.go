package manifest

import (
	"path"
	"slices"

	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/object"
)

// ItemsAt says what the files of a directory hold, by the spec of the pod: the
// items of the downwardAPI or projected volume that is mounted there.
//
// Which container asks is not known. Where they mount different things there, it
// is podfacts' own, as for [Projection.Self]; where that does not tell either, or a
// subPath is mounted, the answer is nil.
func ItemsAt(pod map[string]any, dir string) []downward.Item {
	containers := object.Containers(pod)
	name, ok := mountedAt(containers, dir)
	if !ok {
		name, ok = mountedAt(slices.DeleteFunc(containers, func(spec map[string]any) bool {
			c := Container{Name: object.Text(spec, "name")}
			c.mount(spec, nil)
			return !c.ours()
		}), dir)
	}
	if !ok {
		return nil
	}
	k := newKubelet(pod, nil)
	for _, spec := range object.List(pod, "spec", "volumes") {
		if object.Text(spec, "name") != name {
			continue
		}
		if v := k.volume(spec); v != nil {
			return v.Items
		}
	}
	return nil
}

// mountedAt names the volume that containers mount in a directory. ok is false
// where they differ, or mount a part of it.
func mountedAt(containers []map[string]any, dir string) (volume string, ok bool) {
	for _, c := range containers {
		for _, m := range object.List(c, "volumeMounts") {
			if path.Clean(object.Text(m, "mountPath")) != path.Clean(dir) {
				continue
			}
			name := object.Text(m, "name")
			if object.Text(m, "subPath")+object.Text(m, "subPathExpr") != "" || volume != "" && volume != name {
				return "", false
			}
			volume = name
		}
	}
	return volume, volume != ""
}
