package funcs_test

import "testing"

func TestSemver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		constraint, yes, no string
	}{
		{"1.2.3", "v1.2.3+build", "1.2.4"},
		{"1.2", "1.2.9", "1.3.0"},
		{"1.2.x", "1.2.9", "1.3.0"},
		{"*", "0.0.1", "0.0.1-rc.1"},
		{"!=1.2", "1.3.0", "1.2.7"},
		{">1.2", "1.3.0", "1.2.9"},
		{">=1.27", "1.27.0", "1.27.0-gke.1"},
		{">=1.27-0", "v1.29.3-gke.1", "1.26.9"},
		{"<2", "1.99.0", "2.0.0"},
		{"<=1.2", "1.2.9", "1.3.0"},
		{"~1.2.3", "1.2.9", "1.3.0"},
		{"~1", "1.9.0", "2.0.0"},
		{"^1.2.3", "1.9.0", "2.0.0"},
		{"^0.2.3", "0.2.9", "0.3.0"},
		{"^0.0.3", "0.0.3", "0.0.4"},
		{"1.2 - 1.4.5", "1.4.5", "1.4.6"},
		{">=1.2, <2 || >= 3.1", "3.1.0", "2.5.0"},
		{">1.0.0-alpha.9", "1.0.0-alpha.10", "1.0.0-alpha.9"},
		{">1.0.0-9", "1.0.0-a", "1.0.0-8"},
	} {
		for version, want := range map[string]string{tt.yes: "true", tt.no: "false"} {
			got, err := render(`{{ semverCompare .c .v }}`, map[string]any{"c": tt.constraint, "v": version})
			if err != nil || got != want {
				t.Errorf("%s %s = %s, %v; want %s", tt.constraint, version, got, err, want)
			}
		}
	}
	for _, c := range []string{"", "||", ">=", "1.2.3.4", ">1<2", "1,", "a", "==1", "1 -2", "1.2.3-01", "18446744073709551616"} {
		if got, err := render(`{{ semverCompare . "1.2.3" }}`, c); err == nil {
			t.Errorf("%q = %s; want an error", c, got)
		}
	}
	if got, err := render(`{{ $v := semver "v1.2-rc.1+b" }}{{ $v }} {{ $v.Original }} {{ $v.Prerelease }} {{ $v.Metadata }} {{ $v.LessThan (semver "1.2") }}`, nil); err != nil || got != "1.2.0-rc.1+b v1.2-rc.1+b rc.1 b true" {
		t.Errorf("got %q, %v", got, err)
	}
}
