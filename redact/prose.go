package redact

import "bytes"

// prose looks for a secret behind a name that nothing is assigned to: "the
// password is x", "token x", "password for bob: x". The name ends some blanks before.
func (s *scanner) prose(a *assignment, blanks int) {
	v := s.v
	if blanks == 0 && hasPrefix(v[a.stop:], ", ") {
		blanks = len(", ") // the password, from a to b
	}
	if a.ver.kind != plainKey || blanks == 0 {
		return
	}
	i := a.stop + blanks
	if n, _ := openQuote(v, i); markLen(v[i+n:]) > 0 {
		return // it has been replaced
	}
	line := len(v)
	if n := bytes.IndexByte(v[i:min(len(v), i+400)], '\n'); n >= 0 {
		line = i + n
	}
	limit := min(line, i+120)
	s.steps += limit - i
	if !s.nextWord(a, i, line, blanks) {
		s.saidLater(a, i, line, limit)
	}
}

// nextWord redacts the word or string at v[i], right behind a name, if it looks like a
// secret or its place says so: NAME   value in columns, ENV NAME value, "password
// value" in .netrc. It reports whether the search is over.
func (s *scanner) nextWord(a *assignment, i, line, blanks int) (done bool) {
	v, need := s.v, a.ver.need
	next := s.wordEnd(i, line)
	val := trimWord(v[i:next])
	if len(val) == 0 {
		return false
	}
	if hasPrefix(val, "--body") || hasPrefix(val, "--value") { // gh secret set NAME --body x
		if j := skipBlanks(v, next); a.loud() && j < line {
			s.argument(j)
		}
		return true
	}
	at := i + bytes.Index(v[i:next], val)
	w := weigh(val)
	first := s.lineStart(a.start)
	last := next >= len(bytes.TrimRight(v[:line], " \r"))
	switch {
	case val[0] == '[': // usage: --api-key API_KEY [--secret SECRET]
	case w >= likely && a.loud() && !wordy(val) && need <= likely && (len(a.name) > 5 || blanks > 1):
		s.foundValue(at, at+len(val))
	case s.isPlaced(a, val, w, first, last):
		s.found(at, at+len(val), "")
	case w >= likely && first && last && need == possible && (isUUID(val) || strongWord(val)),
		w == random && len(val) >= 12 && need <= likely && !isUUID(val) && !isDigest(val),
		w == random && len(val) >= 32 && need <= likely && isDigest(val) && charsets['H'][val[0]] && !isLoud(val):
		s.foundValue(at, at+len(val))
	case w == likely && need == possible && a.ver.numbers && len(val) >= 7 && mixed(val) && strongWord(val):
		s.found(at, at+len(val), "")
	default:
		return s.nextString(a, i)
	}
	return true
}

// isPlaced reports whether val, of the weight w, stands where a password stands: behind
// PASS of FTP and POP3, ENV of a Dockerfile, a login of .netrc. first and last say that
// the name and val begin and end the line.
func (s *scanner) isPlaced(a *assignment, val []byte, w weight, first, last bool) bool {
	if w == never {
		return false
	}
	if string(a.name) == "PASS" && first && last && w >= likely && strongWord(val) && !wordyParts(val) {
		return true
	}
	return a.ver.need == possible && (a.loud() && first && s.dockerfile(a.start) || s.netrc(a.start))
}

// nextString redacts the quoted value at v[i] if it looks like a secret: password
// "hunter2". It reports whether it does.
func (s *scanner) nextString(a *assignment, i int) bool {
	n, q := openQuote(s.v, i)
	if n == 0 || a.ver.need > likely {
		return false
	}
	end, closed := closeQuote(s.v, i+n, q, false)
	val := s.v[i+n : end]
	if !closed || isVersion(val) || isSentence(val) || a.ver.object && isObjectName(val) {
		return false
	}
	if bytes.IndexByte(val, ' ') >= 0 && !bytes.HasSuffix(a.name, []byte("phrase")) {
		return false
	}
	if w := weigh(val); w < likely && !(w == possible && a.ver.numbers && a.ver.need == possible && len(val) >= 6) {
		return false
	}
	s.found(i+n, end, "")
	return true
}

