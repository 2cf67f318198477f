// Package resource holds podfacts' arithmetic with divisors against
// pkg/api/v1/resource of Kubernetes, which computes what a resourceFieldRef reads.
package resource

import (
	"strings"
	"testing"

	"github.com/podfacts/podfacts/watch"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kubernetes "k8s.io/kubernetes/pkg/api/v1/resource"
)

func FuzzDivide(f *testing.F) {
	for _, amount := range []string{
		"0", "1", "100m", "1m", "2500m", "1536Mi", "3Gi", "1500M", "1e3", "0.5", "1n", "999999999n", "24580016Ki", "8Ei", "9223372036854775807",
	} {
		for _, divisor := range []string{"0", "1", "1m", "1k", "1Ki", "1Mi", "1Gi", "1Ei", "1E"} {
			for _, name := range []string{"cpu", "memory", "ephemeral-storage", "hugepages-2Mi"} {
				f.Add(name, amount, divisor)
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, amount, divisor string) {
		if name != "cpu" && name != "memory" && name != "ephemeral-storage" && !strings.HasPrefix(name, "hugepages-") {
			return // nothing else can be projected
		}
		q, err := watch.ParseQuantity(amount)
		if err != nil || q.Sign() < 0 {
			return // the API server admits no such limit
		}
		d, err := watch.ParseQuantity(divisor)
		if err != nil || watch.CheckDivisor(name, d) != nil {
			return
		}
		container := &v1.Container{Resources: v1.ResourceRequirements{Limits: v1.ResourceList{v1.ResourceName(name): q.DeepCopy()}}}
		want, err := kubernetes.ExtractContainerResourceValue(&v1.ResourceFieldSelector{Resource: "limits." + name, Divisor: d.DeepCopy()}, container)
		if err != nil {
			t.Fatal(err)
		}
		if got := watch.DivideQuantity(name, q, d); got != want {
			t.Errorf("%s %s by %s: got %s, want %s", name, amount, divisor, got, want)
		}
		checkUndone(t, name, q, d, want)
	})
}

// checkUndone reads the number back: never less than the amount, and less than one
// divisor above it.
func checkUndone(t *testing.T, name string, q, divisor resource.Quantity, number string) {
	t.Helper()
	text, err := watch.MultiplyQuantity(name, number, divisor)
	if err != nil {
		if q.CmpInt64(1<<62) < 0 { // up there the kubelet's number is a rounded float
			t.Errorf("%s in %s: %v", number, divisor.String(), err)
		}
		return
	}
	if q.CmpInt64(1<<50) > 0 {
		return // and no longer exact well below
	}
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	upper := q.DeepCopy()
	upper.Add(divisor)
	if got := resource.MustParse(text); got.Cmp(q) < 0 || got.Cmp(upper) >= 0 {
		t.Errorf("%s in %s reads %s, and back as %s", q.String(), divisor.String(), number, text)
	}
}
