package notify_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

func TestHTTPSends(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got <- fmt.Sprint(r.Method, " ", r.Host == r.Header.Get("X-Host") || r.Header.Get("X-Host") == "", " ", r.URL, " ", r.Header["X-Two"], " ", r.UserAgent(), " ", user, ":", password, " ", string(body), " ", r.ContentLength)
	}))
	defer server.Close()
	withUser := strings.Replace(server.URL, "http://", "http://user:p%40ss@", 1)
	tests := []struct {
		name string
		h    notify.HTTP
		body string
		want string
	}{
		{"by default", notify.HTTP{URL: server.URL + "/-/reload"}, "", "POST true /-/reload [] podfacts :  0"},
		{"body", notify.HTTP{URL: server.URL, Method: "PUT"}, "text", "PUT true / [] podfacts : text 4"},
		{"query and user", notify.HTTP{URL: withUser + "/?a=b&c", Method: "GET"}, "", "GET true /?a=b&c [] podfacts user:p@ss  0"},
		{"headers", notify.HTTP{URL: server.URL, Header: http.Header{"x-two": {"1", "2"}, "user-agent": {"me"}, "Host": {"app.local"}, "X-Host": {"app.local"}}}, "", "POST true / [1 2] me :  0"},
	}
	for _, test := range tests {
		if err := test.h.Do(t.Context(), notify.Event{Body: []byte(test.body)}); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := <-got; got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	tests := []struct {
		name   string
		answer http.HandlerFunc
		status []int
		want   string // of the error, all of it; "": none
	}{
		{"ok", func(http.ResponseWriter, *http.Request) {}, nil, ""},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, nil, ""},
		{"another status is expected", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, []int{200, 202}, "status 204 No Content"},
		{"expected", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(409) }, []int{200, 409}, ""},
		{"reason", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "\n  bad \x1b[31mconfig\tline 3\r\nmore", 500)
		}, nil, "status 500 Internal Server Error: bad  [31mconfig line 3"},
		{"long reason", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("ü", 10_000), http.StatusServiceUnavailable)
		}, nil, "status 503 Service Unavailable: " + strings.Repeat("ü", 99) + "…"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/login?token=secret", http.StatusTemporaryRedirect)
		}, nil, "status 307 Temporary Redirect, which leads to " + elsewhere.URL + "/login?… and is not followed; give that URL if it is right"},
		{"redirect as expected", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}, []int{302}, ""},
		{"unknown status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }, nil, "status 599 "},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, ""},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "EOF"},
		{"too many headers", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		}, nil, "net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 65536 bytes; aborted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			defer server.Close()
			err := notify.HTTP{URL: server.URL + "/?token=secret", Status: test.status}.Do(t.Context(), notify.Event{Body: []byte("x")})
			switch {
			case test.want == "" && err != nil, test.want != "" && (err == nil || err.Error() != test.want):
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What a server says without end is neither kept nor waited for beyond the time.
func TestHTTPEndless(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	for _, status := range []int{200, 500} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			line := strings.Repeat("y", 1<<16)
			for {
				n, err := io.WriteString(w, line)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}))
		err := notify.HTTP{URL: server.URL}.Do(t.Context(), notify.Event{})
		if (err == nil) != (status == 200) {
			t.Error(err)
		}
		server.Close()
	}
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

// A server that is slow runs out of time; its request is given up.
func TestHTTPSlow(t *testing.T) {
	t.Parallel()
	var came atomic.Int64
	gone := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := notify.Notifier{
		Hooks: []notify.Hook{{On: []string{"/a"}, Action: notify.HTTP{URL: server.URL}, Timeout: time.Second}},
		Retry: time.Millisecond,
		Done: func(notify.Delivery) {
			if came.Load() > 0 { // on a busy machine the time may be up before
				cancel()
			}
		},
	}
	wantError(t, n.Once(ctx, state("/a", 1)), "hook http POST "+server.URL+": no answer within 1s")
	<-gone
}

