package templates

import (
	"testing"

	ct "github.com/hashicorp/consul-template/template"
)

func consulTemplate(text string, _ any) (string, error) {
	t, err := ct.NewTemplate(&ct.NewTemplateInput{Contents: text})
	if err != nil {
		return "", err
	}
	r, err := t.Execute(&ct.ExecuteInput{Brain: ct.NewBrain()})
	if err != nil {
		return "", err
	}
	return string(r.Output), nil
}

func TestConsulTemplate(t *testing.T) {
	t.Parallel()
	texts := append(corpus(t, "github.com/hashicorp/consul-template", "template/*_test.go"), reference()...)
	compare(t, consulTemplate, texts, []difference{
		{`| split "," }}`, "split is sprig's, a map of parts; splitList gives the list"},
		{`| split "," | toJSON }}`, "split is sprig's, a map of parts"},
		{`| split "," | toUnescapedJSON }}`, "split is sprig's, a map of parts"},
		{`| regexReplaceAll "\\w" "x"`, "regexReplaceAll takes the text before the replacement, as sprig does"},
		{`| regexReplaceAll "hello" "bye"`, "regexReplaceAll takes the text before the replacement, as sprig does"},
		{`regexReplaceAll "a(x*)b"`, "regexReplaceAll takes the text before the replacement, as sprig does"},
	})
}
