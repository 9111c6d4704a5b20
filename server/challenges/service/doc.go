// Package service is the generated client of the document that a team's own service of challenges implements: openapi.yaml beside it.
package service