// A server that is down for a while is told once it is back, and once only.
func TestHTTPDown(t *testing.T) {
	t.Parallel()
	// One that Linux, as it comes, does not give to those who ask for any, which a port that was free a
	// moment ago is.
	address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	failures := make(chan error, 1000)
	var said logged
	n := &notify.Notifier{
		Hooks:    []notify.Hook{{On: []string{"/a"}, Action: notify.HTTP{URL: "http://" + address}}},
		Retry:    20 * time.Millisecond,
		RetryMax: 50 * time.Millisecond,
		Log:      said.logger(),
		Done:     func(d notify.Delivery) { failures <- d.Err },
	}
	stop := running(t, n)
	n.Published(state("/a", 1))
	for range 5 {
		if err := <-failures; !errors.Is(err, syscall.ECONNREFUSED) && runtime.GOOS != "windows" {
			t.Error(err)
		}
	}
	n.Published(state("/a", 2))

	var told atomic.Int64
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	for err := range failures {
		if err == nil {
			break
		}
	}
	if due := n.Pending(); len(due) > 0 || told.Load() != 1 {
		t.Errorf("told %d times; pending %+v", told.Load(), due)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if lines := said.lines(); len(lines) != 2 || !strings.Contains(lines[0], "connection refused") || !strings.Contains(lines[1], "hook succeeded again") {
		t.Errorf("logged %q", lines)
	}
	if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestHTTPSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "s") // the path of a socket has room for 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Host+r.URL.Path, http.StatusTeapot)
	}))
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	defer server.Close()
	h := notify.HTTP{URL: "http://app/reload", Socket: socket}
	wantError(t, h.Do(t.Context(), notify.Event{}), "status 418 I'm a teapot: app/reload")
	if want := "http POST unix:" + socket + " http://app/reload"; h.String() != want {
		t.Errorf("got %s, want %s", h, want)
	}
	h.Socket += "not"
	wantError(t, h.Do(t.Context(), notify.Event{}), "dial unix")
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of us
	server.StartTLS()
	defer server.Close()
	h := notify.HTTP{URL: server.URL}
	wantError(t, h.Do(t.Context(), notify.Event{}), "certificate signed by unknown authority")

	h.CAFile = filepath.Join(t.TempDir(), "ca.crt")
	wantError(t, h.Do(t.Context(), notify.Event{}), "certificates: ", h.CAFile)
	for text, want := range map[string]string{
		"none": "certificates: " + h.CAFile + " holds none in PEM",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})): "",
	} {
		if err := os.WriteFile(h.CAFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.Do(t.Context(), notify.Event{}); want == "" {
			if err != nil {
				t.Error(err)
			}
		} else {
			wantError(t, err, want)
		}
	}
}

// Nothing of a URL that may be secret is shown by names and errors.
func TestHTTPSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://user:secret@127.0.0.1:1/path?token=secret#secret": "http POST http://127.0.0.1:1/path?…",
		"http://127.0.0.1:1/%2Fpath":                              "http POST http://127.0.0.1:1/%2Fpath",
		"http://secret:secret\x7f@host/":                          "http POST (invalid URL)",
		"http://[secret":                                          "http POST (invalid URL)",
		"http://localhost:1/reload":                               "http POST http://localhost:1/reload",
		"http://[::1]:1/reload?secret":                            "http POST http://[::1]:1/reload?…",
		"http://u:secret/x@127.0.0.1:1/":                          "http POST (invalid URL)",
		"secret":                                                  "http POST /…",
		"":                                                        "http POST ",
	} {
		h := notify.HTTP{URL: url}
		if h.String() != want {
			t.Errorf("got %s, want %s", h, want)
		}
		err := h.Do(t.Context(), notify.Event{})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", url, err)
		}
	}
}

func TestHTTPValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		h    notify.HTTP
		want []string
	}{
		{notify.HTTP{}, []string{"http: no url"}},
		{notify.HTTP{URL: "127.0.0.1:8080"}, []string{"http: invalid url: first path segment in URL cannot contain colon"}},
		{notify.HTTP{URL: "localhost:8080"}, []string{`not with "localhost"`}},
		{notify.HTTP{URL: "unix:///run/app.sock"}, []string{`not with "unix"`, "socket"}},
		{notify.HTTP{URL: "http:///path"}, []string{"names no host"}},
		{notify.HTTP{URL: "http://a/\n"}, []string{"invalid url"}},
		{notify.HTTP{URL: "http://a", Method: "GET OUT"}, []string{`invalid method "GET OUT"`}},
		{notify.HTTP{URL: "http://a", Status: []int{200, 99, 600}}, []string{"status 99 is out of range", "status 600"}},
		{notify.HTTP{URL: "http://a", Header: http.Header{"a b": {"c"}, "X": {"secret\r\nY: z"}}}, []string{`invalid header name "a b"`, "header X holds a control character"}},
	}
	for _, test := range tests {
		err := test.h.Validate()
		wantError(t, err, test.want...)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
		wantError(t, test.h.Do(t.Context(), notify.Event{}), test.want...)
	}
	if err := (notify.HTTP{URL: "https://a:1/b?c", Method: "PATCH", Status: []int{200, 599}, Header: http.Header{"X-a": {"\tü"}}}).Validate(); err != nil {
		t.Error(err)
	}
}
