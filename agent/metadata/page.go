package metadata

import _ "embed"

//go:embed page.html
var pageHTML string

//go:embed page.js
var pageScript string

//go:embed page.css
var pageStyle string

// pagePolicy lets the page load its own two files and ask its own server, and
// nothing else. Nothing makes HTML of text.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// page answers with a file of the page.
func page(kind, text string) func(*request) (answer, error) {
	return func(q *request) (answer, error) {
		if _, err := q.accepts(kind); err != nil {
			return answer{}, err
		}
		q.w.Header().Set("Content-Security-Policy", pagePolicy)
		return answer{kind, []byte(text)}, nil
	}
}
