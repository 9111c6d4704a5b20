package device

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed page.html
var page []byte

// script is what makes a browser a device; the page uses it, and other pages of this server may.
//
//go:embed device.js
var script []byte

// worker shows what a browser's push service brings.
//
//go:embed worker.js
var worker []byte

var scriptETag, workerETag = etagOf(script), etagOf(worker)

func etagOf(text []byte) string { return fmt.Sprintf(`"%x"`, sha256.Sum256(text)) }

// pagePolicy lets the page run its own script and style, by their hashes, and talk to nobody but this server.
var pagePolicy = fmt.Sprintf("default-src 'none'; connect-src 'self'; style-src '%s'; script-src 'self' '%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	hashOf("<style>", "</style>"), hashOf(`<script type="module">`, "</script>"))

// hashOf gives the hash of what stands in the page between two tags, as a policy names it.
func hashOf(open, end string) string {
	_, rest, _ := bytes.Cut(page, []byte(open))
	text, _, _ := bytes.Cut(rest, []byte(end))
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// servePage answers the page that is a device in the browser.
func servePage(c echo.Context) error {
	c.Response().Header().Set("Content-Security-Policy", pagePolicy)
	return c.HTMLBlob(http.StatusOK, page)
}

// serveScript answers the module that pages of this server are devices with, and serveWorker the worker that shows what comes while
// no page is open.
func serveScript(c echo.Context) error { return serveJavaScript(c, script, scriptETag) }

func serveWorker(c echo.Context) error { return serveJavaScript(c, worker, workerETag) }

func serveJavaScript(c echo.Context, text []byte, etag string) error {
	header := c.Response().Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(text))
	return nil
}
