package downward

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podfacts/podfacts/watch"
)

// denied is a volume of which some files must not be read.
type denied struct {
	fstest.MapFS
	files string
}

func (d denied) Open(name string) (fs.File, error) {
	if strings.Contains(d.files, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.Open(name)
}

func (d denied) ReadDir(name string) ([]fs.DirEntry, error) {
	if strings.Contains(d.files, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.ReadDir(name)
}

// A volume that is mounted and must not be read needs other rights, no other mount.
func TestDenied(t *testing.T) {
	t.Parallel()
	const step = "set fsGroup in the pod's securityContext, a defaultMode of the volume that lets it read, or runAsUser"
	for _, test := range []struct{ files, reason string }{
		{"labels annotations", "volume /etc/podinfo: labels: permission denied"},
		{".", "volume /etc/podinfo: permission denied"},
	} {
		s := &Source{FS: denied{fstest.MapFS{"labels": {Data: []byte(`a="b"`)}, "annotations": {}}, test.files}}
		_, err := s.Read(t.Context())
		if err == nil || strings.Count(err.Error(), step) != 1 {
			t.Errorf("of %q: %v", test.files, err)
		}
		for _, fact := range []watch.Path{watch.PodLabels, "pod.labels['a']"} {
			reason, hint := s.Explain(fact)
			reason = strings.ReplaceAll(reason, fs.ErrPermission.Error(), "permission denied") // as the system puts it
			if reason != test.reason || !strings.HasSuffix(hint, step) || !strings.HasPrefix(hint, "the process runs as uid ") {
				t.Errorf("%s is explained by %q; %q", fact, reason, hint)
			}
		}
	}
}
