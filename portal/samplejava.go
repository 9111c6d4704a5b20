package portal

import "strings"

// Hosted is the hosted service's URL, which the Java SDK calls whatever it is told.
func (c call) Hosted() string { return c.hosted }

// Java names a resource as the Java SDK does: in the singular.
func (l link) Java() string {
	return strings.ToLower(oneOfMany(l.Node))
}

func oneOfMany(name string) string {
	if stem, ok := strings.CutSuffix(name, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(name, "s")
}

// Parents are the resources that the operation's own stands below.
func (c call) Parents() []link { return c.Chain[:len(c.Chain)-1] }

// Resource is the class of the operation's own.
func (c call) Resource() string {
	last := c.Chain[len(c.Chain)-1]
	return pascalCase(oneOfMany(last.Node))
}

// JavaVerb is what the operation does, and JavaMethod makes the object that does it.
func (c call) JavaVerb() string { return either(c.Method == "list", "read", c.Method) }

// JavaMethod is the creator, updater, fetcher or reader.
func (c call) JavaMethod() string {
	return map[string]string{"create": "creator", "update": "updater", "fetch": "fetcher", "list": "reader"}[c.Method]
}
