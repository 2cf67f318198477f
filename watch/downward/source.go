package downward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/podfacts/podfacts/watch"
)

// DefaultDir is where the Kubernetes documentation mounts the volume.
const DefaultDir = "/etc/podinfo"

// Source is one downwardAPI or projected volume. The zero Source reads
// [DefaultDir]. Its fields must not change once it is in use.
//
// It is a [watch.Source], a [watch.Watcher] and a [watch.Explainer].
type Source struct {
	// Dir is where the volume is mounted. Empty means DefaultDir.
	Dir string
	// FS is read in place of Dir, for dry runs. Dir then only names it.
	FS fs.FS
	// Items say what the files hold. Files not among them go by their name.
	// Without them, [Source.Learn] may say it later.
	Items []Item
	// ItemsFrom says in origins where the items come from: "configuration",
	// "pod spec". Empty means "items".
	ItemsFrom string
	// Auto marks a volume that nobody named. It may as well be a Secret: it
	// counts only if it proves to be about a pod, and no file is read or
	// stated that is neither among the items nor of a well-known name.
	Auto bool
	// Poll is how often Watch compares the volume where the system does not
	// notify. Where it does, Watch does so ten times less often, as a safety
	// net. Zero means one second.
	Poll time.Duration
	// Log is told when Watch has to poll. Nil discards.
	Log *slog.Logger

	newNotifier func() (notifier, error) // nil: fsnotify

	mu      sync.Mutex
	last    findings // for Explain
	proven  bool     // that it is about a pod; the last label may go later
	learned []Item   // by Learn
	fresh   bool     // and no Read has gone by them yet
	changed func()   // of the Watch that runs
}

// String names the source: volume /etc/podinfo.
func (s *Source) String() string { return "volume " + s.dir() }

// Read reads one version of the volume. With an error that concerns single
// files comes everything that could be read.
func (s *Source) Read(ctx context.Context) (watch.Layer, error) {
	entries, err := s.entries(ctx)
	if err != nil {
		err = fmt.Errorf("%s: %w", s, err)
		s.remember(findings{failed: err})
		if step := nextStep(err); step != "" {
			err = fmt.Errorf("%w; %s", err, step)
		}
		return watch.Layer{}, err
	}
	r := interpret(s, entries)
	if s.Auto && !s.proves(r) {
		s.remember(findings{silent: true})
		return watch.Layer{}, nil
	}
	s.remember(r.findings)
	return r.layer, r.errs.ErrorOrNil()
}

func (s *Source) entries(ctx context.Context) ([]entry, error) {
	if s.FS != nil {
		return readVolume(ctx, s.FS, s.wanted)
	}
	root, err := os.OpenRoot(s.dir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("directory does not exist; mount the downwardAPI volume there, or name the directory where it is mounted")
	case err != nil:
		if info, statErr := os.Stat(s.dir()); statErr == nil && !info.IsDir() {
			return nil, errors.New("is a file; name the directory that holds it")
		}
		return nil, reason(err)
	}
	defer root.Close()
	return readVolume(ctx, rootFS{root}, s.wanted)
}

// wanted keeps a volume that may be a Secret closed as far as can be.
func (s *Source) wanted(path string) bool {
	if !s.Auto {
		return true
	}
	return hasKnownName(path) || slices.ContainsFunc(s.items(), func(i Item) bool { return i.clean() == path })
}

func (s *Source) dir() string {
	if s.Dir == "" {
		return DefaultDir
	}
	return s.Dir
}

// proves reports whether the volume is about a pod, or was once.
func (s *Source) proves(r *reading) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proven = s.proven || r.counts
	return s.proven
}

func (s *Source) remember(f findings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = f
}

var _ interface {
	watch.Source
	watch.Watcher
	watch.Explainer
} = (*Source)(nil)
