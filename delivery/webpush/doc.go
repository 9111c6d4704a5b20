// Package webpush is the delivery.Channel to browsers, and to apps behind UnifiedPush, through their push service: one encrypted request
// an attempt.
//
// The encryption is the standard library's. The library for it signs for each message, which costs more than the encryption; here
// the signed header is used as long as it is valid.
//
// Sources: RFC 8030 (the protocol), RFC 8291 (the encryption), RFC 8188 (its form), RFC 8292 (VAPID).
package webpush
