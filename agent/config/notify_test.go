package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podfacts/podfacts/agent/notify"
	"github.com/podfacts/podfacts/watch"
)

const told = `
listen: 127.0.0.1:9300
health: {maxAge: 10m}
outputs:
- {path: /run/a, text: a}
- {path: /run/b, text: b}
notify:
- {on: [/run/a], exec: {command: [nginx, -s, reload]}, timeout: 5s}
- {on: [/run/./b], skipFirst: true, http: {url: "http://127.0.0.1:8080/-/reload"}}
- http:
    url: https://hooks.example.com/x
    method: put
    headers: {X-Pod: web, Content-Type: text/plain}
    status: [200, 204]
    body: '{{ fact "pod.name" }} has changed'
- {on: [/run/a, /run/b], signal: {process: nginx}}
- {signal: {name: SIGUSR1, pidFile: /run/app.pid}}
- {on: [/run/a], exit: 88}
- {on: [/run/a], exit: 88, skipFirst: false}
- {touch: /run/stamp}
`

func TestParseNotify(t *testing.T) {
	t.Parallel()
	c := parse(t, told)
	if c.Listen != "127.0.0.1:9300" || c.MaxAge != 10*time.Minute {
		t.Errorf("listen is %q, maxAge %v", c.Listen, c.MaxAge)
	}
	var got []string
	for _, h := range c.Hooks {
		got = append(got, fmt.Sprint(h.Action, " on ", strings.Join(h.On, ","), " ", h.Timeout, " ", h.SkipFirst))
	}
	want := []string{
		"exec nginx -s reload on /run/a 5s false",
		"http POST http://127.0.0.1:8080/-/reload on /run/b 0s true",
		"http PUT https://hooks.example.com/x on /run/a,/run/b 0s false",
		"signal HUP to nginx on /run/a,/run/b 0s false",
		"signal USR1 to /run/app.pid on /run/a,/run/b 0s false",
		"exit 88 on /run/a 0s true",
		"exit 88 on /run/a 0s false",
		"touch /run/stamp on /run/a,/run/b 0s false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("hooks:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if needs := c.Hooks[2].Message.Needs().Paths(); !slices.Equal(needs, []watch.Path{watch.PodName}) {
		t.Errorf("the body needs %v", needs)
	}
	h := c.Hooks[2].Action.(notify.HTTP)
	if h.Header.Get("X-Pod") != "web" || !slices.Equal(h.Status, []int{200, 204}) {
		t.Errorf("the request is %+v", h)
	}
}

// TestNotifyMistakes holds one mistake a row, in line 4.
func TestNotifyMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, entry, want string }{
		{"no target", "{on: [/run/a]}", "notify has no target; say what to do by one of exec, http, signal, exit, touch"},
		{"two targets", "{exit: 1, touch: /x}", "notify has exit and touch, but one entry does one thing"},
		{"unknown key", "{onn: [/run/a], exit: 1}", `notify: unknown key "onn"; did you mean on?`},
		{"unknown output", "{on: [/run/c], exit: 1}", `on: unknown output "/run/c"; did you mean /run/a?`},
		{"unknown output, none near", "{on: [/etc/passwd], exit: 1}", `on: unknown output "/etc/passwd"; known are /run/a`},
		{"on is empty", "{on: [], exit: 1}", "on names no output; name some, or leave on out for all of them"},
		{"on is no list", "{on: /run/a, exit: 1}", `on is "/run/a", but must be a list`},
		{"no command", "{exec: {}}", "exec has no command"},
		{"command at the wrong place", "{exec: [nginx]}", "exec is a list, but must be a mapping of command, env"},
		{"command is text", "{exec: {command: nginx -s reload}}", `exec.command is "nginx -s reload", but must be a list`},
		{"no url", "{http: {}}", "http: no url"},
		{"url without scheme", "{http: {url: 127.0.0.1/x}}", `http: the url must begin with http:// or https://`},
		{"broken url", "{http: {url: 'http://a b/'}}", `http: invalid url: invalid character " " in host name`},
		{"status", "{http: {url: 'http://a', status: ok}}", `http.status is "ok", but must be a status such as 204, or a list of them`},
		{"status in a list", "{http: {url: 'http://a', status: [99]}}", "status 99 is out of range; it must be from 200 to 599"},
		{"headers", "{http: {url: 'http://a', headers: [a]}}", "http.headers is a list, but must be a mapping"},
		{"body", "{http: {url: 'http://a', body: '{{ .pod.nam }}'}}", `unknown fact "pod.nam"; did you mean "pod.name"?`},
		{"body does not parse", "{http: {url: 'http://a', body: '{{ if }}'}}", `missing value for if`},
		{"signal without target", "{signal: {name: HUP}}", "signal names neither a process nor a pid file"},
		{"all of a pid file", "{signal: {all: true, pidFile: /b}}", "all is for processes by name"},
		{"unknown signal", "{signal: {name: HUPP, process: a}}", `"HUPP"`},
		{"exit code", "{exit: 256}", "exit code 256 is out of range; it must be from 0 to 255"},
		{"exit code of text", "{exit: now}", `exit is "now", but must be a code from 0 to 255`},
		{"no path", "{touch: ''}", "touch has no path"},
		{"skipFirst", "{exit: 1, skipFirst: 1}", `skipFirst is "1", but must be true or false`},
		{"timeout", "{exit: 1, timeout: soon}", `timeout is "soon", but must be a duration`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Loader{}.Parse("c.yaml", []byte("outputs:\n- {path: /run/a, text: a}\nnotify:\n- "+test.entry+"\n"))
			errs := watch.Errors(err)
			if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "c.yaml:4:") || !strings.Contains(errs[0].Error(), test.want) {
				t.Errorf("errors are %v, want c.yaml:4: … %q", errs, test.want)
			}
		})
	}
}

// Hooks are for files that flags describe, too.
func TestParseNotifyOfOtherOutputs(t *testing.T) {
	t.Parallel()
	text := "outputs:\n- {path: /run/a, text: a}\nnotify:\n- {touch: /run/stamp}\n- {on: [out/b], exit: 88}\n"
	c, err := Loader{Outputs: []string{"out/b"}}.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if all, one := c.Hooks[0].On, c.Hooks[1].On; !slices.Equal(all, []string{"/run/a", "out/b"}) || !slices.Equal(one, []string{"out/b"}) {
		t.Errorf("hooks are on %q and %q", all, one)
	}
}

// Each mistake of a hook names its place.
func TestParseNotifyReportsAll(t *testing.T) {
	t.Parallel()
	_, err := Loader{}.Parse("c.yaml", []byte("outputs:\n- {path: /run/a, text: a}\nnotify:\n- {http: {url: 'ftp://x', status: 99}}\n"))
	errs := watch.Errors(err)
	if len(errs) != 2 || !strings.HasPrefix(errs[0].Error(), "c.yaml:4:") || !strings.HasPrefix(errs[1].Error(), "c.yaml:4:") {
		t.Errorf("errors are %q", errs)
	}
}
