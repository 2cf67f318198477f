package object

import (
	"encoding/base64"

	"github.com/podfacts/podfacts/watch"
)

// Tree states objects.<id>: the object as it is, without metadata.managedFields.
// The data of a Secret is decoded, and the statement marked sensitive.
func Tree(id string, o map[string]any, from string) watch.Layer {
	return state(id, tree(o), secret(o), from)
}

// Trees states objects.<id> of a query that gives a list: a list of trees in the
// given order, empty if there are none.
func Trees(id string, list []map[string]any, from string) watch.Layer {
	trees, sensitive := make([]any, 0, len(list)), false
	for _, o := range list {
		trees = append(trees, tree(o))
		sensitive = sensitive || secret(o)
	}
	return state(id, trees, sensitive, from)
}

func state(id string, value any, sensitive bool, from string) watch.Layer {
	var l watch.Layer
	l.State(watch.Path("objects").Key(id), watch.Statement{Value: value, From: from, Sensitive: sensitive})
	return l
}

func secret(o map[string]any) bool {
	return Text(o, "kind") == "Secret" && Text(o, "apiVersion") == "v1"
}

func tree(o map[string]any) map[string]any {
	to := copyMap(o)
	delete(Map(to, "metadata"), "managedFields")
	if !secret(o) {
		return to
	}
	data := map[string]any{}
	for key, value := range Strings(o, "data") {
		if plain, err := base64.StdEncoding.DecodeString(value); err == nil {
			data[key] = string(plain)
		}
	}
	// stringData, which a file may have, wins and is never stored.
	// Kubernetes: pkg/apis/core/v1, Convert_v1_Secret_To_core_Secret.
	for key, value := range Strings(o, "stringData") {
		data[key] = value
	}
	delete(to, "stringData")
	to["data"] = data
	return to
}
