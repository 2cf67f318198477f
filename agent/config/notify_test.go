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
stateDir: /run/state
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
    headers:
      x-pod: web
      Content-Type: text/plain
      X-Zone: '{{ fact "node.zone" }}'
      authorization: {file: /run/secrets/token, prefix: "Bearer "}
    status: [200, 204]
    body: '{{ fact "pod.name" }} has changed'
- {on: [/run/a, /run/b], signal: {process: nginx}}
- {signal: {name: SIGUSR1, pidFile: /run/app.pid}}
- {on: [/run/a], exit: 88}
- {on: [/run/a], exit: 88, skipFirst: false}
- {touch: /run/stamp, name: tell the watcher}
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
		"exec nginx on /run/a 5s false",
		"http POST http://127.0.0.1:8080/-/reload on /run/b 0s true",
		"http PUT https://hooks.example.com/… on /run/a,/run/b 0s false",
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
	if needs := c.Hooks[2].Needs().Paths(); !slices.Equal(needs, []watch.Path{watch.NodeZone, watch.PodName}) {
		t.Errorf("the request needs %v", needs)
	}
	h := c.Hooks[2].Action.(notify.HTTP)
	if want := (notify.HeaderFile{Path: "/run/secrets/token", Prefix: "Bearer "}); h.HeaderFiles["Authorization"] != want || len(h.HeaderFiles) != 1 {
		t.Errorf("headers from files are %+v", h.HeaderFiles)
	}
	if h.Header.Get("X-Pod") != "web" || len(h.Header) != 2 || !slices.Equal(h.Status, []int{200, 204}) {
		t.Errorf("the request is %+v", h)
	}
	if last := c.Hooks[len(c.Hooks)-1]; last.Name != "tell the watcher" || c.StateDir != "/run/state" {
		t.Errorf("the name is %q, stateDir %q", last.Name, c.StateDir)
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
		{"header twice", "{http: {url: 'http://a', headers: {X-Pod: a, x-pod: b}}}", "http.headers: x-pod and X-Pod, in line 4, are one header; leave one out"},
		{"header name", "{http: {url: 'http://a', headers: {'X Pod': a}}}", `http.headers: invalid header name "X Pod"`},
		{"header template", "{http: {url: 'http://a', headers: {X: '{{ .pod.nam }}'}}}", `unknown fact "pod.nam"`},
		{"header list", "{http: {url: 'http://a', headers: {X: [a]}}}", "http.headers.X is a list, but must be a string"},
		{"header without file", "{http: {url: 'http://a', headers: {X: {prefix: a}}}}", "header X is read from a file, but names none"},
		{"header file key", "{http: {url: 'http://a', headers: {X: {file: a, from: b}}}}", `http.headers.X: unknown key "from"`},
		{"name", "{touch: /a, name: \"a\\nb\"}", `notify: the name "a\nb" is not one line of text`},
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

// Two hooks of one name could not be told apart.
func TestNotifyNameTwice(t *testing.T) {
	t.Parallel()
	_, err := Loader{}.Parse("c.yaml", []byte("outputs:\n- {path: /run/a, text: a}\nnotify:\n- {touch: /a, name: y}\n- {touch: /b, name: y}\n"))
	if want := "c.yaml:5: notify: y is the name of another entry, in line 4; give it one of its own"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
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

// Each mistake of a hook names its place, and one does not hide the others, nor
// lead to any.
func TestParseNotifyReportsAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		entry string
		want  []string
	}{
		{"{http: {url: 'ftp://x', status: 99}}", []string{"must begin with http", "status 99"}},
		{"{on: [/run/c], http: {url: 'ftp://x', method: 'A B', heders: {}}, timeout: soon}", []string{"unknown output", "unknown key", "timeout is", "must begin with http", "invalid method"}},
		{"{onn: [/run/a], exit: 256}", []string{"unknown key", "exit code 256"}},
		{"{exec: {command: a, env: []}, skipFirst: 1}", []string{"exec.command is", "exec.env is", "skipFirst is"}},
		{"{signal: {name: HUPP}}", []string{"unknown signal", "neither a process nor a pid file"}},
		{"{signal: {process: [], all: true, pidFile: /b}}", []string{"signal.process is", "all is for processes by name"}},
		{"{signal: HUP, exit: 300}", []string{"signal is", "notify has signal and exit", "exit code 300"}},
		{"{exek: {command: [a]}, timeout: soon}", []string{"unknown key", "timeout is"}},
		{"{touch: [], name: \"\\t\"}", []string{"touch is", "not one line"}},
		{"{http: {url: [], headers: {A: {file: []}, a: b}, body: '{{ .x'}}", []string{"http.url is", "http.headers.A.file is", "are one header", "unclosed action"}},
		{"[]", []string{"notify is a list"}},
	} {
		_, err := Loader{}.Parse("c.yaml", []byte("outputs:\n- {path: /run/a, text: a}\nnotify:\n- "+test.entry+"\n"))
		errs := watch.Errors(err)
		wrong := len(errs) != len(test.want)
		for i := range min(len(errs), len(test.want)) {
			wrong = wrong || !strings.HasPrefix(errs[i].Error(), "c.yaml:4:") || !strings.Contains(errs[i].Error(), test.want[i])
		}
		if wrong {
			t.Errorf("%s: errors are %q, want %q", test.entry, errs, test.want)
		}
	}
}
