package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/alecthomas/kong"
)

// list is the value of a flag that can be repeated and takes several values between commas. An empty one is most likely a
// variable that was not set.
type list []string

// Decode adds the values that were given.
func (l *list) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("text", &text); err != nil {
		return err
	}
	for value := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(value) == "" {
			return errors.New("a value is empty: leave the flag out, or give it one")
		}
		*l = append(*l, value)
	}
	return nil
}

// ranges is the value of a flag that lists ranges of addresses.
type ranges []netip.Prefix

// Decode adds the ranges that were given. One of IPv4 addresses that are written as IPv6 ones is one of IPv4.
func (r *ranges) Decode(ctx *kong.DecodeContext) error {
	var texts list
	if err := texts.Decode(ctx); err != nil {
		return err
	}
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%.50q must be a range such as 10.0.0.0/8, or 10.0.0.1/32 for one address", text)
		}
		if a := prefix.Addr(); a.Is4In6() {
			if prefix.Bits() < 96 {
				return fmt.Errorf("%.50q is wider than the addresses of IPv4 that it names", text)
			}
			prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
		}
		*r = append(*r, prefix.Masked())
	}
	return nil
}
