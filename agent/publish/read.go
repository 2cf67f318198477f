package publish

import (
	"errors"
	"io"
	"os"
)

var errTooLarge = errors.New("larger than it can be")

// Read returns the content of the file. It follows links as Publish does, waits
// for no pipe, and refuses a file of more than limit bytes.
func (f File) Read(limit int64) ([]byte, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	at, err := find(f.Path, false)
	if err != nil {
		return nil, err
	}
	defer at.close()
	file, err := openRegular(at.dir, at.name, os.O_RDONLY)
	if err != nil {
		return nil, f.fail(err, "open it")
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, f.fail(err, "read it")
	}
	if int64(len(data)) > limit {
		return nil, f.fail(errTooLarge, "")
	}
	return data, nil
}
