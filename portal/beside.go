package portal

import (
	"errors"
	"fmt"
)

// Beside is a further document of the same server, whose reference stands within the portal.
type Beside struct {
	Document []byte
	// Path is where its reference is, below the portal's own, such as /devices.
	Path string
	// Source is what guides link to as the document, seen from their folder; such a link leads to the reference.
	Source string
}

// addBeside makes the references of further documents.
func (p *Portal) addBeside() error {
	if p.config.Static && len(p.config.Beside) > 0 {
		return errors.New("a static site shows one document alone")
	}
	for _, b := range p.config.Beside {
		of, err := New(Config{Document: b.Document, AnyAPI: true, within: p, Path: p.Path(b.Path), PublicURL: p.config.PublicURL, Look: p.config.Look})
		if err != nil {
			return fmt.Errorf("the document of %s: %w", b.Path, err)
		}
		p.beside = append(p.beside, of)
	}
	return nil
}

// all are the portal and those beside it.
func (p *Portal) all() []*Portal { return append([]*Portal{p}, p.beside...) }

// besideOf is the reference of a document that guides link to.
func (p *Portal) besideOf(source string) *Portal {
	for i, b := range p.config.Beside {
		if b.Source == source {
			return p.beside[i]
		}
	}
	return nil
}

// home is the portal that this one stands in, or else itself: it has the search and the tools.
func (p *Portal) home() *Portal {
	if p.config.within != nil {
		return p.config.within
	}
	return p
}

// isOwn tells that the document's operations are of the server that shows it.
func (p *Portal) isOwn() bool { return !p.config.AnyAPI || p.config.within != nil }
