package main

import (
	"flag"
	"fmt"
	"html"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// growth is how a cost grows: rows of a table, and a chart of its rate and its tail over the size.
type growth struct {
	name, title, size string
	rows              []grown
}

// grown is what was measured at one size.
type grown struct {
	size            int
	rate            float64
	p50, p99        time.Duration
	memory          int64
	filled, restart time.Duration
}

// runGrowth measures what a create, a delivery and a restart cost as pending notifications and connected devices grow.
func runGrowth(args []string) error {
	flags := flag.NewFlagSet("growth", flag.ExitOnError)
	out := flags.String("out", ".", "folder that GROWTH.md and its charts are written into")
	most := flags.Int("pending", 1_000_000, "notifications pending at most")
	devices := flags.Int("devices", 50_000, "devices connected at most; fewer where a process may not open as many files")
	_ = flags.Parse(args)
	pending := growth{name: "pending", title: "Notifications pending", size: "pending"}
	for n := 1000; n <= *most; n *= 10 {
		row, err := measurePending(n)
		if err != nil {
			return fmt.Errorf("%d pending: %w", n, err)
		}
		fmt.Printf("%+v\n", row)
		pending.rows = append(pending.rows, row)
	}
	connected := growth{name: "devices", title: "Devices connected", size: "devices"}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	// Some are the store's.
	for _, n := range []int{1, 100, 1000, 10_000, min(*devices, int(files.Max)-2000)} {
		row, err := measureDevices(n)
		if err != nil {
			return fmt.Errorf("%d devices: %w", n, err)
		}
		fmt.Printf("%+v\n", row)
		connected.rows = append(connected.rows, row)
	}
	under, err := measureUnderLoad()
	if err != nil {
		return err
	}
	return writeGrowth(*out, under, pending, connected)
}

// measureCosts adds what a create and a delivery cost now.
func (g *grown) measureCosts(p *process) error {
	rate, _, err := loadFor(3*time.Second, 16, func(client *http.Client, identity string) error { return create(client, p.url, identity) })
	if err != nil {
		return err
	}
	samples, err := p.arrivals("fresh-device", fresh, 0)
	if err != nil {
		return err
	}
	g.rate = rate
	g.p50, g.p99 = quantiles(samples)
	return nil
}

func measurePending(n int) (g grown, err error) {
	g.size = n
	dir, err := os.MkdirTemp("", "nudge-bench")
	if err != nil {
		return g, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	p, err := start("-data", dir, "-fill", fmt.Sprint(n), "-from", time.Hour.String())
	if err != nil {
		return g, err
	}
	defer func() { p.kill() }()
	g.filled = time.Since(began)
	if g.memory, err = p.resident(); err != nil {
		return g, err
	}
	if err := g.measureCosts(p); err != nil {
		return g, err
	}
	p.kill()
	began = time.Now()
	if p, err = start("-data", dir); err != nil {
		return g, err
	}
	g.restart = time.Since(began)
	return g, nil
}

func measureDevices(n int) (g grown, err error) {
	g.size = n
	p, stop, err := startDurable()
	if err != nil {
		return g, err
	}
	defer stop()
	began := time.Now()
	leave, err := p.connectMany(n)
	defer leave()
	if err != nil {
		return g, err
	}
	g.filled = time.Since(began)
	if g.memory, err = p.resident(); err != nil {
		return g, err
	}
	return g, g.measureCosts(p)
}

// underLoad is how long a delivery takes beside an idle store, and at half of what the server can create.
type underLoad struct {
	capacity           float64
	idle50, idle99     time.Duration
	loaded50, loaded99 time.Duration
}

func measureUnderLoad() (u underLoad, err error) {
	p, stop, err := startDurable()
	if err != nil {
		return u, err
	}
	defer stop()
	samples, err := p.arrivals("idle-device", 2000, 0)
	if err != nil {
		return u, err
	}
	u.idle50, u.idle99 = quantiles(samples)
	const devices, lasts = 64, 8 * time.Second
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = devices
	// What the server can do when each notification is also delivered: as many as the devices take one after the other.
	began := time.Now()
	if samples, err = arrivalsOf(p, "device-at-capacity", devices, 300, 0); err != nil {
		return u, err
	}
	u.capacity = float64(len(samples)) / time.Since(began).Seconds()
	interval := time.Duration(2 * devices / u.capacity * float64(time.Second))
	if samples, err = arrivalsOf(p, "device-under-load", devices, int(lasts/interval), interval); err != nil {
		return u, err
	}
	u.loaded50, u.loaded99 = quantiles(samples)
	return u, nil
}

// arrivalsOf measures arrivals at several devices at once.
func arrivalsOf(p *process, name string, devices, n int, interval time.Duration) (all []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range devices {
		group.Go(func() {
			if interval > 0 {
				// They do not send in step.
				time.Sleep(interval * time.Duration(i) / time.Duration(devices))
			}
			samples, e := p.arrivals(fmt.Sprintf("%s-%d", name, i), n, interval)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, samples...)
			if e != nil {
				err = e
			}
		})
	}
	group.Wait()
	return all, err
}

// writeGrowth writes GROWTH.md with a chart of each table.
func writeGrowth(out string, under underLoad, tables ...growth) error {
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	var b strings.Builder
	fmt.Fprintf(&b, "# What grows, and what does not\n\nWritten by `make bench-growth` on %s: %d processors, %s. Server and load are processes of one machine. Creates a second: 16 connections for 3 s. A delivery: from the request to the arrival\nat a connected device, %d one after the other. Everything is durable.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), fresh)
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](growth-%s.svg)\n\n| %s | creates a second | delivery p50 | p99 | resident memory | made in | `kill -9` to serving |\n|---|---|---|---|---|---|---|\n", t.title, t.title, t.name, t.size)
		for _, r := range t.rows {
			restart := "–"
			if r.restart > 0 {
				restart = r.restart.Round(10 * time.Millisecond).String()
			}
			fmt.Fprintf(&b, "| %d | %.0f | %s | %s | %d MB | %s | %s |\n", r.size, r.rate, round(r.p50), round(r.p99), r.memory/1e6, r.filled.Round(100*time.Millisecond), restart)
		}
		if err := os.WriteFile(filepath.Join(out, "growth-"+t.name+".svg"), []byte(t.svg()), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "\n## Delivery under load\n\n| | p50 | p99 |\n|---|---|---|\n| one after the other, nothing else | %s | %s |\n| 64 devices, half of the %.0f a second that are created and delivered at most | %s | %s |\n",
		round(under.idle50), round(under.idle99), under.capacity, round(under.loaded50), round(under.loaded99))
	return os.WriteFile(filepath.Join(out, "GROWTH.md"), []byte(b.String()), 0o644)
}

// svg draws the creates a second and the 99th percentile over the size, whose axis is logarithmic, each in parts of its largest value.
func (g growth) svg() string {
	const left, top, width, height = 60, 30, 640, 200
	least, most := math.Log10(float64(g.rows[0].size)), math.Log10(float64(g.rows[len(g.rows)-1].size))
	var rates, tails []float64
	for _, r := range g.rows {
		rates, tails = append(rates, r.rate), append(tails, float64(r.p99))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 280" role="img" font-family="system-ui, sans-serif" font-size="13">`+"\n<title>%s</title>\n", html.EscapeString(g.title))
	fmt.Fprintf(&b, `<path d="M%d %dV%dH%d" fill="none" stroke="#8a90a6"/>`+"\n", left, top, top+height, left+width)
	x := func(i int) float64 {
		return left + (math.Log10(float64(g.rows[i].size))-least)/math.Max(most-least, 1)*width
	}
	for i, r := range g.rows {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#6c7486">%d</text>`+"\n", x(i), top+height+20, r.size)
	}
	for n, line := range []struct {
		label, colour string
		values        []float64
	}{{fmt.Sprintf("creates a second, of %.0f", slices.Max(rates)), "#4338ca", rates}, {fmt.Sprintf("delivery p99, of %s", time.Duration(slices.Max(tails)).Round(10*time.Microsecond)), "#c2410c", tails}} {
		var points []string
		for i, value := range line.values {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(i), top+height-value/slices.Max(line.values)*height))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%d" y="%d" fill="%s">%s</text>`+"\n", strings.Join(points, " "), line.colour, left+n*300, 18, line.colour, html.EscapeString(line.label))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
