// Package strictserver serves any small document strictly: what a request's schemas do not allow is refused, and the
// first success that is declared is answered with its x-answer and x-headers. It is for tests and benchmarks, to find out
// whether a tool notices a server that is wrong, and says nothing of one that is right; so it reads requests and
// translates schemas by itself.
package strictserver
