package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/openapi"
)

// refHosts are the hosts whose files a document may name.
type refHosts struct {
	RefHost []string `placeholder:"HOST" help:"Host whose files the document's $refs may name, with its port if it has one; can be repeated. (none but the document's own)"`
}

// fetch reads a file of one of the hosts.
func (h refHosts) fetch(ctx context.Context, location *url.URL) ([]byte, error) {
	if !slices.ContainsFunc(h.RefHost, func(host string) bool { return strings.EqualFold(host, location.Host) }) {
		return nil, fmt.Errorf("%s is on another host than the document, and is not read without --ref-host=%s", location.Redacted(), location.Host)
	}
	return fetch(ctx, sameHost, location.String())
}

// document reads a document from a file, a URL or a git revision; the files that it refers to are read from the same folder,
// below the same URL, from the same revision, or from the hosts.
func (h refHosts) document(ctx context.Context, name string) (openapi.Source, error) {
	source := openapi.Source{Name: redacted(name)}
	if address, err := url.Parse(name); err == nil && address.Host != "" {
		h.RefHost = append(slices.Clone(h.RefHost), address.Host)
	}
	source.Fetch = func(location *url.URL) ([]byte, error) { return h.fetch(ctx, location) }
	if scheme, _, ok := strings.Cut(name, "://"); ok {
		if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return source, fmt.Errorf("%s: a URL must be http:// or https://", source.Name)
		}
		data, err := fetch(ctx, http.DefaultClient, name)
		if err != nil {
			return source, fmt.Errorf("%s: %w", source.Name, err)
		}
		source.Data, source.Files = data, remote{ctx, name}
		return source, nil
	}
	data, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) || !revisionName.MatchString(name) {
		source.Data, source.Files = data, os.DirFS(filepath.Dir(name))
		return source, err
	}
	object := name
	if !strings.Contains(name, ":") {
		object += ":openapi.yaml"
	}
	if source.Data, err = show(ctx, object); err != nil {
		return source, fmt.Errorf("there is no file %s, and git finds no %s: %w", name, object, err)
	}
	revision, file, _ := strings.Cut(object, ":")
	folder, _ := path.Split(file)
	source.Files = committed{ctx, revision, folder}
	return source, nil
}

// remote has the files below a URL.
type remote struct {
	ctx  context.Context
	base string
}

// Open fetches a file.
func (r remote) Open(name string) (fs.File, error) {
	base, err := url.Parse(r.base)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	data, err := fetch(r.ctx, http.DefaultClient, base.ResolveReference(&url.URL{Path: name}).String())
	return opened(name, data, err)
}

// committed has the files of a folder in a git revision.
type committed struct {
	ctx      context.Context
	revision string
	// folder ends with a slash, or is empty. To git one that begins with ./ is below where the command runs.
	folder string
}

// Open reads a file from git.
func (c committed) Open(name string) (fs.File, error) {
	data, err := show(c.ctx, c.revision+":"+c.folder+name)
	return opened(name, data, err)
}

func show(ctx context.Context, object string) ([]byte, error) {
	show := exec.CommandContext(ctx, "git", "show", "--end-of-options", object)
	var complaint strings.Builder
	show.Stderr = &complaint
	data, err := show.Output()
	if err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return nil, errors.New(cmp.Or(said, err.Error()))
	}
	return data, nil
}

func opened(name string, data []byte, err error) (fs.File, error) {
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memoryFile{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

// memoryFile is a file whose content is in memory. Of its fs.FileInfo only the size and the name say something.
type memoryFile struct {
	*bytes.Reader
	name string
}

func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Mode() fs.FileMode          { return 0o444 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }

// sameHost follows redirects to the host that was asked, and to no other: that one was not named.
var sameHost = &http.Client{CheckRedirect: func(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 || !strings.EqualFold(r.URL.Host, via[0].URL.Host) {
		return fmt.Errorf("it redirects to %s", r.URL.Redacted())
	}
	return nil
}}

func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(r)
	if about, ok := errors.AsType[*url.Error](err); ok {
		return nil, about.Err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("it is larger than %d bytes", maxDocument)
	}
	return data, err
}
