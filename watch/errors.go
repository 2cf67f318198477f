package watch

import "github.com/hashicorp/go-multierror"

// Errors gives the errors that an aggregate holds, one error as itself, and
// nothing for nil. An aggregate inside of another error stays there.
func Errors(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(*multierror.Error); ok { //nolint:errorlint // what wraps an aggregate says more than it
		return all.Errors
	}
	return []error{err}
}
