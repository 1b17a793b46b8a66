package commands

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// redacted stands where a secret was in Request.Line.
const redacted = "[redacted]"

// Parse reads one message that begins with "/". bot is our username without "@";
// empty means that no name is ours. The error is [ErrNotCommand], [ErrOtherBot]
// or a *[UsageError]. Parse decides nothing: an empty grant does nothing with
// what it returns.
func Parse(msg, bot string) (Request, error) {
	h, node, err := begin(msg, bot)
	if err != nil {
		return Request{}, err
	}
	if err := h.scan(node); err != nil {
		return Request{}, err
	}
	e, _ := lookup(nameOf(node))
	cmd, admission, err := decode(e, h.args)
	if err != nil {
		return Request{}, decodeFailed(err, e)
	}
	if checked, ok := cmd.(interface{ check() error }); ok {
		if err := checked.check(); err != nil {
			return Request{}, &UsageError{Message: err.Error(), Usage: e.Usage}
		}
	}
	return Request{
		Name:    e.Name,
		Class:   e.Class,
		Command: cmd,
		Line:    "/" + strings.ToLower(h.name) + h.rest(h.from),
		Secret:  admission.Secret,
		Yes:     admission.Yes,
	}, nil
}

// Find returns the command that a message is for. It does not look at flags and
// arguments, so Parse may still find fault with them; that is what it saves. Its
// errors are those of Parse.
func Find(msg, bot string) (Entry, error) {
	_, node, err := begin(msg, bot)
	if err != nil {
		return Entry{}, err
	}
	e, _ := lookup(nameOf(node))
	return e, nil
}

// begin reads the words that name the command.
func begin(msg, bot string) (*head, *kong.Node, error) {
	if !strings.HasPrefix(msg, "/") {
		return nil, nil, ErrNotCommand
	}
	first := msg
	if i := strings.IndexFunc(msg, unicode.IsSpace); i >= 0 {
		first = msg[:i]
	}
	name, at, addressed := strings.Cut(first[1:], "@")
	if addressed && (bot == "" || !strings.EqualFold(at, bot)) {
		return nil, nil, ErrOtherBot
	}
	if name == "" {
		return nil, nil, ErrNotCommand
	}
	h := &head{msg: msg, name: name, from: len(first), words: splitWords(msg[len(first):])}
	for i := range h.words {
		h.words[i].start += len(first)
		h.words[i].end += len(first)
	}
	node, err := h.command(name)
	return h, node, err
}

// A head is a message being read, word by word, up to its payload.
type head struct {
	msg     string
	name    string // the command word, without "/" and "@bot"
	from    int    // index after the command word
	words   []word
	args    []string // what kong gets: one flag and its value, or one argument, each
	secrets []word   // the words that hold a secret
}

// command finds the command that name and, for a group, the next word mean.
func (h *head) command(name string) (*kong.Node, error) {
	root := model().root
	node := child(root, name)
	if node == nil {
		return nil, &UsageError{
			Message: "unknown command /" + clip(name, 32),
			Hint:    didYouMean(nearest(name, childNames(root), 1), "/", "/help lists what there is"),
		}
	}
	if node.Leaf() {
		return node, nil
	}
	if len(h.words) == 0 {
		return nil, &UsageError{Message: "/" + node.Name + " needs a subcommand", Usage: usage(node, 0)}
	}
	sub := h.words[0].text
	leaf := child(node, sub)
	if leaf == nil {
		return nil, &UsageError{
			Message: fmt.Sprintf("/%s has no subcommand %s", node.Name, quote(sub)),
			Usage:   usage(node, 0),
			Hint:    didYouMean(nearest(sub, childNames(node), 1), "/"+node.Name+" ", ""),
		}
	}
	h.words = h.words[1:]
	return leaf, nil
}

