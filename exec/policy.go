package exec

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Policy says what /run may run. It reads a command line as the shell would,
// looks at every command in it, also those inside substitutions, functions,
// nested shells and carriers such as xargs, and refuses the line if
//
//   - it cannot be read, or it cannot be told which program some command is;
//   - there is an allow list, and a command, assignment or redirection is not on it,
//     or the line has shell syntax that may mean something else to another shell;
//   - a command looks destructive. This holds for what is on the list too.
//
// The last is a seat belt: it stops a tired person's mistake and the usual tricks, and
// not somebody who sets out to get around it. The allow list is a wall.
type Policy struct {
	allow [][]string
}

// Refused is the error of a [Policy].
type Refused struct {
	Part     string // of the command line, as typed
	Why      string // one line: what is wrong with the part
	Straight string // the line with plain quotes and dashes, if that is why
}

func (r *Refused) Error() string { return fmt.Sprintf("refused: %s: %s", r.Why, r.Part) }

// NewPolicy returns the policy with an allow list of command prefixes, such as
// "git status"; an empty list allows everything that the seat belt lets pass. An
// entry is matched word by word after quotes are removed, with words that are typed
// out, and "git" does not match /usr/bin/git. It allows whatever the program does with further words:
// "find" on the list is a shell, and so are "read" and "test", as bash evaluates the
// subscript of a name. A carrier and what it carries must both be on
// the list, "timeout" and "git status", or together, "timeout 5 git status".
//
// An entry that is not a list of plain words is an error.
func NewPolicy(allow []string) (*Policy, error) {
	p := &Policy{}
	for _, entry := range allow {
		words, err := plainWords(entry)
		if err != nil {
			return nil, fmt.Errorf("allow %q: %w", entry, err)
		}
		p.allow = append(p.allow, words)
	}
	return p, nil
}

// plainWords splits a line that holds nothing but words and quotes.
func plainWords(line string) ([]string, error) {
	f, err := parse(line, syntax.LangPOSIX)
	if err != nil {
		return nil, err
	}
	notPlain := fmt.Errorf("not a list of plain words")
	if len(f.Stmts) != 1 || len(f.Stmts[0].Redirs) > 0 || f.Stmts[0].Background || f.Stmts[0].Negated {
		return nil, notPlain
	}
	call, ok := f.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 {
		return nil, notPlain
	}
	r := &reader{work: new(int)}
	var words []string
	for _, f := range r.fields(call.Args) {
		if !f.static() || f.glob {
			return nil, notPlain
		}
		words = append(words, f.text)
	}
	return words, nil
}

// Check decides about a payload for the shell and returns the argument list that runs
// it, byte for byte. The error is a *[Refused].
func (p *Policy) Check(payload string) ([]string, error) {
	if straight, changed := Straighten(payload); changed {
		return nil, &Refused{Part: payload, Why: "has quotes or dashes that a phone put in", Straight: straight}
	}
	g := newGuard(p.allow)
	if strings.TrimSpace(payload) == "" {
		return nil, &Refused{Part: payload, Why: "nothing to run"}
	}
	if err := g.script(payload); err != nil {
		return nil, err
	}
	return []string{"/bin/sh", "-c", "--", payload}, nil // a payload may begin with a dash
}

// CheckArgv decides about an argument list that is run without a shell and returns it
// unchanged. The error is a *[Refused].
func (p *Policy) CheckArgv(argv []string) ([]string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, &Refused{Part: strings.Join(argv, " "), Why: "nothing to run"}
	}
	g := newGuard(p.allow)
	c := &command{part: strings.Join(argv, " ")}
	for _, a := range argv {
		c.words = append(c.words, field{text: a})
	}
	if err := g.command(c); err != nil {
		return nil, err
	}
	return slices.Clone(argv), nil
}

// listed returns how many of words the longest matching entry of the allow list
// names, 0 if none matches.
func listed(allow [][]string, words []field) int {
	longest := 0
	for _, entry := range allow {
		if len(entry) > len(words) || len(entry) <= longest {
			continue
		}
		same := true
		for i, want := range entry {
			if w := words[i]; !w.static() || w.glob || w.expanded || w.text != want {
				same = false
				break
			}
		}
		if same {
			longest = len(entry)
		}
	}
	return longest
}

// What phones and word processors put in place of plain quotes and dashes.
var straightener = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`,
	"‘", "'", "’", "'", "‚", "'", "‛", "'",
	"—", "--", "―", "--",
	"–", "-", "‐", "-", "‑", "-", "‒", "-", "−", "-",
)

// Straighten returns line with the quotes and dashes that a phone types in place of
// plain ones made plain again, and whether there were any. A payload is never run
// in this form: it is shown, for the person to send.
func Straighten(line string) (straight string, changed bool) {
	straight = straightener.Replace(line)
	return straight, straight != line
}
