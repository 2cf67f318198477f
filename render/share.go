package render

import (
	"fmt"
	"math/big"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

// share computes fact × percent ÷ divisor exactly. Zero stands for all of it,
// and for no division.
func share(fact watch.Fact, percent float64, divisor resource.Quantity) (string, error) {
	number, _ := fact.Value.(string)
	q, err := resource.ParseQuantity(number)
	if err != nil {
		return "", fmt.Errorf("%s is not a quantity; percent and divisor need one", fact.Path)
	}
	_, name := fact.Path.Parent()
	if percent == 0 {
		return watch.DivideQuantity(name, q, divisor), nil
	}
	// By its digits: 28.7 is no sum of powers of two, 287/10 is what was meant.
	result, ok := new(big.Rat).SetString(strconv.FormatFloat(percent, 'f', -1, 64))
	if !ok || percent < 0 || divisor.Sign() < 0 {
		return "", fmt.Errorf("%v percent of %s by divisor %s: both must be positive", percent, fact.Path, divisor.String())
	}
	result.Mul(result, rat(q)).Quo(result, big.NewRat(100, 1))
	if !divisor.IsZero() {
		return floor(result.Quo(result, rat(divisor))).String(), nil
	}
	// What Kubernetes can count: thousandths of a cpu, or whole units.
	if name == "cpu" {
		result.Mul(result, big.NewRat(1000, 1))
	}
	amount := floor(result)
	switch {
	case !amount.IsInt64():
		return "", fmt.Errorf("%v percent of %s is too large for a quantity; use a divisor", percent, fact.Path)
	case name == "cpu":
		return resource.NewMilliQuantity(amount.Int64(), resource.DecimalSI).String(), nil
	}
	return resource.NewQuantity(amount.Int64(), q.Format).String(), nil
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Div(r.Num(), r.Denom()) }

func rat(q resource.Quantity) *big.Rat {
	r, _ := new(big.Rat).SetString(q.AsDec().String()) // a decimal number always is one
	return r
}
