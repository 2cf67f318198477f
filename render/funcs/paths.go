package funcs

import (
	"errors"
	"fmt"
	"net/url"
	"path"
)

func pathFuncs() []Func {
	return []Func{
		{"base", "osBase", "the last element of a path, with slashes on every system", `{{ base "/a/b.txt" }}`, "b.txt", path.Base},
		{"dir", "osDir", "all but the last element", `{{ dir "/a/b.txt" }}`, "/a", path.Dir},
		{"clean", "osClean", "without . and .. elements", `{{ clean "/a/../b" }}`, "/b", path.Clean},
		{"ext", "osExt", "the file name extension", `{{ ext "/a/b.txt" }}`, ".txt", path.Ext},
		{"isAbs", "osIsAbs", "whether a path starts at the root", `{{ isAbs "/a" }}`, "true", path.IsAbs},
		{"urlParse", "", "scheme, userinfo, host, hostname, path, query, opaque and fragment", `{{ (urlParse "http://db:80/x?q=1").hostname }}`, "db", urlParse},
		{"urlJoin", "", "the URL made of what urlParse gives", `{{ urlJoin (dict "scheme" "http" "host" "db:80" "path" "/x") }}`, "http://db:80/x", urlJoin},
	}
}

func urlParse(s string) (map[string]any, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%.64q is not a URL", s) // the error of url holds it in full
	}
	userinfo := ""
	if u.User != nil {
		userinfo = u.User.String()
	}
	return map[string]any{
		"scheme":   u.Scheme,
		"host":     u.Host,
		"hostname": u.Hostname(),
		"path":     u.Path,
		"query":    u.RawQuery,
		"opaque":   u.Opaque,
		"fragment": u.Fragment,
		"userinfo": userinfo,
	}, nil
}

func urlJoin(parts any) (string, error) {
	m, err := asMap(parts)
	if err != nil {
		return "", err
	}
	part := func(name string) string {
		v, ok := m[name]
		if !ok || err != nil {
			return ""
		}
		s, isText := v.(string)
		if !isText {
			err = fmt.Errorf("the %s must be text, not %s", name, describe(v))
		}
		return s
	}
	u := url.URL{
		Scheme:   part("scheme"),
		Host:     part("host"),
		Path:     part("path"),
		RawQuery: part("query"),
		Opaque:   part("opaque"),
		Fragment: part("fragment"),
	}
	if info := part("userinfo"); info != "" && err == nil {
		withUser, parseErr := url.Parse("x://" + info + "@h")
		if parseErr != nil {
			return "", errors.New("the userinfo cannot stand in a URL")
		}
		u.User = withUser.User
	}
	return u.String(), err
}
