package redact

import "bytes"

// word redacts the word at v[end].
func (s *scanner) word(_, end int) { s.argument(skipBlanks(s.v, end)) }

// secondWord redacts the second word behind v[end].
func (s *scanner) secondWord(_, end int) {
	s.argument(skipBlanks(s.v, s.wordEnd(skipBlanks(s.v, end), len(s.v))))
}

// accountsFollow makes the next lines accounts.
func (s *scanner) accountsFollow(int, int) {
	if s.eol {
		s.next.accounts = maxAccounts
	}
}

// userThenPassword makes one of the next two lines a password.
func (s *scanner) userThenPassword(int, int) {
	if s.eol {
		s.expectPrinted(verdict{need: possible, numbers: true}, 3)
	}
}

// maxAccounts is how many lines may follow that hold accounts.
const maxAccounts = 32

// accountLine redacts the password if the line is user:password.
func (s *scanner) accountLine() {
	v := bytes.TrimRight(s.v, " \r\n")
	i := skipBlanks(v, 0)
	if i < len(v) && v[i] == '-' {
		i = skipBlanks(v, i+1)
	}
	n := bytes.IndexByte(v[i:], ':')
	if n > 0 && isSimpleName(v[i:i+n]) && i+n+1 < len(v) && v[i+n+1] > ' ' && bytes.IndexByte(v[i+n:], ' ') < 0 && weigh(v[i+n+1:]) >= possible {
		s.found(i+n+1, len(v), "")
		s.next.wrapped = false
	}
}

// fromTo redacts 'old' TO 'new'.
func (s *scanner) fromTo(_, end int) {
	s.argument(end)
	v := s.v[:min(len(s.v), end+200)]
	for _, to := range []string{" TO ", " to "} {
		if i := bytes.Index(v[end:], []byte(to)); i >= 0 {
			s.argument(end + i + len(to))
		}
	}
}

// hexText redacts the hexadecimal at v[end] if what it says holds a secret.
func (s *scanner) hexText(_, end int) {
	e := end
	for e < len(s.v) && e-end < unbounded && hexValue[s.v[e]] >= 0 {
		e++
	}
	s.steps += e - end
	if e-end < minHexText || (e-end)%2 != 0 {
		return
	}
	text := make([]byte, 0, (e-end)/2+1)
	for i := end; i < e; i += 2 {
		c := byte(hexValue[s.v[i]]<<4 | hexValue[s.v[i+1]])
		if c == 0 || c == '\r' {
			c = ' ' // between arguments
		}
		text = append(text, c)
	}
	inner := scanner{r: s.r, known: s.known}
	if out, _ := inner.line(nil, append(text, '\n'), 0, true); !bytes.Equal(out, append(text, '\n')) {
		s.found(end, e, "")
	}
	s.steps += inner.steps
}

// provided redacts the wrong token that an answer to it repeats.
func (s *scanner) provided(at, end int) {
	e := s.wordEnd(end, len(s.v))
	if val := s.v[end:e]; len(val) >= 16 && weigh(val) >= likely && bytes.Contains(s.v[:at], []byte("token")) {
		s.foundValue(end, e)
	}
}

// minHexText is how much hexadecimal a command with a secret has at least.
const minHexText = 24

// lastWord redacts the last word of the command if it is a digest or a UUID or
// stronger.
func (s *scanner) lastWord(_, end int) {
	v := bytes.TrimRight(s.v[:min(len(s.v), end+200)], " \r\n")
	if i := bytes.IndexByte(v[end:], '\n'); i >= 0 {
		v = bytes.TrimRight(v[:end+i], " \r")
	}
	i := max(end, bytes.LastIndexByte(v, ' ')+1)
	if val := v[i:]; len(val) >= 32 && weigh(val) >= likely {
		s.foundValue(i, len(v))
	}
}

