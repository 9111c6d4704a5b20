package portal

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/webaddress"
)

var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)*$`)

// CheckPublicURL tells what is wrong with a public URL, before anything is made of it.
func CheckPublicURL(text string) error {
	_, _, err := parsePublicURL(text)
	return err
}

func parsePublicURL(text string) (public *url.URL, prefix string, err error) {
	if public, err = webaddress.Parse(text); err != nil {
		return nil, "", fmt.Errorf("the public URL %w, such as https://notify.example.com", err)
	}
	if public.RawQuery != "" || public.ForceQuery || public.User != nil {
		return nil, "", errors.New("the public URL must have no query and no user")
	}
	if ip, err := netip.ParseAddr(public.Hostname()); err == nil && ip.IsUnspecified() {
		return nil, "", errors.New("the public URL must have a host that can be opened, not the address that stands for all")
	}
	if prefix = strings.TrimRight(public.EscapedPath(), "/"); !prefixPattern.MatchString(prefix) {
		return nil, "", errors.New("the path of the public URL must be of letters, digits, - and _")
	}
	return public, prefix, nil
}

// checkPrefix refuses a path that this server has itself: behind a proxy that takes it off, it would be taken off twice.
func (p *Portal) checkPrefix() error {
	first := func(path string) string { return strings.Split(path+"/", "/")[1] }
	own := []string{first(p.Path(""))}
	if !p.config.AnyAPI {
		own = append(own, "devices")
		for _, o := range p.reference.Operations {
			own = append(own, first(o.Path))
		}
	}
	if !p.config.Static && p.prefix != "" && slices.Contains(own, first(p.prefix)) {
		return fmt.Errorf("the path of the public URL must not begin with /%s, which is one of the server's own", first(p.prefix))
	}
	return nil
}
