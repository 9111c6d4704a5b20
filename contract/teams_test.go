package contract_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/mutant"
	"github.com/nudgehq/nudge/server/servertest"
)

const accountSID, authToken = mutant.Username, mutant.Password

func myServer() http.Handler { return mutant.New("") }

func callMyClient(t *testing.T, url, accountSID, authToken string) {
	t.Helper()
	c, err := client.New(client.WithBaseURL(url), client.WithBasicAuth(accountSID, authToken))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateNotification(t.Context(), client.Challenge{
		ServiceSID: documented.ServiceSID, Identity: "ff483d1ff591898a9942916050d2ca3f", SID: documented.ChallengeSID,
	}, api.CreateNotificationRequest{Ttl: new(150)})
	if err != nil {
		t.Fatal(err)
	}
}

// What the README shows to a team with a server, and to one with a client.

func TestMyServer(t *testing.T) {
	server := httptest.NewServer(myServer())
	defer server.Close()
	contract.Test(t, server.URL, contract.WithAccount(accountSID, authToken))
}

func TestMyClient(t *testing.T) {
	s := servertest.New(t) // a faithful server; the proxy before it judges what my client sends, and what it gets
	proxy, err := contract.Proxy(s.URL, func(f contract.Finding) { t.Errorf("%s: %s", f.By, f.Message) })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	callMyClient(t, server.URL, s.AccountSID, s.AuthToken)
}
