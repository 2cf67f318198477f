//go:build !unix

package main

import "github.com/rogpeppe/go-internal/testscript"

func sendSignal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there are no such signals here")
}