// strongWord redacts the rest of the quoted value at v[end] if it is random.
func (s *scanner) strongWord(_, end int) {
	e := end
	for e < len(s.v) && charsets['p'][s.v[e]] {
		e++
	}
	if val := s.v[end:e]; len(val) >= 20 && weigh(val) == random {
		s.foundValue(end, e)
	}
}

// base64Word redacts the base64 at v[end].
func (s *scanner) base64Word(_, end int) {
	e := s.wordEnd(end, len(s.v))
	if val := bytes.TrimRight(s.v[end:e], "\"',"); len(val) >= 8 && weigh(val) >= likely && bytes.Count(bytes.TrimRight(val, "="), []byte("=")) == 0 {
		s.found(end, end+len(val), "")
	}
}

// userColonPassword redacts the password of user:password, the word at v[end].
func (s *scanner) userColonPassword(_, end int) {
	v := s.v
	e := s.wordEnd(end, len(v))
	if n := bytes.LastIndexByte(v[end:e], ':'); n > 0 && weigh(v[end+n+1:e]) >= possible {
		s.foundValue(end+n+1, e)
	}
}

// passFile redacts the last of the five fields that the line consists of.
func (s *scanner) passFile(at, _ int) {
	v := s.v
	a, e := at, at
	for a > 0 && v[a-1] > ' ' && at-a < 256 {
		a--
	}
	for e < len(v) && v[e] > ' ' && e-at < 512 {
		e++
	}
	if !s.lineStart(a) || e < len(bytes.TrimRight(v, " \r\n")) {
		return
	}
	line := v[a:e]
	for range 4 {
		n := bytes.IndexByte(line, ':')
		if n < 1 {
			return
		}
		line = line[n+1:]
	}
	if weigh(line) >= possible && !isNumber(line) && bytes.Count(line, []byte(":")) == bytes.Count(line, []byte(`\:`)) {
		s.found(e-len(line), e, "")
	}
}

// userList redacts the second of the two quoted strings that the line consists of.
func (s *scanner) userList(at, end int) {
	v := s.v
	a := at
	for a > 0 && v[a-1] != '"' && v[a-1] > ' ' && at-a < 64 {
		a--
	}
	if a == 0 || v[a-1] != '"' || !s.lineStart(a-1) {
		return
	}
	e, closed := closeQuote(v, end, quote{ch: '"'}, false)
	if val := v[end:e]; closed && len(bytes.TrimSpace(v[e+1:])) == 0 && weigh(val) >= likely && bytes.IndexByte(val, ' ') < 0 {
		s.foundValue(end, e)
	}
}

// netUser redacts net user NAME PASSWORD.
func (s *scanner) netUser(_, end int) {
	i := skipBlanks(s.v, s.wordEnd(end, len(s.v)))
	if i < len(s.v) && s.v[i] != '/' && s.v[i] != '*' {
		s.argument(i)
	}
}

// netUse redacts net use [DRIVE:] \\HOST\SHARE PASSWORD.
func (s *scanner) netUse(_, end int) {
	v := s.v
	n := bytes.Index(v[end:min(len(v), end+16)], []byte(`\\`))
	if n < 0 {
		return
	}
	i := skipBlanks(v, s.wordEnd(end+n, len(v)))
	if i < len(v) && v[i] != '/' && v[i] != '*' {
		s.argument(i)
	}
}

// piped redacts the text that echo or printf sends through the pipe at v[at].
func (s *scanner) piped(at, _ int) {
	v := s.v
	pipe := bytes.LastIndexByte(v[:at+1], '|')
	if pipe < 0 {
		return
	}
	from := max(0, pipe-200)
	i := -1
	for _, echo := range []string{"echo ", "printf "} {
		if n := bytes.LastIndex(v[from:pipe], []byte(echo)); n >= 0 {
			i = from + n + len(echo)
		}
	}
	if i < 0 {
		return
	}
	for _, opt := range []string{"-n ", "-e ", "%s ", "'%s' ", `"%s" `, `'%s\n' `} {
		if hasPrefix(v[i:], opt) {
			i += len(opt)
		}
	}
	if i < pipe {
		s.argument(i)
	}
}

