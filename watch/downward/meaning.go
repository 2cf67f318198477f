package downward

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/go-multierror"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
	"github.com/podfacts/podfacts/watch/downward/ref"
)

// Annotations that exist only in the kubelet's copy of a pod.
// Kubernetes: pkg/kubelet/types, ConfigFirstSeenAnnotationKey and
// ConfigSourceAnnotationKey.
const (
	annotationSeen   = "kubernetes.io/config.seen"
	annotationSource = "kubernetes.io/config.source"
)

// reading is what one Read makes of the files.
type reading struct {
	source string
	layer  watch.Layer
	errs   *multierror.Error
	counts bool // some file proves that the volume is about a pod
	denied bool // what to do about files that may not be read has been said

	divisors map[watch.Path]resource.Quantity // of the resources stated
	findings
}

// findings are what Explain needs of a reading.
type findings struct {
	notes   map[watch.Path]note // facts that need no advice to mount them
	orphans map[string]string   // limits.cpu: a file that names no container
	failed  error               // there was no volume to read
	silent  bool                // there was none that is about a pod
}

// note says why a file gives no value. It is empty for a map that was read.
type note struct{ reason, hint string }

// interpret states what the files hold: first those that items describe, then
// those of a well-known name, then the rest. So what is certain comes before
// what is likely.
func interpret(s *Source, entries []entry) *reading {
	r := &reading{
		source:   s.String(),
		divisors: make(map[watch.Path]resource.Quantity),
		findings: findings{notes: make(map[watch.Path]note), orphans: make(map[string]string)},
	}
	given, how, learned, fresh := s.given()
	r.layer.Learned = fresh
	items := make(map[string]meaning, len(given))
	for _, i := range given {
		items[i.clean()] = meaning{fact: i.Fact, divisor: i.Divisor, how: how}
	}

	var rest []entry
	for _, e := range entries {
		if e.written.After(r.layer.Written) { // a swap writes all files anew
			r.layer.Written = e.written
		}
		if m, ok := items[e.path]; ok {
			r.counts = true
			r.take(e, m)
			if learned && !s.Auto && e.err == nil && !hasKnownName(e.path) {
				r.verbatim(e) // as before it was learned
			}
			continue
		}
		rest = append(rest, e)
	}
	for _, e := range rest {
		m, orphan, ok := wellKnown(e.path)
		if orphan != "" && !e.dir {
			r.orphans[orphan] = e.path
		}
		if ok && r.take(e, m) || s.Auto {
			continue
		}
		r.verbatim(e)
	}
	return r
}

// take states the fact in a file of known meaning. It returns false where the
// file turns out to hold something else than its name made one think.
func (r *reading) take(e entry, m meaning) bool {
	container, kind, name, isResource := ref.Resource(m.fact)
	if e.dir {
		if m.guessed && isResource {
			return false
		}
		e.err = errors.New("is a directory, not a file")
	}
	if e.err != nil {
		r.fail(m.fact, fmt.Errorf("%s: %w", e.path, e.err))
		return true
	}
	from := fmt.Sprintf("%s (%s)", e.path, m.how)
	if m.fact == watch.PodLabels || m.fact == watch.PodAnnotations {
		r.takeMap(e, m.fact, from)
		return true
	}
	if !utf8.Valid(e.data) {
		r.fail(m.fact, fmt.Errorf("%s: is not UTF-8 text", e.path))
		return true
	}
	value := trim(m.fact, string(e.data))
	if isResource {
		return r.takeResource(e.path, value, from, m, fmt.Sprintf("%s.%s of container %s", kind, name, container))
	}
	if m.guessed && !looksRight(m.fact, value) {
		r.note(m.fact, fmt.Sprintf("%s does not hold a %s", e.path, ref.Volume.FieldPath(m.fact)),
			"if it should, list it under items: of the volume")
		return false
	}
	if value == "" {
		r.note(m.fact, fmt.Sprintf("%s is empty: the pod has no such key, or an empty one", e.path),
			"mount metadata.labels or metadata.annotations as a whole to tell these apart")
		return true
	}
	if m.guessed && speaksOfPod(e.path) {
		r.counts = true
	}
	if !r.layer.Has(m.fact) {
		r.layer.Set(m.fact, value, from)
	}
	return true
}

// trim drops the one newline that editors and echo put at the end of a file,
// where the fact cannot hold it. An annotation can.
func trim(fact watch.Path, value string) string {
	if parent, _ := fact.Parent(); parent == watch.PodAnnotations {
		return value
	}
	return strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
}

