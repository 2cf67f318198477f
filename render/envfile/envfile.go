// Package envfile writes variables in the env-file dialects that containers consume.
//
// There is no such thing as "the" env file. A shell, the kubelet, docker,
// systemd and the dotenv libraries read files that look alike and disagree on
// quotes, escapes, comments, line ends and names. So each [Dialect] here
// follows one named reader, and keeps three promises:
//
//   - What it writes is read back byte for byte by that reader.
//   - What the reader could not give back is refused with an [InvalidError]
//     that says why and what to do, never written approximately.
//   - No value ever becomes a second variable or a command.
//
// A file is a list of entries with distinct names. [Dialect.Append] renders
// it, without I/O and without state:
//
//	file, invalid := envfile.Kubernetes.Append(nil, entries)
//
// Names made from label keys come from [NameFromKey]; several keys can want
// the same name, which [Collisions] finds before a file is written.
package envfile

import "fmt"

// Entry is one variable.
type Entry struct{ Name, Value string }

// Dialect is an env-file format, named for the program that reads it. The zero
// value is [Sh].
type Dialect uint8

const (
	// Sh is assignments for a POSIX shell to source: NAME='value'. Single
	// quotes make every byte but themselves literal, and a quote is written
	// between two such strings with a backslash
	// (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02).
	// Proven with dash, bash, busybox sh, ksh and zsh, on any value.
	//
	// It cannot hold NUL, nor names that one of these shells keeps for itself,
	// such as UID, RANDOM, PS1 and, in zsh, path and status. ksh takes LANG and
	// LC_* only for a locale that it knows.
	Sh Dialect = iota

	// Export is Sh with `export` in front, so that programs started by the
	// shell see the variables. Linux starts no program with a variable of
	// 128 KiB or more (MAX_ARG_STRLEN), so that is refused too.
	Export

	// Kubernetes is what the kubelet reads for env.valueFrom.fileKeyRef since
	// Kubernetes 1.35 (ParseEnv in pkg/kubelet/util/env/env_util.go):
	// NAME='literal', which may span lines.
	//
	// It cannot hold a single quote, an empty value (the kubelet takes it for
	// a missing key), CR before LF, invalid UTF-8 (which the container runtime
	// interface carries since 1.36 only), lines of 64 KiB or more, NUL.
	Kubernetes

	// Kubernetes134 is the alpha of that in Kubernetes 1.34, another format:
	// NAME=value with nothing quoted and blanks trimmed.
	//
	// It cannot hold newlines, blanks at either end, a backslash at the end,
	// nor what Kubernetes cannot hold, save for single quotes.
	Kubernetes134

	// Docker is what `docker run --env-file` reads (pkg/kvfile in
	// https://github.com/docker/cli): NAME=value, raw to the end of the line.
	//
	// It cannot hold newlines, CR at the end, invalid UTF-8, lines of 64 KiB
	// or more, NUL. Files for `env_file:` of docker compose are Dotenv.
	Docker

	// Systemd is what EnvironmentFile= reads (systemd.exec(5), and in the
	// source src/basic/env-file.c and env-util.c): NAME="value" with
	// backslashes before " \ ` and $.
	//
	// It cannot hold control characters except tab and newline (older
	// releases drop the variable), invalid UTF-8, Unicode noncharacters,
	// variables of 128 KiB or more, NUL.
	Systemd

	// Dotenv is the common ground of three readers: motdotla/dotenv (16 and
	// 17, for Node.js), joho/godotenv and the dotenv package of
	// compose-spec/compose-go (docker compose). A value is written in the
	// first of three forms that all of them read alike: 'literal', "escaped"
	// or bare.
	//
	// It cannot hold invalid UTF-8, NUL, and combinations that have no common
	// form, such as a single quote together with both a double quote and a
	// dollar. Tools with other rules for single quotes are not among the three:
	// dotenv-expand and python-dotenv expand ${NAME} in them, and the latter
	// reads two backslashes as one.
	Dotenv

	// Properties is what java.util.Properties.load reads, in the form that
	// Properties.store writes. It is ASCII, so it survives readers that take
	// the file for UTF-8 as well as those that take it for ISO-8859-1:
	// https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html
	//
	// It cannot hold invalid UTF-8. Names may be any string.
	Properties

	// JSON is one object of names to strings, in the order of the entries. It
	// cannot hold invalid UTF-8. Names may be any string.
	JSON

	// YAML is one mapping of names to strings, both double-quoted so that YAML
	// 1.1 and 1.2 readers agree on them (NO, 1e3, <<). It cannot hold invalid
	// UTF-8, nor names of more than 1,024 bytes, where YAML's implicit keys end.
	YAML

	// Environ is the environment of a process, as execve(2) takes it and
	// /proc/self/environ shows it: NAME=value, each ended by a NUL byte. A
	// program that splits the file there needs no parser, and
	// `xargs -0 env -i` starts one with it.
	//
	// It cannot hold NUL, names with an equals sign, and variables of 128 KiB
	// or more, with which Linux starts no program (MAX_ARG_STRLEN).
	Environ

	endOfDialects
)

