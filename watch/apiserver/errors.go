package apiserver

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reason is why the API server did not answer.
type Reason string

// The reasons.
const (
	Forbidden    Reason = "forbidden"     // a permission is missing
	Unauthorized Reason = "unauthorized"  // the credentials are not accepted
	Expired      Reason = "expired"       // the credentials are too old
	NotFound     Reason = "not found"     // the object, or its kind, does not exist
	Replaced     Reason = "replaced"      // another pod has the name now
	Unreachable  Reason = "unreachable"   // no connection, or no answer in time
	Untrusted    Reason = "not trusted"   // the certificate is not of the CA
	Overloaded   Reason = "overloaded"    // it asks to be spared for a while
	Invalid      Reason = "invalid"       // it refuses the request as such
	Broken       Reason = "cannot answer" // it fails, or answers what nobody can read
)

// Error is a request that failed.
type Error struct {
	Reason Reason
	Verb   string // get, list or watch
	// Resource is what was asked for, as kubectl names it: replicasets.apps.
	Resource        string
	Namespace, Name string
	Server          string // its URL
	// Rule is what a Role lacks, where Reason is Forbidden.
	Rule *Rule
	// Hint says what to do next.
	Hint string
	// RetryAfter is how long the server asks to be spared.
	RetryAfter time.Duration
	Err        error
}

