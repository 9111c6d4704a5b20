package portal

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

var (
	imageTag   = regexp.MustCompile(`<img [^>]*>`)
	imageParts = regexp.MustCompile(`^<img src="([^"]*)" alt="([^"]*)"`)
)

// diagram puts an image of a guide into its page, where it is an SVG file beside the guide that only shows. Of other images
// their text stays: a page asks for nothing but its own files.
func (p *Portal) diagram(img string) string {
	parts := imageParts.FindStringSubmatch(img)
	if parts == nil {
		return ""
	}
	data, err := fs.ReadFile(p.config.Guides, html.UnescapeString(parts[1]))
	if err != nil || !isImage(data) {
		return parts[2]
	}
	text, ok := inline(data)
	if !ok {
		return parts[2]
	}
	return fmt.Sprintf(`<span class="diagram" role="img" tabindex="0" aria-label="%s">%s</span>`, parts[2], text)
}

// drawn are the elements that a diagram may have: HTML ends an SVG image at others.
var drawn = map[string]bool{
	"svg": true, "g": true, "defs": true, "title": true, "desc": true, "path": true, "rect": true, "circle": true, "ellipse": true, "line": true, "polyline": true,
	"polygon": true, "text": true, "tspan": true, "marker": true, "linearGradient": true, "radialGradient": true, "stop": true, "clipPath": true, "mask": true, "pattern": true, "use": true, "symbol": true,
}

// inline writes an SVG image as it may stand in a page: its elements and texts. It is false for one with others, or with styles, which the page's
// policy refuses. HTML reads comments and declarations otherwise than XML does, so they are left out.
func inline(data []byte) (text string, ok bool) {
	var b strings.Builder
	decoder := xml.NewDecoder(bytes.NewReader(data))
	name := func(n xml.Name) string { return strings.TrimPrefix(n.Space+":"+n.Local, ":") }
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return b.String(), true
		}
		if err != nil {
			return "", false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if !drawn[t.Name.Local] || slices.ContainsFunc(t.Attr, func(a xml.Attr) bool { return a.Name.Local == "style" }) {
				return "", false
			}
			b.WriteString("<" + name(t.Name))
			for _, a := range t.Attr {
				fmt.Fprintf(&b, ` %s="%s"`, name(a.Name), html.EscapeString(a.Value))
			}
			b.WriteString(">")
		case xml.EndElement:
			b.WriteString("</" + name(t.Name) + ">")
		case xml.CharData:
			b.WriteString(html.EscapeString(string(t)))
		}
	}
}
