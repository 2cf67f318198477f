package envfile_test

import (
	"fmt"

	"github.com/podfacts/podfacts/render/envfile"
)

func ExampleDialect_Append() {
	entries := []envfile.Entry{
		{Name: "POD_NAME", Value: "web-0"},
		{Name: "MOTTO", Value: "it's $HOME"},
	}
	for _, d := range []envfile.Dialect{envfile.Sh, envfile.Systemd, envfile.Kubernetes} {
		file, invalid := d.Append(nil, entries)
		fmt.Printf("# %s\n%s", d, file)
		for _, err := range invalid {
			fmt.Println("error:", err)
		}
	}
	// Output:
	// # sh
	// POD_NAME='web-0'
	// MOTTO='it'\''s $HOME'
	// # systemd
	// POD_NAME="web-0"
	// MOTTO="it's \$HOME"
	// # kubernetes
	// POD_NAME='web-0'
	// error: variable MOTTO cannot be written in env dialect kubernetes: the value holds a single quote, and the kubelet has no escape for it; leave the variable out, or let the consumer read a json file
}

func ExampleDialect_CheckName() {
	fmt.Println(envfile.Export.CheckName("POD_UID"))
	fmt.Println(envfile.Export.CheckName("UID"))
	// Output:
	// <nil>
	// variable UID cannot be written in env dialect export: it is read-only in some shells, and the file would stop there; rename it, for example to POD_UID
}

func ExampleDialect_Doc() {
	fmt.Println(envfile.Docker.Doc())
	// Output: docker run --env-file reads it; one line, no carriage return at the end
}

func ExampleDialects() {
	for _, d := range envfile.Dialects() {
		fmt.Print(d, " ")
	}
	// Output: sh export kubernetes kubernetes-1.34 docker systemd dotenv properties json yaml environ
}

func ExampleLookup() {
	d, ok := envfile.Lookup("yaml")
	if !ok {
		return
	}
	file, _ := d.Append(nil, []envfile.Entry{{Name: "NORWAY", Value: "no"}})
	fmt.Print(string(file))
	// Output: "NORWAY": "no"
}

func ExampleNameFromKey() {
	fmt.Println(envfile.NameFromKey("app.kubernetes.io/name"))
	// Output: APP_KUBERNETES_IO_NAME
}

func ExampleCollisions() {
	for _, err := range envfile.Collisions([]envfile.Claim{
		{Name: envfile.NameFromKey("a-b"), By: "label a-b"},
		{Name: envfile.NameFromKey("a.b"), By: "label a.b"},
	}) {
		fmt.Println(err)
	}
	// Output: variable A_B is wanted by label a-b and by label a.b; give all but one of them another name
}
