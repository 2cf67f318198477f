package notify

import (
	"context"
	"errors"

	"github.com/podfacts/podfacts/agent/publish"
)

// Touch sets the modification time of a file to now, and creates it if it is
// not there, for whoever watches that file. It is confined to the mount as
// outputs are: see [publish].
type Touch struct{ Path string }

func (t Touch) String() string { return shorten("touch " + t.Path) }

// Validate reports a missing path.
func (t Touch) Validate() error {
	if t.Path == "" {
		return errors.New("touch has no path")
	}
	return nil
}

// Do touches the file.
func (t Touch) Do(ctx context.Context, _ Event) error {
	if err := t.Validate(); err != nil {
		return err
	}
	return publish.File{Path: t.Path}.Touch(ctx)
}
