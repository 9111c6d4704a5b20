package conform

import (
	"bytes"
	"net/http"
)

// Handler judges every answer of next and reports what is wrong with it.
func (j *Document) Handler(next http.Handler, report func(r *http.Request, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(kept, r)
		if err := j.Check(r, kept.status, w.Header(), kept.body.Bytes()); err != nil {
			report(r, err)
		}
	})
}

// keeper keeps what is written through it.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the real writer.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }
