package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"clawconsole/auth"
	"clawconsole/commands"
)

var update = flag.Bool("update", false, "write what is generated")

// The README's list of commands comes from the grammar.
func TestREADMEListsTheCommands(t *testing.T) {
	const file, begin, end = "../../README.md", "<!-- commands: written by `go test ./cmd/clawconsole -run TestREADME -update` -->\n", "<!-- /commands -->"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the commands")
	}
	var b strings.Builder
	b.WriteString("| command | class | does |\n|---|---|---|\n")
	for _, class := range []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous, auth.Approve} {
		for _, e := range commands.Table() {
			if e.Class == class && !e.Hidden {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(e.Usage, "|", "\\|"), class, e.Summary)
			}
		}
	}
	want := b.String()
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("README.md lists\n%s\nthe grammar has\n%s\nrun this test with -update", got, want)
	}
}