// Dialects returns all dialects in the order of the documentation.
func Dialects() []Dialect {
	all := make([]Dialect, endOfDialects)
	for i := range all {
		all[i] = Dialect(i)
	}
	return all
}

// Lookup returns the dialect of that name, as `format:` of an output has it.
func Lookup(name string) (Dialect, bool) {
	for d := range endOfDialects {
		if d.String() == name {
			return d, true
		}
	}
	return 0, false
}

// String returns the dialect's name, as [Lookup] takes it.
func (d Dialect) String() string {
	if d >= endOfDialects {
		return fmt.Sprintf("Dialect(%d)", uint8(d))
	}
	return d.format().name
}

// Doc says in one line who reads the dialect and what it cannot hold.
func (d Dialect) Doc() string { return d.format().doc }

// CheckName returns nil for a name that the dialect can write, and otherwise
// an *[InvalidError].
func (d Dialect) CheckName(name string) error {
	if p := d.format().checkName(name); p != (problem{}) {
		return d.invalid(0, name, p)
	}
	return nil
}

// Append appends a whole file with the entries to dst, in their order, and
// returns one error for each entry that the dialect cannot express. Those
// entries are left out, so the file is sound either way: a caller that wants
// all or nothing drops it. A name that comes twice is an error for the second.
//
// The file ends in a newline, or in a NUL for Environ, unless there is nothing
// in it: JSON and YAML are then `{}` and a newline, the others have no byte.
func (d Dialect) Append(dst []byte, entries []Entry) ([]byte, []*InvalidError) {
	var (
		f       = d.format()
		seen    = make(map[string]int, len(entries))
		written = false
		invalid []*InvalidError
	)
	for i, e := range entries {
		if p := checkEntry(f, seen, i, e); p != (problem{}) {
			invalid = append(invalid, d.invalid(i, e.Name, p))
			continue
		}
		if written {
			dst = append(dst, f.between...)
		} else {
			dst = append(dst, f.before...)
		}
		dst = f.appendEntry(dst, e)
		written = true
	}
	if !written {
		return append(dst, f.empty...), invalid
	}
	return append(dst, f.after...), invalid
}

func checkEntry(f format, seen map[string]int, i int, e Entry) problem {
	if first, ok := seen[e.Name]; ok {
		return problem{
			fmt.Sprintf("entry %d repeats the name of entry %d", i+1, first+1),
			"rename or remove one of them",
		}
	}
	seen[e.Name] = i
	if p := f.checkName(e.Name); p != (problem{}) {
		return p
	}
	return f.checkValue(e)
}

// format is a dialect taken apart. The checks return the zero problem for what
// appendEntry writes exactly.
type format struct {
	name, doc              string
	before, between, after string // around the entries of a file that has some
	empty                  string // the file that has none
	checkName              func(name string) problem
	checkValue             func(Entry) problem
	appendEntry            func([]byte, Entry) []byte
}

func (d Dialect) format() format {
	switch d {
	case Sh:
		return shFormat()
	case Export:
		return exportFormat()
	case Kubernetes:
		return kubernetesFormat()
	case Kubernetes134:
		return kubernetes134Format()
	case Docker:
		return dockerFormat()
	case Systemd:
		return systemdFormat()
	case Dotenv:
		return dotenvFormat()
	case Properties:
		return propertiesFormat()
	case JSON:
		return jsonFormat()
	case YAML:
		return yamlFormat()
	case Environ:
		return environFormat()
	default:
		return format{
			name:      d.String(),
			doc:       "not a dialect",
			checkName: func(string) problem { return problem{"there is no such dialect", "take one of Dialects"} },
		}
	}
}
