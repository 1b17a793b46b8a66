package redact

import "bytes"

// A phrase is text before or around which a secret stands that nothing calls one.
type phrase struct {
	text string // in small letters
	look func(s *scanner, at, end int)
}

// phrases returns the table of phrases.
func phrases() []phrase {
	return []phrase{
		// RFC 4954: SMTP, IMAP and POP3 log-ins in base64
		{"auth plain ", (*scanner).base64Word}, {"auth login ", (*scanner).base64Word}, {"authenticate plain ", (*scanner).base64Word},
		// https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ and sentinel.conf
		{" on >", (*scanner).word}, {"auth-pass ", (*scanner).secondWord},
		// https://www.haproxy.com/documentation/haproxy-configuration-manual/latest/#stats%20auth
		{"stats auth ", (*scanner).account1},
		// https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/security/s1/sec-s1-cr-book.html
		{"snmp-server community ", (*scanner).word}, {"server key 7 ", (*scanner).word}, {"password 0 ", (*scanner).word}, {"password 7 ", (*scanner).word}, {"secret 0 ", (*scanner).word},
		// https://openwrt.org/docs/guide-user/base-system/uci
		{"option key ", (*scanner).word}, {"option password ", (*scanner).word},
		// https://docs.strongswan.org/docs/latest/swanctl/swanctlConf.html and ipsec.secrets(5)
		{": rsa ", (*scanner).secondWord}, {" : eap ", (*scanner).word}, {" : xauth ", (*scanner).word},
		// https://developer.hashicorp.com/consul/docs/security/encryption/gossip
		{`encrypt = "`, (*scanner).strongWord}, {`"encrypt": "`, (*scanner).strongWord}, {`"encrypt":"`, (*scanner).strongWord},
		// https://docs.openclaw.ai/concepts/oauth (auth-profiles.json)
		{`"access":"`, (*scanner).strongWord}, {`"access": "`, (*scanner).strongWord},
		// https://www.postfix.org/SASL_README.html#client_sasl_enable
		{"]:587 ", (*scanner).account1}, {"]:465 ", (*scanner).account1}, {"]:25 ", (*scanner).account1},
		// https://www.postgresql.org/docs/current/libpq-pgpass.html
		{":5432:", (*scanner).passFile}, {":5433:", (*scanner).passFile}, {":6432:", (*scanner).passFile}, {":*:", (*scanner).passFile},
		// https://www.pgbouncer.org/config.html#authentication-file-format
		{`" "`, (*scanner).userList},
		// https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/net-user
		{"net user ", (*scanner).netUser}, {"net use ", (*scanner).netUse},
		// What is piped into a program that asks for a password.
		{"| sudo -s", (*scanner).piped}, {"|sudo -s", (*scanner).piped}, {"| kinit", (*scanner).piped}, {"| /usr/bin/kinit", (*scanner).piped}, {"--password-stdin", (*scanner).piped}, {"| passwd --stdin", (*scanner).piped}, {"| gpg ", (*scanner).piped}, {"| cryptsetup", (*scanner).piped}, {"| smbpasswd", (*scanner).piped},
		{"pin: ", (*scanner).pin}, {`pin": "`, (*scanner).pin}, {"puk: ", (*scanner).pin},
		{"key content ", (*scanner).afterColon}, {" /p ", (*scanner).signtool},
		{`send "`, (*scanner).sent},
		// Codes for one log-in.
		{"-time code", (*scanner).code}, {"verification code", (*scanner).code}, {"security code", (*scanner).code}, {"login code", (*scanner).code}, {"access code", (*scanner).code}, {"2fa code", (*scanner).code}, {"pairing code", (*scanner).code},
		// https://man7.org/linux/man-pages/man8/auditd.8.html: text with blanks in hexadecimal
		{" cmd=", (*scanner).hexText}, {" proctitle=", (*scanner).hexText}, {" data=", (*scanner).hexText},
		// https://man7.org/linux/man-pages/man8/chpasswd.8.html
		{"chpasswd:", (*scanner).accountsFollow}, {"chpasswd <<", (*scanner).accountsFollow},
		{"<auth-user-pass>", (*scanner).userThenPassword},
		// https://openvpn.net/community-docs/management-interface.html
		{`password "auth" `, (*scanner).word},
		// https://neo4j.com/docs/operations-manual/current/authentication-authorization/manage-users/
		{"set password from ", (*scanner).fromTo},
		// https://wiki.freeradius.org/guide/faq (log_auth_badpass)
		{"login incorrect", (*scanner).radius}, {"login ok", (*scanner).radius},
		// Commands whose last word is a token of no format.
		{"wandb login ", (*scanner).lastWord}, {"snyk auth ", (*scanner).lastWord}, {"private_api_key ", (*scanner).lastWord}, {"cloudflared service install ", (*scanner).lastWord},
	}
}

