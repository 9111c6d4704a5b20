package portal

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/nudgehq/nudge/internal/docdiff"
)

// unreleased is the version of a document that is not among the released ones.
const unreleased = "unreleased"

// acceptedBreaks stands beside the released documents, for nudge diff --accepted.
const acceptedBreaks = "accepted.yaml"

// Version is one version of the document with what changed from the version before.
type Version struct {
	// Name is the version, or "unreleased".
	Name string
	// First tells that there is no version before.
	First   bool
	Changes []Change
}

// Change is one change with its id, which stays the same as long as the released documents do.
type Change struct {
	ID, Version string
	docdiff.Change
}

// Breaking tells whether the change breaks callers.
func (c Change) Breaking() bool { return c.Severity == docdiff.Breaking }

// changelog compares the released documents, each with the one before, and the current document with the last; the newest
// version comes first.
func changelog(config Config) ([]Version, error) {
	released := config.Versions
	var paths []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		found, err := fs.Glob(released, pattern)
		if err != nil {
			return nil, err
		}
		paths = append(paths, slices.DeleteFunc(found, func(file string) bool { return file == acceptedBreaks })...)
	}
	name := func(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }
	slices.SortFunc(paths, func(a, b string) int { return semver.Compare("v"+name(a), "v"+name(b)) })
	var versions []Version
	var before docdiff.Document
	add := func(document docdiff.Document) error {
		name := document.Name
		v := Version{Name: name, First: before.Data == nil}
		if !v.First {
			changes, err := docdiff.Compare(before, document)
			if err != nil {
				return fmt.Errorf("what changed in %s: %w", name, err)
			}
			for i, c := range docdiff.Group(changes) {
				v.Changes = append(v.Changes, Change{ID: fmt.Sprintf("%s-%d", name, i+1), Version: name, Change: c})
			}
		}
		versions = append(versions, v)
		before = document
		return nil
	}
	for _, file := range paths {
		if !semver.IsValid("v" + name(file)) {
			return nil, fmt.Errorf("the released document %s must be named after its version, such as 1.0.0.yaml", file)
		}
		document, err := fs.ReadFile(released, file)
		if err != nil {
			return nil, err
		}
		if err := add(docdiff.Document{Name: name(file), Data: document, Files: released}); err != nil {
			return nil, err
		}
	}
	if !bytes.Equal(before.Data, config.Document) {
		if err := add(docdiff.Document{Name: unreleased, Data: config.Document, Files: config.Files, Fetch: config.Fetch}); err != nil {
			return nil, err
		}
		if newest := versions[len(versions)-1]; !newest.First && len(newest.Changes) == 0 {
			// Only words changed.
			versions = versions[:len(versions)-1]
		}
	}
	slices.Reverse(versions)
	return versions, nil
}

// Versions lists the versions of the document, the newest first.
func (p *Portal) Versions() []Version { return slices.Clone(p.versions) }
