//go:build tools

// Package nudge pins the generator's version in go.mod: this import is the only pin.
package nudge

import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
