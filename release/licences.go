package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// allowed are the licences that what is in the binary may have: none asks for more than to be named.
var allowed = []string{"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "0BSD", "Unlicense", "CC0-1.0", "Zlib", "BSL-1.0"}

// read are licences that were read by people: where the tool takes one text for another, or sees what is no code.
var read = map[string]string{
	"github.com/alecthomas/chroma/v2":        "MIT",
	"github.com/modelcontextprotocol/go-sdk": "Apache-2.0", // And MIT; its documentation alone is CC-BY-4.0.
	// Of the file: who changes a file of it publishes that file. It is not changed here.
	"pgregory.net/rapid": "MPL-2.0",
}

// licenceOfGo is that of all modules below golang.org/x, which the tool takes for one that is like it.
const licenceOfGo = "BSD-3-Clause"

// component is a module of the SBOM, in CycloneDX.
type component struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Evidence struct {
		Licenses []struct {
			License struct {
				ID string `json:"id"`
			} `json:"license"`
		} `json:"licenses"`
	} `json:"evidence"`
}

// bill makes the SBOM of the command, and the list of the licences with their texts. It fails where one is not allowed or not known.
func (r *release) bill() (sbom, list []byte, err error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	tool, err := r.runWith(nil, "go", "-C", here, "tool", "-n", "cyclonedx-gomod")
	if err != nil {
		return nil, nil, err
	}
	if sbom, err = r.run(strings.TrimSpace(string(tool)), "app", "-json", "-licenses", "-noserial", "-main", "cmd/nudge", r.source); err != nil {
		return nil, nil, err
	}
	var bom map[string]any
	var parsed struct{ Components []component }
	if err := errors.Join(json.Unmarshal(sbom, &bom), json.Unmarshal(sbom, &parsed)); err != nil {
		return nil, nil, err
	}
	// It would be another one each time.
	if metadata, ok := bom["metadata"].(map[string]any); ok {
		metadata["timestamp"] = r.at.Format("2006-01-02T15:04:05Z")
	}
	if sbom, err = json.MarshalIndent(bom, "", "  "); err != nil {
		return nil, nil, err
	}
	list, err = r.licences(parsed.Components)
	return append(sbom, '\n'), list, err
}

func (r *release) licences(components []component) ([]byte, error) {
	dirs, err := r.moduleDirs()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	var wrong []string
	for _, c := range components {
		var ids []string
		for _, l := range c.Evidence.Licenses {
			ids = append(ids, l.License.ID)
		}
		known, isRead := read[c.Name]
		switch {
		case isRead:
			ids = []string{known}
		case strings.HasPrefix(c.Name, "golang.org/x/"):
			ids = []string{licenceOfGo}
		}
		if !isRead && !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(allowed, id) }) {
			wrong = append(wrong, c.Name+": "+strings.Join(ids, ", "))
			continue
		}
		text, err := licenceIn(dirs[c.Name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s %s: %s\n\n%s\n\n", c.Name, c.Version, strings.Join(ids, ", "), strings.TrimSpace(text))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("licences that may not be in the binary: %s", strings.Join(wrong, "; "))
	}
	return []byte(b.String()), nil
}

// moduleDirs are the folders of all modules.
func (r *release) moduleDirs() (map[string]string, error) {
	list, err := r.run("go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for line := range strings.Lines(string(list)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[path] = dir
	}
	return dirs, nil
}

// licenceIn reads the licence of a module's folder.
func licenceIn(dir string) (string, error) {
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "License*", "license*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			text, err := os.ReadFile(found[0])
			return string(text), err
		}
	}
	return "", fmt.Errorf("%s has no text of its licence", filepath.Base(dir))
}
