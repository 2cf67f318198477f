package funcs

import (
	"fmt"
	"regexp"
	"strings"
)

func regexFuncs() []Func {
	return []Func{
		{"regexMatch", "mustRegexMatch", "whether the expression is found in a text", `{{ regexMatch "^v[0-9]+$" "v12" }}`, "true", regexMatch},
		{"regexFind", "mustRegexFind", "the first match", `{{ regexFind "[0-9]+" "web-12-3" }}`, "12", regexFind},
		{"regexFindAll", "mustRegexFindAll", "expression, text, count: the matches, at most so many, all for -1", `{{ regexFindAll "[0-9]+" "web-12-3" -1 }}`, "[12 3]", regexFindAll},
		{"regexReplaceAll", "mustRegexReplaceAll", "expression, text, replacement, in which ${1} is the first group", `{{ regexReplaceAll "a(x*)b" "-axxb-" "${1}W" }}`, "-xxW-", regexReplaceAll},
		{"regexReplaceAllLiteral", "mustRegexReplaceAllLiteral", "as regexReplaceAll, with $ meaning itself", `{{ regexReplaceAllLiteral "a(x*)b" "-axxb-" "${1}" }}`, "-${1}-", regexReplaceLiteral},
		{"regexSplit", "mustRegexSplit", "expression, text, count: the parts between matches, all for -1", `{{ regexSplit "z+" "pizza" -1 }}`, "[pi a]", regexSplit},
		{"regexQuoteMeta", "", "the expression that matches this text", `{{ regexQuoteMeta "1.2.3" }}`, `1\.2\.3`, regexp.QuoteMeta},
	}
}

func compile(expr string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("%.64q is not a regular expression: %w", expr, err)
	}
	return re, nil
}

func regexMatch(expr, s string) (bool, error) {
	re, err := compile(expr)
	return err == nil && re.MatchString(s), err
}

func regexFind(expr, s string) (string, error) {
	re, err := compile(expr)
	if err != nil {
		return "", err
	}
	return re.FindString(s), nil
}

func regexFindAll(expr, s string, count any) ([]string, error) {
	re, err := compile(expr)
	if err != nil {
		return nil, err
	}
	n, err := asInt(count)
	if err != nil {
		return nil, err
	}
	found := re.FindAllString(s, limit(n))
	return found, checkItems(len(found))
}

func regexSplit(expr, s string, count any) ([]string, error) {
	re, err := compile(expr)
	if err != nil {
		return nil, err
	}
	n, err := asInt(count)
	if err != nil {
		return nil, err
	}
	parts := re.Split(s, limit(n))
	return parts, checkItems(len(parts))
}

// limit asks for one item more than is allowed, so that too many are noticed.
func limit(n int) int {
	if n < 0 || n > maxItems {
		return maxItems + 1
	}
	return n
}

func regexReplaceAll(expr, s, repl string) (string, error) {
	re, err := compile(expr)
	if err != nil {
		return "", err
	}
	groups := strings.Count(repl, "$")
	return replaceMatches(re, s, func(dst []byte, at []int) ([]byte, error) {
		// Each $ writes at most the whole match.
		if err := checkText(len(dst) + len(repl) + groups*(at[1]-at[0])); err != nil {
			return nil, err
		}
		return re.ExpandString(dst, repl, s, at), nil
	})
}

func regexReplaceLiteral(expr, s, repl string) (string, error) {
	re, err := compile(expr)
	if err != nil {
		return "", err
	}
	return replaceMatches(re, s, func(dst []byte, _ []int) ([]byte, error) {
		return append(dst, repl...), checkText(len(dst) + len(repl))
	})
}

func replaceMatches(re *regexp.Regexp, s string, write func(dst []byte, at []int) ([]byte, error)) (string, error) {
	matches := re.FindAllStringSubmatchIndex(s, maxItems+1)
	if err := checkItems(len(matches)); err != nil {
		return "", err
	}
	var out []byte
	end := 0
	for _, at := range matches {
		var err error
		if out, err = write(append(out, s[end:at[0]]...), at); err != nil {
			return "", err
		}
		end = at[1]
	}
	return string(append(out, s[end:]...)), nil
}
