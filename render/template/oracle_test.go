package template

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	oracle "text/template"
	"time"
)

// outcome is what a template comes to.
type outcome struct {
	text  string
	where string // template: NAME:1:2: executing "NAME" at <expression>:
	why   string
}

// theirs runs a template in text/template.
func theirs(text string, funcs map[string]any, data any) (outcome, error) {
	t, err := oracle.New("t").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return outcome{}, err
	}
	var b strings.Builder
	err = t.Execute(&b, data)
	o := outcome{text: b.String()}
	if err != nil {
		o.where, o.why, _ = strings.Cut(err.Error(), ">: ")
	}
	return o, nil
}

// ours runs it here.
func ours(tb testing.TB, text string, funcs map[string]any, data any) (outcome, error) {
	tb.Helper()
	set := Set{Funcs: funcs}
	tree, err := set.Parse("t", text)
	if err != nil {
		return outcome{}, err
	}
	run := Run{Context: tb.Context()}
	err = run.Execute(&set, tree, data)
	o := outcome{text: string(run.Out)}
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			tb.Errorf("%s: %v is no *Error", text, err)
		}
		o.where, o.why, _ = strings.Cut(e.Error(), ">: ")
	}
	return o, nil
}

// wording matches the reasons that read differently here: they name a type where
// text/template quotes the value, or the value's type where it names that of the
// interface{} that holds it.
var wording = regexp.MustCompile(`^(range can't iterate over|can't use .* iterate over more than one|.*interface {}|function Date has 3|error calling (call: |eq: non-comparable|ne: non-comparable|len: reflect: ))`)

// compare runs a template in both, and reports how it went.
func compare(tb testing.TB, text string, funcs map[string]any, data any) (parsed, failed bool) {
	tb.Helper()
	want, errWant := theirs(text, funcs, data)
	got, errGot := ours(tb, text, funcs, data)
	if errWant != nil || errGot != nil {
		if fmt.Sprint(errWant) != fmt.Sprint(errGot) {
			tb.Errorf("%s\nparsing: text/template %v\nhere %v", text, errWant, errGot)
		}
		return false, true
	}
	if got.text != want.text || got.where != want.where || got.why != want.why && !(wording.MatchString(want.why) && got.why != "") {
		tb.Errorf("%q with %T\ntext/template\n%+v\nhere\n%+v", text, data, want, got)
	}
	return true, want.where != ""
}

// TestTheirTable runs the templates of text/template's own tests on each of
// their data.
func TestTheirTable(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/exec.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	whole, failed := 0, 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		text, err := strconv.Unquote(lines.Text())
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		for _, data := range tableData() {
			parsed, fails := compare(t, text, tableFuncs(), data)
			if parsed && !fails {
				whole++
			} else {
				failed++
			}
		}
	}
	if whole < 4000 || failed < 2000 {
		t.Errorf("%d templates rendered and %d failed: the table says little", whole, failed)
	}
}

// theirData is the struct that most of the table is about.
type theirData struct {
	True                                                               bool
	I, One, Two, Zero                                                  int
	U16, Uthree                                                        uint16
	Ufour, NegOne                                                      int
	X, S                                                               string
	FloatZero                                                          float64
	ComplexZero                                                        complex128
	U                                                                  *unit
	V0                                                                 speaker
	V1, V2                                                             *speaker
	W0                                                                 failure
	W1, W2                                                             *failure
	SI, SICap, SIEmpty, Slice                                          []int
	SB                                                                 []bool
	AI                                                                 [3]int
	PAI                                                                *[3]int
	MSI, MSIone, MSIEmpty                                              map[string]int
	MXI                                                                map[any]int
	MII                                                                map[int]int
	MI64S                                                              map[int64]string
	MI32S                                                              map[int32]string
	MUI64S                                                             map[uint64]string
	MI8S                                                               map[int8]string
	MUI8S                                                              map[uint8]string
	SMSI                                                               []map[string]int
	Empty0, Empty1, Empty2, Empty3, Empty4                             any
	NonEmptyInterface, NonEmptyInterfaceNil, NonEmptyInterfaceTypedNil methodic
	NonEmptyInterfacePtS                                               *methodic
	Str                                                                fmt.Stringer
	Err                                                                error
	PI, NIL, Nil                                                       *int
	Ptr, NilPtr                                                        *int
	PS                                                                 *string
	PSI                                                                *[]int
	Map, NilMap                                                        map[int]int
	BinaryFunc                                                         func(string, string) string
	VariadicFunc                                                       func(...string) string
	VariadicFuncInt                                                    func(int, ...string) string
	NilOKFunc                                                          func(*int) bool
	PlusOne                                                            func(int) int
	ErrFunc                                                            func() (string, error)
	PanicFunc                                                          func() string
	TooFewReturnCountFunc                                              func()
	TooManyReturnCountFunc                                             func() (string, int, error)
	InvalidReturnTypeFunc                                              func() (string, bool)
	unexported                                                         int
	V3, Iface1, Iface2, NilIface                                       any
}

