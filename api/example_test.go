package api_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/nudgehq/nudge/api"
)

// An answer of the service as a value.
func ExampleNotification() {
	var n api.Notification
	if err := json.Unmarshal([]byte(`{"sid": "NT0123456789abcdef0123456789abcdef", "priority": "high", "ttl": 150, "date_created": "2015-07-30T20:00:00Z"}`), &n); err != nil {
		log.Fatal(err)
	}
	fmt.Println(*n.Sid, n.Ttl, n.DateCreated.Year())
	// Output: NT0123456789abcdef0123456789abcdef 150 2015
}
