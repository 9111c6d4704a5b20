package ops

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// maxAdvance is how far one call moves the clock.
const maxAdvance = 24 * time.Hour

// MoveClock lets POST /clock/advance?by=5m move a clock, for tests in any language. What is due on the way has happened
// when the answer comes.
func (o *Ops) MoveClock(clock *delivery.ManualClock) {
	o.actions["/clock/advance"] = func(w http.ResponseWriter, r *http.Request) {
		by, err := time.ParseDuration(r.FormValue("by"))
		if err != nil || by < 0 || by > maxAdvance {
			text(w, http.StatusBadRequest, "by must be a duration from 0s to "+maxAdvance.String()+", such as 5m or 1.5s")
			return
		}
		clock.Advance(by)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]time.Time{"now": clock.Now().UTC()})
	}
}
