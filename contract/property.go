package contract

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/nudgehq/nudge/internal/rule"
)

const (
	// draws is how many random values a property tries.
	draws = 20
	// maxShrinks bounds the requests that look for a smaller failing value.
	maxShrinks = 200
)

// property says that all values of a kind are accepted, or refused.
type property struct {
	name string
	rule rule.Rule
	set  func(value string) request
	// draw draws a value; the same seed draws the same.
	draw func(seed int) string
	// keeps tells that the values keep the rule; strict that other spellings of a number are none.
	keeps, strict bool
}

// fits tells whether a value is one that the property is about.
func (p *property) fits(value string) bool {
	if !p.strict && !p.keeps && spelled(p.rule, value) {
		// A matter of taste.
		return false
	}
	return p.rule.Allows(value) == p.keeps && sendable(p.rule.In, value)
}

// values are those that the property tries.
func (p *property) values(seed uint64) []string {
	var list []string
	// Seeds that follow each other draw other values.
	first := int(seed % (1 << 30) * attempts)
	for i := range attempts {
		if len(list) == draws {
			break
		}
		if value := p.draw(first + i); p.fits(value) && !slices.Contains(list, value) {
			list = append(list, value)
		}
	}
	return list
}

// shrink finds the smallest value that still fails, by trying smaller ones.
func (p *property) shrink(value string, fails func(value string) bool) string {
	for left := maxShrinks; left > 0; {
		smaller := ""
		for _, candidate := range p.smaller(value) {
			if !p.fits(candidate) {
				continue
			}
			left--
			if fails(candidate) {
				smaller = candidate
				break
			}
			if left == 0 {
				break
			}
		}
		if smaller == "" {
			return value
		}
		value = smaller
	}
	return value
}

// smaller lists values that are smaller than a value, the smallest first.
func (p *property) smaller(value string) []string {
	if n, ok := new(big.Int).SetString(value, 10); ok && p.rule.Type != "string" && n.String() == value {
		return p.nearer(n)
	}
	var list []string
	runes := []rune(value)
	for size := len(runes); size > 0; size /= 2 {
		for from := 0; from+size <= len(runes); from += size {
			list = append(list, string(runes[:from])+string(runes[from+size:]))
		}
	}
	for i, r := range runes {
		for _, simple := range "0a " {
			if r != simple && (r > simple || simple == '0') && r != '0' {
				list = append(list, string(runes[:i])+string(simple)+string(runes[i+1:]))
			}
		}
	}
	return list
}

// nearer lists integers that are nearer to the edge between those that are allowed and those that are not.
func (p *property) nearer(n *big.Int) []string {
	best := big.NewInt(0)
	for _, text := range []string{p.rule.Minimum, p.rule.Maximum} {
		if bound, ok := new(big.Int).SetString(text, 10); ok && distance(n, bound).Cmp(distance(n, best)) < 0 {
			best = bound
		}
	}
	var list []string
	// best itself, its neighbour, and then halfway, a quarter of the way …
	for gap := distance(n, best); gap.Sign() > 0; gap = new(big.Int).Rsh(gap, 1) {
		step := new(big.Int).Set(gap)
		if n.Cmp(best) < 0 {
			step.Neg(step)
		}
		list = append(list, new(big.Int).Sub(n, step).String())
	}
	return list
}

func distance(a, b *big.Int) *big.Int { return new(big.Int).Abs(new(big.Int).Sub(a, b)) }

// validDraws draws values that keep a rule; nil where the edges are all there is.
func validDraws(r rule.Rule) func(seed int) string {
	switch {
	case len(r.Enum) > 0 || r.Type == "boolean":
		return nil
	case r.Type == "string" && r.Pattern != nil:
		return drawing(rapid.StringMatching(r.Pattern.String()))
	case r.Type == "string":
		longest := r.MinLength + 20
		if r.MaxLength > 0 {
			longest = min(longest, r.MaxLength)
		}
		return drawing(rapid.StringN(max(1, r.MinLength), max(1, longest), -1))
	}
	low, high := bound(r.Minimum, math.MinInt32), bound(r.Maximum, math.MaxInt32)
	if low > high {
		return nil
	}
	integers := rapid.Int64Range(low, high)
	return func(seed int) string { return strconv.FormatInt(integers.Example(seed), 10) }
}

func drawing(values *rapid.Generator[string]) func(seed int) string {
	return func(seed int) (text string) {
		defer func() {
			// What it cannot draw, it says by a panic.
			if recover() != nil {
				text = ""
			}
		}()
		return values.Example(seed)
	}
}

// bound reads a bound that fits into 63 bits.
func bound(text string, without int64) int64 {
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) < 1<<62 {
		return int64(f)
	}
	return without
}

// invalidDraws draws values that may break a rule: others are left out.
func invalidDraws(r rule.Rule) func(seed int) string {
	if r.Type == "string" && r.Pattern == nil && len(r.Enum) == 0 {
		return nil
	}
	integers, texts := rapid.Int64(), rapid.StringN(1, 12, -1)
	runes := rapid.Rune()
	bases := samples(r)
	return func(seed int) string {
		text := texts.Example(seed)
		if r.Type != "string" && seed%2 == 0 {
			return strconv.FormatInt(integers.Example(seed), 10)
		}
		if seed%3 == 0 {
			return text
		}
		// A valid value with one character more, less, or other.
		base := []rune(bases[seed%len(bases)])
		at := seed % (len(base) + 1)
		with := string(runes.Example(seed))
		switch rest := base[min(len(base), at+1):]; seed % 4 {
		case 0:
			return string(base[:at]) + string(rest)
		case 1:
			return string(base[:at]) + with + string(rest)
		default:
			return string(base[:at]) + with + string(base[at:])
		}
	}
}

// sampleOf names a value in a message.
func sampleOf(name, value string) string {
	if len(value) > 100 {
		return name + " " + show(value)
	}
	return strings.TrimSpace(name + "=" + strconv.Quote(value))
}
