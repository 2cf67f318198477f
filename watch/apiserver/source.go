package apiserver

import (
	"context"
	"log/slog"

	"github.com/podfacts/podfacts/watch"
)

// Target is the pod whose facts are asked for: its own, for a container.
type Target struct {
	Namespace, Name string
	// UID is the pod's, where it is known: a pod that bears the same name and
	// another UID is not it. Empty takes the one that is seen first.
	UID string
	// Node is the name of its node, where it is known.
	Node string
	// From says how all that is known: "service account token".
	From string
}

// Source is an API server as a source of facts. It is a [watch.Source], a
// [watch.Watcher] and a [watch.Explainer].
type Source struct {
	Client *Client
	Pod    Target
	Plan   Plan
	// Log gets what is worth knowing once, such as a watch that is forbidden.
	// Nil means slog.Default.
	Log *slog.Logger
}

// String names the source: API server.
func (s *Source) String() string { return "API server" }

// Read states what the API server says.
func (s *Source) Read(ctx context.Context) (watch.Layer, error) {
	return watch.Layer{}, nil
}

// Watch follows the API server until ctx ends.
func (s *Source) Watch(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return ctx.Err()
}

// Explain says why a fact that the plan asks for is missing.
func (s *Source) Explain(p watch.Path) (reason, hint string) { return "", "" }

var _ interface {
	watch.Source
	watch.Watcher
	watch.Explainer
} = (*Source)(nil)
