package cluster

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// clients are the admin's. There is no typed one, which would double what every test
// of this module has to compile.
type clients struct {
	discovery *discovery.DiscoveryClient
	dynamic   dynamic.Interface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

func (c *Cluster) client() (*clients, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connect()
}

// connect wants c.mu.
func (c *Cluster) connect() (*clients, error) {
	if c.clients != nil {
		return c.clients, nil
	}
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
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
	c.clients = &clients{
		discovery: discovery,
		dynamic:   dynamic,
		mapper:    restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery)),
	}
	return c.clients, nil
}

// resource finds where objects of a kind are kept. Namespace counts only for kinds
// that have one.
func (c *clients) resource(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == "namespace" {
		return resource.Namespace(namespace), nil
	}
	return resource, nil
}
