package suite

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// closing is how long it may take to clear up after a test.
const closing = patience

// A Namespace belongs to one test, which its methods fail where they cannot do what they
// are to do.
type Namespace struct {
	Name  string
	suite *Suite
	t     testing.TB

	clusterScoped []object // to be deleted with it
}

// Namespace makes a namespace, with these labels, that ends with the test, and enters the
// test into the table.
func (s *Suite) Namespace(t testing.TB, labels ...string) *Namespace {
	t.Helper()
	n := &Namespace{Name: namespaceName(t.Name()), suite: s, t: t}
	start := time.Now()
	t.Cleanup(func() {
		// Not t.Context, which is over by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), closing)
		defer cancel()
		seconds := time.Since(start)
		if t.Failed() {
			n.collect(ctx)
		}
		if !t.Failed() || !s.options.Hold {
			n.remove(ctx)
		}
		s.report.ended(t, seconds)
	})
	s.report.started(t.Name())
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{}}}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		namespace.Labels[key] = value
	}
	if _, err := s.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatalf("making a namespace: %v", err)
	}
	n.Await("its default service account", func() error {
		_, err := s.client.CoreV1().ServiceAccounts(n.Name).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	return n
}

var unfit = regexp.MustCompile("[^a-z0-9]+")

// namespaceName makes a name that tells the test and is nobody else's.
func namespaceName(test string) string {
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(strings.TrimPrefix(test, "Test")), "-"), "-")
	const most = 40
	name = strings.TrimRight(name[:min(len(name), most)], "-")
	return "e2e-" + name + "-" + rand.String(5)
}

// remove deletes all that the test made. Its pods get no time to end, since the next test
// wants their place.
func (n *Namespace) remove(ctx context.Context) {
	client := n.suite.client.CoreV1()
	for _, o := range slices.Backward(n.clusterScoped) {
		if err := n.suite.objects.Delete(ctx, o); err != nil {
			n.t.Errorf("clearing up: %v", err)
		}
	}
	if err := client.Namespaces().Delete(ctx, n.Name, metav1.DeleteOptions{}); err != nil {
		n.t.Errorf("clearing up: %v", err)
		return
	}
	now := int64(1) // zero would not wait for the kubelet
	for {
		pods, err := client.Pods(n.Name).List(ctx, metav1.ListOptions{})
		if err == nil && len(pods.Items) == 0 {
			return
		}
		for i := range pods.Items {
			if grace := pods.Items[i].DeletionGracePeriodSeconds; err == nil && (grace == nil || *grace > now) {
				err = client.Pods(n.Name).Delete(ctx, pods.Items[i].Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
			}
		}
		if err != nil && !apierrors.IsNotFound(err) {
			n.t.Errorf("clearing up: %v", err)
			return
		}
		select {
		case <-ctx.Done():
			n.t.Errorf("clearing up: the pods of %s do not end:\n%s", n.Name, n.summary(ctx))
			return
		case <-time.After(poll):
		}
	}
}

// Await waits until check succeeds, and fails the test with its last error and the state
// of the pods when it does not.
func (n *Namespace) Await(what string, check func() error) {
	n.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return
		}
		if n.t.Context().Err() != nil || time.Now().After(deadline) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(n.t.Context()), closing)
			defer cancel()
			n.t.Fatalf("waiting for %s: %v\n%s", what, err, n.summary(ctx))
		}
		time.Sleep(poll)
	}
}

// Measure notes how long something took, for the table. What is noted several times under
// one label is told by its median and its extremes.
func (n *Namespace) Measure(label string, d time.Duration) {
	n.t.Helper()
	n.t.Logf("%s: %v", label, d.Round(100*time.Microsecond))
	n.suite.report.measure(n.t.Name(), label, d)
}

// Suite is the one that the namespace is of.
func (n *Namespace) Suite() *Suite { return n.suite }

// Kubectl runs kubectl in the namespace, as the admin, and returns what it prints, without
// space around it.
func (n *Namespace) Kubectl(args ...string) string {
	n.t.Helper()
	out, err := n.suite.Kubectl(n.t.Context(), append([]string{"--namespace", n.Name}, args...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// summary is what `kubectl get pods,events` would tell, in a few lines.
func (n *Namespace) summary(ctx context.Context) string {
	var b strings.Builder
	pods, err := n.suite.client.CoreV1().Pods(n.Name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for i := range pods.Items {
		fmt.Fprintln(&b, describe(&pods.Items[i]))
	}
	events, err := n.suite.client.CoreV1().Events(n.Name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return b.String() + err.Error()
	}
	warnings := map[string]bool{}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			warnings[fmt.Sprintf("warning: %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)] = true
		}
	}
	for _, line := range slices.Sorted(maps.Keys(warnings)) {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