// sent redacts what expect(1) sends after it has seen a question for a password.
func (s *scanner) sent(at, end int) {
	v := s.v
	if !bytes.Contains(v[max(0, at-60):at], []byte("assword")) {
		return
	}
	e, closed := closeQuote(v, end, quote{ch: '"'}, false)
	val := v[end:e]
	for _, suffix := range []string{`\r`, `\n`} {
		val = bytes.TrimSuffix(val, []byte(suffix))
	}
	if closed && weigh(val) >= possible {
		s.found(end, end+len(val), "")
	}
}

// code redacts the digits behind "… code is " or "… code: ".
func (s *scanner) code(_, end int) {
	v := s.v
	i := skipBlanks(v, end)
	for _, w := range []string{"is", ":", "=", "was"} {
		if hasPrefix(v[i:], w) {
			i = skipBlanks(v, i+len(w))
		}
	}
	j := i
	for j < len(v) && (isDigit(v[j]) || v[j] == '-' && j > i) {
		j++
	}
	if j-i >= 4 && j-i <= 9 && i > end && (j == len(v) || !isAlnum(v[j])) {
		s.found(i, j, "")
	}
}

// afterColon redacts the word behind the colon at v[end], which blanks may precede.
func (s *scanner) afterColon(_, end int) {
	if i := skipBlanks(s.v, end); i < len(s.v) && s.v[i] == ':' {
		s.argument(skipBlanks(s.v, i+1))
	}
}

// signtool redacts the password of a certificate.
func (s *scanner) signtool(at, end int) {
	if bytes.Contains(s.v[max(0, at-longestCommand):at], []byte("signtool")) {
		s.argument(end)
	}
}

// pin redacts a personal identification number at v[end].
func (s *scanner) pin(at, end int) {
	v := s.v
	j := end
	for j < len(v) && isDigit(v[j]) {
		j++
	}
	if j-end >= 4 && j-end <= 8 && (at == 0 || !isAlnum(v[at-1])) && (j == len(v) || !isAlnum(v[j]) && v[j] != '.') {
		s.found(end, j, "")
	}
}

// radius redacts the password of [user/password] behind v[end].
func (s *scanner) radius(_, end int) {
	v := s.v
	i := bytes.IndexByte(v[end:min(len(v), end+120)], '[')
	if i < 0 {
		return
	}
	i += end
	e := bytes.Index(v[i:min(len(v), i+120)], []byte("] "))
	n := bytes.IndexByte(v[i:min(len(v), i+64)], '/')
	if n > 0 && e > n && weigh(v[i+n+1:i+e]) >= possible && !isSentence(v[i+n+1:i+e]) {
		s.found(i+n+1, i+e, "")
	}
}

// unlock redacts the code that /auth is given.
func (s *scanner) unlock(at, end int) {
	if e := s.wordEnd(end, len(s.v)); (at == 0 || isSpace(s.v[at-1])) && e-end >= 8 && s.weigh(s.v[end:e]) >= likely {
		s.found(end, e, "")
	}
}

// opensslPass redacts the password of -passin pass:x. A label in prose has a blank
// behind it.
func (s *scanner) opensslPass(at, end int) {
	v := s.v
	if c := byteBefore(v, at); c != ' ' && c != '=' || !bytes.Contains(v[max(0, at-32):at], []byte("-pass")) {
		return
	}
	j := end
	for j < len(v) && j-end < unbounded && v[j] > ' ' && v[j] != '"' && v[j] != '\'' {
		j++
	}
	s.steps += j - end
	if weigh(v[end:j]) >= possible {
		s.found(end, j, "")
	}
}

