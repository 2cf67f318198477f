package notify_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
)

type counted struct{ outputs [][]string }

func (*counted) String() string { return "counted" }
func (c *counted) Do(_ context.Context, e notify.Event) error {
	c.outputs = append(c.outputs, e.Outputs)
	return nil
}

// An application that has read the first version must hear of the second, even
// when that comes before anybody has looked at the first.
func TestSkipFirstSkipsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hook := &counted{}
		n := notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a", "/b"}, Action: hook, SkipFirst: true}}}
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/a": {1}, "/b": {1}}})
		n.Published(notify.Publication{Digests: map[string]notify.Digest{"/a": {2}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := n.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(hook.outputs) != 1 || !slices.Equal(hook.outputs[0], []string{"/a"}) {
			t.Errorf("heard of %q, want /a once", hook.outputs)
		}
	})
}
