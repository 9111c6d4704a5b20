package contract

import (
	"net/http"

	"github.com/nudgehq/nudge/internal/conform"
)

// Case is one thing that is tried.
type Case struct {
	// Name says what it proves: "CreateNotification/values/Ttl 301, one above its maximum, is refused".
	Name string `json:"name"`
	// Kind is the group of its rule, What is what is tried: "values", "Ttl 301, one above its maximum".
	Kind string `json:"kind"`
	What string `json:"what"`
	// Rule is the rule of the document that it comes from.
	Rule string `json:"rule"`
	// Skip says why it cannot be tried; empty when it can.
	Skip string `json:"skip,omitempty"`

	operation *conform.Operation
	request   request
	expect    expectation
	// times is how often the request is sent at once; 0 is once.
	times int
	// alongside are other requests that are sent with it: at once, or in turn.
	alongside []request
	inTurn    bool
	// fresh gives a request a path of its own where it can, so that no limit of one resource is met.
	fresh func(r request) request
	// property draws random values, and the requests with them, instead of the request.
	property *property
	// life tries what the operation makes, instead of the request alone.
	life *maker
	// makes tells what the operation makes; nil when it makes nothing that is known.
	makes *maker
	// plain is the request without anything optional; builds tells that the case is a change of it.
	plain, builds bool
	// marker is a long text in the request, which no answer may repeat.
	marker string
}

// expectation is what must become of a request.
type expectation int

const (
	accepted expectation = iota
	refused
	// either: the document does not say whether; the answer is judged.
	either
	// acceptedOrUnknown: a valid request for something that may not exist.
	acceptedOrUnknown
	// unjudged: the document says nothing of the answer; it must be there, and no failure of the server.
	unjudged
)

// reason is why a request must be refused, which decides the statuses that fit.
type reason int

const (
	// badBody is the reason where nothing else is said.
	badBody reason = iota
	badPath
	badMediaType
	noMediaType
	badSize
	badCredentials
	badMethod
	// unknownMethod is one that no server knows, or that HTTP gives another meaning.
	unknownMethod
	noSuchPath
	// uncleanPath is another spelling of a path, from which a server may also redirect.
	uncleanPath
	// badLength is a value that is too long, and may make the body too large.
	badLength
	// longPath and longHeader are what a server may refuse before it looks into it.
	longPath
	longHeader
)

// beyondDocuments tells that documents do not speak of such a refusal: a server may answer as HTTP says.
func (r reason) beyondDocuments() bool {
	return r == unknownMethod || r == uncleanPath || r == longPath || r == longHeader
}

// isOfNoOperation tells whether a request is to a path or by a method that the document does not have.
func (r reason) isOfNoOperation() bool {
	return r == badMethod || r == unknownMethod || r == noSuchPath || r == uncleanPath || r == longPath
}

// fitting are the statuses that fit a refusal; where the document declares some of them, it must be one of those.
var fitting = map[reason][]int{
	badBody:        {http.StatusBadRequest, http.StatusUnprocessableEntity},
	badPath:        {http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusRequestURITooLong},
	badMediaType:   {http.StatusUnsupportedMediaType},
	noMediaType:    {http.StatusUnsupportedMediaType, http.StatusBadRequest},
	badSize:        {http.StatusRequestEntityTooLarge, http.StatusBadRequest, http.StatusUnprocessableEntity},
	badCredentials: {http.StatusUnauthorized},
	badMethod:      {http.StatusMethodNotAllowed},
	unknownMethod:  {http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest},
	noSuchPath:     {http.StatusNotFound},
	uncleanPath:    {http.StatusNotFound, http.StatusBadRequest, http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect},
	longPath:       {http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusRequestURITooLong},
	longHeader:     {http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge},
	badLength:      {http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge},
}
