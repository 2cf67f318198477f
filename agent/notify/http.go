package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	maxHeaders = 64 << 10
	// maxBody is as much of an answer as is taken; then the line is cut.
	maxBody = 1 << 20
	// maxCAFile bounds what a file that is no bundle can cost.
	maxCAFile = 4 << 20
)

// HTTP makes a request whose body is Event.Body:
//
//	HTTP{URL: "http://127.0.0.1:8080/-/reload"}
//
// Each request has a connection of its own, which leaves nothing behind in a
// sidecar that makes one now and then. The status alone tells success. Redirects
// are not followed, since a request that changes something is not to be repeated
// elsewhere and its headers may hold a token: a redirect is a status like
// others. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are heeded, and never apply to
// localhost, loopback addresses and sockets.
type HTTP struct {
	Method string // "" means POST
	URL    string // http or https
	Header http.Header
	// HeaderFiles are headers that are read from files at each request. Those of
	// Event.Header come on top.
	HeaderFiles map[string]HeaderFile
	// Status are those of success. None: any from 200 to 299.
	Status []int
	// Socket is the path of a Unix socket to connect to, whatever host the URL
	// names.
	Socket string
	// CAFile holds the certificates, in PEM, that can vouch for the server. It
	// is read at each request. Empty: those of the system, and an image FROM
	// scratch has none.
	CAFile string
}

// HeaderFile is the value of a header: what stands in a file, without space around
// it, after a prefix such as "Bearer ".
type HeaderFile struct{ Path, Prefix string }

// String names the request by its method, where it goes, and the path as long as
// it stays in the pod: that of a webhook elsewhere is often its password.
func (h HTTP) String() string {
	name := "http " + h.method() + " "
	if h.Socket != "" {
		name += "unix:" + h.Socket + " "
	}
	u, err := url.Parse(h.URL)
	if err != nil {
		return shorten(name + "(invalid URL)")
	}
	return shorten(name + public(u, h.Socket != ""))
}

func (h HTTP) method() string { return cmp.Or(h.Method, http.MethodPost) }

// public is a URL without what may be secret. One on loopback is within the pod.
func public(u *url.URL, within bool) string {
	p := url.URL{Scheme: u.Scheme, Host: u.Host}
	if ip := net.ParseIP(u.Hostname()); within || u.Hostname() == "localhost" || ip.IsLoopback() {
		p.Path, p.RawPath = u.Path, u.RawPath
		if u.RawQuery != "" {
			return p.String() + "?…"
		}
		return p.String()
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return p.String() + "/…"
	}
	return p.String()
}

// Validate reports all that is wrong with the request.
func (h HTTP) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("http: "+format, args...)) }
	switch u, err := url.Parse(h.URL); {
	case h.URL == "":
		wrong("no url")
	case err != nil && strings.Contains(h.URL, "@"):
		wrong("invalid url; write what stands before the @ with its special characters as %%XX")
	case err != nil:
		wrong("invalid url: %w", withoutURL(err))
	case u.Scheme != "http" && u.Scheme != "https":
		wrong("the url must begin with http:// or https://, not with %q; for a Unix socket name it as socket", u.Scheme)
	case u.Host == "":
		wrong("the url names no host")
	}
	if _, err := http.NewRequest(h.method(), "http://localhost", nil); err != nil {
		wrong("invalid method %q", h.Method)
	}
	for _, s := range h.Status {
		if s < 200 || s > 599 {
			wrong("status %d is out of range; it must be from 200 to 599", s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Header)) {
		if err := CheckHeader(name, h.Header[name]...); err != nil {
			wrong("%w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.HeaderFiles)) {
		f := h.HeaderFiles[name]
		if err := CheckHeader(name, f.Prefix); err != nil {
			wrong("%w", err)
		}
		if f.Path == "" {
			wrong("header %s is read from a file, but names none", name)
		}
	}
	return errors.Join(errs...)
}

// Do makes the request. The error of one that fails tells the status and the
// first line of the answer.
func (h HTTP) Do(ctx context.Context, e Event) error {
	if err := h.Validate(); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, h.method(), h.URL, bytes.NewReader(e.Body))
	if err != nil {
		return withoutURL(err)
	}
	var secrets []string
	if request.Header, secrets, err = h.header(e.Header); err != nil {
		return err
	}
	if u := request.URL.User; u != nil && request.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		request.SetBasicAuth(u.Username(), password)
		secrets = append(secrets, password)
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	transport, err := h.transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return withoutURL(err)
	}
	defer answer.Body.Close()
	if h.accepts(answer.StatusCode) {
		// A server whose answer is not taken might give up what it is doing.
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody)) // the status has told
		return nil
	}
	return refusal(answer, secrets)
}

func (h HTTP) accepts(status int) bool {
	if len(h.Status) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(h.Status, status)
}

// statusError is an answer that is no success.
type statusError struct{ status, line string }

func (e *statusError) Error() string {
	if e.line == "" {
		return e.status
	}
	return e.status + ": " + e.line
}

// refusal tells of an answer, which may repeat what it was sent.
func refusal(answer *http.Response, secrets []string) error {
	e := &statusError{status: fmt.Sprintf("status %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))}
	if to, err := answer.Location(); err == nil {
		e.status += ", which leads to " + public(to, false) + " and is not followed; give that URL if it is right"
	}
	head, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // in part is better than nothing
	text := string(head)
	for _, secret := range secrets {
		text = conceal(text, secret)
	}
	e.line = firstLine(text)
	return e
}

func (h HTTP) transport() (*http.Transport, error) {
	var one http.Protocols
	one.SetHTTP1(true) // which is enough for one request, and smaller
	t := &http.Transport{
		Protocols:              &one,
		Proxy:                  http.ProxyFromEnvironment,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}
	if h.Socket != "" {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", h.Socket)
		}
	}
	if h.CAFile == "" {
		return t, nil
	}
	pool, err := readCertificates(h.CAFile)
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, err
}

func readCertificates(path string) (*x509.CertPool, error) {
	data, err := readFile(path, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("certificates: %s holds none in PEM", path)
	}
	return pool, nil
}

// withoutURL takes the URL out of an error, with its password and query.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// firstLine is the first line that says something, as a log can show it.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == '\ufffd' {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(line, " "))
		if line = strings.TrimSpace(line); line != "" {
			return shorten(line)
		}
	}
	return ""
}
