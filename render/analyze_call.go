package render

import (
	"text/template/parse"

	"github.com/podfacts/podfacts/watch"
)

// command gives what a function or an operand stands for. Where it is piped, one
// more argument comes from the command before it.
func (a *analyzer) command(cmd *parse.CommandNode, piped bool, s scope) value {
	function, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok && len(cmd.Args) == 1 {
		return a.operand(cmd.Args[0], s)
	}
	args := cmd.Args[1:]
	literal, isLiteral := "", false
	if len(args) > 0 {
		literal, isLiteral = text(args[0])
	}
	if ok {
		a.changes = a.changes || changesMaps(function.Ident)
		switch function.Ident {
		case "fact":
			a.named(literal, isLiteral, piped || len(args) > 1, cmd)
		case "hasFact":
			a.named(literal, isLiteral, true, cmd)
		case "mustEnv":
			a.keyed("env", literal, isLiteral, false, cmd)
		case "env", "envOrDefault":
			a.keyed("env", literal, isLiteral, true, cmd)
		case "file":
			a.keyed("files", literal, isLiteral, false, cmd)
		case "include":
			if isLiteral && len(args) == 2 {
				a.template(literal, a.operand(args[1], s), cmd)
				return value{}
			}
			a.need(at(""), cmd) // what is not followed may do anything
			a.changes = true
		case "tpl":
			a.need(at(""), cmd) // whatever the string says
		case "index", "get":
			if keys, ok := texts(args[min(1, len(args)):]); ok && len(args) > 0 {
				return a.indexed(args[0], keys, function.Ident == "get", cmd, s)
			}
		case "dig":
			if n := len(args) - 2; n > 0 {
				if keys, ok := texts(args[:n]); ok {
					a.need(a.operand(args[n], s), cmd)
					a.need(a.indexed(args[n+1], keys, true, cmd, s), cmd)
					return value{}
				}
			}
		case "and", "or":
			if len(args) > 1 {
				a.need(a.operand(args[0], s), cmd)
				a.perhaps(func() { a.operands(args[1:], cmd, s) })
				return value{}
			}
		}
	}
	a.operands(cmd.Args, cmd, s)
	return value{}
}

func (a *analyzer) operands(nodes []parse.Node, cmd *parse.CommandNode, s scope) {
	for _, node := range nodes {
		a.need(a.operand(node, s), cmd)
	}
}

// text is a literal string.
func text(node parse.Node) (string, bool) {
	n, ok := node.(*parse.StringNode)
	if !ok {
		return "", false
	}
	return n.Text, true
}

func texts(nodes []parse.Node) ([]string, bool) {
	all := make([]string, len(nodes))
	for i, node := range nodes {
		var ok bool
		if all[i], ok = text(node); !ok {
			return nil, false
		}
	}
	return all, true
}

// indexed follows index .pod.labels "app" and the like.
func (a *analyzer) indexed(item parse.Node, keys []string, soft bool, cmd *parse.CommandNode, s scope) value {
	v := a.operand(item, s)
	v.soft = v.soft || soft && len(keys) > 0
	return a.below(v, keys, cmd)
}

// named is a fact by its path in a string.
func (a *analyzer) named(name string, isLiteral, soft bool, node parse.Node) {
	if !isLiteral {
		a.need(at(""), node)
	} else if path, err := watch.ParsePath(name); err != nil {
		a.fail(node, err)
	} else {
		a.need(value{path: InContainer(path, a.container), known: true, soft: soft}, node)
	}
}

// keyed is a fact by its key in a group.
func (a *analyzer) keyed(group watch.Path, key string, isLiteral, soft bool, node parse.Node) {
	if isLiteral {
		group = group.Key(key)
	}
	if _, err := watch.ParsePath(string(group)); err != nil {
		a.fail(node, err)
		return
	}
	a.need(value{path: group, known: true, soft: soft}, node)
}
