package envfile

import "strings"

func environFormat() format {
	return format{
		name:        "environ",
		doc:         "a program splits it at NUL bytes into NAME=value (xargs -0 env -i); any value but NUL, none of 128 KiB or more",
		between:     "\x00",
		after:       "\x00",
		checkName:   checkEnvironName,
		checkValue:  checkEnviron,
		appendEntry: appendRaw,
	}
}

// checkEnvironName lets pass what execve(2) does, if it is text: programs look
// for spring.profiles.active, too. A shell cannot see a name that is none of its
// own, and dash does not pass it on to what it starts.
func checkEnvironName(name string) problem {
	switch {
	case strings.Contains(name, "="):
		return problem{"the name holds an equals sign, where the value would begin", hintRename(name)}
	case strings.IndexByte(name, 0) >= 0:
		return problem{"the name holds a NUL byte, where the variable would end", hintRename(name)}
	}
	return checkTextName(name)
}

func checkEnviron(e Entry) problem {
	if p := checkNUL(e.Value); p != (problem{}) {
		return p
	}
	return checkSize(e)
}
