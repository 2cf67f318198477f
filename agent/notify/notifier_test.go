package notify_test

import (
	"testing"

	"github.com/podfacts/podfacts/agent/notify"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	well := &recorder{name: "well"}
	tests := []struct {
		hook notify.Hook
		want string
	}{
		{notify.Hook{On: []string{"/a"}, Action: well}, ""},
		{notify.Hook{Action: well}, "names no output"},
		{notify.Hook{On: []string{"/a"}}, "no action"},
		{notify.Hook{On: []string{"/\xff"}, Action: well}, "not UTF-8"},
		{notify.Hook{On: []string{"/a"}, Action: well, Timeout: -1}, "negative"},
		{notify.Hook{On: []string{"/a"}, Action: notify.Exit{Code: 256}}, "exit code 256 is out of range"},
		{notify.Hook{On: []string{"/a"}, Action: notify.Exit{Code: -1}}, "out of range"},
		{notify.Hook{On: []string{"/a"}, Action: notify.Touch{}}, "touch has no path"},
	}
	for _, test := range tests {
		err := test.hook.Validate()
		if test.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantError(t, err, test.want)
		n := notify.Notifier{Hooks: []notify.Hook{{On: []string{"/a"}, Action: well}, test.hook}}
		n.Published(state("/a", 1))
		wantError(t, n.Run(t.Context()), "hook 2: ", test.want)
		wantError(t, n.Once(t.Context(), state("/a", 1)), "hook 2: ", test.want)
	}
}
