//go:build !linux

package orphan

import "context"

// Run waits until ctx ends: only on Linux is podfacts the first process of a
// container.
func (r *Reaper) Run(ctx context.Context) { <-ctx.Done() }
