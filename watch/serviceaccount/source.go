// Package serviceaccount reads the service-account directory, which
// Kubernetes mounts into nearly every container: its namespace file, and what
// the token says of the pod.
//
// The token is signed by the API server and its claims are not secret, but
// the token is: it is never stated, logged or put into an error. The
// signature is not checked, since whoever can write this directory can as
// well replace the program that reads it.
//
// A missing directory is no error: pods with automountServiceAccountToken:
// false have none, and neither has a laptop.
package serviceaccount

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// DefaultDir is where Kubernetes mounts the directory.
const DefaultDir = "/var/run/secrets/kubernetes.io/serviceaccount"

const maxFileSize = 64 << 10 // tokens have one or two KiB

// Source reads one service-account directory. The zero Source reads
// [DefaultDir]. It is a [watch.Source] and a [watch.Explainer].
//
// It needs no watch: the kubelet renews the token, and nothing that the token
// says of the pod ever changes.
type Source struct {
	// Dir is the directory. Empty means DefaultDir.
	Dir string
	// FS is read in place of Dir, for dry runs. Dir then only names it.
	FS fs.FS
}

// String names the source: service account.
func (s *Source) String() string {
	if s.Dir == "" || s.Dir == DefaultDir {
		return "service account"
	}
	return "service account " + s.Dir
}

// Read states the pod's namespace, and its name, uid, node and service
// account where the token has them. A token that cannot be read says nothing.
func (s *Source) Read(context.Context) (watch.Layer, error) {
	var layer watch.Layer
	fsys, closer, err := s.open()
	if err != nil {
		return layer, nil //nolint:nilerr // no directory, no facts
	}
	defer closer.Close()

	if token, err := readFile(fsys, "token"); err == nil {
		state(&layer, token)
	}
	namespace, err := s.namespace(fsys)
	layer.Set(watch.PodNamespace, namespace, "namespace")
	return layer, err
}

// namespace reads the file of that name. It is empty where there is none. A
// copy of the directory may have an editor's newline at its end.
func (s *Source) namespace(fsys fs.FS) (string, error) {
	text, err := readFile(fsys, "namespace")
	text = strings.TrimSuffix(text, "\n")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err == nil && !ref.DNSLabel(text):
		err = errors.New("does not hold the name of a namespace")
	}
	if err != nil {
		return "", fmt.Errorf("%s: namespace: %w", s, err)
	}
	return text, nil
}

// Explain tells why a fact that the directory can give is missing. It does not
// advise to mount a token: a variable gives the same, and no access.
func (s *Source) Explain(p watch.Path) (reason, hint string) {
	var name string
	switch p {
	case watch.PodName:
		name = "pod's name"
	case watch.PodNamespace:
		name = "pod's namespace"
	case watch.PodUID:
		name = "pod's uid"
	case watch.PodNodeName:
		name = "node's name, as tokens do since Kubernetes 1.30"
	case watch.PodServiceAccountName:
		name = "service account's name"
	default:
		return "", ""
	}
	fsys, closer, err := s.open()
	if err != nil {
		return fmt.Sprintf("no service-account directory at %s", s.dir()), ""
	}
	defer closer.Close()
	if p == watch.PodNamespace {
		if _, err := s.namespace(fsys); err != nil {
			return err.Error(), ""
		}
	}
	token, err := readFile(fsys, "token")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%s has no token", s), ""
	case err != nil:
		return fmt.Sprintf("%s: token: %v", s, err), ""
	}
	if _, ok := parse(token); !ok {
		return fmt.Sprintf("%s: the token cannot be read", s), ""
	}
	return fmt.Sprintf("the token does not say the %s", name), ""
}

func (s *Source) dir() string {
	if s.Dir == "" {
		return DefaultDir
	}
	return s.Dir
}

// open gives the directory in a form that no link leads out of.
func (s *Source) open() (fs.FS, io.Closer, error) {
	if s.FS != nil {
		return s.FS, io.NopCloser(nil), nil
	}
	root, err := os.OpenRoot(s.dir())
	if err != nil {
		return nil, nil, err
	}
	return root.FS(), root, nil
}

// claims is what a token that is bound to a pod says.
// Kubernetes: pkg/serviceaccount/claims.go.
type claims struct {
	Kubernetes struct {
		Namespace string `json:"namespace"`
		Pod       object `json:"pod"`
		Node      object `json:"node"`
		Account   object `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

type object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

func state(layer *watch.Layer, token string) {
	c, ok := parse(token)
	if !ok {
		return
	}
	k := c.Kubernetes
	layer.Set(watch.PodNamespace, k.Namespace, "token")
	layer.Set(watch.PodName, k.Pod.Name, "token")
	layer.Set(watch.PodUID, k.Pod.UID, "token")
	layer.Set(watch.PodNodeName, k.Node.Name, "token")
	layer.Set(watch.PodServiceAccountName, k.Account.Name, "token")
}

// parse reads the payload of a JSON Web Token.
func parse(token string) (c claims, ok bool) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return claims{}, false
	}
	return c, true
}

func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", reason(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(data) > maxFileSize {
		err = fmt.Errorf("is larger than %d KiB", maxFileSize>>10)
	}
	return string(data), reason(err)
}

// reason cuts the operation and the path off an error.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

var _ interface {
	watch.Source
	watch.Explainer
} = (*Source)(nil)
