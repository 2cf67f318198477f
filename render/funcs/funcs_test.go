package funcs_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/podfacts/podfacts/render/funcs"
)

// facts are what a template sees: maps of facts hold text, groups hold maps.
func facts() map[string]any {
	return map[string]any{
		"pod": map[string]any{
			"name":      "web-0",
			"ordinal":   "0",
			"createdAt": "2024-05-01T10:00:00Z",
			"ips":       []string{"10.0.0.7", "fd00::7"},
			"labels":    map[string]string{"app.kubernetes.io/name": "web", "tier": "front"},
		},
		"peers": []any{map[string]any{"name": "web-1"}, map[string]any{"name": "web-0"}},
		"none":  nil,
	}
}

func render(text string, data any) (string, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(funcs.Map()).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, data)
	return b.String(), err
}

func TestEveryFunctionIsDocumentedByAnExampleThatHolds(t *testing.T) {
	t.Parallel()
	for _, g := range funcs.Groups() {
		for _, f := range g.Funcs {
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				if f.Doc == "" || !strings.Contains(f.Example, f.Name) {
					t.Errorf("doc %q and example %q must say what %s does", f.Doc, f.Example, f.Name)
				}
				for _, name := range f.Names() {
					text := strings.ReplaceAll(f.Example, f.Name+" ", name+" ")
					if got, err := render(text, nil); err != nil || got != f.Output {
						t.Errorf("%s = %q, %v; want %q", text, got, err, f.Output)
					}
				}
			})
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	names := funcs.Names()
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("%d names, of which %d differ", len(names), len(unique))
	}
	m := funcs.Map()
	for _, name := range names {
		if m[name] == nil {
			t.Errorf("Map lacks %s", name)
		}
		if reason, ok := funcs.Unavailable(name); ok {
			t.Errorf("%s is in Map, and unavailable because %s", name, reason)
		}
	}
}

