package apiserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// call travels with the context of one request.
type call struct {
	verb     string
	metadata bool // ask for the metadata only

	code       int           // of the answer, 0 for none
	retryAfter time.Duration // how long the server wants to be spared
	err        error         // why there is no answer
}

// why is what the network did, where client-go knows only that there is no
// answer.
func (c *call) why(err error) error {
	if err != nil && c.err != nil {
		return c.err
	}
	return err
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// caller notes how each call goes. It takes Retry-After out of the answer, and
// the network's words out of an error: client-go would sleep a second and try
// again, up to ten times and unseen, and this package has its own ways to wait.
type caller struct {
	next  http.RoundTripper
	count func(verb string, code int)
}

func (t caller) RoundTrip(req *http.Request) (*http.Response, error) {
	c, _ := req.Context().Value(callKey{}).(*call)
	if c == nil {
		c = &call{verb: "get"}
	}
	if c.metadata {
		req = req.Clone(req.Context())
		req.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		t.count(c.verb, 0)
		c.err = err
		return nil, errors.New("no answer")
	}
	c.code = resp.StatusCode
	if seconds, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
		c.retryAfter = seconds
	}
	resp.Header.Del("Retry-After")
	t.count(c.verb, resp.StatusCode)
	return resp, nil
}

// tokenFile adds a token that is read for every request. There are few, and
// each uses the token of its time.
type tokenFile struct {
	path string
	next http.RoundTripper

	mu   sync.Mutex
	last string
}

func (t *tokenFile) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return t.next.RoundTrip(req)
}

// token falls back to the last one while the file is being replaced.
func (t *tokenFile) token() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	data, err := os.ReadFile(t.path)
	if token := strings.TrimSpace(string(data)); token != "" {
		t.last = token
	}
	switch {
	case t.last != "":
		return t.last, nil
	case err != nil:
		return "", err
	}
	return "", fmt.Errorf("the token file %s is empty", t.path)
}

// connection is a transport whose certificate authority may be replaced. A
// certificate that is refused makes it read the file again.
//
// It is not taken from client-go, whose transports live in a global cache and
// look at the file every five minutes only.
type connection struct {
	caFile string
	make   func(ca []byte) (*http.Transport, error)

	mu        sync.Mutex
	ca        []byte
	transport *http.Transport
}

func (c *connection) RoundTrip(req *http.Request) (*http.Response, error) {
	t, err := c.current()
	if err != nil {
		return nil, err
	}
	resp, err := t.RoundTrip(req)
	if untrusted(err) && c.renew() {
		if t, err = c.current(); err != nil {
			return nil, err
		}
		return t.RoundTrip(req)
	}
	return resp, err
}

func (c *connection) current() (*http.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		return c.transport, nil
	}
	if c.caFile != "" {
		var err error
		if c.ca, err = os.ReadFile(c.caFile); err != nil {
			return nil, err
		}
	}
	var err error
	c.transport, err = c.make(c.ca)
	return c.transport, err
}

// renew forgets the transport if the file has changed.
func (c *connection) renew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caFile == "" {
		return false
	}
	if ca, err := os.ReadFile(c.caFile); err != nil || bytes.Equal(ca, c.ca) {
		return false
	}
	if c.transport != nil {
		c.transport.CloseIdleConnections()
		c.transport = nil
	}
	return true
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		c.transport.CloseIdleConnections()
		c.transport = nil
	}
}

// credentials tells those of now from those that they replaced.
func (c *Client) credentials() [sha256.Size]byte {
	token, _ := os.ReadFile(c.found.tokenFile) // what cannot be read is as good as empty
	ca, _ := os.ReadFile(c.conn.caFile)
	return sha256.Sum256(slices.Concat(token, []byte{0}, ca))
}

// untrusted reports whether the server's certificate was refused.
func untrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
