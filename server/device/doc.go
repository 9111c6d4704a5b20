// Package device answers the endpoints of devices on the stream channel, which its own openapi.yaml describes: a device
// holds a stream of its notifications open and acknowledges each.
//
// A device authenticates with a token, a JWT that is bound to its service and identity; [Key.Token] mints one.
package device
