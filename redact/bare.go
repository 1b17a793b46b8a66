package redact

import "bytes"

// bareValue redacts the unquoted value at v[m] if it is a secret.
func (s *scanner) bareValue(a *assignment, m int) {
	v, start, stop, ver, sep, wide, flag, inURL, spaced := s.v, a.start, a.stop, a.ver, a.sep, a.wide, a.flag(), a.inURL, a.spaced
	if m < s.refusedTo {
		// In a value that was refused. Names may stand in it, but not so many
		// that each looks to its end again.
		if s.refusals++; s.refusals > maxRefusals {
			return
		}
	} else {
		s.refusals = 0
	}
	atStart := s.lineStart(start)
	env := sep == sepEqual && !wide && atStart && !inURL && start+1 < len(v)
	end := s.bareEnd(a, m, env && !bytes.ContainsAny(v[m:min(len(v), m+1)], `"'`))
	if env && end > m && (v[end-1] == ';' || v[end-1] == '"' || v[end-1] == ',' && end < len(v) && v[end] == ' ') {
		end--
	}
	val := v[m:end]
	if len(val) == 0 || hasPrefix(val, "-----BEGIN") {
		return
	}
	s.refusedTo = end
	if val[0] == '<' && bytes.IndexByte(val, '>') < 0 && bytes.IndexByte(v[end:min(len(v), end+200)], '>') >= 0 {
		return // <set to the key …>
	}
	if start > 1 && v[start-1] == '{' && v[start-2] == '$' && (val[0] == '?' || val[0] == '-') {
		return // ${PASSWORD:?required}
	}
	if flag && sep == sepBlank {
		if val[0] == '-' && !(len(val) > 8 && val[1] != '-' && strongWord(val[1:]) && !wordyParts(val)) || val[0] == '|' || val[0] == '>' || val[0] == '<' || val[0] == '[' || val[0] == '=' || m-stop > 1 && s.weigh(val) < 2 || isUpperName(val) {
			return
		}
		if val[0] >= 0x80 || isPair(val) && hasEndingWord(v[start:stop], "secret") {
			return // docker build --secret id=x,src=y
		}
		if s.weigh(val) == 1 && ver.need == 1 && (s.moreProse(end) || mixedNames(val) && classify(val, false).need > 0) {
			return
		}
	}
	if sep == sepBar {
		if ver.need = max(ver.need, 2); isDate(val) {
			return
		}
	}
	if !env && isCode(val, wide) && !(atStart && sep == sepColon && weigh(val) == 3) {
		return
	}
	if sep == sepCall && weigh(val) < 3 {
		return
	}
	rest := v[end:min(len(v), end+200)]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if !env && (isExpression(val, rest, wide) || sep == sepColon && isUpper(val[0]) && s.weigh(val) <= 1 && s.declared(start)) {
		return
	}
	if appPassword(val, rest) && atStart {
		s.found(m, end+len(bytes.TrimRight(rest, " \t\r\"'")), "")
		return
	}
	rest = bytes.TrimRight(rest, " \t\r\"'`,;")
	if isNumber(val) && !inURL {
		// "password: 8 bytes", "token: 12 (max 20)"
		if !ver.numbers || len(bytes.Trim(rest, " }])")) > 0 && sep != sepEqual && !pairAhead(v, skipBlanks(v, end)) || ver.numbers && len(val) < 4 {
			return
		}
	}
	w := s.weigh(val)
	if s.valueSpaces(start, m, end, sep) {
		if i := bytes.IndexByte(v[end:], ';'); i > 0 {
			end += i
			val = v[m:end]
		}
	} else if len(rest) > 0 && w <= 1 && wordy(val) && ver.need == 1 && !inURL {
		// Several words: a passphrase, a message, or more of the line.
		words := bytes.Fields(rest)
		switch {
		case rest[0] != ' ' && rest[0] != '\t':
		case s.seedPhrase(m, v[start:stop]):
			return
		case w == 0:
		case s.passphrase(val, words, sep, atStart, v[start:stop]):
			s.found(m, end+len(rest), "")
			return
		case sep == sepColon && len(words) > 0 && !pairAhead(v, skipBlanks(v, end)) && !isLoud(v[start:stop]):
			// "password: incorrect for bob"
			if isSentence(v[m:end+len(rest)]) || spaced || !atStart || words[0][0] != '#' && words[0][0] != '/' {
				return
			}
		}
	}
	if sep == sepColon && w == 2 && ver.need == 1 && len(rest) > 1 && wordyEnd(val) && isSentence(v[m:end+len(rest)]) {
		return
	}
	if (ver.weak && hasEndingWord(v[start:stop], "auth") || hasEndingWord(v[start:stop], "credentials") || hasEndingWord(v[start:stop], "creds")) && s.userPass(m, end) {
		return
	}
	if !s.enough(val, ver) && !(env && ver.numbers && ver.need == 1 && isLoud(v[start:stop]) && weakPasswords[foldString(string(val[:min(len(val), 12)]))]) {
		return
	}
	if ver.dsn && bytes.IndexByte(val, '=') > 0 {
		return
	}
	for end > m && (v[end-1] == ',' || v[end-1] == ';') && end < len(v) {
		end--
	}
	s.found(m, end, s.kindOf(m, end))
}

// maxRefusals is how many names in a refused value are looked at.
const maxRefusals = 16

