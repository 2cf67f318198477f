package main

import (
	"context"
	"time"
)

// inTurns returns how long one call of each takes. They run in many short turns, so
// that whatever else the machine does slows both alike.
func (b *bench) inTurns(ctx context.Context, first, second func() ([]byte, error)) (ofFirst, ofSecond time.Duration, err error) {
	const turns = 20
	calls := []*counted{{call: first}, {call: second}}
	for range turns {
		for _, c := range calls {
			if err := ctx.Err(); err != nil {
				return 0, 0, err
			}
			if err := c.run(b.effort.loop / turns); err != nil {
				return 0, 0, err
			}
		}
	}
	return calls[0].each(), calls[1].each(), nil
}

// counted is a call, how often it was made and how long that took.
type counted struct {
	call  func() ([]byte, error)
	calls int
	took  time.Duration
}

func (c *counted) run(turn time.Duration) error {
	start := time.Now()
	for time.Since(start) < turn {
		if _, err := c.call(); err != nil {
			return err
		}
		c.calls++
	}
	c.took += time.Since(start)
	return nil
}

func (c *counted) each() time.Duration { return c.took / time.Duration(c.calls) }
