package device

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

// web is the page that is a device, with what it consists of: the documentation's console shows the same phone.
//
//go:embed web
var web embed.FS

var pageTemplate = template.Must(template.ParseFS(web, "web/page.html"))

// pagePolicy lets the page use this server's own scripts and styles, and talk to nobody but this server.
const pagePolicy = "default-src 'none'; connect-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageView is what the page is filled in with.
type pageView struct {
	// Documentation is the path of the documentation, which has the styles; empty where there is none.
	Documentation string
	// Tokens tells that this server gives tokens to everybody.
	Tokens            bool
	Service, Identity parameterView
}

// parameterView is a parameter of the devices' document.
type parameterView struct {
	Pattern, Example string
	MinLength        uint64
	MaxLength        *uint64
}

// makePage fills the page in.
func makePage(documentation string, tokens bool) ([]byte, error) {
	doc, err := operations()
	if err != nil {
		return nil, err
	}
	v := pageView{Documentation: documentation, Tokens: tokens}
	for _, op := range doc {
		for _, p := range op.Item.Parameters {
			schema := p.Value.Schema.Value
			view := parameterView{Pattern: schema.Pattern, MinLength: schema.MinLength, MaxLength: schema.MaxLength}
			view.Example, _ = p.Value.Example.(string)
			switch p.Value.Name {
			case "ServiceSid":
				v.Service = view
			case "Identity":
				v.Identity = view
			}
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// servePage answers the page that is a device in the browser.
func (h *Handler) servePage(c echo.Context) error {
	c.Response().Header().Set("Content-Security-Policy", pagePolicy)
	return c.HTMLBlob(http.StatusOK, h.page)
}

// webFiles are what the page, the console and browsers' service workers load, by the content types.
var webFiles = map[string]string{
	"device.js": "text/javascript; charset=utf-8", "phone.js": "text/javascript; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
	"worker.js": "text/javascript; charset=utf-8", "phone.css": "text/css; charset=utf-8",
}

// serveWeb answers one of them.
func serveWeb(c echo.Context) error {
	name := path.Base(c.Path())
	text, err := web.ReadFile("web/" + name)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", webFiles[name])
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(text)))
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(text))
	return nil
}
