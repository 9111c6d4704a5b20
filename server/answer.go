package server

import (
	"encoding/json"
	"net/http"

	"github.com/nudgehq/nudge/api"
)

// Headers that are the same for each answer are made once.
var (
	jsonType       = []string{"application/json"}
	allowMethods   = []string{corsAllowMethods}
	allowHeaders   = []string{corsAllowHeaders}
	exposeHeaders  = []string{corsExposeHeaders}
	anyOrigin      = []string{"*"}
	credentials    = []string{"true"}
	noCredentials  = []string{"false"}
	varyByOrigin   = []string{"Origin"}
	preflightValid = []string{corsMaxAge}
)

// created is the answer 201 with a notification. The generated type would make its headers anew for each answer.
type created struct {
	call *call
	body api.Notification
}

var _ CreateNotificationResponseObject = created{}

// VisitCreateNotificationResponse writes the answer.
func (a created) VisitCreateNotificationResponse(w http.ResponseWriter) error {
	text, err := json.Marshal(&a.body)
	if err != nil {
		return err
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	a.call.setHeaders(header)
	w.WriteHeader(http.StatusCreated)
	_, err = w.Write(append(text, '\n'))
	return err
}
