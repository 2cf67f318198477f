package envfile

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

func propertiesFormat() format {
	return format{
		name:       "properties",
		doc:        "java.util.Properties.load reads it; no invalid UTF-8",
		between:    "\n",
		after:      "\n",
		checkName:  checkTextName,
		checkValue: checkUTF8,
		appendEntry: func(dst []byte, e Entry) []byte {
			dst = appendProperty(dst, e.Name, true)
			dst = append(dst, '=')
			return appendProperty(dst, e.Value, false)
		},
	}
}

func checkUTF8(e Entry) problem {
	if !utf8.ValidString(e.Value) {
		return problem{"the value is not valid UTF-8", hintText}
	}
	return problem{}
}

// appendProperty escapes as Properties.store does: separators and comment
// signs everywhere, blanks in a key and at the start of a value, and UTF-16
// code units for all that is not printable ASCII.
func appendProperty(dst []byte, s string, key bool) []byte {
	for i, r := range s {
		switch r {
		case ' ':
			if key || i == 0 {
				dst = append(dst, '\\')
			}
			dst = append(dst, ' ')
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\\', '=', ':', '#', '!':
			dst = append(dst, '\\', byte(r))
		default:
			dst = appendCodeUnits(dst, r)
		}
	}
	return dst
}

func appendCodeUnits(dst []byte, r rune) []byte {
	switch {
	case ' ' <= r && r <= '~':
		return append(dst, byte(r))
	case r > 0xFFFF:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(dst, `\u%04X\u%04X`, high, low)
	default:
		return fmt.Appendf(dst, `\u%04X`, r)
	}
}
