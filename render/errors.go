package render

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// joined makes one error of several, one a line. [errors.As] finds each.
func joined(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &multierror.Error{Errors: errs, ErrorFormat: lines}
}

func lines(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// located puts the place in the configuration before an error.
func located(where string, err error) error {
	if where == "" || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", where, err)
}
