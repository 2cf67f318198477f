package faultproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status answers as the API server does where it refuses: with a Status that names what
// was asked for.
func Status(code int, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(status(code, r)) // the client may be gone
	})
}

func status(code int, r *http.Request) metav1.Status {
	s := metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Message: "as the test wishes", Details: &metav1.StatusDetails{}} //nolint:gosec // three digits
	s.Kind, s.APIVersion = "Status", "v1"
	s.Reason = map[int]metav1.StatusReason{
		401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound,
		409: metav1.StatusReasonConflict, 410: metav1.StatusReasonExpired, 429: metav1.StatusReasonTooManyRequests,
		500: metav1.StatusReasonInternalError, 503: metav1.StatusReasonServiceUnavailable,
	}[code]
	if parts := strings.Split(r.URL.Path, "/"); r.URL.Query().Get("watch") == "" {
		s.Details.Name, s.Details.Kind = parts[len(parts)-1], parts[len(parts)-2]
	}
	return s
}

// Only lets a fault happen to paths that hold a text.
func (p *Proxy) Only(text string, fault http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, text) {
			fault.ServeHTTP(w, r)
			return
		}
		p.Forward(w, r)
	})
}

// Text answers as a load balancer does that has nobody to ask.
func Text(code int, contentType, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text) // the client may be gone
	})
}

// Hang answers nothing for as long as the client waits.
func Hang() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// Broken lets each watch begin, and ends it with an error of the server.
func (p *Proxy) Broken(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			p.Forward(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		text, err := json.Marshal(status(code, r))
		if err == nil {
			fmt.Fprintf(w, `{"type":"ERROR","object":%s}`+"\n", text)
		}
	})
}

// Truncated cuts each answer after some bytes of its body, and ends it properly, or not.
func (p *Proxy) Truncated(length int, properly bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cut := &cut{ResponseWriter: w, left: length}
		p.Forward(cut, r)
		if cut.left == 0 && !properly {
			panic(http.ErrAbortHandler)
		}
	})
}

type cut struct {
	http.ResponseWriter
	left int
}

func (w *cut) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cut) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b[:min(len(b), w.left)])
	w.left -= n
	if err == nil && w.left == 0 {
		flush(w)
		err = io.ErrShortWrite // to end the answer
	}
	return n, err
}

// Lagging lets each watch begin at once, and tell what it has to after a while.
func (p *Proxy) Lagging(pause time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "" {
			w = &lagging{ResponseWriter: w, pause: pause}
		}
		p.Forward(w, r)
	})
}

type lagging struct {
	http.ResponseWriter
	pause time.Duration
}

func (w *lagging) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *lagging) Write(b []byte) (int, error) {
	if len(b) > 0 {
		time.Sleep(w.pause)
		w.pause = 0
	}
	return w.ResponseWriter.Write(b)
}

// Inflated gives each object that has annotations another one, of so many bytes.
func (p *Proxy) Inflated(size int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inflate := &inflate{ResponseWriter: w, size: size}
		p.Forward(inflate, r)
		_, _ = w.Write(inflate.line) // the client may be gone
	})
}

type inflate struct {
	http.ResponseWriter
	size int
	line []byte
}

func (w *inflate) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write passes on whole lines: an object, or an event of a watch.
func (w *inflate) Write(b []byte) (int, error) {
	w.line = append(w.line, b...)
	for {
		line, rest, whole := bytes.Cut(w.line, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		const mark = `"annotations":{`
		line = bytes.Replace(line, []byte(mark), fmt.Appendf(nil, `%s"big":"%s",`, mark, strings.Repeat("x", w.size)), 1)
		if _, err := w.ResponseWriter.Write(append(line, '\n')); err != nil {
			return 0, err
		}
		w.line = rest
	}
}

// Expiring has the server end each watch after a time.
func (p *Proxy) Expiring(after time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Get("watch") != "" {
			query.Set("timeoutSeconds", fmt.Sprint(int(after.Seconds())))
			r.URL.RawQuery = query.Encode()
		}
		p.Forward(w, r)
	})
}