// Error says everything in one line.
func (e *Error) Error() string {
	s := e.Short()
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Short is Error without the hint. What is wrong with the server as a whole is
// said the same for every request, so that it need be said only once.
func (e *Error) Short() string {
	s := string(e.Reason)
	switch {
	case e.Server != "" && slices.Contains([]Reason{Unreachable, Untrusted, Unauthorized, Expired, Overloaded}, e.Reason):
		s = e.Server + ": " + s
	case e.Verb != "":
		s = e.Verb + " " + e.what() + ": " + s
	}
	if e.Err != nil && e.Reason != Forbidden && e.Reason != NotFound {
		s += ": " + cause(e.Err)
	}
	return s
}

// cause says what the network did, without the URL and the ports of that one
// request.
func cause(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "dial" {
		return op.Op + ": " + op.Err.Error()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// what names what was asked for: pods shop/web-1.
func (e *Error) what() string {
	switch {
	case e.Name == "" && e.Namespace == "":
		return e.Resource
	case e.Name == "":
		return e.Resource + " in " + e.Namespace
	case e.Namespace == "":
		return e.Resource + " " + e.Name
	}
	return e.Resource + " " + e.Namespace + "/" + e.Name
}

// reasonOf returns why a request failed, or nothing.
func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// request says what was asked, for errors.
type request struct {
	verb     string
	path     string
	resource resource
	question question
}

// fail makes an [*Error] of what client-go and the network say.
func (c *Client) fail(req request, err error, info *call) error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	q := req.question
	e := &Error{Verb: req.verb, Resource: req.path, Namespace: q.namespace, Name: q.name, RetryAfter: info.retryAfter, Server: c.Server, Err: err}
	if req.path == "" {
		e.Resource = req.resource.String()
		if !req.resource.namespaced {
			e.Namespace = ""
		}
	}
	status, answered := errors.AsType[*apierrors.StatusError](err)
	switch {
	case untrusted(err):
		e.Reason, e.Hint = Untrusted, c.trustHint(err)
	case answered:
		c.refused(e, req, status)
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason, e.Err = Unreachable, fmt.Errorf("%s does not answer within %s", c.Server, c.timeout)
		e.Hint = "check network policies and the address"
	case errors.Is(err, context.Canceled):
		e.Reason = Unreachable
	case strings.Contains(err.Error(), "remote error: tls:"):
		e.Reason, e.Hint = Unauthorized, "the server refuses the client certificate of "+c.Origin
	case strings.Contains(err.Error(), "getting credentials: "): // client-go, plugin/pkg/client/auth/exec
		first, _, _ := strings.Cut(err.Error(), "\n")
		_, first, _ = strings.Cut(first, "getting credentials: ")
		e.Reason, e.Err = Unauthorized, errors.New(first)
		e.Hint = "the credential plugin of " + c.Origin + " must be installed and work"
	case c.noAuthority(err):
		e.Reason, e.Hint = Untrusted, fmt.Sprintf("put the certificate of the cluster's CA into %s, as PEM", c.found.ca)
	case malformed(err):
		e.Reason, e.Hint = Broken, fmt.Sprintf("check that %s is an API server", c.Server)
	case c.found.tokenFile != "" && (errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)):
		e.Reason = Unauthorized
	default:
		e.Reason, e.Hint = Unreachable, "check network policies and the address"
	}
	return e
}

// anonymous is whom requests with credentials that are not accepted come from.
const anonymous = "system:anonymous"

// noAuthority reports a CA that cannot be read.
func (c *Client) noAuthority(err error) bool {
	file, ok := errors.AsType[*fs.PathError](err)
	return ok && file.Path == c.conn.caFile || strings.Contains(err.Error(), "unable to load root certificates")
}

// refused reads the status that the API server answers with.
func (c *Client) refused(e *Error, req request, status *apierrors.StatusError) {
	if after := status.Status().Details; after != nil && e.RetryAfter == 0 {
		e.RetryAfter = time.Duration(after.RetryAfterSeconds) * time.Second
	}
	switch code := int(status.Status().Code); {
	case code == http.StatusForbidden && strings.Contains(status.Status().Message, `"`+anonymous+`"`):
		e.Reason, e.Err = Unauthorized, errors.New("the request counts as that of "+anonymous)
		e.Hint = "the credentials of " + c.Origin + " are none, or none that the server accepts; renew them"
	case code == http.StatusForbidden:
		e.Reason = Forbidden
		if req.path == "" {
			rule := req.question.permission(req.resource, req.verb)
			e.Rule = &rule
			e.Hint = "add to a " + e.Rule.role() + ": " + e.Rule.String()
		}
	case code == http.StatusUnauthorized:
		e.Reason, e.Hint = Unauthorized, "check the credentials of "+c.Origin
		if at, ok := c.tokenExpiry(); ok && time.Now().After(at) {
			e.Reason = Expired
			e.Hint = fmt.Sprintf("the token in %s expired on %s; it is not being renewed", c.found.tokenFile, at.UTC().Format(time.RFC3339))
		}
	case code == http.StatusNotFound:
		e.Reason, e.Hint = NotFound, "check that the API server serves it"
		if missing(req.question, status) {
			e.Hint = "check its name and namespace"
		}
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		e.Reason = Overloaded
	case code == http.StatusBadRequest || code == http.StatusUnprocessableEntity || code == http.StatusMethodNotAllowed:
		e.Reason = Invalid
		if req.question.labels+req.question.fields != "" {
			e.Hint = "correct the selectors of the object"
		}
	default:
		e.Reason = Broken
	}
}

// missing reports whether the API server says that the object does not exist.
// Where it does not serve the kind, or does not serve at all and another
// answers in its place, nobody names the object.
func missing(q question, status *apierrors.StatusError) bool {
	details := status.Status().Details
	return status.Status().Code == http.StatusNotFound && q.name != "" && details != nil && details.Name == q.name
}

// refine finds out what it means that a path is not found. The API server says
// so of a kind that it does not serve, and so do load balancers of every path
// when they have no server to ask: they know no version either.
func (c *Client) refine(ctx context.Context, req request, err error) error {
	e, ok := errors.AsType[*Error](err)
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if !ok || !answered || e.Reason != NotFound || req.path == versionPath {
		return err
	}
	unexpected := apierrors.IsUnexpectedServerError(status)
	if unexpected {
		_, err := c.version(ctx)
		if reason := reasonOf(err); err != nil && reason != Forbidden && reason != Unauthorized { // who may ask for it is a matter of roles
			return c.notThere(e)
		}
	}
	if d := status.Status().Details; req.path != "" || d != nil && d.Name != "" && !unexpected {
		return e // the path is meant, or the object
	}
	return c.unserved(ctx, req.question, e, unexpected)
}

// notThere is for an answer that somebody else gave in the API server's place.
func (c *Client) notThere(e *Error) error {
	e.Reason, e.Hint = Broken, fmt.Sprintf("check that %s is an API server", c.Server)
	return e
}

func (r Rule) role() string {
	if r.ClusterScoped {
		return "ClusterRole"
	}
	return "Role of namespace " + r.Namespace
}

// String writes the rule as it stands in a Role.
func (r Rule) String() string {
	quoted := make([]string, len(r.APIGroups))
	for i, group := range r.APIGroups {
		quoted[i] = fmt.Sprintf("%q", group)
	}
	s := fmt.Sprintf("{apiGroups: [%s], resources: [%s]", strings.Join(quoted, ", "), strings.Join(r.Resources, ", "))
	if len(r.ResourceNames) > 0 {
		s += fmt.Sprintf(", resourceNames: [%s]", strings.Join(r.ResourceNames, ", "))
	}
	return s + fmt.Sprintf(", verbs: [%s]}", strings.Join(r.Verbs, ", "))
}

// trustHint says whose word was taken for the certificate.
func (c *Client) trustHint(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "the server's certificate, or this machine's clock, must be set right"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use a name or address that the certificate is for"
	}
	return fmt.Sprintf("%s is not signed by %s; check that the CA is that of the cluster", c.Server, c.found.ca)
}

// tokenExpiry reads when the token in use ends. It is no secret, and the rest
// is not looked at.
func (c *Client) tokenExpiry() (time.Time, bool) {
	data, err := os.ReadFile(c.found.tokenFile)
	parts := strings.Split(strings.TrimSpace(string(data)), ".")
	if err != nil || len(parts) != 3 {
		return time.Time{}, false
	}
	var claims struct {
		Expiry int64 `json:"exp"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expiry == 0 {
		return time.Time{}, false
	}
	return time.Unix(claims.Expiry, 0), true
}

// malformed reports an answer that cannot be read.
func malformed(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	return syntax || errors.Is(err, io.ErrUnexpectedEOF) || slices.ContainsFunc(
		[]string{"couldn't get version/kind", "unexpected end of JSON", "no JSON", "serializer for", "serializers registered"},
		func(text string) bool { return strings.Contains(err.Error(), text) })
}

// reset reports a connection that broke, which the next one need not do.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// gone reports that a version is too old to begin from.
func gone(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && (status.Status().Code == http.StatusGone || status.Status().Reason == metav1.StatusReasonExpired)
}
