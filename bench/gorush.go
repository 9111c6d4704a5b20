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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gorushBatch is how many messages a request to gorush has: it takes a hundred at most.
const gorushBatch = 100

// gorush is a gorush that sends to the same providers. Its addresses of APNs and FCM are fixed, so it reaches them through a proxy of
// this program's, which leads every connection to the peers.
type gorush struct {
	url     string
	command *exec.Cmd
	proxy   *http.Server
}

// startGorush starts the program that the variable GORUSH names; nil without one.
func (b *pushBench) startGorush() (_ *gorush, err error) {
	program := os.Getenv("GORUSH")
	if program == "" {
		return nil, nil
	}
	g := &gorush{}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()
	proxy, err := g.lead(map[string]string{"api.push.apple.com:443": hostOf(b.APNs), "fcm.googleapis.com:443": hostOf(b.FCM)})
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	g.url = "http://127.0.0.1:" + port
	config := fmt.Sprintf(`
core: {enabled: true, address: 127.0.0.1, port: "%s", max_notification: %d, sync: true, mode: release, http_proxy: "%s", worker_num: 8, queue_num: 8192}
api: {push_uri: /api/push, stat_app_uri: /api/stat/app, stat_go_uri: /api/stat/go, config_uri: /api/config, sys_stat_uri: /sys/stats, metric_uri: /metrics, health_uri: /healthz}
android: {enabled: true, key_path: %s}
ios: {enabled: true, key_path: %s, key_type: p8, production: true, max_concurrent_pushes: %d, key_id: %s, team_id: %s}
queue: {engine: local}
log: {format: string, access_log: stdout, access_level: error, error_log: stderr, error_level: error, hide_messages: true}
stat: {engine: memory}
`, port, gorushBatch, proxy, filepath.Join(b.dir, "service-account.json"), filepath.Join(b.dir, "apns.p8"), pushAtOnce, b.KeyID, b.TeamID)
	path := filepath.Join(b.dir, "gorush.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	// It trusts the peers' certificates, and no others.
	var authorities []byte
	for _, name := range []string{"apns-ca.pem", "fcm-ca.pem"} {
		text, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil {
			return nil, err
		}
		authorities = append(authorities, text...)
	}
	trusted := filepath.Join(b.dir, "gorush-ca.pem")
	if err := os.WriteFile(trusted, authorities, 0o600); err != nil {
		return nil, err
	}
	g.command = exec.Command(program, "-c", path)
	g.command.Env = append(os.Environ(), "SSL_CERT_FILE="+trusted, "SSL_CERT_DIR="+b.dir, "HTTPS_PROXY="+proxy, "NO_PROXY=")
	log, err := os.Create(filepath.Join(b.dir, "gorush.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	g.command.Stdout, g.command.Stderr = log, log
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if answer, err := http.Get(g.url + "/healthz"); err == nil {
			_ = answer.Body.Close()
			return g, nil
		}
		<-time.After(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(b.dir, "gorush.log"))
	return nil, fmt.Errorf("gorush does not answer: %.500s", text)
}

func (g *gorush) stop() {
	if g == nil {
		return
	}
	if g.command != nil && g.command.Process != nil {
		_ = g.command.Process.Kill()
		_ = g.command.Wait()
	}
	if g.proxy != nil {
		_ = g.proxy.Close()
	}
}

// lead starts a proxy that leads connections to hosts elsewhere, and all others to where they want, which is this machine.
func (g *gorush) lead(to map[string]string) (proxy string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	g.proxy = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, ok := to[r.Host]
		if host, _, err := net.SplitHostPort(r.Host); !ok && err == nil && host == "127.0.0.1" {
			target, ok = r.Host, true
		}
		if r.Method != http.MethodConnect || !ok {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = out.Close()
			return
		}
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})}
	go func() { _ = g.proxy.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// send has gorush send the messages of a round, and waits until all are sent.
func (g *gorush) send(channel, address, topic string) error {
	platform := map[string]int{"ios": 1, "android": 2}[channel]
	before, err := g.sent(channel)
	if err != nil {
		return err
	}
	notification := map[string]any{
		"tokens": repeated(address, gorushBatch), "platform": platform, "title": "Sign in", "message": "Is it you?", "topic": topic, "priority": "high",
		"data": map[string]string{"type": "verify_push_challenge"},
	}
	if platform == 2 {
		delete(notification, "topic")
	}
	body, err := json.Marshal(map[string]any{"notifications": []any{notification}})
	if err != nil {
		return err
	}
	for range pushMessages / gorushBatch {
		answer, err := http.Post(g.url+"/api/push", "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK || strings.Contains(string(text), `"error"`) {
			return fmt.Errorf("gorush answered %d: %.300s", answer.StatusCode, text)
		}
	}
	for range 600 {
		if now, err := g.sent(channel); err != nil || now-before >= pushMessages {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
	return errors.New("gorush did not send all")
}

// sent is how many messages gorush has sent over a channel.
func (g *gorush) sent(channel string) (int, error) {
	answer, err := http.Get(g.url + "/api/stat/app")
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	var counts map[string]json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&counts); err != nil {
		return 0, err
	}
	var one struct {
		Success int `json:"push_success"`
	}
	return one.Success, json.Unmarshal(counts[channel], &one)
}

func repeated(text string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = text
	}
	return list
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}
