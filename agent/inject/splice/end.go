package splice

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// end is the offset of the line behind a block.
//
//  1. The last thing in it is a scalar, an alias or something in flow style.
//  2. A quoted scalar ends with its quote, and a literal or folded one with the
//     indentation.
//  3. Everything else ends before the comments and the blank lines that are
//     before whatever comes next.
func (d *Document) end(n *yaml.Node) int {
	f := d.file
	at := d.nodes[d.index[n]].last
	last := d.nodes[at].Node
	next, dash := d.until, false
	if at+1 < len(d.nodes) {
		next, dash = f.offset(d.nodes[at+1].Node), d.parted(at+1)
	}
	switch {
	case d.inFlow(at):
	case last.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.literalEnd(last, next)
	case last.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return f.lineEnd(f.line(f.quoteEnd(f.value(last)) - 1))
	}
	line := f.line(next)
	if next == len(f.text) && !f.endsLine() {
		line++
	}
	for line > 1 && (d.commented(line-1) || dash && d.dashed(line-1)) {
		line--
	}
	return f.lineEnd(line - 1)
}

// inFlow reports whether a node is part of something in flow style.
func (d *Document) inFlow(at int) bool {
	for at = d.nodes[at].parent; at >= 0; at = d.nodes[at].parent {
		if d.nodes[at].Style&yaml.FlowStyle != 0 {
			return true
		}
	}
	return false
}

func (f *File) endsLine() bool { return len(f.text) == 0 || f.text[len(f.text)-1] == '\n' }

// commented reports whether a line is blank or a comment.
func (d *Document) commented(line int) bool {
	text := bytes.TrimSpace(d.file.lineText(line))
	return len(text) == 0 || text[0] == '#'
}

// parted reports whether a node is an item whose dash is in a line above.
func (d *Document) parted(at int) bool {
	n, parent := d.nodes[at].Node, d.nodes[at].parent
	if parent < 0 || d.nodes[parent].Kind != yaml.SequenceNode || flow(d.nodes[parent].Node) {
		return false
	}
	from := d.file.offset(n)
	return !bytes.Contains(d.file.text[d.file.starts[d.file.line(from)]:from], []byte("-"))
}

// dashed reports whether a line is the dash of an item that begins below.
func (d *Document) dashed(line int) bool {
	return bytes.Equal(bytes.TrimSpace(d.file.lineText(line)), []byte("-"))
}

// literalEnd is where a literal or folded scalar ends: before a line that is
// indented less than its first one, or less than its header says.
func (d *Document) literalEnd(n *yaml.Node, next int) int {
	f := d.file
	header := f.line(f.value(n))
	keep, content := d.literalHeader(n)
	end := header
	for line := header + 1; line < len(f.starts) && f.starts[line] < min(next, len(f.text)); line++ {
		text := bytes.TrimRight(f.lineText(line), "\r\n")
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		switch {
		case indent == len(text): // blank
			if keep {
				end = line
			}
			continue
		case content < 0:
			content = indent
		}
		if indent < content {
			return f.lineEnd(end)
		}
		end = line
	}
	return f.lineEnd(end)
}

// literalHeader reads the two things that may be behind | or >: a plus for
// blank lines that count, and the indentation, which is -1 for that of the first
// line.
func (d *Document) literalHeader(n *yaml.Node) (keep bool, indent int) {
	indent = -1
	for _, c := range d.file.text[d.file.value(n)+1:] {
		switch {
		case c == '+':
			keep = true
		case '1' <= c && c <= '9':
			indent = int(c-'0') + d.outer(n)
		case c != '-':
			return keep, indent
		}
	}
	return keep, indent
}

// outer is the indentation of what a block is in.
func (d *Document) outer(n *yaml.Node) int {
	parent := d.nodes[d.index[n]].parent
	switch {
	case parent < 0:
		return 0
	case d.nodes[parent].Kind == yaml.SequenceNode:
		return d.dash(d.nodes[parent].Node)
	}
	return d.nodes[parent].Content[0].Column - 1
}

// value is the offset of a node behind its anchor and its tag.
func (f *File) value(n *yaml.Node) int {
	at := f.offset(n)
	for at < len(f.text) && (f.text[at] == '&' || f.text[at] == '!') {
		for at < len(f.text) && !bytes.ContainsRune([]byte(" \t\r\n"), rune(f.text[at])) {
			at++
		}
		for at < len(f.text) && bytes.ContainsRune([]byte(" \t\r\n"), rune(f.text[at])) {
			at++
		}
	}
	return at
}

// quoteEnd is the offset behind a quoted scalar.
func (f *File) quoteEnd(at int) int {
	if at >= len(f.text) {
		return at
	}
	quote := f.text[at]
	for at++; at < len(f.text); at++ {
		switch {
		case quote == '"' && f.text[at] == '\\':
			at++
		case f.text[at] != quote:
		case quote == '\'' && at+1 < len(f.text) && f.text[at+1] == '\'':
			at++
		default:
			return at + 1
		}
	}
	return at
}

// bracket follows a map or a list in flow style from its bracket on: to the
// other one, and to behind the last thing in it, which may be a comma.
func (f *File) bracket(at int) (last, closing int) {
	depth, scalar := 0, false // scalar: in a plain one, where a quote is a letter
	last = at + 1
	for i := at; i < len(f.text); i++ {
		switch c := f.text[i]; c {
		case '[', '{':
			depth++
			scalar = false
		case ']', '}':
			if depth--; depth == 0 {
				return last, i
			}
			scalar = false
		case '"', '\'':
			if !scalar {
				i = f.quoteEnd(i) - 1
			}
		case '#':
			if b := f.text[i-1]; b == ' ' || b == '\t' || b == '\n' || b == '\r' {
				i = f.lineEnd(f.line(i)) - 1
				continue
			}
		case ' ', '\t', '\r', '\n':
			continue
		case ',':
			scalar = false
		case ':':
			// "a":b and {a: b}; the b of a:b goes on.
			scalar = scalar && i+1 < len(f.text) && !bytes.ContainsRune([]byte(" \t\r\n,[]{}"), rune(f.text[i+1]))
		default:
			scalar = true
		}
		if i > at {
			last = i + 1
		}
	}
	return last, len(f.text)
}

// token is the text of a value that is empty.
func (d *Document) token(n *yaml.Node) (from, to int) {
	f := d.file
	from = f.value(n)
	switch {
	case n.Kind == yaml.ScalarNode:
		to = from + len(n.Value)
		if n.Style != 0 { // an empty string is no empty list
			return from, f.quoteEnd(from)
		}
		return from, to
	case n.Kind == yaml.AliasNode:
		return from, from + 1 + len(n.Value)
	}
	_, closing := f.bracket(from)
	return from, closing + 1
}
