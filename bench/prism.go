package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/mutant"
)

// prism is the validating proxy: it sends nothing by itself, so it is given the kit's requests.
type prism struct {
	command *exec.Cmd
	url     string
	// ended is closed when the program has ended.
	ended chan struct{}
	// upstream is where the proxy sends; to is where that goes now.
	to atomic.Pointer[string]
}

func newPrism(peers, work string) (*prism, error) {
	p := &prism{ended: make(chan struct{})}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(upstream, http.HandlerFunc(p.forward)) }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	p.url = "http://127.0.0.1:" + port
	p.command = exec.Command(filepath.Join(peers, "node_modules", ".bin", "prism"), "proxy", filepath.Join(work, "openapi.yaml"), "http://"+upstream.Addr().String(), "--port", port)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	for range 300 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return p, c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.stop()
	return nil, fmt.Errorf("prism does not listen")
}

func (p *prism) stop() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// forward sends what comes from the proxy to the server of now.
func (p *prism) forward(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	to, err := http.NewRequestWithContext(r.Context(), r.Method, *p.to.Load()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	to.Header = r.Header
	answer, err := http.DefaultTransport.RoundTrip(to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// finds tells whether the proxy says of any answer that it breaks the document, or of any request that was answered with
// success.
func (p *prism) finds(ctx context.Context, url string) (bool, error) {
	p.to.Store(&url)
	watch := &violations{}
	_, err := contract.Run(ctx, p.url, contract.WithAccount(mutant.Username, mutant.Password), contract.WithHTTPClient(&http.Client{Transport: watch, Timeout: time.Minute}))
	select {
	case <-p.ended:
		// What it was not asked it has not missed.
		return false, errors.New("prism has ended")
	default:
		return watch.found.Load(), err
	}
}

// violations looks for the proxy's header.
type violations struct{ found atomic.Bool }

// RoundTrip sends a request to the proxy, unless its form, path or query is malformed or, unescaped, no UTF-8: the proxy ends at
// such a one.
func (v *violations) RoundTrip(r *http.Request) (*http.Response, error) {
	texts := []string{r.URL.Opaque, r.URL.RawQuery}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		texts = append(texts, string(body))
	}
	for _, text := range texts {
		if plain, err := url.PathUnescape(text); err != nil || !utf8.ValidString(plain) {
			return nil, errors.New("the proxy is spared this request")
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	var said []struct {
		Location []string
		Severity string
	}
	if text := response.Header.Get("Sl-Violations"); text != "" {
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			return nil, fmt.Errorf("what the proxy says of an answer: %w", err)
		}
	}
	for _, one := range said {
		if one.Severity == "Error" && (slices.Contains(one.Location, "response") || response.StatusCode < http.StatusBadRequest) {
			v.found.Store(true)
		}
	}
	return response, nil
}
