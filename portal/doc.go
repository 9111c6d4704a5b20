// Package portal shows an OpenAPI document to people and to AI tools: a reference with a console, the same as Markdown, a
// search and a changelog. All of it is made from the document at run time.
//
//	p, err := portal.New(portal.Config{PublicURL: "https://notify.example.com"})
//	if err != nil { … }
//	pages, err := p.Handler()
//	if err != nil { … }
//	http.ListenAndServe(addr, portal.Mount(pages, operations))
//
// Package portal/mcp gives the same pages to AI tools.
package portal
