package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// Why the proxy itself ends a request.
var (
	errEnds     = errors.New("the proxy ends")
	errLate     = errors.New("no answer in time")
	errSwitched = errors.New("the API server has changed the protocol, and nobody asked for that")
)

// fail answers where there was no answer.
func (e *exchange) fail(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if e.r.Context().Err() != nil { // nobody is there any more
		e.broken = true
		return err
	}
	r := unreachable(err)
	if !errors.Is(err, errEnds) && !e.away.Swap(true) {
		e.Log.Warn("the proxy cannot reach the API server", "server", e.Server.Host, "error", err)
	}
	r.message += ": " + err.Error()
	e.refuse(r) //nolint:errcheck // it says what is known
	return err
}

// unreachable says what it means that there was no answer.
func unreachable(err error) *refusal {
	var timeout net.Error
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, errEnds):
		return refuse(http.StatusServiceUnavailable, reasonGone, "ask again elsewhere")
	case errors.Is(err, errLate), errors.As(err, &timeout) && timeout.Timeout():
		return refuse(http.StatusGatewayTimeout, reasonTimeout, "the API server does not answer the proxy")
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return refuse(http.StatusServiceUnavailable, reasonGone, "the proxy cannot reach the API server")
	}
	return refuse(http.StatusBadGateway, reasonBadGateway, "the proxy got no answer from the API server")
}

// reached notes that there is an API server.
func (e *exchange) reached() {
	if e.away.Load() && e.away.Swap(false) {
		e.Log.Info("the proxy reaches the API server again", "server", e.Server.Host)
	}
}
