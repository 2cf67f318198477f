package notify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/agent/notify"
)

// Every hook has a name of its own, the one that it was given where it was.
func TestNamesAreOnesOwn(t *testing.T) {
	t.Parallel()
	sh := notify.Exec{Args: []string{"sh", "-c", "secret"}}
	got := notify.Names([]notify.Hook{
		{Action: sh},
		{Action: sh},
		{Action: sh, Name: "exec sh (2)"},
		{Action: sh, Name: "reload"},
		{Action: notify.Exit{Code: 88}},
		{Action: sh},
	})
	want := []string{"exec sh", "exec sh (3)", "exec sh (2)", "reload", "exit 88", "exec sh (4)"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNameMistakes(t *testing.T) {
	t.Parallel()
	hook := func(name string) notify.Hook {
		return notify.Hook{On: []string{"/a"}, Action: notify.Exit{}, Name: name}
	}
	for name, want := range map[string]string{
		"a\nb":                   "is not one line of text",
		"\xff":                   "is not one line of text",
		"  ":                     "the name is blank",
		strings.Repeat("ü", 101): "has more than 100 characters",
	} {
		wantError(t, hook(name).Validate(), want)
	}
	for _, name := range []string{"", "reload the proxy", strings.Repeat("ü", 100)} {
		if err := hook(name).Validate(); err != nil {
			t.Error(err)
		}
	}
	n := notify.Notifier{Hooks: []notify.Hook{hook("x"), hook(""), hook(""), hook("x")}}
	wantError(t, n.Run(t.Context()), "hooks 1 and 4 are both named x")
}
