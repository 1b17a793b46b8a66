package commands

import (
	"strings"
	"unicode"
)

// HoldsSecret reports whether text may hold a secret: it is or looks like /auth,
// or has something like a --secret flag, in any spelling that a phone or a hurried
// thumb makes of them. It errs on the side of true; whatever [Parse] takes a secret
// from is true. It is asked before a text is stored.
func HoldsSecret(text string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case quoteKind(r) >= 0, unicode.Is(unicode.Cf, r), r == '\\':
			return -1 // dropped by splitWords, or not seen by the writer
		}
		return unicode.ToLower(r)
	}, text)
	for i, w := range strings.FieldsFunc(plain, func(r rune) bool { return unicode.IsSpace(r) }) {
		name, _, _ := strings.Cut(w, "=")
		if bare := strings.TrimLeft(name, "-—–―−"); bare != name && (distance(bare, "secret") <= 2 || strings.HasPrefix(bare, "secret")) {
			return true
		}
		cmd, slash := strings.CutPrefix(w, "/")
		cmd, _, _ = strings.Cut(cmd, "@")
		if (slash || i == 0) && (distance(cmd, "auth") <= 1 || strings.HasPrefix(cmd, "auth")) {
			return true
		}
	}
	return false
}
