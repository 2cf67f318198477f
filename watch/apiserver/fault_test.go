package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// TestReadFaults: what a first read makes of a server that fails.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	code := func(code int, reason string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, reason, "web-0") }
	}
	pod, err := json.Marshal(label("one"))
	if err != nil {
		t.Fatal(err)
	}
	const late = "does not answer within 1s"
	var tries atomic.Int64
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    Reason // empty: it is read all the same
		says    string
	}{
		"401": {code(401, "Unauthorized"), Unauthorized, "check the credentials of http://"},
		"403": {code(403, "Forbidden"), Forbidden, `add to a Role of namespace shop: {apiGroups: [""], resources: [pods], verbs: [get]}`},
		"404": {code(404, "NotFound"), NotFound, "get pods shop/web-0: not found"},
		"409": {code(409, "Conflict"), Broken, ""},
		"410": {code(410, "Expired"), Broken, ""},
		"400": {code(400, "BadRequest"), Invalid, ""},
		"500": {code(500, "InternalError"), Broken, ""},
		"503": {code(503, "ServiceUnavailable"), Overloaded, ""},
		"503 at first": {func(w http.ResponseWriter, _ *http.Request) {
			if tries.Add(1) < 3 {
				refuse(w, 503, "ServiceUnavailable", "")
				return
			}
			reply(w, label("one"))
		}, "", ""},
		"429 for long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, "too many requests, please try again later", http.StatusTooManyRequests)
		}, Overloaded, ""},
		"hang": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Unreachable, late},
		"hang later": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, "%s", pod[:20])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, Unreachable, late},
		"reset": {func(w http.ResponseWriter, r *http.Request) { resets(w, r) }, Unreachable, "check network policies"},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, "%s", pod[:len(pod)-10])
		}, Broken, "is an API server"},
		"truncated in transit": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100000")
			fmt.Fprintf(w, "%s", pod)
		}, Broken, ""},
		"no API server": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>welcome</html>")
		}, Broken, "is an API server"},
		"byte by byte": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for i := range pod {
				fmt.Fprintf(w, "%c", pod[i])
				w.(http.Flusher).Flush()
			}
		}, "", ""},
		"5 MiB": {func(w http.ResponseWriter, _ *http.Request) {
			o := label("one")
			object.Map(o, "metadata")["managedFields"] = []any{map[string]any{"x": strings.Repeat("x", 5<<20)}}
			reply(w, o)
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.handler)
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			timeout := time.Minute
			if tt.says == late {
				timeout = time.Second
			}
			s := &Source{Client: connectTo(t, Access{Server: server.URL, Timeout: timeout}),
				Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("pod.labels"), nil, Once)}
			began := time.Now()
			l, err := s.Read(t.Context())
			if reasonOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) || l.Live {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if l.Has(appPath()) != (tt.want == "") {
				t.Errorf("says %v", l.Paths())
			}
			if tt.want != "" && time.Since(began) > 30*time.Second {
				t.Errorf("took %s", time.Since(began))
			}
			reason, _ := s.Explain(appPath())
			if tt.want != "" && !strings.Contains(reason, string(tt.want)) {
				t.Errorf("explained by %q", reason)
			}
		})
	}
}

// TestRefused: nobody listens, and then somebody does.
func TestRefused(t *testing.T) {
	t.Parallel()
	// One that Linux, as it comes, does not give to those who ask for any, which a port that was free a
	// moment ago is.
	address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
	s := &Source{Client: connectTo(t, Access{Server: "http://" + address}), Timing: quick(),
		Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("pod.labels"), nil, Follow)}
	f := follow(t, s)
	f.until("unreachable", func(_ watch.Layer, err error) bool { return reasonOf(err) == Unreachable })
	newAPI(t, func(h http.Handler) *httptest.Server {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(h)
		if err := server.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		server.Listener = listener
		h.(*fakeAPI).put(label("one")) // before it can be asked for
		server.Start()
		return server
	})
	f.says(appPath(), "one")
	stats := s.Client.Stats()
	if stats.Requests[Request{"get", 0}] == 0 || stats.Requests[Request{"get", 200}] != 1 || stats.Requests[Request{"watch", 200}] != 1 {
		t.Errorf("%v", stats)
	}
}

func TestReadHeedsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s := &Source{Client: connectTo(t, Access{Server: server.URL, Timeout: time.Hour}), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs(""), nil, Once)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.Read(ctx); err == nil || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// TestRotation: the CA and the token change under a running watch.
func TestRotation(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	a := &fakeAPI{objects: map[string]map[string]any{}, watchers: map[*watching]bool{}, version: 1000}
	var token atomic.Value
	token.Store("first")
	server, replace := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token.Load().(string) {
			refuse(w, 401, "Unauthorized", "")
			return
		}
		a.ServeHTTP(w, r)
	}), ca)
	a.put(label("one"))
	access := inCluster(t, server, ca, "first")
	s := &Source{Client: connectTo(t, access), Pod: Target{Namespace: "shop", Name: "web-0"}, Plan: NewPlan(needs("pod.labels"), nil, Follow), Timing: quick()}
	f := follow(t, s)
	f.says(appPath(), "one")

	next := newAuthority(t)
	replace(next)
	token.Store("second")
	server.CloseClientConnections()
	f.until("not trusted", func(l watch.Layer, err error) bool { return reasonOf(err) == Untrusted && !l.Live })
	write(t, access.ServiceAccountDir+"/ca.crt", next.pem)
	f.until("unauthorized", func(l watch.Layer, err error) bool { return reasonOf(err) == Unauthorized && !l.Live })
	write(t, access.ServiceAccountDir+"/token", []byte("second"))
	f.says(appPath(), "one")
	a.put(label("two"))
	f.says(appPath(), "two")
}
