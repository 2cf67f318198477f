package apiserver

// Reason is why the API server did not answer.
type Reason string

// The reasons.
const (
	Forbidden    Reason = "forbidden"     // a permission is missing
	Unauthorized Reason = "unauthorized"  // the credentials are not accepted
	NotFound     Reason = "not found"     // the object, or its kind, does not exist
	Replaced     Reason = "replaced"      // another pod has the name now
	Unreachable  Reason = "unreachable"   // no connection, or no answer in time
	Untrusted    Reason = "not trusted"   // the certificate is not of the CA
	Expired      Reason = "expired"       // the client's certificate or token
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
	Origin          string // of the access
	// Rule is what a Role lacks where Reason is Forbidden.
	Rule *Rule
	Err  error
}

func (e *Error) Error() string { return string(e.Reason) }

func (e *Error) Unwrap() error { return e.Err }
