package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
)

// docsCommand shows the documentation of any document.
type docsCommand struct {
	Document string `arg:"" name:"document" placeholder:"FILE" help:"The OpenAPI document: a file, a URL or a git revision."`
	refHosts
	Out       string `placeholder:"DIR" help:"Write a static site into a folder, for any file server, instead of serving."`
	Addr      string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. (${default})"`
	PublicURL string `name:"public-url" placeholder:"URL" help:"Where readers reach the documentation. (the address)"`
	Path      string `default:"/docs" placeholder:"PATH" help:"Path that it stands under. (${default})"`
	Versions  string `placeholder:"DIR" help:"Folder of the released documents, such as 1.0.0.yaml, for the changelog. (no changelog)"`
	Guides    string `placeholder:"DIR" help:"Folder of texts in Markdown that are shown beside the reference. (none)"`
	Name      string `placeholder:"TEXT" help:"Name in the header. (the document's x-portal, or its title)"`
	Accent    string `placeholder:"COLOUR" help:"Colour of links and marks, such as #4338ca. (the document's x-portal, or nudge's)"`
	Mark      string `placeholder:"FILE" help:"SVG image, for the mark and the icon. (the document's x-portal, or nudge's)"`
}

// Run serves the documentation until the command is stopped.
func (cmd *docsCommand) Run(ctx context.Context, out output) error {
	source, err := cmd.document(ctx, cmd.Document)
	if err != nil {
		return usagef("%w", err)
	}
	config := portal.Config{
		Document: source.Data, Files: source.Files, Fetch: source.Fetch, AnyAPI: true, Path: cmd.Path, Look: portal.Look{Name: cmd.Name, Accent: cmd.Accent},
	}
	if config.Versions, err = folder("--versions", cmd.Versions); err != nil {
		return err
	}
	if config.Guides, err = folder("--guides", cmd.Guides); err != nil {
		return err
	}
	if cmd.Mark != "" {
		if config.Look.Mark, err = os.ReadFile(cmd.Mark); err != nil {
			return usagef("--mark: %w", err)
		}
	}
	if cmd.Out != "" {
		return cmd.export(config, out)
	}
	l, err := listen(cmd.Addr, 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return usagef("--addr: %w", err)
	}
	defer l.Close()
	config.PublicURL = cmp.Or(cmd.PublicURL, l.url())
	p, err := portal.New(config)
	if err != nil {
		return usagef("%s: %w", source.Name, err)
	}
	handler, err := docsHandler(p)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out.stdout, "docs: %s\n", p.URL(p.Path(""))); err != nil {
		return err
	}
	l.http.Handler = p.Below(handler)
	return serveUntil(ctx, l.http, l.net)
}

// folder opens what a flag names; nil for nothing.
func folder(flag, name string) (fs.FS, error) {
	if name == "" {
		return nil, nil
	}
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return nil, usagef("%s: %s is not a folder", flag, name)
	}
	return os.DirFS(name), nil
}

// export writes the static site.
func (cmd *docsCommand) export(config portal.Config, out output) error {
	config.Static, config.PublicURL = true, cmp.Or(cmd.PublicURL, portal.Nowhere)
	p, err := portal.New(config)
	if err != nil {
		return usagef("%w", err)
	}
	if err := p.Export(cmd.Out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, err = fmt.Fprintf(out.stdout, "docs: %d pages in %s\n", len(p.Pages()), cmd.Out)
	return err
}

// docsHandler answers with the documentation, and leads the root there.
func docsHandler(p *portal.Portal) (http.Handler, error) {
	documentation, err := documentationHandler(mcp.Config{Portal: p, Version: version()})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, p.Link(p.Path("")), http.StatusFound)
			return
		}
		documentation.ServeHTTP(w, r)
	}), nil
}
