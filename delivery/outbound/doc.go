// Package outbound makes the requests of channels to other people's servers: one POST an attempt, which is never repeated or
// redirected, to an address that may be dialled, with an answer of bounded size and a reason that is the same for the same cause.
package outbound
