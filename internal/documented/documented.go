// Package documented reads from openapi.yaml the values that tests, and the wrong servers of package mutant, need: a changed
// bound needs no other edit.
package documented

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/internal/rule"
)

// The form field Ttl of CreateNotification.
var (
	// MinTTL is the least TTL in seconds.
	MinTTL int
	// MaxTTL is the greatest.
	MaxTTL int
	// DefaultTTL is the TTL of a request that gives none.
	DefaultTTL int
	// TTLRule is its rule in words: "an integer from 0 to 300".
	TTLRule string
)

// Fields is the names of the form's fields, joined by commas as errors list them. Form has their rules.
var (
	Fields string
	Form   []rule.Rule
)

// The parameters of the path.
var (
	// ServiceSID is the example of the parameter ServiceSid.
	ServiceSID string
	// Identity is the example of Identity.
	Identity string
	// ChallengeSID is the example of ChallengeSid.
	ChallengeSID string
	// Path is the operation's path with the examples.
	Path string
	// Parameters are the rules, by name.
	Parameters map[string]rule.Rule
)

func init() {
	if err := read(); err != nil {
		panic(fmt.Sprintf("openapi.yaml: %v", err))
	}
}

func read() error {
	doc, err := owndocument.Document()
	if err != nil {
		return err
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(operations, func(op openapi.Operation) bool { return op.ID == "CreateNotification" })
	if at < 0 {
		return errors.New("no operation has the ID CreateNotification")
	}
	op := operations[at]
	if err := readTTL(op); err != nil {
		return err
	}
	Form, Fields = op.Form, strings.Join(slices.Sorted(maps.Keys(op.FormSchema.Properties)), ", ")
	Path, Parameters = op.Path, map[string]rule.Rule{}
	for _, r := range op.Parameters {
		Parameters[r.Name] = r
	}
	for name, example := range map[string]*string{"ServiceSid": &ServiceSID, "Identity": &Identity, "ChallengeSid": &ChallengeSID} {
		*example, _ = doc.Components.Parameters[name].Value.Example.(string)
		Path = strings.ReplaceAll(Path, "{"+name+"}", *example)
	}
	return nil
}

func readTTL(op openapi.Operation) (err error) {
	at := slices.IndexFunc(op.Form, func(r rule.Rule) bool { return r.Name == "Ttl" })
	if at < 0 {
		return errors.New("there is no form field Ttl")
	}
	ttl := op.Form[at]
	TTLRule = ttl.String()
	for _, bound := range []struct {
		text  string
		value *int
	}{
		{ttl.Minimum, &MinTTL}, {ttl.Maximum, &MaxTTL}, {openapi.WireForm(op.FormSchema.Properties[ttl.Name].Value.Default), &DefaultTTL},
	} {
		if *bound.value, err = strconv.Atoi(bound.text); err != nil {
			return err
		}
	}
	return nil
}

// Prefix is what each value of a parameter begins with: VA for ServiceSid.
func Prefix(parameter string) string {
	return Parameters[parameter].Prefix()
}
