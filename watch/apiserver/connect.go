package apiserver

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/transport"
)

// connect makes the way to the server: credentials, then the connection, in the
// making of which tune has the last word.
func connect(f found, tune func(*http.Transport)) (http.RoundTripper, *connection, error) {
	tc, err := f.config.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	conn := &connection{caFile: tc.TLS.CAFile}
	static := tc.TLS.CAData
	if conn.caFile != "" && len(static) > 0 {
		conn.caFile = "" // as client-go, where the data win
	}
	conn.make = func(ca []byte) (*http.Transport, error) {
		config := *tc
		config.TLS.CAFile, config.TLS.CAData = "", ca
		if conn.caFile == "" {
			config.TLS.CAData = static
		}
		secure, err := transport.TLSConfigFor(&config)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.ca, err)
		}
		// As patient as the pings below, for servers that speak HTTP/1.1 alone.
		alive := net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}
		dial := (&net.Dialer{Timeout: 5 * time.Second, KeepAliveConfig: alive}).DialContext
		if config.DialHolder != nil {
			dial = config.DialHolder.Dial
		}
		t := &http.Transport{
			TLSClientConfig:     secure,
			DialContext:         dial,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 2,
			DisableCompression:  config.DisableCompression,
			Proxy:               config.Proxy, // nil is that of the environment
			ForceAttemptHTTP2:   true,
			// As in utilnet.SetTransportDefaults, which brings an HTTP/2 of its own:
			// within 45 seconds, pings find out that nobody is at the other end any more.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		}
		tune(t)
		return utilnet.SetOldTransportDefaults(t), nil
	}
	var next http.RoundTripper = conn
	if f.tokenFile != "" {
		next = &tokenFile{path: f.tokenFile, next: conn}
	}
	authorized, err := transport.HTTPWrappersForConfig(tc, next)
	return authorized, conn, err
}

// Forwarder makes requests of other programs: as they are, but with the credentials
// of the [Client] that it comes from. A request that has an Authorization header
// keeps that, so that whoever passes requests on has to take it out.
type Forwarder struct {
	// URL is that of the server. Its path comes before that of every request.
	URL *url.URL

	authorized http.RoundTripper
	conn       *connection
}

// Forwarder makes one, with connections of its own. HTTP/2 has one for a hundred
// requests or more, as many as the server takes; where it takes no more, there is
// another one. Answers stay compressed if the request allows for that, and what a slow
// reader does not take stays with the server: 128 kB of it are on the way at most.
func (c *Client) Forwarder() (*Forwarder, error) {
	u, err := url.Parse(c.found.config.Host)
	if err != nil {
		return nil, err
	}
	authorized, conn, err := connect(c.found, func(t *http.Transport) {
		t.DisableCompression = true
		t.MaxIdleConnsPerHost = 16 // for servers that speak HTTP/1.1 alone
		t.HTTP2.MaxReceiveBufferPerStream = 128 << 10
	})
	if err != nil {
		return nil, err
	}
	return &Forwarder{URL: u, authorized: authorized, conn: conn}, nil
}

// RoundTrip makes a request. It is an [http.RoundTripper].
func (f *Forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	return f.authorized.RoundTrip(r.WithContext(silent(r.Context())))
}

// Close closes the connections that are not in use.
func (f *Forwarder) Close() { f.conn.close() }
