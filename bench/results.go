package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// results are what `bench peers` found.
type results struct {
	out    string
	rounds int
	lasts  time.Duration
	tables []table
	notRun []string
}

// table is servers side by side.
type table struct {
	name, title, about string
	// base is the row that the others are compared with.
	base        string
	connections int
	rows        []row
}

// row is one server's rounds.
type row struct {
	name     string
	start    time.Duration
	idle     int64
	rates    []float64
	p50, p99 []time.Duration
	cpu      []time.Duration
}

func (r *row) add(rate float64, p50, p99, cpu time.Duration) {
	r.rates, r.p50, r.p99, r.cpu = append(r.rates, rate), append(r.p50, p50), append(r.p99, p99), append(r.cpu, cpu)
}

func middle[T float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// markdown writes the table.
func (t table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s %d connections.\n\n![%s](%s.svg)\n\n", t.title, t.about, t.connections, t.title, t.name)
	fmt.Fprintf(&b, "| server | requests/s | spread | × %s | p50 | p99 | processor a request | start | idle memory |\n|---|---|---|---|---|---|---|---|---|\n", t.base)
	base := t.rows[slices.IndexFunc(t.rows, func(r row) bool { return r.name == t.base })]
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %.0f | %.0f–%.0f | %.2f | %s | %s | %s | %s | %d MB |\n", r.name, middle(r.rates), slices.Min(r.rates), slices.Max(r.rates), middle(r.rates)/middle(base.rates),
			middle(r.p50).Round(10*time.Microsecond), middle(r.p99).Round(10*time.Microsecond), middle(r.cpu).Round(100*time.Nanosecond), r.start.Round(time.Millisecond), r.idle/1e6)
	}
	return b.String()
}

// svg draws the medians as bars.
func (t table) svg() string {
	const left, width, step = 220, 460, 30
	most := 0.0
	for _, r := range t.rows {
		most = max(most, middle(r.rates))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 %d" role="img" font-family="system-ui, sans-serif" font-size="13">`+"\n<title>%s: requests per second</title>\n", len(t.rows)*step+10, html.EscapeString(t.title))
	for i, r := range t.rows {
		rate := middle(r.rates)
		fill := "#8a90a6"
		if strings.HasPrefix(r.name, "nudge") {
			fill = "#4338ca"
		}
		y := i*step + 8
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#6c7486">%s</text><rect x="%d" y="%d" width="%.1f" height="18" rx="4" fill="%s"/><text x="%.1f" y="%d" fill="#6c7486">%.0f</text>`+"\n",
			left-10, y+14, html.EscapeString(r.name), left, y, rate/most*width, fill, left+rate/most*width+8, y+14, rate)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// write writes RESULTS.md with a chart of each table.
func (r *results) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, `# nudge beside its peers

Written by `+"`make bench-peers`"+` on %s: %d processors, %s. Server and load are processes of one machine; the load is Go's HTTP client. All servers of a table
run at once and are measured in turn, %d rounds of %s each, the first to warm up; medians, and the spread of the rounds. Processor a request is the server's own time.
`, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), r.rounds, r.lasts)
	for _, t := range r.tables {
		b.WriteString(t.markdown())
		if err := os.WriteFile(filepath.Join(r.out, t.name+".svg"), []byte(t.svg()), 0o644); err != nil {
			return err
		}
	}
	b.WriteString("\n## Versions\n\n")
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, of := range info.Deps {
			if slices.Contains(versioned, of.Path) {
				fmt.Fprintf(&b, "- %s %s\n", of.Path, of.Version)
			}
		}
	}
	if len(r.notRun) > 0 {
		b.WriteString("\n## Not run\n\n- " + strings.Join(r.notRun, "\n- ") + "\n")
	}
	return os.WriteFile(filepath.Join(r.out, "RESULTS.md"), []byte(b.String()), 0o644)
}

// versioned are the modules whose versions are told.
var versioned = []string{
	"github.com/cockroachdb/pebble/v2", "github.com/getkin/kin-openapi", "github.com/jackc/pgx/v5", "github.com/labstack/echo/v4", "github.com/nats-io/nats-server/v2",
	"github.com/nats-io/nats.go", "github.com/oapi-codegen/echo-middleware", "modernc.org/sqlite",
}
