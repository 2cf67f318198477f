package templates

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/Masterminds/sprig/v3"

	"github.com/podfacts/podfacts/render/funcs"
)

func TestSprig(t *testing.T) {
	t.Parallel()
	texts := append(corpus(t, "github.com/Masterminds/sprig/v3", "*_test.go"), reference()...)
	compare(t, with(sprig.TxtFuncMap()), texts, []difference{
		{`.Time "UTC"`, "what is no time is an error; sprig formats the clock instead"},
		{`"foobar"`, "an unknown time zone is an error; sprig takes UTC"},
		{`dict 1 2 "three" "four" 5`, "a key without a value is an error"},
		{`merge .dst`, "a missing map is an error"},
		{`mergeOverwrite .dst`, "a missing map is an error"},
		{`mergeOverwrite $target $one`, "merging into one map must not change the others"},
		{`{{seq}}`, "no argument is an error"},
		{`{{seq 0 1 2 3}}`, "four arguments are an error"},
		{`keys (dict "b"`, "keys are sorted"},
		{`values (dict "b"`, "values are in the order of their keys"},
		{`1000000`, "whole numbers in JSON stay whole"},
		{`"2024-05-01T10:00:00Z" | date`, "RFC 3339 text is a time; sprig formats the clock instead"},
		{`"+05:30"`, "offsets are time zones"},
		{`"-01:00"`, "offsets are time zones"},
	})
}

// Sprig's list of functions is the promise: none is neither offered nor
// explained.
func TestSprigNames(t *testing.T) {
	t.Parallel()
	ours := funcs.Map()
	for name := range sprig.TxtFuncMap() {
		if _, left := funcs.Unavailable(name); ours[name] == nil && !left && name != "env" {
			t.Errorf("%s is neither offered nor explained", name)
		}
	}
}

// FuzzSprig calls functions of text and numbers with the same arguments on
// both sides. Only ASCII: sprig cuts and counts bytes, podfacts characters.
func FuzzSprig(f *testing.F) {
	calls := []string{
		`abbrev .n .s`, `abbrevboth .m .n .s`, `wrap .n .s`, `wrapWith .n "|" .s`, `title .s`, `untitle .s`, `swapcase .s`,
		`camelcase .s`, `snakecase .s`, `kebabcase .s`, `initials .s`, `nospace .s`, `trunc .n .s`, `trunc .m .s`, `substr 0 .n .s`,
		`indent .n .s`, `nindent .n .s`, `replace .p "<>" .s`, `split .p .s`, `splitn .p .n .s`, `splitList .p .s`, `trim .s`,
		`trimAll .p .s`, `trimPrefix .p .s`, `trimSuffix .p .s`, `quote .s .m`, `cat .s .m`, `repeat .n .s`, `contains .p .s`,
		`plural .s .p .n`, `regexReplaceAll "[a-m]+|$" .s "<${0}$1>"`, `regexReplaceAllLiteral "[a-m]*" .s "$0"`, `regexSplit "[a-m]+" .s .m`,
		`regexFindAll "[a-m]+" .s .m`, `b64enc .s`, `b32enc .s`, `sha1sum .s`, `sha512sum .s`, `adler32sum .s`, `toJson .s`, `toRawJson .s`,
		`base .s`, `dir .s`, `clean .s`, `ext .s`, `isAbs .s`, `regexQuoteMeta .s`, `toStrings (list .s .m)`, `sortAlpha (list .s .p "m")`,
		`add .m .n`, `sub .m .n`, `mul .m .n`, `max .m .n`, `min .m .n`, `add1 .m`, `addf .x .m`, `subf .x .m`, `mulf .x .m`, `maxf .x .m`,
		`minf .x .m`, `ceil .x`, `floor .x`, `int .x`, `untilStep .m .n 3`, `seq .m .n`, `until .m`, `duration (int64 .n)`, `durationRound (toString .n | printf "%sm")`,
		`chunk 3 (until .n)`, `default .s .p`, `empty .p`, `coalesce .p .s`, `ternary .s .p (empty .p)`, `kindOf .x`, `typeOf .m`, `atoi (toString .m)`,
	}
	for i := range calls {
		f.Add(uint16(i), "Hello big_World-9 fooBar", "o", int16(-7), uint8(11), 2.675)
		f.Add(uint16(i), " a\tb  c\n", "", int16(3), uint8(4), -0.5)
	}
	theirs, ours := with(sprig.TxtFuncMap()), with(funcs.Map())
	f.Fuzz(func(t *testing.T, pick uint16, s, p string, m int16, n uint8, x float64) {
		if strings.IndexFunc(s+p, func(r rune) bool { return r > 126 || r < 9 }) >= 0 || !(x > -1e9 && x < 1e9) {
			return
		}
		text := "{{ " + calls[int(pick)%len(calls)] + " }}"
		data := map[string]any{"s": s, "p": p, "m": int(m), "n": int(n), "x": x}
		want, err := theirs(text, data)
		if err != nil {
			return
		}
		if got, err := ours(text, data); err != nil || got != want {
			t.Errorf("%s with %q\n   peer %q\n   ours %q, %v", text, data, want, got, err)
		}
	})
}

