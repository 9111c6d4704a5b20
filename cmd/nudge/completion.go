package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/roff"
)

// completions are what shells run to complete a command line: each asks nudge for the words that can come next.
var completions = map[string]string{
	"bash": `_nudge() { local IFS=$'\n'; COMPREPLY=($(compgen -W "$(nudge complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")); }
complete -o default -F _nudge nudge
`,
	"zsh": `#compdef nudge
_nudge() { local -a next; next=(${(f)"$(nudge complete -- "${(@)words[2,CURRENT-1]}" 2>/dev/null)"}); compadd -a next || _files; }
compdef _nudge nudge
`,
	"fish": `complete -c nudge -a '(nudge complete -- (commandline -opc)[2..-1] 2>/dev/null)'
`,
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints what makes a shell complete nudge's command lines.
func (cmd *completionCommand) Run(out output) error {
	_, err := fmt.Fprint(out.stdout, completions[cmd.Shell])
	return err
}

// completeCommand is asked by the shells.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words before the one to complete."`
}

// Run prints the words that can come next, one a line: commands, or the flags of the command that the words name.
func (cmd *completeCommand) Run(model *kong.Kong, out output) error {
	node := model.Model.Node
	for _, word := range cmd.Words {
		if child := childOf(node, word); child != nil {
			node = child
		}
	}
	var next []string
	for _, child := range node.Children {
		if !child.Hidden {
			next = append(next, child.Name)
		}
	}
	for _, flags := range node.AllFlags(true) {
		for _, flag := range flags {
			next = append(next, "--"+flag.Name)
		}
	}
	_, err := fmt.Fprintln(out.stdout, strings.Join(next, "\n"))
	return err
}

func childOf(node *kong.Node, name string) *kong.Node {
	if i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == name }); i >= 0 {
		return node.Children[i]
	}
	return nil
}

type manCommand struct{}

// Run prints the manual page.
func (manCommand) Run(model *kong.Kong, out output) error {
	_, err := fmt.Fprint(out.stdout, mangokong.NewManPage(1, model.Model).Build(roff.NewDocument()))
	return err
}
