package sbom

import (
	"slices"
	"strings"
)

// Licence is what the texts of licence files grant, as an SPDX expression: all that is
// found in them, since a text that holds several says which files each is for. It is empty
// where a text is like none that is known here.
func Licence(texts ...string) string {
	var found []string
	for _, text := range texts {
		in := recognise(text)
		if len(in) == 0 {
			return ""
		}
		found = append(found, in...)
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " AND ")
}

// recognise finds licences by sentences that are in each of their copies and in no other
// licence's.
func recognise(text string) []string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(sentence string) bool { return strings.Contains(text, sentence) }
	var found []string
	if has("apache license version 2.0, january 2004") || has("licensed under the apache license, version 2.0") {
		found = append(found, "Apache-2.0")
	}
	if has("permission is hereby granted, free of charge, to any person obtaining a copy") && has("the above copyright notice and this permission notice") {
		found = append(found, "MIT")
	}
	if has("redistribution and use in source and binary forms, with or without modification, are permitted") {
		switch {
		case has("all advertising materials mentioning"):
			found = append(found, "BSD-4-Clause")
		case has("neither the name"), has("may not be used to endorse or promote products"):
			found = append(found, "BSD-3-Clause")
		default:
			found = append(found, "BSD-2-Clause")
		}
	}
	if has("permission to use, copy, modify, and/or distribute this software for any purpose") || has("permission to use, copy, modify, and distribute this software for any purpose") {
		found = append(found, "ISC")
	}
	if has("mozilla public license, version 2.0") || has("mozilla public license version 2.0") {
		found = append(found, "MPL-2.0")
	}
	return found
}
