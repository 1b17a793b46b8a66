package commands

import (
	"slices"
	"strings"
	"unicode"
)

// HoldsSecret reports whether text may hold a secret: its command is or looks like
// /auth, or like what somebody types who has forgotten that name, or it has
// something like a --secret flag, in any spelling that a phone or a hurried thumb
// makes of them. It errs on the side of true; whatever [Parse] takes a secret from is
// true. Later words that only look like a command are what people search logs for:
// "/logs --grep /auth". It is asked before a text is stored.
func HoldsSecret(text string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case quoteKind(r) >= 0, unicode.Is(unicode.Cf, r), r == '\\':
			return -1 // dropped by splitWords, or not seen by the writer
		}
		return unicode.ToLower(r)
	}, text)
	if strings.TrimSpace(plain) == "/auth" {
		return false // what the menu sends
	}
	first, slash, dash := true, false, false // no command yet; the word before was "/", or dashes
	for w := range strings.FieldsFuncSeq(plain, unicode.IsSpace) {
		name, _, _ := strings.Cut(w, "=")
		bare := strings.TrimLeftFunc(name, isDash)
		if (dash || bare != name) && (distance(bare, "secret") <= 1 || strings.HasPrefix(bare, "secret")) {
			return true
		}
		if first {
			cmd, begins := strings.CutPrefix(w, "/")
			cmd, _, _ = strings.Cut(cmd, "@")
			if distance(cmd, "auth") <= 1 || strings.HasPrefix(cmd, "auth") || (begins || slash) && slices.Contains(notAuth, cmd) {
				return true
			}
		}
		slash, dash = w == "/", bare == ""
		first = first && (slash || strings.HasPrefix(w, "@"))
	}
	return false
}

// notAuth is what people type who mean /auth.
var notAuth = []string{"unlock", "login", "signin", "secret", "password", "passwd", "pass", "passphrase", "pin", "otp", "totp", "2fa", "mfa", "code", "token", "key"}

// isDash reports whether phones, and fonts, make r of a hyphen.
func isDash(r rune) bool { return unicode.Is(unicode.Pd, r) || r == '−' }
