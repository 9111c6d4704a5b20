package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

// BenchmarkCreate sets three layers of one request side by side, without a network: Echo alone with the same answer, the
// generated strict server without any validation, and the full chain with accounts, validation and the log line. The
// harness, which is in all of them, stands first: what making the request and recording the answer cost.
func BenchmarkCreate(b *testing.B) {
	for _, layer := range createLayers(b) {
		b.Run("layer="+layer.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				layer.create(b)
			}
		})
	}
}

// layer is a part of a request's way.
type layer struct {
	name    string
	handler http.Handler
}

// create sends it one request.
func (l layer) create(tb testing.TB) {
	r := httptest.NewRequest(http.MethodPost, operationPath, strings.NewReader("Ttl=150"))
	r.Header.Set("Content-Type", formType)
	r.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		tb.Fatalf("%d %s", w.Code, w.Body)
	}
}

func createLayers(tb testing.TB) []layer {
	tb.Helper()
	const route = "/v2/Services/:ServiceSid/Entities/:Identity/Challenges/:ChallengeSid/Notifications"
	queue := queueFunc(func(context.Context, delivery.Notification) error { return nil })

	bare := echo.New()
	bare.POST(route, func(c echo.Context) error {
		form, err := c.FormParams()
		if err != nil {
			return err
		}
		return c.JSON(http.StatusCreated, map[string]string{"identity": c.Param("Identity"), "ttl": form.Get("Ttl")})
	})

	generated := echo.New()
	server.RegisterHandlers(generated, server.NewStrictHandler(unvalidated{queue}, nil))

	full, err := server.New(server.Config{
		Accounts: accounts.Development(), Challenges: challenges.Any{}, Queue: queue,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), //nolint:sloglint // the line's cost is part of the chain
	})
	if err != nil {
		tb.Fatal(err)
	}
	harness := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	return []layer{{"harness", harness}, {"bare-echo", bare}, {"generated-strict", generated}, {"full-chain", full}}
}

// unvalidated answers what the server answers, with nothing in front.
type unvalidated struct{ queue server.Queue }

func (u unvalidated) CreateNotification(ctx context.Context, r server.CreateNotificationRequestObject) (server.CreateNotificationResponseObject, error) {
	challenge, err := challenges.Any{}.Find(ctx, server.ChallengeKey{
		AccountSID: accounts.DevelopmentSID, ServiceSID: r.ServiceSid, Identity: r.Identity, ChallengeSID: r.ChallengeSid,
	})
	if err != nil {
		return nil, err
	}
	n := delivery.Notification{
		SID: "NT" + serviceSID[2:], AccountSID: challenge.AccountSID, EntitySID: challenge.EntitySID, ChallengeSID: challenge.ChallengeSID,
		Device: delivery.Device{ServiceSID: challenge.ServiceSID, Identity: challenge.Identity}, Created: time.Now().UTC().Truncate(time.Second),
		TTL: time.Duration(*r.Body.Ttl) * time.Second,
	}
	if err := u.queue.Add(ctx, n); err != nil {
		return nil, err
	}
	answer := server.CreateNotification201JSONResponse{}
	answer.Body.Sid, answer.Body.AccountSid, answer.Body.ServiceSid, answer.Body.EntitySid = &n.SID, &n.AccountSID, &n.ServiceSID, &n.EntitySID
	answer.Body.Identity, answer.Body.ChallengeSid, answer.Body.Priority = &n.Identity, &n.ChallengeSID, new("high")
	answer.Body.Ttl, answer.Body.DateCreated = int(n.TTL/time.Second), &n.Created
	answer.Headers = server.CreateNotification201ResponseHeaders{AccessControlAllowOrigin: "*", TwilioRequestId: "RQ" + serviceSID[2:]}
	return answer, nil
}
