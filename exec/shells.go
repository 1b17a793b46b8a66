package exec

import (
	"regexp"
	"strings"
)

// shells are the base names of shells, also with a version behind them.
var shells = regexp.MustCompile(`^((r?ba|da|a|z|fi|po|ya|t?c|r|o|la|hu)?sh|(r|m|pd|o|lo|l)?ksh|xonsh|elvish|nu|oils?)[0-9.]*(-static)?$`)

// shellOptions are the options of a shell that matter here.
type shellOptions struct {
	command bool // -c: the first word is a script
	stdin   bool // -s: the script is on standard input
	words   int  // where the words begin
}

// readShellOptions reads the options of a shell, and reports false if they cannot be told. Each o
// and O takes a value, also behind a c.
// Source: POSIX.1-2017, sh; bash(1), OPTIONS.
func readShellOptions(args []field) (o shellOptions, ok bool) {
	for o.words < len(args) {
		switch a := args[o.words]; {
		case a.text == "--" || a.text == "-":
			o.words++
			return o, true
		case a.text == "--rcfile" || a.text == "--init-file":
			o.words += 2
		case strings.HasPrefix(a.text, "--"):
			o.command = o.command || a.text == "--command" // fish
			o.words++
		case !strings.HasPrefix(a.text, "-") && !strings.HasPrefix(a.text, "+"):
			return o, !a.process
		case !regexShellOption.MatchString(a.text):
			return o, false
		default:
			o.command = o.command || strings.Contains(a.text, "c")
			o.stdin = o.stdin || strings.Contains(a.text, "s")
			o.words += 1 + strings.Count(strings.ToLower(a.text), "o")
		}
	}
	return o, true
}

var regexShellOption = regexp.MustCompile(`^[-+][A-Za-z0-9]+$`)

// shell decides about sh [options] [script or file] words.
func (g *guard) shell(c *command, listed int) error {
	if c.network {
		return &Refused{Part: c.part, Why: whyNetwork}
	}
	o, ok := readShellOptions(c.words[1:])
	words := c.words[min(1+o.words, len(c.words)):]
	switch {
	case !ok:
		return &Refused{Part: c.part, Why: whyUnseen}
	case len(words) == 0 && c.more && (o.command || g.listing()):
		return &Refused{Part: c.part, Why: whyUnseen}
	case o.command && len(words) == 0:
		return nil
	case o.command:
		return g.nested(c, words[0], len(c.words)-len(words), listed)
	case o.stdin || len(words) == 0:
		return g.input(c)
	}
	return g.scriptFile(c, words[0])
}

func (g *guard) scriptFile(c *command, f field) error {
	switch {
	case f.process || f.opaque || g.listing() && f.expanded:
		return &Refused{Part: c.part, Why: whyUnseen}
	case isStdin(f.text):
		return g.input(c)
	case g.whyMade(f.text) != "":
		return &Refused{Part: c.part, Why: g.whyMade(f.text)}
	}
	return nil
}
