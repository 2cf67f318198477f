package proxy

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// errTarget says that a request target can be read in more than one way, or is none.
var errTarget = errors.New("the path of the request can be read in more than one way")

// canonical gives the one path that a request target stands for, decoded, and the
// query as it came. Decoding the path again, cleaning it, trimming its names, or
// cutting off what some take for a query or a parameter gives the same path.
func canonical(target string) (path, query string, err error) {
	if !strings.HasPrefix(target, "/") { // http://host/path, host:port, *
		return "", "", errTarget
	}
	raw, query, _ := strings.Cut(target, "?")
	path, err = url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(path) { // such as %c0%af, an overlong slash
		return "", "", errTarget
	}
	if strings.Count(path, "/") != strings.Count(raw, "/") { // %2f
		return "", "", errTarget
	}
	for _, c := range path {
		if strings.ContainsRune(`\%;?#`, c) || !unicode.IsPrint(c) {
			return "", "", errTarget
		}
	}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 || strings.Trim(s, " ") != s {
			return "", "", errTarget
		}
	}
	return path, query, nil
}
