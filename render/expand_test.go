package render

import (
	"strings"
	"testing"
)

// The cases of Kubernetes' third_party/forked/golang/expansion, where
// VAR_REF holds $(VAR_A) and nothing else refers to it.
func TestExpand(t *testing.T) {
	t.Parallel()
	earlier := []Variable{{Name: "VAR_A", Value: "A"}, {Name: "VAR_B", Value: "B"}, {Name: "VAR_C", Value: "C"},
		{Name: "VAR_REF", Value: "$(VAR_A)"}, {Name: "VAR_EMPTY"}}
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
		if got := expand(in, earlier); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("$(A)$$(B)$(")
	f.Add("\xff$\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := expand(strings.ReplaceAll(s, "$", "$$"), []Variable{{Name: "A", Value: "x"}}); got != s {
			t.Errorf("escaped %q came back as %q", s, got)
		}
		if got := expand(s, nil); !strings.Contains(s, "$$") && got != s {
			t.Errorf("nothing is known, and yet %q became %q", s, got)
		}
	})
}