// userSlashPassword redacts the password of user/password@database.
func (s *scanner) userSlashPassword(_, end int) {
	v := s.v
	i := skipAny(v, end, " (")
	word := v[i:s.wordEnd(i, len(v))]
	slash := bytes.IndexByte(word, '/')
	if slash < 1 {
		return
	}
	pw, _, _ := bytes.Cut(word[slash+1:], []byte("@"))
	if weigh(pw) >= possible {
		s.found(i+slash+1, i+slash+1+len(pw), "")
	}
}

// identifiedBy redacts the password of IDENTIFIED BY 'x', or of IDENTIFIED BY x.
func (s *scanner) identifiedBy(_, end int) {
	v := s.v
	i := skipPasswordWords(v, end)
	if s.stringAt(i) {
		return
	}
	if val := bytes.TrimRight(v[i:s.wordEnd(i, len(v))], ";,"); weigh(val) >= likely {
		s.found(i, i+len(val), "")
	}
}

// secureString redacts the string of ConvertTo-SecureString -String "x".
func (s *scanner) secureString(_, end int) { s.stringAt(skipPasswordWords(s.v, end)) }

// skipPasswordWords returns where the password behind what may stand before it at v[i]
// begins.
func skipPasswordWords(v []byte, i int) int {
	i = skipAny(v, i, " (")
	for _, w := range []string{"-string ", "-String ", "password ", "PASSWORD ", "values ", "VALUES "} {
		if hasPrefix(v[i:], w) {
			i += len(w)
		}
	}
	return i
}

// stringAt redacts the quoted value at v[i], and reports whether there is one.
func (s *scanner) stringAt(i int) bool {
	n, q := openQuote(s.v, i)
	if n == 0 {
		return false
	}
	end, _ := closeQuote(s.v, i+n, q, false)
	if weigh(s.v[i+n:end]) >= possible {
		s.found(i+n, end, "")
	}
	return true
}

// htpasswd redacts the password of htpasswd -b FILE USER PASSWORD.
func (s *scanner) htpasswd(at, end int) {
	v := s.v
	i := end
	if bytes.IndexByte(v[at:end], 'n') < 0 { // without -n there is a file
		i = skipBlanks(v, s.wordEnd(i, len(v)))
	}
	s.argument(skipBlanks(v, s.wordEnd(i, len(v))))
}

// chpasswd redacts the password of echo user:password | chpasswd.
func (s *scanner) chpasswd(at, _ int) {
	v := s.v
	i := at
	for i > 0 && at-i < 200 && v[i-1] != '\'' && v[i-1] != '"' && v[i-1] != '\n' && (v[i-1] != ' ' || i == at) {
		i--
	}
	if i > 0 && i == at-1 { // the closing quote
		for i--; i > 0 && at-i < 200 && v[i-1] != '\'' && v[i-1] != '"' && v[i-1] != '\n'; i-- {
		}
	}
	e := i
	for e < at && v[e] != '\'' && v[e] != '"' && v[e] != ' ' {
		e++
	}
	if n := bytes.IndexByte(v[i:e], ':'); n > 0 && weigh(v[i+n+1:e]) >= possible {
		s.found(i+n+1, e, "")
	}
}

// device looks at OpenClaw's device signature payload, whose eighth field is a
// token.
// Source: OpenClaw gateway protocol, connect, device.signature.
func (s *scanner) device(at, _ int) {
	v := s.v
	if at > 0 && isAlnum(v[at-1]) {
		return
	}
	i := at
	for range 7 {
		n := bytes.IndexByte(v[i:min(len(v), i+512)], '|')
		if n < 0 {
			return
		}
		i += n + 1
	}
	n := bytes.IndexByte(v[i:min(len(v), i+1024)], '|')
	if n < 0 {
		if e := s.wordEnd(i, len(v)); atEnd(v, e) {
			n = e - i
		}
	}
	s.steps += i - at
	if n > 0 && weigh(v[i:i+n]) >= possible {
		s.found(i, i+n, "")
	}
}
