package render

import (
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

func TestShare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fact, value string
		percent     float64
		divisor     string
		want        string
	}{
		{"limits.cpu", "100m", 0, "1", "1"}, // rounded up, as Kubernetes does
		{"limits.cpu", "2500m", 0, "1", "3"},
		{"limits.cpu", "2500m", 0, "1m", "2500"},
		{"limits.memory", "1536Mi", 0, "1Gi", "2"},
		{"limits.memory", "1Gi", 40, "1Mi", "409"}, // 409.6, rounded down
		{"limits.memory", "1Gi", 40, "0", "429496729"},
		{"limits.memory", "1Gi", 50, "0", "512Mi"},
		{"limits.memory", "1G", 50, "0", "500M"},
		{"limits.memory", "1Gi", 100, "1", "1073741824"},
		{"limits.memory", "1000", 28.7, "1", "287"}, // 28.7*10 is 286.99… in binary
		{"limits.memory", "100000", 1.001, "1", "1001"},
		{"limits.memory", "3", 33.33333333333333, "1", "0"},
		{"limits.memory", "9007199254740993", 100, "1", "9007199254740993"}, // no float64
		{"limits.cpu", "2500m", 90, "0", "2250m"},
		{"limits.cpu", "1m", 50, "0", "0"},
		{"limits.cpu", "2500m", 50, "1", "1"},
		{"limits.cpu", "2500m", 50, "1m", "1250"},
		{"node.allocatable['nvidia.com/gpu']", "4", 50, "0", "2"},
		{"limits.memory", "6E", 1000, "1k", "60000000000000000"},
	} {
		fact := watch.Fact{Path: watch.Path(test.fact), Value: test.value}
		got, err := share(fact, test.percent, resource.MustParse(test.divisor))
		if err != nil || got != test.want {
			t.Errorf("%v %% of %s %s by %s = %q, %v, want %q", test.percent, test.fact, test.value, test.divisor, got, err, test.want)
		}
	}
}

func TestShareRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value   any
		percent float64
		divisor string
		want    string
	}{
		{"soon", 0, "1", "limits.memory is not a quantity"},
		{int64(3), 0, "1", "limits.memory is not a quantity"},
		{"1Gi", math.NaN(), "1", "must be positive"},
		{"1Gi", math.Inf(1), "1", "must be positive"},
		{"1Gi", -5, "1", "must be positive"},
		{"1Gi", 5, "-1", "must be positive"},
		{"7E", 1000, "0", "too large for a quantity; use a divisor"},
	} {
		_, err := share(watch.Fact{Path: "limits.memory", Value: test.value}, test.percent, resource.MustParse(test.divisor))
		wantError(t, err, test.want)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value      any
		want, hint string
	}{
		{"text", "text", ""},
		{"", "", ""},
		{int64(-7), "-7", ""},
		{7, "7", ""},
		{true, "true", ""},
		{1000000.0, "1000000", ""},
		{0.25, "0.25", ""},
		{[]string{"a", "b"}, "a,b", ""},
		{[]any{int64(80), "x"}, "80,x", ""},
		{[]any{map[string]any{}}, "", "objects.x is not one value; use a template"},
		{map[string]string{"b": "1", "a": "2"}, "", "objects.x is a map, not one value; name one key, as in objects.x.a, or use a template"},
		{map[string]any{}, "", "as in objects.x.key"},
		{nil, "", "objects.x is not one value"},
	} {
		got, err := Text(watch.Fact{Path: "objects.x", Value: test.value})
		if test.hint != "" {
			wantError(t, err, test.hint)
		} else if err != nil || got != test.want {
			t.Errorf("Text(%#v) = %q, %v, want %q", test.value, got, err, test.want)
		}
	}
}
