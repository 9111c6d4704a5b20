package contract

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Texts of samples that must often be there once: each is as long as what stands for it.
const (
	sampleEmail = "a@example.com"
	sampleUUID  = "00000000-0000-4000-8000-000000000000"
)

// unique gives the e-mail addresses and UUIDs of a body values of their own, also from one run to the next, where the document
// declares that there may be one already.
func (r *runner) unique(c Case, q request) request {
	if q.body == nil || !c.operation.Declares(http.StatusConflict) {
		return q
	}
	r.mu.Lock()
	r.named++
	// Of a fifth of a millisecond and a request, eight digits.
	digits := strconv.FormatInt(time.Now().UnixNano()/200_000+int64(r.named), 36)
	r.mu.Unlock()
	digits = digits[len(digits)-8:]
	email := digits[:1] + "@" + digits[1:] + ".com"
	number, _ := strconv.ParseUint(digits, 36, 64)
	uuid := fmt.Sprintf("%s%012x", sampleUUID[:24], number)
	return q.with(func(own *request) {
		for was, is := range map[string]string{sampleEmail: email, strings.Replace(sampleEmail, "@", "%40", 1): strings.Replace(email, "@", "%40", 1), sampleUUID: uuid} {
			own.body = bytes.ReplaceAll(own.body, []byte(was), []byte(is))
		}
	})
}
