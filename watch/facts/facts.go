/*
Package facts tells a Go program what podfacts knows of its pod. It needs the
standard library and nothing else.

	pod := facts.Client{Address: "unix:///run/podfacts/facts.sock"}
	err := pod.Follow(ctx, func(v *facts.View) {
		setLevel(v.Text("pod.annotations['example.com/log-level']"))
	})

A [Client] asks a sidecar that runs podfacts serve or podfacts run --serve, or
reads a file that one writes, an output with format: json and nothing else.
[Client.View] asks once. [Client.Follow] calls back with the first view, and with
each that differs from the one before, until its context ends; it starts no
goroutine, comes back with growing pauses when the sidecar is away, and skips
what lies between while the callback works: what it passes is the newest.

Facts have the names that they have everywhere: node.zone,
pod.labels['app.kubernetes.io/name'], containers.main.limits.memory. What is
exposed is the sidecar's to say.
*/
package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// Client asks for facts. Its methods may be called at the same time.
type Client struct {
	// Address is where podfacts serves, 127.0.0.1:9301 or
	// unix:///run/podfacts/facts.sock, or the path of a file, /run/podfacts/view.json.
	// Empty: the variable PODFACTS_SERVE.
	Address string
	// Retry is how long after a failure Follow tries again; it doubles with each
	// failure up to RetryMax. Zero: 200 ms and 10 s.
	Retry, RetryMax time.Duration
	// Poll is how often Follow looks at a file. Zero: every second. A served view
	// needs no polling.
	Poll time.Duration
	// Log hears of failures that Follow mends. Nil: nobody.
	Log *slog.Logger
}

// MissingError says that a fact has no value, or is not exposed.
type MissingError struct {
	Fact   string
	Detail string // why, and what to do
}

func (e *MissingError) Error() string { return cmp.Or(e.Detail, e.Fact+" is missing") }

// source is where views come from.
type source interface {
	// next waits for a view that is not the one of that id, as long as it likes.
	// Nil: there is none.
	next(ctx context.Context, id string) (*View, error)
	// get gives one fact.
	get(ctx context.Context, fact string) (string, error)
	close()
}

// open makes the source that the address means.
func (c *Client) open() (source, error) {
	address := cmp.Or(c.Address, os.Getenv("PODFACTS_SERVE"))
	switch {
	case address == "":
		return nil, errors.New("facts: no address; set PODFACTS_SERVE, or Client.Address, to what podfacts serve has")
	case strings.HasPrefix(address, "/"), strings.HasPrefix(address, "."):
		return &file{path: address, poll: cmp.Or(c.Poll, time.Second)}, nil
	}
	return newServer(address)
}

// View asks once.
func (c *Client) View(ctx context.Context) (*View, error) {
	s, err := c.open()
	if err != nil {
		return nil, err
	}
	defer s.close()
	v, err := s.next(ctx, "")
	if err != nil {
		return nil, err
	}
	v.follows(nil)
	return v, nil
}

// Get asks for one fact. A list is joined by commas. The error is a
// [*MissingError] where there is no such fact.
func (c *Client) Get(ctx context.Context, fact string) (string, error) {
	s, err := c.open()
	if err != nil {
		return "", err
	}
	defer s.close()
	return s.get(ctx, fact)
}

// Follow calls fn with the first view and each that differs from the last, one
// after another, until ctx ends, and then returns nil. It returns an error at once
// where the address is none.
func (c *Client) Follow(ctx context.Context, fn func(*View)) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	defer s.close()
	pause := time.Duration(0)
	for last := (*View)(nil); ctx.Err() == nil; {
		v, err := s.next(ctx, last.ident())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			first, most := cmp.Or(c.Retry, 200*time.Millisecond), cmp.Or(c.RetryMax, 10*time.Second)
			if pause == 0 && c.Log != nil {
				c.Log.Warn("podfacts does not answer; trying again", "error", err)
			}
			pause = min(max(2*pause, first), most)
			sleep(ctx, pause-rand.N(pause/4+1))
			continue
		}
		pause = 0
		switch {
		case v == nil: // nothing has happened for a while
		case v.follows(last):
			last = v
			fn(v)
		default: // the same in other words
			last = v
			sleep(ctx, cmp.Or(c.Retry, 200*time.Millisecond))
		}
	}
	return nil
}

// sleep waits, or not as long when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// missing makes the error of a fact that a view lacks.
func missing(fact string) error {
	return &MissingError{Fact: fact, Detail: fmt.Sprintf("%s is missing: it is not known, or not exposed", fact)}
}
