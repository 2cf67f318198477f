package environ

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// Var says what one variable of this process holds. Code writes it as a
// literal:
//
//	Var{Name: "IP", Fact: watch.PodIP}
//	Var{Name: "LIMIT", Fact: "containers.main.limits.memory", Divisor: resource.MustParse("1Mi")}
//	Var{Name: "LOG_LEVEL"} // shown as env.LOG_LEVEL
//
// What comes from outside goes through [VarFrom].
type Var struct {
	Name string
	// Fact is what the variable holds. Empty means env.NAME.
	Fact watch.Path
	// Divisor is the unit of a limit or request. Zero means 1.
	Divisor resource.Quantity
}

// VarFrom reads an entry of an env: block, decoded from YAML or JSON, so that
// the block of a pod spec can be pasted:
//
//	{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
//	{name: CPU, valueFrom: {resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}}
//	{name: LOG_LEVEL}
//
// It refuses what Kubernetes refuses, and reports every mistake. Other than
// in Kubernetes, a resource needs its containerName: this process cannot know
// the name of its own container.
func VarFrom(spec map[string]any) (Var, error) {
	var d ref.Decoder
	d.Known("", spec, "name", "value", "valueFrom")
	v := Var{Name: d.Text(spec, "name")}
	d.Fail(checkName(v.Name))
	if spec["value"] != nil {
		d.Fail("value is not from the Downward API; leave it out to show the variable as env." + v.Name)
	}
	if from := d.Object(spec, "valueFrom"); from != nil {
		others := []string{"configMapKeyRef", "secretKeyRef", "fileKeyRef"}
		other := slices.IndexFunc(others, func(name string) bool { return from[name] != nil })
		if other >= 0 {
			d.Fail(others[other] + " is not from the Downward API; leave valueFrom out to show the variable as env." + v.Name)
		} else {
			d.Known("valueFrom", from, "fieldRef", "resourceFieldRef")
			v.Fact, v.Divisor = d.Ref(from, ref.Variable)
		}
	}
	if !d.OK() {
		return Var{}, d.Done("variable", v.Name)
	}
	return v, nil
}

// Validate reports what Kubernetes would refuse.
// Kubernetes: pkg/apis/core/validation, validateEnvVarValueFrom.
func (v Var) Validate() error {
	var d ref.Decoder
	d.Fail(checkName(v.Name))
	if v.fact() != env.Key(v.Name) {
		d.Fail(ref.Variable.Check(v.Fact, v.Divisor))
	}
	return d.Done("variable", v.Name)
}

const env watch.Path = "env"

func (v Var) fact() watch.Path {
	if v.Fact == "" {
		return env.Key(v.Name)
	}
	return v.Fact
}

// value reads a variable as what it holds. Nil is no value: Kubernetes writes
// an empty string for what does not exist, and 0 for a limit that nobody set
// on a node that does not report the resource.
func (v Var) value(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("is not UTF-8 text")
	}
	if _, kind, name, ok := ref.Resource(v.Fact); ok {
		value, err := watch.MultiplyQuantity(name, text, v.Divisor)
		if err != nil || kind == "limits" && value == "0" {
			return nil, err
		}
		return value, nil
	}
	if text == "" {
		return nil, nil
	}
	ok := true
	switch v.Fact {
	case watch.PodIP, watch.PodHostIP:
		ok = isIP(text)
	case watch.PodIPs, watch.PodHostIPs:
		list := strings.Split(text, ",")
		if slices.ContainsFunc(list, func(s string) bool { return !isIP(s) }) {
			return nil, errors.New("does not hold addresses joined by commas")
		}
		return list, nil
	case watch.PodName, watch.PodNodeName, watch.PodServiceAccountName:
		ok = ref.DNSSubdomain(text)
	case watch.PodNamespace:
		ok = ref.DNSLabel(text)
	case watch.PodUID:
		ok = ref.UID(text)
	}
	if !ok {
		return nil, fmt.Errorf("does not hold a %s", ref.Variable.FieldPath(v.Fact))
	}
	return text, nil
}

// divisor is 1 where none was given.
func (v Var) divisor() resource.Quantity {
	if v.Divisor.IsZero() {
		return resource.MustParse("1")
	}
	return v.Divisor
}

// hint is the entry to add to a pod spec.
func (v Var) hint() string {
	entry := fmt.Sprintf("{name: %s, value: ...}", v.Name)
	if v.fact() != env.Key(v.Name) {
		entry = fmt.Sprintf("{name: %s, valueFrom: {%s}}", v.Name, ref.Variable.YAML(v.Fact, v.Divisor))
	}
	return fmt.Sprintf("add %s to the env of the container that runs podfacts", entry)
}

// checkName is the grammar of variables since Kubernetes 1.30.
// Kubernetes: k8s.io/apimachinery/pkg/util/validation.IsRelaxedEnvVarName.
func checkName(name string) string {
	if name == "" {
		return "has no name"
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '=' }) {
		return `name must be printable ASCII without "="`
	}
	return ""
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