// scan reads flags and arguments. What kong would say in words for a terminal
// is found here and said in ours; kong then only fills the struct.
func (h *head) scan(node *kong.Node) error {
	bad := func(format string, args ...any) *UsageError {
		return &UsageError{Message: fmt.Sprintf(format, args...), Usage: usageOf(node)}
	}
	flags := model().flags[node]
	seen := make(map[string]bool)
	var positional []string
	ended := false
	for i := 0; i < len(h.words) && len(positional) <= len(node.Positional); i++ {
		w := h.words[i]
		text := straightDashes(w.text)
		if quoteKind([]rune(h.msg[w.start:w.end])[0]) >= 0 {
			text = w.text // quoted: never a flag, never a dash
		}
		switch {
		case ended, text == w.text && !isFlag(h.msg[w.start:w.end]):
		case text == "--":
			ended = true
			continue
		default:
			name, value, hasValue := strings.Cut(strings.TrimPrefix(text, "--"), "=")
			name = strings.ToLower(name)
			f := flags[name]
			if f == nil || !strings.HasPrefix(text, "--") {
				name = "--" + strings.TrimLeft(name, "-")
				u := bad("unknown flag %s", clip(strings.SplitN(text, "=", 2)[0], 32))
				u.Hint = didYouMean(nearest(strings.TrimLeft(name, "-"), slices.Sorted(maps.Keys(flags)), 1), "--", "")
				if u.Hint == "" && len(node.Positional) > 0 {
					u.Hint = "text that begins with a dash goes behind --"
				}
				return u
			}
			if seen[name] {
				return bad("--%s is given twice", name)
			}
			seen[name] = true
			if f.IsBool() {
				if hasValue {
					return bad("--%s takes no value", name)
				}
				h.args = append(h.args, "--"+name)
				continue
			}
			if !hasValue {
				i++
				if i == len(h.words) || flagLike(h.msg, h.words[i]) {
					return bad("--%s needs a value", name)
				}
				value = h.words[i].text
			}
			if f.Tag.Has("secret") {
				h.secrets = append(h.secrets, h.words[i])
			}
			h.args = append(h.args, "--"+name+"="+value)
			continue
		}
		if len(positional) == len(node.Positional) {
			if len(h.secrets) > 0 || node.Tag.Has("secret") || HoldsSecret(h.msg) {
				return bad("/%s takes no more than that", nameOf(node)) // the word may be part of a secret
			}
			return bad("%s is too much for /%s", quote(w.text), nameOf(node))
		}
		p := node.Positional[len(positional)]
		if isRaw(p) {
			positional = append(positional, h.msg[w.start:])
			break
		}
		if p.Tag.Has("secret") {
			h.secrets = append(h.secrets, w)
		}
		positional = append(positional, w.text)
	}
	if len(positional) < len(node.Positional) {
		if p := node.Positional[len(positional)]; p.Required {
			return bad("/%s needs %s %s", nameOf(node), article(p.Name), p.Name)
		}
	}
	h.args = append(append(h.args, "--"), positional...)
	return nil
}

// rest returns the message behind its command word, secrets replaced.
func (h *head) rest(from int) string {
	var b strings.Builder
	for _, w := range h.secrets {
		b.WriteString(h.msg[from:w.start])
		if name, _, ok := strings.Cut(h.msg[w.start:w.end], "="); ok && flagLike(h.msg, w) {
			b.WriteString(name + "=")
		}
		b.WriteString(redacted)
		from = w.end
	}
	b.WriteString(h.msg[from:])
	return b.String()
}

// isFlag reports whether a word as typed is a flag: "--x", "-x", "--", but not
// "-", "-5" or "- x".
func isFlag(raw string) bool {
	return len(raw) > 1 && raw[0] == '-' && (raw[1] < '0' || raw[1] > '9')
}

func flagLike(msg string, w word) bool {
	raw := straightDashes(msg[w.start:w.end])
	return isFlag(raw)
}

// decodeFailed makes a UsageError of what a mapper said.
func decodeFailed(err error, e Entry) error {
	var d *decodeError
	if !errors.As(err, &d) {
		// Only a grammar that scan does not understand leads here. What kong says
		// is not for a phone.
		return &UsageError{Message: "cannot read this command", Usage: e.Usage}
	}
	return &UsageError{Message: err.Error(), Usage: e.Usage}
}

func usageOf(node *kong.Node) string {
	e, _ := lookup(nameOf(node))
	return e.Usage
}

// child finds a command by its name; case does not count.
func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

func childNames(n *kong.Node) []string {
	var names []string
	for _, c := range n.Children {
		if !c.Tag.Has("hidden") {
			names = append(names, c.Name)
		}
	}
	return names
}

// didYouMean asks about names, each behind prefix; of none it says otherwise.
func didYouMean(names []string, prefix, otherwise string) string {
	if len(names) == 0 {
		return otherwise
	}
	shown := make([]string, len(names))
	for i, n := range names {
		shown[i] = prefix + clip(n, 60)
	}
	return "did you mean " + or(shown) + "?"
}

func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an"
	}
	return "a"
}

// longWord is the most runes of a word that clip leaves whole.
const longWord = 512

// clip cuts s to n runes, between two words. It comes before redaction, which does
// not know half a secret: a word is shown whole or not at all. So a first word with
// more than n runes stays whole, and one with more than longWord goes.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	for end := n - 1; end > 0; end-- {
		if unicode.IsSpace(r[end]) {
			return strings.TrimRightFunc(string(r[:end]), unicode.IsSpace) + "…"
		}
	}
	end := slices.IndexFunc(r, unicode.IsSpace)
	switch {
	case end < 0 && len(r) <= longWord:
		return s
	case end < 0 || end > longWord:
		return "…"
	}
	return string(r[:end]) + "…"
}