type methodic interface{ Method0() string }

// methodOf gives a method by its name, as text/template finds it.
func methodOf(v any, name string) any {
	if m := reflect.ValueOf(v).MethodByName(name); m.IsValid() {
		return m.Interface()
	}
	return nil
}

func (t *theirData) TemplateMethod(name string) any    { return methodOf(t, name) }
func (t *theirData) Method0() string                   { return "M0" }
func (t *theirData) Method1(a int) int                 { return a }
func (t *theirData) Method2(a uint16, b string) string { return fmt.Sprintf("Method2: %d %s", a, b) }
func (t *theirData) Method3(v any) string              { return fmt.Sprintf("Method3: %v", v) }
func (t *theirData) Copy() *theirData                  { n := *t; return &n }
func (t *theirData) GetU() *unit                       { return t.U }
func (t *theirData) MyError(fails bool) (bool, error) {
	return fails, map[bool]error{true: errors.New("my error")}[fails]
}
func (t *theirData) MAdd(a int, b []int) (sums []int) {
	for _, x := range b {
		sums = append(sums, x+a)
	}
	return sums
}

type strings0 []string

func (s strings0) TemplateMethod(name string) any { return methodOf(s, name) }
func (strings0) Method0() string                  { return "M0" }

type unit struct{ V string }

func (u *unit) TemplateMethod(name string) any { return methodOf(u, name) }
func (u *unit) TrueFalse(b bool) string        { return map[bool]string{true: "true"}[b] }

type speaker struct{ j int }

func (v *speaker) TemplateMethod(name string) any { return methodOf(v, name) }
func (v *speaker) String() string {
	if v == nil {
		return "nilV"
	}
	return fmt.Sprintf("<%d>", v.j)
}

type failure struct{ k int }

func (w *failure) Error() string {
	if w == nil {
		return "nilW"
	}
	return fmt.Sprintf("[%d]", w.k)
}

