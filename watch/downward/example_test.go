package downward_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward"
)

func ExampleParseMap() {
	labels, err := downward.ParseMap([]byte("app=\"web\"\nnote=\"two\\nlines\""))
	fmt.Printf("%q %v\n", labels, err)

	_, err = downward.ParseMap([]byte("app=\"web\"\ntier=\"fron"))
	fmt.Println(err)
	// Output:
	// map["app":"web" "note":"two\nlines"] <nil>
	// 1 error occurred:
	// 	* line 2: key "tier": the value has no closing quote; the file seems cut off
}

func ExampleFormatMap() {
	fmt.Printf("%s\n", downward.FormatMap(map[string]string{"tier": "front", "app": "the \"web\""}))
	// Output:
	// app="the \"web\""
	// tier="front"
}

func ExampleItemFrom() {
	item, err := downward.ItemFrom(map[string]any{
		"path":             "cpu",
		"resourceFieldRef": map[string]any{"containerName": "main", "resource": "limits.cpu", "divisor": "1m"},
	})
	fmt.Println(item.Path, item.Fact, item.Divisor.String(), err)

	_, err = downward.ItemFrom(map[string]any{"path": "ip", "fieldRef": map[string]any{"fieldPath": "status.podIP"}})
	fmt.Println(err)
	// Output:
	// cpu containers.main.limits.cpu 1m <nil>
	// 1 error occurred:
	// 	* item "ip": fieldPath "status.podIP" is none that a volume can hold; use metadata.name, .namespace, .uid, .labels, .annotations, metadata.labels['key'] or metadata.annotations['key']
}

func ExampleSource() {
	volume := &downward.Source{FS: fstest.MapFS{ // in a pod: Dir
		"labels":         {Data: []byte(`app="web"`)},
		"podName":        {Data: []byte("web-1")},
		"main/cpu_limit": {Data: []byte("2")},
		"motd":           {Data: []byte("hello")},
	}}
	snapshot, err := watch.Collect(context.Background(), volume)
	if err != nil {
		fmt.Println(err)
	}
	for fact := range snapshot.Facts() {
		fmt.Println(fact.Path, "=", fact.Value, "from", fact.Origin)
	}
	_, err = snapshot.Lookup(watch.PodUID)
	fmt.Println(err)
	// Output:
	// containers.main.limits.cpu = 2 from volume /etc/podinfo main/cpu_limit (well-known name, divisor 1 assumed)
	// files.motd = hello from volume /etc/podinfo motd
	// pod.labels['app'] = web from volume /etc/podinfo labels (well-known name)
	// pod.name = web-1 from volume /etc/podinfo podName (well-known name)
	// pod.uid is missing: volume /etc/podinfo has no file for metadata.uid; add {path: uid, fieldRef: {fieldPath: metadata.uid}} to the volume's downwardAPI.items
}
