package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"
)

// Error is what went wrong in a template, and where.
type Error struct {
	Template     string // the template that was executed
	Name         string // of the text that it was parsed from
	Line, Column int    // in that text; the parser knows no column, which is 0 then
	Expression   string // as it is written, but for white space
	Function     string // what failed was this function; else the template itself
	Err          error
}

// Where is the place: name:line:column.
func (e *Error) Where() string {
	where := e.Name + ":" + strconv.Itoa(e.Line)
	if e.Column > 0 || e.Expression != "" {
		where += ":" + strconv.Itoa(e.Column)
	}
	return where
}

// Error says it as text/template does.
func (e *Error) Error() string {
	if e.Expression == "" {
		return fmt.Sprintf("template: %s: %v", e.Where(), e.Err)
	}
	reason := e.Err.Error()
	if e.Function != "" {
		reason = "error calling " + e.Function + ": " + reason
	}
	return fmt.Sprintf("template: %s: executing %q at <%s>: %s", e.Where(), e.Template, e.Expression, reason)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// MissingKeyError is a key that a map does not have.
type MissingKeyError struct{ Key any }

func (e *MissingKeyError) Error() string { return fmt.Sprintf("map has no entry for key %q", e.Key) }

// NoDataError is a field of nothing: a template was called without a dot.
type NoDataError struct{ Field string }

func (e *NoDataError) Error() string {
	return fmt.Sprintf("nil data; no entry for key %q", e.Field)
}

// UndefinedError is a function that does not exist.
type UndefinedError struct{ Function string }

func (e *UndefinedError) Error() string { return fmt.Sprintf("function %q not defined", e.Function) }

// StoppedError is the end of a run whose context has ended.
type StoppedError struct{ Cause error }

func (e *StoppedError) Error() string { return "stopped: " + e.Cause.Error() }

// Unwrap gives the cause of the context's end.
func (e *StoppedError) Unwrap() error { return e.Cause }

// ErrTooLong is the cause where a text has grown over the limit of a [Run].
var ErrTooLong = errors.New("the text is too long")

// fail makes the error for what is being executed.
func (f *frame) fail(err error) error {
	where, expression := f.tree.ErrorContext(f.node)
	e := &Error{Template: f.tree.Name, Expression: expression, Err: err}
	where, e.Column = cutNumber(where)
	e.Name, e.Line = cutNumber(where)
	return e
}

func (f *frame) failf(format string, args ...any) error { return f.fail(fmt.Errorf(format, args...)) }

// failIn is a failure of a function.
func (f *frame) failIn(node parse.Node, function string, err error) error {
	f.at(node)
	failure := f.fail(err)
	if e, ok := failure.(*Error); ok { //nolint:errorlint // made by fail, wrapped by nobody
		e.Function = function
	}
	return failure
}

// cutNumber splits a place at its last colon.
func cutNumber(where string) (before string, number int) {
	i := strings.LastIndexByte(where, ':')
	number, _ = strconv.Atoi(where[i+1:]) // the parser wrote it
	return where[:i], number
}
