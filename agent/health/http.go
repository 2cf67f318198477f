package health

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Handler answers a probe over HTTP: 200 for yes, 503 for no. The body names what
// is wrong; with ?verbose it names what is well too. Whoever accepts JSON gets
// the [Verdict].
func (m *Monitor) Handler(p Probe) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := m.Answer(r.Context(), p)
		code := http.StatusOK
		if !v.OK {
			code = http.StatusServiceUnavailable
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			h.Set("Content-Type", "application/json")
			w.WriteHeader(code)
			json.NewEncoder(w).Encode(v) //nolint:errcheck // who asked may have gone
			return
		}
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		io.WriteString(w, v.text(r.URL.Query().Has("verbose"))) //nolint:errcheck // who asked may have gone
	})
}
