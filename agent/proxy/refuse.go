package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Reasons as Kubernetes names them (metav1.StatusReason), which kubectl shows.
const (
	reasonForbidden  = "Forbidden"
	reasonBadRequest = "BadRequest"
	reasonNotFound   = "NotFound"
	reasonMethod     = "MethodNotAllowed"
	reasonTooMany    = "TooManyRequests"
	reasonBadGateway = "BadGateway"
	reasonGone       = "ServiceUnavailable"
	reasonTimeout    = "Timeout"
)

// refusal is why the proxy answers by itself.
type refusal struct {
	code            int
	reason, message string
}

func refuse(code int, reason, message string) *refusal { return &refusal{code, reason, message} }

// status is metav1.Status, as far as it is needed.
type status struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Metadata   struct{} `json:"metadata"`
	Status     string   `json:"status"`
	Message    string   `json:"message"`
	Reason     string   `json:"reason"`
	Code       int      `json:"code"`
}

// write answers as an API server would.
func (f *refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(status{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: f.message, Reason: f.reason, Code: f.code})
	if err != nil {
		body = []byte(f.message) // strings and numbers have no way to fail
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if f.code == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(f.code)
	w.Write(body) //nolint:errcheck // who asked may have gone
}
