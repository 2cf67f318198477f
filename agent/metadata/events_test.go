package metadata

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// listener reads the events of one client.
type listener struct {
	t      *testing.T
	resp   *http.Response
	lines  *bufio.Reader
	quiets int // comments that came
}

func listen(t *testing.T, client *http.Client, last string) *listener {
	t.Helper()
	resp := get(t, client, "/v1/watch", "Last-Event-ID", last)
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != typeEvents {
		t.Fatalf("%d %s", resp.StatusCode, kind)
	}
	return &listener{t: t, resp: resp, lines: bufio.NewReader(resp.Body)}
}

// next reads an event.
func (l *listener) next() (id string, e event) {
	l.t.Helper()
	for data := ""; ; {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			l.t.Errorf("the stream has ended: %v", err)
			return "", e
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			data = value
		case ":":
			l.quiets++
		case "":
			if data == "" {
				continue
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				l.t.Error(err)
			}
			return id, e
		}
	}
}

// heard holds the next event against what it should be.
func (l *listener) heard(since string, changed ...watch.Path) (id string) {
	l.t.Helper()
	id, e := l.next()
	if e.Since != since || !slices.Equal(e.Changed, changed) {
		l.t.Errorf("heard %+v, want since %q %q", e, since, changed)
	}
	return id
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t, "tier", "blue"), "pod.labels", "pod.name")
		client, stop := over(t, s)
		defer stop()
		etag := func() string { return strings.Trim(get(t, client, "/v1/view").Header.Get("ETag"), `"`) }
		const app, tier watch.Path = "pod.labels['app.kubernetes.io/name']", "pod.labels['tier']"

		l := listen(t, client, "")
		first := l.heard("", "pod.labels", app, tier, "pod.name")
		if first != etag() {
			t.Errorf("the id is %s, the view's ETag %s", first, etag())
		}
		report(s, web(t, "tier", "green"))
		second := l.heard(first, tier)
		report(s, web(t, "tier", "green", "x", "<script>\r\n\u2028"))
		third := l.heard(second, "pod.labels['x']")
		if third != etag() {
			t.Errorf("the id is %s, the view's ETag %s", third, etag())
		}

		// What concerns nobody is not told.
		s.Set(Settings{Expose: []Exposed{{Path: "pod.labels"}, {Path: "pod.name"}, {Path: "pod.uid"}}})
		report(s, web(t, "tier", "green", "x", "<script>\r\n\u2028"))
		go func() {
			time.Sleep(50 * time.Second)
			report(s, web(t, "tier", "blue"))
		}()
		if id := l.heard(third, tier, "pod.labels['x']"); id != first {
			t.Errorf("the view is what it was, and its id %s, not %s", id, first)
		}
		if l.quiets != 3 {
			t.Errorf("%d comments in 50 s, want 3", l.quiets)
		}

		// Who comes back hears what he has missed.
		listen(t, client, second).heard(second, tier, "pod.labels['x']")
		listen(t, client, "unheard-of").heard("", "pod.labels", app, tier, "pod.name")
		back := listen(t, client, first)
		report(s, web(t, "tier", "red"))
		back.heard(first, tier)

		// A connection is not kept for ever.
		time.Sleep(maxStream)
		if _, err := back.lines.ReadString('x'); err == nil {
			t.Error("it goes on")
		}
	})
}

// Who comes back after more changes than are remembered hears of everything.
func TestWatchForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t, "n", "0"), "pod.labels")
		client, stop := over(t, s)
		defer stop()
		l := listen(t, client, "")
		first, _ := l.next()
		last := first
		for i := range maxHistory {
			report(s, web(t, "n", strconv.Itoa(i+1)))
			last = l.heard(last, "pod.labels['n']")
		}
		listen(t, client, first).heard(first, "pod.labels['n']")
		report(s, web(t, "n", "last"))
		l.heard(last, "pod.labels['n']")
		listen(t, client, first).heard("", "pod.labels", "pod.labels['app.kubernetes.io/name']", "pod.labels['n']")
		if len(s.history) != maxHistory {
			t.Errorf("%d steps are remembered", len(s.history))
		}
	})
}

