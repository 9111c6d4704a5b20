package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/strictserver"
)

// foreign is what a tool says of the small documents of one kind.
type foreign struct {
	servers, noticed, alarms int
	missed, alarmed          []string
	seconds                  float64
}

// examiner tests the server of a document and tells whether something is wrong with it.
type examiner struct {
	name  string
	finds func(ctx context.Context, document, url string) (bool, error)
}

// runForeign sets the contract kit beside Schemathesis on documents that are not nudge's: small ones, a keyword or a kind of
// answer each, with a server that keeps it and one that does not.
func runForeign(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: bench foreign SCHEMATHESIS: the program")
	}
	work, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	rows, err := strictserver.Rows()
	if err != nil {
		return err
	}
	tools := []examiner{
		{name: "nudge contract", finds: kitOf},
		{name: "Schemathesis 4.32.5", finds: func(ctx context.Context, document, url string) (bool, error) {
			return fails(ctx, work, nil, args[0], "run", document, "--url", url, "--checks", "all", "--max-examples", "60", "--seed", "1", "--generation-database", "none")
		}},
	}
	kinds := []string{"request", "answer"}
	var notes []string
	fmt.Printf("\n| tool | of the wrong servers | false alarms on the right ones | seconds a server |\n|---|---|---|---|\n")
	for _, t := range tools {
		for _, kind := range kinds {
			found, err := t.examine(work, kind, rows)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Printf("| %s, %ss | %d of %d | %d | %.2f |\n", t.name, kind, found.noticed, found.servers, found.alarms, found.seconds)
			for _, list := range []struct {
				says  string
				names []string
			}{{says: "not noticed", names: found.missed}, {says: "false alarms", names: found.alarmed}} {
				if len(list.names) > 0 {
					notes = append(notes, fmt.Sprintf("\n%s, %ss, %s: %s.", t.name, kind, list.says, strings.Join(list.names, "; ")))
				}
			}
		}
	}
	for _, note := range notes {
		fmt.Println(note)
	}
	return nil
}

func kitOf(ctx context.Context, document, url string) (bool, error) {
	data, err := os.ReadFile(document)
	if err != nil {
		return false, err
	}
	report, err := contract.Run(ctx, url, contract.WithDocument(document, data))
	return err == nil && report.Failed(), err
}

// examine tries both servers of the rows of a kind. A server is noticed when it fails and the one that is right does not.
func (t examiner) examine(work, kind string, rows []strictserver.Row) (found foreign, err error) {
	started := time.Now()
	for _, row := range rows {
		name, is := strings.CutPrefix(row.Name, kind+": ")
		if !is {
			continue
		}
		document := filepath.Join(work, "row.yaml")
		if err := os.WriteFile(document, row.Document, 0o600); err != nil {
			return found, err
		}
		alarm, err := t.try(document, row.Right)
		if err != nil {
			return found, err
		}
		noticed, err := t.try(document, row.Wrong)
		if err != nil {
			return found, err
		}
		found.servers++
		switch {
		case alarm:
			found.alarms++
			found.alarmed = append(found.alarmed, name)
		case noticed:
			found.noticed++
		default:
			found.missed = append(found.missed, name)
		}
	}
	found.seconds = time.Since(started).Seconds() / float64(2*max(1, found.servers))
	return found, nil
}

func (t examiner) try(document string, handler http.Handler) (bool, error) {
	server := httptest.NewServer(handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), toolTimeout)
	defer cancel()
	return t.finds(ctx, document, server.URL)
}