// word redacts the word at v[end].
func (s *scanner) word(_, end int) { s.argument(skipBlanks(s.v, end)) }

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
		s.expectPrinted(verdict{need: 1, numbers: true}, 3)
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
	if n > 0 && isVariableName(v[i:i+n]) && i+n+1 < len(v) && v[i+n+1] > ' ' && bytes.IndexByte(v[i+n:], ' ') < 0 && weigh(v[i+n+1:]) > 0 {
		s.found(i+n+1, len(v), "")
		s.next.cont = noCont
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
	if val := v[i:]; len(val) >= 32 && weigh(val) >= 2 {
		s.foundValue(i, len(v))
	}
}

// strongWord redacts the rest of the quoted value at v[end] if it is random.
func (s *scanner) strongWord(_, end int) {
	e := end
	for e < len(s.v) && charsets['p'][s.v[e]] {
		e++
	}
	if val := s.v[end:e]; len(val) >= 20 && weigh(val) == 3 {
		s.foundValue(end, e)
	}
}

// base64Word redacts the base64 at v[end].
func (s *scanner) base64Word(_, end int) {
	e := s.wordEnd(end, len(s.v))
	if val := bytes.TrimRight(s.v[end:e], "\"',"); len(val) >= 8 && weigh(val) >= 2 && bytes.Count(bytes.TrimRight(val, "="), []byte("=")) == 0 {
		s.found(end, end+len(val), "")
	}
}

// account1 redacts the password of user:password, the word at v[end].
func (s *scanner) account1(_, end int) {
	v := s.v
	e := s.wordEnd(end, len(v))
	if n := bytes.LastIndexByte(v[end:e], ':'); n > 0 && weigh(v[end+n+1:e]) > 0 {
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
	if weigh(line) > 0 && !isNumber(line) && bytes.Count(line, []byte(":")) == bytes.Count(line, []byte(`\:`)) {
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
	if val := v[end:e]; closed && len(bytes.TrimSpace(v[e+1:])) == 0 && weigh(val) >= 2 && bytes.IndexByte(val, ' ') < 0 {
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
	if closed && weigh(val) > 0 {
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

func (s *scanner) afterColon(_, end int) {
	if i := skipBlanks(s.v, end); i < len(s.v) && s.v[i] == ':' {
		s.argument(skipBlanks(s.v, i+1))
	}
}

// signtool redacts the password of a certificate.
// Source: https://learn.microsoft.com/en-us/windows/win32/seccrypto/signtool
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
	if n > 0 && e > n && weigh(v[i+n+1:i+e]) > 0 && !isSentence(v[i+n+1:i+e]) {
		s.found(i+n+1, i+e, "")
	}
}

// phrase looks at what follows "identified by" and "pass:".
func (s *scanner) phrase(at, end int) {
	v := s.v
	if v[at] == '|' || fold(v[at]) == 'h' {
		s.account(at, end)
		return
	}
	if v[at] == '/' { // our own command
		if e := s.wordEnd(end, len(v)); (at == 0 || isSpace(v[at-1])) && e-end >= 8 && s.weigh(v[end:e]) >= 2 {
			s.found(end, e, "")
		}
		return
	}
	if v[end-1] == ':' && fold(v[at]) == 'p' {
		// openssl's pass:…; a label in prose has a space behind it
		if at == 0 || v[at-1] != ' ' && v[at-1] != '=' || !bytes.Contains(v[max(0, at-32):at], []byte("-pass")) {
			return
		}
		j := end
		for j < len(v) && j-end < unbounded && v[j] > ' ' && v[j] != '"' && v[j] != '\'' {
			j++
		}
		s.steps += j - end
		if weigh(v[end:j]) > 0 {
			s.found(end, j, "")
		}
		return
	}
	i := end
	for i < len(v) && (v[i] == ' ' || v[i] == '(') {
		i++
	}
	if c := fold(v[at]); c == 'o' || v[end-1] == ' ' { // user/password@
		j := s.wordEnd(i, len(v))
		slash := bytes.IndexByte(v[i:j], '/')
		if slash < 1 {
			return
		}
		e := bytes.IndexByte(v[i+slash:j], '@')
		if e < 0 {
			e = j - i - slash
		}
		if pw := v[i+slash+1 : i+slash+e]; weigh(pw) > 0 {
			s.found(i+slash+1, i+slash+e, "")
		}
		return
	}
	for _, w := range []string{"-string ", "-String ", "password ", "PASSWORD ", "values ", "VALUES "} {
		if hasPrefix(v[i:], w) {
			i += len(w)
		}
	}
	if n, q := openQuote(v, i); n > 0 {
		end, _ := closeQuote(v, i+n, q, false)
		if weigh(v[i+n:end]) > 0 {
			s.found(i+n, end, "")
		}
	} else if e := s.wordEnd(i, len(v)); fold(v[at]) == 'i' {
		if val := bytes.TrimRight(v[i:e], ";,"); weigh(val) >= 2 {
			s.found(i, i+len(val), "")
		}
	}
}

// device looks at OpenClaw's device signature payload, whose eighth field is a
// token.
// Source: OpenClaw gateway protocol, connect, device.signature.
func (s *scanner) device(at int) {
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
	if n > 0 && weigh(v[i:i+n]) > 0 {
		s.found(i, i+n, "")
	}
}
