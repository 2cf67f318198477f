// Package volume writes a pod's volumes as the kubelet writes them, with the
// kubelet's own code, so that no claim about a volume is checked against another
// claim of ours.
//
//   - [Node.Contents] and [Node.ProjectedContents] say what a volume holds, byte for byte.
//   - [Volume] publishes such contents with the kubelet's AtomicWriter, swap by swap.
//   - [Default] fills in what the API server would before the kubelet sees a pod.
package volume

import (
	"fmt"
	"maps"

	v1 "k8s.io/api/core/v1"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	kubevolume "k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

// Contents maps a path inside a volume to what the kubelet writes there.
type Contents map[string]volumeutil.FileProjection

// Text is the contents of a volume whose files all have mode 0644.
func Text(files map[string]string) Contents {
	contents := make(Contents, len(files))
	for path, text := range files {
		contents[path] = volumeutil.FileProjection{Data: []byte(text), Mode: 0o644}
	}
	return contents
}

// Node stands for the node that a pod runs on. Its zero value has nothing
// allocatable, so an unset limit reads as 0.
type Node struct {
	Allocatable v1.ResourceList // what an unset limit reads as
}

// Contents returns what the kubelet writes into a downwardAPI volume of pod.
// The pod must have its defaults, see [Default].
func (n Node) Contents(pod *v1.Pod, source *v1.DownwardAPIVolumeSource) (Contents, error) {
	return downwardapi.CollectData(source.Items, pod, host{node: n}, source.DefaultMode)
}

// ProjectedContents returns what the kubelet writes into a projected volume for
// its downwardAPI sources; other sources would need an API server and are refused.
func (n Node) ProjectedContents(pod *v1.Pod, source *v1.ProjectedVolumeSource) (Contents, error) {
	all := Contents{}
	for i, s := range source.Sources {
		if s.DownwardAPI == nil {
			return nil, fmt.Errorf("projected source %d: not a downwardAPI source", i)
		}
		contents, err := downwardapi.CollectData(s.DownwardAPI.Items, pod, host{node: n}, source.DefaultMode)
		if err != nil {
			return nil, fmt.Errorf("projected source %d: %w", i, err)
		}
		maps.Copy(all, contents) // pkg/volume/projected: a later source wins
	}
	return all, nil
}

// Default gives a pod the defaults that the API server sets when it stores one,
// such as requests taken from limits and a volume's defaultMode.
func Default(pod *v1.Pod) { corev1.SetObjectDefaults_Pod(pod) }

// Volume is a directory that the kubelet's AtomicWriter keeps.
type Volume struct {
	Dir    string
	writer *volumeutil.AtomicWriter
}

// NewVolume returns a volume over an existing directory. It writes nothing yet.
func NewVolume(dir string) (*Volume, error) {
	writer, err := volumeutil.NewAtomicWriter(dir, "podfacts test")
	if err != nil {
		return nil, err
	}
	return &Volume{Dir: dir, writer: writer}, nil
}

// Write makes the volume hold exactly contents, by one swap of ..data, or by
// none when it holds them already.
func (v *Volume) Write(contents Contents) error { return v.writer.Write(contents, nil) }

// host answers the only question that CollectData asks of the kubelet.
type host struct {
	kubevolume.VolumeHost // nil: any other question is a bug in the test

	node Node
}

func (h host) GetNodeAllocatable() (v1.ResourceList, error) { return h.node.Allocatable, nil }
