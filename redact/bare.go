package redact

import (
	"bytes"
	"strings"
)

// A bareword is an unquoted value that is being judged.
type bareword struct {
	at, end int
	val     []byte
	rest    []byte // of the line, at most 200 characters
	ver     verdict
	first   bool // its name is the first thing on the line
	env     bool // the line is NAME=value, as a file of environment variables has it
}

// bareValue redacts the unquoted value at v[m] if it is a secret.
func (s *scanner) bareValue(a *assignment, m int) {
	if s.refusedTooOften(m) {
		return
	}
	b := s.bareword(a, m)
	if len(b.val) == 0 || hasPrefix(b.val, "-----BEGIN") {
		return
	}
	s.refusedTo = b.end
	switch {
	case s.isInstruction(a, &b), a.sep == sepBlank && s.isNoArgument(a, &b), a.sep == sepBar && isDate(b.val), !b.env && s.isProgram(a, &b):
		return
	case b.first && appPassword(b.val, b.rest):
		s.found(m, b.end+len(bytes.TrimRight(b.rest, " \t\r\"'")), "")
		return
	}
	b.rest = bytes.TrimRight(b.rest, " \t\r\"'`,;")
	if s.isCount(a, &b) {
		return
	}
	if n := s.valueSpaces(a, &b); n > 0 {
		b.end += n
		b.val = s.v[m:b.end]
	} else if s.severalWords(a, &b) {
		return
	}
	if s.isMessage(a, &b) || s.userPass(a, &b) || !s.enoughBare(a, &b) || b.ver.dsn && bytes.IndexByte(b.val, '=') > 0 {
		return
	}
	end := b.end
	for end > m && end < len(s.v) && (s.v[end-1] == ',' || s.v[end-1] == ';') {
		end--
	}
	s.foundValue(m, end)
}

// maxRefusals is how many names in a refused value are looked at.
const maxRefusals = 16

// refusedTooOften reports whether v[m] is in a value that was refused, in which many
// names stand: if each were to look to its end again, a long line would take too long.
func (s *scanner) refusedTooOften(m int) bool {
	if m >= s.refusedTo {
		s.refusals = 0
		return false
	}
	s.refusals++
	return s.refusals > maxRefusals
}

// bareword finds the bounds of the value at v[m].
func (s *scanner) bareword(a *assignment, m int) bareword {
	v := s.v
	b := bareword{at: m, ver: a.ver, first: s.lineStart(a.start)}
	if a.sep == sepBar {
		b.ver.need = max(likely, b.ver.need)
	}
	b.env = a.sep == sepEqual && !a.wide && b.first && !a.inURL
	if c := byteAt(v, m); b.env && c != '"' && c != '\'' {
		b.end = s.envEnd(m)
	} else {
		b.end = s.bareEnd(a, m)
	}
	if b.env && b.end > m {
		if c := v[b.end-1]; c == ';' || c == '"' || c == ',' && byteAt(v, b.end) == ' ' {
			b.end--
		}
	}
	b.val = v[m:b.end]
	b.rest = v[b.end:min(len(v), b.end+200)]
	if i := bytes.IndexByte(b.rest, '\n'); i >= 0 {
		b.rest = b.rest[:i]
	}
	return b
}

// envEnd returns where the value at v[i] of a NAME=value ends that has the line to
// itself: any punctuation may be part of it.
func (s *scanner) envEnd(i int) int {
	v := s.v
	j := i
	for j < len(v) && j-i < 4*unbounded && v[j] > ' ' && v[j] != 0x7f && !((v[j] == ';' || v[j] == '&') && pairAhead(v, j+1)) {
		j++
	}
	s.steps += j - i
	return j
}

// bareEnd returns where the unquoted value at v[i] ends.
func (s *scanner) bareEnd(a *assignment, i int) int {
	v := s.v
	depth := 0 // of brackets that the value has opened
	j := i
	for ; j < len(v) && j-i < 4*unbounded && v[j] > ' ' && v[j] != 0x7f; j++ {
		switch c := v[j]; {
		case isAlnum(c):
			continue
		case c == '(' || c == '[' || c == '{':
			depth++
			continue
		case depth > 0 && (c == ')' || c == ']' || c == '}'):
			depth--
			continue
		}
		if endsBareword(a, v, i, j) {
			break
		}
	}
	s.steps += j - i
	return j
}

