package facts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	wait    = time.Minute      // how long a request for a change lasts
	slack   = 15 * time.Second // and how much longer an answer may take
	maxView = 64 << 20
)

// server is a podfacts that serves.
type server struct {
	http.Client
	base string
}

func newServer(address string) (*server, error) {
	network, target, host := "tcp", strings.TrimPrefix(address, "http://"), ""
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		network, target, host = "unix", path, "localhost"
	}
	if network == "tcp" {
		target = strings.TrimSuffix(target, "/")
		if _, _, err := net.SplitHostPort(target); err != nil {
			return nil, fmt.Errorf("facts: %q is no address; write it as 127.0.0.1:9301 or unix:///run/podfacts/facts.sock", address)
		}
		host = target
	}
	transport := &http.Transport{ // without a proxy, which the pod's own address has no use for
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: slack}).DialContext(ctx, network, target)
		},
		MaxIdleConns: 1,
	}
	return &server{http.Client{Transport: transport, Timeout: wait + slack}, "http://" + host}, nil
}

func (s *server) close() { s.CloseIdleConnections() }

func (s *server) next(ctx context.Context, id string) (*View, error) {
	target := "/v1/view"
	if id != "" {
		target += "?wait=" + wait.String()
	}
	code, header, body, err := s.ask(ctx, target, "application/json", id)
	switch {
	case err != nil:
		return nil, err
	case code == http.StatusNotModified && id != "":
		return nil, nil
	case code != http.StatusOK:
		return nil, refusal(code, body)
	}
	return parse(body, header.Get("ETag"))
}

func (s *server) get(ctx context.Context, fact string) (string, error) {
	code, header, body, err := s.ask(ctx, "/v1/facts/"+url.PathEscape(fact), "text/plain, application/json;q=0.5, application/problem+json", "")
	if err != nil {
		return "", err
	}
	switch code {
	case http.StatusOK:
		if header.Get("Content-Type") == "application/json" {
			body = bytes.TrimSuffix(body, []byte("\n"))
		}
		return string(body), nil
	case http.StatusNotFound, http.StatusForbidden:
		return "", &MissingError{Fact: fact, Detail: detail(body)}
	}
	return "", refusal(code, body)
}

// ask sends a request.
func (s *server) ask(ctx context.Context, target, accept, etag string) (code int, header http.Header, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+target, nil)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("facts: %w", err)
	}
	r.Header.Set("Accept", accept)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	resp, err := s.Do(r)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("facts: %w", err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxView))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("facts: %w", err)
	}
	return resp.StatusCode, resp.Header, body, nil
}

func refusal(code int, body []byte) error {
	return errors.New("facts: podfacts answers " + http.StatusText(code) + ": " + detail(body))
}

// detail is what the body of a failure says, as text or as RFC 9457 has it.
func detail(body []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return problem.Detail
	}
	return fmt.Sprintf("%.300s", strings.TrimSpace(string(body)))
}
