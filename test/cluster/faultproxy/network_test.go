package faultproxy

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// TestRefuse refuses and resets while a connection is being accepted.
func TestRefuse(t *testing.T) {
	n, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	defer n.release()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			if _, err := n.Accept(); err != nil {
				return // closed
			}
		}
	})
	for range 1000 {
		c, err := net.Dial("tcp", n.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		n.refuse()
		n.reset()
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a connection outlasts it")
		}
		_ = c.Close() // it is closed from there
		n.heal()
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	serving.Wait()
}
