package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// copy passes a body on, as it comes if its length is not known.
func (e *exchange) copy(from io.Reader, flush bool) error {
	if flush {
		if err := e.client.Flush(); err != nil {
			return err
		}
	}
	buffer := e.buffers.take(small)
	defer func() { e.buffers.give(buffer) }()
	for {
		n, err := from.Read(*buffer)
		if n > 0 {
			if err := e.write((*buffer)[:n], flush); err != nil {
				return err
			}
		}
		switch size := len(*buffer); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == small && size == small, n < small && size == large:
			e.buffers.give(buffer)
			buffer = e.buffers.take(small + large - size)
		}
	}
}

func (e *exchange) write(data []byte, flush bool) error {
	e.patient()
	n, err := e.w.Write(data)
	if e.bytes += int64(n); n > 0 {
		e.last = data[n-1]
	}
	if err == nil && flush {
		err = e.client.Flush()
	}
	return err
}

// buffers are lent for copying: a small one while there is little to copy, such as
// an event now and then, a large one while there is much.
type buffers struct{ small, large sync.Pool }

const (
	small = 2 << 10
	large = 32 << 10
)

func (b *buffers) take(size int) *[]byte {
	pool := b.pool(size)
	if buffer, ok := pool.Get().(*[]byte); ok {
		return buffer
	}
	buffer := make([]byte, size)
	return &buffer
}

func (b *buffers) give(buffer *[]byte) { b.pool(len(*buffer)).Put(buffer) }

func (b *buffers) pool(size int) *sync.Pool {
	if size == small {
		return &b.small
	}
	return &b.large
}

// body is that of a request. It lets the client take its time, and ends with the
// exchange: a transport may want to read on when nobody is there any more. One that
// closes it may have found no connection, and try another.
type body struct {
	*exchange
	ended atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.ended.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.client.SetReadDeadline(time.Now().Add(stall)) //nolint:errcheck // a connection that has gone says so when it is read
	n, err := b.r.Body.Read(p)
	if errors.Is(err, io.EOF) { // else the deadline stays for the rest
		b.read.Store(true)
		b.client.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	}
	return n, err
}

func (b *body) Close() error { return nil }