// Who reads slowly holds up nobody, and hears of all that he has missed at once.
// Who does not read at all is left.
func TestWatchSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := exposing(web(t), "pod.labels")
		client, stop := over(t, s)
		defer stop()
		quick, slow := listen(t, client, ""), listen(t, client, "")
		quick.next()
		first, _ := slow.next()
		began := time.Now()
		const many = 500 // of which the second fills the pipe and the transport's buffer
		ids := []string{first}
		value := strings.Repeat("x", 100)
		for i := range many {
			report(s, web(t, fmt.Sprintf("%s%d", value, i), strconv.Itoa(i)))
			id, _ := quick.next()
			ids = append(ids, id)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("they were held up for %v", took)
		}
		events := 0
		for id := ""; id != ids[many]; events++ {
			var e event
			if id, e = slow.next(); e.Since != "" && !slices.Contains(ids, e.Since) {
				t.Fatalf("since %s", e.Since)
			}
		}
		if events == 0 || events >= many/2 {
			t.Errorf("%d events for %d changes", events, many)
		}

		for i := range many {
			report(s, web(t, "y"+value+strconv.Itoa(i), "z"))
			quick.next()
		}
		time.Sleep(writing + time.Second)
		if n := s.waiting.Load(); n != 1 {
			t.Errorf("%d are served still", n)
		}
	})
}

// Clients that go leave nothing behind.
func TestWatchAborted(t *testing.T) {
	t.Parallel()
	s := exposing(web(t), "pod.labels")
	client, stop := overTCP(t, s)
	for range 20 {
		l := listen(t, client, "")
		l.next()
		l.resp.Body.Close() //nolint:errcheck // in the middle
	}
	for deadline := time.Now().Add(time.Minute); s.waiting.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d are served still", s.waiting.Load())
		}
	}
	stop()
}

// A hundred watch over TCP, and all of them hear of each change.
func TestWatchTogether(t *testing.T) {
	t.Parallel()
	const watchers, changes = 100, 5
	s := exposing(web(t, "n", "0"), "pod.labels")
	client, stop := overTCP(t, s)
	defer stop()
	var all []*listener
	for range watchers {
		l := listen(t, client, "")
		l.next()
		all = append(all, l)
	}
	last := s.current().id
	for i := range changes {
		report(s, web(t, "n", strconv.Itoa(i+1)))
		id := s.current().id
		for _, l := range all {
			if got := l.heard(last, "pod.labels['n']"); got != id {
				t.Errorf("heard of %s, want %s", got, id)
			}
		}
		last = id
	}
	for _, l := range all {
		l.resp.Body.Close() //nolint:errcheck // in the middle
	}
}

// HEAD is answered like GET, but ends.
func TestWatchHead(t *testing.T) {
	t.Parallel()
	w := ask(t, exposing(web(t), "pod"), "HEAD /v1/watch")
	if w.Code != 200 || w.Header().Get("Content-Type") != typeEvents || w.Body.Len() > 0 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// FuzzLastEventID: whatever a client sends, it gets events.
func FuzzLastEventID(f *testing.F) {
	f.Add("")
	f.Add("\x00\xff: \n")
	f.Fuzz(func(t *testing.T, last string) {
		s := exposing(web(t, "tier", "<script>\n\nid: 1\n"), "pod.labels")
		text := s.message(last, s.current())
		lines := strings.Split(text, "\n")
		if len(lines) != 4 || !strings.HasPrefix(lines[0], "id: ") || !strings.HasPrefix(lines[1], "data: {") || lines[2]+lines[3] != "" {
			t.Errorf("%q", text)
		}
	})
}

// overTCP has a service answer on loopback.
func overTCP(t *testing.T, s *Service) (client *http.Client, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return overListener(t, s, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) })
}
