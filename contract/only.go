package contract

import (
	"regexp"
	"regexp/syntax"
)

// prefixes are what the names that an expression finds begin with, one or another: others need not be derived. None are known of
// an expression that does not begin at the start.
func prefixes(only *regexp.Regexp) []string {
	if only == nil {
		return []string{""}
	}
	parsed, err := syntax.Parse(only.String(), syntax.Perl)
	if err != nil {
		return []string{""}
	}
	parsed = parsed.Simplify()
	if parsed.Op != syntax.OpConcat || parsed.Sub[0].Op != syntax.OpBeginText {
		return []string{""}
	}
	list, _ := beginnings(&syntax.Regexp{Op: syntax.OpConcat, Sub: parsed.Sub[1:]})
	return list
}

// maxPrefixes bounds the beginnings that are told apart.
const maxPrefixes = 1000

// beginnings are those of the texts that an expression matches; whole tells that they are the texts.
func beginnings(of *syntax.Regexp) (list []string, whole bool) {
	switch {
	case of.Op == syntax.OpEmptyMatch:
		return []string{""}, true
	case of.Op == syntax.OpLiteral && of.Flags&syntax.FoldCase == 0:
		return []string{string(of.Rune)}, true
	case of.Op == syntax.OpCharClass:
		return letters(of.Rune)
	case of.Op == syntax.OpCapture:
		return beginnings(of.Sub[0])
	case of.Op == syntax.OpAlternate:
		whole = true
		for _, one := range of.Sub {
			more, ends := beginnings(one)
			list, whole = append(list, more...), whole && ends
		}
		return list, whole && len(list) <= maxPrefixes
	case of.Op == syntax.OpConcat:
		return joinedBeginnings(of.Sub)
	case of.Op == syntax.OpQuest:
		list, whole = beginnings(of.Sub[0])
		return append(list, ""), whole
	}
	return []string{""}, false
}

// joinedBeginnings are those of expressions that follow each other.
func joinedBeginnings(parts []*syntax.Regexp) (list []string, whole bool) {
	list = []string{""}
	for _, one := range parts {
		more, ends := beginnings(one)
		var longer []string
		for _, first := range list {
			for _, second := range more {
				longer = append(longer, first+second)
			}
		}
		if list = longer; !ends || len(list) > maxPrefixes {
			return list, false
		}
	}
	return list, true
}

// letters are those of a class, which has its ranges one after the other.
func letters(ranges []rune) (list []string, whole bool) {
	for i := 0; i+1 < len(ranges); i += 2 {
		for c := ranges[i]; c <= ranges[i+1]; c++ {
			if list = append(list, string(c)); len(list) > maxPrefixes {
				return []string{""}, false
			}
		}
	}
	return list, true
}
