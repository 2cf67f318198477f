package funcs

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

func configFuncs() []Func {
	return []Func{
		{"shellQuote", "", "each value as one word for sh, whatever it holds", `{{ shellQuote "it's" "$HOME" }}`, `'it'\''s' '$HOME'`, shellQuote},
		{"envName", "", "a label key as the name of a variable", `{{ envName "app.kubernetes.io/name" }}`, "APP_KUBERNETES_IO_NAME", envName},
		{"quantity", "", "a Kubernetes quantity as a whole number, rounded up; with two arguments, in units of the first", `{{ quantity "64Ki" }} {{ "3Gi" | quantity "1Mi" }} {{ quantity "2500m" }}`, "65536 3072 3", quantity},
	}
}

// shellQuote writes words that every POSIX shell reads back as they were.
func shellQuote(values ...any) (string, error) {
	words := make([]string, len(values))
	for i, v := range values {
		s, err := text(v)
		if err != nil {
			return "", err
		}
		if strings.ContainsRune(s, 0) {
			return "", errors.New("sh has no way to write a NUL byte")
		}
		words[i] = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return strings.Join(words, " "), nil
}

// envName replaces what a variable's name cannot hold: a-b and a.b both
// become A_B.
func envName(key string) (string, error) {
	if key == "" {
		return "", errors.New("there is no key to make a name of")
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
	if name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name, nil
}

// quantity rounds up as Kubernetes does when it writes a resource with a
// divisor: quantity "1Mi" .limits.memory is what resourceFieldRef with
// divisor 1Mi gives.
func quantity(first string, rest ...string) (int64, error) {
	divisor, value := "1", first
	switch len(rest) {
	case 0:
	case 1:
		divisor, value = first, rest[0]
	default:
		return 0, fmt.Errorf("takes a quantity, or a divisor and a quantity, not %d arguments", len(rest)+1)
	}
	d, err := parseQuantity(divisor)
	if err != nil {
		return 0, err
	}
	q, err := parseQuantity(value)
	if err != nil {
		return 0, err
	}
	// Thousandths are exact, where they fit; above, no one counts in them.
	n, by := q.MilliValue(), d.MilliValue()
	if large := int64(math.MaxInt64 / 1000); q.Value() >= large || q.Value() <= -large || d.Value() >= large {
		n, by = q.Value(), d.Value()
	}
	if by <= 0 {
		return 0, fmt.Errorf("the divisor %.64q must be above zero", divisor)
	}
	whole := n / by
	if n%by > 0 {
		whole++
	}
	return whole, nil
}

func parseQuantity(s string) (resource.Quantity, error) {
	q, err := resource.ParseQuantity(s)
	// An exponent of many digits would be written out in full.
	if i := strings.LastIndexAny(s, "eE"); err != nil || i >= 0 && len(s)-i > 4 {
		return q, fmt.Errorf("%.64q is not a quantity such as 500m or 64Mi", s)
	}
	return q, nil
}
