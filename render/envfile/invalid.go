package envfile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// InvalidError is an entry that a dialect cannot express. It never holds the
// value, which may be secret.
type InvalidError struct {
	Dialect Dialect
	Index   int    // of the entry; 0 from CheckName
	Name    string // of the variable
	Reason  string // what the reader would do with it
	Hint    string // what to do next
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("variable %s cannot be written in env dialect %s: %s; %s",
		printableNameOf(e.Name), e.Dialect, e.Reason, e.Hint)
}

// printableNameOf quotes what could be mistaken for the words around it.
func printableNameOf(name string) string {
	if isPOSIXName(name) {
		return name
	}
	return strconv.Quote(name)
}

func (d Dialect) invalid(index int, name string, p problem) *InvalidError {
	return &InvalidError{Dialect: d, Index: index, Name: name, Reason: p.reason, Hint: p.hint}
}

// problem is why an entry cannot be written; zero when it can.
type problem struct{ reason, hint string }

// The hints that several dialects share.
const (
	hintDrop    = "leave the variable out, or let the consumer read a json file"
	hintOneLine = "take the line breaks out, or let the consumer read a json file"
	hintText    = "encode the value as text first, for example in base64"
	hintShorten = "shorten the value, or write it to a file of its own with a template"
)

// maxVariable is how many bytes NAME=value may have for Linux to start a
// program with it: MAX_ARG_STRLEN (32 pages of 4 KiB) less the closing NUL.
const maxVariable = 32*4096 - 1

// checkText refuses what no reader of text files passes on.
func checkText(s string) problem {
	if !utf8.ValidString(s) {
		return problem{"the value is not valid UTF-8", hintText}
	}
	return checkNUL(s)
}

func checkNUL(s string) problem {
	if strings.IndexByte(s, 0) >= 0 {
		return problem{"the value holds a NUL byte, which no environment variable can", hintText}
	}
	return problem{}
}

func checkSize(e Entry) problem {
	if len(e.Name)+len("=")+len(e.Value) > maxVariable {
		return problem{"Linux starts no program with a variable of 128 KiB or more", hintShorten}
	}
	return problem{}
}

// maxScannedLine is the longest line that bufio.Scanner reads with its default
// buffer: the newline has to fit into bufio.MaxScanTokenSize too.
const maxScannedLine = 64*1024 - 1

func checkLine(length int) problem {
	if length > maxScannedLine {
		return problem{"the reader fails on lines of 65,536 bytes or more", hintShorten}
	}
	return problem{}
}
