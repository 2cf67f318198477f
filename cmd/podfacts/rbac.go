package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
	"github.com/podfacts/podfacts/watch/object"
)

func (p *program) rbacCommand() *cobra.Command {
	var o outputFlags
	var dry dryFlags
	var access accessFlags
	var r rbac
	cmd := &cobra.Command{
		Use:   "rbac",
		Short: "Print the least Role and ClusterRole for a configuration",
		Long: `rbac prints what the service account of the pod must be allowed, as YAML for
kubectl apply: a Role or ClusterRole with one rule for each resource, the facts
that need it as a comment, and the bindings. A configuration that needs no API
server gives nothing.

With --pod, facts that the manifest's own volumes and variables give are not
asked for, and only the kinds of its own controllers are named. Without it,
every fact that an output needs is, and --workload names the kind.

No API server is asked, unless flags name one or --live names a pod. How it
serves kinds that are not Kubernetes' own is then guessed, and comments and
warnings say so; a definition among the --objects tells as well.`,
		Example: `  podfacts rbac -c podfacts.yaml --service-account web --namespace shop | kubectl apply -f -
  podfacts rbac --pod deploy.yaml
  podfacts rbac -c podfacts.yaml --live shop/web-0
  podfacts rbac -c podfacts.yaml --for init --workload argoproj.io/v1alpha1/Rollout --context prod`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dry.namespace = r.namespace
			world, c, err := p.loadDry(cmd, &dry, &access, &o)
			if err != nil {
				return err
			}
			plan, err := r.plan(cmd.Context(), p, world, c)
			if err != nil {
				return err
			}
			if plan, err = p.resolve(cmd.Context(), plan, world, &access); err != nil {
				return err
			}
			for _, warning := range r.doubt(plan, world) {
				p.log().Warn("these permissions may not do", "reason", warning)
			}
			return failed(r.print(p.stdout, plan.Rules()))
		},
	}
	p.registerFacts(cmd.Flags())
	o.register(cmd.Flags())
	o.served.registerExpose(cmd.Flags())
	dry.register(cmd.Flags())
	access.registerAccess(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&r.use, "for", "run", "`command` of the pod: init, exec, or run, which also watches, as exec --watch does")
	flags.StringVar(&r.account, "service-account", "", "service `account` of the pod (default: the manifest's, else podfacts)")
	flags.StringVarP(&r.namespace, "namespace", "n", "", "`namespace` of the pod (default: the manifest's, else default)")
	flags.StringVar(&r.workload, "workload", "", "`kind` of the pod's workload: "+strings.Join(apiserver.Workloads(), ", ")+
		", or any other as apiVersion/kind (default: the manifest's, else any of these)")
	flags.StringVar(&r.name, "name", "", "`name` of the roles and bindings (default: podfacts-ACCOUNT)")
	p.forPods(cmd, &dry, &access, true, `  podfacts rbac -n shop deploy/web -c podfacts.yaml
  podfacts rbac -c podfacts.yaml --service-account web -n shop | kubectl apply -f -
  podfacts rbac --pod deploy.yaml`)
	return cmd
}

// rbac is what rules are printed for.
type rbac struct {
	use, account, namespace, name, workload string

	notes []string // what is to be known of what is printed, as comments
}

// plan is what the pod will ask.
func (r *rbac) plan(ctx context.Context, p *program, w *world, c *config.Config) (plan apiserver.Plan, err error) {
	mode := apiserver.Follow
	switch r.use {
	case "run":
	case "init", "exec":
		mode = apiserver.Once
		c.Outputs = slices.DeleteFunc(c.Outputs, func(o agent.Output) bool { return o.File.Path == config.ServeName }) // init serves nobody
	default:
		return plan, fmt.Errorf("--for is %q, but must be init, exec or run", r.use)
	}
	if c.API.Mode == "never" {
		return plan, errors.New("api.mode is never: no permission is needed")
	}
	needs := needsOf(c)
	if w.pod != nil {
		// What objects say is what permissions are for.
		local := append([]watch.Source{w.set}, w.projected(p, c)...)
		snapshot, _ := watch.Collect(ctx, local...)
		needs = missing(needs, snapshot)
		r.namespace = cmp.Or(r.namespace, object.Text(w.pod.Object(), "metadata", "namespace"))
		r.account = cmp.Or(r.account, w.account())
	}
	r.account, r.namespace = cmp.Or(r.account, "podfacts"), cmp.Or(r.namespace, "default")
	r.name = cmp.Or(r.name, "podfacts-"+r.account)
	if c.Proxy.Listen != "" {
		r.notes = append(r.notes, "Whoever uses the proxy acts as this service account. What they ask for is not known here, and takes rules of its own.")
	}
	plan = apiserver.NewPlan(needs, c.API.Objects, mode)
	plan.Namespace = r.namespace
	climbs := plan.AnyController()
	if r.workload != "" || climbs && w.pod != nil {
		var note string
		if plan.Controllers, note, err = r.controllers(ctx, w); climbs && note != "" {
			r.notes = append(r.notes, note)
		}
	}
	return plan, err
}

