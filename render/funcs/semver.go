package funcs

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
)

func semverFuncs() []Func {
	return []Func{
		{"semver", "", "a version, with Major, Minor, Patch, Prerelease and Metadata", `{{ (semver "v1.29.3-gke.1").Minor }}`, "29", version},
		{"semverCompare", "", "whether a version meets a constraint", `{{ semverCompare ">=1.27-0" "v1.29.3-gke.1" }}`, "true", semverCompare},
	}
}

func version(s string) (*semver.Version, error) {
	v, err := semver.NewVersion(s)
	if err != nil {
		return nil, fmt.Errorf("%.64q is not a version", s)
	}
	return v, nil
}

func semverCompare(constraint, s string) (bool, error) {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false, fmt.Errorf("%.64q is not a version constraint such as >=1.27-0", constraint)
	}
	v, err := version(s)
	return err == nil && c.Check(v), err
}
