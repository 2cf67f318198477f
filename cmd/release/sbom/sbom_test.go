package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestWrite: what SPDX's own library reads in it, test/release holds.
func TestWrite(t *testing.T) {
	t.Parallel()
	module := Module{Path: "github.com/Example/a", Version: "v1.0.0", Sum: "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", Licence: "MIT"}
	r := Release{
		Name: "app", Version: "v1", Licence: "Apache-2.0", Namespace: "https://example.com/1", Creator: "test-1", Created: time.Unix(0, 0),
		Programs: []Program{
			{Platform: "linux/amd64", File: "a.tar.gz", SHA256: "00", Go: "go1.26.0 X:something", Modules: []Module{module}},
			{Platform: "windows/amd64", File: "a.zip", SHA256: "11", Go: "go1.26.0", Modules: []Module{module, {Path: "b", Version: "v2", Sum: "h1:AA=="}}},
		},
	}
	var first, second bytes.Buffer
	if err := errors.Join(r.Write(&first), r.Write(&second)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Error("written twice, it is not the same")
	}
	var d document
	if err := json.Unmarshal(first.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range d.Packages {
		line := []string{p.ID, p.Declared}
		for _, c := range p.Checksums {
			line = append(line, c.Value)
		}
		for _, r := range p.References {
			line = append(line, r.Locator)
		}
		got = append(got, strings.Join(line, " "))
	}
	for _, r := range d.Relationships {
		got = append(got, r.Element+" "+r.Type+" "+r.Related)
	}
	want := `SPDXRef-app-linux-amd64 Apache-2.0 00
SPDXRef-app-windows-amd64 Apache-2.0 11
SPDXRef-module-b-v2 NOASSERTION 00 pkg:golang/b@v2
SPDXRef-module-github.com-Example-a-v1.0.0 MIT 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f pkg:golang/github.com/example/a@v1.0.0
SPDXRef-module-stdlib-1.26.0 BSD-3-Clause cpe:2.3:a:golang:go:1.26.0:*:*:*:*:*:*:* pkg:golang/stdlib@1.26.0
SPDXRef-DOCUMENT DESCRIBES SPDXRef-app-linux-amd64
SPDXRef-app-linux-amd64 DEPENDS_ON SPDXRef-module-stdlib-1.26.0
SPDXRef-app-linux-amd64 DEPENDS_ON SPDXRef-module-github.com-Example-a-v1.0.0
SPDXRef-DOCUMENT DESCRIBES SPDXRef-app-windows-amd64
SPDXRef-app-windows-amd64 DEPENDS_ON SPDXRef-module-stdlib-1.26.0
SPDXRef-app-windows-amd64 DEPENDS_ON SPDXRef-module-github.com-Example-a-v1.0.0
SPDXRef-app-windows-amd64 DEPENDS_ON SPDXRef-module-b-v2`
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Programs[0].Modules[0].Sum = "h2:x"
	if err := r.Write(&first); err == nil || !strings.Contains(err.Error(), "github.com/Example/a") {
		t.Errorf("a sum of another kind: %v", err)
	}
}

func TestLicence(t *testing.T) {
	t.Parallel()
	const mit = "Permission is hereby granted, free of charge, to any person obtaining a copy of this\nsoftware.\n\n" +
		"The above copyright notice and this permission notice shall be included."
	const bsd2 = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that"
	for _, test := range []struct {
		texts []string
		want  string
	}{
		{[]string{mit}, "MIT"},
		{[]string{bsd2}, "BSD-2-Clause"},
		{[]string{bsd2 + " neither the  name of the author"}, "BSD-3-Clause"},
		{[]string{bsd2 + " All advertising materials mentioning features"}, "BSD-4-Clause"},
		{[]string{"                  Apache License\n         Version 2.0, January 2004\n"}, "Apache-2.0"},
		{[]string{"Mozilla Public License, version 2.0\n"}, "MPL-2.0"},
		{[]string{"Permission to use, copy, modify, and distribute this software for any\npurpose with or without fee"}, "ISC"},
		{[]string{mit + "\n" + bsd2}, "BSD-2-Clause AND MIT"},
		{[]string{mit, bsd2, mit}, "BSD-2-Clause AND MIT"},
		{[]string{mit, "Ask the author."}, ""},
		{nil, ""},
	} {
		if got := Licence(test.texts...); got != test.want {
			t.Errorf("%q is %q, want %q", test.texts, got, test.want)
		}
	}
}
