// Package funcs holds the functions that podfacts templates offer, under the
// names that users of Helm (sprig) and consul-template know.
//
// [Map] gives them to package template, or to text/template. Functions that
// need the facts themselves (fact, env, mustEnv, envOrDefault, file, include,
// tpl) are bound by package render.
//
// # Promises
//
//   - The same input gives the same output, always: no clock, no randomness,
//     no environment, no network, no file system, no time zone database.
//     Maps are walked in the order of their keys. A template that is rendered
//     again without a change yields the same bytes, so nobody is notified for
//     nothing. [Unavailable] says for each name left out why, and what to use.
//   - Nothing is lost in silence. Where sprig panics, returns zero or returns
//     the error as text, these functions return an error that names the value.
//     Plain and must variants are therefore the same function. What was not
//     given (nil or "") still counts as zero in arithmetic, as it does in
//     sprig; get, dig, default and hasKey are the tolerant ways to ask.
//   - A template cannot eat the memory: what multiplies its input stops with
//     an error at 1 MiB of text or 100,000 items, see values.go.
//   - Facts are never changed: set, unset and merge work in place, as in
//     sprig, on maps that the template made, and refuse the label maps of the
//     snapshot. Every other function leaves its arguments alone.
//
// # Two dialects
//
// Helm and consul-template disagree on some names. Sprig's meaning and order
// of arguments is the base. Where types or the number of arguments tell the
// two apart (contains, trim, join), both work; where they do not (split,
// regexReplaceAll, indent, add), sprig's holds, and sprig_NAME says so out
// loud.
//
// # Why not a library
//
// A sidecar runs in every pod, so each kilobyte counts thousands of times.
// Sprig adds 2.7 MB of binary, 2.6 MB of resident memory and 11 modules, most
// of it for certificates and password hashes that differ at each render; its
// functions take only map[string]any, and go wrong in silence. This package
// adds 0.7 MB of binary and 0.5 MB of resident memory, 0.2 MB of that private
// and only once [Map] is called. Two small libraries do what they do better:
// xstrings (sprig's rules for casing) and toml (encoding only). The module
// test/templates renders the test suites of the real sprig and of the real
// consul-template on both sides, and lists every difference with its reason.
package funcs
