package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/downward"
	"github.com/podfacts/podfacts/watch/environ"
	"github.com/podfacts/podfacts/watch/manifest"
	"github.com/podfacts/podfacts/watch/object"
	"github.com/podfacts/podfacts/watch/serviceaccount"
)

// dryFlags say what stands in for a running pod.
type dryFlags struct {
	pod     string
	node    string
	name    string
	live    string
	objects list
	set     each

	running   string // a running pod as kubectl names it: an argument of the plugin
	namespace string // of a running pod that is named without
}

// named reports whether flags say what stands in for the pod.
func (d *dryFlags) named() bool { return d.pod+d.live != "" || len(d.objects) > 0 }

func (d *dryFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&d.pod, "pod", "", "`file` with a Pod or a workload to take the place of a running pod; - is standard input")
	flags.StringVar(&d.name, "pod-name", "", "which pod or workload to take where there are several: `name`, namespace/name or kind/name")
	flags.StringVar(&d.node, "node", "", "`file` with the Node that the pod runs on")
	flags.Var(&d.objects, "objects", "`directory` or file of dumped objects that stand in for the API server, repeatable")
	flags.StringVar(&d.live, "live", "", "a running pod, as `namespace/name`, looked at from outside through the API server; a workload's as namespace/kind/name")
	flags.Var(&d.set, "set", "a fact that only a running pod has, as `fact=value`, repeatable")
}

// registerNamespace adds the flag that kubectl has, too.
func (d *dryFlags) registerNamespace(flags *pflag.FlagSet) {
	flags.StringVarP(&d.namespace, "namespace", "n", "", "`namespace` of a running pod that is named without (default: the kubeconfig's)")
}

// world is where facts come from: the pod that podfacts runs in, or a
// manifest in its place.
type world struct {
	set        *stated       // facts given by --set
	pod        *manifest.Pod // nil: the real thing
	self       manifest.Container
	hasCluster bool // objects stand in for the API server
	live       *live
	// served says how custom kinds are served, by their definitions among the
	// objects.
	served map[object.Kind]object.Resource
}

// world reads what the flags name.
func (p *program) world(ctx context.Context, d *dryFlags, a *accessFlags) (*world, error) {
	w := &world{}
	var err error
	if w.set, err = parseSet(d.set); err != nil {
		return nil, err
	}
	if d.live != "" || d.running != "" {
		if d.pod != "" || d.node != "" || d.name != "" || len(d.objects) > 0 {
			return nil, errors.New("--live and --pod, --pod-name, --node, --objects exclude each other")
		}
		return p.live(ctx, d, a, w.set)
	}
	if d.pod == "" && len(d.objects) == 0 {
		if d.node != "" || d.name != "" {
			return nil, errors.New("--node and --pod-name belong to --pod FILE")
		}
		return w, nil
	}
	cluster, err := manifest.Load(manifest.Input{Pod: d.pod, Node: d.node, Objects: d.objects, Stdin: p.stdin})
	if err != nil {
		return nil, err
	}
	if w.pod, err = cluster.Pod(d.name); err != nil {
		return nil, err
	}
	projection, err := w.pod.Project()
	if err != nil {
		return nil, err
	}
	w.self = projection.Self()
	w.hasCluster, w.served = len(d.objects) > 0, cluster.Resources()
	return w, nil
}

// loadDry reads the world and the configuration for it: the flags', else that
// of the podfacts container in the manifest.
func (p *program) loadDry(cmd *cobra.Command, d *dryFlags, a *accessFlags, o *outputFlags) (*world, *config.Config, error) {
	w, err := p.world(cmd.Context(), d, a)
	if err != nil {
		return nil, nil, err
	}
	if err := p.adopt(w, o); err != nil {
		return nil, nil, err
	}
	c, err := p.loadAll(cmd, o, w.loader(cmd.Context()))
	if err != nil {
		return nil, nil, err
	}
	return w, c, w.checkVolumes(c)
}

// loader finds configuration and templates: on this machine, else in the
// ConfigMaps that the pod mounts.
func (w *world) loader(ctx context.Context) config.Loader {
	if w.pod == nil {
		return config.Loader{}
	}
	return config.Loader{ReadFile: func(name string) ([]byte, error) {
		data, err := os.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
		if err := w.mount(ctx); err != nil {
			return nil, err
		}
		return w.pod.ReadFile(w.self.Name, name)
	}}
}

