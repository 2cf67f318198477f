package apiserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/apiserver"
)

func ExampleNewPlan() {
	needs := watch.Needs{{Path: "node.zone", By: "pod.env: ZONE"}}
	plan := apiserver.NewPlan(needs, nil, apiserver.Once)
	for _, r := range plan.Rules() {
		fmt.Println(r, r.ClusterScoped, r.Why)
	}
	// Output:
	// {apiGroups: [""], resources: [pods], verbs: [get]} false [node.zone (pod.env: ZONE)]
	// {apiGroups: [""], resources: [nodes], verbs: [get]} true [node.zone (pod.env: ZONE)]
}

func ExampleObject_Validate() {
	o := apiserver.Object{ID: "settings", APIVersion: "v1", Kind: "ConfigMap", Name: "web", LabelSelector: "app=web"}
	fmt.Println(o.Validate())
	// Output: object "settings": name and selectors exclude each other; name asks for one object, selectors for a list
}

func ExampleSource() {
	// A proxy such as kubectl's, on loopback.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}}}`)
	}))
	defer proxy.Close()

	client, err := apiserver.Access{Server: proxy.URL}.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	facts, err := watch.Collect(context.Background(), &apiserver.Source{
		Client: client,
		Pod:    apiserver.Target{Namespace: "shop", Name: "web-0"},
		Plan:   apiserver.NewPlan(watch.Needs{{Path: "pod.labels['app']"}}, nil, apiserver.Once),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := facts.Lookup("pod.labels['app']")
	fmt.Println(app.Value, app.Origin.Source, app.Origin.From, err)
	// Output: web API server Pod shop/web-0 <nil>
}
