package envfile

import "strings"

func systemdFormat() format {
	return format{
		name:        "systemd",
		doc:         "EnvironmentFile= of a unit reads it; no control characters but tab and newline",
		between:     "\n",
		after:       "\n",
		checkName:   checkPOSIXName, // env_name_is_valid
		checkValue:  checkSystemd,
		appendEntry: appendSystemd,
	}
}

func checkSystemd(e Entry) problem {
	if p := checkText(e.Value); p != (problem{}) {
		return p
	}
	for _, r := range e.Value {
		switch {
		case r < ' ' && r != '\t' && r != '\n', r == '\x7f':
			// env_value_is_valid accepts them today; in releases that are
			// still in use it does not, and the variable is dropped.
			return problem{"the value holds a control character, for which older releases drop the variable", hintText}
		case 0xFDD0 <= r && r <= 0xFDEF, r&0xFFFE == 0xFFFE: // unichar_is_valid
			return problem{"the value holds a Unicode noncharacter, which systemd takes for invalid UTF-8", hintText}
		}
	}
	return checkSize(e)
}

// appendSystemd uses double quotes. Single ones need no escapes today, but in
// old releases a backslash is one in them too; and after '...'\' the rest of
// the line is unquoted, so a value with a single quote has to change quotes.
func appendSystemd(dst []byte, e Entry) []byte {
	dst = append(dst, e.Name...)
	dst = append(dst, `="`...)
	for i := range len(e.Value) {
		if strings.IndexByte("\"\\`$", e.Value[i]) >= 0 { // SHELL_NEED_ESCAPE
			dst = append(dst, '\\')
		}
		dst = append(dst, e.Value[i])
	}
	return append(dst, '"')
}
