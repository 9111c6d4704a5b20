// Package fcm is the delivery.Channel to Android devices, and to others, through Firebase Cloud Messaging's HTTP v1 API: exactly one
// request an attempt. Firebase's own library repeats a request for seconds, so that what is to be tried only once is tried five times.
//
// Sources: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send, .../rest/v1/ErrorCode, and
// https://firebase.google.com/docs/cloud-messaging/error-codes for what to try again, and when.
package fcm
