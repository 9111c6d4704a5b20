package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nudgehq/nudge/contract"
)

// reportFiles are the files of the reports, which are made before anything is sent.
type reportFiles struct{ junit, json *os.File }

// reportFilesOf makes the files of the flags; an empty name is none, and - is standard output.
func reportFilesOf(junit, asJSON string) (files reportFiles, err error) {
	if junit != "" {
		if files.junit, err = os.Create(junit); err != nil {
			return files, usagef("--junit: %w", err)
		}
	}
	if asJSON != "" && asJSON != "-" {
		if files.json, err = os.Create(asJSON); err != nil {
			return files, usagef("--json: %w", err)
		}
	}
	return files, nil
}

func (f reportFiles) write(report *contract.Report) error {
	var problems []error
	if f.junit != nil {
		problems = append(problems, report.WriteJUnit(f.junit), f.junit.Close())
	}
	if f.json != nil {
		problems = append(problems, report.WriteJSON(f.json), f.json.Close())
	}
	return errors.Join(problems...)
}

// writeJSON writes a value as a person can read it.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func toFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// list prints the cases, or with --json writes them.
func (cmd *contractRunCommand) list(stdout io.Writer, options []contract.Option) error {
	cases, err := contract.Cases(options...)
	if err != nil {
		return usageError{err}
	}
	if cmd.JSON != "" {
		write := func(w io.Writer) error { return writeJSON(w, cases) }
		if cmd.JSON == "-" {
			return write(stdout)
		}
		return toFile(cmd.JSON, write)
	}
	for _, c := range cases {
		text := c.Name + "\n\t" + c.Rule
		if c.Skip != "" {
			text += "\n\tSKIP " + c.Skip
		}
		if _, err := fmt.Fprintln(stdout, text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "%d cases\n", len(cases))
	return err
}
