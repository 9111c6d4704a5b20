package portal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/strictyaml"
)

// Beside the released documents stand, where there are such: the breaks since the last release that were accepted, as nudge diff takes
// them, and what is known of each release.
const (
	acceptedBreaks = "accepted.yaml"
	releaseNotes   = "releases.yaml"
)

// release is what a document's text does not say of its release.
type release struct {
	Version string `yaml:"version"`
	// Date is a day, such as 2026-11-23.
	Date string `yaml:"date"`
	// Summary is a sentence or more in Markdown.
	Summary string `yaml:"summary"`
	// Accepted are the breaks that were accepted before the release, with their reasons.
	Accepted []docdiff.Acceptance `yaml:"accepted"`
}

// check tells what is wrong with what is said of a release.
func (r release) check(versions []string, before []release) error {
	if !slices.Contains(versions, r.Version) {
		return fmt.Errorf("is of the version %.50q, of which there is no document; there are %.500s", r.Version, strings.Join(versions, ", "))
	}
	if slices.ContainsFunc(before, func(b release) bool { return b.Version == r.Version }) {
		return fmt.Errorf("is of the version %s, which another one is of too", r.Version)
	}
	if _, err := time.Parse(time.DateOnly, r.Date); r.Date != "" && err != nil {
		return fmt.Errorf("has a date that is no day such as 2026-11-23, of the version %s", r.Version)
	}
	return docdiff.CheckAcceptances(r.Accepted)
}

// releases reads what stands beside the released documents; the accepted breaks are those of the document that is not released yet.
func releases(beside fs.FS, versions []string) ([]release, error) {
	var notes struct {
		Releases []release `yaml:"releases"`
	}
	data, err := readIfAny(beside, releaseNotes)
	if err != nil {
		return nil, err
	}
	if err := strictyaml.Decode(data, &notes); err != nil && !errors.Is(err, strictyaml.ErrEmpty) {
		return nil, fmt.Errorf("%s: %w", releaseNotes, err)
	}
	for i, r := range notes.Releases {
		if err := r.check(versions, notes.Releases[:i]); err != nil {
			return nil, fmt.Errorf("%s: releases[%d] %w", releaseNotes, i, err)
		}
	}
	if data, err = readIfAny(beside, acceptedBreaks); data == nil {
		return notes.Releases, err
	}
	accepted, err := docdiff.ReadAcceptances(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", acceptedBreaks, err)
	}
	return append(notes.Releases, release{Version: unreleased, Accepted: accepted}), nil
}

func readIfAny(files fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// of finds a version's release; it is empty where nothing is known of it.
func of(list []release, version string) release {
	if i := slices.IndexFunc(list, func(r release) bool { return r.Version == version }); i >= 0 {
		return list[i]
	}
	return release{}
}
