package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The API server's requests to itself and the questions whether it lives are nobody's
// doing.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["system:apiserver"]
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
- level: Metadata
`

// A Request is one request to the API server, at its latest stage.
type Request struct {
	User      string // empty when the token was refused
	UserAgent string
	Verb      string // get, list, watch, create, update, patch, delete
	Resource  string // pods, deployments.apps, pods/status; empty for a path
	Namespace string
	Name      string // also of a list or watch with fieldSelector=metadata.name=NAME
	URI       string
	Code      int    // zero while unanswered
	Stage     string // ResponseStarted: a watch that is open; ResponseComplete: over
	Received  time.Time
	Reason    string // why it was allowed or not, as RBAC tells it
}

// String is short enough to compare in tests: get pods shop/web-1 200.
func (r Request) String() string {
	if r.Resource == "" {
		return fmt.Sprintf("%s %s %d", r.Verb, r.URI, r.Code)
	}
	object := r.Name
	if r.Namespace != "" {
		object = r.Namespace + "/" + r.Name
	}
	if object == "" {
		return fmt.Sprintf("%s %s %d", r.Verb, r.Resource, r.Code)
	}
	return fmt.Sprintf("%s %s %s %d", r.Verb, r.Resource, object, r.Code)
}

// A Mark is a moment in the audit log. Its zero value is the beginning.
type Mark struct{ offset int64 }

// Mark is now: what has been answered is before it. It is where a line begins, also when
// one is half written.
func (c *Cluster) Mark() (Mark, error) {
	file, err := os.Open(c.auditLog())
	if errors.Is(err, fs.ErrNotExist) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Mark{}, err
	}
	const longest = 1 << 20 // line, by far
	begin := max(0, info.Size()-longest)
	tail := make([]byte, info.Size()-begin)
	if _, err := file.ReadAt(tail, begin); err != nil {
		return Mark{}, err
	}
	return Mark{offset: begin + int64(bytes.LastIndexByte(tail, '\n')) + 1}, nil
}

// Requests returns the requests of a user that came after a mark, in the order in
// which they came. An empty user means all, those that the cluster's own methods make
// included. A request is there before its answer is; the end of a watch shows a moment
// after the client closed it.
func (c *Cluster) Requests(since Mark, user string) ([]Request, error) {
	file, err := os.Open(c.auditLog())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(since.offset, io.SeekStart); err != nil {
		return nil, err
	}
	log, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	var (
		requests []Request
		index    = map[string]int{} // by audit id; -1 for those that are not meant
	)
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // half written
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		i, known := index[e.AuditID]
		switch {
		case known && i >= 0:
			requests[i] = e.request()
		case known:
		case !e.first() || user != "" && e.User.Username != user:
			index[e.AuditID] = -1
		default:
			index[e.AuditID] = len(requests)
			requests = append(requests, e.request())
		}
	}
	return requests, nil
}

func (c *Cluster) auditLog() string { return filepath.Join(c.dir, "audit.log") }

// An event is what we read of an audit.k8s.io/v1 Event; each request makes up to three.
type event struct {
	AuditID    string
	Stage      string
	RequestURI string
	Verb       string
	UserAgent  string
	User       struct{ Username string }
	ObjectRef  struct {
		Resource, Subresource, APIGroup, Namespace, Name string
	}
	ResponseStatus           struct{ Code int }
	RequestReceivedTimestamp time.Time
	Annotations              map[string]string
}

// first reports whether a request begins with this event, and not before the mark. That
// of a refused token is the only one.
func (e *event) first() bool { return e.Stage == "RequestReceived" || e.User.Username == "" }

func (e *event) request() Request {
	resource := e.ObjectRef.Resource
	if e.ObjectRef.APIGroup != "" {
		resource += "." + e.ObjectRef.APIGroup
	}
	if e.ObjectRef.Subresource != "" {
		resource += "/" + e.ObjectRef.Subresource
	}
	return Request{
		User:      e.User.Username,
		UserAgent: e.UserAgent,
		Verb:      e.Verb,
		Resource:  resource,
		Namespace: e.ObjectRef.Namespace,
		Name:      e.ObjectRef.Name,
		URI:       e.RequestURI,
		Code:      e.ResponseStatus.Code,
		Stage:     e.Stage,
		Received:  e.RequestReceivedTimestamp,
		Reason: strings.TrimSpace(e.Annotations["authorization.k8s.io/decision"] + " " +
			e.Annotations["authorization.k8s.io/reason"]),
	}
}
