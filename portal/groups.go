package portal

import (
	"regexp"
	"strings"
)

// onOnePage is how many operations one page describes at most, and maxPage how large it may be in bytes of HTML.
const (
	onOnePage = 20
	maxPage   = 100_000
)

// Group is operations that belong together.
type Group struct {
	Name, Description string
	// Path is the page that lists them.
	Path       string
	Operations []*Operation
}

// groupsOf sorts operations by their first tag. Those of none are grouped by the first segment of their path that names something.
func groupsOf(operations []*Operation) (groups []*Group) {
	byName := map[string]*Group{}
	for _, op := range operations {
		tag := Tag{Name: firstName(op.Path)}
		if len(op.Tags) > 0 {
			tag = op.Tags[0]
		}
		if byName[tag.Name] == nil {
			byName[tag.Name] = &Group{Name: tag.Name, Description: tag.Description}
			groups = append(groups, byName[tag.Name])
		}
		byName[tag.Name].Operations = append(byName[tag.Name].Operations, op)
	}
	return groups
}

// noName is a segment that says nothing of what the operation is about: a version, a parameter, api.
var noName = regexp.MustCompile(`^(v?[0-9][0-9.]*|\{.*|api|)$`)

func firstName(path string) string {
	for segment := range strings.SplitSeq(path, "/") {
		if !noName.MatchString(segment) {
			return segment
		}
	}
	return "operations"
}

// renderAsFits describes all operations on the first page, or where they are too many for that, each on its own.
func (p *Portal) renderAsFits() error {
	if len(p.reference.Operations) <= onOnePage {
		if err := p.render(); err != nil || !p.config.AnyAPI || p.config.within != nil || len(p.files[p.Path("")].content) <= maxPage {
			return err
		}
	}
	p.groups = groupsOf(p.reference.Operations)
	return p.render()
}

func (p *Portal) isGrouped() bool { return len(p.groups) > 0 }
