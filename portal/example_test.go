package portal_test

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/nudgehq/nudge/portal"
)

// The pages of the embedded document, as HTML and as Markdown.
func ExampleNew() {
	p, err := portal.New(portal.Config{PublicURL: "https://notify.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	pages, err := p.Handler()
	if err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	pages.ServeHTTP(answer, httptest.NewRequest("GET", portal.Base+".md", nil))
	markdown, err := io.ReadAll(answer.Result().Body)
	if err != nil {
		log.Fatal(err)
	}
	title, _, _ := strings.Cut(string(markdown), "\n")
	fmt.Println(answer.Code, title)
	// Output: 200 # Twilio Verify v2, Challenge Notifications
}
