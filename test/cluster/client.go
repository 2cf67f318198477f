package cluster

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// A Client asks an API server, one of a [Cluster] or any other. There is no typed client
// in it, which would double what every test of this module has to compile.
type Client struct {
	discovery *discovery.DiscoveryClient
	dynamic   dynamic.Interface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

// Connect makes a client. It asks nothing yet.
func Connect(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "test-cluster"
	config.WarningHandler = rest.NoWarnings{}
	discovery, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	dynamic, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		discovery: discovery,
		dynamic:   dynamic,
		mapper:    restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery)),
	}, nil
}

func (c *Cluster) client() (*Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connect()
}

// connect wants c.mu.
func (c *Cluster) connect() (*Client, error) {
	if c.clients != nil {
		return c.clients, nil
	}
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	c.clients, err = Connect(config)
	return c.clients, err
}

// Namespaced reports whether objects of a kind are in namespaces.
func (c *Client) Namespaced(gvk schema.GroupVersionKind) (bool, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) { // it may be a moment old; the mapper looks again by itself only once
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return false, err
	}
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// resource finds where objects of a kind are kept. Namespace counts only for kinds
// that have one.
func (c *Client) resource(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) { // it may be a moment old; the mapper looks again by itself only once
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return resource.Namespace(namespace), nil
	}
	return resource, nil
}
