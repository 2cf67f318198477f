package agent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/podfacts/podfacts/agent/publish"
	"github.com/podfacts/podfacts/watch"
)

// unit is what changes as a whole: one output, or a group.
type unit struct {
	group   string
	outputs []Output
	needs   watch.Needs
}

func units(outputs []Output) []unit {
	var all []unit
	for _, o := range outputs {
		i := slices.IndexFunc(all, func(u unit) bool { return o.Group != "" && u.group == o.Group })
		if i < 0 {
			i, all = len(all), append(all, unit{group: o.Group})
		}
		all[i].outputs = append(all[i].outputs, o)
		all[i].needs = append(all[i].needs, o.Renderer.Needs()...)
	}
	return all
}

func (u unit) name() string {
	if u.group != "" {
		return "group " + u.group
	}
	return u.outputs[0].File.Path
}

func (u unit) render(ctx context.Context, s *watch.Snapshot) ([][]byte, error) {
	var errs []error
	contents := make([][]byte, len(u.outputs))
	for i, o := range u.outputs {
		var b bytes.Buffer
		errs = append(errs, prefix(o.File.Path, o.Renderer.Render(ctx, &b, s)))
		contents[i] = b.Bytes()
	}
	return contents, watch.Join(errs...)
}

// limit is how long its checks may take, one after another.
func (u unit) limit() (d time.Duration) {
	for _, o := range u.outputs {
		d += o.CheckTimeout
	}
	return d
}

func (u unit) files() publish.Group {
	var g publish.Group
	for _, o := range u.outputs {
		g.Files = append(g.Files, o.File)
	}
	return g
}

func (u unit) publish(ctx context.Context, contents [][]byte) (bool, error) {
	if u.group != "" {
		return u.files().Publish(ctx, contents)
	}
	if take := u.outputs[0].Take; take != nil {
		return take(contents[0]), nil
	}
	return u.outputs[0].File.Publish(ctx, contents[0])
}

func (u unit) clean() error {
	switch {
	case u.group != "":
		return u.files().Clean()
	case u.outputs[0].Take != nil:
		return nil
	}
	return u.outputs[0].File.Clean()
}

func (u unit) exists() bool {
	return !slices.ContainsFunc(u.outputs, func(o Output) bool {
		_, err := os.Stat(o.File.Path)
		return o.Take == nil && errors.Is(err, fs.ErrNotExist)
	})
}