// controllers are those above the pod, as far as they are known, and what is to be
// known of them.
func (r *rbac) controllers(ctx context.Context, w *world) (kinds []object.Kind, note string, err error) {
	workload := r.workload
	if workload == "" {
		if err := w.climb(ctx); err != nil {
			return nil, "", failed(err)
		}
		kinds, known := w.pod.Controllers()
		if known {
			return append([]object.Kind{}, kinds...), "", nil
		}
		last := kinds[len(kinds)-1]
		if object.IsBetween(last.APIVersion, last.Kind) {
			return nil, "", nil // what stands above it may be anything
		}
		workload = last.APIVersion + "/" + last.Kind
	}
	if kinds, err = apiserver.ControllersOf(workload); err != nil {
		return nil, "", fmt.Errorf("--workload: %w", err)
	}
	if len(kinds) > len(object.Between()) {
		note = fmt.Sprintf("Whether a ReplicaSet or a Job stands between a %s and its pods is not known here, so that both may be read; "+
			"--live looks at a running pod.", kinds[len(kinds)-1].Kind)
	}
	return kinds, note, nil
}

// resolve finds out how custom kinds are served: by their definitions, or by an API
// server that was named.
func (p *program) resolve(ctx context.Context, plan apiserver.Plan, w *world, a *accessFlags) (apiserver.Plan, error) {
	plan.Served = w.served
	if w.live == nil && !a.named() {
		return plan, nil
	}
	var client *apiserver.Client
	if w.live != nil {
		client = w.live.client
	} else {
		var err error
		if client, err = a.client(p, p.log()); err != nil {
			return plan, asConfigured(err)
		}
	}
	plan, err := plan.Resolve(ctx, client)
	return plan, failed(err)
}

// doubt notes what may be wrong with the rules. What makes them useless, or
// what would if it were wrong, is a warning too.
func (r *rbac) doubt(plan apiserver.Plan, w *world) (warnings []string) {
	rules := plan.Rules()
	if len(rules) > 0 && w.pod != nil && !w.self.Token {
		warnings = append(warnings, object.Name(w.pod.Object())+" mounts no service account token, so that nothing in it can use these permissions: "+
			"leave out automountServiceAccountToken: false, or mount a projected serviceAccountToken and name it with --token-file")
	}
	for _, rule := range rules {
		if !rule.Guessed {
			continue
		}
		scope := "in no namespace"
		if object.GuessNamespaced(rule.Kind.Kind) {
			scope = "in namespaces"
		}
		warning := fmt.Sprintf("how %s of %s is served is guessed: as %s, %s; to be sure, name an API server with --kubeconfig or "+
			"--context, or the CustomResourceDefinition with --objects", rule.Kind.Kind, rule.Kind.APIVersion, rule.Resources[0], scope)
		if !slices.Contains(warnings, warning) {
			warnings = append(warnings, warning)
		}
	}
	r.notes = append(r.notes, warnings...)
	if plan.AnyController() {
		r.notes = append(r.notes, "A pod whose controller is not Kubernetes' own, such as an Argo Rollout, has to read that too: "+
			"name its kind, as in --workload argoproj.io/v1alpha1/Rollout, or a pod of it with --live.")
	}
	return warnings
}

// print writes the manifests. Rules of one scope share a role.
func (r *rbac) print(w io.Writer, rules []apiserver.Rule) error {
	var b strings.Builder
	for _, note := range r.notes {
		comment(&b, note)
	}
	if len(rules) == 0 {
		_, err := fmt.Fprintln(w, b.String()+"# Nothing is asked of the API server, so no permission is needed.")
		return err
	}
	var scopes []string // a namespace, or empty for the cluster
	for _, rule := range rules {
		if scope := r.scope(rule); !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	for i, scope := range scopes {
		if i > 0 {
			b.WriteString("---\n")
		}
		r.role(&b, scope, slices.DeleteFunc(slices.Clone(rules), func(rule apiserver.Rule) bool { return r.scope(rule) != scope }))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// comment writes a sentence in lines.
func comment(b *strings.Builder, text string) {
	const widest = 78
	text = strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > widest {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

func (r *rbac) scope(rule apiserver.Rule) string {
	if rule.ClusterScoped {
		return ""
	}
	return cmp.Or(rule.Namespace, r.namespace)
}

func (r *rbac) role(b *strings.Builder, scope string, rules []apiserver.Rule) {
	kind, name, namespace := "Role", r.name, "\n  namespace: "+scope
	if scope != r.namespace {
		name = r.namespace + "-" + r.name // there may be one of each namespace's pods
	}
	if scope == "" {
		kind, namespace = "ClusterRole", ""
	}
	fmt.Fprintf(b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata:\n  name: %s%s\nrules:\n", kind, name, namespace)
	for _, rule := range rules {
		for _, why := range rule.Why {
			fmt.Fprintf(b, "# %s\n", why)
		}
		if rule.Guessed {
			fmt.Fprintf(b, "# How %s of %s is served is a guess; see kubectl api-resources.\n", rule.Kind.Kind, rule.Kind.APIVersion)
		}
		fmt.Fprintf(b, "- apiGroups: %s\n  resources: %s\n", flow(rule.APIGroups), flow(rule.Resources))
		if len(rule.ResourceNames) > 0 {
			fmt.Fprintf(b, "  resourceNames: %s\n", flow(rule.ResourceNames))
		}
		fmt.Fprintf(b, "  verbs: %s\n", flow(rule.Verbs))
	}
	fmt.Fprintf(b, `---
apiVersion: rbac.authorization.k8s.io/v1
kind: %[1]sBinding
metadata:
  name: %[2]s%[3]s
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: %[1]s
  name: %[2]s
subjects:
- kind: ServiceAccount
  name: %[4]s
  namespace: %[5]s
`, kind, name, namespace, r.account, r.namespace)
}

// flow writes a list in YAML's flow style.
func flow(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
