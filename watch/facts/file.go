package facts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// file is a view that podfacts writes to a file. It is replaced as a whole, so
// that it is never half of one.
type file struct {
	path string
	poll time.Duration
	seen fs.FileInfo // of the last view
}

func (f *file) close() {}

func (f *file) next(ctx context.Context, id string) (*View, error) {
	for wait := id != ""; ; wait = true {
		if wait {
			sleep(ctx, f.poll)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := os.Stat(f.path)
		if err != nil {
			return nil, fmt.Errorf("facts: %w", err)
		}
		if id != "" && f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
			continue
		}
		v, err := f.read()
		if err == nil {
			f.seen = info // of before it was read: what came since is read again
		}
		return v, err
	}
}

func (f *file) read() (*View, error) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	digest := sha256.Sum256(data)
	return parse(data, hex.EncodeToString(digest[:]))
}

func (f *file) get(_ context.Context, fact string) (string, error) {
	v, err := f.read()
	if err != nil {
		return "", err
	}
	if !v.Has(fact) {
		return "", missing(fact)
	}
	return v.Text(fact), nil
}
