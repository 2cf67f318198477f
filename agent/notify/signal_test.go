package notify_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/podfacts/podfacts/agent/notify"
)

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"HUP", "SIGHUP", "hup", "SigHup", "1", "01"} {
		if s, err := notify.ParseSignal(text); s != syscall.SIGHUP || err != nil {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for text, want := range map[string]string{
		"":          `unknown signal ""; known are HUP, INT, QUIT, `,
		"SIG":       "unknown signal",
		"SIGSIGHUP": "unknown signal",
		"HUP ":      "unknown signal",
		"0":         "signal 0 is out of range; it must be from 1 to 64",
		"65":        "signal 65 is out of range",
		"-1":        "signal -1 is out of range",
	} {
		_, err := notify.ParseSignal(text)
		wantError(t, err, want)
	}
}

// Every name that is known is shown as it is read.
func TestSignalNames(t *testing.T) {
	t.Parallel()
	_, err := notify.ParseSignal("?")
	_, names, _ := strings.Cut(err.Error(), "known are ")
	names = strings.TrimSuffix(names, ", and numbers")
	for name := range strings.SplitSeq(names, ", ") {
		s, err := notify.ParseSignal(name)
		if err != nil {
			t.Error(err)
		}
		if got, want := (notify.Signal{Signal: s, Process: "app"}).String(), "signal "+name+" to app"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSignalString(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]notify.Signal{
		"signal HUP to nginx":                 {Signal: syscall.SIGHUP, Process: "nginx"},
		"signal HUP to /run/nginx.pid":        {Signal: syscall.SIGHUP, PIDFile: "/run/nginx.pid"},
		"signal 40 to nginx (/run/nginx.pid)": {Signal: 40, Process: "nginx", PIDFile: "/run/nginx.pid"},
	} {
		if s.String() != want {
			t.Errorf("got %s, want %s", s, want)
		}
	}
}

func TestSignalValidate(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]notify.Signal{
		"signal 0 is out of range":               {Process: "nginx"},
		"signal 65 is out of range":              {Signal: 65, Process: "nginx"},
		"names neither a process nor a pid file": {Signal: syscall.SIGHUP},
		"all is for processes by name":           {Signal: syscall.SIGHUP, Process: "nginx", PIDFile: "/run/nginx.pid", All: true},
	} {
		wantError(t, s.Validate(), want)
		wantError(t, s.Do(t.Context(), notify.Event{}), want)
	}
}
