package inject

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// An Op is an "add" of a JSON patch (RFC 6902).
type Op struct {
	Path  []string // unescaped
	Value any
}

// Patch says what injection adds to a target, or why it cannot. Both are empty
// where nobody asks, and where everything is there. All indices are those from
// before.
func (s Settings) Patch(t Target) ([]Op, []Problem) { return s.wish(t).patch() }

func (w *wish) patch() ([]Op, []Problem) {
	if w.mode == none {
		return nil, nil
	}
	if problems := w.problems(); len(problems) > 0 {
		return nil, problems
	}
	ops := w.mounts()
	if !w.marked {
		ops = append(ops, w.annotate(), w.addVolumes(), w.addContainer())
	}
	return slices.Concat(ops...), nil
}

// mounts gives every selected container the files.
func (w *wish) mounts() (ops [][]Op) {
	mount := map[string]any{"name": volumeName, "mountPath": w.dir, "readOnly": true}
	for i, c := range w.all() {
		name := object.Text(c, "name")
		if slices.Contains(w.selected, name) && !slices.Contains(w.served, name) && !slices.Contains(w.occupied, name) {
			ops = append(ops, appendTo(c["volumeMounts"], append(w.pathOf(i), "volumeMounts"), mount))
		}
	}
	return ops
}

func (w *wish) annotate() []Op {
	meta, _ := w.Pod["metadata"].(map[string]any)
	mark := map[string]any{Mark: w.mode}
	switch annotations, _ := meta["annotations"].(map[string]any); {
	case len(annotations) > 0:
		return []Op{{[]string{"metadata", "annotations", Mark}, w.mode}}
	case len(meta) > 0:
		return []Op{{[]string{"metadata", "annotations"}, mark}}
	}
	return []Op{{[]string{"metadata"}, map[string]any{"annotations": mark}}}
}

func (w *wish) addVolumes() []Op {
	volumes := []any{
		map[string]any{"name": volumeName, "emptyDir": map[string]any{"medium": "Memory", "sizeLimit": sizeLimit}},
		map[string]any{"name": infoVolume, "downwardAPI": map[string]any{"items": append(fields(), w.resourceFields()...)}},
	}
	if w.config != "" {
		volumes = append(volumes, map[string]any{"name": configVolume, "configMap": map[string]any{"name": w.config}})
	}
	return appendTo(w.spec["volumes"], []string{"spec", "volumes"}, volumes...)
}

// resourceFields are files for those limits and requests that somebody set:
// the others would read as what the node has. A limit is the request of who
// has no other.
// Kubernetes: pkg/apis/core/v1, SetDefaults_Pod.
func (w *wish) resourceFields() []any {
	var items []any
	for _, c := range w.containers {
		limits, requests := object.Map(c, "resources", "limits"), object.Map(c, "resources", "requests")
		for _, f := range resourceFiles() {
			set := limits[f.resource] != nil || f.kind == "requests" && requests[f.resource] != nil
			if !set {
				continue
			}
			name := object.Text(c, "name")
			items = append(items, map[string]any{
				"path":             "resources/" + name + "/" + f.file,
				"resourceFieldRef": map[string]any{"containerName": name, "resource": f.kind + "." + f.resource, "divisor": f.divisor},
			})
		}
	}
	return items
}

// addContainer puts podfacts before all other init containers, so that they
// can read the files too.
func (w *wish) addContainer() []Op {
	c := map[string]any{
		"name":         containerName,
		"image":        w.or(prefix+"image", w.Image),
		"args":         w.args(),
		"env":          w.env(),
		"volumeMounts": w.ownMounts(),
	}
	if w.ImagePullPolicy != "" {
		c["imagePullPolicy"] = w.ImagePullPolicy
	}
	// The resources of the pod, where it has some, are for all containers.
	if w.spec["resources"] == nil && len(w.Resources) > 0 {
		c["resources"] = w.Resources
	}
	if len(w.SecurityContext) > 0 {
		c["securityContext"] = w.SecurityContext
	}
	if w.mode == modeSidecar {
		c["restartPolicy"] = "Always"
		c["startupProbe"] = startupProbe()
		if port := w.port(); port > 0 {
			c["ports"] = []any{map[string]any{"name": portName, "containerPort": port}}
		}
	}
	path := []string{"spec", "initContainers"}
	if len(w.initContainers) == 0 {
		return []Op{{path, []any{c}}}
	}
	return []Op{{append(path, "0"), c}}
}

// port is where others reach a sidecar, for who looks for ports by their names, as
// Prometheus does. Zero: nobody does.
func (w *wish) port() int {
	if pattern(localPattern).MatchString(w.listen) {
		return 0
	}
	port, _ := strconv.Atoi(w.listen[strings.LastIndexByte(w.listen, ':')+1:])
	return port
}

func (w *wish) args() []any {
	args := []any{"init"}
	if w.mode == modeSidecar {
		args = []any{"run"}
	}
	if w.config != "" {
		args = append(args, "-c", configFile)
	}
	if w.envFile {
		args = append(args, "--env-file", w.dir+"/"+envFile,
			"--format", w.or(prefix+"format", w.Format),
			"--preset", w.or(prefix+"presets", strings.Join(w.Presets, ",")))
	}
	return args
}

func (w *wish) env() []any {
	env := variables()
	set := func(name, value string) { env = append(env, map[string]any{"name": name, "value": value}) }
	if w.apiMode != "" {
		set("PODFACTS_API", w.apiMode)
	}
	switch {
	case w.mode == modeInit:
	case w.listen == "":
		set("PODFACTS_LISTEN", "unix://"+w.dir+"/"+socketFile)
	default:
		set("PODFACTS_LISTEN", w.listen)
		set("PODFACTS_LISTEN_ANY", "true")
	}
	return env
}

func (w *wish) ownMounts() []any {
	mounts := []any{
		map[string]any{"name": volumeName, "mountPath": w.dir},
		map[string]any{"name": infoVolume, "mountPath": infoDir, "readOnly": true},
	}
	if w.config != "" {
		mounts = append(mounts, map[string]any{"name": configVolume, "mountPath": configDir, "readOnly": true})
	}
	return mounts
}

// appendTo adds items to the end of a list, or makes it.
func appendTo(list any, path []string, items ...any) []Op {
	if have, _ := list.([]any); len(have) == 0 {
		return []Op{{path, items}}
	}
	var ops []Op
	for _, item := range items {
		ops = append(ops, Op{append(slices.Clone(path), "-"), item})
	}
	return ops
}
