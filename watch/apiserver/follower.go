package apiserver

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	"github.com/podfacts/podfacts/watch/object"
)

// follows watches a question until ctx ends.
//
//  1. get, or list, unless it was done just now
//  2. watch from the version of that
//  3. where that version is too old to watch from, as that of an object is
//     that nobody has changed for long: watch from now on, which begins with
//     what is there, and get again lest it was deleted in between
//  4. when the watch ends: watch again from the last version seen
//
// Where watching stays forbidden, it is read now and then for an hour or so
// before another try.
func (w *watcher) follows(ctx context.Context, q question) {
	const (
		rest   = 12               // reads between two tries
		steady = 10 * time.Second // a watch that lasts so long ends a bad time
	)
	retry := backoff{first: w.timing.Retry, limit: w.timing.RetryMax}
	f := follower{watcher: w, question: q}
	f.answer, f.fresh = w.known(q)
	f.fresh = f.fresh && f.answer.err == nil
	refused := 0
	for ctx.Err() == nil {
		began := time.Now()
		err := f.once(ctx)
		if f.lasted > min(steady, retry.limit) {
			retry.reset()
			refused = 0
		}
		retry.worked = f.worked
		switch {
		case ctx.Err() != nil:
		case err == nil && f.now: // once: what comes of it is no longer from a version
		case err == nil && time.Since(began) < time.Second:
			wait(ctx, retry.next(nil))
		case err == nil && f.early: // as those of all other clients of the server, perhaps
			wait(ctx, rand.N(w.timing.Retry))
		case err == nil:
		case f.absence(err): // nobody serves the kind, and nobody need do so
			f.lose(ctx, answer{objects: []map[string]any{}})
			w.pause(ctx, w.timing.Refresh)
		case f.watchForbidden(err):
			f.lose(ctx, answer{objects: f.answer.objects})
			if refused++; refused < retry.grace() {
				wait(ctx, retry.next(nil))
				continue
			}
			if refused == retry.grace() {
				w.log().Warn("watching is forbidden; reading now and then instead",
					"resource", f.resource(), "every", w.timing.Refresh, "missing", f.missing(err))
			}
			w.poll(ctx, q, w.timing.Refresh, rest)
		default:
			f.answer.live, f.answer.err, f.lost = false, err, true
			w.update(ctx, q, f.answer)
			w.holdOff(ctx, err, retry.next(err))
		}
	}
}

// lose goes on with an answer from which no watch can begin.
func (f *follower) lose(ctx context.Context, a answer) {
	f.answer, f.fresh, f.lost = a, false, true
	f.update(ctx, f.question, a)
}

// follower watches one question.
type follower struct {
	*watcher
	question

	answer answer
	fresh  bool          // the answer says from where to watch
	now    bool          // watch from now on
	lost   bool          // there was no watch for a while
	floor  string        // what events tell of versions before this is old
	early  bool          // the last watch ended before its time
	lasted time.Duration // how long it was open

	worked    bool // it was watched before: what is refused now was granted once
	bookmarks bool // the server sends them
}

// once asks where needed and watches once. It returns nil where the watch
// lasted, and can be begun anew at once.
func (f *follower) once(ctx context.Context) error {
	f.lasted = 0
	asked := false
	if !f.fresh {
		a := f.Client.answer(ctx, f.question)
		if a.err != nil {
			return a.err
		}
		f.answer, f.fresh, asked = a, true, true
	}
	version := f.answer.version
	if f.now {
		version = ""
	}
	began := time.Now()
	lasts := f.timing.Watch + rand.N(f.timing.Watch+1)
	w, err := f.Client.watch(ctx, f.question, version, lasts)
	if err == nil {
		defer w.Stop()
		if err = f.catchUp(ctx, version, asked); err != nil || f.now && version != "" {
			return err
		}
		err = f.read(ctx, w, lasts)
	}
	if !gone(err) {
		return err
	}
	f.Client.restarted()
	if f.name != "" && version != "" {
		f.now = true
		return nil
	}
	f.fresh, f.now = false, false
	if version == "" || asked && time.Since(began) < 10*time.Second {
		return err // even what was asked just now
	}
	return nil
}

// catchUp reads an object once the watch for it is open, where what the watch
// begins with may be older than what was said before. There are two cases.
//
// A watch from now on begins with what the server has in its cache, which may
// lag behind what it answered to a get.
//
// A watch that goes on after a while tells everything that happened in
// between, one by one, and until it has done so, what was last seen of the pod
// must not win over what the kubelet has written meanwhile: only who is up to
// date is live. Nobody but the API server tells of other objects.
func (f *follower) catchUp(ctx context.Context, version string, asked bool) error {
	f.floor = ""
	if f.name == "" || version != "" && (!f.lost || f.part != partPod) {
		return nil
	}
	if !asked {
		a := f.Client.answer(ctx, f.question)
		if a.err != nil {
			return a.err
		}
		f.answer = a
	}
	f.floor = f.answer.version
	f.now = version != "" && f.floor == "" // it is gone: what the watch tells of it is over
	return nil
}

