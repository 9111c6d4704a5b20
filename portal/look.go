package portal

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Look is how a portal looks.
type Look struct {
	// Name stands in the header, beside the mark.
	Name string
	// Accent is the colour of links and marks, #rrggbb. It is made as dark and as light as it takes to be read.
	Accent string
	// Mark is an SVG image of at most 64 KiB: the mark and the icon.
	Mark []byte
}

const maxMark = 64 << 10

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// filledIn is the look with what the document says where nothing was given.
func (l Look) filledIn(reference *Reference, anyAPI bool) (Look, error) {
	given := func(of, name string) string {
		if text, ok := reference.extension[name].(string); of == "" && ok {
			return text
		}
		return of
	}
	l.Name, l.Accent, l.Mark = given(l.Name, "name"), given(l.Accent, "accent"), []byte(given(string(l.Mark), "mark"))
	switch {
	case l.Name != "":
	case anyAPI:
		l.Name = reference.Title
	default:
		l.Name = "nudge"
	}
	if l.Accent != "" && !hexColour.MatchString(l.Accent) {
		return l, errors.New("the accent must be a colour such as #4338ca")
	}
	if len(l.Mark) == 0 {
		return l, nil
	}
	if len(l.Mark) > maxMark || !isImage(l.Mark) {
		return l, fmt.Errorf("the mark must be an SVG image of at most %d KiB, without scripts", maxMark>>10)
	}
	return l, nil
}

// isImage tells whether a text is SVG that only shows: somebody may open it by itself.
func isImage(data []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	isFirst := true
	for {
		token, err := decoder.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && !isFirst
		}
		if _, ok := token.(xml.Directive); ok {
			// It may declare attributes and entities.
			return false
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if name := strings.ToLower(element.Name.Local); isFirst && name != "svg" || name == "script" || name == "foreignobject" || name == "set" || strings.HasPrefix(name, "animate") {
			return false
		}
		isFirst = false
		for _, a := range element.Attr {
			if name := strings.ToLower(a.Name.Local); strings.HasPrefix(name, "on") || name == "href" && !strings.HasPrefix(a.Value, "#") {
				return false
			}
		}
	}
}

// The grounds that text stands on, light and dark, and the contrast that small text needs with some to spare: WCAG asks for 4.5.
const (
	lightGround, darkGround = "#f3f4fa", "#1b1e2a"
	enough                  = 5.5
)

// stylesheet is what an accent adds to the stylesheet.
func (l Look) stylesheet() string {
	if l.Accent == "" {
		return ""
	}
	return fmt.Sprintf("\n:root { --accent: light-dark(%s, %s); --tint: color-mix(in srgb, var(--accent) 10%%, transparent); }\n", readable(l.Accent, "#000000", lightGround), readable(l.Accent, "#ffffff", darkGround))
}

// readable is a colour mixed with another one until it can be read on a ground.
func readable(colour, with, ground string) string {
	from, to := rgb(colour), rgb(with)
	mixed := colour
	for part := 0.0; contrast(rgb(mixed), rgb(ground)) < enough && part <= 1; part += 0.05 {
		channel := func(i int) int { return int(math.Round(from[i]*(1-part) + to[i]*part)) }
		mixed = fmt.Sprintf("#%02x%02x%02x", channel(0), channel(1), channel(2))
	}
	return mixed
}

func rgb(colour string) (channels [3]float64) {
	n, _ := strconv.ParseUint(colour[1:], 16, 32)
	return [3]float64{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}
}

// contrast is the ratio that WCAG defines.
func contrast(a, b [3]float64) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(colour [3]float64) (sum float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := colour[i] / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
