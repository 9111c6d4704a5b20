package outbound

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// errNotPublic: the resolved address is not public. errDenied: the operator denies it.
var (
	errNotPublic = errors.New("the address is not public; the operator can allow such addresses")
	errDenied    = errors.New("the operator denies the address")
)

// special are the ranges that no receiver out there has.
var special = prefixes(
	// IANA's IPv4 special-purpose address registry (RFC 6890), and multicast.
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	// IANA's IPv6 special-purpose address registry within 2000::/3; what is outside of that is not public either.
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
	// Platform services that clouds put at addresses which look public: Azure's, and IBM Cloud's.
	"168.63.129.16/32", "161.26.0.0/16", "166.8.0.0/14",
)

// globalIPv6 is all that is assigned as public addresses of IPv6 so far.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Rules say which addresses may be dialled. The zero value allows those that are public.
type Rules struct {
	// AllowPrivate lets addresses be dialled that are not public: loopback, link-local and private ranges, and this machine's own.
	AllowPrivate bool
	// Deny lists ranges of addresses that are never dialled.
	Deny []netip.Prefix
}

// guard decides which addresses may be dialled.
type guard struct {
	Rules
	// own gives the addresses of this machine's interfaces.
	own func() []netip.Addr
}

// check gives an error for an address that must not be dialled.
func (g guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if within(a, g.Deny) {
		return errDenied
	}
	if g.AllowPrivate {
		return nil
	}
	if !a.IsValid() || a.Is6() && !globalIPv6.Contains(a) || within(a, special) {
		return errNotPublic
	}
	for _, own := range g.own() {
		if own == a {
			return errNotPublic
		}
	}
	return nil
}

func newGuard(rules Rules) guard { return guard{rules, interfaceAddresses()} }

// CheckURL gives an error when nothing is ever sent to a URL by these rules: its host is an address that must not be dialled, or
// localhost.
func CheckURL(address string, rules Rules) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := u.Hostname()
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		// A name: what it leads to is known when it is dialled.
		return nil //nolint:nilerr // it is no address
	}
	return newGuard(rules).check(ip)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, prefix := range list {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// ownEvery is how often the machine's addresses are looked at.
const ownEvery = 10 * time.Second

// interfaceAddresses gives a function that gives the addresses of this machine's interfaces, some seconds old at most.
func interfaceAddresses() func() []netip.Addr {
	var mu sync.Mutex
	var read time.Time
	var list []netip.Addr
	return func() []netip.Addr {
		mu.Lock()
		defer mu.Unlock()
		if !read.IsZero() && time.Since(read) < ownEvery {
			return list
		}
		addresses, err := net.InterfaceAddrs()
		if err != nil {
			return list
		}
		read, list = time.Now(), nil
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				list = append(list, prefix.Addr().Unmap())
			}
		}
		return list
	}
}

// dialer checks the address that is dialled, after the name was resolved: a name may resolve to anything.
func (g guard) dialer() *net.Dialer {
	return &net.Dialer{
		Timeout: 5 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return errNotPublic
			}
			return g.check(to.Addr())
		},
	}
}
