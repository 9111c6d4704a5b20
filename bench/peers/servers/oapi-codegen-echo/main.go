// oapi-codegen's own example petstore-expanded, for Echo: its package is imported as it is, since its command listens on
// every address. Its document is examples/petstore-expanded/petstore-expanded.yaml in the same module:
//
//	$(go list -m -f '{{.Dir}}' github.com/deepmap/oapi-codegen)/examples/petstore-expanded/petstore-expanded.yaml
//
// v1.11.0 is the last release that has the examples in its module; later ones keep them in a module that no registry has.
package main

import (
	"log"
	"os"

	"github.com/deepmap/oapi-codegen/examples/petstore-expanded/echo/api"
	"github.com/deepmap/oapi-codegen/pkg/middleware"
	"github.com/labstack/echo/v4"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: oapi-codegen-echo PORT")
	}
	document, err := api.GetSwagger()
	if err != nil {
		log.Fatal(err)
	}
	document.Servers = nil // Their host is not ours.

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(middleware.OapiRequestValidator(document))
	api.RegisterHandlers(e, api.NewPetStore())
	log.Fatal(e.Start("127.0.0.1:" + os.Args[1]))
}
