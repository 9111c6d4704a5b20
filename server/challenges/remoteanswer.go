package challenges

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges/service"
)

// isOfOne tells whether a status is about one challenge, and not about the service.
func isOfOne(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status < 500
}

// reason says what is wrong in words of our own: the service's may hold anything.
func reason(ctx context.Context, err error) string {
	for _, isRead := range []func(error) bool{is[*json.SyntaxError], is[*json.UnmarshalTypeError], is[*time.ParseError]} {
		if isRead(err) {
			return "its answer is not one of the document"
		}
	}
	return outbound.Reason(ctx, err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// answerSchema is the document's schema of an answer.
var answerSchema = sync.OnceValues(func() (*openapi3.Schema, error) {
	doc, err := openapi.Load(OpenAPI)
	if err != nil {
		return nil, err
	}
	return doc.Components.Schemas["Challenge"].Value, nil
})

// checkAnswer judges an answer by the document.
func checkAnswer(body []byte) error {
	schema, err := answerSchema()
	if err != nil {
		return err
	}
	var value any
	if json.Unmarshal(body, &value) != nil || schema.VisitJSON(value) != nil {
		// What is wrong in it may be a secret.
		return errors.New("the service of challenges answered what is not a challenge of the document")
	}
	return nil
}

// challengeOf checks an answer by the rules of a file's entries.
func challengeOf(key server.ChallengeKey, given service.Challenge) (server.Challenge, error) {
	e := entry{
		AccountSID: key.AccountSID, ServiceSID: key.ServiceSID, Identity: key.Identity, ChallengeSID: key.ChallengeSID,
		Status: server.Status(given.Status), Channel: given.Channel,
	}
	for from, to := range map[*string]*string{given.EntitySid: &e.EntitySID, given.FactorSid: &e.FactorSID, given.Address: (*string)(&e.Address)} {
		if from != nil {
			*to = *from
		}
	}
	if given.Details != nil {
		e.Details = *given.Details
	}
	challenge, err := e.challenge()
	if err != nil {
		return server.Challenge{}, fmt.Errorf("the service of challenges answered one with a field that is not valid: %w", err)
	}
	for from, to := range map[*time.Time]*time.Time{given.Expires: &challenge.Expires, given.AddressSince: &challenge.AddressSince} {
		if from == nil {
			continue
		}
		if from.IsZero() {
			return server.Challenge{}, errors.New("the service of challenges answered a time that stands for none; it is to be left out")
		}
		*to = *from
	}
	if given.NotificationLimit != nil {
		challenge.NotificationLimit = *given.NotificationLimit
	}
	return challenge, nil
}
