// Package client calls the operation of openapi.yaml: create a notification for a challenge.
//
//	c, err := client.New(client.WithBasicAuth(accountSID, authToken))
//	if err != nil { … }
//	notification, err := c.CreateNotification(ctx, client.Challenge{
//		ServiceSID: "VA…", Identity: "ff483d1ff591898a9942916050d2ca3f", SID: "YC…",
//	}, api.CreateNotificationRequest{Ttl: new(150)})
//
// The parameters and the TTL are checked against the document's rules before anything is sent. A call that is
// answered with anything but success gives an [*Error], whatever the answer looked like. The base URL is the document's server unless [WithBaseURL] says
// otherwise.
//
// Beside the hand-written [Client] stand the generated [Operations], which it calls: every operation of the document as
// a plain HTTP call.
package client
