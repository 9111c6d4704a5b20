package local

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// route says where a server finds the others: where they are, or over links.
func (c *Cluster) route(o Options, from int, ports []int) (env []string, err error) {
	links := make([]*Link, len(natsNames))
	for to, name := range natsNames {
		address := fmt.Sprintf("127.0.0.1:%d", ports[2*to+1])
		if o.Links && to != from {
			if links[to], err = newLink(address); err != nil {
				return nil, err
			}
			address = links[to].address()
		}
		env = append(env, "NATS_ROUTE_"+strings.ToUpper(name)+"=nats://"+address)
	}
	c.routes = append(c.routes, links)
	return env, nil
}

// Routes are the links between a server and some others, in both directions; nil where they cannot be broken.
func (c *Cluster) Routes(server int, others ...int) (links []*Link) {
	for _, other := range others {
		if link := c.routes[server][other]; link != nil {
			links = append(links, link, c.routes[other][server])
		}
	}
	return links
}

// config is the configuration of a server: the one that is deployed, or as it must not be.
func (o Options) config() (string, error) {
	deployed := filepath.Join(o.Module, "deploy", "cluster", "nats.conf")
	if !o.SyncLate {
		return deployed, nil
	}
	text, err := os.ReadFile(deployed)
	if err != nil {
		return "", err
	}
	late := strings.Replace(string(text), "sync_interval: always", "sync_interval: 2m", 1)
	if late == string(text) {
		return "", errors.New("nats.conf does not say when it syncs")
	}
	file := filepath.Join(o.Dir, "late.conf")
	return file, os.WriteFile(file, []byte(late), 0o600)
}

// linked is what --store of a node is, with its links where there have to be some.
func (c *Cluster) linked(o Options) (store string, links []*Link, err error) {
	if !o.Links {
		return c.Store, nil, nil
	}
	var urls []string
	for one := range strings.SplitSeq(c.Store, ",") {
		u, err := url.Parse(one)
		if err != nil {
			return "", nil, err
		}
		link, err := newLink(u.Host)
		if err != nil {
			return "", nil, err
		}
		u.Host = link.address()
		links, urls = append(links, link), append(urls, u.String())
	}
	return strings.Join(urls, ","), links, nil
}
