package watch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// DivideQuantity gives the number that Kubernetes writes for a resource with
// a divisor: rounded up, so that 100m of cpu with divisor 1 reads "1". A zero
// divisor counts as 1.
//
// It computes as pkg/api/v1/resource, convertResourceCPUToString and its
// like, do, floating point included.
func DivideQuantity(resourceName string, q, divisor resource.Quantity) string {
	amount, unit := q.Value(), wholeUnits(resourceName, divisor)
	if resourceName == "cpu" {
		amount = q.MilliValue()
	}
	return strconv.FormatInt(int64(math.Ceil(float64(amount)/float64(unit))), 10)
}

// MultiplyQuantity undoes [DivideQuantity]: it reads the number in a volume
// file or a variable and gives the canonical quantity. What the rounding up
// lost stays lost: the result is less than one divisor above the real value.
func MultiplyQuantity(resourceName, number string, divisor resource.Quantity) (string, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 {
		return "", fmt.Errorf("%.32q is not a whole number, as Kubernetes writes resources", number)
	}
	unit := wholeUnits(resourceName, divisor)
	if n > math.MaxInt64/unit {
		return "", fmt.Errorf("%d with divisor %s is too large", n, divisor.String())
	}
	switch {
	case resourceName == "cpu":
		return resource.NewMilliQuantity(n*unit, resource.DecimalSI).String(), nil
	case divisor.Format == resource.DecimalSI && unit > 1:
		return resource.NewQuantity(n*unit, resource.DecimalSI).String(), nil
	}
	// In binary where that is shorter: 64Mi, but 10M.
	return CanonicalQuantity(resource.NewQuantity(n*unit, resource.BinarySI).String())
}

// wholeUnits is a divisor in thousandths of a cpu, or in whole units of
// another resource: at least 1, and at most what an int64 holds.
func wholeUnits(resourceName string, divisor resource.Quantity) int64 {
	value, most := divisor.Value, int64(math.MaxInt64)
	if resourceName == "cpu" {
		value, most = divisor.MilliValue, math.MaxInt64/1000
	}
	switch {
	case divisor.Sign() == 0:
		return wholeUnits(resourceName, *resource.NewQuantity(1, resource.DecimalSI))
	case divisor.Sign() < 0:
		return 1
	case divisor.CmpInt64(most) > 0:
		return math.MaxInt64
	}
	return max(1, value())
}

// CheckDivisor reports a divisor that Kubernetes refuses for a resource.
// Kubernetes: pkg/apis/core/validation, validateContainerResourceDivisor.
func CheckDivisor(resourceName string, divisor resource.Quantity) error {
	if divisor.IsZero() {
		return nil
	}
	allowed := "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
	if resourceName == "cpu" {
		allowed = "1m, 1"
	}
	if slices.Contains(strings.Split(allowed, ", "), divisor.String()) {
		return nil
	}
	return fmt.Errorf("divisor %s is not allowed for %s; use one of %s", divisor.String(), resourceName, allowed)
}

// CanonicalQuantity writes a quantity the way Kubernetes stores it.
func CanonicalQuantity(s string) (string, error) {
	q, err := ParseQuantity(s)
	if err != nil {
		return "", err
	}
	return q.String(), nil
}

// ParseQuantity reads a quantity that anyone may have written.
// [resource.ParseQuantity] alone works for minutes on 1e2147483648, and on
// sums with 1e9999999; nothing has so much.
func ParseQuantity(s string) (resource.Quantity, error) {
	const longest, largestExponent = 64, 99
	invalid := fmt.Errorf("%.32q is not a quantity such as 500m or 64Mi", s)
	if i := strings.LastIndexAny(s, "eE"); i >= 0 && strings.ContainsAny(s[i+1:], "0123456789") {
		if exponent, err := strconv.Atoi(s[i+1:]); err != nil || max(exponent, -exponent) > largestExponent {
			return resource.Quantity{}, invalid
		}
	}
	if len(s) > longest {
		return resource.Quantity{}, invalid
	}
	q, err := resource.ParseQuantity(s)
	if err != nil {
		return resource.Quantity{}, invalid
	}
	return q, nil
}
