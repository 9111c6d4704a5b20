package contract

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/internal/conform"
)

// exchange is a request that passes through a proxy, with its answer.
type exchange struct {
	*proxy
	op      *conform.Operation
	request *http.Request
	// own is the URL as the document has it.
	own *url.URL
	// sent is the request's body; nil where there is none.
	sent   *watched
	status int
	// read is the request as it is judged; nil until it was.
	read *conform.Request
}

// find tells of violations.
func (x *exchange) find(by string, violations ...conform.Violation) {
	r := x.request
	for _, v := range violationsOf(violations) {
		x.report(Finding{Time: time.Now(), By: by, Method: short(r.Method, 20), Path: short(r.URL.EscapedPath(), 300), Status: x.status, Violation: v})
	}
}

// judge judges the request, and the answer when it has passed: each part of it is passed on at once.
func (x *exchange) judge(response *http.Response) {
	x.judgeRequest(false)
	seen, status := response.Header.Clone(), response.StatusCode
	method := x.request.Method
	switch {
	case x.isOfHTTP(status):
		return
	case isStream(seen.Get("Content-Type")):
		// Its end may never come.
		x.find("server", x.op.CheckHead(method, status, seen)...)
		return
	}
	ended := func(data []byte, whole bool, err error) {
		x.judgeRequest(true)
		if err != nil {
			if x.request.Context().Err() == nil {
				x.find("server", conform.Violation{Kind: conform.Connection, Rule: "every answer is whole (RFC 9112 section 8)", Message: cutOff(len(data), response.ContentLength)})
			}
			return
		}
		plain, ok := decoded(seen.Get("Content-Encoding"), data)
		if !whole || !ok {
			x.find("server", x.op.CheckHead(method, status, seen)...)
			return
		}
		x.find("server", x.op.CheckResponse(method, status, seen, plain)...)
		if x.read != nil {
			x.find("server", x.op.CheckRelations(conform.Exchange{Request: x.read, Status: status, Header: seen, Body: plain, Time: time.Now()}, x.memory)...)
		}
	}
	if response.ContentLength == 0 || method == http.MethodHead {
		// Its head is all of it.
		ended(nil, true, nil)
		return
	}
	response.Body = &watched{ReadCloser: response.Body, length: response.ContentLength, ended: ended}
}

// cutOff says that an answer ended too early.
func cutOff(got int, length int64) string {
	if length < 0 {
		return fmt.Sprintf("the answer is cut off after %d bytes", got)
	}
	return fmt.Sprintf("the answer is cut off after %d of %d bytes", got, length)
}

// isOfHTTP tells whether an answer that the document does not declare is one that HTTP has for every resource: to a condition, to
// a range, and to a HEAD.
func (x *exchange) isOfHTTP(status int) bool {
	header := x.request.Header
	switch status {
	case http.StatusNotModified:
		return header.Get("If-None-Match") != "" || header.Get("If-Modified-Since") != ""
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return header.Get("Range") != ""
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return x.request.Method == http.MethodHead && x.op.Method != http.MethodHead
	}
	return false
}

// judgeRequest judges the request once: as soon as its body has been sent, or at last without it.
func (x *exchange) judgeRequest(last bool) {
	var body []byte
	whole := true
	if x.sent != nil {
		var ended bool
		if body, whole, ended = x.sent.state(); !ended && !last {
			return
		}
		whole = whole && ended
	}
	if x.read != nil {
		return
	}
	r := x.request
	header := r.Header.Clone()
	if whole {
		body, whole = decoded(r.Header.Get("Content-Encoding"), body)
	}
	if !whole {
		return
	}
	header.Del("Content-Encoding")
	x.read = x.op.Read(r.Method, x.own, header, body)
	wrong := x.op.CheckRequest(x.read)
	x.find("caller", wrong...)
	x.find("caller", x.op.CheckQuery(x.read)...)
	if len(wrong) > 0 && x.status/100 == 2 {
		x.find("server", conform.Violation{Kind: conform.Status, Rule: wrong[0].Rule, Message: "the server accepts what the document refuses: " + wrong[0].Message})
	}
}

// watched is a body that is kept while it passes, up to what is judged. It may be read while its state is asked for.
type watched struct {
	io.ReadCloser
	// length is how many bytes are to come; less than 0 or 0 where it is not known, or none.
	length int64
	// ended is told once when all has passed, or that it was cut off.
	ended func(data []byte, whole bool, err error)

	mu   sync.Mutex
	seen bytes.Buffer
	all  int64
	done bool
}

// Read passes a part on.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.mu.Lock()
	w.all += int64(n)
	if w.seen.Len() <= maxJudged {
		w.seen.Write(p[:n])
	}
	// Of a known length, the last byte is the end: its reader may not ask for more.
	first := !w.done && (err != nil || w.length > 0 && w.all == w.length)
	w.done = w.done || first
	w.mu.Unlock()
	if first && w.ended != nil {
		cut := err
		if errors.Is(err, io.EOF) {
			cut = nil
		}
		w.ended(w.seen.Bytes(), w.seen.Len() <= maxJudged, cut)
	}
	return n, err
}

// state is what has passed, whether it is all of what can be judged, and whether the end has passed.
func (w *watched) state() (data []byte, whole, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.seen.Bytes()), w.seen.Len() <= maxJudged, w.done
}

// decoded is a body without the encoding that its caller has asked for; ok is false when it cannot be judged.
func decoded(encoding string, body []byte) (plain []byte, ok bool) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, true
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, false
		}
		plain, err = io.ReadAll(io.LimitReader(r, maxJudged+1))
		return plain, err == nil && len(plain) <= maxJudged
	}
	return nil, false
}
