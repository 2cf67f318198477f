package main

import (
	"fmt"
	"regexp"
	"strings"
)

// notes cuts a version's section out of CHANGELOG.md, without its heading. The one of a
// snapshot is what is not released yet.
func notes(changelog string, r revision) (string, error) {
	title := r.number()
	if r.snapshot {
		title = "Unreleased"
	}
	heading := regexp.MustCompile(`(?m)^## \[` + regexp.QuoteMeta(title) + `\].*\n`)
	at := heading.FindStringIndex(changelog)
	if at == nil {
		return "", fmt.Errorf("CHANGELOG.md has no section ## [%s]; name what is Unreleased there so, with the date, and begin a new Unreleased", title)
	}
	section := changelog[at[1]:]
	// Up to the next version, or to the links at the end.
	if end := regexp.MustCompile(`(?m)^(## |\[[^\]]+\]: )`).FindStringIndex(section); end != nil {
		section = section[:end[0]]
	}
	if section = strings.TrimSpace(section); section == "" {
		return "", fmt.Errorf("CHANGELOG.md says nothing of [%s]; write what users will notice", title)
	}
	return section + "\n", nil
}
