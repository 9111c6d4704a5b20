// Package pebblestore is the embedded delivery.Store: one directory of files, no server beside.
//
// A notification is on the disk before Add returns: commits are synced, and those of concurrent requests share an fsync.
// It survives a crash, kill -9 and a power cut; not the loss of the disk.
//
// Keys, all binary, times in nanoseconds since 1970 and big-endian so that they sort:
//
//	p expiry sid        → record            what is pending, the first to expire first
//	d device expiry sid → nothing           what is pending of a device; device is a hash of service and identity
//	o ended sid         → record            outcomes, the oldest first
//	s sid               → the p or o key    where a notification's record is
//	c account challenge → count             how many notifications a challenge has had
//	r device            → time              up to when the tokens of a device are revoked
//	a address           → time              since when an address is dead
//	v                   → version           of the store: 4 bytes
//	x key               → value             a record that could not be read, put aside
package pebblestore
