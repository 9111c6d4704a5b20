package nats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/nudgehq/nudge/delivery/jetstream"
)

// A user that lacks a right is told so at once, and a node that may not listen is not ready.
func TestDenied(t *testing.T) {
	o := options("")
	inbox := "_INBOX_" + o.Prefix + ".>"
	may := func(listens, writes []string) *server.Permissions {
		return &server.Permissions{Subscribe: &server.SubjectPermission{Allow: listens}, Publish: &server.SubjectPermission{Deny: writes}}
	}
	servers := runServer(t, &server.Options{Users: []*server.User{
		{Username: "node", Password: "p", Permissions: may([]string{inbox, o.Prefix + ".bus.>"}, []string{"$KV.>"})},
		{Username: "deaf", Password: "p", Permissions: may([]string{inbox}, nil)},
		{Username: "none", Password: "p", Permissions: may([]string{"x"}, nil)},
	}})
	as := func(user, password string) jetstream.Options {
		o := o
		o.Servers = strings.Replace(servers, "nats://", fmt.Sprintf("nats://%s:%s@", user, password), 1)
		return o
	}
	if _, err := jetstream.Open(t.Context(), as("node", "wrong")); err == nil || !strings.Contains(err.Error(), "refuse the user or the password") {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := jetstream.Open(t.Context(), as("none", "p")); !errors.Is(err, jetstream.ErrDenied) {
		t.Errorf("nothing is allowed: %v", err)
	}
	missing := as("node", "p")
	missing.MustExist = true
	if _, err := jetstream.Open(t.Context(), missing); err == nil || !strings.Contains(err.Error(), "there is no store here") {
		t.Errorf("where there is no store: %v", err)
	}
	node := open(t, as("node", "p"))
	bucket, err := node.Bucket(t.Context(), "challenges")
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Put(t.Context(), "a", []byte("b")); !errors.Is(err, jetstream.ErrDenied) || node.Ready() != nil {
		t.Errorf("a write that is not allowed: %v, then %v", err, node.Ready())
	}
	deaf := open(t, as("deaf", "p"))
	if _, err := deaf.Bus().Listen("nodes", func([]byte) {}); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if errors.Is(deaf.Ready(), jetstream.ErrDenied) {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Error("a node that may not listen is ready")
}
