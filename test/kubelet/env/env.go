// Package env reads env files with the kubelet's own parser.
package env

import (
	"os"
	"path/filepath"

	kubelet "k8s.io/kubernetes/pkg/kubelet/util/env"
)

// Read reads one key of an env file as the kubelet does for a container's
// env.valueFrom.fileKeyRef. An absent key and an empty value are both "": the
// kubelet does not tell them apart either.
//
// The kubelet's parser wants a file, which is written to dir.
func Read(dir string, file []byte, key string) (string, error) {
	path := filepath.Join(dir, "kubelet.env")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return "", err
	}
	return kubelet.ParseEnv(path, key)
}
