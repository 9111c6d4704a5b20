package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// failureWindow is how long failures to authenticate count, and maxAddresses how many addresses are remembered.
const (
	failureWindow = time.Minute
	maxAddresses  = 10_000
)

// failures counts failures to authenticate by the address that they come from, so that nobody can try many credentials.
// Requests from the loopback interface are not counted: they come from this machine, or from a proxy on it.
type failures struct {
	// limit is how many are let pass in a window; less than 1: any number.
	limit   int
	proxies []netip.Prefix

	refused atomic.Int64

	mu     sync.Mutex
	counts map[string]*failureCount
}

type failureCount struct {
	n     int
	since time.Time
}

// newFailures believes the X-Forwarded-For header of the proxies in the listed ranges, and of no others.
func newFailures(limit int, proxies []netip.Prefix) *failures {
	return &failures{limit: limit, proxies: proxies, counts: map[string]*failureCount{}}
}

// unreadableAddress is what callers are counted by whose address a trusted proxy gives in a form that nobody can read.
const unreadableAddress = "an unreadable address"

// address is what failures are counted by: of IPv6, the network that one customer has. It is empty for what is not counted.
func (f *failures) address(r *http.Request) string {
	if f.limit < 1 {
		return ""
	}
	ip, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return ""
	}
	// Each proxy adds whom it was asked by, the last one at the end.
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && f.trusts(ip); i-- {
		text := strings.TrimSpace(forwarded[i])
		if text == "" {
			continue
		}
		if ip, ok = parseAddress(text); !ok {
			return unreadableAddress
		}
	}
	switch {
	case ip.IsLoopback():
		return ""
	case ip.Is6():
		network, _ := ip.Prefix(64)
		return network.String()
	}
	return ip.String()
}

func (f *failures) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(f.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// parseAddress reads an address, with a port or without.
func parseAddress(text string) (ip netip.Addr, ok bool) {
	ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		var port netip.AddrPort
		if port, err = netip.ParseAddrPort(text); err != nil {
			return netip.Addr{}, false
		}
		ip = port.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

// tooMany tells whether an address is refused, and counts that.
func (f *failures) tooMany(address string) bool {
	if address == "" {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	count := f.counts[address]
	if count == nil || count.n < f.limit || time.Since(count.since) >= failureWindow {
		return false
	}
	f.refused.Add(1)
	return true
}

// add counts a failure; it tells whether it is the one that has the address refused from now on.
func (f *failures) add(address string) (refused bool) {
	if address == "" {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	count := f.counts[address]
	if count == nil || time.Since(count.since) >= failureWindow {
		if count == nil && len(f.counts) >= maxAddresses {
			f.forget()
		}
		count = &failureCount{since: time.Now()}
		f.counts[address] = count
	}
	count.n++
	if count.n == f.limit {
		// The minute counts from here.
		count.since = time.Now()
		return true
	}
	return false
}

// forget makes places: of those whose time is over, or else any tenth, so that not every failure goes through all.
func (f *failures) forget() {
	for address, count := range f.counts {
		if time.Since(count.since) >= failureWindow {
			delete(f.counts, address)
		}
	}
	for address := range f.counts {
		if len(f.counts) <= maxAddresses-maxAddresses/10 {
			return
		}
		delete(f.counts, address)
	}
}
