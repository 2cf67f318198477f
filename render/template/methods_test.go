package template

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/render/funcs"
)

// TestTimeHasItsMethods: each method of a time that text/template would call is
// called here, but for those that encode it.
func TestTimeHasItsMethods(t *testing.T) {
	t.Parallel()
	encode := "AppendBinary AppendFormat AppendText GobEncode MarshalBinary MarshalJSON MarshalText"
	for _, v := range []any{time.Time{}, time.Second, time.May, time.Monday, time.UTC} {
		value := reflect.ValueOf(v)
		for m := range value.Type().Methods() {
			fn := value.MethodByName(m.Name)
			out := fn.Type().NumOut()
			if !m.IsExported() || out == 0 || out > 2 || out == 2 && fn.Type().Out(1) != reflect.TypeFor[error]() || strings.Contains(encode, m.Name) {
				continue
			}
			if got := method(value, m.Name); got == nil || reflect.TypeOf(got) != fn.Type() {
				t.Errorf("%T.%s is %T here, and %s", v, m.Name, got, fn.Type())
			}
		}
		if got := method(value, "None"); got != nil {
			t.Errorf("%T has a method None", v)
		}
	}
}

// TestFunctionsAreAlike runs the examples of the function reference in both.
func TestFunctionsAreAlike(t *testing.T) {
	t.Parallel()
	functions := funcs.Map()
	data := map[string]any{"list": []any{"b", nil, 1}, "m": map[string]string{"k": "v"}}
	for _, g := range funcs.Groups() {
		for _, f := range g.Funcs {
			compare(t, f.Example, functions, nil)
			for _, args := range []string{"", "nil", "`a`", "1", ".list", ".m", "`a` `b`", "1 2 3", "`a` .list", ".m `k`"} {
				one := map[string]any{f.Name: functions[f.Name]}
				compare(t, "{{ "+f.Name+" "+args+" }}", one, data)
				compare(t, "{{ "+args+" | "+f.Name+" }}", one, data)
			}
		}
	}
	for method := range strings.FieldsSeq("Major Minor Patch Prerelease Metadata Original String Equal LessThan GreaterThan Compare None") {
		for _, args := range []string{"", "(semver `1.2.4-rc.1+x`)", "nil", "1"} {
			compare(t, "{{ (semver `v1.2.3-a+b`)."+method+" "+args+" }}", functions, nil)
		}
	}
	for _, text := range []string{
		"{{ (toDate `2006-01-02` `2024-05-01`).Year }}", "{{ (toDate `2006-01-02` `2024-05-01`).Format `Jan 06` }}",
		"{{ $t := toDate `2006-01-02` `2024-05-01` }}{{ $t.Month }} {{ ($t.AddDate 0 1 0).Weekday }} {{ ($t.Sub (dateModify `1h` $t)).Hours }}",
		"{{ (fromYaml `at: 2024-05-01T10:00:00Z`).at.Unix }}", "{{ range $k, $v := fromYaml `{1: a, true: b}` }}{{ $k }}{{ $v }}{{ end }}",
	} {
		compare(t, text, functions, nil)
	}
}
