package openapi

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is what may stand somewhere in a document.
type place int

const (
	anything place = iota
	// aText is a text.
	aText
	// Each of these cannot be a $ref: anObject is an operation or a media type.
	anObject
	// names are values by names of the document's own, and mediaTypes objects by theirs.
	names
	mediaTypes
	// mapping is a discriminator's, whose values are what a $ref says.
	mapping
)

// texts are the fields whose values are texts, which people write without quotes: version: 1.0.
var texts = map[string]bool{
	"openapi": true, "version": true, "title": true, "description": true, "summary": true, "name": true, "operationId": true, "format": true,
	"pattern": true, "termsOfService": true, "url": true, "email": true, "tags": true, "bearerFormat": true,
}

// ownNames are the fields whose values have names of the document's own: a property may be called description.
var ownNames = map[string]bool{
	"properties": true, "patternProperties": true, "dependentSchemas": true, "$defs": true, "definitions": true, "schemas": true, "responses": true,
	"parameters": true, "requestBodies": true, "headers": true, "securitySchemes": true, "links": true, "callbacks": true, "pathItems": true, "paths": true,
}

// free are the fields whose values are anybody's.
var free = map[string]bool{"example": true, "examples": true, "default": true, "enum": true, "const": true, "value": true}

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// misplaced is a value that must be another: a scalar that is no text, or a $ref.
type misplaced struct {
	node *yaml.Node
	text bool
}

// findMisplaced collects the values that may not stand where they are.
func findMisplaced(n *yaml.Node, at place, into *[]misplaced) {
	switch n.Kind {
	case yaml.ScalarNode:
		if at == aText && n.Style == 0 && n.Tag != "!!str" && n.Tag != "!!null" {
			*into = append(*into, misplaced{n, true})
		}
	case yaml.MappingNode:
		if at != anything && isRef(n) {
			*into = append(*into, misplaced{n, at == aText})
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if at == names || !free[key] && !strings.HasPrefix(key, "x-") {
				findMisplaced(n.Content[i+1], placeOf(key, at), into)
			}
		}
	default:
		if at == names {
			// The items of parameters may be a $ref.
			at = anything
		}
		for _, part := range n.Content {
			findMisplaced(part, at, into)
		}
	}
}

// isRef tells whether an object is a $ref and nothing else.
func isRef(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "$ref" && n.Content[1].Kind == yaml.ScalarNode
}

// placeOf is what may stand under a key in a place.
func placeOf(key string, at place) place {
	switch {
	case at == names:
		return anything
	case at == mediaTypes || slices.Contains(methods, key):
		return anObject
	case key == "mapping":
		return mapping
	case key == "content":
		return mediaTypes
	case ownNames[key]:
		return names
	case texts[key]:
		return aText
	}
	return anything
}
