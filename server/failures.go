package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
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
	extract echo.IPExtractor

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
	f := &failures{limit: limit, extract: echo.ExtractIPDirect(), counts: map[string]*failureCount{}}
	if len(proxies) > 0 {
		options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
		for _, prefix := range proxies {
			_, network, err := net.ParseCIDR(prefix.Masked().String())
			if err == nil {
				options = append(options, echo.TrustIPRange(network))
			}
		}
		f.extract = echo.ExtractIPFromXFFHeader(options...)
	}
	return f
}

// address is what failures are counted by: of IPv6, the network that one customer has. It is empty for what is not counted.
func (f *failures) address(r *http.Request) string {
	if f.limit < 1 {
		return ""
	}
	ip, err := netip.ParseAddr(f.extract(r))
	if err != nil || ip.Unmap().IsLoopback() {
		return ""
	}
	if ip = ip.Unmap(); ip.Is6() {
		network, _ := ip.WithZone("").Prefix(64)
		return network.String()
	}
	return ip.String()
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

// forget makes a place: of those whose time is over, or else any one.
func (f *failures) forget() {
	for address, count := range f.counts {
		if time.Since(count.since) >= failureWindow {
			delete(f.counts, address)
		}
	}
	for address := range f.counts {
		if len(f.counts) < maxAddresses {
			return
		}
		delete(f.counts, address)
	}
}
