package environ

import (
	"fmt"
	"strings"
	"testing"
)

// The cases of Kubernetes' third_party/forked/golang/expansion, where
// VAR_REF holds $(VAR_A) and nothing else refers to it.
func TestExpand(t *testing.T) {
	t.Parallel()
	known := map[string]string{"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}
	for in, want := range map[string]string{
		"$(VAR_A)":                   "A",
		"$(VAR_A)-$(VAR_A)":          "A-A",
		"___$(VAR_B)___":             "___B___",
		"$(VAR_A)_$(VAR_B)_$(VAR_C)": "A_B_C",
		"$$(VAR_B)_$(VAR_A)":         "$(VAR_B)_A",
		"$$(VAR_A)_$$(VAR_B)":        "$(VAR_A)_$(VAR_B)",
		"f000-$$VAR_A":               "f000-$VAR_A",
		`foo\$(VAR_C)bar`:            `foo\Cbar`,
		`foo\\$(VAR_C)bar`:           `foo\\Cbar`,
		"$$$$$$(BIG_MONEY)":          "$$$(BIG_MONEY)",
		"$$$$$$(VAR_A)":              "$$$(VAR_A)",
		"$$$$$$$(VAR_A)":             "$$$A",
		"$VAR_A$":                    "$VAR_A$",
		"foo$(VAR_EMPTY)bar":         "foobar",
		"$(VAR_DNE)":                 "$(VAR_DNE)",
		"foo$(VAR_Awhoops!":          "foo$(VAR_Awhoops!",
		"f00__(VAR_A)__":             "f00__(VAR_A)__",
		"$?_boo_$!":                  "$?_boo_$!",
		"$VAR_A":                     "$VAR_A",
		"$VAR_A$(VAR_B)$$VAR_C":      "$VAR_AB$VAR_C",
		"$(VAR_REF)":                 "$(VAR_A)",
		"%%$(VAR_REF)--$(VAR_REF)%%": "%%$(VAR_A)--$(VAR_A)%%",
		"$()":                        "$()",
		"$(VAR_$(VAR_A))":            "$(VAR_$(VAR_A))",
		"$((VAR_A))":                 "$((VAR_A))",
		"ä$ä$(VAR_A)ä":               "ä$äAä",
		"":                           "",
		"$":                          "$",
		"$(":                         "$(",
		"$(VAR_A":                    "$(VAR_A",
	} {
		if got := Expand(in, func(name string) (string, bool) { value, ok := known[name]; return value, ok }); got != want {
			t.Errorf("Expand(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzExpand: a value whose dollars are doubled stands for itself, and a
// reference for its variable. What the kubelet makes of the same text is
// compared where its code is at hand.
func FuzzExpand(f *testing.F) {
	f.Add("a$(B)c", "B")
	f.Add("$$(B)$", "$(")
	f.Add("$(B$)$x$\xff", ")")
	f.Fuzz(func(t *testing.T, value, name string) {
		known := func(n string) (string, bool) { return "<" + n + ">", n == name }
		if got := Expand(strings.ReplaceAll(value, "$", "$$"), known); got != value {
			t.Errorf("doubled %q gives %q", value, got)
		}
		if !strings.ContainsAny(value, "$") && Expand(value, known) != value {
			t.Errorf("%q without a dollar changed", value)
		}
		if !strings.Contains(name, ")") {
			if got, want := Expand("$("+name+")", known), "<"+name+">"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func ExampleExpand() {
	lookup := func(name string) (string, bool) { return "web-0", name == "POD" }
	fmt.Println(Expand("$(POD) $(OTHER) $$(POD)", lookup))
	// Output: web-0 $(OTHER) $(POD)
}
