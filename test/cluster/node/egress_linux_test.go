package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestEgress asks as the API server does (k8s.io/apiserver/pkg/server/egressselector).
func TestEgress(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go serveEgress(listener, func(_ context.Context, address string) (net.Conn, error) {
		if address != "10.0.1.1:10250" {
			return nil, errors.New("nobody at " + address)
		}
		near, far := net.Pipe()
		go func() {
			text := make([]byte, 5)
			_, _ = io.ReadFull(far, text)
			_, _ = far.Write([]byte(strings.ToUpper(string(text))))
			_ = far.Close()
		}()
		return near, nil
	})
	for _, test := range []struct {
		request string
		status  int
		answer  string
	}{
		{"CONNECT 10.0.1.1:10250 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200, "HELLO"},
		{"CONNECT 10.0.2.2:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 502, "nobody at 10.0.2.2:80\n"},
		{"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 405, "only CONNECT\n"},
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, test.request); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		var answer []byte
		if response.StatusCode == http.StatusOK {
			if _, err := fmt.Fprint(conn, "hello"); err != nil {
				t.Fatal(err)
			}
			answer, err = io.ReadAll(r)
		} else {
			answer, err = io.ReadAll(response.Body)
		}
		if err != nil || response.StatusCode != test.status || string(answer) != test.answer {
			t.Errorf("%.20s: %d %q, %v; want %d %q", test.request, response.StatusCode, answer, err, test.status, test.answer)
		}
	}
}
