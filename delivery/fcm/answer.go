package fcm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
)

// refusal is an error of FCM's.
type refusal struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Details []struct {
		ErrorCode       string `json:"errorCode"`
		FieldViolations []struct {
			Field string `json:"field"`
		} `json:"fieldViolations"`
	} `json:"details"`
}

// code is FCM's own code, or else Google's status.
func (r refusal) code() string {
	for _, detail := range r.Details {
		if detail.ErrorCode != "" {
			return detail.ErrorCode
		}
	}
	return r.Status
}

// isOfToken tells whether an invalid argument is the device's token. Where FCM does not name the field, its message does.
func (r refusal) isOfToken() bool {
	for _, detail := range r.Details {
		for _, violation := range detail.FieldViolations {
			return violation.Field == "message.token"
		}
	}
	return strings.Contains(strings.ToLower(r.Message), "registration token")
}

// known is what a code of FCM's looks like. Anything else is not repeated.
var known = regexp.MustCompile(`^[A-Z_]{1,60}$`)

// judge says what an answer means.
func (c *Channel) judge(answer outbound.Answer, used *oauth2.Token) delivery.Result {
	var told struct {
		Name  string  `json:"name"`
		Error refusal `json:"error"`
	}
	err := json.Unmarshal(answer.Body, &told)
	if answer.Status == http.StatusOK {
		if err != nil || answer.IsCut {
			return delivery.Again(answer.RetryAfter, "the answer 200 is not one of FCM")
		}
		return delivery.Done()
	}
	code := told.Error.code()
	reason := fmt.Sprintf("FCM answered %d", answer.Status)
	if known.MatchString(code) {
		reason += " " + code
	}
	switch {
	case code == "UNREGISTERED" || code == "SENDER_ID_MISMATCH":
		return delivery.Dead(reason)
	case code == "INVALID_ARGUMENT" && told.Error.isOfToken():
		return delivery.Dead(reason + " for the registration token")
	case code == "THIRD_PARTY_AUTH_ERROR":
		// Of the devices of Apple's, or the browsers, alone.
		return delivery.Denied(answer.RetryAfter, reason).OfOne()
	case answer.Status == http.StatusUnauthorized:
		if c.tokens.refuse(used) {
			return delivery.Again(answer.RetryAfter, reason+"; the next attempt has a new token")
		}
		return delivery.Denied(answer.RetryAfter, reason)
	case answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound && code != "":
		// The account may not send for the project, or there is none of this name.
		return delivery.Denied(answer.RetryAfter, reason)
	case answer.Status == http.StatusTooManyRequests && answer.RetryAfter == 0:
		return delivery.Again(quotaRest, reason)
	case answer.Status == http.StatusBadRequest && code != "":
		return delivery.Gone(reason)
	}
	return delivery.Again(answer.RetryAfter, reason)
}
