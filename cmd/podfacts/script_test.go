package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/podfacts/podfacts/agent/serve"
)

// swap makes DIR a volume that holds the files of SOURCE, as the kubelet does
// it: a new directory, and ..data renamed to point at it.
func swap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: swap DIR SOURCE")
	}
	dir, source := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	version, err := os.MkdirTemp(dir, "..2026_01_02_03_04_05.")
	ts.Check(err)
	ts.Check(os.CopyFS(version, os.DirFS(source)))
	old, _ := os.Readlink(filepath.Join(dir, "..data"))
	ts.Check(os.Symlink(filepath.Base(version), filepath.Join(dir, "..data_tmp")))
	ts.Check(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	entries, err := os.ReadDir(source)
	ts.Check(err)
	for _, e := range entries {
		if err := os.Symlink(filepath.Join("..data", e.Name()), filepath.Join(dir, e.Name())); !os.IsExist(err) {
			ts.Check(err)
		}
	}
	if old != "" {
		ts.Check(os.RemoveAll(filepath.Join(dir, old)))
	}
}

// waitFor waits until FILE has the content of WANT, at most a minute.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE WANT")
	}
	want := []byte(ts.ReadFile(args[1]))
	var got []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got, _ = os.ReadFile(ts.MkAbs(args[0])); bytes.Equal(got, want) {
			return
		}
	}
	ts.Fatalf("%s never held what %s holds, but:\n%s", args[0], args[1], got)
}

// eventually repeats a command until it succeeds, at most a minute.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
	}
	ts.Fatalf("%v never succeeded: %v", args, err)
}

// askServer sends a GET to an address, and prints the status and what comes.
func askServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ask ADDRESS TARGET [HEADER:VALUE...]")
	}
	resp := request(ts, args[0], args[1], func(resp *http.Response) bool { return resp.StatusCode != http.StatusServiceUnavailable }, args[2:]...)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), body)
}

// askFor sends a GET to an address until the answer has a status, and prints what
// comes.
func askFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: askfor STATUS ADDRESS TARGET")
	}
	resp := request(ts, args[1], args[2], func(resp *http.Response) bool { return strconv.Itoa(resp.StatusCode) == args[0] })
	defer resp.Body.Close()
	_, err := io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

// request sends a GET, again and again until the answer will do, at most a minute.
func request(ts *testscript.TestScript, to, target string, will func(*http.Response) bool, headers ...string) *http.Response {
	address, err := serve.Parse(to, false)
	ts.Check(err)
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return address.Dial(ctx) },
	}}
	r, err := http.NewRequest(http.MethodGet, "http://localhost"+target, nil)
	ts.Check(err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Set(name, value)
	}
	var resp *http.Response
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if resp, err = client.Do(r); err == nil && will(resp) {
			return resp
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not answer as it should: %v, %v", to, resp, err)
		}
		if err == nil {
			resp.Body.Close() //nolint:errcheck // it is too early for an answer
		}
	}
}