// endsBareword reports whether the unquoted value at v[i] ends before v[j].
func endsBareword(a *assignment, v []byte, i, j int) bool {
	next := byte(' ')
	if j+1 < len(v) {
		next = v[j+1]
	}
	ends := func(chars string) bool { return next <= ' ' || strings.IndexByte(chars, next) >= 0 }
	switch c := v[j]; c {
	case '"', '`':
		return true
	case '\'':
		return ends(",)]};") || byteBefore(v, a.start) == '\'' || j == i
	case '\\':
		return next > ' ' && ends("\"nrt'\\") || hasPrefix(v[j+1:], "u00") && j+5 < len(v)
	case '<':
		return j > i
	case '&':
		return a.inURL || pairAhead(v, j+1) || hasPrefix(v[j:], "&amp;") || hasPrefix(v[j:], "&quot;")
	case '#':
		return a.inURL
	case ';':
		return ends("\"'") || pairAhead(v, j+1)
	case ',':
		return ends("\"'{[") || pairAhead(v, j+1)
	case ')', ']', '}':
		return ends(",;)]}\"'.:([")
	case '|':
		return a.sep == sepBar || next <= ' ' || pairAhead(v, j+1)
	case '%':
		return hasPrefix(v[j:], "%22") || hasPrefix(v[j:], "%26") || a.inURL && hasPrefix(v[j:], "%2C")
	default: // an emoji, a bracket of Chinese text
		return j > i && (c >= 0xf0 || c == 0xe2 && next == 0x9c || c == 0xe3 && next == 0x80)
	}
}

// isInstruction reports whether the value says what to put there: <set to the key …>,
// ${PASSWORD:?required}.
func (s *scanner) isInstruction(a *assignment, b *bareword) bool {
	v := s.v
	switch b.val[0] {
	case '<':
		return bytes.IndexByte(b.val, '>') < 0 && bytes.IndexByte(v[b.end:min(len(v), b.end+200)], '>') >= 0
	case '?', '-':
		return bytes.HasSuffix(v[:a.start], []byte("${"))
	}
	return false
}

// isNoArgument reports whether the word behind an option is not its argument: another
// option, a redirection, a placeholder in capitals, a word of a sentence.
func (s *scanner) isNoArgument(a *assignment, b *bareword) bool {
	val := b.val
	switch c := val[0]; {
	case c == '|' || c == '>' || c == '<' || c == '[' || c == '=' || c >= 0x80:
		return true
	case c == '-' && !(len(val) > 8 && val[1] != '-' && strongWord(val[1:]) && !wordyParts(val)):
		return true
	case b.at-a.stop > 1 && s.weigh(val) < likely, isUpperName(val):
		return true
	case isPair(val) && endsFold(a.name, "secret"):
		return true // docker build --secret id=x,src=y
	}
	return s.weigh(val) == possible && b.ver.need == possible && (s.moreProse(b.end) || mixedNames(val) && classify(val, false).need > 0)
}

// isProgram reports whether the value is part of a program: newToken(), Option<String>,
// the type of a parameter.
func (s *scanner) isProgram(a *assignment, b *bareword) bool {
	if isCode(b.val, a.wide) && !(b.first && a.sep == sepColon && weigh(b.val) == random) {
		return true
	}
	return isExpression(b.val, b.rest, a.wide) || a.sep == sepColon && isUpper(b.val[0]) && s.weigh(b.val) <= possible && s.declared(a.start)
}

// isCount reports whether the value is a number that is no secret: "password: 8
// bytes", "token: 12 (max 20)".
func (s *scanner) isCount(a *assignment, b *bareword) bool {
	if !isNumber(b.val) || a.inURL {
		return false
	}
	if !b.ver.numbers || len(b.val) < 4 {
		return true
	}
	return len(bytes.Trim(b.rest, " }])")) > 0 && a.sep != sepEqual && !pairAhead(s.v, skipBlanks(s.v, b.end))
}

// severalWords decides about a plain word that others follow. It redacts the words of
// a seed phrase or a passphrase, and reports whether they are that, or a message such
// as "password: incorrect for bob".
func (s *scanner) severalWords(a *assignment, b *bareword) bool {
	w := s.weigh(b.val)
	if w > possible || len(b.rest) == 0 || b.rest[0] != ' ' && b.rest[0] != '\t' || !wordy(b.val) || b.ver.need != possible || a.inURL {
		return false
	}
	if s.seedPhrase(b.at, a.name) {
		return true
	}
	if w == never {
		return false
	}
	words := bytes.Fields(b.rest)
	if isPassphrase(a, b, words) {
		s.found(b.at, b.end+len(b.rest), "")
		return true
	}
	if a.sep != sepColon || len(words) == 0 || pairAhead(s.v, skipBlanks(s.v, b.end)) || isLoud(a.name) {
		return false
	}
	return isSentence(s.v[b.at:b.end+len(b.rest)]) || a.spaced || !b.first || words[0][0] != '#' && words[0][0] != '/'
}

// isMessage reports whether the value and the words behind it are a message: "token:
// can't be read as base64".
func (s *scanner) isMessage(a *assignment, b *bareword) bool {
	return a.sep == sepColon && b.ver.need == possible && len(b.rest) > 1 && s.weigh(b.val) == likely && wordyEnd(b.val) && isSentence(s.v[b.at:b.end+len(b.rest)])
}

