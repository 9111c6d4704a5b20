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

// Version is one version of the document with what changed from the version before.
type Version struct {
	// Name is the version, or "unreleased".
	Name string
	// First tells that there is no version before.
	First bool
	// Date is the day of its release, and Summary what its authors say of it in Markdown; both may be empty.
	Date, Summary string
	Changes       []Change
}

// Change is one change with its id, which stays the same when other changes come and go and when its version is released.
type Change struct {
	ID, Version string
	docdiff.Change
	// Reason is why a break was accepted; empty when it was not, or is none.
	Reason string
}

// InFull is all that is known of the change but its place, as one line of Markdown.
func (c Change) InFull() string {
	said := append([]string{c.Version + ", " + c.Severity.String() + ": " + wholeSentence(oneLine(c.Text))}, c.More...)
	if c.Comment != "" {
		said = append(said, c.Comment)
	}
	if c.Reason != "" {
		said = append(said, "Accepted: "+c.Reason)
	}
	for i := range said[1:] {
		said[i+1] = wholeSentence(oneLine(said[i+1]))
	}
	return strings.Join(said, " ")
}

// Breaking tells whether the change breaks callers.
func (c Change) Breaking() bool { return c.Severity == docdiff.Breaking }

// Count is how many changes of a severity a version has, in words: 2 breaking.
type Count struct {
	Severity docdiff.Severity
	Changes  int
}

// Counts says how many changes of each severity there are, the most severe first; none of those that there are none of.
func (v Version) Counts() (counts []Count) {
	for _, c := range v.Changes {
		// They stand in this order.
		if n := len(counts); n > 0 && counts[n-1].Severity == c.Severity {
			counts[n-1].Changes++
			continue
		}
		counts = append(counts, Count{c.Severity, 1})
	}
	return counts
}

// changelog compares the released documents, each with the one before, and the current document with the last; the newest
// version comes first.
func changelog(config Config) ([]Version, error) {
	released := config.Versions
	paths, err := releasedDocuments(released)
	if err != nil {
		return nil, err
	}
	versions := make([]string, len(paths))
	for i, file := range paths {
		versions[i] = versionOf(file)
	}
	notes, err := releases(released, versions)
	if err != nil {
		return nil, err
	}
	h := history{releases: notes, ids: map[string]int{}}
	for _, file := range paths {
		document, err := fs.ReadFile(released, file)
		if err != nil {
			return nil, err
		}
		if err := h.add(docdiff.Document{Name: versionOf(file), Data: document, Files: released}); err != nil {
			return nil, err
		}
	}
	if !bytes.Equal(h.before.Data, config.Document) {
		if err := h.add(docdiff.Document{Name: unreleased, Data: config.Document, Files: config.Files, Fetch: config.Fetch}); err != nil {
			return nil, err
		}
		if newest := h.versions[len(h.versions)-1]; !newest.First && len(newest.Changes) == 0 {
			// Only words changed.
			h.versions = h.versions[:len(h.versions)-1]
		}
	}
	slices.Reverse(h.versions)
	return h.versions, nil
}

func versionOf(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }

// releasedDocuments lists the files of released documents, the oldest first.
func releasedDocuments(released fs.FS) (paths []string, err error) {
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		found, err := fs.Glob(released, pattern)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	paths = slices.DeleteFunc(paths, func(file string) bool { return file == acceptedBreaks || file == releaseNotes })
	for _, file := range paths {
		if !semver.IsValid("v" + versionOf(file)) {
			return nil, fmt.Errorf("the released document %s must be named after its version, such as 1.0.0.yaml", file)
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return semver.Compare("v"+versionOf(a), "v"+versionOf(b)) })
	for i, file := range paths {
		if i > 0 && versionOf(paths[i-1]) == versionOf(file) {
			return nil, fmt.Errorf("the released documents %s and %s are of one version", paths[i-1], file)
		}
	}
	return paths, nil
}

// history is the versions so far, the oldest first.
type history struct {
	releases []release
	versions []Version
	before   docdiff.Document
	// ids counts the changes of an id.
	ids map[string]int
}

// add adds the next version.
func (h *history) add(document docdiff.Document) error {
	name := document.Name
	r := of(h.releases, name)
	v := Version{Name: name, First: h.before.Data == nil, Date: r.Date, Summary: r.Summary}
	if !v.First {
		changes, err := docdiff.Compare(h.before, document)
		if err != nil {
			return fmt.Errorf("what changed in %s: %w", name, err)
		}
		grouped := docdiff.Group(changes)
		if a := docdiff.Unmatched(r.Accepted, grouped); a != nil && name != unreleased {
			return fmt.Errorf("%s: %s accepts a change %.100s that there is not: %.300s", releaseNotes, name, a.Rule, a.Text)
		}
		reasons := make([]string, len(grouped))
		for i, c := range grouped {
			reasons[i] = docdiff.ReasonFor(c, r.Accepted)
		}
		folded, from := docdiff.Fold(grouped, func(i, j int) bool { return reasons[i] == reasons[j] })
		for i, c := range folded {
			v.Changes = append(v.Changes, Change{ID: h.id(c), Version: name, Change: c, Reason: reasons[from[i]]})
		}
	}
	h.versions = append(h.versions, v)
	h.before = document
	return nil
}

// id is the change's, with a number where an older one has it too.
func (h *history) id(c docdiff.Change) string {
	id := c.ID()
	h.ids[id]++
	if n := h.ids[id]; n > 1 {
		id += fmt.Sprintf("-%d", n)
	}
	return id
}

// Versions lists the versions of the document, the newest first.
func (p *Portal) Versions() []Version { return slices.Clone(p.versions) }
