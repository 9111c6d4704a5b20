package mutant

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// change lays a defect over the correct server.
type change func(*server)

// rules changes the server's patterns and bounds.
func rules(do func(*server)) change { return do }

// asks reads the request as another one.
func asks(do func(*request)) change {
	return func(s *server) { s.asks = do }
}

// path reads the escaped path as another one.
func path(do func(escaped string) string) change {
	return asks(func(r *request) { r.setPath(do(r.URL.EscapedPath())) })
}

// form reads the form as another one; what cannot be parsed stays.
func form(do func(url.Values)) change {
	return asks(func(r *request) {
		if fields, err := url.ParseQuery(string(r.body)); err == nil && mediaType(r) == formType {
			do(fields)
			r.body = []byte(fields.Encode())
		}
	})
}

// ttl reads a Ttl as another text.
func ttl(do func(text string) string) change {
	return form(func(fields url.Values) {
		if values := fields["Ttl"]; len(values) == 1 {
			values[0] = do(values[0])
		}
	})
}

// login reads other credentials than the request has, if ok.
func login(do func(r *request, username, password string) (string, string)) change {
	return asks(func(r *request) {
		if username, password, ok := r.BasicAuth(); ok {
			r.SetBasicAuth(do(r, username, password))
		}
	})
}

// refusesToo refuses what is right.
func refusesToo(do func(*request) *failure) change {
	return func(s *server) { s.refusesToo = do }
}

// refuses refuses in another way.
func refuses(do func(*request, *failure)) change {
	return func(s *server) { s.refuses = do }
}

// repeats writes a part of what is wrong into an error's message.
func repeats(do func(*request, *failure) string) change {
	return refuses(func(r *request, f *failure) { f.message += do(r, f) })
}

// created changes the JSON object of a 201.
func created(do func(s *server, r *request, fields map[string]any)) change {
	return func(s *server) {
		s.says = func(r *request, a *answer) {
			if a.status == http.StatusCreated {
				do(s, r, a.fields)
				s.last.Store(int64(r.ttl))
			}
		}
	}
}

// field changes a field of a 201.
func field(name string, do func(*server, *request) any) change {
	return created(func(s *server, r *request, fields map[string]any) { fields[name] = do(s, r) })
}

// constant answers always the same in a field of a 201.
func constant(name string, value any) change {
	return field(name, func(*server, *request) any { return value })
}

// refusal changes the JSON object of an error.
func refusal(do func(*answer)) change {
	return func(s *server) {
		s.says = func(_ *request, a *answer) {
			if a.failure != nil {
				do(a)
			}
		}
	}
}

// answers changes an answer on the wire.
func answers(do func(*request, *answer)) change {
	return func(s *server) { s.answers = do }
}

// success changes a 201 on the wire.
func success(do func(*request, *answer)) change {
	return answers(func(r *request, a *answer) {
		if a.failure == nil && a.status == http.StatusCreated {
			do(r, a)
		}
	})
}

// headers changes the headers of all answers.
func headers(do func(http.Header)) change {
	return answers(func(_ *request, a *answer) { do(a.header) })
}

// become makes a failure another one, but for the value.
func (f *failure) become(other *failure) {
	other.value = f.value
	*f = *other
}

// render writes the object of an answer.
func (a *answer) render() {
	if a.fields != nil {
		a.text, _ = json.Marshal(a.fields)
		a.header.Set("Content-Type", "application/json")
	}
}

const formType = "application/x-www-form-urlencoded"

// mediaType is the request's, without parameters.
func mediaType(r *request) string {
	name, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return name
}

func (r *request) setPath(escaped string) {
	r.URL.RawPath = escaped
	if plain, err := url.PathUnescape(escaped); err == nil {
		r.URL.Path = plain
	}
}

// readLeniently takes the fields that are known of a form, whatever else is there, and whatever the media type is.
func (r *request) readLeniently() {
	fields, _ := url.ParseQuery(string(r.body))
	onlyKnown(fields)
	r.body = []byte(fields.Encode())
	r.Header.Set("Content-Type", formType)
}

// number reads the query's field as an integer.
func (r *request) number(field string) (int, bool) {
	n, err := strconv.Atoi(r.URL.Query().Get(field))
	return n, err == nil
}
