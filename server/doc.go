// Package server answers the operations of openapi.yaml over HTTP.
//
// [New] gives an http.Handler. What it needs from outside comes in through small interfaces: [Accounts] says who may
// call, [Challenges] finds the challenge that a notification is for, [Queue] takes the notification.
//
//	handler, err := server.New(server.Config{
//		Accounts:   accounts.Development(),
//		Challenges: challenges.Any{},
//		Queue:      queue, // of delivery.NewQueue
//	})
//
// A request passes, in this order: request id and CORS headers, panic guard, authentication, strict form, limit of requests
// in flight, validation against the document, handler. Every answer of status 400 and above has the
// shape of the document's Error schema and comes from the document's error table (see [Error]).
//
// In a test, package servertest runs such a server in one line.
package server
