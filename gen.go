// Package nudge holds the contract of the service: one hand-written OpenAPI document, and the commands that make the
// wire types (package api), the typed client (package client) and the server interface (package server) from it.
//
// Run `make generate` after a change of openapi.yaml.
package nudge

import "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config api/oapi-codegen.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config client/oapi-codegen.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config server/oapi-codegen.yaml openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config server/device/oapi-codegen.yaml server/device/openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config server/challenges/service/oapi-codegen.yaml server/challenges/openapi.yaml
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config examples/challenges/oapi-codegen.yaml server/challenges/openapi.yaml
//go:generate go run ./internal/rulegen openapi.yaml client/rules.gen.go
//go:generate go run ./internal/casenames contract/testdata/cases.txt

// OpenAPI is the contract, the bytes of openapi.yaml. All that needs the document parses these bytes.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Versions holds the released versions of the contract, each in versions/VERSION.yaml. The changelog is what changed from one
// to the next, and from the last to OpenAPI.
//
//go:embed versions/*.yaml
var Versions embed.FS

// Guides are the texts that the documentation shows beside the reference.
//
//go:embed docs/*.md docs/*.svg
var Guides embed.FS
