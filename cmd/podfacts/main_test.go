package main

import (
	"context"
	"flag"
	"io"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"podfacts": main, pluginFile: main, completerFile: main})
}

// run is start under the program's own name.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return start(ctx, append([]string{"podfacts"}, args...), environ, stdin, stdout, stderr)
}

// TestScripts runs each file of testdata/script: commands, and the files and
// output that go with them.
func TestScripts(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"swap":       swap,
			"waitfor":    waitFor,
			"eventually": eventually,
			"signal":     sendSignal,
			"ask":        askServer,
			"askfor":     askFor,
		},
	})
}