// read takes in events until the watch ends.
func (f *follower) read(ctx context.Context, w apiwatch.Interface, lasts time.Duration) error {
	began := time.Now()
	defer func() { f.lasted = time.Since(began) }()
	f.now, f.lost, f.early, f.worked = false, false, false, true
	f.answer.err, f.answer.live = nil, true
	f.update(ctx, f.question, f.answer)
	const slack = 30 * time.Second
	end := time.NewTimer(lasts + slack)
	defer end.Stop()
	silence := time.NewTimer(lasts + slack) // until the server has shown that it sends bookmarks
	defer silence.Stop()
	if f.bookmarks {
		silence.Reset(f.timing.Silence)
	}
	events := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-silence.C:
			f.Client.restarted()
			return &Error{Reason: Unreachable, Verb: "watch", Resource: f.resource(), Namespace: f.namespace, Name: f.name,
				Err: errors.New("the connection has gone silent")}
		case event, open := <-w.ResultChan():
			if !open {
				if f.early = time.Since(began) < lasts-slack; f.early && ctx.Err() == nil {
					f.Client.restarted()
				}
				if events == 0 && time.Since(began) < time.Second {
					return &Error{Reason: Broken, Verb: "watch", Resource: f.resource(), Namespace: f.namespace, Name: f.name,
						Err: errors.New("the server ends the watch at once")}
				}
				return nil
			}
			events++
			f.bookmarks = f.bookmarks || event.Type == apiwatch.Bookmark
			if f.bookmarks {
				silence.Reset(f.timing.Silence)
			}
			if err := f.take(ctx, event); err != nil {
				return err
			}
		}
	}
}

// take applies one event.
func (f *follower) take(ctx context.Context, event apiwatch.Event) error {
	if event.Type == apiwatch.Error {
		f.Client.restarted()
		status, ok := event.Object.(*metav1.Status)
		if !ok {
			status = &metav1.Status{Code: http.StatusInternalServerError, Message: "an error that nobody can read"}
		}
		err := &apierrors.StatusError{ErrStatus: *status}
		if gone(err) {
			return err
		}
		if cut(err) {
			return &Error{Reason: Unreachable, Verb: "watch", Resource: f.resource(), Namespace: f.namespace, Name: f.name,
				Err: errors.New("the connection was lost")}
		}
		r, _ := f.Client.resource(ctx, f.apiVersion, f.kind) // it was found to begin with
		return f.Client.fail(request{verb: "watch", resource: r, question: f.question}, err, &call{})
	}
	accessor, ok := event.Object.(metav1.Object)
	if !ok || older(accessor.GetResourceVersion(), f.floor) {
		return nil
	}
	f.answer.version = accessor.GetResourceVersion()
	if event.Type == apiwatch.Bookmark {
		return nil
	}
	objects := slices.DeleteFunc(slices.Clone(f.answer.objects), func(o map[string]any) bool {
		return object.Text(o, "metadata", "name") == accessor.GetName() && object.Text(o, "metadata", "namespace") == accessor.GetNamespace()
	})
	if event.Type != apiwatch.Deleted {
		r, err := f.Client.resource(ctx, f.apiVersion, f.kind)
		if err != nil {
			return err
		}
		objects = append(objects, f.keep(r, f.mask(), event.Object))
		slices.SortFunc(objects, func(a, b map[string]any) int { return cmp.Compare(key(a), key(b)) })
	}
	if objects == nil {
		objects = []map[string]any{}
	}
	f.answer.objects = objects
	f.update(ctx, f.question, f.answer)
	return nil
}

// cut reports whether it is client-go that speaks in the server's stead, of a
// connection that does not answer to pings, or of a stream that was reset.
func cut(err error) bool {
	return apierrors.HasStatusCause(err, "ClientWatchDecoding") &&
		(strings.Contains(err.Error(), "http2: client connection") || strings.Contains(err.Error(), "stream error:"))
}

// older reports whether one version is before another. Servers before 1.35 do
// not promise that versions can be compared, and all have had etcd's.
func older(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order < 0
}

// key orders objects as the API server does.
func key(o map[string]any) string {
	return object.Text(o, "metadata", "namespace") + "/" + object.Text(o, "metadata", "name")
}

func (f *follower) resource() string { return guess(f.apiVersion, f.kind).String() }

// watchForbidden reports that reading is allowed and watching is not.
func (f *follower) watchForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Verb != "watch" {
		return false
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return e.Reason == Forbidden || ok && status.ErrStatus.Code == http.StatusMethodNotAllowed
}

func (f *follower) missing(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Rule != nil {
		return e.Rule.String()
	}
	return ""
}

// backoff doubles from first to limit. Half of it is left to chance, so that the
// clients of a server that comes back do not do so together. What stays
// forbidden or is not served is tried seldom: people change that. Where it has
// worked before, it is more likely the server that has a bad time.
type backoff struct {
	first, limit, pause time.Duration
	refused             int
	worked              bool
}

func (b *backoff) next(err error) time.Duration {
	const spare = 5 * time.Minute // the server, at most
	b.pause = min(max(2*b.pause, b.first), b.limit)
	pause := b.pause - rand.N(b.pause/2+1)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return pause
	}
	seldom := b.limit + rand.N(b.limit/20+1)
	switch {
	case e.Reason == Forbidden:
		if b.refused++; b.refused > b.grace() {
			pause = 20 * seldom
		}
	case e.Reason == Invalid && !b.worked:
		pause = 20 * seldom
	case e.Reason == NotFound && !b.worked: // the kind; it may be installed
		pause = 4 * seldom
	}
	if after := min(e.RetryAfter, spare); after > pause {
		return after + rand.N(min(after, b.limit)) // many were told the same
	}
	return pause
}

// grace is how many refusals mean nothing: permissions come a little after the
// pod, and after the start of a server.
func (b *backoff) grace() int {
	if b.worked {
		return 20 // some minutes
	}
	return 5
}

func (b *backoff) reset() { b.pause, b.refused = 0, 0 }
