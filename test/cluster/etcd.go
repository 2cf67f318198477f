package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
)

// Compact makes etcd forget every version before this one, as the API server has it do
// every five minutes. A watch from there is refused with 410, unless it is for a kind that
// the API server has in its cache, as it has all kinds that --watch-cache-sizes=…#0 does
// not except.
func (c *Cluster) Compact(ctx context.Context) error {
	var now struct {
		Header struct{ Revision string }
	}
	if err := c.askEtcd(ctx, "/v3/kv/range", `{"key": "AA==", "count_only": true}`, &now); err != nil {
		return err
	}
	return c.askEtcd(ctx, "/v3/kv/compaction", fmt.Sprintf(`{"revision": %q, "physical": true}`, now.Header.Revision), &struct{}{})
}

// askEtcd speaks JSON to etcd, which spares us its client.
func (c *Cluster) askEtcd(ctx context.Context, path, question string, answer any) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(c.dir, "etcd.sock"))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://etcd"+path, strings.NewReader(question))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd: %s: %s", resp.Status, text)
	}
	return json.Unmarshal(text, answer)
}
