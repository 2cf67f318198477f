package image

import (
	"cmp"
	"runtime"
	"time"
)

// config is what a container engine knows of an image, alike in Docker's archives and in OCI
// layouts: github.com/opencontainers/image-spec, config.md.
type config struct {
	Created      string    `json:"created,omitempty"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       execution `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
	History      []history `json:"history"`
}

type execution struct {
	User       string            `json:"User,omitempty"`
	Env        []string          `json:"Env,omitempty"`
	Entrypoint []string          `json:"Entrypoint,omitempty"`
	Cmd        []string          `json:"Cmd,omitempty"`
	WorkingDir string            `json:"WorkingDir"`
	Labels     map[string]string `json:"Labels,omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// history has an entry for each layer.
type history struct {
	Created   string `json:"created,omitempty"`
	CreatedBy string `json:"created_by"`
}

func (i Image) configuration(layer string) config {
	created := ""
	if !i.Created.IsZero() {
		created = i.Created.UTC().Format(time.RFC3339)
	}
	p := i.platform()
	return config{
		Created:      created,
		Architecture: p.Architecture,
		OS:           p.OS,
		Config: execution{
			User: i.User, Env: i.Env, Entrypoint: i.Entrypoint, Cmd: i.Command, WorkingDir: "/", Labels: i.Labels,
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{layer}},
		History: []history{{Created: created, CreatedBy: "github.com/podfacts/podfacts/cmd/release/image"}},
	}
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

func (i Image) platform() platform {
	return platform{OS: cmp.Or(i.OS, "linux"), Architecture: cmp.Or(i.Architecture, runtime.GOARCH)}
}