// enoughBare reports whether the value is a secret, or one of the words that only
// PASSWORD= on a line of its own makes one.
func (s *scanner) enoughBare(a *assignment, b *bareword) bool {
	return s.enough(b.val, b.ver) || b.env && b.ver.numbers && b.ver.need == possible && isLoud(a.name) && weakPasswords[foldString(string(b.val[:min(len(b.val), 12)]))]
}

// valueSpaces returns how far the value goes on behind a space in a connection
// string, 0 if it does not: Password=a b;Server=x.
func (s *scanner) valueSpaces(a *assignment, b *bareword) int {
	v := s.v
	if a.sep != sepEqual || byteAt(v, b.end) != ' ' {
		return 0
	}
	n := bytes.IndexByte(v[b.end:min(len(v), b.end+64)], ';')
	if n < 0 || bytes.ContainsAny(v[b.end:b.end+n], "=\"'\n:") {
		return 0
	}
	if pairAhead(v, b.end+n+1) || byteBefore(v, a.start) == ';' || byteBefore(v, a.start-1) == ';' {
		return n
	}
	return 0
}

// userPass redacts the password if the value of a name such as AUTH or CREDENTIALS is
// user:password or user/password, and reports whether it is.
func (s *scanner) userPass(a *assignment, b *bareword) bool {
	if !(b.ver.weak && endsFold(a.name, "auth") || endsFold(a.name, "credentials") || endsFold(a.name, "creds")) {
		return false
	}
	n := bytes.IndexAny(b.val, ":/")
	if n < 1 || n > 32 || !isSimpleName(b.val[:n]) {
		return false
	}
	if pw := b.val[n+1:]; len(pw) < 5 || weigh(pw) < likely || bytes.IndexByte(pw, '/') >= 0 {
		return false
	}
	s.found(b.at+n+1, b.end, "")
	return true
}

// weakPasswords are words that PASSWORD= is really set to, though elsewhere they
// are words about passwords.
var weakPasswords = wordSet("secret password passwd admin login user username public private default token key pass")

// appPassword reports whether val and rest are groups of four, as Google shows an
// application's password.
// Source: https://support.google.com/accounts/answer/185833
func appPassword(val, rest []byte) bool {
	rest = bytes.TrimRight(rest, " \t\r\"'")
	if len(val) != 4 || len(rest) != 15 || !isSimpleName(val) {
		return false
	}
	for i, c := range rest {
		if (i%5 == 0) != (c == ' ') || i%5 != 0 && !isAlnum(c) {
			return false
		}
	}
	return true
}

// isPhrase reports whether a name is one of a secret of several words.
func isPhrase(name []byte) bool {
	var buf [maxName]byte
	low := lower(name, buf[:0])
	return bytes.Contains(low, []byte("phrase")) || bytes.Contains(low, []byte("mnemonic")) || bytes.Contains(low, []byte("seed"))
}

// seedPhrase redacts the 12 to 24 words of a wallet at v[m], whatever follows them.
// Source: BIP 39.
func (s *scanner) seedPhrase(m int, name []byte) bool {
	if !isPhrase(name) {
		return false
	}
	v := s.v
	end, n := m, 0
	for i := m; i < len(v) && n < 24; n++ {
		j := i
		for j < len(v) && isLower(v[j]) {
			j++
		}
		if j-i < 3 || j-i > 8 || j < len(v) && (isAlnum(v[j]) || v[j] >= 0x80) {
			break
		}
		if n%3 == 2 && n >= 11 {
			end = j
		}
		if byteAt(v, j) != ' ' {
			break
		}
		i = j + 1
	}
	s.found(m, end, "")
	return end > m
}

// isPassphrase reports whether the value and the words after it are one secret of
// several words, such as "correct horse battery staple".
func isPassphrase(a *assignment, b *bareword, words [][]byte) bool {
	if len(words) == 0 || len(words) > 24 || bytes.HasSuffix(a.name, []byte("tokens")) || bytes.HasSuffix(a.name, []byte("token")) {
		return false
	}
	if isPhrase(a.name) {
		if len(words) >= 12 {
			return false // see seedPhrase
		}
	} else if !b.first || a.sep != sepColon && a.sep != sepEqual || len(words) == 1 && !isLoud(a.name) {
		return false
	}
	for _, w := range words {
		if w[0] == '-' || isSentenceWord(w) {
			return false
		}
		for _, c := range w {
			if !isAlnum(c) && c != '-' && c != '!' && c != '\'' && c < 0x80 {
				return false
			}
		}
	}
	var buf [24]byte
	if len(b.val) <= len(buf) && (isSentenceWord(b.val) || commands[string(lower(words[0], buf[:0]))]) {
		return false
	}
	return wordy(b.val)
}

// moreProse reports whether the words after v[i] make the one before part of a
// sentence.
func (s *scanner) moreProse(i int) bool {
	rest := s.v[i:min(len(s.v), i+80)]
	if j := bytes.IndexByte(rest, '\n'); j >= 0 {
		rest = rest[:j]
	}
	return proseWords(rest) >= 1 && !bytes.Contains(rest, []byte(" -"))
}
