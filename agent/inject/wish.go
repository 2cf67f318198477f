package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// A Target is what can be injected: a pod, or the template of a workload's.
type Target struct {
	Pod       map[string]any // the Pod, or the template
	Namespace string         // what the namespace's label asks for
	Claims    []string       // names of a StatefulSet's volumeClaimTemplates, which become volumes
}

// None is a label's way to say no.
const (
	modeInit    = "init"
	modeSidecar = "sidecar"
	none        = "none"
)

// wish is what a target asks for. Its fields have the names of the policies'
// variables, and the meaning.
type wish struct {
	Settings
	Target

	spec           map[string]any
	annotations    map[string]string
	containers     []map[string]any
	initContainers []map[string]any
	windows        bool
	mode           string
	marked         bool

	config, listen, dir, apiMode string
	envFile                      bool
	selected                     []string // containers that are to have the files
	served                       []string // those that have them
	occupied                     []string // those with a mount in the way
}

func (s Settings) wish(t Target) *wish {
	w := &wish{Settings: s, Target: t, spec: object.Map(t.Pod, "spec"), annotations: texts(t.Pod, "metadata", "annotations")}
	w.containers, w.initContainers = items(w.spec, "containers"), items(w.spec, "initContainers")
	w.windows = object.Text(w.spec, "os", "name") == "windows" || object.Text(w.spec, "nodeSelector", "kubernetes.io/os") == "windows"
	w.mode = w.chooseMode()
	w.marked = w.has(Mark)
	w.config, w.listen = w.annotations[prefix+"config"], w.annotations[prefix+"listen"]
	w.dir = w.or(prefix+"output-dir", s.OutputDir)
	w.envFile = !w.has(prefix+"config") || w.has(prefix+"presets")
	if w.config == "" {
		w.apiMode = s.API
	}
	w.apiMode = w.or(prefix+"api", w.apiMode)
	w.selected = w.names()
	if names, ok := w.annotations[prefix+"containers"]; ok {
		w.selected = split(names)
	}
	for _, c := range w.all() {
		if slices.ContainsFunc(items(c, "volumeMounts"), func(m map[string]any) bool { return object.Text(m, "name") == volumeName }) {
			w.served = append(w.served, object.Text(c, "name"))
		} else if w.occupies(c) {
			w.occupied = append(w.occupied, object.Text(c, "name"))
		}
	}
	return w
}

// chooseMode is init, sidecar or none, or what a label says instead. What a
// namespace asks for passes over pods that cannot have it: those on Windows,
// and those that a kubelet runs already.
func (w *wish) chooseMode() string {
	if w.has("kubernetes.io/config.mirror") {
		return none
	}
	if mode, ok := texts(w.Pod, "metadata", "labels")[Label]; ok {
		return mode
	}
	if w.windows || w.Namespace == "" {
		return none
	}
	return w.Namespace
}

func (w *wish) has(annotation string) bool {
	_, ok := w.annotations[annotation]
	return ok
}

func (w *wish) or(annotation, otherwise string) string {
	if value, ok := w.annotations[annotation]; ok {
		return value
	}
	return otherwise
}

func (w *wish) all() []map[string]any { return slices.Concat(w.containers, w.initContainers) }

func (w *wish) names() []string {
	var names []string
	for _, c := range w.all() {
		names = append(names, object.Text(c, "name"))
	}
	return names
}

// occupies reports whether a container has a mount in the way: there, below (in
// what cannot be written), or above, if that cannot be written.
func (w *wish) occupies(container map[string]any) bool {
	below := func(path, dir string) bool { return strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/") }
	return slices.ContainsFunc(items(container, "volumeMounts"), func(m map[string]any) bool {
		path := object.Text(m, "mountPath")
		return below(path, w.dir) || object.Flag(m, "readOnly") && below(w.dir, path)
	}) || slices.ContainsFunc(items(container, "volumeDevices"), func(d map[string]any) bool {
		return below(object.Text(d, "devicePath"), w.dir)
	})
}

// volumeNames are those that injection adds.
func (w *wish) volumeNames() []string {
	if w.config == "" {
		return []string{volumeName, infoVolume}
	}
	return []string{volumeName, infoVolume, configVolume}
}

// split reads a list as podfacts' flags do.
func split(names string) []string {
	list := strings.Split(names, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// items lists the maps of a list, with an empty one for everything else, so that
// indices are those of the list.
func items(o map[string]any, key string) []map[string]any {
	list, _ := o[key].([]any)
	maps := make([]map[string]any, len(list))
	for i, item := range list {
		maps[i], _ = item.(map[string]any)
	}
	return maps
}

// texts is a map of labels or annotations. A value that is no string, which
// the API server refuses, is shown as it stands.
func texts(o map[string]any, path ...string) map[string]string {
	m := object.Map(o, path...)
	all := make(map[string]string, len(m))
	for key, value := range m {
		if value != nil {
			all[key] = fmt.Sprint(value)
		}
	}
	return all
}
