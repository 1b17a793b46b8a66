package main

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

// Somebody copies the smallest configuration and starts the unit, whose user can read
// nothing of root's: only what systemd hands over as credentials.
func TestREADMEConfigurationWorksUnderTheUnit(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```toml\n")
	text, _, _ := strings.Cut(rest, "```")
	unit, err := os.ReadFile("../../packaging/clawconsole.service")
	if err != nil {
		t.Fatal(err)
	}
	credentials := t.TempDir()
	for _, m := range regexp.MustCompile(`(?m)^LoadCredential=([^:]+):`).FindAllStringSubmatch(string(unit), -1) {
		value := testSecret
		if m[1] == "bot.token" {
			value = testToken
		}
		if err := os.WriteFile(filepath.Join(credentials, m[1]), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, faults := load(writeConfig(t, text), map[string]string{"CREDENTIALS_DIRECTORY": credentials})
	if len(faults) > 0 || c.Auth.Secret.IsZero() || c.OpenClaw.Token.IsZero() {
		t.Errorf("faults under the unit:\n%v", faults)
	}
}

// Somebody at 03:00 searches operations.md for what is on the screen. Every text that it
// quotes as seen is one that the program prints.
func TestOperationsQuotesWhatIsPrinted(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "| what you see |")
	if !ok {
		t.Fatal("operations.md has no table of what is seen")
	}
	var source strings.Builder
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return cmp.Or(err, fs.SkipDir)
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			raw, err := os.ReadFile(path)
			source.Write(raw)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	quoted := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			quoted++
			if !strings.Contains(source.String(), m[1]) {
				t.Errorf("nothing prints %q", m[1])
			}
		}
	}
	if quoted < 10 {
		t.Errorf("%d texts are quoted", quoted)
	}
}
