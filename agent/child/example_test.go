//go:build unix

package child_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/podfacts/podfacts/agent/child"
)

// heard prints what a command says, and is called then.
type heard func()

func (h heard) Write(text []byte) (int, error) {
	defer h()
	return os.Stdout.Write(text)
}

// A command is started with an environment, again with another one, and then
// ends by itself.
func ExampleParent() {
	const script = `trap 'exit' TERM; echo "zone $ZONE"; [ "$ZONE" != b ] || exit 3; while :; do sleep 0.01; done`
	path := "PATH=" + os.Getenv("PATH")
	p := child.Parent{
		Command: child.Command{Args: []string{"sh", "-c", script}},
		Settle:  100 * time.Millisecond,
	}
	p.Stdout = heard(func() { p.Change([]string{path, "ZONE=b"}, false) }) // once it runs
	code, err := p.Run(context.Background(), []string{path, "ZONE=a"})
	fmt.Println(code, err)
	// Output:
	// zone a
	// zone b
	// 3 <nil>
}

func ExampleParent_notThere() {
	p := child.Parent{Command: child.Command{Args: []string{"nonesuch"}}}
	_, err := p.Run(context.Background(), []string{"PATH=/bin"})
	fmt.Println(err)
	fmt.Println(err.(*child.StartError).Code()) //nolint:errorlint // Run gives no other
	// Output:
	// cannot start nonesuch: not found in PATH /bin; name the file with its path, or see whether the image has it
	// 127
}

func ExampleParseAction() {
	for _, text := range []string{"restart", "sighup", "exit:88", "reload"} {
		action, err := child.ParseAction(text)
		fmt.Println(action, err != nil)
	}
	// Output:
	// restart false
	// SIGHUP false
	// exit:88 false
	// restart true
}
