package watch

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// DivideQuantity gives the number that Kubernetes writes for a resource with
// a divisor: rounded up, so that 100m of cpu with divisor 1 reads "1". A
// zero divisor counts as 1.
//
// It computes as pkg/api/v1/resource and pkg/apis/core/v1/helper/qos do,
// floating point included.
func DivideQuantity(resourceName string, q, divisor resource.Quantity) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	var n float64
	if resourceName == "cpu" {
		n = math.Ceil(float64(q.MilliValue()) / float64(divisor.MilliValue()))
	} else {
		n = math.Ceil(float64(q.Value()) / float64(divisor.Value()))
	}
	return strconv.FormatInt(int64(n), 10)
}

// MultiplyQuantity undoes [DivideQuantity]: it reads the number in a volume
// file or a variable and gives the canonical quantity. What the rounding up
// lost stays lost: the result is at most one divisor above the real value.
func MultiplyQuantity(resourceName, number string, divisor resource.Quantity) (string, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 {
		return "", fmt.Errorf("%.32q is not a whole number, as Kubernetes writes resources", number)
	}
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	if resourceName == "cpu" {
		milli := divisor.MilliValue()
		if n > math.MaxInt64/milli {
			return "", fmt.Errorf("%d with divisor %s is too large", n, divisor.String())
		}
		return resource.NewMilliQuantity(n*milli, resource.DecimalSI).String(), nil
	}
	unit := divisor.Value()
	if n > math.MaxInt64/unit {
		return "", fmt.Errorf("%d with divisor %s is too large", n, divisor.String())
	}
	format := resource.BinarySI
	if divisor.Format == resource.DecimalSI && unit > 1 {
		format = resource.DecimalSI
	}
	return resource.NewQuantity(n*unit, format).String(), nil
}

// CheckDivisor reports a divisor that Kubernetes refuses for a resource.
// Kubernetes: pkg/apis/core/validation, validateContainerResourceDivisor.
func CheckDivisor(resourceName string, divisor resource.Quantity) error {
	allowed := "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
	if resourceName == "cpu" {
		allowed = "1m, 1"
	}
	if divisor.IsZero() {
		return nil
	}
	for _, a := range strings.Split(allowed, ", ") {
		if divisor.Cmp(resource.MustParse(a)) == 0 {
			return nil
		}
	}
	return fmt.Errorf("divisor %s is not allowed for %s; use one of %s", divisor.String(), resourceName, allowed)
}

// CanonicalQuantity writes a quantity the way Kubernetes stores it.
func CanonicalQuantity(s string) (string, error) {
	q, err := resource.ParseQuantity(s)
	if err != nil {
		return "", fmt.Errorf("%.32q is not a quantity such as 500m or 64Mi", s)
	}
	return q.String(), nil
}

// resourceOf gives the resource a quantity path is about: memory for
// containers.main.limits.memory.
func resourceOf(p Path) string {
	_, name := p.Parent()
	return name
}
