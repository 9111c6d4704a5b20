package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/memstore"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

// A server of parts: who may call, which challenges exist, and what delivers.
func ExampleNew() {
	queue, err := delivery.NewQueue(context.Background(), delivery.Config{
		Store: memstore.New(), Channels: map[string]delivery.Channel{challenges.ChannelStream: &stream.Hub{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	handler, err := server.New(server.Config{Accounts: accounts.Development(), Challenges: challenges.Any{}, Queue: queue})
	if err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "/v2/Services", nil))
	fmt.Println(answer.Code, answer.Header().Get("Content-Type"))
	// Output: 404 application/json
}