func TestMapIsFresh(t *testing.T) {
	t.Parallel()
	delete(funcs.Map(), "upper")
	if funcs.Map()["upper"] == nil {
		t.Error("changing one map changed the next")
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	for name, hint := range map[string]string{
		"now": "pod.createdAt", "randAlphaNum": "pod.uid", "sprig_genCA": "cert-manager",
		"key": "api.objects", "service": "peers", "secret": "file", "lookup": "objects.ID",
	} {
		if reason, ok := funcs.Unavailable(name); !ok || !strings.Contains(reason, hint) {
			t.Errorf("Unavailable(%q) = %q, %v; want a hint at %q", name, reason, ok, hint)
		}
	}
	if reason, ok := funcs.Unavailable("quotee"); ok {
		t.Errorf("Unavailable(quotee) = %q; nobody knows that name", reason)
	}
}

// Facts keep their Go types all the way: every kind of map and list must do.
func TestFacts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{{ keys .pod.labels }}`:                                            "[app.kubernetes.io/name tier]",
		`{{ values .pod.labels }}`:                                          "[web front]",
		`{{ get .pod.labels "tier" }}`:                                      "front",
		`{{ get .pod.labels "none" | default "x" }}`:                        "x",
		`{{ hasKey .pod.labels "tier" }}`:                                   "true",
		`{{ dig "pod" "labels" "tier" "x" . }}`:                             "front",
		`{{ dig "pod" "labels" "none" "x" . }}`:                             "x",
		`{{ dig "none" "a" "x" . }}`:                                        "x",
		`{{ pluck "tier" .pod.labels (dict "tier" 2) }}`:                    "[front 2]",
		`{{ pick .pod.labels "tier" }}`:                                     "map[tier:front]",
		`{{ omit .pod.labels "tier" }}`:                                     "map[app.kubernetes.io/name:web]",
		`{{ merge (dict "tier" "") .pod.labels | toJson }}`:                 `{"app.kubernetes.io/name":"web","tier":"front"}`,
		`{{ toJson .pod.labels }}`:                                          `{"app.kubernetes.io/name":"web","tier":"front"}`,
		`{{ toYaml .pod.labels }}`:                                          "app.kubernetes.io/name: web\ntier: front",
		`{{ toYaml .pod.ips }}`:                                             "- 10.0.0.7\n- fd00::7",
		`{{ toToml .pod.labels }}`:                                          "\"app.kubernetes.io/name\" = \"web\"\ntier = \"front\"\n",
		`{{ "a,b,c,d,e,f,g,h,i,j,k" | split "," | join ";" }}`:              "a;b;c;d;e;f;g;h;i;j;k",
		`{{ "a.b" | split "." | toJson }}`:                                  `{"_0":"a","_1":"b"}`,
		`{{ toTitle "don't a_b" }}`:                                         "Don't A_b",
		`{{ join "," .pod.ips }}`:                                           "10.0.0.7,fd00::7",
		`{{ first .pod.ips }} {{ last .pod.ips }}`:                          "10.0.0.7 fd00::7",
		`{{ has "fd00::7" .pod.ips }}`:                                      "true",
		`{{ contains "fd00::7" .pod.ips }}`:                                 "true",
		`{{ in .pod.ips "::1" }}`:                                           "false",
		`{{ containsAny (list "::1" "10.0.0.7") .pod.ips }}`:                "true",
		`{{ append .pod.ips "::1" | len }}`:                                 "3",
		`{{ reverse .pod.ips }}`:                                            "[fd00::7 10.0.0.7]",
		`{{ without .pod.ips "fd00::7" }}`:                                  "[10.0.0.7]",
		`{{ add .pod.ordinal 1 }}`:                                          "1",
		`{{ .pod.createdAt | date "2006" }}`:                                "2024",
		`{{ deepEqual .pod.ips (list "10.0.0.7" "fd00::7") }}`:              "true",
		`{{ range .peers }}{{ .name | trimPrefix "web-" }}{{ end }}`:        "10",
		`{{ with deepCopy .pod.labels }}{{ set . "a" "b" | len }}{{ end }}`: "3",
	} {
		data := facts()
		if got, err := render(text, data); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", text, got, err, want)
		}
		if got, want := fmt.Sprint(data), fmt.Sprint(facts()); got != want {
			t.Errorf("%s changed the facts to %s", text, got)
		}
	}
}

func TestErrorsNameTheValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{{ atoi "x1" }}`:                            `error calling atoi: "x1" is not a whole number`,
		`{{ int "x1" }}`:                             `"x1" is not a whole number`,
		`{{ int "1.5" }}`:                            `"1.5" is not a whole number; use float64 first`,
		`{{ int "08" }}`:                             `the leading 0 makes it octal; use atoi`,
		`{{ int 1e300 }}`:                            `1e+300 does not fit`,
		`{{ int "99999999999999999999" }}`:           `does not fit`,
		`{{ int (list 1) }}`:                         `a list is not a whole number`,
		`{{ float64 "nan" }}`:                        `"nan" is not a number`,
		`{{ toDecimal "9" }}`:                        `"9" is not an octal number`,
		`{{ add 1 "b" }}`:                            `"b" is not a whole number`,
		`{{ add 9223372036854775807 1 }}`:            `does not fit 64 bits`,
		`{{ sub -9223372036854775807 2 }}`:           `does not fit 64 bits`,
		`{{ mul 9223372036854775807 2 }}`:            `does not fit 64 bits`,
		`{{ div 1 0 }}`:                              `cannot divide 1 by zero`,
		`{{ mod 1 0 }}`:                              `cannot divide 1 by zero`,
		`{{ divf 1 0 }}`:                             `cannot divide 1 by zero`,
		`{{ divide 0 1 }}`:                           `cannot divide 1 by zero`,
		`{{ b64dec "%" }}`:                           `"%" is not base64`,
		`{{ b32dec "1" }}`:                           `"1" is not base32`,
		`{{ fromJson "{" }}`:                         `"{" is not JSON`,
		`{{ fromJson "1 2" }}`:                       `goes on after the end`,
		`{{ fromYaml "a: [" }}`:                      `"a: [" is not YAML`,
		`{{ fromYamlArray "a: 1" }}`:                 `a map is not a list`,
		`{{ toToml "a" }}`:                           `a TOML document is a map: the text "a" is not a map`,
		`{{ toJson ` + "``" + ` | fail }}`:           `error calling fail: ""`,
		`{{ required "a zone" nil }}`:                `error calling required: a zone`,
		`{{ required "a zone" "" }}`:                 `error calling required: a zone`,
		`{{ required "a zone" .none }}`:              `error calling required: a zone`,
		`{{ first "abc" }}`:                          `the text "abc" is not a list`,
		`{{ first .none }}`:                          `a missing value (nil) is not a list`,
		`{{ slice (list 1 2) 1 5 }}`:                 `cannot take 1 up to 5 out of 2`,
		`{{ chunk 0 (list 1) }}`:                     `cannot cut into lists of 0 items`,
		`{{ get "abc" "a" }}`:                        `the text "abc" is not a map`,
		`{{ dig "pod" "name" "first" "x" . }}`:       `looking for key "first": the text "web-0" is not a map`,
		`{{ dict "a" }}`:                             `the last key "a" has no value`,
		`{{ set .pod.labels "a" "b" }}`:              `belongs to the facts and is read only`,
		`{{ unset .pod.labels "a" }}`:                `belongs to the facts and is read only`,
		`{{ merge .pod.labels (dict) }}`:             `belongs to the facts and is read only`,
		`{{ $d := dict }}{{ set $d "a" (list $d) }}`: `the value for key "a" holds the map itself`,
		`{{ squote "it's" }}`:                        `"it's" holds a single quote; use shellQuote`,
		`{{ shellQuote .none }}`:                     `there is no value to write as text`,
		`{{ toString .none }}`:                       `there is no value to write as text`,
		`{{ toJson .func }}`:                         `a func() cannot be written as text`,
		`{{ toYaml .func }}`:                         `a func() cannot be written as text`,
		`{{ regexMatch "(" "" }}`:                    `"(" is not a regular expression`,
		`{{ regexFind "(" "" }}`:                     `"(" is not a regular expression`,
		`{{ semver "x" }}`:                           `"x" is not a version`,
		`{{ semverCompare "!!" "1.0.0" }}`:           `"!!" is not a version constraint`,
		`{{ urlParse "::" }}`:                        `"::" is not a URL`,
		`{{ urlJoin (dict "host" 1) }}`:              `the host must be text, not the number 1`,
		`{{ toDate "2006" "x" }}`:                    `"x" is not a time written like "2006"`,
		`{{ date "2006" "x" }}`:                      `"x" is not a time such as`,
		`{{ date "2006" .none }}`:                    `a missing value (nil) is not a time`,
		`{{ dateInZone "15" 0 "Europe/Berlin" }}`:    `use UTC or an offset such as +01:00`,
		`{{ dateInZone "15" 0 "Local" }}`:            `use UTC or an offset such as +01:00`,
		`{{ dateModify "x" 0 }}`:                     `"x" is not a duration`,
		`{{ durationRound (toDate "2006" "2006") }}`: `is not a duration`,
		`{{ duration "9999999999999" }}`:             `too long`,
		`{{ parseBool "ja" }}`:                       `"ja" is neither true nor false`,
		`{{ parseUint "-1" }}`:                       `"-1" is not a whole number of zero or more`,
		`{{ explodeMap (dict "a" 1 "a/b" 2) }}`:      `the key "a/b" needs a map at "a"`,
		`{{ quantity "1e999999999" }}`:               `is not a quantity`,
		`{{ quantity "0" "1" }}`:                     `must be above zero`,
		`{{ envName "" }}`:                           `no key`,
		`{{ round 1 999 }}`:                          `cannot round to 999 places`,
		`{{ "false" | ternary 1 2 }}`:                `expected bool`,
		`{{ trim "a" "b" "c" }}`:                     `one or two arguments`,
		`{{ seq 1 2 3 4 }}`:                          `one to three numbers`,
		`{{ contains 1 "123" }}`:                     `looks for text in text, not for the number 1`,
	} {
		data := facts()
		data["func"] = func() {}
		if got, err := render(text, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %q, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestAbsentValuesCountAsZero(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{{ int .none }}`, `{{ int "" }}`, `{{ atoi "" }}`, `{{ float64 .none }}`, `{{ add (get .pod "none") 0 }}`,
		`{{ parseInt "" }}`, `{{ parseUint "" }}`, `{{ parseFloat "" }}`, `{{ toDecimal "" }}`,
	} {
		if got, err := render(text, facts()); err != nil || got != "0" {
			t.Errorf("%s = %q, %v; want 0", text, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	big := `{{ $big := repeat 1000000 "x" }}`
	twice := `{{ $l := list "x" }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}`
	deep := `{{ $l := list "x" }}{{ range until 5000 }}{{ $l = list $l }}{{ end }}`
	for _, text := range []string{
		`{{ repeat 2000000000 "abc" }}`,
		`{{ repeat -1 "a" }}`,
		`{{ indent 2000000000 "a" }}`,
		`{{ nindent 1000000 "a\nb" }}`,
		`{{ until 2000000000 }}`,
		`{{ until -2000000000 }}`,
		`{{ untilStep -9223372036854775807 9223372036854775807 1 }}`,
		`{{ untilStep 9223372036854775807 -9223372036854775807 -2 }}`,
		`{{ seq 1000000 }}`,
		`{{ loop 1000000 }}`,
		big + `{{ replace "" $big $big }}`,
		big + `{{ replace "x" $big $big }}`,
		big + `{{ regexReplaceAll "" $big $big }}`,
		big + `{{ regexReplaceAllLiteral "x" $big $big }}`,
		big + `{{ regexReplaceAll ".*" $big (repeat 1000 "$0") }}`,
		big + `{{ join $big (list 1 2 3) }}`,
		big + `{{ cat $big $big }}`,
		big + `{{ wrapWith 1 $big $big }}`,
		big + `{{ split "" $big }}`,
		big + `{{ splitn "" -1 $big }}`,
		big + `{{ splitList "" $big }}`,
		big + `{{ splitToMap "x" "" $big }}`,
		big + `{{ regexFindAll "x" $big -1 }}`,
		big + `{{ regexSplit "x" $big -1 }}`,
		`{{ $l := until 60000 }}{{ concat $l $l }}`,
	} {
		if _, err := render(text, nil); err == nil || len(err.Error()) > 300 {
			t.Errorf("%s: %v; want a short error", text, err)
		}
	}
	for _, build := range []string{twice, deep} {
		for _, use := range []string{
			"toJson $l", "toPrettyJson $l", "toYaml $l", `toToml (dict "a" $l)`, "toString $l", "quote $l", "join `` $l",
			"deepCopy $l", "merge (dict) (dict `a` $l)", "uniq (list $l)", "has 1 (list $l)", "without (list $l) 1",
			"deepEqual $l (list)", "shellQuote $l", "cat $l", "toStrings (list $l)", "toUnescapedJSONPretty $l", "explodeMap (dict `a` $l)",
		} {
			if _, err := render(build+"{{ "+use+" }}", nil); err == nil || !strings.Contains(err.Error(), "limit") && !strings.Contains(err.Error(), "deep") {
				t.Errorf("%s: %v; want a limit", use, err)
			}
		}
	}
}

// A map that is stored in a map is still the same map, as in sprig.
func TestSetKeepsNestedMapsShared(t *testing.T) {
	t.Parallel()
	got, err := render(`{{ $in := dict }}{{ $out := dict "in" $in }}{{ $_ := set $in "a" 1 }}{{ toJson $out }}`, nil)
	if want := `{"in":{"a":1}}`; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestMergeCopiesItsSources(t *testing.T) {
	t.Parallel()
	got, err := render(`{{ $src := dict "in" (dict "a" 1) }}{{ $d := merge (dict) $src }}{{ $_ := set $d.in "a" 2 }}{{ toJson (list $d $src) }}`, nil)
	if want := `[{"in":{"a":2}},{"in":{"a":1}}]`; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestYAMLRoundTrip(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{a: 1, b: [x, "1", true, null, 1.5], "c": {d: 2024-01-02, e: "2024-01-02"}}`,
		`{1: a, true: b}`, `- 9223372036854775807`, `["multi\nline\n", b]`,
	} {
		t1, err := render(`{{ fromYaml . | toYaml }}`, doc)
		if err != nil {
			t.Fatal(err)
		}
		if t2, err := render(`{{ fromYaml . | toYaml }}`, t1); err != nil || t1 != t2 {
			t.Errorf("%s became %q, then %q, %v", doc, t1, t2, err)
		}
	}
	if got, err := render(`{{ (fromYaml "at: 2024-01-02").at }}`, nil); err != nil || got != "2024-01-02" {
		t.Errorf("a date became %q, %v", got, err)
	}
}

func Example() {
	t := template.Must(template.New("app.conf").Funcs(funcs.Map()).Parse(
		`zone = {{ .node.zone | default "unknown" | quote }}
heap = {{ .memory | quantity "1Mi" }}m
{{- range $key, $value := .labels }}
{{ envName $key }}={{ shellQuote $value }}
{{- end }}
`))
	_ = t.Execute(os.Stdout, map[string]any{
		"node":   map[string]any{"zone": ""},
		"memory": "2Gi",
		"labels": map[string]string{"app.kubernetes.io/name": "web", "note": "it's"},
	})
	// Output:
	// zone = "unknown"
	// heap = 2048m
	// APP_KUBERNETES_IO_NAME='web'
	// NOTE='it'\''s'
}

func ExampleUnavailable() {
	reason, _ := funcs.Unavailable("genCA")
	fmt.Println(reason)
	// Output: a new key at each render would break every peer; issue certificates with cert-manager or a projected clusterTrustBundle and read them as files
}
