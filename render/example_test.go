package render_test

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/render"
	"github.com/podfacts/podfacts/render/envfile"
	"github.com/podfacts/podfacts/watch"
)

// pod stands for a volume or an API server.
type pod struct{}

func (pod) String() string { return "example" }

func (pod) Read(context.Context) (watch.Layer, error) {
	var l watch.Layer
	l.Set(watch.PodName, "web-0", "")
	l.Set(watch.PodLabels, map[string]string{"app": "web", "tier": "front"}, "")
	l.Set("containers.main.limits.memory", "1Gi", "")
	return l, nil
}

func Example() {
	snapshot, err := watch.Collect(context.Background(), pod{})
	if err != nil {
		fmt.Println(err)
		return
	}
	template, err := render.ParseTemplate("app.conf.tmpl", "name = {{ .pod.name }}\n", render.TemplateOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range []render.Renderer{
		&render.Env{Entries: []render.Entry{{Name: "APP", From: "pod.labels['app']"}}},
		template,
		&render.View{Format: "json", Path: "pod.labels"},
	} {
		if err := r.Render(context.Background(), os.Stdout, snapshot); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// APP='web'
	// name = web-0
	// {
	//   "app": "web",
	//   "tier": "front"
	// }
}

func ExampleEnv() {
	snapshot, _ := watch.Collect(context.Background(), pod{})
	unknown := "unknown"
	env := render.Env{
		Dialect: envfile.Kubernetes,
		Entries: []render.Entry{
			{Name: "APP", From: "pod.labels['app']"},
			{Name: "URL", Value: "http://$(APP).example"},
			{Name: "ZONE", From: watch.NodeZone, Default: &unknown},
			{Name: "CACHE_MIB", From: "limits.memory", Percent: 40, Divisor: resource.MustParse("1Mi")},
		},
	}
	if err := env.Render(context.Background(), os.Stdout, snapshot); err != nil {
		fmt.Println(err)
	}
	// Output:
	// APP='web'
	// URL='http://web.example'
	// ZONE='unknown'
	// CACHE_MIB='409'
}

func ExampleEnv_missing() {
	snapshot, _ := watch.Collect(context.Background(), pod{})
	env := render.Env{Entries: []render.Entry{
		{Name: "ZONE", From: watch.NodeZone, Where: "podfacts.yaml:7"},
		{Name: "OWNER", From: "pod.labels['owner']", Where: "podfacts.yaml:8"},
	}}
	err := env.Render(context.Background(), os.Stdout, snapshot)
	fmt.Println(err)
	fmt.Println(watch.IsMissing(err))
	// Output:
	// podfacts.yaml:7: ZONE: node.zone is missing: no source gives it; pods have the label topology.kubernetes.io/zone since Kubernetes 1.35; ask the API server, or give it a default
	// podfacts.yaml:8: OWNER: pod.labels['owner'] is missing: pod.labels has no such key; give it a default, or set it on the pod
	// true
}

func ExampleEnv_Variables() {
	snapshot, _ := watch.Collect(context.Background(), pod{})
	labels, _ := render.LookupPreset("labels")
	runtime, _ := render.LookupPreset("go")
	variables, err := (&render.Env{Presets: []render.Preset{labels, runtime}}).Variables(snapshot)
	for _, v := range variables {
		fmt.Printf("%s=%s from %s\n", v.Name, v.Value, v.From)
	}
	fmt.Println(err)
	// Output:
	// POD_LABEL_APP=web from pod.labels['app']
	// POD_LABEL_TIER=front from pod.labels['tier']
	// GOMEMLIMIT=966367641 from containers.main.limits.memory
	// <nil>
}

func ExampleParseTemplate() {
	snapshot, _ := watch.Collect(context.Background(), pod{})
	template, err := render.ParseTemplate("app.conf.tmpl", `name = {{ .pod.name | quote }}
tier = {{ index .pod.labels "tier" }}
zone = {{ fact "node.zone" "unknown" }}
`, render.TemplateOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("needs", template.Needs().Paths())
	if err := template.Render(context.Background(), os.Stdout, snapshot); err != nil {
		fmt.Println(err)
	}
	// Output:
	// needs [node.zone pod.labels['tier'] pod.name]
	// name = "web-0"
	// tier = front
	// zone = unknown
}

func ExampleParseTemplate_mistake() {
	_, err := render.ParseTemplate("app.conf.tmpl", "zone = {{ .node.zoen }}\n", render.TemplateOptions{})
	fmt.Println(err)
	// Output: app.conf.tmpl:1:15: unknown fact "node.zoen"; did you mean "node.zone"?
}

func ExampleView() {
	snapshot, _ := watch.Collect(context.Background(), pod{})
	view := render.View{Format: "yaml"}
	if err := view.Render(context.Background(), os.Stdout, snapshot); err != nil {
		fmt.Println(err)
	}
	// Output:
	// containers:
	//   main:
	//     limits:
	//       memory: 1Gi
	// pod:
	//   labels:
	//     app: web
	//     tier: front
	//   name: web-0
}

func ExampleText() {
	text, err := render.Text(watch.Fact{Path: watch.PodIPs, Value: []string{"10.1.2.3", "fd00::3"}})
	fmt.Println(text, err)
	// Output: 10.1.2.3,fd00::3 <nil>
}
