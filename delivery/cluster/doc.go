// Package cluster lets several processes deliver what one store holds.
//
// A [Node] is what HTTP sees of it. Each partition has one owner, the node that attempts what is pending in it; which, a
// [Membership] decides, by heartbeats and claims in the store that they share. Whatever a node is asked for and does not own it
// asks the owner for, over a [Bus]: a device that connects, an acknowledgement, the attempt itself where the device is connected
// elsewhere. Nobody keeps a list of who owns what: the owner listens on the partition's subject.
package cluster
