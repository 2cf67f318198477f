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

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
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
every fact that an output needs is, and --workload names the kind.`,
		Example: `  podfacts rbac -c podfacts.yaml --service-account web --namespace shop | kubectl apply -f -
  podfacts rbac --pod deploy.yaml
  podfacts rbac -c podfacts.yaml --for init`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			world, c, err := p.loadDry(cmd, &dry, &access, &o)
			if err != nil {
				return err
			}
			rules, err := r.rules(cmd.Context(), p, world, c)
			if err != nil {
				return err
			}
			return failed(r.print(p.stdout, rules))
		},
	}
	p.registerFacts(cmd.Flags())
	o.register(cmd.Flags())
	dry.register(cmd.Flags())
	access.registerAccess(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&r.use, "for", "run", "`init` or run, which also watches")
	flags.StringVar(&r.account, "service-account", "", "service `account` of the pod (default: the manifest's, else podfacts)")
	flags.StringVarP(&r.namespace, "namespace", "n", "", "`namespace` of the pod (default: the manifest's, else default)")
	flags.StringVar(&r.workload, "workload", "", "`kind` of the pod's workload: "+strings.Join(apiserver.Workloads(), ", ")+" (default: the manifest's, else any)")
	flags.StringVar(&r.name, "name", "", "`name` of the roles and bindings (default: podfacts-ACCOUNT)")
	return cmd
}

// rbac is what rules are printed for.
type rbac struct {
	use, account, namespace, name, workload string
}

func (r *rbac) rules(ctx context.Context, p *program, w *world, c *config.Config) ([]apiserver.Rule, error) {
	mode := apiserver.Follow
	switch r.use {
	case "run":
	case "init":
		mode = apiserver.Once
	default:
		return nil, fmt.Errorf("--for is %q, but must be init or run", r.use)
	}
	needs := needsOf(c)
	if w.pod != nil {
		w.hasCluster = false // what objects say is what permissions are for
		snapshot, _ := watch.Collect(ctx, w.projected(p, c)...)
		needs = missing(needs, snapshot)
		r.namespace = cmp.Or(r.namespace, targetOf(snapshot).Namespace)
		r.account = cmp.Or(r.account, w.account())
		r.workload = cmp.Or(r.workload, w.workload())
	}
	if r.workload != "" && !slices.Contains(apiserver.Workloads(), r.workload) {
		return nil, fmt.Errorf("--workload is %q, but must be one of %s", r.workload, strings.Join(apiserver.Workloads(), ", "))
	}
	if c.API.Mode == "never" {
		return nil, errors.New("api.mode is never: no permission is needed")
	}
	r.account, r.namespace = cmp.Or(r.account, "podfacts"), cmp.Or(r.namespace, "default")
	r.name = cmp.Or(r.name, "podfacts-"+r.account)
	plan := apiserver.NewPlan(needs, c.API.Objects, mode)
	plan.Namespace, plan.Workload = r.namespace, r.workload
	return plan.Rules(), nil
}

// print writes the manifests. Rules of one scope share a role.
func (r *rbac) print(w io.Writer, rules []apiserver.Rule) error {
	if len(rules) == 0 {
		_, err := fmt.Fprintln(w, "# Nothing is asked of the API server, so no permission is needed.")
		return err
	}
	var b strings.Builder
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

func (r *rbac) scope(rule apiserver.Rule) string {
	if rule.ClusterScoped {
		return ""
	}
	return cmp.Or(rule.Namespace, r.namespace)
}

func (r *rbac) role(b *strings.Builder, scope string, rules []apiserver.Rule) {
	kind, name, namespace := "Role", r.name, "\n  namespace: "+scope
	if scope == "" {
		// Cluster roles of all namespaces share their names.
		kind, name, namespace = "ClusterRole", r.namespace+"-"+r.name, ""
	}
	fmt.Fprintf(b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata:\n  name: %s%s\nrules:\n", kind, name, namespace)
	for _, rule := range rules {
		for _, why := range rule.Why {
			fmt.Fprintf(b, "# %s\n", why)
		}
		if rule.Guessed {
			b.WriteString("# The resource's name follows custom; see kubectl api-resources.\n")
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
