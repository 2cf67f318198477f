package metadata

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/podfacts/podfacts/watch"
)

const (
	keepAlive = 15 * time.Second
	maxStream = time.Hour // then the client comes back, and misses nothing
)

// event is the data of one.
type event struct {
	// Since is the id that Changed starts from. Empty: everything counts as
	// changed.
	Since   string       `json:"since,omitempty"`
	Changed []watch.Path `json:"changed"`
}

// watch answers /v1/watch.
func (s *Service) watch(q *request) error {
	if _, err := q.accepts(typeEvents); err != nil {
		return err
	}
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	if s.current() == nil {
		return refuse(http.StatusServiceUnavailable, "the sources have not been read yet; ask again in a second")
	}
	h := q.w.Header()
	h.Set("Content-Type", typeEvents)
	h.Set("Cache-Control", "no-store")
	if q.Method == http.MethodHead {
		return nil
	}
	out := &stream{request: q, flush: http.NewResponseController(q.w).Flush}
	if !out.write("retry: 1000\n\n") {
		return nil
	}
	last := q.Header.Get("Last-Event-ID")
	end := time.NewTimer(maxStream)
	defer end.Stop()
	quiet := time.NewTimer(keepAlive)
	defer quiet.Stop()
	for {
		moves := s.moves()
		if v := s.current(); v.id != last {
			if !out.write(s.message(last, v)) {
				return nil
			}
			last = v.id
			quiet.Reset(keepAlive)
		}
		select {
		case <-moves:
		case <-quiet.C:
			if !out.write(":\n\n") {
				return nil
			}
			quiet.Reset(keepAlive)
		case <-end.C:
			return nil
		case <-q.Context().Done():
			return nil
		}
	}
}

// message is the event of a change since an id.
func (s *Service) message(last string, v *view) string {
	var e event
	var known bool
	if e.Changed, known = s.since(last, v); known {
		e.Since = last
	}
	if e.Changed == nil {
		e.Changed = []watch.Path{}
	}
	var b bytes.Buffer
	b.WriteString("id: " + v.id + "\ndata: ")
	enc := json.NewEncoder(&b) // on one line, which it ends
	enc.SetEscapeHTML(false)
	_ = enc.Encode(e) // strings can be encoded
	b.WriteString("\n")
	return b.String()
}

// stream writes to a client that may be slow, or gone.
type stream struct {
	*request
	flush func() error
}

// write reports whether the client has taken what is written.
func (s *stream) write(text string) bool {
	s.lasts(0)
	_, err := s.w.Write([]byte(text))
	return err == nil && s.flush() == nil
}
