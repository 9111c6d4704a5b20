// Command casenames writes the names of the cases that the contract kit derives from nudge's own document, so that a commit
// which changes them shows it: casenames cases.txt.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/nudgehq/nudge/contract"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "casenames:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give a file to write, not %q", args)
	}
	// The names of wrong credentials come with right ones.
	cases, err := contract.Cases(contract.WithAccount("account", "password"))
	if err != nil {
		return err
	}
	var names strings.Builder
	for _, c := range cases {
		names.WriteString(c.Name + "\n")
	}
	return os.WriteFile(args[0], []byte(names.String()), 0o600)
}
