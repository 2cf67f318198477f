package e2e

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/podfacts/podfacts/test/cluster"
)

// permissions are the manifests that podfacts rbac printed.
type permissions []map[string]any

func parsePermissions(t *testing.T, text string) permissions {
	t.Helper()
	var all permissions
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var document map[string]any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in what rbac printed:\n%s", err, text)
		}
		if document != nil {
			all = append(all, document)
		}
	}
}

// A grant is one verb of one rule.
type grant struct {
	document, rule  int
	verb, resource  string
	group, nameOnly string
}

func (g grant) String() string { return g.verb + " " + g.resource }

// grants lists the verbs of all rules, each of which allows one resource.
func (p permissions) grants(t *testing.T) []grant {
	t.Helper()
	var all []grant
	for i, document := range p {
		var role rbacv1.Role // a ClusterRole has the same fields
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(document, &role); err != nil {
			t.Fatal(err)
		}
		for j, rule := range role.Rules {
			if len(rule.Resources) != 1 || len(rule.APIGroups) != 1 || len(rule.ResourceNames) > 1 {
				t.Errorf("a rule is not about one resource: %+v", rule)
			}
			for _, verb := range rule.Verbs {
				all = append(all, grant{document: i, rule: j, verb: verb, resource: rule.Resources[0],
					group: rule.APIGroups[0], nameOnly: strings.Join(rule.ResourceNames, "")})
			}
		}
	}
	return all
}

// without leaves one verb of one rule out.
func (p permissions) without(g grant) permissions {
	var rest permissions
	for _, document := range p {
		rest = append(rest, runtime.DeepCopyJSON(document))
	}
	rules := rest[g.document]["rules"].([]any)
	rule := rules[g.rule].(map[string]any)
	verbs := slices.DeleteFunc(rule["verbs"].([]any), func(verb any) bool { return verb == g.verb })
	rule["verbs"] = verbs
	if len(verbs) == 0 {
		rest[g.document]["rules"] = slices.Delete(rules, g.rule, g.rule+1)
	}
	return rest
}

// to gives the permissions to another account of the namespace.
func (p permissions) to(t *testing.T, namespace, account string) string {
	t.Helper()
	var text strings.Builder
	for _, document := range p {
		document = runtime.DeepCopyJSON(document)
		rename := func(o any) { o.(map[string]any)["name"] = o.(map[string]any)["name"].(string) + "-" + account }
		rename(document["metadata"])
		if subjects, ok := document["subjects"].([]any); ok {
			rename(document["roleRef"])
			for _, subject := range subjects {
				subject.(map[string]any)["name"] = account
				subject.(map[string]any)["namespace"] = namespace
			}
		}
		line, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s\n---\n", line)
	}
	return text.String()
}

// await waits until the server acts on all roles and bindings that were applied before:
// it hears of each kind in order, so the last ones will do. They allow what nobody was
// allowed before, or there would be nothing to wait for.
func await(t *testing.T, c *cluster.Cluster, namespace string) {
	t.Helper()
	account, err := c.ServiceAccount(t.Context(), namespace, "last")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{namespace, ""} {
		last := authorizationv1.ResourceAttributes{Namespace: in, Group: "last", Resource: strings.ToLower(rand.Text()), Verb: "get"}
		if ok, err := account.Allowed(t.Context(), last); err != nil || ok {
			t.Fatalf("the sentinel is allowed before it is granted: %v", err)
		}
		rule := rbacv1.PolicyRule{APIGroups: []string{last.Group}, Resources: []string{last.Resource}, Verbs: []string{last.Verb}}
		if err := account.Grant(t.Context(), in, rule); err != nil {
			t.Fatal(err)
		}
		if ok, err := account.Allowed(t.Context(), last); err != nil || !ok {
			t.Fatalf("the sentinel is not allowed: %v", err)
		}
	}
}
