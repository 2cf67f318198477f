package serve

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in       string
		anywhere bool
		want     string // as printed; empty: an error
		err      string // part of it
	}{
		{in: "127.0.0.1:9300", want: "127.0.0.1:9300"},
		{in: "127.1.2.3:0", want: "127.1.2.3:0"},
		{in: "[::1]:9300", want: "[::1]:9300"},
		{in: "[::ffff:127.0.0.1]:9300", want: "[::ffff:127.0.0.1]:9300"},
		{in: "localhost:9300", want: "localhost:9300"},
		{in: ":9300", anywhere: true, want: ":9300"},
		{in: "0.0.0.0:9300", anywhere: true, want: "0.0.0.0:9300"},
		{in: "10.0.0.7:9300", anywhere: true, want: "10.0.0.7:9300"},
		{in: "unix:///run/podfacts/p.sock", want: "unix:///run/podfacts/p.sock"},

		{in: ":9300", err: `":9300" is not on loopback; write 127.0.0.1:9300`},
		{in: "0.0.0.0:9300", err: "not on loopback"},
		{in: "[::]:9300", err: "not on loopback"},
		{in: "10.0.0.7:9300", err: "not on loopback"},
		{in: "[fe80::1%eth0]:9300", err: "not on loopback"},
		{in: "", err: "is no address"},
		{in: "9300", err: `"9300" has no host; write 127.0.0.1:9300`},
		{in: "127.0.0.1", err: "is no address"},
		{in: "::1:9300", err: "is no address"},
		{in: "http://127.0.0.1:9300", err: "is no address"},
		{in: "127.0.0.1:http", err: "the port must be a number"},
		{in: "127.0.0.1:70000", err: "the port must be a number"},
		{in: "127.0.0.1:-1", err: "the port must be a number"},
		{in: "127.0.0.1:", err: "the port must be a number"},
		{in: "example.com:9300", err: "must be an IP address or localhost"},
		{in: "example.com:9300", anywhere: true, err: "must be an IP address or localhost"},
		{in: "unix://p.sock", err: "absolute path"},
		{in: "unix://", err: "absolute path"},
		{in: "unix:///run/podfacts/", err: "names no file"},
		{in: "unix:///run/a\x00b", err: "names no file"},
		{in: "unix:///" + strings.Repeat("x", 103), err: "has at most 103 bytes"},
		{in: "unix:///" + strings.Repeat("x", 90) + "/s", err: "that of its directory 87"},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(test.in, test.anywhere)
			switch {
			case test.err == "" && (err != nil || a.String() != test.want):
				t.Errorf("got %v, %v", a, err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("got %v, want %q", err, test.err)
			}
			if elsewhere := strings.Contains(test.err, "loopback"); errors.Is(err, ErrElsewhere) != elsewhere {
				t.Errorf("%v is ErrElsewhere: %v", err, !elsewhere)
			}
		})
	}
}

// What Parse takes without anywhere cannot be reached from elsewhere, and it
// reads what it prints.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"127.0.0.1:9300", ":1", "[::1]:0", "localhost:1", "unix:///a/b", "[::ffff:7f00:1]:1", "[::1%lo]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s, false)
		if err != nil {
			if a != (Address{}) {
				t.Errorf("%q: %v comes with %v", s, err, a)
			}
			return
		}
		if again, err := Parse(a.String(), false); err != nil || again != a {
			t.Errorf("%q: %v read again is %v, %v", s, a, again, err)
		}
		if a.network == "unix" {
			return
		}
		tcp, err := net.ResolveTCPAddr("tcp", a.address)
		if err != nil || !tcp.IP.IsLoopback() {
			t.Errorf("%q is %v, %v", s, tcp, err)
		}
	})
}

// Whoever listens everywhere is asked on loopback.
func TestTarget(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		":9300":          "127.0.0.1:9300",
		"0.0.0.0:9300":   "127.0.0.1:9300",
		"[::]:9300":      "[::1]:9300",
		"127.0.0.1:9300": "127.0.0.1:9300",
		"10.0.0.7:9300":  "10.0.0.7:9300",
		"localhost:9300": "localhost:9300",
		"unix:///a/b":    "/a/b",
	} {
		a, err := Parse(in, true)
		if err != nil || a.target() != want {
			t.Errorf("%s: got %s, %v", in, a.target(), err)
		}
	}
}
