package apiserver

import "context"

// Client asks an API server. It may be shared. Get one from [Access.Client].
type Client struct {
	// Origin says where the access comes from: "service account",
	// "kubeconfig /home/ann/.kube/config, context dev".
	Origin string
}

// Client makes a client and asks nothing yet. The error wraps [ErrNoAccess]
// where no API server is known.
func (a Access) Client() (*Client, error) { return nil, ErrNoAccess }

// Available asks the API server for its version, to tell whether it can be
// reached and trusted. The error is an [*Error].
func (c *Client) Available(ctx context.Context) error { return nil }

// Close closes the connections. The client can still be used.
func (c *Client) Close() {}

// Resolve returns the plan with the names under which the API server serves
// the kinds that are not Kubernetes' own. A kind that it does not serve is an
// error that names the nearest one.
func (p Plan) Resolve(ctx context.Context, c *Client) (Plan, error) { return p, nil }

// Get returns one object, without metadata.managedFields. An empty namespace
// is that of a kind without namespace.
func (c *Client) Get(ctx context.Context, apiVersion, kind, namespace, name string) (map[string]any, error) {
	return nil, nil
}

// List returns objects, without metadata.managedFields. An empty namespace
// means all of them.
func (c *Client) List(ctx context.Context, apiVersion, kind, namespace, labelSelector string) ([]map[string]any, error) {
	return nil, nil
}
