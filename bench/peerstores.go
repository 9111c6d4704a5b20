package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	_ "modernc.org/sqlite" // the driver sqlite

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

// adder stores a notification, durably when it returns.
type adder func(ctx context.Context, n delivery.Notification) error

// Add makes an adder a server.Queue.
func (a adder) Add(ctx context.Context, n delivery.Notification) error { return a(ctx, n) }

// runStoreServer serves nudge's chain over another store until it is killed, and prints its URL. Nothing is delivered: these stores
// are given the easier half of the work.
func runStoreServer(args []string) error {
	flags := flag.NewFlagSet("storeserver", flag.ExitOnError)
	store := flags.String("store", "", "sqlite, postgres, jetstream or jetstream-always")
	at := flags.String("at", "", "the store's folder, or PostgreSQL's URL")
	_ = flags.Parse(args)
	var add adder
	var err error
	switch *store {
	case "sqlite":
		add, err = sqlite(*at)
	case "postgres":
		add, err = postgres(*at)
	case "jetstream":
		add, err = jetStream(*at, false)
	case "jetstream-always":
		add, err = jetStream(*at, true)
	default:
		err = fmt.Errorf("there is no store %q", *store)
	}
	if err != nil {
		return err
	}
	handler, err := server.New(server.Config{Accounts: accounts.Development(), Challenges: challenges.Any{}, Queue: add, NoAccessLog: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("url http://%s\n", l.Addr())
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}).Serve(l)
}

const createTable = "CREATE TABLE IF NOT EXISTS notifications (sid TEXT PRIMARY KEY, expires BIGINT NOT NULL, record TEXT NOT NULL)"

// sqlite commits in groups, as nudge does: all that came while the last group was synced.
func sqlite(dir string) (adder, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "nudge.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(createTable); err != nil {
		return nil, err
	}
	type waiting struct {
		n    delivery.Notification
		text []byte
		done chan error
	}
	queue := make(chan waiting, 1024)
	commit := func(group []waiting) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		insert, err := tx.Prepare("INSERT INTO notifications VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		for _, w := range group {
			if _, err := insert.Exec(w.n.SID, w.n.Expires().UnixNano(), string(w.text)); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	go func() {
		for first := range queue {
			group := []waiting{first}
			for len(queue) > 0 {
				group = append(group, <-queue)
			}
			err := commit(group)
			for _, w := range group {
				w.done <- err
			}
		}
	}()
	return func(_ context.Context, n delivery.Notification) error {
		text, err := json.Marshal(n)
		if err != nil {
			return err
		}
		w := waiting{n, text, make(chan error, 1)}
		queue <- w
		return <-w.done
	}, nil
}

// postgres inserts over a pool; the server groups commits by itself.
func postgres(url string) (adder, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(64)
	db.SetMaxIdleConns(64)
	if _, err := db.Exec(createTable); err != nil {
		return nil, err
	}
	insert, err := db.Prepare("INSERT INTO notifications VALUES ($1, $2, $3)")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n delivery.Notification) error {
		text, err := json.Marshal(n)
		if err != nil {
			return err
		}
		_, err = insert.ExecContext(ctx, n.SID, n.Expires().UnixNano(), string(text))
		return err
	}, nil
}

// jetStream publishes to a stream on the disk of an embedded server; by default that syncs every two minutes.
func jetStream(dir string, always bool) (adder, error) {
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: dir, SyncAlways: always, NoSigs: true})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return nil, errors.New("the NATS server is not ready")
	}
	connection, err := nats.Connect(s.ClientURL())
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(connection)
	if err != nil {
		return nil, err
	}
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "NOTIFICATIONS", Subjects: []string{"n.>"}, Storage: jetstream.FileStorage}); err != nil {
		return nil, err
	}
	return func(ctx context.Context, n delivery.Notification) error {
		text, err := json.Marshal(n)
		if err != nil {
			return err
		}
		_, err = js.Publish(ctx, "n."+n.SID, text)
		return err
	}, nil
}

// durable measures a create that is on the disk before the answer.
func (r *results) durable(work, programs string) error {
	folder := func(name string) string {
		path := filepath.Join(work, name)
		_ = os.MkdirAll(path, 0o700)
		return path
	}
	store := func(name, at string) func() (*exec.Cmd, error) {
		return self("storeserver", "-store", name, "-at", at)
	}
	peers := []peer{
		{name: "nudge, in memory", command: self("server")},
		{name: "nudge", command: self("server", "-data", filepath.Join(work, "nudge"))},
		{name: "SQLite, group commit", command: store("sqlite", folder("sqlite"))},
		{name: "JetStream, sync always", command: store("jetstream-always", folder("always"))},
		{name: "JetStream, default (not synced)", command: store("jetstream", folder("default"))},
	}
	if programs == "" {
		r.notRun = append(r.notRun, "PostgreSQL: -postgres names none")
	} else {
		url, stop, err := startPostgres(programs, work)
		if err != nil {
			return fmt.Errorf("PostgreSQL: %w", err)
		}
		defer stop()
		peers = append(peers, peer{name: "PostgreSQL", command: store("postgres", url)})
	}
	r.notRun = append(r.notRun, "JetStream with three replicas: `make bench-cluster` measures nudge over it", "River: it is rows of PostgreSQL, which stands here by itself")
	for _, connections := range []int{64, 1} {
		about := "The same chain before each store; nudge's delivers too, the others only store."
		if err := r.measure(table{name: fmt.Sprintf("durable-%d", connections), title: fmt.Sprintf("Durable create, %d at once", connections), connections: connections, base: "nudge, in memory", about: about}, peers); err != nil {
			return err
		}
	}
	return nil
}

// startPostgres starts PostgreSQL as it comes, on a socket of its own folder. It refuses to run as root, so root gives it to postgres.
func startPostgres(programs, work string) (url string, stop func(), err error) {
	data, sockets := filepath.Join(work, "postgres"), filepath.Join(work, "sockets")
	as := func(args ...string) *exec.Cmd {
		if os.Geteuid() == 0 {
			args = append([]string{"runuser", "-u", "postgres", "--"}, args...)
		}
		command := exec.Command(args[0], args[1:]...)
		command.Dir = "/"
		return command
	}
	for _, dir := range []string{data, sockets} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", nil, err
		}
		if os.Geteuid() == 0 {
			if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
				return "", nil, fmt.Errorf("%w: %s", err, out)
			}
		}
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return "", nil, err
	}
	if out, err := as(filepath.Join(programs, "initdb"), "-D", data, "-A", "trust", "-U", "nudge").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("%w: %s", err, out)
	}
	control := func(args ...string) *exec.Cmd {
		return as(append([]string{filepath.Join(programs, "pg_ctl"), "-D", data, "-w"}, args...)...)
	}
	// Its log is a file: a pipe would be held open by the server.
	if err := control("-l", filepath.Join(data, "log"), "-o", "-c listen_addresses='' -k "+sockets, "start").Run(); err != nil {
		return "", nil, err
	}
	return "host=" + sockets + " user=nudge dbname=postgres", func() { _ = control("-m", "immediate", "stop").Run() }, nil
}