// takeMap states a whole map. Where lines are bad it states only the keys it
// could read, so that nobody takes the others for deleted.
func (r *reading) takeMap(e entry, fact watch.Path, from string) {
	entries, err := ParseMap(e.data)
	r.counts = r.counts || len(entries) > 0
	if fact == watch.PodAnnotations {
		delete(entries, annotationSeen)
		delete(entries, annotationSource)
	}
	if err == nil {
		if !r.layer.Has(fact) {
			r.layer.Set(fact, entries, from)
			r.notes[fact] = note{} // the layer says which keys there are
		}
		return
	}
	for key, value := range entries {
		r.layer.State(fact.Key(key), watch.Statement{Value: value, From: from})
	}
	lines, ok := errors.AsType[*multierror.Error](err)
	if !ok {
		lines = &multierror.Error{Errors: []error{err}}
	}
	for _, err := range lines.Errors {
		if line, ok := errors.AsType[*LineError](err); ok {
			line.File = e.path
		} else {
			err = fmt.Errorf("%s: %w", e.path, err)
		}
		r.fail(fact, err)
	}
}

func (r *reading) takeResource(path, number, from string, m meaning, what string) bool {
	_, kind, name, _ := ref.Resource(m.fact)
	number = strings.TrimSpace(number) // blanks harm nobody here
	value, err := watch.MultiplyQuantity(name, number, m.divisor)
	switch {
	case err != nil && m.guessed:
		return false
	case err != nil:
		r.fail(m.fact, fmt.Errorf("%s: %w", path, err))
		return true
	case m.assumed && !plausible(name, number):
		r.note(m.fact, fmt.Sprintf("%s reads %.20s and nothing says its divisor", path, number),
			"list it under items: of the volume, with the divisor that the pod spec gives it")
		return false
	case kind == "limits" && number == "0":
		// The kubelet writes the node's allocatable where nobody set a
		// limit, and 0 where the node reports none.
		r.note(m.fact, fmt.Sprintf("%s reads 0: nobody set %s", path, what), "set it on the container")
		return true
	}
	r.counts = true
	if held, ok := r.divisors[m.fact]; ok && divisorLess(held, m.divisor) <= 0 {
		return true
	}
	r.divisors[m.fact] = m.divisor
	r.layer.State(m.fact, watch.Statement{Value: value, From: from, Divisor: new(whole(m.divisor))})
	return true
}

// divisorLess compares divisors, of which zero means 1.
func divisorLess(a, b resource.Quantity) int {
	a, b = whole(a), whole(b)
	return a.Cmp(b)
}

func whole(divisor resource.Quantity) resource.Quantity {
	if divisor.IsZero() {
		return resource.MustParse("1")
	}
	return divisor
}

// verbatim states a file of unknown meaning. A projected volume may hold
// tokens and Secrets beside what the Downward API put there.
func (r *reading) verbatim(e entry) {
	fact := watch.Path("files").Key(e.path)
	switch {
	case e.dir:
	case e.err != nil:
		r.fail(fact, fmt.Errorf("%s: %w", e.path, e.err))
	case !utf8.Valid(e.data):
		r.note(fact, e.path+" is not UTF-8 text", "")
	case len(e.data) > 0:
		r.layer.State(fact, watch.Statement{Value: string(e.data), From: e.path, Sensitive: secret(e.data)})
	}
}

// secret recognizes service account tokens and private keys.
func secret(data []byte) bool {
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return true
	}
	parts := strings.Split(strings.TrimSpace(string(data)), ".")
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts[1:] {
		if _, err := base64.RawURLEncoding.DecodeString(part); err != nil {
			return false
		}
	}
	var header struct{ Alg string }
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	return err == nil && json.Unmarshal(text, &header) == nil && header.Alg != ""
}

func (r *reading) fail(fact watch.Path, err error) {
	hint := r.notes[fact].hint
	whole := fmt.Errorf("%s: %w", r.source, err)
	if step := nextStep(err); step != "" {
		if hint = step; !r.denied { // of many files it is the same
			whole = fmt.Errorf("%w; %s", whole, step)
		}
		r.denied = true
	}
	r.errs = multierror.Append(r.errs, whole)
	reason := err.Error()
	if before := r.notes[fact].reason; before != "" {
		reason = before + "; " + reason
	}
	r.notes[fact] = note{reason, hint}
}

// nextStep says what to do about a volume that is there and cannot be read. It is
// empty for other errors.
func nextStep(err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return fmt.Sprintf("the process runs as uid %d, gid %d; set fsGroup in the pod's securityContext, a defaultMode of the volume that lets it read, or runAsUser", os.Getuid(), os.Getgid())
}

func (r *reading) note(fact watch.Path, reason, hint string) {
	if _, ok := r.notes[fact]; !ok {
		r.notes[fact] = note{reason, hint}
	}
}
