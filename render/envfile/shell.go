package envfile

import "strings"

func shFormat() format {
	return format{
		name:        "sh",
		doc:         "a POSIX shell sources it (. file); any value but NUL, and no names that shells keep for themselves",
		between:     "\n",
		after:       "\n",
		checkName:   checkShellName,
		checkValue:  func(e Entry) problem { return checkNUL(e.Value) },
		appendEntry: appendAssignment,
	}
}

func exportFormat() format {
	return format{
		name:      "export",
		doc:       "as sh, with export in front of each variable; none of 128 KiB or more",
		between:   "\n",
		after:     "\n",
		checkName: checkShellName,
		checkValue: func(e Entry) problem {
			if p := checkNUL(e.Value); p != (problem{}) {
				return p
			}
			return checkSize(e)
		},
		appendEntry: func(dst []byte, e Entry) []byte {
			return appendAssignment(append(dst, "export "...), e)
		},
	}
}

// appendAssignment quotes always: an unquoted word that is safe in one shell
// is a tilde, a glob or a path to a command in another.
func appendAssignment(dst []byte, e Entry) []byte {
	dst = append(dst, e.Name...)
	dst = append(dst, "='"...)
	for rest := e.Value; ; {
		literal, after, found := strings.Cut(rest, "'")
		dst = append(dst, literal...)
		if !found {
			return append(dst, '\'')
		}
		dst = append(dst, `'\''`...)
		rest = after
	}
}

func checkShellName(name string) problem {
	if p := checkPOSIXName(name); p != (problem{}) {
		return p
	}
	if reason := reservedInShells(name); reason != "" {
		return problem{reason, "rename it, for example to POD_" + strings.TrimLeft(NameFromKey(name), "_")}
	}
	return problem{}
}

// reservedInShells says why no assignment to the name should be sourced, and ""
// for the names that all of dash, bash, busybox sh, ksh93 and zsh leave alone.
// The list is what those shells themselves say (compgen -v, typeset,
// $parameters), tried one by one: TestShellNames does it again.
func reservedInShells(name string) string {
	switch name {
	case "RANDOM", "SRANDOM", "OPTIND", "HISTCMD":
		// RANDOM='a[$(reboot)]' reboots in bash: an assignment to an integer
		// is arithmetic, and a subscript in it is expanded.
		return "bash evaluates what is assigned to it, commands included"

	case "ENV", "BASH_ENV", "MAILPATH", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4",
		"PROMPT", "PROMPT2", "PROMPT3", "PROMPT4", "RPROMPT", "RPROMPT2", "RPS1", "RPS2", "SPROMPT":
		return "a shell expands its value later, commands included"

	case "IFS":
		return "it changes how the script that sources the file splits words"

	case "PPID", "UID", "EUID", "GID", "EGID", "BASHOPTS", "SHELLOPTS", "LINENO",
		"ARGC", "TTYIDLE", "_":
		return "it is read-only in some shells, and the file would stop there"

	case "BASH", "BASHPID", "COLUMNS", "DIRSTACK", "DIRSTACKSIZE", "EPOCHREALTIME", "EPOCHSECONDS",
		"ERRNO", "FUNCNAME", "FUNCNEST", "GROUPS", "HISTCHARS", "HISTSIZE", "JOBMAX", "KEYBOARD_HACK", "KEYTIMEOUT", "LINES", "LISTMAX",
		"LOGCHECK", "MAILCHECK", "OPTARG", "OPTERR", "PIPESTATUS", "SAVEHIST", "SECONDS", "SHLVL", "TMOUT",
		"TRY_BLOCK_ERROR", "TRY_BLOCK_INTERRUPT", "USERNAME":
		return "some shells compute its value or take only numbers, so it would not hold text"
	}
	switch {
	case strings.HasPrefix(name, "BASH_"), strings.HasPrefix(name, "ZSH_"):
		return "the shell that the name begins with keeps it for itself"
	case reservedInZsh(name):
		return "zsh keeps it for itself; some of these change PATH or stop the file"
	}
	return ""
}

// reservedInZsh lists the lower-case parameters of zsh and of the modules that
// it loads by itself.
func reservedInZsh(name string) bool {
	switch name {
	case "aliases", "argv", "builtins", "cdpath", "commands", "dirstack", "epochtime", "errnos", "fignore", "fpath",
		"funcfiletrace", "funcsourcetrace", "funcstack", "functions", "functions_source", "functrace", "galiases",
		"histchars", "history", "historywords", "jobdirs", "jobstates", "jobtexts", "keymaps", "langinfo",
		"mailpath", "manpath", "mapfile", "module_path", "modules", "nameddirs", "options", "parameters",
		"patchars", "path", "pipestatus", "prompt", "psvar", "reswords", "saliases", "signals", "status",
		"sysparams", "termcap", "terminfo", "userdirs", "usergroups", "watch", "widgets",
		"zle_bracketed_paste", "zsh_eval_context", "zsh_scheduled_events":
		return true
	}
	return strings.HasPrefix(name, "dis_")
}
