// Package apns is the delivery.Channel to Apple's devices, through the Apple Push Notification service: one request of HTTP/2 an attempt.
//
// It is net/http's own HTTP/2 with tokens of golang-jwt. The libraries for it leave out apns-expiration where it is 0, so that what is
// to be tried only once is kept for up to 30 days.
//
// Sources: "Sending notification requests to APNs", "Handling notification responses from APNs" and "Establishing a token-based
// connection to APNs" of https://developer.apple.com/documentation/usernotifications.
package apns
