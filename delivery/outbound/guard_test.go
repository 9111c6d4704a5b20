package outbound

import (
	"errors"
	"net/netip"
	"testing"
)

func TestGuard(t *testing.T) {
	own := netip.MustParseAddr("93.184.216.77")
	g := guard{Rules{Deny: prefixes("8.8.4.0/24", "2606:4700::/32")}, func() []netip.Addr { return []netip.Addr{own} }}
	allowing := guard{Rules: Rules{AllowPrivate: true, Deny: g.Deny}}
	for address, want := range map[string]error{
		"93.184.216.34": nil, "2606:2800:220:1:248:1893:25c8:1946": nil, "8.8.8.8": nil, "168.63.129.17": nil, "2620:4f:8001::1": nil,
		"93.184.216.77": errNotPublic, "::ffff:93.184.216.77": errNotPublic,
		"127.0.0.1": errNotPublic, "127.9.9.9": errNotPublic, "::1": errNotPublic, "::": errNotPublic, "0.0.0.0": errNotPublic, "0.1.2.3": errNotPublic,
		"10.0.0.1": errNotPublic, "172.16.0.1": errNotPublic, "172.31.255.255": errNotPublic, "192.168.1.1": errNotPublic, "100.64.0.1": errNotPublic,
		"169.254.169.254": errNotPublic, "fe80::1": errNotPublic, "fe80::1%eth0": errNotPublic, "fd00::1": errNotPublic,
		"fd00:ec2::254": errNotPublic, "::ffff:127.0.0.1": errNotPublic, "::ffff:10.0.0.1": errNotPublic,
		"224.0.0.1": errNotPublic, "ff02::1": errNotPublic, "255.255.255.255": errNotPublic, "240.0.0.1": errNotPublic,
		"198.18.0.1": errNotPublic, "192.0.0.1": errNotPublic, "192.0.2.1": errNotPublic, "198.51.100.1": errNotPublic, "203.0.113.1": errNotPublic,
		"192.88.99.1": errNotPublic, "192.31.196.1": errNotPublic, "192.52.193.1": errNotPublic, "192.175.48.1": errNotPublic,
		"64:ff9b::7f00:1": errNotPublic, "64:ff9b:1::1": errNotPublic, "2002:7f00:1::": errNotPublic, "2001::1": errNotPublic,
		"2001:1::1": errNotPublic, "2001:20::1": errNotPublic, "2001:db8::1": errNotPublic, "2620:4f:8000::1": errNotPublic,
		"3fff::1": errNotPublic, "5f00::1": errNotPublic, "100::1": errNotPublic, "100:0:0:1::1": errNotPublic, "4000::1": errNotPublic,
		"fec0::1": errNotPublic, "::7f00:1": errNotPublic, "::ffff:0:127.0.0.1": errNotPublic,
		"168.63.129.16": errNotPublic, "161.26.0.10": errNotPublic, "166.9.1.1": errNotPublic,
		"8.8.4.4": errDenied, "::ffff:8.8.4.4": errDenied, "2606:4700::1": errDenied,
	} {
		a := netip.MustParseAddr(address)
		if got := g.check(a); !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
		if errors.Is(want, errNotPublic) {
			want = nil
		}
		if got := allowing.check(a); !errors.Is(got, want) {
			t.Errorf("%s where private addresses are allowed: %v, want %v", address, got, want)
		}
	}
	if err := g.check(netip.Addr{}); err == nil {
		t.Error("no address at all is let through")
	}
	if list := interfaceAddresses()(); len(list) == 0 {
		t.Error("this machine has no address")
	}
}
