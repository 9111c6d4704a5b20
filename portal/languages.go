package portal

// language is one that samples are written in.
type language struct {
	template, label, language, setup string
	// sdk tells that the sample uses an official SDK. These have a call for every path of the hosted service, named after it.
	sdk bool
}

// languages are the samples of an operation of nudge's own document, in the order of their tabs.
var languages = []language{
	{template: "curl.sh", label: "curl", language: "bash"},
	{template: "client.go", label: "Go", language: "go", setup: "go get github.com/nudgehq/nudge"},
	{template: "sdk.js", label: "Node", language: "javascript", setup: "npm install twilio", sdk: true},
	{template: "sdk.py", label: "Python", language: "python", setup: "pip install twilio", sdk: true},
	{template: "Sdk.java", label: "Java", language: "java", sdk: true},
}

// genericLanguages are those of any document: each language's usual HTTP client.
var genericLanguages = []language{
	{template: "curl.sh", label: "curl", language: "bash"},
	{template: "nethttp.go", label: "Go", language: "go"},
	{template: "fetch.js", label: "Node", language: "javascript"},
	{template: "httpx.py", label: "Python", language: "python", setup: "pip install httpx"},
}
