// Package message makes what providers pass on to a phone or a browser: the keys by which an app knows the challenge, the words that
// a person reads, and how long it is still valid.
package message
