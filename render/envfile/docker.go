package envfile

import "strings"

func dockerFormat() format {
	return format{
		name:        "docker",
		doc:         "docker run --env-file reads it; one line, no carriage return at the end",
		between:     "\n",
		after:       "\n",
		checkName:   checkDockerName,
		checkValue:  checkDocker,
		appendEntry: appendRaw, // always with "=": a bare NAME takes the value from docker's own environment
	}
}

// checkDockerName is stricter than docker outside ASCII, where docker takes
// any character that is not a space and few consumers do.
func checkDockerName(name string) problem {
	switch {
	case !isPrintableName(name) || strings.Contains(name, " "):
		return problem{"the name is not printable ASCII without blanks and '='", hintRename(name)}
	case name[0] == '#':
		return problem{"docker takes the line for a comment", hintRename(name)}
	}
	return problem{}
}

func checkDocker(e Entry) problem {
	if p := checkText(e.Value); p != (problem{}) {
		return p
	}
	switch {
	case strings.Contains(e.Value, "\n"):
		return problem{"the value holds a newline, and docker reads line by line", hintOneLine}
	case strings.HasSuffix(e.Value, "\r"):
		return problem{"the value ends in a carriage return, which docker takes for part of the line end", "trim the value"}
	}
	return checkLine(rawLine(e))
}
