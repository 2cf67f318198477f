package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/manifest"
	"github.com/podfacts/podfacts/watch/object"
)

// download fetches what a pod and its surroundings hold, and gives a world
// that reads it as a dry run reads dumped objects. What may not be read is
// warned of and left out.
func (p *program) download(ctx context.Context, ref string, a *accessFlags, set *stated) (*world, error) {
	namespace, name, ok := strings.Cut(ref, "/")
	if !ok || namespace == "" || name == "" {
		return nil, fmt.Errorf("--live is %q, but must be namespace/name", ref)
	}
	client, err := a.client(p, p.log())
	if err != nil {
		return nil, err
	}
	pod, err := client.Get(ctx, "v1", "Pod", namespace, name)
	if err != nil {
		return nil, failed(err)
	}
	d := &download{ctx: ctx, client: client, log: p.log(), objects: []map[string]any{pod}}
	d.around(pod)
	d.wait.Wait()

	w := &world{set: set, hasCluster: true}
	if w.pod, err = manifest.NewCluster(client.Origin, d.objects...).Pod(ref); err != nil {
		return nil, failed(err)
	}
	w.pod.Source = "API server"
	w.fetch = func(objects []apiserver.Object) {
		// Made anew, since a cluster never changes.
		for _, o := range objects {
			d.named(o, namespace)
		}
		d.wait.Wait()
		if again, err := manifest.NewCluster(client.Origin, d.objects...).Pod(ref); err == nil {
			again.Source = w.pod.Source
			w.pod = again
		}
	}
	projection, err := w.pod.Project()
	if err != nil {
		return nil, failed(err)
	}
	w.self = projection.Self()
	return w, nil
}

// download gathers objects, all requests at once as far as they can be.
type download struct {
	ctx    context.Context
	client *apiserver.Client
	log    *slog.Logger
	wait   sync.WaitGroup

	mu      sync.Mutex
	objects []map[string]any
}

// around fetches what facts about the pod are made of.
func (d *download) around(pod map[string]any) {
	namespace := object.Text(pod, "metadata", "namespace")
	d.get("v1", "Namespace", "", namespace)
	d.get("v1", "Namespace", "", "kube-system")
	if node := object.Text(pod, "spec", "nodeName"); node != "" {
		d.get("v1", "Node", "", node)
	}
	d.list("v1", "Service", namespace, "")
	d.list("v1", "Pod", namespace, "")
	d.owners(pod)
	for _, v := range object.List(pod, "spec", "volumes") {
		for _, source := range append(object.List(v, "projected", "sources"), v) {
			if name := object.Text(source, "configMap", "name"); name != "" {
				d.get("v1", "ConfigMap", namespace, name)
			}
		}
	}
}

// owners climbs from controller to controller.
func (d *download) owners(o map[string]any) {
	for _, ref := range object.List(o, "metadata", "ownerReferences") {
		if object.Flag(ref, "controller") {
			d.wait.Go(func() {
				owner, err := d.client.Get(d.ctx, object.Text(ref, "apiVersion"), object.Text(ref, "kind"),
					object.Text(o, "metadata", "namespace"), object.Text(ref, "name"))
				if d.took(err, owner) {
					d.owners(owner)
				}
			})
		}
	}
}

// named fetches what the configuration asks for.
func (d *download) named(o apiserver.Object, namespace string) {
	switch o.Namespace {
	case "":
	case apiserver.AllNamespaces:
		namespace = ""
	default:
		namespace = o.Namespace
	}
	if o.Name != "" {
		d.get(o.APIVersion, o.Kind, namespace, o.Name)
		return
	}
	d.list(o.APIVersion, o.Kind, namespace, o.LabelSelector)
}

func (d *download) get(apiVersion, kind, namespace, name string) {
	d.wait.Go(func() {
		o, err := d.client.Get(d.ctx, apiVersion, kind, namespace, name)
		d.took(err, o)
	})
}

func (d *download) list(apiVersion, kind, namespace, selector string) {
	d.wait.Go(func() {
		all, err := d.client.List(d.ctx, apiVersion, kind, namespace, selector)
		d.took(err, all...)
	})
}

// took keeps what was fetched, each object once.
func (d *download) took(err error, objects ...map[string]any) bool {
	if err != nil {
		if e := (*apiserver.Error)(nil); !errors.As(err, &e) || e.Reason != apiserver.NotFound {
			d.log.Warn("left out", "reason", err)
		}
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range objects {
		uid := object.Text(o, "metadata", "uid")
		known := false
		for _, other := range d.objects {
			known = known || uid != "" && uid == object.Text(other, "metadata", "uid")
		}
		if !known {
			d.objects = append(d.objects, o)
		}
	}
	return true
}

// ask gives the configured objects to the stand-in of the API server.
func (w *world) ask(c *config.Config) {
	if w.pod == nil || !w.hasCluster {
		return
	}
	if w.fetch != nil {
		w.fetch(c.API.Objects)
	}
	for _, o := range c.API.Objects {
		w.pod.Queries = append(w.pod.Queries, manifest.Query{
			ID: o.ID, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Selects: apiserver.Selects(o.LabelSelector),
		})
	}
}
