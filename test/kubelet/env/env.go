// Package env reads env files with the kubelet's own parsers, as they stand behind
// a container's env.valueFrom.fileKeyRef.
package env

import (
	"os"
	"path/filepath"

	kubelet "k8s.io/kubernetes/pkg/kubelet/util/env"
	kubelet134 "k8s.io/kubernetes134/pkg/kubelet/util/env"
)

// Reader gives one key's value from the text of an env file. An absent key and an
// empty value are both "": the kubelet does not tell them apart either. The parsers
// want a file, which is written to dir.
type Reader func(dir string, text []byte, key string) (string, error)

// Read is what the kubelet does since 1.35.
func Read(dir string, text []byte, key string) (string, error) {
	return read(kubelet.ParseEnv, dir, text, key)
}

// Read134 is what the kubelet of 1.34 did, where this was alpha.
func Read134(dir string, text []byte, key string) (string, error) {
	return read(kubelet134.ParseEnv, dir, text, key)
}

func read(parse func(file, key string) (string, error), dir string, text []byte, key string) (string, error) {
	file := filepath.Join(dir, "kubelet.env")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", err
	}
	return parse(file, key)
}
