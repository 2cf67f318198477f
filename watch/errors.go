package watch

import (
	"errors"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Errors gives the errors that an aggregate holds, of [Join] or [errors.Join], one
// error as itself, and nothing for nil. An aggregate inside of another error stays
// there.
func Errors(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(*multierror.Error); ok { //nolint:errorlint // what wraps an aggregate says more than it
		return all.Errors
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		inner := several.Unwrap()
		if errors.Join(inner...).Error() == err.Error() { // it adds nothing of its own
			var all []error
			for _, e := range inner {
				all = append(all, Errors(e)...)
			}
			return all
		}
	}
	return []error{err}
}

// Join makes one error of several, each once and on a line of its own. The
// errors of aggregates are taken out of them; a single error stays itself, and
// none is nil.
func Join(errs ...error) error {
	all := &multierror.Error{ErrorFormat: lines}
	seen := make(map[string]bool)
	for _, err := range errs {
		for _, err := range Errors(err) {
			if text := err.Error(); !seen[text] {
				seen[text] = true
				all.Errors = append(all.Errors, err)
			}
		}
	}
	if len(all.Errors) == 1 {
		return all.Errors[0]
	}
	return all.ErrorOrNil()
}

func lines(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}
