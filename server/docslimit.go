package server

import (
	"net/http"
	"strconv"
	"sync/atomic"
)

// Limit lets a number of requests be answered at once by what is beside the operation, such as the documentation; one more
// is answered 20429.
func Limit(limit int, next http.Handler) http.Handler {
	var active atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer active.Add(-1)
		if active.Add(1) <= int64(limit) {
			next.ServeHTTP(w, r)
			return
		}
		contract, err := loadContract()
		if err != nil {
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		body, text := contract.errorBody(&Error{Code: CodeTooManyRequests})
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		w.WriteHeader(body.Status)
		_, _ = w.Write(text)
	})
}
