package inject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/config"
	"github.com/podfacts/podfacts/watch"
)

// Settings are what pods get that do not say otherwise by an annotation. Get
// one from [Default]; the zero Settings names no image.
type Settings struct {
	Image           string         `yaml:"image"`
	ImagePullPolicy string         `yaml:"imagePullPolicy"` // empty: as Kubernetes chooses
	AllowedImages   []string       `yaml:"allowedImages"`   // what podfacts.dev/image may name: an image with any tag, or what begins with registry/
	Presets         []string       `yaml:"presets"`         // of an env file, where there is no configuration
	Format          string         `yaml:"format"`          // dialect of the env file
	OutputDir       string         `yaml:"outputDir"`
	API             string         `yaml:"api"` // where there is no configuration
	Resources       map[string]any `yaml:"resources"`
	SecurityContext map[string]any `yaml:"securityContext"`
}

// Default returns the settings of a cluster where nobody has chosen others: a
// container that the restricted Pod Security Standard admits, which asks the
// API server nothing.
func Default() Settings {
	return Settings{
		Image:     "podfacts/podfacts:latest",
		Presets:   []string{"pod"},
		Format:    "sh",
		OutputDir: "/run/podfacts",
		API:       "never",
		Resources: map[string]any{
			"requests": map[string]any{"cpu": "10m", "memory": "16Mi"},
			"limits":   map[string]any{"memory": "64Mi"},
		},
		SecurityContext: map[string]any{
			"runAsNonRoot":             true,
			"runAsUser":                65532,
			"runAsGroup":               65532,
			"readOnlyRootFilesystem":   true,
			"allowPrivilegeEscalation": false,
			"capabilities":             map[string]any{"drop": []any{"ALL"}},
			"seccompProfile":           map[string]any{"type": "RuntimeDefault"},
		},
	}
}

// ParseSettings reads settings from YAML, under the names that the chart has
// below injection. What the file does not name stays as in base; resources and
// the security context are taken as a whole. The error names everything that is
// wrong.
func ParseSettings(base Settings, file string, data []byte) (Settings, error) {
	s := base
	s.Resources, s.SecurityContext = nil, nil // yaml would write into the maps of base
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return base, misread(file, err)
	}
	if s.Resources == nil {
		s.Resources = base.Resources
	}
	if s.SecurityContext == nil {
		s.SecurityContext = base.SecurityContext
	}
	var errs []error
	for _, err := range watch.Errors(s.Validate()) {
		errs = append(errs, fmt.Errorf("%s: %w", file, err))
	}
	return s, watch.Join(errs...)
}

// misread says in our words what YAML says in its own.
func misread(file string, err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = e.Errors
	}
	var errs []error
	for _, line := range lines {
		m := pattern(`^(?:line (\d+): )?(?:field (\S+) not found in type .*)?`).FindStringSubmatch(line)
		at, rest := file, strings.TrimPrefix(line, "line "+m[1]+": ")
		if m[1] != "" {
			at += ":" + m[1]
		}
		if m[2] != "" {
			rest = fmt.Sprintf("%q is no setting; there are %s", m[2], list(settingNames()))
		}
		errs = append(errs, fmt.Errorf("%s: %s", at, rest))
	}
	return watch.Join(errs...)
}

func settingNames() []string {
	return []string{"image", "imagePullPolicy", "allowedImages", "presets", "format", "outputDir", "api", "resources", "securityContext"}
}

// Validate reports everything that is wrong with the settings.
func (s Settings) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !pattern(imagePattern).MatchString(s.Image) {
		wrong("image is %q, but must name an image, as in podfacts/podfacts:latest", s.Image)
	}
	if !slices.Contains([]string{"", "Always", "IfNotPresent", "Never"}, s.ImagePullPolicy) {
		wrong("imagePullPolicy is %q, but must be Always, IfNotPresent or Never", s.ImagePullPolicy)
	}
	if len(s.Presets) == 0 {
		wrong("presets is empty, but a pod without a configuration needs one; there are %s", list(config.Presets()))
	}
	for _, name := range s.Presets {
		if !slices.Contains(config.Presets(), name) {
			wrong("presets names %q, but there are %s", name, list(config.Presets()))
		}
	}
	if !slices.Contains(config.Dialects(), s.Format) {
		wrong("format is %q, but must be %s", s.Format, list(config.Dialects()))
	}
	if !slices.Contains(config.APIModes(), s.API) {
		wrong("api is %q, but must be %s", s.API, list(config.APIModes()))
	}
	if !validDir(s.OutputDir) {
		wrong("outputDir is %q, but must be %s", s.OutputDir, dirRule())
	}
	return watch.Join(errs...)
}

func list(names []string) string { return strings.Join(names, ", ") }
