package mutant

import "slices"

// Mutant is a server with one defect.
type Mutant struct {
	// Defect says what is wrong.
	Defect string
	// Says is a regular expression that what a tool says of it should match: it names the defect.
	Says string
	// change lays the defect over the correct server.
	change change
}

// All lists the wrong servers.
var All = slices.Concat(inRequests, inAnswers, inDoors, rare)
