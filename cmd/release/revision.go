package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// revision is what is released.
type revision struct {
	version  string    // v1.2.3
	commit   string    // in full
	time     time.Time // of the commit, and so of everything that is made of it
	snapshot bool      // nobody else is to have it
}

// number is the version as file names and image tags have it.
func (r revision) number() string { return strings.TrimPrefix(r.version, "v") }

// latest reports whether the image may be called that.
func (r revision) latest() bool { return r.snapshot || !strings.Contains(r.version, "-") }

// semantic versions, without build metadata, which the tag of an image cannot hold.
var semantic = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$`)

// git asks about a work tree.
type git struct {
	dir    string
	getenv func(string) string
}

// revision is what is checked out. Without snapshot it must be a version, and all of it.
func (g git) revision(ctx context.Context, snapshot bool) (revision, error) {
	r := revision{snapshot: snapshot}
	head, err := g.run(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return r, err
	}
	var seconds string
	r.commit, seconds, _ = strings.Cut(head, " ")
	// https://reproducible-builds.org/specs/source-date-epoch/
	if epoch := g.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds = epoch
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return r, fmt.Errorf("SOURCE_DATE_EPOCH is %q, but must be seconds since 1970", seconds)
	}
	r.time = time.Unix(at, 0).UTC()
	changed, err := g.run(ctx, "status", "--porcelain")
	if err != nil {
		return r, err
	}
	if snapshot {
		// As Go names a commit without a version.
		r.version = "v0.0.0-" + r.time.Format("20060102150405") + "-" + r.commit[:12]
		if changed != "" {
			r.version += ".changed"
		}
		return r, nil
	}
	if changed != "" {
		return r, fmt.Errorf("the work tree is not what was committed; commit this or remove it, or try things with -snapshot:\n%s", few(changed))
	}
	r.version, err = g.tag(ctx, r.commit)
	return r, err
}

// tag is the version that a commit is tagged with.
func (g git) tag(ctx context.Context, commit string) (string, error) {
	tags, err := g.run(ctx, "tag", "--points-at", commit)
	if err != nil {
		return "", err
	}
	var versions []string
	for tag := range strings.FieldsSeq(tags) {
		if semantic.MatchString(tag) {
			versions = append(versions, tag)
		}
	}
	switch len(versions) {
	case 1:
		return versions[0], nil
	case 0:
		return "", fmt.Errorf("commit %.12s has no tag such as v1.2.3; git tag it, or try things with -snapshot", commit)
	}
	return "", fmt.Errorf("commit %.12s is %s at once; delete all tags but one", commit, strings.Join(versions, " and "))
}

func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = g.dir
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w; a release is made from a clone of the repository", args[0], err)
	}
	return strings.TrimRight(string(out), "\n"), nil
}

// few are the first lines of a text.
func few(text string) string {
	const most = 8
	lines := strings.Split(text, "\n")
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	return "  " + strings.Join(lines, "\n  ")
}
