// Command nextsteps says what is left to do after the code was generated from a changed document: the code, the tests, the
// changelog. It runs while the module may not compile.
package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/docdiff"
	"github.com/nudgehq/nudge/internal/docdiff/gocode"
)

const (
	document = "openapi.yaml"
	// accepted lists the breaks that were reviewed.
	accepted = "versions/accepted.yaml"
	// shown is how many changes are listed.
	shown = 10
	// account stands for any: the cases are only counted.
	account = "AC00000000000000000000000000000000"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "nextsteps:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	current, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	name, released, err := lastReleased()
	if err != nil {
		return err
	}
	before, after := docdiff.Document{Name: "versions/" + name + ".yaml", Data: released}, docdiff.Document{Name: document, Data: current}
	wire, err := docdiff.Compare(before, after)
	if err != nil {
		return err
	}
	code, err := gocode.CompareDocuments(before, after)
	if err != nil {
		return err
	}
	report := docdiff.Report{Changes: docdiff.Group(docdiff.Sorted(wire, code))}
	reviewed, err := os.ReadFile(accepted)
	if err != nil {
		return err
	}
	acceptances, err := docdiff.ReadAcceptances(reviewed)
	if err != nil {
		return fmt.Errorf("%s: %w", accepted, err)
	}
	report.Accept(acceptances)
	changes := report.Changes
	var b strings.Builder
	// Callers first, Go users after.
	slices.SortStableFunc(changes, func(a, b docdiff.Change) int { return -cmp.Compare(a.Audience, b.Audience) })
	changed(&b, name, changes)
	handwritten(&b)
	cases, err := contract.Cases(contract.WithDocument(document, current), contract.WithStrict(), contract.WithAccount(account, "token"))
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "tests      %d contract cases follow from the document; make test runs them against this server\n", len(cases))
	fmt.Fprintf(&b, "changelog  %s\n", changelog(name, changes))
	_, err = io.WriteString(out, b.String())
	return err
}

// lastReleased is the newest document of versions/.
func lastReleased() (name string, data []byte, err error) {
	paths, err := fs.Glob(os.DirFS("versions"), "[0-9]*.yaml")
	if err != nil || len(paths) == 0 {
		return "", nil, fmt.Errorf("versions/ has no released document: %w", err)
	}
	version := func(path string) string { return "v" + strings.TrimSuffix(path, ".yaml") }
	slices.SortFunc(paths, func(a, b string) int { return semver.Compare(version(a), version(b)) })
	name = paths[len(paths)-1]
	data, err = os.ReadFile(filepath.Join("versions", name))
	return strings.TrimSuffix(name, ".yaml"), data, err
}

func changed(b *strings.Builder, released string, changes []docdiff.Change) {
	if len(changes) == 0 {
		fmt.Fprintf(b, "document   says what %s says\n", released)
		return
	}
	fmt.Fprintf(b, "document   %d changes since %s\n", len(changes), released)
	for i, c := range changes {
		if i == shown {
			fmt.Fprintf(b, "             and %d more: nudge diff versions/%s.yaml %s\n", len(changes)-i, released, document)
			break
		}
		fmt.Fprintf(b, "             %s for %s: %s\n", c.Severity, c.Concerns(), c.Text)
	}
}

var (
	missingMethod = regexp.MustCompile(`missing method (\w+)`)
	// place is a line of the compiler that says where something does not compile.
	place = regexp.MustCompile(`(?m)^(?:vet: )?(?:\./)?(\S+\.go:\d+)(?::\d+)?: (.+)$`)
)

// toWrite lists what has to be written by hand before the module compiles, tests included: a line each, with its place.
func toWrite() []string {
	// All errors of the code; of the tests the first of each package, when the code compiles.
	out, err := exec.Command("go", "build", "-gcflags=-e", "./...").CombinedOutput()
	if err == nil {
		out, _ = exec.Command("go", "vet", "./...").CombinedOutput()
	}
	var lines []string
	named := map[string]bool{}
	for _, found := range place.FindAllSubmatch(out, -1) {
		at, message := string(found[1]), string(found[2])
		if missing := missingMethod.FindStringSubmatch(message); missing != nil {
			if named[missing[1]] {
				// The compiler names it wherever the server is one.
				continue
			}
			named[missing[1]] = true
			message = fmt.Sprintf("server.Server lacks the method %s, with the signature that it has in StrictServerInterface, server/oapi.gen.go", missing[1])
		}
		lines = append(lines, at+": "+message)
	}
	return lines
}

// handwritten says what is left to write by hand.
func handwritten(b *strings.Builder) {
	lines := toWrite()
	if len(lines) == 0 {
		b.WriteString("code       all of the module compiles, its tests included; nothing has to be written\n")
		return
	}
	b.WriteString("code       does not compile; to be changed by hand:\n")
	for _, line := range lines {
		fmt.Fprintf(b, "             %s\n", line)
	}
}

func changelog(released string, changes []docdiff.Change) string {
	breaking := 0
	for _, c := range changes {
		if c.Severity == docdiff.Breaking {
			breaking++
		}
	}
	switch {
	case len(changes) == 0:
		return "nothing to release"
	case breaking > 0:
		return fmt.Sprintf("%d of the changes break somebody: make check fails until they are undone, or listed with a reason in %s", breaking, accepted)
	}
	return fmt.Sprintf("the documentation shows them as unreleased; to release, raise version: above %s and copy %s to versions/VERSION.yaml, and add it to versions/releases.yaml", released, document)
}