func TestMergeAsSprig(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a, b, c := randomMap(r, 3), randomMap(r, 3), randomMap(r, 3)
		for _, name := range []string{"merge", "mergeOverwrite"} {
			text := "{{ " + name + " .a .b .c | toJson }}"
			want, err := with(sprig.TxtFuncMap())(text, map[string]any{"a": clone(a), "b": clone(b), "c": clone(c)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := with(funcs.Map())(text, map[string]any{"a": clone(a), "b": clone(b), "c": clone(c)})
			if err != nil || got != want {
				t.Fatalf("%s %v %v %v\n   peer %s\n   ours %s, %v", name, a, b, c, want, got, err)
			}
		}
	}
}

func randomMap(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range r.IntN(4) {
		key := fmt.Sprint(r.IntN(3))
		switch r.IntN(6) {
		case 0:
			m[key] = ""
		case 1:
			m[key] = r.IntN(3)
		case 2:
			m[key] = r.IntN(2) == 0
		case 3:
			m[key] = []any{r.IntN(9)}
		case 4:
			m[key] = "x"
		case 5:
			if depth > 0 {
				m[key] = randomMap(r, depth-1)
			}
		}
	}
	return m
}

func clone(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for k, v := range out {
		if reflect.ValueOf(v).Kind() == reflect.Map {
			out[k] = clone(v.(map[string]any))
		}
	}
	return out
}

// FuzzSemver: where sprig reads a constraint and a version, podfacts decides
// the same.
func FuzzSemver(f *testing.F) {
	versions := []string{"1.2.3", "v1.29.3-gke.1", "0.0.0", "0.2.3", "0.0.3-alpha.2+b", "2", "1.2", "1.2.0-0", "10.0.1-rc.10", "x"}
	for _, c := range []string{
		"=1.2.3", "!=1.2", "!=1", ">1", ">1.2", "<=1", "<=1.2", "<1.2.3", ">=1.27-0", "~1.2.3", "~1", "~0.0.0", "^1.2", "^0.2", "^0", "^0.0.3",
		"^*", "*", "!=*", ">*", "<=*", "~x", "1.x", "1.2.*", "1.2 - 1.4.5", ">=1.0, <2 || >=3", ">= 1.2 < 3", "=>1 =<2", "~>1.2", "1.2.3-alpha.1", "", ",", "1,",
	} {
		for _, v := range versions {
			f.Add(c, v)
		}
	}
	theirs, ours := with(sprig.TxtFuncMap()), with(funcs.Map())
	f.Fuzz(func(t *testing.T, constraint, version string) {
		data := map[string]any{"c": constraint, "v": version}
		for _, text := range []string{`{{ semverCompare .c .v }}`, `{{ semver .v }} {{ (semver .v).Compare (semver .c) }}`} {
			want, theirErr := theirs(text, data)
			got, err := ours(text, data)
			if theirErr == nil && got != want || theirErr != nil && err == nil {
				t.Errorf("%s with %q\n   peer %q, %v\n   ours %q, %v", text, data, want, theirErr, got, err)
			}
		}
	})
}
