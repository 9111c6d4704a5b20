package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Sizes of the two measurements.
const (
	pending    = 1_000_000
	fresh      = 500
	devices    = 10_000
	patience   = 10 * time.Minute
	fillExpiry = 120 * time.Second
)

// runMillion measures a server with a million notifications pending.
func runMillion([]string) error {
	dir, err := os.MkdirTemp("", "nudge-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	p, err := start("-data", dir, "-fill", fmt.Sprint(pending), "-from", fillExpiry.String())
	if err != nil {
		return err
	}
	defer func() { p.kill() }()
	fmt.Printf("%d pending, added in %s\n", pending, time.Since(began).Round(time.Second))
	if err := p.report("resident memory"); err != nil {
		return err
	}
	if err := p.freshDeliveries(); err != nil {
		return err
	}
	p.kill()
	began = time.Now()
	if p, err = start("-data", dir); err != nil {
		return err
	}
	fmt.Printf("kill -9 to serving: %s\n", time.Since(began).Round(time.Millisecond))
	if err := p.report("resident memory after the restart"); err != nil {
		return err
	}
	return p.expiry()
}

func (p *process) report(what string) error {
	bytes, err := p.resident()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d MB\n", what, bytes/1e6)
	return nil
}

// freshDeliveries tells how long it takes from a request to its notification's arrival at a connected device.
func (p *process) freshDeliveries() error {
	samples, err := p.arrivals("fresh-device", fresh, 0)
	if err != nil {
		return err
	}
	p50, p99 := quantiles(samples)
	fmt.Printf("fresh delivery, request to arrival: p50 %s, p99 %s\n", p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond))
	return nil
}

// arrivals measures the time from when a notification is due to be sent to its arrival at a connected device, of n notifications: one
// each interval, or one after the other where that is 0.
func (p *process) arrivals(identity string, n int, interval time.Duration) (samples []time.Duration, err error) {
	conn, lines, err := p.connect(identity)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	start := time.Now()
	for i := range n {
		due := time.Now()
		if interval > 0 {
			// What waits behind a slow one is measured from when it should have been sent.
			due = start.Add(time.Duration(i) * interval)
			time.Sleep(time.Until(due))
		}
		if err := create(http.DefaultClient, p.url, identity); err != nil {
			return nil, err
		}
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(line, "data: ") {
				break
			}
		}
		samples = append(samples, time.Since(due))
	}
	return samples, nil
}

// expiry waits until everything has expired and tells the longest delay.
func (p *process) expiry() error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		response, err := http.Get(p.url + "/bench")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return err
		}
		var left, expired, worst int64
		if _, err := fmt.Sscan(string(text), &left, &expired, &worst); err != nil {
			return err
		}
		if expired >= pending {
			fmt.Printf("%d expired, the latest %s after its TTL\n", expired, time.Duration(worst).Round(time.Millisecond))
			return nil
		}
	}
	return errors.New("not everything expired")
}

// connect is a device: it holds a stream open.
func (p *process) connect(identity string) (net.Conn, *bufio.Reader, error) {
	d := delivery.Device{ServiceSID: service, Identity: identity}
	token, err := key.Token(d, time.Now(), time.Hour)
	if err != nil {
		return nil, nil, err
	}
	// An address has some 28,000 ports to dial from.
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+p.dialled.Add(1)/20_000))}}
	conn, err := from.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET /devices/v1/Services/%s/Entities/%s/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", service, identity, token); err != nil {
		return nil, nil, err
	}
	lines := bufio.NewReaderSize(conn, 1024)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, nil, err
		}
		if status, ok := strings.CutPrefix(line, "HTTP/1.1 "); ok && !strings.HasPrefix(status, "200") {
			return nil, nil, fmt.Errorf("a device is refused: %s", strings.TrimSpace(status))
		}
		if strings.HasPrefix(line, ": connected") {
			return conn, lines, nil
		}
	}
}

// connectMany connects devices; leave closes their connections.
func (p *process) connectMany(n int) (leave func(), err error) {
	var connections []net.Conn
	leave = func() {
		for _, c := range connections {
			_ = c.Close()
		}
	}
	for i := range n {
		conn, _, err := p.connect(fmt.Sprintf("device-%06d", i))
		if err != nil {
			return leave, fmt.Errorf("device %d: %w", i, err)
		}
		connections = append(connections, conn)
	}
	return leave, nil
}

// startDurable starts a server with a store of its own, which stop removes.
func startDurable() (p *process, stop func(), err error) {
	dir, err := os.MkdirTemp("", "nudge-bench")
	if err != nil {
		return nil, nil, err
	}
	if p, err = start("-data", dir); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, func() {
		p.kill()
		_ = os.RemoveAll(dir)
	}, nil
}

// runDevices measures what a connected device costs.
func runDevices([]string) error {
	p, stop, err := startDurable()
	if err != nil {
		return err
	}
	defer stop()
	before, err := p.resident()
	if err != nil {
		return err
	}
	leave, err := p.connectMany(devices)
	defer leave()
	if err != nil {
		return err
	}
	after, err := p.resident()
	if err != nil {
		return err
	}
	fmt.Printf("%d connected devices: %d MB more, %.1f kB each\n", devices, (after-before)/1e6, float64(after-before)/devices/1e3)
	return p.freshDeliveries()
}
