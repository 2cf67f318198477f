package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/podfacts/podfacts/watch/object"
)

// ReadFile reads a file as a container of the pod sees it, out of the ConfigMaps
// that were loaded. An empty name stands for any container. The error is
// [fs.ErrNotExist] where no mounted ConfigMap has the file.
func (p *Pod) ReadFile(container, name string) ([]byte, error) {
	for _, c := range object.Containers(p.object) {
		if container != "" && object.Text(c, "name") != container {
			continue
		}
		for _, mount := range object.List(c, "volumeMounts") {
			file, below := strings.CutPrefix(name, strings.TrimSuffix(object.Text(mount, "mountPath"), "/")+"/")
			if !below || object.Text(mount, "subPath") != "" {
				continue
			}
			if data, ok := p.volumeFile(object.Text(mount, "name"), path.Clean(file)); ok {
				return data, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: %w, and no ConfigMap that was loaded and is mounted in the pod has it", name, fs.ErrNotExist)
}

// volumeFile looks into a volume's ConfigMaps; a later source wins, as in the
// kubelet.
func (p *Pod) volumeFile(volume, file string) (data []byte, ok bool) {
	for _, v := range object.List(p.object, "spec", "volumes") {
		if object.Text(v, "name") != volume {
			continue
		}
		sources := object.List(v, "projected", "sources")
		if ref := object.Map(v, "configMap"); ref != nil {
			sources = []map[string]any{v}
		}
		for _, source := range sources {
			if found, in := p.configMapFile(object.Map(source, "configMap"), file); in {
				data, ok = found, true
			}
		}
	}
	return data, ok
}

func (p *Pod) configMapFile(ref map[string]any, file string) ([]byte, bool) {
	if ref == nil {
		return nil, false
	}
	key := file
	if items := object.List(ref, "items"); len(items) > 0 {
		key = ""
		for _, item := range items {
			if path.Clean(object.Text(item, "path")) == file {
				key = object.Text(item, "key")
			}
		}
	}
	configMap, ok := p.find("v1", "ConfigMap", object.Text(p.object, "metadata", "namespace"), object.Text(ref, "name"), "")
	if !ok {
		return nil, false
	}
	text, ok := object.Map(configMap, "data")[key].(string)
	return []byte(text), ok
}