// sources are those of the real run, reading what the kubelet would have
// written. Dumped objects take the API server's place.
func (w *world) sources(ctx context.Context, p *program, c *config.Config, a *accessFlags, needs watch.Needs) ([]watch.Source, error) {
	switch {
	case w.pod == nil:
		sources, err := p.withAPI(ctx, a, c, needs, apiserver.Once, p.sources(ctx, c))
		return append([]watch.Source{w.set}, sources...), err
	case w.live != nil:
		sources, err := w.live.sources(ctx, p, c, a, needs, w)
		return append([]watch.Source{w.set}, sources...), err
	}
	sources := []watch.Source{w.set}
	if w.hasCluster {
		w.ask(c)
		sources = append(sources, w.pod)
	}
	return append(append(sources, w.projected(p, c)...), unknown{w.pod}), nil
}

// ask gives the configured objects to the stand-in of the API server.
func (w *world) ask(c *config.Config) {
	for _, o := range c.API.Objects {
		w.pod.Queries = append(w.pod.Queries, manifest.Query{
			ID: o.ID, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name,
			Selects: apiserver.Selects(o.LabelSelector, o.FieldSelector),
		})
	}
}

// projected are the sources that read what the kubelet gives the pod.
func (w *world) projected(p *program, c *config.Config) []watch.Source {
	var sources []watch.Source
	for _, v := range w.self.Volumes {
		s := &downward.Source{Dir: v.Dir, FS: v.FS, Auto: len(c.Volumes) == 0, Log: p.log()}
		i := slices.IndexFunc(c.Volumes, func(named config.Volume) bool { return named.Path == v.Dir })
		if i < 0 && len(c.Volumes) > 0 {
			continue
		}
		if i >= 0 && len(c.Volumes[i].Items) > 0 {
			s.Items, s.ItemsFrom = c.Volumes[i].Items, "configuration"
		}
		if w.hasCluster { // whoever asks it for the pod sees the spec
			s.Learn(v.Items)
		}
		sources = append(sources, s)
	}
	if a := w.self.ServiceAccount; a != nil {
		sources = append(sources, &serviceaccount.Source{Dir: a.Dir, FS: a.FS})
	}
	return append(sources, &environ.Source{Environ: w.self.Environ(), Vars: c.Environment})
}

// checkVolumes reports volumes of the configuration that the manifest does
// not mount.
func (w *world) checkVolumes(c *config.Config) error {
	if w.pod == nil {
		return nil
	}
	var errs []error
	var mounted []string
	for _, v := range w.self.Volumes {
		mounted = append(mounted, v.Dir)
	}
	who := "the pod"
	if w.self.Name != "" {
		who = "container " + w.self.Name
	}
	for _, v := range c.Volumes {
		if !slices.Contains(mounted, v.Path) {
			errs = append(errs, fmt.Errorf("volume %s: %s of the manifest mounts no downwardAPI volume there; it mounts %s", v.Path,
				who, cmp.Or(strings.Join(mounted, ", "), "none")))
		}
	}
	return watch.Join(errs...)
}

// account is the service account of the manifest's pod.
func (w *world) account() string {
	return object.Text(w.pod.Object(), "spec", "serviceAccountName")
}

// unknown says nothing, but can say why a dry run does not know a fact.
type unknown struct{ *manifest.Pod }

func (unknown) Read(context.Context) (watch.Layer, error) { return watch.Layer{}, nil }

// stated is a source of facts given on the command line.
type stated struct{ layer watch.Layer }

func (*stated) String() string                              { return "--set" }
func (s *stated) Read(context.Context) (watch.Layer, error) { return s.layer, nil }

// parseSet reads fact=value pairs.
func parseSet(pairs []string) (*stated, error) {
	s := &stated{layer: watch.Layer{Live: true}}
	var errs []error
	for _, pair := range pairs {
		if err := s.add(pair); err != nil {
			errs = append(errs, fmt.Errorf("--set %s: %w", pair, err))
		}
	}
	return s, watch.Join(errs...)
}

func (s *stated) add(pair string) error {
	name, value, ok := cutAssignment(pair)
	if !ok {
		return errors.New("must be fact=value, as in pod.ip=10.0.0.7")
	}
	path, err := watch.ParsePath(name)
	if err != nil {
		return err
	}
	switch kind, _ := watch.KindOf(path); kind {
	case watch.String, watch.Time:
		s.layer.Set(path, value, "")
	case watch.Quantity:
		q, err := watch.CanonicalQuantity(value)
		if err != nil {
			return err
		}
		s.layer.Set(path, q, "")
	case watch.Number:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("%s is a number", path)
		}
		s.layer.Set(path, n, "")
	case watch.List:
		s.layer.Set(path, strings.Split(value, ","), "")
	default:
		return fmt.Errorf("%s is not one value; name one key, as in %s", path, path.Key("key"))
	}
	return nil
}

// cutAssignment splits at the first = behind any subscript.
func cutAssignment(s string) (name, value string, ok bool) {
	if i := strings.Index(s, "']="); i >= 0 {
		return s[:i+2], s[i+3:], true
	}
	return strings.Cut(s, "=")
}
