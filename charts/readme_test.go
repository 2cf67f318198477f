package charts

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestValuesTable holds the table of values in the chart's README: each value, its
// default, and the comment that begins with --.
func TestValuesTable(t *testing.T) {
	t.Parallel()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(read(t, "podfacts/values.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| value | default | |\n|---|---|---|\n")
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			name := strings.TrimPrefix(path+"."+key.Value, ".")
			_, doc, documented := strings.Cut(key.HeadComment, "# -- ")
			switch {
			case documented:
				fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", name, inline(t, value), cell(doc))
			case value.Kind == yaml.MappingNode && len(value.Content) > 0:
				walk(name, value)
			default:
				t.Errorf("values.yaml:%d: %s has no comment that begins with --", key.Line, name)
			}
		}
	}
	walk("", document.Content[0])
	between(t, "podfacts/README.md", "values", b.String())
}

// inline is a value in a line.
func inline(t *testing.T, n *yaml.Node) string {
	t.Helper()
	var value any
	if err := n.Decode(&value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return cell(string(text))
}

// TestParameterTables holds those of the library's README: they are the comments above
// the templates.
func TestParameterTables(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, name := range []string{"_container.tpl", "_rbac.tpl"} {
		for _, m := range regexp.MustCompile(`\{\{/\*\n((?:[^*]|\*[^/])*)\*/\}\}\n\{\{- define "([^"]*)"`).FindAllStringSubmatch(read(t, library+"/"+name), -1) {
			comment, template := m[1], m[2]
			if !strings.Contains(comment, "arameter") {
				continue
			}
			about := strings.ReplaceAll(strings.Split(comment, "\n\n")[0], "\n", " ")
			about = strings.NewReplacer(" Parameters, in a dict:", "", template+" gives", "Gives").Replace(about)
			title := "`" + template + "`"
			if template == "podfacts.initContainer" {
				title += " and `podfacts.sidecar`"
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, strings.TrimSpace(about))
			rows := parameters(comment)
			if len(rows) == 0 {
				continue
			}
			b.WriteString("\n| parameter | |\n|---|---|\n")
			for _, row := range rows {
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(row[0], ", ", "`, `"), cell(row[1]))
			}
		}
	}
	if got := strings.Count(b.String(), "\n## "); got != 4 {
		t.Errorf("%d templates have parameters, want 4", got)
	}
	between(t, "podfacts-lib/README.md", "parameters", b.String()+"\n")
}

// parameters are the lines of a comment that begin with a name.
func parameters(comment string) (rows [][2]string) {
	first := regexp.MustCompile(`^  ([a-z][A-Za-z, ]*?)(?:  +(.*))?$`)
	for line := range strings.SplitSeq(comment, "\n") {
		if m := first.FindStringSubmatch(line); m != nil && !strings.HasPrefix(line, "   ") {
			rows = append(rows, [2]string{m[1], m[2]})
		} else if strings.HasPrefix(line, "   ") && len(rows) > 0 {
			last := &rows[len(rows)-1][1]
			*last = strings.TrimSpace(*last + " " + strings.TrimSpace(line))
		}
	}
	return rows
}

// between replaces what stands between two marks of a file.
func between(t *testing.T, file, mark, text string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?s)(<!-- ` + mark + `:[^\n]*-->\n).*?(<!-- end -->)`)
	have := read(t, file)
	if !pattern.MatchString(have) {
		t.Fatalf("%s has no place for %s", file, mark)
	}
	golden(t, file, pattern.ReplaceAllStringFunc(have, func(s string) string {
		m := pattern.FindStringSubmatch(s)
		return m[1] + text + m[2]
	}))
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n# ", " ", "\n", " ").Replace(s)
}
