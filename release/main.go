// Command release makes what is published of a version: archives of static binaries for each platform, a Debian package, checksums, an
// SBOM with the licences of all that is in the binary. The same source gives the same bytes.
//
//	go run . -source .. -out ../.build/release [-version v0.1.0] [-platforms linux/amd64,darwin/arm64]
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// release is one version being made.
type release struct {
	source, out, version string
	// at is the time of the commit, which all files of archives have.
	at    time.Time
	files map[string][]byte
	// binaries are those that were compiled, by platform.
	binaries map[string][]byte
}

func main() {
	source := flag.String("source", "..", "folder of the module")
	out := flag.String("out", "../.build/release", "folder that the files are written into, which is emptied")
	version := flag.String("version", "", "the version; empty: that of the tag, or of the commit")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "system/processor, between commas")
	flag.Parse()
	if err := publish(*source, *out, *version, strings.Split(*platforms, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func publish(source, out, version string, platforms []string) (err error) {
	r := &release{version: version, files: map[string][]byte{}, binaries: map[string][]byte{}}
	if r.source, err = filepath.Abs(source); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := r.readCommit(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil {
		return err
	}
	if err := r.document(); err != nil {
		return err
	}
	for _, platform := range platforms {
		system, processor, ok := strings.Cut(platform, "/")
		if !ok {
			return fmt.Errorf("%s is no platform such as linux/amd64", platform)
		}
		if err := r.build(system, processor); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	return r.sums()
}

// readCommit learns the version and the time from git.
func (r *release) readCommit() error {
	if r.version == "" {
		described, err := r.run("git", "describe", "--tags", "--always")
		if err != nil {
			return err
		}
		// Without a tag it is a commit alone, which Debian takes for no version.
		if r.version = strings.TrimSpace(string(described)); !strings.HasPrefix(r.version, "v") {
			r.version = "v0.0.0-" + r.version
		}
	}
	seconds, err := r.run("git", "log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(seconds)), 10, 64)
	r.at = time.Unix(n, 0).UTC()
	return err
}

// run runs a command in the module's folder; what it complains of is shown.
func (r *release) run(name string, args ...string) ([]byte, error) {
	return r.runWith(nil, name, args...)
}

func (r *release) runWith(environment []string, name string, args ...string) ([]byte, error) {
	command := exec.Command(name, args...)
	command.Dir, command.Stderr = r.source, os.Stderr
	command.Env = append(os.Environ(), environment...)
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}

// compile makes the binary of a platform: static, and without the paths of this machine.
func (r *release) compile(system, processor string) (binary []byte, err error) {
	platform := system + "/" + processor
	if r.binaries[platform] != nil {
		return r.binaries[platform], nil
	}
	defer func() { r.binaries[platform] = binary }()
	dir, err := os.MkdirTemp("", "nudge-release")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "nudge")
	_, err = r.runWith([]string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + processor, "GOFLAGS="}, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-o", file, "./cmd/nudge")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// document makes what each archive has beside the binary, and what there is once: manual page, completions, SBOM, licences.
func (r *release) document() error {
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			return err
		}
		r.files[name] = data
	}
	// This machine's own, which says what it can do.
	here, err := r.compile(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nudge-release")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "nudge")
	if err := os.WriteFile(program, here, 0o700); err != nil {
		return err
	}
	for file, args := range map[string][]string{
		"nudge.1": {"man"}, "completions/nudge.bash": {"completion", "bash"}, "completions/_nudge": {"completion", "zsh"}, "completions/nudge.fish": {"completion", "fish"},
	} {
		data, err := r.run(program, args...)
		if err != nil {
			return err
		}
		// The day of the commit, not of today.
		r.files[file] = dayOfPage.ReplaceAll(data, []byte(`${1}"`+r.at.Format(time.DateOnly)+`"`))
	}
	sbom, licences, err := r.bill()
	if err != nil {
		return err
	}
	r.files["LICENCES.txt"] = licences
	return r.write("nudge_"+r.plainVersion()+"_sbom.cdx.json", sbom)
}

var dayOfPage = regexp.MustCompile(`(?m)^(\.TH \S+ 1 )"[^"]*"`)

// plainVersion is the version as file names have it.
func (r *release) plainVersion() string { return strings.TrimPrefix(r.version, "v") }

// build makes what is published for a platform.
func (r *release) build(system, processor string) error {
	binary, err := r.compile(system, processor)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("nudge_%s_%s_%s", r.plainVersion(), system, processor)
	program := "nudge"
	pack := r.tarball
	if system == "windows" {
		program, pack = "nudge.exe", r.zip
	}
	fmt.Printf("%s: %.1f MB\n", name, float64(len(binary))/1e6)
	archive, ending, err := pack(name, program, binary)
	if err != nil {
		return err
	}
	if err := r.write(name+ending, archive); err != nil {
		return err
	}
	if system == "linux" {
		deb, err := r.debian(processor, binary)
		if err != nil {
			return err
		}
		return r.write(fmt.Sprintf("nudge_%s_%s.deb", r.plainVersion(), processor), deb)
	}
	return nil
}

func (r *release) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

// each gives the files of an archive, in one order.
func (r *release) each(program string, binary []byte, give func(name string, mode int64, data []byte) error) error {
	if err := give(program, 0o755, binary); err != nil {
		return err
	}
	var names []string
	for name := range r.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := give(name, 0o644, r.files[name]); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) tarball(folder, program string, binary []byte) (archive []byte, ending string, err error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, "", err
	}
	t := tar.NewWriter(z)
	err = r.each(program, binary, func(name string, mode int64, data []byte) error {
		if err := t.WriteHeader(&tar.Header{Name: folder + "/" + name, Mode: mode, Size: int64(len(data)), ModTime: r.at, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	})
	if err = errors.Join(err, t.Close(), z.Close()); err != nil {
		return nil, "", err
	}
	return b.Bytes(), ".tar.gz", nil
}

func (r *release) zip(folder, program string, binary []byte) (archive []byte, ending string, err error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err = r.each(program, binary, func(name string, mode int64, data []byte) error {
		header := &zip.FileHeader{Name: folder + "/" + name, Method: zip.Deflate, Modified: r.at}
		header.SetMode(os.FileMode(mode))
		w, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, bytes.NewReader(data))
		return err
	})
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, "", err
	}
	return b.Bytes(), ".zip", nil
}

// sums writes the checksums of all files.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return r.write("SHA256SUMS", []byte(b.String()))
}
