package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nudgehq/nudge"
)

// DefaultTimeout is how long an answer may take.
const DefaultTimeout = 10 * time.Second

// Option configures a run.
type Option func(*settings) error

// WithDocument tests against a document; name is how messages call it. Only what the document says, and HTTP's own standard, is
// then judged: [WithStrict] judges by the strict rules too, which is what happens without a document.
func WithDocument(name string, document []byte) Option {
	return func(s *settings) error {
		s.documentName, s.document, s.strict = name, document, s.strictly || bytes.Equal(document, nudge.OpenAPI)
		return nil
	}
}

// WithStrict judges by the strict rules too: undeclared fields, other spellings of values, paths and media types, repeated
// fields, sizes, and what answers repeat.
func WithStrict() Option {
	return func(s *settings) error {
		s.strict, s.strictly = true, true
		return nil
	}
}

// WithRules turns on rules that are strict ones, by their names: see [Rules].
func WithRules(names ...string) Option {
	return func(s *settings) error { return s.switchRules(true, names) }
}

// WithoutRules turns off rules by their names.
func WithoutRules(names ...string) Option {
	return func(s *settings) error { return s.switchRules(false, names) }
}

// WithMaxCases tries so many cases at most, chosen by the seed. 0: all.
func WithMaxCases(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return errors.New("the limit of cases must not be negative")
		}
		s.maxCases = n
		return nil
	}
}

// WithFiles gives the files that the document's $refs name, seen from its folder. Without it a $ref to a file is an error.
func WithFiles(files fs.FS) Option {
	return func(s *settings) error {
		s.files = files
		return nil
	}
}

// WithFetch reads what the document's $refs name on a host. Without it such a $ref is an error.
func WithFetch(fetch func(location *url.URL) ([]byte, error)) Option {
	return func(s *settings) error {
		s.fetch = fetch
		return nil
	}
}

// WithWarning is told of each thing in the document that is wrong and does not keep it from being used, such as an example
// that its schema does not allow.
func WithWarning(warning func(text string)) Option {
	return func(s *settings) error {
		s.warning = warning
		return nil
	}
}

// WithAccount authenticates with HTTP basic: an account's SID and auth token.
func WithAccount(sid, token string) Option {
	return func(s *settings) error {
		if sid == "" || token == "" {
			return errors.New("the account must have a SID and a token, neither of them empty")
		}
		s.account = &account{sid, token}
		return nil
	}
}

// WithHeader sends a header with every request, for credentials of another kind or for a gateway. Where the document asks for
// it, requests without it and with a wrong value are tested.
func WithHeader(name, value string) Option {
	return func(s *settings) error {
		s.header.Add(name, value)
		return nil
	}
}

// WithQuery sends a parameter of the query with every request, for credentials that stand there.
func WithQuery(name, value string) Option {
	return func(s *settings) error {
		s.query.Add(name, value)
		return nil
	}
}

// WithFixture gives the value of a parameter that exists on the server, such as ServiceSid. Valid requests use it; other
// valid values may be answered 404, and a declared 429 is taken for the resource's own limit. Without fixtures every valid
// value is expected to exist, and requests that create use another value of the path's last parameter each.
func WithFixture(parameter, value string) Option {
	return func(s *settings) error {
		s.fixtures[parameter] = value
		return nil
	}
}

// WithOnly runs the cases whose name matches a regular expression.
func WithOnly(pattern string) Option {
	return func(s *settings) (err error) {
		s.only, err = expression(pattern, "the cases to try")
		return err
	}
}

// WithSkip leaves out the cases whose name matches a regular expression.
func WithSkip(pattern string) Option {
	return func(s *settings) (err error) {
		s.skip, err = expression(pattern, "the cases to leave out")
		return err
	}
}

// WithSeed chooses the random values; 1 without it. The same seed gives the same values.
func WithSeed(seed uint64) Option {
	return func(s *settings) error {
		s.seed = seed
		return nil
	}
}

// WithMaxCreates caps how many resources a run may create: at most n requests that should succeed are sent, and the run ends
// at the first that should have been refused and was not. 0: no limit.
func WithMaxCreates(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return errors.New("the limit of creations must not be negative")
		}
		s.maxCreates = n
		return nil
	}
}

// WithMaxFailures ends the run when n cases have failed; the others are skipped. 0: all cases are tried.
func WithMaxFailures(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return errors.New("the limit of failures must not be negative")
		}
		s.maxFailures = n
		return nil
	}
}

// WithRate sends at most so many requests a second. 0: as fast as they are answered.
func WithRate(perSecond float64) Option {
	return func(s *settings) error {
		if perSecond < 0 {
			return errors.New("the rate must not be negative")
		}
		s.rate = perSecond
		return nil
	}
}

// WithAnyRefusal takes any declared 4xx where a request must be refused, instead of the one that fits.
func WithAnyRefusal() Option {
	return func(s *settings) error {
		s.anyRefusal = true
		return nil
	}
}

// WithTolerated takes a status where a request must be refused, besides the one that fits.
func WithTolerated(statuses ...int) Option {
	return func(s *settings) error {
		for _, status := range statuses {
			if status < 400 || status > 499 {
				return fmt.Errorf("the tolerated status %d is not from 400 to 499", status)
			}
			s.tolerated[status] = true
		}
		return nil
	}
}

// WithHTTPClient sends the requests with a client. Redirects are not followed, whatever it says.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) error {
		own := *client
		own.CheckRedirect = s.client.CheckRedirect
		s.client = &own
		return nil
	}
}

// WithIgnored has a [Proxy] pass requests unjudged whose path begins with one of the texts, such as /health.
func WithIgnored(prefixes ...string) Option {
	return func(s *settings) error {
		for _, prefix := range prefixes {
			if !strings.HasPrefix(prefix, "/") {
				return fmt.Errorf("the ignored path %q does not begin with a slash", short(prefix, 100))
			}
		}
		s.ignored = append(s.ignored, prefixes...)
		return nil
	}
}

// WithProgress calls progress after each case, with how many have failed so far.
func WithProgress(progress func(done, all, failed int)) Option {
	return func(s *settings) error {
		s.progress = progress
		return nil
	}
}
