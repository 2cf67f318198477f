package downward

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// mountsOfPod are those of a container that mounts a volume, and two files of it with
// subPath: one on a tmpfs, as Kubernetes makes downwardAPI volumes, and one on a disk, whose
// version is gone by now.
const mountsOfPod = `2100 2099 0:55 / / rw,relatime - overlay overlay rw
2110 2100 0:60 / /etc/podinfo ro,relatime - tmpfs tmpfs rw,size=64k
2111 2100 0:60 /..2026_11_22_06_53_54.1234567890/labels /etc/app/labels ro,relatime - tmpfs tmpfs rw,size=64k
2112 2100 8:1 /pods/1/volumes/kubernetes.io~projected/podinfo/..2026_11_22_06_53_54.1//deleted /etc/app/main\040limits ro - ext4 /dev/sda1 rw
`

func TestFrozen(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"/etc/podinfo":    "",
		"/etc/app":        "/etc/app/labels, /etc/app/main limits",
		"/etc/app/labels": "/etc/app/labels",
		"/etc/ap":         "",
		"/":               "/etc/app/labels, /etc/app/main limits",
	} {
		var log bytes.Buffer
		f := &follower{dir: dir, log: slog.New(slog.NewTextHandler(&log, nil))}
		f.warnOfFrozen([]byte(mountsOfPod))
		switch said := log.String(); {
		case want == "" && said != "":
			t.Errorf("of %s it says %s", dir, said)
		case want != "" && (!strings.Contains(said, "level=WARN") || !strings.Contains(said, want+`"`) && !strings.Contains(said, "mounts="+want)):
			t.Errorf("of %s it does not say %q, but %s", dir, want, said)
		}
	}
}
