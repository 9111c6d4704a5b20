// Package channels is a file of the channels to phones and browsers, by the names that an operator gives them. It is read again when it,
// or a file of secrets that it names, changes; what did not change in it keeps its connections and tokens.
package channels
