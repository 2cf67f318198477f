package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"
)

const examples = "../../examples/monitoring"

// added are the labels that the Prometheus operator adds to what a PodMonitor
// scrapes.
var added = []string{"namespace", "pod", "container", "endpoint", "instance", "job"}

// expressions are those of the dashboard and of the alerts, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := dashboard(t)
	for _, rule := range alerts(t) {
		all["alert "+rule.Alert] = rule.Expr
	}
	return all
}

// dashboard gives the expressions of the panels, and of the variables.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	type source struct {
		Type, UID string
	}
	var d struct {
		Panels []struct {
			ID         int
			Title      string
			Datasource source
			Targets    []struct{ RefID, Expr string }
		}
		Templating struct {
			List []struct {
				Name, Type string
				Query      any
			}
		}
	}
	if err := json.Unmarshal(read(t, "dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	variables := make(map[string]bool)
	all := make(map[string]string)
	for _, v := range d.Templating.List {
		variables[v.Name] = true
		if q, ok := v.Query.(map[string]any); ok {
			text := fmt.Sprint(q["query"])
			metric, ok := strings.CutPrefix(text, "label_values(")
			if i := strings.LastIndex(metric, ","); ok && i > 0 {
				all["variable "+v.Name] = metric[:i]
			} else {
				t.Errorf("variable %s asks for %s", v.Name, text)
			}
		}
	}
	ids := make(map[int]bool)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.Datasource != (source{"prometheus", "${datasource}"}) {
			t.Errorf("panel %d %q: no title, no targets, another datasource, or an id that is taken", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			for _, name := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(expr, -1) {
				if !variables[name[1]] {
					t.Errorf("panel %q: unknown variable $%s", p.Title, name[1])
				}
			}
			all[fmt.Sprintf("panel %d %q %s", p.ID, p.Title, target.RefID)] = expr
		}
	}
	if len(all) < 20 {
		t.Errorf("the dashboard has %d expressions: is it read as it is written?", len(all))
	}
	return all
}

// alerts are the rules, which Prometheus' own parser finds nothing wrong with.
func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	var manifest struct {
		Kind string
		Spec yaml.Node
	}
	if err := yaml.Unmarshal(read(t, "prometheusrule.yaml"), &manifest); err != nil || manifest.Kind != "PrometheusRule" {
		t.Fatalf("%s: %v", manifest.Kind, err)
	}
	spec, err := yaml.Marshal(&manifest.Spec)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(spec, false, model.LegacyValidation)
	for _, err := range errs {
		t.Error(err)
	}
	var rules []rulefmt.Rule
	for _, g := range groups.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("no rules")
	}
	return rules
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkNames asks that an expression names metrics, labels and values that exist.
func checkNames(t *testing.T, place, text string, known map[string]map[string][]string) {
	t.Helper()
	expr, err := parser.ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v", place, err)
		return
	}
	available := slices.Clone(added)
	selectors := parser.ExtractSelectors(expr)
	if len(selectors) == 0 {
		t.Errorf("%s: names no metric", place)
	}
	for _, matchers := range selectors {
		i := slices.IndexFunc(matchers, func(m *labels.Matcher) bool { return m.Name == labels.MetricName })
		if i < 0 || matchers[i].Type != labels.MatchEqual {
			t.Errorf("%s: a selector names no metric", place)
			continue
		}
		series, ok := known[matchers[i].Value]
		if !ok {
			t.Errorf("%s: no such metric as %s", place, matchers[i].Value)
			continue
		}
		available = slices.AppendSeq(available, maps.Keys(series))
		for _, m := range matchers {
			values, ok := series[m.Name]
			switch {
			case m.Name == labels.MetricName, slices.Contains(added, m.Name):
			case !ok:
				t.Errorf("%s: %s has no label %s", place, matchers[i].Value, m.Name)
			case !slices.ContainsFunc(values, m.Matches):
				t.Errorf("%s: no %s of %s is %s, but %v", place, m.Name, matchers[i].Value, m, values)
			}
		}
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		var names []string
		switch n := n.(type) {
		case *parser.AggregateExpr:
			names = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				names = n.VectorMatching.MatchingLabels
			}
		}
		for _, name := range names {
			if !slices.Contains(available, name) {
				t.Errorf("%s: nothing has the label %s", place, name)
			}
		}
		return nil
	})
}
