package portal

import (
	"regexp"
	"strings"
)

// onOnePage is how many operations one page describes at most.
const onOnePage = 20

// Group is operations that belong together.
type Group struct {
	Name, Description string
	// Path is the page that lists them.
	Path       string
	Operations []*Operation
}

// groupsOf sorts operations that are too many for one page by their first tag. Those of none are grouped by the first segment of
// their path that names something.
func groupsOf(operations []*Operation) (groups []*Group) {
	if len(operations) <= onOnePage {
		return nil
	}
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

func (p *Portal) isGrouped() bool { return len(p.groups) > 0 }
