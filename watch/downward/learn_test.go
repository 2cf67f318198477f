package downward

import (
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/watch"
)

func odd() fstest.MapFS {
	return fstest.MapFS{
		"pod-labels.txt": {Data: []byte("app=\"web\"\n")},
		"cores":          {Data: []byte("250")},
		"uid":            {Data: []byte("payments")},
		"other":          {Data: []byte("x")},
	}
}

func oddItems() []Item {
	return []Item{
		{Path: "./pod-labels.txt", Fact: watch.PodLabels},
		{Path: "cores", Fact: "containers.main.limits.cpu", Divisor: resource.MustParse("1m")},
		{Path: "uid", Fact: "pod.labels['team']"},
		{Path: "absent", Fact: watch.PodName},
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		source *Source
		want   map[watch.Path]any
		from   string // of the app label
	}{
		{"nothing was given", &Source{}, map[watch.Path]any{
			"pod.labels['app']": "web", "pod.labels['team']": "payments", "containers.main.limits.cpu": "250m",
			// What somebody may use already stays.
			"files['pod-labels.txt']": "app=\"web\"\n", "files.cores": "250", "files.other": "x",
		}, "pod-labels.txt (pod spec)"},
		{"the volume was found", &Source{Auto: true}, map[watch.Path]any{
			"pod.labels['app']": "web", "pod.labels['team']": "payments", "containers.main.limits.cpu": "250m",
		}, "pod-labels.txt (pod spec)"},
		{"items were given", &Source{Items: []Item{{Path: "pod-labels.txt", Fact: watch.PodLabels}}}, map[watch.Path]any{
			"pod.labels['app']": "web", "files.cores": "250", "files.other": "x", "pod.uid": "payments",
		}, "pod-labels.txt (items)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.source
			s.FS = odd()
			if _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Learn(oddItems())
			for _, first := range []bool{true, false} {
				l, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if want := first && len(s.Items) == 0; l.Learned != want {
					t.Errorf("learned %v, want %v", l.Learned, want)
				}
				checkLayer(t, l, tt.want)
				if st, _ := l.Get("pod.labels['app']"); st.From != tt.from {
					t.Errorf("from %q, want %q", st.From, tt.from)
				}
			}
			reason, _ := s.Explain(watch.PodName)
			if want := "volume /etc/podinfo has no file absent, which its items name for metadata.name"; len(s.Items) == 0 && reason != want {
				t.Errorf("explains %q, want %q", reason, want)
			}
		})
	}
}

func TestLearnTellsTheWatch(t *testing.T) {
	t.Parallel()
	s := &Source{FS: odd()}
	bubble(t, s, func(t *testing.T, changes *atomic.Int32) {
		t.Helper()
		if n := changes.Swap(0); n != 1 {
			t.Fatalf("%d changes to begin with", n)
		}
		s.Learn(nil)
		if n := changes.Load(); n != 0 {
			t.Errorf("%d changes of nothing", n)
		}
		s.Learn(oddItems())
		synctest.Wait()
		if n := changes.Load(); n != 1 {
			t.Errorf("%d changes, want 1", n)
		}
	})
	s.Learn(oddItems()) // nobody watches any more
}

// TestLearnWhileFollowed: the meaning comes late, and is no change of the facts.
func TestLearnWhileFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Source{FS: odd()}
		first := true
		err := watch.Follow(t.Context(), watch.Timing{Resync: -1}, func(snapshot *watch.Snapshot, err error) error {
			if err != nil {
				t.Error(err)
			}
			if f, err := snapshot.Lookup("pod.labels['app']"); err == nil && f.Value == "web" {
				return watch.Stop
			}
			if first {
				first = false
				s.Learn(oddItems())
			}
			return nil
		}, s)
		if err != nil || first {
			t.Error(err, first)
		}
	})
}
