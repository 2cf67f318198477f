package funcs

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"gopkg.in/inf.v0"
)

func integerFuncs() []Func {
	return []Func{
		{"add", "", "the sum, as a whole number", `{{ 3 | add 1 2 }}`, "6", add},
		{"add1", "", "one more", `{{ add1 3 }}`, "4", func(a any) (int64, error) { return add(a, 1) }},
		{"sub", "", "the first minus the second", `{{ sub 14 3 }}`, "11", fold2(minus)},
		{"mul", "", "the product", `{{ mul 2 3 4 }}`, "24", mul},
		{"div", "", "the first divided by the second, without the rest", `{{ div 9 4 }}`, "2", fold2(divide)},
		{"mod", "", "the rest of that division", `{{ mod 9 4 }}`, "1", fold2(modulo)},
		{"max", "biggest", "the largest whole number", `{{ max 1 3 2 }}`, "3", func(a any, more ...any) (int64, error) { return fold(a, more, larger) }},
		{"min", "", "the smallest whole number", `{{ min 1 3 2 }}`, "1", func(a any, more ...any) (int64, error) { return fold(a, more, smaller) }},
	}
}

func floatFuncs() []Func {
	return []Func{
		{"addf", "", "the sum", `{{ 3 | addf 1.5 2.2 }}`, "6.7", func(v ...any) (float64, error) { return foldDecimal(0, v, (*inf.Dec).Add) }},
		{"add1f", "", "one more", `{{ add1f 3.4 }}`, "4.4", func(a any) (float64, error) { return foldDecimal(a, []any{1}, (*inf.Dec).Add) }},
		{"subf", "", "the first minus the others", `{{ subf 4.5 1 3 }}`, "0.5", func(a any, v ...any) (float64, error) { return foldDecimal(a, v, (*inf.Dec).Sub) }},
		{"mulf", "", "the product", `{{ mulf 1.2 10 }}`, "12", func(a any, v ...any) (float64, error) { return foldDecimal(a, v, (*inf.Dec).Mul) }},
		{"divf", "", "the first divided by the others", `{{ divf 5 4 2 }}`, "0.625", divf},
		{"maxf", "", "the largest number", `{{ maxf 1 2.5 }}`, "2.5", func(a any, more ...any) (float64, error) { return foldFloat(a, more, math.Max) }},
		{"minf", "", "the smallest number", `{{ minf 1.4 2 }}`, "1.4", func(a any, more ...any) (float64, error) { return foldFloat(a, more, math.Min) }},
		{"ceil", "", "rounded up", `{{ ceil 1.2 }}`, "2", rounding(math.Ceil)},
		{"floor", "", "rounded down", `{{ floor 1.8 }}`, "1", rounding(math.Floor)},
		{"round", "", "rounded to so many places, from .5 or from a third argument on", `{{ round 123.555 2 }} {{ round 1.25 1 0.6 }}`, "123.56 1.2", round},
	}
}

func add(values ...any) (int64, error) { return fold(int64(0), values, plus) }

func mul(a any, more ...any) (int64, error) { return fold(a, more, times) }

type wholeOp func(a, b int64) (int64, error)

func fold(first any, more []any, op wholeOp) (int64, error) {
	acc, err := asInt64(first)
	for _, v := range more {
		if err != nil {
			break
		}
		var n int64
		if n, err = asInt64(v); err == nil {
			acc, err = op(acc, n)
		}
	}
	return acc, err
}

func fold2(op wholeOp) func(a, b any) (int64, error) {
	return func(a, b any) (int64, error) { return fold(a, []any{b}, op) }
}

func plus(a, b int64) (int64, error) {
	if c := a + b; (c > a) == (b > 0) {
		return c, nil
	}
	return 0, overflow(a, "+", b)
}

func minus(a, b int64) (int64, error) {
	if c := a - b; (c < a) == (b > 0) {
		return c, nil
	}
	return 0, overflow(a, "-", b)
}

func times(a, b int64) (int64, error) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	if hi != 0 || lo > limit {
		return 0, overflow(a, "*", b)
	}
	return a * b, nil
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func divide(a, b int64) (int64, error) {
	if b == 0 {
		return 0, errZero(a)
	}
	if a == math.MinInt64 && b == -1 {
		return 0, overflow(a, "/", b)
	}
	return a / b, nil
}

func modulo(a, b int64) (int64, error) {
	if b == 0 {
		return 0, errZero(a)
	}
	return a % b, nil
}

func larger(a, b int64) (int64, error)  { return max(a, b), nil }
func smaller(a, b int64) (int64, error) { return min(a, b), nil }

func overflow(a int64, op string, b int64) error {
	return fmt.Errorf("%d %s %d does not fit 64 bits", a, op, b)
}

func errZero(a any) error { return fmt.Errorf("cannot divide %v by zero", a) }

// foldDecimal counts in decimals, so that 0.1 and 0.2 make 0.3.
func foldDecimal(first any, more []any, op func(z, x, y *inf.Dec) *inf.Dec) (float64, error) {
	acc, err := asDecimal(first)
	if err != nil {
		return 0, err
	}
	for _, v := range more {
		d, err := asDecimal(v)
		if err != nil {
			return 0, err
		}
		acc = op(new(inf.Dec), acc, d)
	}
	f, err := strconv.ParseFloat(acc.String(), 64)
	if err != nil {
		return 0, errors.New("the result is too large")
	}
	return f, nil
}

func asDecimal(v any) (*inf.Dec, error) {
	f, err := asFloat(v)
	if err != nil {
		return nil, err
	}
	d, ok := new(inf.Dec).SetString(strconv.FormatFloat(f, 'f', -1, 64))
	if !ok {
		return nil, fmt.Errorf("%g is not a number", f)
	}
	return d, nil
}

func divf(first any, more ...any) (float64, error) {
	for _, v := range more {
		if f, err := asFloat(v); err == nil && f == 0 {
			return 0, errZero(first)
		}
	}
	return foldDecimal(first, more, func(z, x, y *inf.Dec) *inf.Dec {
		return z.QuoRound(x, y, 16, inf.RoundHalfUp)
	})
}

func foldFloat(first any, more []any, op func(a, b float64) float64) (float64, error) {
	acc, err := asFloat(first)
	for _, v := range more {
		if err != nil {
			break
		}
		var f float64
		f, err = asFloat(v)
		acc = op(acc, f)
	}
	return acc, err
}

func rounding(op func(float64) float64) func(any) (float64, error) {
	return func(v any) (float64, error) {
		f, err := asFloat(v)
		return op(f), err
	}
}

// round takes the places and, optionally, the fraction from which it rounds
// away from zero.
func round(v, places any, from ...any) (float64, error) {
	f, err := asFloat(v)
	if err != nil {
		return 0, err
	}
	p, err := asInt(places)
	if err != nil {
		return 0, err
	}
	if p < -300 || p > 300 {
		return 0, fmt.Errorf("cannot round to %d places", p)
	}
	up := 0.5
	if len(from) > 0 {
		if up, err = asFloat(from[0]); err != nil {
			return 0, err
		}
	}
	scale := math.Pow(10, float64(p))
	whole, rest := math.Modf(math.Abs(f) * scale)
	if math.IsInf(whole, 0) {
		return f, nil // no float64 so large has such places
	}
	if rest >= up {
		whole++
	}
	return finite(math.Copysign(whole/scale, f))
}
