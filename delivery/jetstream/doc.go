// Package jetstream is a delivery.Store on NATS JetStream, which several processes share.
//
// A notification is one message, on a subject of its own: prefix.stream.n.partition.device.challenge.slot. It is published with
// the condition that its subject is empty, so that the challenge's limit is the number of its slots, whoever else creates at the
// same time, and nothing is counted or read. Its outcome replaces it, on the condition that it is still what was read: of two
// processes that both believe to own a partition exactly one ends it. A subject keeps one message, and forgets it with its TTL.
//
// The streams are made by whoever comes first and verified by all others: replicas, retention, limits, and that the servers sync
// each write. What was measured, and what was not taken, is in docs/decisions/0008-jetstream.md.
package jetstream
