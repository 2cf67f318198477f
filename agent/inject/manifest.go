package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podfacts/podfacts/agent/inject/splice"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// An Injector does to manifests what the policies do to pods. Get its settings
// from [Default].
type Injector struct {
	Settings Settings
	// Mode is what pods get whose namespace is not among the files: none where
	// it is empty.
	Mode string
}

// A File is the text of a manifest: YAML or JSON, one document or many, lists
// too.
type File struct {
	Name string // for errors
	Text []byte
}

// A Result is what came of manifests.
type Result struct {
	Texts [][]byte // one for each file, in their order
	// What was injected, and what asks for it and has it already, as
	// "Kind namespace/name".
	Injected, Already []string
}

// Files injects into every pod and workload that asks for it, or whose
// namespace does. A text without anything to inject stays as it is, and so does
// everything around what is added. The error names everything that is wrong,
// each with file and line.
func (i Injector) Files(files []File) (Result, error) {
	r := run{Injector: i, namespaces: map[string]string{}}
	parsed := make([]*splice.File, len(files))
	for n, file := range files {
		var err error
		if parsed[n], err = splice.Parse(file.Name, file.Text); err != nil {
			r.errs = append(r.errs, err)
		}
	}
	if len(r.errs) == 0 {
		r.each(parsed, r.learn)
		r.each(parsed, r.inject)
	}
	if len(r.errs) == 0 {
		for _, f := range parsed {
			text, err := f.Bytes()
			r.errs = append(r.errs, err)
			r.Texts = append(r.Texts, text)
		}
	}
	if err := watch.Join(r.errs...); err != nil {
		return Result{}, err
	}
	return r.Result, nil
}

// run is one call of Files.
type run struct {
	Injector
	Result

	namespaces map[string]string // what they ask for
	errs       []error
}

// place is where an object stands.
type place struct {
	*splice.Document
	path []string
	kind string
}

func (r *run) each(files []*splice.File, visit func(o map[string]any, at place)) {
	for _, f := range files {
		for _, d := range f.Documents() {
			each(d.Value(), place{Document: d}, visit)
		}
	}
}

// each visits an object, or those of a list. The entries of a DeploymentList
// need not say that they are Deployments.
func each(value any, at place, visit func(map[string]any, place)) {
	o, ok := value.(map[string]any)
	if !ok {
		return
	}
	at.kind = strings.TrimSuffix(at.kind, "List")
	if kind := object.Text(o, "kind"); kind != "" {
		at.kind = kind
	}
	list, ok := o["items"].([]any)
	if !ok || !strings.HasSuffix(at.kind, "List") {
		visit(o, at)
		return
	}
	path := at.path
	for i, item := range list {
		at.path = append(slices.Clone(path), "items", strconv.Itoa(i))
		each(item, at, visit)
	}
}

// learn notes what a namespace asks for.
func (r *run) learn(o map[string]any, at place) {
	if at.kind != "Namespace" {
		return
	}
	mode, ok := texts(o, "metadata", "labels")[Label]
	if !ok {
		mode = none
	}
	if !slices.Contains([]string{modeInit, modeSidecar, none}, mode) {
		r.errs = append(r.errs, fmt.Errorf("%s: %s: label %s is \"%s\", but must be init, sidecar or none",
			at.Place(slices.Concat(at.path, []string{"metadata", "labels", Label})...), name(o, at), Label, mode))
	}
	r.namespaces[object.Text(o, "metadata", "name")] = mode
}

func (r *run) inject(o map[string]any, at place) {
	path, known := templateOf(at.kind)
	target := Target{Pod: o}
	if len(path) > 0 {
		target.Pod = object.Map(o, path...)
	}
	if len(items(object.Map(target.Pod, "spec"), "containers")) == 0 {
		return
	}
	_, labelled := texts(target.Pod, "metadata", "labels")[Label]
	if known {
		target.Namespace = r.Mode
		if mode, ok := r.namespaces[object.Text(o, "metadata", "namespace")]; ok {
			target.Namespace = mode
		}
		if misplaced := misplaced(o, path); misplaced != nil && !labelled {
			r.errs = append(r.errs, fmt.Errorf("%s: %s: %s", at.Place(slices.Concat(at.path, misplaced)...), name(o, at), misplacedLabel))
			return
		}
	}
	if at.kind == "StatefulSet" {
		for _, claim := range items(object.Map(o, "spec"), "volumeClaimTemplates") {
			target.Claims = append(target.Claims, object.Text(claim, "metadata", "name"))
		}
	}
	from := slices.Concat(at.path, path)
	w := r.Settings.wish(target)
	ops, problems := w.patch()
	for _, p := range problems {
		r.errs = append(r.errs, fmt.Errorf("%s: %s: %s", at.Place(slices.Concat(from, p.Path)...), name(o, at), p.Message))
	}
	for _, op := range ops {
		if err := at.Add(slices.Concat(from, op.Path), op.Value); err != nil {
			r.errs = append(r.errs, err)
			return
		}
	}
	switch {
	case len(ops) > 0:
		r.Injected = append(r.Injected, name(o, at))
	case len(problems) == 0 && w.mode != none:
		r.Already = append(r.Already, name(o, at))
	}
}

// misplaced finds the label on what is around a template: the workload, and the
// job template of a CronJob.
func misplaced(o map[string]any, path []string) []string {
	for n := range path {
		if _, ok := texts(o, slices.Concat(path[:n], []string{"metadata", "labels"})...)[Label]; ok {
			return slices.Concat(path[:n], []string{"metadata", "labels", Label})
		}
	}
	return nil
}

// templateOf leads from an object to its pods, and says whether its kind is
// known. One that is not may have a template all the same: its label must ask.
func templateOf(kind string) (path []string, known bool) {
	switch kind {
	case "Pod":
		return nil, true
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template"}, true
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job":
		return []string{"spec", "template"}, true
	}
	return []string{"spec", "template"}, false
}

func name(o map[string]any, at place) string {
	if object.Text(o, "kind") == "" {
		return at.kind + " " + object.Name(o)
	}
	return object.Name(o)
}