// bareEnd returns where the unquoted value at v[i] ends.
func (s *scanner) bareEnd(a *assignment, i int, env bool) int {
	v, sep, inURL, keyStart := s.v, a.sep, a.inURL, a.start
	depth := 0
	j := i
	for ; j < len(v) && j-i < 4*unbounded; j++ {
		c := v[j]
		if c <= ' ' || c == 0x7f {
			break
		}
		if env {
			if (c == ';' || c == '&') && pairAhead(v, j+1) {
				break
			}
			continue
		}
		next := byte(' ')
		if j+1 < len(v) {
			next = v[j+1]
		}
		stop := false
		switch c {
		case '"', '`':
			stop = true
		case '\'':
			stop = next <= ' ' || next == ',' || next == ')' || next == ']' || next == '}' || next == ';' || keyStart > 0 && v[keyStart-1] == '\'' || j == i
		case '\\':
			stop = next == '"' || next == 'n' || next == 'r' || next == 't' || next == '\'' || next == '\\'
			if next == 'u' && j+5 < len(v) && v[j+2] == '0' && v[j+3] == '0' {
				stop = true
			}
		case '<':
			stop = j > i
		case '&':
			stop = inURL || pairAhead(v, j+1) || hasPrefix(v[j:], "&amp;") || hasPrefix(v[j:], "&quot;")
		case '#':
			stop = inURL
		case ';':
			stop = next <= ' ' || pairAhead(v, j+1) || next == '"' || next == '\''
		case ',':
			stop = next <= ' ' || pairAhead(v, j+1) || next == '"' || next == '\'' || next == '{' || next == '['
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth > 0 {
				depth--
			} else {
				stop = next <= ' ' || next == ',' || next == ';' || next == ')' || next == ']' || next == '}' || next == '"' || next == '\'' || next == '.' || next == ':' || next == '('
			}
		case '|':
			stop = sep == sepBar || next <= ' '
		case '%':
			stop = hasPrefix(v[j:], "%22") || hasPrefix(v[j:], "%26") || inURL && hasPrefix(v[j:], "%2C")
		}
		if stop || c >= 0xf0 && j > i || c == 0xe2 && next == 0x9c && j > i || c == 0xe3 && next == 0x80 && j > i {
			break // an emoji, a bracket of Chinese text
		}
	}
	s.steps += j - i
	return j
}

// valueSpaces reports whether the value v[m:end] goes on behind a space, in a
// connection string: Password=a b;Server=x.
func (s *scanner) valueSpaces(start, m, end int, sep separator) bool {
	v := s.v
	if sep != sepEqual || end >= len(v) || v[end] != ' ' {
		return false
	}
	semi := bytes.IndexByte(v[end:min(len(v), end+64)], ';')
	if semi < 0 || bytes.ContainsAny(v[end:end+semi], "=\"'\n:") {
		return false
	}
	return pairAhead(v, end+semi+1) || start > 0 && (v[start-1] == ';' || start > 1 && v[start-2] == ';')
}

// userPass redacts the password of user:password or user/password, v[i:end].
func (s *scanner) userPass(i, end int) bool {
	val := s.v[i:end]
	n := bytes.IndexAny(val, ":/")
	if n < 1 || n > 32 || !isVariableName(val[:n]) || weigh(val[n+1:]) < 2 || len(val)-n < 6 || bytes.IndexByte(val[n+1:], '/') >= 0 {
		return false
	}
	s.found(i+n+1, end, "")
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
	if len(val) != 4 || len(rest) != 15 || !isVariableName(val) {
		return false
	}
	for i, c := range rest {
		if (i%5 == 0) != (c == ' ') || i%5 != 0 && !isAlnum(c) {
			return false
		}
	}
	return true
}

// seedPhrase redacts the 12 to 24 words of a wallet at v[m], whatever follows them.
// Source: BIP 39.
func (s *scanner) seedPhrase(m int, name []byte) bool {
	var buf [maxName]byte
	if low := lower(name, buf[:0]); !bytes.Contains(low, []byte("phrase")) && !bytes.Contains(low, []byte("mnemonic")) && !bytes.Contains(low, []byte("seed")) {
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
		if j >= len(v) || v[j] != ' ' {
			n++
			break
		}
		i = j + 1
	}
	s.found(m, end, "")
	return end > m
}

// passphrase reports whether val and the words after it are one secret of
// several words, such as "correct horse battery staple".
func (s *scanner) passphrase(val []byte, words [][]byte, sep separator, atStart bool, name []byte) bool {
	if len(words) == 0 || len(words) > 24 || bytes.HasSuffix(name, []byte("tokens")) || bytes.HasSuffix(name, []byte("token")) {
		return false
	}
	phrase := false
	var buf [maxName]byte
	low := lower(name, buf[:0])
	if bytes.Contains(low, []byte("phrase")) || bytes.Contains(low, []byte("mnemonic")) || bytes.Contains(low, []byte("seed")) {
		phrase = true
	}
	if phrase && len(words) >= 12 {
		return false // see seedPhrase
	}
	if !phrase && !(atStart && (sep == sepEqual && isLoud(name) || sep == sepColon || sep == sepEqual) && len(words) >= 1) {
		return false
	}
	if len(words) == 1 && !phrase && !isLoud(name) {
		return false
	}
	for _, w := range words {
		for _, c := range w {
			if !isAlnum(c) && c != '-' && c != '!' && c != '\'' && c < 0x80 {
				return false
			}
		}
		if w[0] == '-' {
			return false
		}
		var b [16]byte
		if len(w) <= len(b) && sentenceWords[string(lower(w, b[:0]))] {
			return false
		}
	}
	var b [24]byte
	if len(val) <= len(b) && (sentenceWords[string(lower(val, b[:0]))] || commands[string(lower(words[0], b[:0]))]) {
		return false
	}
	return wordy(val)
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