func tableData() []any {
	integer, text, slice := 23, "a string", []int{21, 22, 23}
	list := methodic(strings0{"a", "b"})
	t := &theirData{
		True: true, I: 17, One: 1, Two: 2, U16: 16, Uthree: 3, Ufour: 4, NegOne: -1, X: "x", S: "xyz", U: &unit{"v"},
		V0: speaker{6666}, V1: &speaker{7777}, W0: failure{888}, W1: &failure{999},
		SI: []int{3, 4, 5}, SICap: make([]int, 5, 10), SB: []bool{true, false}, Slice: []int{0, 1},
		AI: [3]int{3, 4, 5}, PAI: &[3]int{3, 4, 5},
		MSI: map[string]int{"one": 1, "two": 2, "three": 3}, MSIone: map[string]int{"one": 1},
		MXI: map[any]int{"one": 1}, MII: map[int]int{1: 1}, Map: map[int]int{},
		MI32S: map[int32]string{1: "one", 2: "two"}, MI64S: map[int64]string{2: "i642", 3: "i643"},
		MUI64S: map[uint64]string{2: "ui642", 3: "ui643"}, MI8S: map[int8]string{2: "i82", 3: "i83"}, MUI8S: map[uint8]string{2: "u82", 3: "u83"},
		SMSI:   []map[string]int{{"one": 1, "two": 2}, {"eleven": 11, "twelve": 12}},
		Empty1: 3, Empty2: "empty2", Empty3: []int{7, 8}, Empty4: &unit{"UinEmpty"},
		NonEmptyInterface: &theirData{X: "x"}, NonEmptyInterfacePtS: &list, NonEmptyInterfaceTypedNil: (*theirData)(nil),
		Str: time.Second, Err: errors.New("erroozle"), PI: &integer, PS: &text, PSI: &slice, Ptr: &integer,
		BinaryFunc:             func(a, b string) string { return fmt.Sprintf("[%s=%s]", a, b) },
		VariadicFunc:           func(s ...string) string { return fmt.Sprint("<", strings.Join(s, "+"), ">") },
		VariadicFuncInt:        func(a int, s ...string) string { return fmt.Sprint(a, "=<", strings.Join(s, "+"), ">") },
		NilOKFunc:              func(s *int) bool { return s == nil },
		PlusOne:                func(n int) int { return n + 1 },
		ErrFunc:                func() (string, error) { return "bla", nil },
		PanicFunc:              func() string { panic("test panic") },
		TooFewReturnCountFunc:  func() {},
		TooManyReturnCountFunc: func() (string, int, error) { return "", 0, nil },
		InvalidReturnTypeFunc:  func() (string, bool) { return "", false },
		unexported:             1, V3: speaker{1}, Iface1: 1, Iface2: uint(2),
	}
	iface := methodic(t)
	return []any{
		t, &iface, nil, 0, 13, uint(14), 15.1, true, 16.2 - 17i, "hello", "It'd be nice.", '.', 'e', []int{-1, -2}, []string{}, []byte("bytes"),
		map[string]int{"two": 22}, map[string]string{"cause": "neglect"}, map[string]any{"x": nil, "y": 1, "S": t, "b": true, "f": 1.5},
		map[any]any{"b": 1, "a": 2, nil: 3}, map[any]any{7: 4, 5: 6}, map[float64]string{1.5: "x", -1: "y"}, map[bool]int{true: 1, false: 2},
		[]any{nil, 1, "a", []any{nil}}, []*theirData{nil}, []speaker{{1}}, []*speaker{nil, {2}}, struct {
			a int
			b string
		}{7, "seven"},
		func(yield func(int) bool) {
			for i := range 2 {
				if !yield(i) {
					return
				}
			}
		},
		func(yield func(int, string) bool) { _ = yield(1, "a") && yield(2, "b") },
		func(func(int) bool) {}, func() string { return "" }, int8(5), int64(3), uint8(5), uintptr(2), -1,
	}
}

func tableFuncs() map[string]any {
	return map[string]any{
		"add": func(args ...int) (sum int) {
			for _, x := range args {
				sum += x
			}
			return sum
		},
		"count":       func(n int) []string { return strings.Split("abcdefghijklmnop", "")[:n] },
		"dddArg":      func(a int, b ...string) string { return fmt.Sprintln(a, b) },
		"die":         func() bool { panic("die") },
		"doPanic":     func() string { panic("custom panic string") },
		"echo":        func(arg any) any { return arg },
		"err":         func() (string, error) { return "", errors.New("heyo") },
		"makemap":     func(k, v, l, w string) map[string]string { return map[string]string{k: v, l: w} },
		"mapOfThree":  func() any { return map[string]int{"three": 3} },
		"oneArg":      func(a string) string { return "oneArg=" + a },
		"returnInt":   func() int { return 7 },
		"stringer":    func(s fmt.Stringer) string { return s.String() },
		"twoArgs":     func(a, b string) string { return "twoArgs=" + a + b },
		"typeOf":      func(v any) string { return fmt.Sprintf("%T", v) },
		"valueString": func(v string) string { return "value is ignored" + v[:0] },
		"vfunc":       func(speaker, *speaker) string { return "vfunc" },
		"zeroArgs":    func() string { return "zeroArgs" },
		"index":       indexed,
		"slice":       func(s string, from, to int) string { return s[from:to] },
		"nilMap":      func(m map[string]string) int { return len(m) },
		"nothing":     func() any { return nil },
	}
}

// indexed stands in for index, which is not for this package to say.
func indexed(item any, keys ...any) (any, error) {
	v := reflect.ValueOf(item)
	for _, key := range keys {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		i, ok := key.(int)
		if !ok || v.Kind() != reflect.Slice || i < 0 || i >= v.Len() {
			return nil, fmt.Errorf("cannot index with %v", key)
		}
		v = v.Index(i)
	}
	return v.Interface(), nil
}
