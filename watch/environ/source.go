// Package environ reads what the Downward API put into the environment of
// this process: the only way, short of the API server, to the pod's
// addresses, node and service account.
//
// Variables are given a meaning by a [Var], as the env: block of a pod spec
// does; by a well-known name, such as POD_IP; or none. Only variables that are
// listed or well known are ever looked at.
//
// The kubelet sets variables when a container starts, and never again.
package environ

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// Source is the environment of this process. The zero Source reads os.Environ
// and goes by well-known names. It is a [watch.Source] and a
// [watch.Explainer].
type Source struct {
	// Environ holds NAME=value strings. Nil means os.Environ.
	Environ []string
	// Vars say what variables hold, and which others may be shown as
	// env.NAME.
	Vars []Var
}

// String names the source: environment.
func (s *Source) String() string { return "environment" }

// Read states what the variables hold. Those that are listed come before
// those of a well-known name. A value that cannot be what a well-known name
// promises is passed over; one that contradicts a listed variable is an
// error.
func (s *Source) Read(context.Context) (watch.Layer, error) {
	var layer watch.Layer
	var errs *multierror.Error
	values := s.values()
	listed := make(map[string]bool, len(s.Vars))
	for _, v := range s.Vars {
		listed[v.Name] = true
		text, set := values[v.Name]
		if !set || layer.Has(v.fact()) {
			continue
		}
		value, err := v.value(text)
		if err != nil {
			errs = multierror.Append(errs, fmt.Errorf("environment: %s: %w", v.Name, err))
			continue
		}
		if _, _, _, ok := ref.Resource(v.Fact); ok && value != nil {
			layer.State(v.Fact, watch.Statement{Value: value, From: v.Name, Divisor: new(v.divisor())})
			continue
		}
		layer.Set(v.fact(), value, v.Name)
	}
	for _, known := range wellKnown() {
		for _, name := range known.names {
			v := Var{Name: name, Fact: known.fact}
			if listed[name] || layer.Has(v.Fact) || values[name] == "" {
				continue
			}
			if value, err := v.value(values[name]); err == nil {
				layer.Set(v.Fact, value, name+" (well-known name)")
			}
		}
	}
	return layer, errs.ErrorOrNil()
}

// Explain tells which variable to add for a fact that only variables, or
// variables too, can give. It is silent about labels and resources, which
// belong into a volume, unless a variable is listed for them.
func (s *Source) Explain(p watch.Path) (reason, hint string) {
	values := s.values()
	for _, v := range s.Vars {
		if v.fact() != p {
			continue
		}
		if text, set := values[v.Name]; !set {
			return fmt.Sprintf("variable %s is not set", v.Name), v.hint()
		} else if _, err := v.value(text); err != nil {
			return fmt.Sprintf("variable %s: %v", v.Name, err), ""
		} else if text == "0" {
			return fmt.Sprintf("variable %s reads 0: nobody set the limit", v.Name), "set it on the container"
		}
		return fmt.Sprintf("variable %s is empty", v.Name), ""
	}
	if group, name := p.Parent(); group == "env" {
		return fmt.Sprintf("variable %s is not listed, so it is not shown", name), fmt.Sprintf("add {name: %s} to environment in the configuration", name)
	}
	for _, known := range wellKnown() {
		if known.fact != p {
			continue
		}
		for _, name := range known.names {
			if values[name] != "" {
				return fmt.Sprintf("variable %s does not hold a %s", name, ref.Variable.FieldPath(p)), "if it should, list it under environment in the configuration"
			}
		}
		v := Var{Name: known.names[0], Fact: p}
		return fmt.Sprintf("no environment variable has %s", ref.Variable.FieldPath(p)), v.hint()
	}
	return "", ""
}

// values looks up the variables. The first of a name counts, as for
// os.Getenv.
func (s *Source) values() map[string]string {
	environ := s.Environ
	if environ == nil {
		environ = os.Environ()
	}
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if _, ok := values[name]; !ok {
			values[name] = value
		}
	}
	return values
}

// names are the variables that people use for a fact, the commonest first.
type names struct {
	fact  watch.Path
	names []string
}

func wellKnown() []names {
	return []names{
		{watch.PodName, []string{"POD_NAME", "MY_POD_NAME", "K8S_POD_NAME", "KUBERNETES_POD_NAME"}},
		{watch.PodNamespace, []string{"POD_NAMESPACE", "MY_POD_NAMESPACE", "K8S_POD_NAMESPACE", "K8S_NAMESPACE", "KUBERNETES_NAMESPACE"}},
		{watch.PodUID, []string{"POD_UID", "MY_POD_UID", "K8S_POD_UID"}},
		{watch.PodIP, []string{"POD_IP", "MY_POD_IP", "K8S_POD_IP"}},
		{watch.PodIPs, []string{"POD_IPS", "MY_POD_IPS", "K8S_POD_IPS"}},
		{watch.PodHostIP, []string{"HOST_IP", "MY_HOST_IP", "K8S_HOST_IP", "NODE_IP", "MY_NODE_IP", "K8S_NODE_IP"}},
		{watch.PodHostIPs, []string{"HOST_IPS", "MY_HOST_IPS", "NODE_IPS"}},
		{watch.PodNodeName, []string{"NODE_NAME", "MY_NODE_NAME", "K8S_NODE_NAME", "KUBE_NODE_NAME", "KUBERNETES_NODE_NAME"}},
		{watch.PodServiceAccountName, []string{"SERVICE_ACCOUNT", "POD_SERVICE_ACCOUNT", "MY_POD_SERVICE_ACCOUNT", "SERVICE_ACCOUNT_NAME"}},
	}
}

var _ interface {
	watch.Source
	watch.Explainer
} = (*Source)(nil)
