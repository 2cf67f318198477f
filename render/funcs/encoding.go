package funcs

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"strconv"
	"strings"
)

func encodingFuncs() []Func {
	return []Func{
		{"b64enc", "base64Encode", "as base64", `{{ b64enc "coffee" }}`, "Y29mZmVl", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
		{"b64dec", "base64Decode", "the text that was written as base64", `{{ b64dec "Y29mZmVl" }}`, "coffee", decoder("base64", base64.StdEncoding.DecodeString)},
		{"b32enc", "", "as base32", `{{ b32enc "coffee" }}`, "MNXWMZTFMU======", func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }},
		{"b32dec", "", "the text that was written as base32", `{{ b32dec "MNXWMZTFMU======" }}`, "coffee", decoder("base32", base32.StdEncoding.DecodeString)},
		{"toJson", "mustToJson toJSON", "as JSON on one line, keys sorted", `{{ dict "b" 1 "a" "<" | toJson }}`, `{"a":"\u003c","b":1}`, func(v any) (string, error) { return toJSON(v, true, "") }},
		{"toPrettyJson", "mustToPrettyJson toJSONPretty", "as JSON, indented", `{{ dict "a" 1 | toPrettyJson }}`, "{\n  \"a\": 1\n}", func(v any) (string, error) { return toJSON(v, true, "  ") }},
		{"toRawJson", "mustToRawJson toUnescapedJSON", "as JSON with <, > and & as they are", `{{ toRawJson "<" }}`, `"<"`, func(v any) (string, error) { return toJSON(v, false, "") }},
		{"fromJson", "mustFromJson", "the value that was written as JSON; whole numbers stay whole", `{{ (fromJson "{\"a\": 1000000}").a }}`, "1000000", fromJSON},
		{"sha1sum", "", "the SHA-1 hash in hexadecimal", `{{ sha1sum "a" }}`, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", func(s string) string { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]) }},
		{"sha256sum", "sha256Hex", "the SHA-256 hash in hexadecimal", `{{ sha256sum "a" }}`, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }},
		{"sha512sum", "", "the SHA-512 hash in hexadecimal", `{{ sha512sum "a" | trunc 8 }}`, "1f40fc92", func(s string) string { h := sha512.Sum512([]byte(s)); return hex.EncodeToString(h[:]) }},
		{"md5sum", "", "the MD5 hash in hexadecimal, for names only", `{{ md5sum "a" }}`, "0cc175b9c0f1b6a831c399e269772661", func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }},
		{"adler32sum", "", "the Adler-32 checksum", `{{ adler32sum "a" }}`, "6422626", func(s string) string { return strconv.FormatUint(uint64(adler32.Checksum([]byte(s))), 10) }},
		{"hmacSHA256Hex", "", "message, key: the HMAC of SHA-256 in hexadecimal", `{{ hmacSHA256Hex "a" "k" | trunc 8 }}`, "78da9151", hmacSHA256},
	}
}

func decoder(name string, decode func(string) ([]byte, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		b, err := decode(s)
		if err != nil {
			return "", fmt.Errorf("%.64q is not %s", s, name)
		}
		return string(b), nil
	}
}

func hmacSHA256(message, key string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(message))
	return hex.EncodeToString(h.Sum(nil))
}

func toJSON(v any, escapeHTML bool, indent string) (string, error) {
	if err := weigh(v); err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func fromJSON(s string) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%.64q is not JSON: %w", s, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%.64q goes on after the end of the JSON value", s)
	}
	return plainNumbers(v)
}

// plainNumbers turns what JSON calls a number into the Go type that prints
// the same: 1000000 must not become 1e+06.
func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("the number %.64s is too large", v)
		}
		return f, nil
	case map[string]any:
		for k, item := range v {
			if v[k], err = plainNumbers(item); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, item := range v {
			if v[i], err = plainNumbers(item); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
