package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// debian makes the Debian package: the binary, its unit, manual page and completions, and examples of what it is started with. The
// unit is neither enabled nor started: the accounts are the operator's.
func (r *release) debian(processor string, binary []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "nudge-debian")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	unit, err := os.ReadFile(filepath.Join(r.source, "deploy/nudge.service"))
	if err != nil {
		return nil, err
	}
	var contents files.Contents
	for _, f := range []struct {
		at   string
		data []byte
		mode os.FileMode
	}{
		{"/usr/bin/nudge", binary, 0o755},
		{"/usr/lib/systemd/system/nudge.service", unit, 0o644},
		{"/usr/share/man/man1/nudge.1", r.files["nudge.1"], 0o644},
		{"/usr/share/bash-completion/completions/nudge", r.files["completions/nudge.bash"], 0o644},
		{"/usr/share/zsh/vendor-completions/_nudge", r.files["completions/_nudge"], 0o644},
		{"/usr/share/fish/vendor_completions.d/nudge.fish", r.files["completions/nudge.fish"], 0o644},
		{"/usr/share/doc/nudge/copyright", append(append([]byte{}, r.files["LICENSE"]...), r.files["LICENCES.txt"]...), 0o644},
	} {
		file := filepath.Join(dir, filepath.Base(f.at)+"-"+filepath.Base(filepath.Dir(f.at)))
		if err := os.WriteFile(file, f.data, f.mode); err != nil {
			return nil, err
		}
		contents = append(contents, &files.Content{Source: file, Destination: f.at, FileInfo: &files.ContentFileInfo{Mode: f.mode, MTime: r.at, Owner: "root", Group: "root"}})
	}
	contents = append(contents, &files.Content{Destination: "/etc/nudge", Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.at, Owner: "root", Group: "root"}})
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "nudge", Arch: processor, Platform: "linux", Version: r.plainVersion(), Section: "net", Priority: "optional", MTime: r.at,
		Maintainer: "The nudge authors <nudge@example.com>", Homepage: "https://github.com/nudgehq/nudge", License: "Apache-2.0",
		Description:  "contract-first notification service\n One OpenAPI document, and delivery until the TTL elapses.",
		Overridables: nfpm.Overridables{Contents: contents},
	})
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := deb.Default.Package(info, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
