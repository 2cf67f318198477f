package notify

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxHeaderFile is longer than any token.
const maxHeaderFile = 32 << 10

// CheckHeader says what is wrong with a header, without its value.
func CheckHeader(name string, values ...string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) {
		return fmt.Errorf("invalid header name %q", name)
	}
	for _, value := range values {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("the value of header %s holds a control character", name)
		}
	}
	return nil
}

// header puts together what a request sends, and says which of it is not to be
// repeated: what was not written down beside the URL, and what is a secret wherever
// it was.
func (h HTTP) header(more map[string]string) (all http.Header, secrets []string, err error) {
	all = http.Header{"User-Agent": {"podfacts"}}
	for name, values := range h.Header {
		name = http.CanonicalHeaderKey(name)
		all[name] = slices.Clone(values)
		if name == "Authorization" || name == "Cookie" {
			secrets = append(secrets, values...)
		}
	}
	set := func(name, value string) error {
		if err := CheckHeader(name, value); err != nil {
			return err
		}
		all.Set(name, value)
		secrets = append(secrets, value)
		return nil
	}
	for name, f := range h.HeaderFiles {
		data, err := readFile(f.Path, maxHeaderFile)
		if err != nil {
			return nil, nil, fmt.Errorf("header %s: %w", name, err)
		}
		value := strings.TrimSpace(string(data))
		if value == "" {
			return nil, nil, fmt.Errorf("header %s: %s is empty", name, f.Path)
		}
		if err := set(name, f.Prefix+value); err != nil {
			return nil, nil, err
		}
	}
	for name, value := range more {
		if err := set(name, value); err != nil {
			return nil, nil, err
		}
	}
	return all, secrets, nil
}

// conceal replaces each word of a secret that is long enough to be one.
func conceal(text, secret string) string {
	const shortest = 6
	for word := range strings.FieldsSeq(secret) {
		if len(word) >= shortest {
			text = strings.ReplaceAll(text, word, "…")
		}
	}
	return text
}
