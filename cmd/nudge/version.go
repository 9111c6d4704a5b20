package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/delivery/pebblestore"
	"github.com/nudgehq/nudge/internal/owndocument"
)

// buildInfo says what this program is: its own version, and those of what others meet, which change at their own pace.
type buildInfo struct {
	Version string `json:"version"`
	// Commit and Date are those of the source, where the toolchain knew them.
	Commit string `json:"commit"`
	Date   string `json:"date"`
	Go     string `json:"go"`
	// Platform is system and processor, such as linux/amd64.
	Platform string `json:"platform"`
	// Document is the version of the OpenAPI document, Store that of a data directory, Layout that of streams in NATS.
	Document string `json:"document"`
	Store    string `json:"store"`
	Layout   string `json:"layout"`
}

// thisBuild reads what the Go toolchain has stamped.
func thisBuild() buildInfo {
	b := buildInfo{Version: moduleVersion(), Commit: "unknown", Date: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Store: fmt.Sprint(pebblestore.Version), Layout: jetstream.Layout}
	if document, err := owndocument.Document(); err == nil {
		b.Document = document.Info.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Commit, b.Date = cmp.Or(settings["vcs.revision"], b.Commit), cmp.Or(settings["vcs.time"], b.Date)
	if settings["vcs.modified"] == "true" {
		b.Commit += ", modified"
	}
	return b
}

// labels are the build's, as a metric's.
func (b buildInfo) labels() map[string]string {
	return map[string]string{"version": b.Version, "commit": b.Commit, "go": b.Go, "document": b.Document, "store": b.Store, "layout": b.Layout}
}

type versionCommand struct {
	JSON bool `name:"json" env:"-" help:"Print JSON."`
}

// Run prints what this program is.
func (cmd *versionCommand) Run(out output) error {
	b := thisBuild()
	if cmd.JSON {
		encoder := json.NewEncoder(out.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(b)
	}
	_, err := fmt.Fprintf(out.stdout, "nudge %s\ncommit %s\ndate %s\ngo %s %s\ndocument %s\nstore %s, NATS layout %s\n", b.Version, b.Commit, b.Date, b.Go, b.Platform, b.Document, b.Store, b.Layout)
	return err
}

// version is the module's version with Go's, in one line. Every command asks for it, so it reads no document.
func version() string { return moduleVersion() + " " + runtime.Version() }

func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return cmp.Or(info.Main.Version, "unknown")
}
