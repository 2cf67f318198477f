package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
)

// serveEgress is the proxy through which the API server reaches the kubelet and pods, as
// its egress configuration says. It serves until the listener is closed.
func serveEgress(listener net.Listener, dial func(ctx context.Context, address string) (net.Conn, error)) {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		out, err := dial(r.Context(), r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = out.Close()
			return
		}
		if _, err := fmt.Fprint(in, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
			_ = in.Close()
			_ = out.Close()
			return
		}
		join(in, out)
	})}
	_ = server.Serve(listener) // until it is closed, which is its error
}
