package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestExposed: which outputs give which Secrets away.
func TestExposed(t *testing.T) {
	t.Parallel()
	const text = `
api:
  objects:
  - {id: password, apiVersion: v1, kind: Secret, name: password}
  - {id: all, apiVersion: v1, kind: Secret, labelSelector: app=web}
  - {id: settings, apiVersion: v1, kind: ConfigMap, name: settings}
  - {id: sealed, apiVersion: bitnami.com/v1alpha1, kind: Secret, name: sealed}
outputs:
- {path: a, text: "{{ .objects.password.data.a }}"}
- {path: b, text: "{{ .objects.password.data.a }}", mode: "0640"}
- {path: c, text: "{{ .objects.password.data.a }}", mode: "0604"}
- {path: e, text: "{{ .objects.settings.data.a }} {{ .objects.sealed.data.a }}"}
- {path: f, text: "{{ range .objects.all }}{{ .metadata.name }}{{ end }}"}
- {path: g, text: "{{ . | toJson }}"}
- {path: h, format: json}
- {path: i, env: [{name: A, from: objects.password.data.a}]}
- {path: j, env: [{name: A, from: objects.password.data.a}], mode: "0600"}
`
	var got []string
	for _, e := range parse(t, text).Exposed() {
		got = append(got, fmt.Sprintf("%s:%s:%04o", e.Output, e.Object.ID, e.Mode))
	}
	if want := "a:password:0644 c:password:0604 f:all:0644 g:password:0644 g:all:0644 i:password:0644"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}
