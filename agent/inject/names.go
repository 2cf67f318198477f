package inject

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Names that pods and namespaces use, and what injection adds. The policies
// get them from here.
const (
	// Label asks for injection: on a pod, or for all pods on a namespace.
	Label = "podfacts.dev/inject"
	// Mark is the annotation that says that a pod has been injected, and how.
	Mark = "podfacts.dev/injected"

	prefix = "podfacts.dev/"

	containerName = "podfacts"
	volumeName    = "podfacts"        // what podfacts writes
	infoVolume    = "podfacts-info"   // what podfacts reads
	configVolume  = "podfacts-config" // the ConfigMap

	infoDir    = "/etc/podinfo"
	configDir  = "/etc/podfacts"
	configFile = "/etc/podfacts/podfacts.yaml"
	envFile    = "pod.env"
	socketFile = "podfacts.sock"
	binary     = "/podfacts" // in the image
	sizeLimit  = "8Mi"

	// A socket's path is short: see the kernel's sockaddr_un.
	dirMost        = 64
	dirPattern     = `^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$`
	configPattern  = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	imagePattern   = `^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`
	misplacedLabel = "label " + Label + " is on the workload, but pods go by that of their template; move it to the template"

	listenPattern = `^(\[[0-9a-fA-F:]+\]|[0-9.]*|localhost):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`
	localPattern  = `^(127\.|localhost:|\[::1\]:)` // of what listens, and only its pod can reach
	portName      = "podfacts"
)

// An Annotation is one that pods can have, and what it is for.
type Annotation struct{ Name, Doc string }

// Annotations lists what a pod can say about its injection, the mark last.
func Annotations() []Annotation {
	return []Annotation{
		{prefix + "config", "ConfigMap with podfacts.yaml, the configuration, and its templates"},
		{prefix + "presets", "sets of variables for pod.env, as in pod,otel (pod; with config none)"},
		{prefix + "format", "dialect of pod.env (sh)"},
		{prefix + "output-dir", "where every container finds the files (/run/podfacts)"},
		{prefix + "containers", "those that get the files, as in main,worker (all)"},
		{prefix + "api", "auto, never or required (never; with config what that says)"},
		{prefix + "listen", "a sidecar's address for health and metrics, as the port podfacts (a socket)"},
		{prefix + "image", "image of podfacts, if the settings allow it"},
		{Mark, "made by injection: init or sidecar"},
	}
}

func annotationNames() []string {
	var names []string
	for _, a := range Annotations() {
		names = append(names, a.Name)
	}
	return names
}

// settableNames are those that people set.
func settableNames() []string {
	return slices.DeleteFunc(annotationNames(), func(name string) bool { return name == Mark })
}

// reservedDirs are where podfacts has something else.
func reservedDirs() []string { return []string{infoDir, configDir, binary, "/var/run/secrets"} }

func validDir(dir string) bool {
	return len(dir) <= dirMost && pattern(dirPattern).MatchString(dir) &&
		!slices.ContainsFunc(reservedDirs(), func(taken string) bool {
			return strings.HasPrefix(dir+"/", taken+"/") || strings.HasPrefix(taken+"/", dir+"/")
		})
}

func dirRule() string {
	return fmt.Sprintf("an absolute path such as /run/podfacts, of at most %d letters, digits, dots, dashes and underscores, and apart from %s",
		dirMost, list(reservedDirs()))
}

// pattern compiles what CEL's matches() understands as well: both are RE2.
func pattern(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// variables are the downward variables of the container: what a volume cannot
// tell.
func variables() []any {
	var env []any
	for _, v := range [][2]string{
		{"POD_IP", "status.podIP"}, {"POD_IPS", "status.podIPs"}, {"HOST_IP", "status.hostIP"}, {"HOST_IPS", "status.hostIPs"},
		{"NODE_NAME", "spec.nodeName"}, {"SERVICE_ACCOUNT", "spec.serviceAccountName"},
	} {
		env = append(env, map[string]any{"name": v[0], "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": v[1]}}})
	}
	return env
}

// fields are the files of the volume that every pod has.
func fields() []any {
	var items []any
	for _, name := range []string{"name", "namespace", "uid", "labels", "annotations"} {
		items = append(items, map[string]any{"path": name, "fieldRef": map[string]any{"fieldPath": "metadata." + name}})
	}
	return items
}

// resourceFile is a file of a container's limit or request, under a name that
// podfacts knows.
type resourceFile struct{ kind, resource, file, divisor string }

func resourceFiles() []resourceFile {
	return []resourceFile{
		{"limits", "cpu", "cpu_limit_millicores", "1m"},
		{"limits", "memory", "memory_limit_bytes", "1"},
		{"limits", "ephemeral-storage", "ephemeral_storage_limit_bytes", "1"},
		{"requests", "cpu", "cpu_request_millicores", "1m"},
		{"requests", "memory", "memory_request_bytes", "1"},
		{"requests", "ephemeral-storage", "ephemeral_storage_request_bytes", "1"},
	}
}

// startupProbe holds back the containers that come after a sidecar.
func startupProbe() map[string]any {
	return map[string]any{
		"exec":             map[string]any{"command": []any{binary, "probe", "startup"}},
		"periodSeconds":    1,
		"timeoutSeconds":   5,   // a node may be busy
		"failureThreshold": 600, // what is missing may come
	}
}
