package portal

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
)

// feed is the changelog as Atom, RFC 4287: an entry of each release whose day is known.
type feed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Links   []feedLink  `xml:"link"`
	Author  string      `xml:"author>name"`
	Entries []feedEntry `xml:"entry"`
}

type feedLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type feedEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    feedLink `xml:"link"`
	Content struct {
		Type string `xml:"type,attr"`
		// Base is where its links are seen from.
		Base string `xml:"xml:base,attr"`
		HTML string `xml:",chardata"`
	} `xml:"content"`
}

// feedPath is the feed's, below the portal's own.
const feedPath = "/changelog.atom"

// HasFeed tells whether a release's day is known, so that there is something to subscribe to. A site whose place is not known has no
// feed: its links would lead nowhere.
func (p *Portal) HasFeed() bool {
	return p.config.PublicURL != Nowhere && slices.ContainsFunc(p.versions, func(v Version) bool { return v.Date != "" })
}

// feed writes the changelog as Atom.
func (p *Portal) feed() ([]byte, error) {
	page := p.URL(p.Path("/changelog"))
	f := feed{ID: page, Title: p.reference.Title + ": changelog", Author: p.config.Look.Name, Links: []feedLink{
		{"alternate", "text/html", page}, {"self", "application/atom+xml", p.URL(p.Path(feedPath))},
	}}
	for _, v := range p.versions {
		if v.Date == "" {
			continue
		}
		at := v.Date + "T00:00:00Z"
		f.Updated = max(f.Updated, at)
		here := page + "#" + anchor(v.Name)
		e := feedEntry{ID: here, Title: v.Name, Updated: at, Link: feedLink{"alternate", "text/html", here}}
		var b bytes.Buffer
		if err := p.layouts["changelog"].ExecuteTemplate(&b, "version", v); err != nil {
			return nil, fmt.Errorf("the feed: %w", err)
		}
		e.Content.Type, e.Content.Base, e.Content.HTML = "html", page, b.String()
		f.Entries = append(f.Entries, e)
	}
	text, err := xml.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), text...), nil
}
