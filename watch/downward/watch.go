package downward

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	defaultPoll = time.Second
	// rarely is how many times less often the volume is compared while the
	// system notifies: a sidecar that has nothing to do should sleep.
	rarely      = 10
	absentPoll  = 250 * time.Millisecond // while the directory is not there
	retryNotify = time.Minute            // after the system refused to notify
)

// Watch follows the volume. It notices when the kubelet swaps ..data, when a
// file changes in a directory without that link, and when the directory
// vanishes, comes back or is replaced.
//
// Events of the file system only hasten a comparison that is made every Poll
// without them, and every ten Polls with them: a system that loses events, or
// sends none, delays a change and hides none.
func (s *Source) Watch(ctx context.Context, changed func()) error {
	s.tells(changed)
	defer s.tells(nil)
	if s.FS != nil {
		changed()
		<-ctx.Done()
		return nil
	}
	f := &follower{dir: s.dir(), poll: s.Poll, newNotifier: s.newNotifier, changed: changed, log: s.Log}
	if f.poll <= 0 {
		f.poll = defaultPoll
	}
	if f.newNotifier == nil {
		f.newNotifier = newFSNotifier
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	defer f.disarm()
	mountinfo, _ := os.ReadFile("/proc/self/mountinfo") // there is none but on Linux
	f.warnOfFrozen(mountinfo)
	f.run(ctx)
	return nil
}

// follower is the state of one Watch.
type follower struct {
	dir         string
	poll        time.Duration
	newNotifier func() (notifier, error)
	changed     func()
	log         *slog.Logger

	info    os.FileInfo // of the directory; nil while it is not there
	state   string      // of what is in it
	started bool

	notifier notifier // nil while polling
	retry    time.Time
	warned   bool
}

func (f *follower) run(ctx context.Context) {
	timer := time.NewTimer(f.compare(false))
	defer timer.Stop()
	for {
		var events <-chan fsnotify.Event
		var errs <-chan error
		if f.notifier != nil {
			events, errs = f.notifier.Events(), f.notifier.Errors()
		}
		force := false
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				f.disarm()
			} else if !f.matters(e) {
				continue
			} else if f.lost(e) {
				f.disarm()
			} else if force = !versioned(f.state); force && e.Has(fsnotify.Create) { // it may be a directory
				if err := f.addBelow(); err != nil {
					f.refused(err)
				}
			}
		case _, ok := <-errs:
			if !ok {
				f.disarm()
			}
			force = true // events were lost: the queue overflowed
		case <-timer.C:
		}
		timer.Reset(f.compare(force))
	}
}

// matters tells the events that a version of the volume consists of from the
// one that publishes it.
func (f *follower) matters(e fsnotify.Event) bool {
	name := filepath.Base(e.Name)
	return !strings.HasPrefix(name, "..") || name == dataLink
}

// lost reports whether the directory itself was removed or moved away. One
// that has taken its place by now may even have its inode number, and is not
// watched.
func (f *follower) lost(e fsnotify.Event) bool {
	return e.Name == filepath.Clean(f.dir) && (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename))
}

// compare looks at the volume, calls changed where it differs from what it
// was, and returns when to look again. With force it calls changed anyway.
func (f *follower) compare(force bool) time.Duration {
	info, err := os.Stat(f.dir)
	if err != nil || !info.IsDir() {
		f.disarm()
		if f.info != nil || !f.started {
			f.info, f.state, f.started = nil, "", true
			f.changed() // so that a Read says what is wrong
		}
		return min(absentPoll, f.poll)
	}
	if f.info == nil || !os.SameFile(f.info, info) {
		f.disarm()
		f.info, force = info, true
	}
	if f.notifier == nil && !time.Now().Before(f.retry) {
		force = f.arm() || force
	}
	// The state is taken once armed: what changes later sends an event.
	state := fingerprint(f.dir)
	if force || state != f.state || !f.started {
		f.state, f.started = state, true
		f.changed()
	}
	if f.notifier != nil {
		return rarely * f.poll
	}
	return f.poll
}

// arm asks the system to notify. Each directory gets a notifier of its own,
// since one that lost its directory cannot be trusted with another.
func (f *follower) arm() bool {
	n, err := f.newNotifier()
	if err != nil {
		f.refused(err)
		return false
	}
	f.notifier = n
	if err = n.Add(f.dir); err == nil {
		err = f.addBelow()
	}
	if err != nil {
		f.refused(err)
	}
	return err == nil
}

// refused falls back to polling. A directory that is gone again is no
// refusal: the next look sees it.
func (f *follower) refused(err error) {
	f.disarm()
	if os.IsNotExist(err) {
		return
	}
	f.retry = time.Now().Add(retryNotify)
	if !f.warned {
		f.warned = true
		f.log.Warn("cannot watch the volume, so it is polled; if the system ran out of inotify instances or watches, "+
			"raise fs.inotify.max_user_instances or fs.inotify.max_user_watches on the node",
			"volume", f.dir, "every", f.poll, "error", err)
	}
}

func (f *follower) disarm() {
	if f.notifier != nil {
		f.notifier.Close() //nolint:errcheck // it holds nothing
		f.notifier = nil
	}
}

// addBelow watches the directories of a volume without versions.
func (f *follower) addBelow() error {
	if f.notifier == nil || dataVersion(f.dir) != "" {
		return nil
	}
	return walkPlain(f.dir, func(path string, d fs.DirEntry) error {
		if !d.IsDir() || path == f.dir {
			return nil
		}
		if err := f.notifier.Add(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	})
}

const versionPrefix = dataLink + " "

func versioned(state string) bool { return strings.HasPrefix(state, versionPrefix) }

func dataVersion(dir string) string {
	version, err := os.Readlink(filepath.Join(dir, dataLink))
	if err != nil {
		return ""
	}
	return version
}

// fingerprint sums up what a directory holds: the version, or the files.
func fingerprint(dir string) string {
	if version := dataVersion(dir); version != "" {
		return versionPrefix + version
	}
	var b strings.Builder
	walkPlain(dir, func(path string, d fs.DirEntry) error { //nolint:errcheck // what cannot be read is not there
		if info, err := d.Info(); err == nil && path != dir {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// walkPlain walks as Read does.
func walkPlain(dir string, fn func(string, fs.DirEntry) error) error {
	count := 0
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it vanished or cannot be read
		}
		if path != dir && filepath.Dir(path) == dir && strings.HasPrefix(d.Name(), "..") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if count++; count > maxFiles {
			return fs.SkipAll
		}
		return fn(path, d)
	})
}
