// Package pushpeers is the far ends of the channels to phones and browsers, on loopback: what APNs, FCM and a push service of browsers
// ask for by their documents they ask for too, they answer like them, and keep what they got. Tests can have them answer otherwise.
package pushpeers