// saidLater looks for the value behind a few words, of which the last is one of
// proseTriggers or has a colon: "token for the staging cluster is x".
func (s *scanner) saidLater(a *assignment, i, line, limit int) {
	const words = 8
	v := s.v
	var before []byte
	for n := 0; n < words && i < limit; n++ {
		e := i
		for e < limit && v[e] != ' ' && v[e] != '\t' {
			e++
		}
		w := v[i:e]
		i = skipBlanks(v, e)
		var buf [24]byte
		low := lower(w[:min(len(w), len(buf))], buf[:0])
		trigger := isTrigger(w, low)
		if !trigger && endsSubject(w) || string(w) == "=" && n > 0 && isLoud(before) { // IDENTITY = 'x' is another pair
			return
		}
		before = w
		if !trigger || i >= line {
			continue
		}
		last := w[len(w)-1]
		verb := string(low) == "is" || string(low) == "now" || string(low) == "was"
		found := s.said(i, line, a.ver, verb || last == ':' || last == '=')
		if found && string(low) != "from" || !found && last == ':' { // from the old one to the new
			return
		}
	}
}

// isTrigger reports whether a value may follow the word w, which is low in small
// letters: "is", "=", "bob:".
func isTrigger(w, low []byte) bool {
	if proseTriggers[string(low)] {
		return true
	}
	return len(w) > 1 && w[len(w)-1] == ':' && bytes.IndexByte(w, '-') < 0 && bytes.IndexByte(w, '_') < 0
}

// endsSubject reports whether what follows the word w is about something else.
func endsSubject(w []byte) bool {
	if len(w) == 0 {
		return false
	}
	switch w[len(w)-1] {
	case '.', ';', '!', '?':
		return true
	}
	return bytes.Contains(w, []byte("://")) || bytes.Contains(w, []byte("[redacted"))
}

// proseTriggers are the words behind which a value is said.
var proseTriggers = wordSet(`is now from was is: was: to as be with becomes became: = := ||= : => -> equals by generated: ist lautet est es é är jest`)

// unspacedWords mean password, key or token.
var unspacedWords = []string{"密码", "密碼", "口令", "密钥", "密鑰", "令牌", "パスワード", "トークン", "シークレット", "apiキー", "비밀번호", "암호", "토큰",
	"كلمة المرور", "كلمة السر", "סיסמה", "סיסמא", "รหัสผ่าน", "mật khẩu"}

// unspaced redacts the ASCII word behind v[i], where a word ends that means
// password: after at most a few letters and marks, such as "是" or ": 「".
func (s *scanner) unspaced(_, i int) {
	v := s.v
	j, marks := i, false
	for j < len(v) && j-i < 24 && (v[j] >= 0x80 || v[j] == ' ' || v[j] == ':' || v[j] == '=' || v[j] == '"' || v[j] == '\'' || v[j] == '`') {
		marks = marks || v[j] < 0x80 || hasPrefix(v[j:], "：") || hasPrefix(v[j:], "「") || hasPrefix(v[j:], "是") || hasPrefix(v[j:], "为") || hasPrefix(v[j:], "は")
		j++
	}
	e := j
	for e < len(v) && v[e] > ' ' && v[e] < 0x80 && v[e] != '"' && v[e] != '\'' && v[e] != '`' && v[e] != ',' && v[e] != '<' {
		e++
	}
	s.steps += e - i
	val := trimWord(v[j:e])
	if w := weigh(val); len(val) >= 6 && (w >= likely || w == possible && marks && j-i <= 6 && !isNumber(val)) {
		s.foundValue(j, j+len(val))
	}
}

// said redacts the word or quoted value at v[i] if it looks like a secret.
func (s *scanner) said(i, line int, ver verdict, direct bool) bool {
	v := s.v
	if n, q := openQuote(v, i); n > 0 {
		end, closed := closeQuote(v, i+n, q, false)
		val := v[i+n : end]
		if q.ch == '`' && bytes.IndexByte(val, ' ') > 0 {
			return false // code
		}
		if w := weigh(val); closed && (w >= likely || w == possible && len(val) >= 5 && direct) && len(val) >= 4 && !isSentence(val) && (ver.need < random || w == random) {
			a := skipBlanks(v, i+n)
			for bytes.HasPrefix(v[a:end], []byte("\u00a0")) {
				a += 2
			}
			end = a + len(bytes.TrimRight(v[a:end], " \u00a0"))
			s.foundValue(a, end)
			return true
		}
		return false
	}
	e := s.wordEnd(i, line)
	val := trimWord(v[i:e])
	if len(val) == 0 {
		return false
	}
	a := i + bytes.Index(v[i:e], val)
	w := weigh(val)
	need := max(likely, ver.need)
	if w < need || w == likely && (!strongWord(val) || len(val) < 5) || w == likely && isVersion(val) {
		return false
	}
	if isLoud(val) && bytes.IndexByte(val, '-') > 0 && !direct {
		return false // HKDF-SHA-256
	}
	if w == random && (isUUID(val) || isDigest(val)) && (!direct || ver.need > likely) {
		return false
	}
	if isCode(val, true) {
		return false
	}
	s.foundValue(a, a+len(val))
	return true
}

