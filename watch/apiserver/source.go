package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/object"
)

// Target is the pod whose facts are asked for: its own, for a container.
type Target struct {
	Namespace, Name string
	// UID is the pod's, where it is known: a pod that bears the same name and
	// another UID is not it. Empty takes the one that is seen first.
	UID string
	// Node is the name of its node, where it is known.
	Node string
	// From says how all that is known: "service account token".
	From string
}

// Source is an API server as a source of facts. It is a [watch.Source], a
// [watch.Watcher] and a [watch.Explainer].
//
// Read makes the requests of the plan, whatever does not depend on something
// else at the same time. While Watch runs, Read answers from what the watches
// last saw; what is disconnected is left out and named in the error, so that
// the merge keeps its last value as stale.
type Source struct {
	Client *Client
	Pod    Target
	Plan   Plan
	// Log gets what is worth knowing once, such as a watch that is forbidden.
	// Nil means slog.Default.
	Log *slog.Logger
	// Seen, unless nil, is told of the own pod once Read has it: what the facts are
	// made of, and the volumes and where containers mount them, which never change.
	Seen func(pod map[string]any)
	// Timing is for tests; zero fields mean the defaults.
	Timing Timing

	seen   sync.Once
	asking sync.Mutex // held while Read asks, so that Watch can go on from there

	mu       sync.Mutex
	uid      string // of the own pod, once seen
	answers  map[question]answer
	asked    time.Time // when answers were complete
	watching bool
	news     chan struct{} // closed at the next change of answers
}

// String names the source: API server.
func (s *Source) String() string { return "API server" }

// Read states what the API server says.
func (s *Source) Read(ctx context.Context) (watch.Layer, error) {
	if err := s.usable(); err != nil {
		return watch.Layer{}, err
	}
	s.asking.Lock()
	if !s.isWatching() {
		s.ask(ctx)
	}
	s.asking.Unlock()
	p := s.wait(ctx)
	if pod := p.lastPod(); pod != nil && s.Seen != nil {
		s.seen.Do(func() { s.Seen(pod) })
	}
	return p.layer()
}

// usable says what must be known of the pod to ask for it.
func (s *Source) usable() error {
	asks := func(x part) bool { return s.Plan.asks(x) }
	inNamespace := asks(partPod) || asks(partNamespace) || asks(partServices) ||
		slices.ContainsFunc(s.Plan.objects, func(o Object) bool { return o.Namespace == "" && s.Plan.resource(o.APIVersion, o.Kind).namespaced })
	switch {
	case s.Pod.Namespace == "" && inNamespace:
		return fmt.Errorf("%s: the namespace of this pod is not known; set POD_NAMESPACE by a fieldRef to metadata.namespace", s)
	case s.Pod.Name == "" && asks(partPod):
		return fmt.Errorf("%s: the name of this pod is not known; set POD_NAME by a fieldRef to metadata.name", s)
	}
	return nil
}

// ask asks everything anew. Each answer may raise further questions.
func (s *Source) ask(ctx context.Context) {
	s.mu.Lock()
	s.answers = make(map[question]answer)
	s.mu.Unlock()
	begun := make(map[question]bool)
	done := make(chan struct{})
	pending := 0
	for {
		for _, q := range s.picture().questions() {
			if begun[q] {
				continue
			}
			begun[q] = true
			pending++
			go func() {
				a := s.Client.answer(ctx, q)
				s.mu.Lock()
				s.set(q, a)
				s.mu.Unlock()
				done <- struct{}{}
			}()
		}
		if pending == 0 {
			break
		}
		<-done // requests heed ctx, so that this ends
		pending--
	}
	s.mu.Lock()
	s.asked = time.Now()
	s.mu.Unlock()
}

// answer asks one question.
func (c *Client) answer(ctx context.Context, q question) (a answer) {
	switch {
	case q.part == partVersion:
		a.text, a.err = c.version(ctx)
	case q.name == "":
		a.objects, a.version, a.err = c.list(ctx, q)
	default:
		o, err := c.get(ctx, q)
		if absent := q.absence(err); absent {
			return answer{objects: []map[string]any{}}
		}
		a.err = err
		if err == nil {
			a.objects, a.version = []map[string]any{o}, object.Text(o, "metadata", "resourceVersion")
		}
	}
	return a
}

// absence reports an error that says that the object does not exist, or, where
// it may be absent, its kind.
func (q question) absence(err error) bool {
	e, ok := err.(*Error) //nolint:errorlint // the client gives no other
	if !ok || e.Reason != NotFound {
		return false
	}
	status, answered := errors.AsType[*apierrors.StatusError](err)
	return q.optional || answered && missing(q, status)
}

// set takes in an answer. The caller holds mu.
func (s *Source) set(q question, a answer) {
	if s.answers == nil {
		s.answers = make(map[question]answer)
	}
	s.answers[q] = a
	if pod := a.object(); q.part == partPod && pod != nil && s.uid == "" {
		s.uid = s.Pod.UID
		if s.uid == "" {
			s.uid = object.Text(pod, "metadata", "uid")
		}
	}
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// picture is a copy of what is known.
func (s *Source) picture() *picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := s.Pod
	if target.UID == "" {
		target.UID = s.uid
	}
	return &picture{plan: s.Plan, target: target, answers: maps.Clone(s.answers)}
}

// wait waits until every question has an answer, be it an error.
func (s *Source) wait(ctx context.Context) *picture {
	for {
		s.mu.Lock()
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news, watching := s.news, s.watching
		s.mu.Unlock()
		p := s.picture()
		if !watching || p.complete() {
			return p
		}
		select {
		case <-ctx.Done():
			return p
		case <-news:
		}
	}
}

func (p *picture) complete() bool {
	for _, q := range p.questions() {
		if _, answered := p.answers[q]; !answered {
			return false
		}
	}
	return true
}

func (s *Source) isWatching() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watching
}

func (s *Source) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

var _ interface {
	watch.Source
	watch.Watcher
	watch.Explainer
} = (*Source)(nil)
