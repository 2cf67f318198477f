package watch

import (
	"math"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What a kubelet writes: pkg/api/v1/resource/helpers_test.go and what was
// seen on a node.
func TestDivideQuantity(t *testing.T) {
	t.Parallel()
	tests := []struct{ resource, quantity, divisor, want string }{
		{"cpu", "100m", "1", "1"},
		{"cpu", "100m", "0", "1"},
		{"cpu", "2500m", "1", "3"},
		{"cpu", "2500m", "1m", "2500"},
		{"cpu", "2", "1m", "2000"},
		{"cpu", "0", "1", "0"},
		{"cpu", "1u", "1m", "1"},
		{"memory", "1536Mi", "1Gi", "2"},
		{"memory", "1536Mi", "1Mi", "1536"},
		{"memory", "64Mi", "1", "67108864"},
		{"memory", "64Mi", "0", "67108864"},
		{"memory", "64M", "1M", "64"},
		{"memory", "1", "1E", "1"},
		{"memory", "8Ei", "1Ei", "8"},
		{"memory", "1500m", "1", "2"},
		{"ephemeral-storage", "1G", "1Mi", "954"},
		{"hugepages-2Mi", "4Mi", "1Mi", "4"},
		{"memory", "100", "-5", "100"},
		{"cpu", "100", "1E", "1"},
	}
	for _, tt := range tests {
		got := DivideQuantity(tt.resource, resource.MustParse(tt.quantity), resource.MustParse(tt.divisor))
		if got != tt.want {
			t.Errorf("%s %s / %s = %s, want %s", tt.resource, tt.quantity, tt.divisor, got, tt.want)
		}
	}
	if got := DivideQuantity("cpu", resource.MustParse("100m"), resource.Quantity{}); got != "1" {
		t.Errorf("with no divisor: %s", got)
	}
}

func TestMultiplyQuantity(t *testing.T) {
	t.Parallel()
	tests := []struct{ resource, number, divisor, want string }{
		{"cpu", "3", "1", "3"},
		{"cpu", "2500", "1m", "2500m"},
		{"cpu", "2000", "1m", "2"},
		{"cpu", " 1\n", "0", "1"},
		{"memory", "67108864", "1", "64Mi"},
		{"memory", "67108864", "0", "64Mi"},
		{"memory", "1000000", "1", "1M"},
		{"memory", "64", "1M", "64M"},
		{"memory", "1536", "1Mi", "1536Mi"},
		{"memory", "3072", "1Mi", "3Gi"},
		{"memory", "0", "1Gi", "0"},
		{"memory", "7", "1Ei", "7Ei"},
		{"ephemeral-storage", "954", "1Mi", "954Mi"},
		// Not a number, or too much of one.
		{"cpu", "", "1", ""},
		{"cpu", "1.5", "1", ""},
		{"cpu", "100m", "1", ""},
		{"memory", "-1", "1", ""},
		{"memory", "9223372036854775808", "1", ""},
		{"memory", "8", "1Ei", ""},
		{"memory", "10", "1E", ""},
		{"memory", "2", "100E", ""},
		{"cpu", "9223372036854775807", "1", ""},
		{"cpu", "5", "1E", ""},
	}
	for _, tt := range tests {
		got, err := MultiplyQuantity(tt.resource, tt.number, resource.MustParse(tt.divisor))
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s %q * %s = %q, %v; want %q", tt.resource, tt.number, tt.divisor, got, err, tt.want)
		}
	}
}

func TestCheckDivisor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		resource, divisor string
		ok                bool
	}{
		{"cpu", "0", true},
		{"cpu", "1", true},
		{"cpu", "1m", true},
		{"cpu", "1000m", true}, // is written 1
		{"cpu", "10m", false},
		{"cpu", "1k", false},
		{"memory", "1", true},
		{"memory", "1k", true},
		{"memory", "1000", true}, // is written 1k
		{"memory", "1Ei", true},
		{"memory", "1024", false}, // stays 1024
		{"memory", "1m", false},
		{"memory", "2Mi", false},
		{"memory", "-1", false},
		{"hugepages-2Mi", "1Mi", true},
		{"ephemeral-storage", "1T", true},
	}
	for _, tt := range tests {
		if err := CheckDivisor(tt.resource, resource.MustParse(tt.divisor)); (err == nil) != tt.ok {
			t.Errorf("%s with divisor %s: %v", tt.resource, tt.divisor, err)
		}
	}
	err := CheckDivisor("cpu", resource.MustParse("1Mi"))
	if want := "divisor 1Mi is not allowed for cpu; use one of 1m, 1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCanonicalQuantity(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0.5": "500m", "1024Mi": "1Gi", "1000m": "1", "2.5Gi": "2560Mi", "1E": "1E", "1Ei": "1Ei", "1e3": "1e3", "0": "0", "12E1": "120",
		"": "", "x": "", "1 Gi": "", "1.5.5": "", "1e2147483648": "", "1e9999999": "", "1e-9999999": "", "1e100": "",
		"99999999999999999999999999999999999999999999999999999999999999999": "",
	} {
		got, err := CanonicalQuantity(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("CanonicalQuantity(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

// FuzzQuantity asks that nothing panics, and that the round trip through a
// volume file loses less than one divisor.
func FuzzQuantity(f *testing.F) {
	for _, s := range [][3]string{
		{"cpu", "2500m", "1"}, {"memory", "1536Mi", "1Gi"}, {"cpu", "1", "-1"}, {"memory", "1", "1e99"},
		{"memory", "9223372036854775807", "1"}, {"cpu", "1e18", "1m"}, {"cpu", "1n", "1n"}, {"memory", "-1n", "0"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, name, quantity, by string) {
		q, err := ParseQuantity(quantity)
		if err != nil {
			return
		}
		divisor, err := ParseQuantity(by)
		if err != nil {
			return
		}
		number := DivideQuantity(name, q, divisor)
		if _, err := strconv.ParseInt(number, 10, 64); err != nil {
			t.Fatalf("%s %s / %s = %q, no whole number", name, quantity, by, number)
		}
		back, err := MultiplyQuantity(name, number, divisor)
		if CheckDivisor(name, divisor) != nil || q.Sign() < 0 || q.CmpInt64(math.MaxInt64/1000) > 0 {
			return // Kubernetes writes no such thing
		}
		if err != nil {
			return // rounded up beyond what an int64 holds
		}
		canonical, err := CanonicalQuantity(back)
		if err != nil || canonical != back {
			t.Fatalf("%q is not canonical: %q, %v", back, canonical, err)
		}
		if divisor.IsZero() {
			divisor = resource.MustParse("1")
		}
		if amount, _ := q.AsInt64(); amount > 1<<53 {
			return // Kubernetes computes in float64
		}
		got := resource.MustParse(back)
		low, high := q.DeepCopy(), q.DeepCopy()
		high.Add(divisor)
		if got.Cmp(low) < 0 || got.Cmp(high) > 0 {
			t.Errorf("%s %s by %s reads %s, and back %s", name, quantity, by, number, back)
		}
	})
}
