/*
Package render turns a snapshot into bytes: env files in eleven dialects,
templates, JSON and YAML. It is pure: it reads nothing but the snapshot and
writes nothing but to its writer, and the same snapshot always gives the same
bytes.

# Renderers

A [Renderer] is one output's content. There are three: [Env] writes variables,
from entries and [Preset] collections, in a dialect of package envfile;
[Template] executes the language of text/template, see package template, with
the functions of package funcs;
[View] writes the whole view. Each says beforehand what it [Renderer.Needs],
a template by reading its own parse tree, so that only what is used has to be
asked for, and permissions can be computed.

# Missing facts

A fact without a default is required. Rendering without it fails with an error
for which [watch.IsMissing] holds: time, or a source that comes back, may mend
it. Every other error stays until the configuration changes.

# Sensitive facts

Variables and templates may use them, for that is what they are for. Errors
never quote them, and a [View] leaves them out unless told otherwise.
*/
package render

import (
	"context"
	"io"

	"github.com/podfacts/podfacts/watch"
)

// Renderer writes the content of one output.
type Renderer interface {
	// Needs lists the facts that Render may use.
	Needs() watch.Needs
	// Render writes to w. What it wrote before an error is worthless. What may
	// take long gives up when ctx ends.
	Render(ctx context.Context, w io.Writer, s *watch.Snapshot) error
}
