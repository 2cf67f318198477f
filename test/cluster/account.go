package cluster

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resources that are used without asking the server where they are.
var (
	namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	pods            = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// leastLifetime is what the TokenRequest API gives at least
// (pkg/apis/authentication/validation).
const leastLifetime = 10 * time.Minute

// A ServiceAccount is one of a cluster. It may do nothing until it is granted something,
// except what every authenticated user may, such as reading /version.
type ServiceAccount struct {
	Namespace, Name string
	cluster         *Cluster
}

// ServiceAccount makes a service account, and its namespace, unless they are there.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (*ServiceAccount, error) {
	clients, err := c.client()
	if err != nil {
		return nil, err
	}
	if err := clients.ensureAccount(ctx, namespace, name); err != nil {
		return nil, err
	}
	return &ServiceAccount{Namespace: namespace, Name: name, cluster: c}, nil
}

// Username is what the account is called in RBAC's messages and the audit log.
func (a *ServiceAccount) Username() string {
	return username(a.Namespace, a.Name)
}

func username(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// TokenOptions say what token to ask for.
type TokenOptions struct {
	Pod       string        // in the account's namespace, to bind the token to
	Audiences []string      // none means the API server's
	Lifetime  time.Duration // zero means an hour
}

// Token asks the API server for a token, as the kubelet does. A lifetime below ten
// minutes, which the server does not grant, is signed here with the server's key; a
// negative one makes a token that is over. The server accepts an expired token for a
// minute more, and remembers one that it accepted for ten seconds.
func (a *ServiceAccount) Token(ctx context.Context, o TokenOptions) (string, error) {
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	clients, err := a.cluster.client()
	if err != nil {
		return "", err
	}
	seconds := int64(max(o.Lifetime, leastLifetime) / time.Second)
	request := &authenticationv1.TokenRequest{
		TypeMeta:   metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name},
		Spec:       authenticationv1.TokenRequestSpec{Audiences: o.Audiences, ExpirationSeconds: &seconds},
	}
	if o.Pod != "" {
		pod, err := clients.dynamic.Resource(pods).Namespace(a.Namespace).Get(ctx, o.Pod, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("a token bound to a pod: %w", err)
		}
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: o.Pod, UID: pod.GetUID(),
		}
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(request)
	if err != nil {
		return "", err
	}
	answer, err := clients.dynamic.Resource(serviceAccounts).Namespace(a.Namespace).
		Create(ctx, &unstructured.Unstructured{Object: object}, metav1.CreateOptions{}, "token")
	if err != nil {
		return "", fmt.Errorf("a token for %s: %w", a.Username(), err)
	}
	token, _, err := unstructured.NestedString(answer.Object, "status", "token")
	if err != nil || o.Lifetime >= leastLifetime {
		return token, err
	}
	return resign(token, a.cluster.key, time.Now(), o.Lifetime)
}

// resign gives a token other times and signs it again.
func resign(token string, key *rsa.PrivateKey, now time.Time, lifetime time.Duration) (string, error) {
	encoding := base64.RawURLEncoding
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("not a token: %d parts", len(parts))
	}
	text, err := encoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", err
	}
	issued := now.Add(min(lifetime, 0) - time.Hour)
	claims["iat"], claims["nbf"], claims["exp"] = issued.Unix(), issued.Unix(), now.Add(lifetime).Unix()
	if text, err = json.Marshal(claims); err != nil {
		return "", err
	}
	signed := parts[0] + "." + encoding.EncodeToString(text)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]) // RS256, as the header says
	if err != nil {
		return "", err
	}
	return signed + "." + encoding.EncodeToString(signature), nil
}
