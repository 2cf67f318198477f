//go:build unix

package notify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

func ExampleNotifier_Once() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	output := filepath.Join(dir, "app.conf")
	now := notify.Publication{Digests: map[string]notify.Digest{output: sha256.Sum256([]byte("listen 80;\n"))}}

	// Each turn of the loop stands for a process; they share what is on disk.
	for range 2 {
		n := notify.Notifier{
			Hooks: []notify.Hook{{On: []string{output}, Action: notify.Exec{Args: []string{"true"}}}},
			Store: notify.Disk{},
			Done:  func(d notify.Delivery) { fmt.Println("told by", d.Hook, d.Err) },
		}
		fmt.Println(n.Once(context.Background(), now))
	}
	// Output:
	// told by exec true <nil>
	// <nil>
	// <nil>
}

func ExampleNotifier_Run() {
	n := notify.Notifier{
		Hooks: []notify.Hook{{On: []string{"/run/app.env"}, Action: notify.Exit{Code: 88}, SkipFirst: true}},
	}
	go func() {
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/run/app.env": {1}}})
		for len(n.Pending()) > 0 { // until the first is noted
			time.Sleep(time.Millisecond)
		}
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/run/app.env": {2}}})
	}()
	err := n.Run(context.Background())
	fmt.Println(err)
	if exit, ok := errors.AsType[*notify.ExitError](err); ok {
		fmt.Println("os.Exit", exit.Code)
	}
	// Output:
	// a hook asks to exit with code 88
	// os.Exit 88
}

func ExampleExec() {
	x := notify.Exec{Args: []string{"sh", "-c", `echo "$1 changed: $PODFACTS_FACTS" >&2; exit 1`, "sh", "$PODFACTS_OUTPUTS"}}
	err := x.Do(context.Background(), notify.Event{
		Outputs: []string{"/run/podfacts/nginx.conf"},
		Facts:   []string{"node.zone", "pod.labels"},
	})
	fmt.Println(err)
	// Output:
	// sh: exit status 1: /run/podfacts/nginx.conf changed: node.zone\npod.labels
}

func ExampleHTTP() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
	}))
	defer server.Close()

	h := notify.HTTP{URL: server.URL + "/-/reload"}
	fmt.Println(h.Do(context.Background(), notify.Event{}))
	h.Header = http.Header{"Authorization": {"Bearer token"}}
	fmt.Println(h.Do(context.Background(), notify.Event{}))
	// Output:
	// status 401 Unauthorized: who are you?
	// <nil>
}

func ExampleSignal() {
	hup, err := notify.ParseSignal("SIGHUP")
	fmt.Println(hup == syscall.SIGHUP, err)
	fmt.Println(notify.Signal{Signal: hup, Process: "nginx"})
	// Output:
	// true <nil>
	// signal HUP to nginx
}

func ExampleTouch() {
	dir, err := os.MkdirTemp("", "podfacts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	t := notify.Touch{Path: filepath.Join(dir, "reload")}
	fmt.Println(t.Do(context.Background(), notify.Event{}))
	fi, err := os.Stat(t.Path)
	fmt.Println(time.Since(fi.ModTime()) < time.Minute, err)
	// Output:
	// <nil>
	// true <nil>
}
