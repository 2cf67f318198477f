package downward

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// meaning says what a file holds, and how that is known.
type meaning struct {
	fact    watch.Path
	divisor resource.Quantity
	how     string // for the origin
	guessed bool   // by its name
	assumed bool   // no unit in the name: the divisor is the default
}

// wellKnown goes by the name of a file. orphan is limits.cpu or the like
// where the name speaks of a resource and not of a container.
func wellKnown(path string) (m meaning, orphan string, ok bool) {
	m = meaning{how: "well-known name", guessed: true}
	parts := strings.Split(path, "/")
	base := parts[len(parts)-1]
	if len(parts) == 1 {
		if m.fact, ok = wellKnownFact(base); ok {
			return m, "", true
		}
	}
	r, ok := parseResourceName(base)
	if !ok {
		return meaning{}, "", false
	}
	container := ""
	switch {
	case len(parts) == 2 && parts[0] != "resources":
		container = parts[0]
	case len(parts) == 3 && parts[0] == "resources":
		container = parts[1]
	}
	if !ref.DNSLabel(container) {
		return meaning{}, r.kind + "." + r.name, false
	}
	m.fact, m.divisor, m.assumed = ref.ResourcePath(container, r.kind, r.name), r.divisor, r.assumed
	if m.assumed {
		m.how += ", divisor 1 assumed"
	}
	return m, "", true
}

func hasKnownName(path string) bool {
	_, _, ok := wellKnown(path)
	return ok
}

func wellKnownFact(base string) (watch.Path, bool) {
	switch strings.TrimPrefix(fold(base), "pod") {
	case "labels":
		return watch.PodLabels, true
	case "annotations":
		return watch.PodAnnotations, true
	case "name":
		return watch.PodName, true
	case "namespace":
		return watch.PodNamespace, true
	case "uid":
		return watch.PodUID, true
	}
	return "", false
}

// speaksOfPod tells podName from name, which a Secret may have as well.
func speaksOfPod(path string) bool { return strings.HasPrefix(fold(path), "pod") }

// fold makes cpu_limit, cpu-limit and cpuLimit one.
func fold(s string) string {
	folded := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_' || c == '-' || c == '.':
		case 'A' <= c && c <= 'Z':
			folded = append(folded, c+'a'-'A')
		default:
			folded = append(folded, c)
		}
	}
	return string(folded)
}

type resourceName struct {
	kind, name string // limits, cpu
	divisor    resource.Quantity
	assumed    bool
}

// parseResourceName reads cpu_limit, containerMemoryLimitBytes,
// limits.memory, eph_limit_mib, hugepages-2Mi_request and the like.
func parseResourceName(base string) (r resourceName, ok bool) {
	s := strings.TrimPrefix(fold(base), "container")
	if r.kind, s, ok = cutKind(s); ok {
		r.name, s, ok = cutResource(s)
	} else if r.name, s, ok = cutResource(s); ok {
		r.kind, s, ok = cutKind(s)
	}
	if !ok {
		return resourceName{}, false
	}
	r.divisor, r.assumed, ok = unitDivisor(r.name, s)
	return r, ok
}

func cutKind(s string) (kind, rest string, ok bool) {
	for _, kind := range []string{"limit", "request"} {
		if rest, ok := strings.CutPrefix(s, kind); ok {
			return kind + "s", strings.TrimPrefix(rest, "s"), true
		}
	}
	return "", s, false
}

func cutResource(s string) (name, rest string, ok bool) {
	for _, alias := range [...][2]string{
		{"cpu", "cpu"},
		{"memory", "memory"}, {"mem", "memory"},
		{"ephemeralstorage", "ephemeral-storage"}, {"ephemeral", "ephemeral-storage"}, {"eph", "ephemeral-storage"},
	} {
		if rest, ok := strings.CutPrefix(s, alias[0]); ok {
			return alias[1], rest, true
		}
	}
	// The page size is part of the resource's name: hugepages-2Mi.
	rest, ok = strings.CutPrefix(s, "hugepages")
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if !ok || digits == 0 || len(rest) < digits+2 {
		return "", s, false
	}
	unit := rest[digits : digits+2]
	if unit != "ki" && unit != "mi" && unit != "gi" {
		return "", s, false
	}
	return "hugepages-" + rest[:digits] + strings.ToUpper(unit[:1]) + "i", rest[digits+2:], true
}

// unitDivisor reads the unit at the end of a name. KB and MB are not among
// them: people mean 1000 by them, and 1024.
func unitDivisor(name, unit string) (divisor resource.Quantity, assumed, ok bool) {
	if unit == "" {
		return resource.MustParse("1"), true, true
	}
	if name == "cpu" {
		switch unit {
		case "m", "milli", "millis", "millicpu", "millicpus", "millicore", "millicores":
			return resource.MustParse("1m"), false, true
		case "core", "cores", "cpus":
			return resource.MustParse("1"), false, true
		}
		return resource.Quantity{}, false, false
	}
	switch unit {
	case "b", "byte", "bytes":
		return resource.MustParse("1"), false, true
	case "ki", "kib", "kibibytes":
		return resource.MustParse("1Ki"), false, true
	case "mi", "mib", "mebibytes":
		return resource.MustParse("1Mi"), false, true
	case "gi", "gib", "gibibytes":
		return resource.MustParse("1Gi"), false, true
	}
	return resource.Quantity{}, false, false
}

// plausible reports whether a number can be in the default unit. The
// Kubernetes documentation itself has cpu_limit with divisor 1m and mem_limit
// with 1Mi, so a name without unit proves nothing.
func plausible(name, number string) bool {
	n, err := strconv.ParseInt(number, 10, 64)
	switch size, huge := strings.CutPrefix(name, "hugepages-"); {
	case err != nil || n < 0:
		return false
	case name == "cpu":
		return n <= 9
	case huge:
		page, err := watch.ParseQuantity(size)
		return err == nil && page.Value() > 0 && n%page.Value() == 0
	}
	return n == 0 || n >= 1<<20
}

// looksRight reports whether a value can be what the name of its file says.
func looksRight(fact watch.Path, value string) bool {
	switch fact {
	case watch.PodName:
		return ref.DNSSubdomain(value)
	case watch.PodNamespace:
		return ref.DNSLabel(value)
	}
	return ref.UID(value)
}
