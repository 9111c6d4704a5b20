// Command ogenserver serves openapi.yaml with the server that ogen generates from it (package api, made before this is built).
// With -strict what that server leaves to its user is done too; without, it is as generated.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/ogen-go/ogen/ogenerrors"
	"github.com/ogen-go/ogen/validate"

	"ogenserver/api"
)

func main() {
	strict := flag.Bool("strict", false, "do what the generated server leaves to its user")
	account := flag.String("account", "", "the account's SID")
	token := flag.String("token", "", "its auth token")
	flag.Parse()
	s := service{account: *account, token: *token}
	server, err := api.NewServer(s, s,
		api.WithNotFound(func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 404, 20404, "The requested resource was not found")
		}),
		api.WithMethodNotAllowed(func(w http.ResponseWriter, r *http.Request, allowed string) {
			w.Header().Set("Allow", allowed)
			refuse(w, 405, 20004, "Method not allowed")
		}),
		api.WithErrorHandler(func(_ context.Context, w http.ResponseWriter, _ *http.Request, err error) {
			var params *ogenerrors.DecodeParamsError
			var security *ogenerrors.SecurityError
			var mediaType *validate.InvalidContentTypeError
			switch {
			case errors.As(err, &security):
				w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
				refuse(w, 401, 20003, "Authenticate")
			case errors.As(err, &params):
				refuse(w, 400, 60306, "Invalid path parameter")
			case errors.As(err, &mediaType):
				refuse(w, 415, 20415, "The body's media type is not supported")
			default:
				refuse(w, 400, 60200, "Invalid parameter")
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	var handler http.Handler = server
	if *strict {
		handler = strictForm(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, handler))
}

func headers(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Allow-Credentials", "false")
	h.Set("Access-Control-Expose-Headers", "ETag")
	h.Set("Twilio-Request-Id", sid("RQ"))
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	headers(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"code": code, "message": message, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status,
	})
}

func sid(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return kind + hex.EncodeToString(b[:])
}

var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// strictForm refuses what the generated decoder takes: unknown and repeated fields, other spellings of integers, large bodies,
// and a body that cannot be parsed.
func strictForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); r.Method != http.MethodPost || !ok {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
		if err != nil {
			refuse(w, 413, 20413, "The body is too large")
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		name, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if len(body) > 0 && (err != nil || name != "application/x-www-form-urlencoded") {
			refuse(w, 415, 20415, "The body's media type is not supported")
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			refuse(w, 400, 20001, "The request cannot be read")
			return
		}
		for field, values := range form {
			if field != "Ttl" || len(values) > 1 || !integer.MatchString(values[0]) {
				refuse(w, 400, 20001, "A field is unknown, repeated or no integer")
				return
			}
		}
		// Other spellings of the media type, and none beside an empty body.
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		next.ServeHTTP(w, r)
	})
}

type service struct{ account, token string }

func (s service) HandleAccountSidAuthToken(ctx context.Context, _ api.OperationName, t api.AccountSidAuthToken) (context.Context, error) {
	if t.Username != s.account || t.Password != s.token {
		return ctx, errors.New("wrong credentials")
	}
	return ctx, nil
}

func (s service) CreateNotification(_ context.Context, req api.OptCreateNotificationRequest, p api.CreateNotificationParams) (api.CreateNotificationRes, error) {
	ttl := 300
	if given, ok := req.Get(); ok {
		ttl = given.TTL.Or(300)
	}
	entity := sha256.Sum256([]byte(p.ServiceSid + " " + p.Identity))
	return &api.NotificationHeaders{
		AccessControlAllowOrigin: "*", AccessControlAllowMethods: "POST, OPTIONS", AccessControlAllowHeaders: "Authorization, Content-Type",
		AccessControlExposeHeaders: "ETag", TwilioRequestID: sid("RQ"),
		Response: api.Notification{
			Sid: api.NewNilString(sid("NT")), AccountSid: api.NewNilString(s.account), ServiceSid: api.NewNilString(p.ServiceSid),
			EntitySid: api.NewNilString("YE" + hex.EncodeToString(entity[:16])), Identity: api.NewNilString(p.Identity),
			ChallengeSid: api.NewNilString(p.ChallengeSid), Priority: api.NewNilString("high"), TTL: ttl,
			DateCreated: api.NewNilDateTime(time.Now().UTC().Truncate(time.Second)),
		},
	}, nil
}
