package envfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// NameFromKey makes a variable name of a label or annotation key: ASCII letters
// in upper case, digits kept, every other byte an underscore, and an underscore
// in front of a leading digit. app.kubernetes.io/name is APP_KUBERNETES_IO_NAME.
//
// Different keys can give the same name: ask [Collisions].
func NameFromKey(key string) string {
	var b strings.Builder
	b.Grow(len(key) + 1)
	if key != "" && isDigit(key[0]) {
		b.WriteByte('_')
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
		case 'A' <= c && c <= 'Z', isDigit(c):
			b.WriteByte(c)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// Claim is a wish for a variable name.
type Claim struct {
	Name string // the variable
	By   string // who wants it, in the words of an error: "label a-b"
}

// CollisionError is a name that several claims want.
type CollisionError struct {
	Name string
	By   []string // two or more, in the order of the claims
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("variable %s is wanted by %s; give all but one of them another name",
		printableNameOf(e.Name), strings.Join(e.By, " and by "))
}

// Collisions returns one error for each name that more than one claim wants,
// in the order in which the names first appear.
func Collisions(claims []Claim) []*CollisionError {
	var (
		wanted = make(map[string]*CollisionError, len(claims))
		found  []*CollisionError
	)
	for _, c := range claims {
		name := wanted[c.Name]
		if name == nil {
			name = &CollisionError{Name: c.Name}
			wanted[c.Name] = name
		}
		name.By = append(name.By, c.By)
	}
	for _, c := range claims {
		if name := wanted[c.Name]; name != nil && len(name.By) > 1 {
			found = append(found, name)
			delete(wanted, c.Name)
		}
	}
	return found
}

// checkPOSIXName is the rule of shells, systemd and the dotenv libraries.
func checkPOSIXName(name string) problem {
	if isPOSIXName(name) {
		return problem{}
	}
	return problem{
		"the name is not a letter or underscore followed by letters, digits and underscores",
		hintRename(name),
	}
}

func hintRename(name string) string {
	if better := NameFromKey(name); isPOSIXName(better) && better != name {
		return "rename it, for example to " + better
	}
	return "rename it"
}

// checkTextName is the rule of formats whose keys are any string.
func checkTextName(name string) problem {
	switch {
	case name == "":
		return problem{"the name is empty", "give it a name"}
	case !utf8.ValidString(name):
		return problem{"the name is not valid UTF-8", hintRename(name)}
	}
	return problem{}
}

// isPrintableName reports whether the API server takes it for a variable's
// name: printable ASCII, blanks included, without an equals sign
// (IsRelaxedEnvVarName in k8s.io/apimachinery/pkg/util/validation).
func isPrintableName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == '=' {
			return false
		}
	}
	return name != ""
}

func isPOSIXName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && c != '_' && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