// strongWord reports whether a word of prose is one that only a secret is: it
// has digits among letters, or punctuation that words do not have.
func strongWord(val []byte) bool {
	if isVersion(val) || isDate(val) {
		return false
	}
	var digits, letters, marks int
	mixedUp := mixed(val) && bytes.ContainsAny(val, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && bytes.ContainsAny(val, "abcdefghijklmnopqrstuvwxyz") && !wordyParts(val)
	for i, c := range val {
		switch {
		case isDigit(c):
			digits++
		case isLetter(c):
			letters++
		case c == '!' || c == '@' || c == '#' || c == '$' || c == '%' || c == '^' || c == '&' || c == '*' || c == '+' || c == '=' || c == '?' || c == '~':
			marks++
		case mixedUp && (c == '/' || c == ':' || c == '<' || c == '>' || c == '|'):
			marks++
		case (c == '/' || c == '\\') && i < len(val)-1, c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '"' || c == '{' || c == '}':
			return false
		case c == ':' || c == '|':
			return false
		}
	}
	if letters == 0 {
		return marks > 0 && digits > 0 && len(val) >= 6
	}
	if bytes.IndexByte(val, '@') > 0 && bytes.IndexByte(val[bytes.IndexByte(val, '@'):], '.') > 0 {
		return false // a mail address
	}
	if bytes.IndexByte(val, '=') > 0 && isVariable(val[:bytes.IndexByte(val, '=')]) {
		return false // another pair
	}
	return digits > 0 && digits+letters >= 4 && letters > 1 || marks > 0 && letters+digits >= 4
}

// isVersion reports whether v is a version, a number, or the name of an algorithm.
func isVersion(v []byte) bool {
	if len(v) > 1 && (v[0] == 'v' || v[0] == 'V') {
		v = v[1:]
	}
	for _, c := range v {
		if !isDigit(c) && c != '.' && c != '-' {
			return isAlgorithm(v)
		}
	}
	return true
}

// algorithms begin the names of algorithms and encodings.
var algorithms = []string{"sha", "SHA", "md5", "RS", "HS", "ES", "AES", "ed25519", "argon2", "pbkdf2", "OAuth", "oauth", "base64", "utf"}

// isAlgorithm reports whether v begins with one of algorithms.
func isAlgorithm(v []byte) bool {
	for _, a := range algorithms {
		if hasPrefix(v, a) {
			return true
		}
	}
	return false
}

// isDate reports whether v is a date or a time.
func isDate(v []byte) bool {
	n := 0
	for _, c := range v {
		switch {
		case isDigit(c):
			n++
		case isLower(c) && c != 't' && c != 'z':
			return false
		}
	}
	return n >= len(v)*2/3 && (bytes.IndexByte(v, '-') > 0 || bytes.IndexByte(v, ':') > 0 || bytes.IndexByte(v, '/') > 0)
}

// wordEnd returns where the word at v[i] ends.
func (s *scanner) wordEnd(i, line int) int {
	j := i
	for j < line && j-i < unbounded && s.v[j] > ' ' {
		if s.v[j] == '\\' && escapedBreak(s.v, j) > j {
			break
		}
		j++
	}
	s.steps += j - i
	return j
}

// trimWord takes what punctuates prose off a word.
func trimWord(w []byte) []byte {
	for len(w) > 0 {
		switch c := w[len(w)-1]; c {
		case '.', ',', ';', ':', ')', ']', '}', '"', '\'', '`', '>':
			w = w[:len(w)-1]
			continue
		}
		break
	}
	for len(w) > 0 {
		switch c := w[0]; c {
		case '(', '"', '\'', '`', '<', '{':
			w = w[1:]
			continue
		}
		break
	}
	return w
}

// dockerfile reports whether the line of the name at start is "ENV NAME value"
// or "setx NAME value".
func (s *scanner) dockerfile(start int) bool {
	before := bytes.TrimSpace(s.v[max(0, start-8):start])
	for _, w := range []string{"ENV", "setx", "ARG", "setenv"} {
		if bytes.HasSuffix(before, []byte(w)) {
			return true
		}
	}
	return false
}

// netrc reports whether a login stands before the name at start: "machine x
// login y password z".
// Source: https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
func (s *scanner) netrc(start int) bool {
	before := s.v[max(0, start-160):start]
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i:]
	}
	_, login, ok := bytes.Cut(before, []byte("login "))
	return ok && len(bytes.Fields(login)) == 1 && login[0] != '-' || bytes.Contains(before, []byte("machine ")) || s.st.word == "netrc"
}
