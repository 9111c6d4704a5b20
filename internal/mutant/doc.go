// Package mutant is a server of openapi.yaml, written without nudge, and many wrong ones: each has one defect. Tools that test
// servers against the document are tested with them: the correct one must pass, and each wrong one must be caught.
package mutant
