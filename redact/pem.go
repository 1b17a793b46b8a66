package redact

import "bytes"

const privateKey = "private key"

// pem looks at a block whose label begins at v[i], behind "-----BEGIN ". A
// private key goes from there to its END, certificates and public keys stay.
// Sources: RFC 7468, RFC 4716, RFC 9580 section 6.2.
func (s *scanner) pem(_, i int) {
	v := s.v
	n := bytes.Index(v[i:min(len(v), i+64)], []byte("--"))
	label := v[i:min(len(v), i+64)]
	if n >= 0 {
		label = v[i : i+n]
	}
	if !isPrivateLabel(label) || i < s.noKey {
		return
	}
	start := i
	for start > 0 && v[start-1] != '-' {
		start--
	}
	for start > 0 && (v[start-1] == '-' || v[start-1] == ' ' && start > 1 && v[start-2] == '-') {
		start--
	}
	body := min(len(v), i+max(n, 0))
	if e := pemEnd(v, body); e > 0 {
		if !holdsKey(v[body:e]) {
			return // -----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----
		}
		s.found(start, e, privateKey)
		return
	}
	// Unfinished, or it goes on in the next lines.
	j := body
	for j < len(v) && v[j] == '-' {
		j++
	}
	for j < len(v) && v[j] != '\n' {
		c := v[j]
		if charsets['b'][c] || c == '=' || c == '-' || c == '_' || c == '\\' || c == '\r' || c == ' ' || c == '%' || c == '&' || c == '#' || c == ';' || c == ':' || c == ',' && j > body && isDigit(v[min(len(v)-1, j+1)]) {
			j++
			continue
		}
		break
	}
	s.steps += j - i
	rest := bytes.TrimRight(v[j:], "\r\n")
	if !holdsKey(v[body:j]) && !s.begun {
		// A BEGIN without a key is not worth a word.
		s.noKey = j
		if s.want(wantBody); s.eol {
			return
		}
	}
	for j > body && (v[j-1] == ' ' || v[j-1] == '\\' || v[j-1] == '\r') {
		j--
	}
	s.found(start, j, privateKey)
	if s.eol && len(bytes.Trim(rest, "\"'`,;+ \\\r\n")) == 0 {
		s.next.mode = modePEM
		s.next.ttl = 0
	}
	s.next.wrapped = false
}

// holdsKey reports whether there is a run of base64 in v that could be of a key.
func holdsKey(v []byte) bool {
	n := 0
	for _, c := range v {
		if charsets['b'][c] {
			if n++; n >= 12 {
				return true
			}
			continue
		}
		n = 0
	}
	return false
}

// beginsKey reports whether line is one of a private key, behind what a logger or a
// program's source puts before it.
func beginsKey(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n\"'`,;+\\")
	line = bytes.TrimSuffix(line, []byte(`\n`))
	if len(line) == 0 {
		return true // between headers and body
	}
	if i := bytes.LastIndexAny(line, " \t\"'|:>]#*"); i >= 0 && !isPEMHeader(bytes.TrimSpace(line)) {
		line = line[i+1:]
	}
	return len(line) >= 12 && isPEMBody(line) || isPEMHeader(bytes.TrimSpace(line))
}

// isPrivateLabel reports whether label is that of a private key; a regular
// expression that matches one is not.
func isPrivateLabel(label []byte) bool {
	return (bytes.Contains(label, []byte("PRIVATE KEY")) || bytes.Contains(label, []byte("OpenVPN Static key"))) && bytes.IndexByte(label, '(') < 0
}

// pemEnd returns where the END line of the block in v[i:] ends, or 0.
func pemEnd(v []byte, i int) int {
	n := bytes.Index(v[i:], []byte("-END "))
	gap := 5
	if n < 0 {
		if n = bytes.Index(v[i:], []byte("- END ")); n < 0 {
			return 0
		}
		gap = 6
	}
	if b := bytes.Index(v[i:i+n], []byte("-BEGIN ")); b >= 0 {
		return 0
	}
	j := i + n + gap
	for j < len(v) && j-i-n < 80 && v[j] != '-' && v[j] != '\n' {
		j++
	}
	for j < len(v) && (v[j] == '-' || v[j] == ' ' && j+1 < len(v) && v[j+1] == '-') {
		j++
	}
	return j
}

// pemLine handles a line inside a private key. It reports whether the line is
// dropped, or, with spans added, replaced in part; otherwise the key was
// unfinished and the line is an ordinary one.
func (s *scanner) pemLine() (drop bool) {
	v := s.v
	line := bytes.Trim(v, " \t\r\n\"'`,;+|>#*\\")
	if cut, ok := bytes.CutSuffix(line, []byte(`\n`)); ok { // in a program's string
		line = bytes.TrimRight(cut, `\r`)
	}
	s.next.mode = modePEM
	s.next.ttl = s.st.ttl
	if len(line) == 0 {
		return false
	}
	if e := pemEnd(v, 0); e > 0 {
		s.next.mode = modeNone
		rest := bytes.Trim(v[e:], " \t\r\n")
		if len(rest) == 0 && len(bytes.TrimSpace(v[:e])) < 400 && isPEMBody(bytes.Trim(v[:bytes.Index(v, []byte("END"))], " \t-\"'`,;+|>#*\\")) {
			return true
		}
		i := bytes.Index(v, []byte("END"))
		for i > 0 && v[i-1] != '"' && v[i-1] != '\'' && (v[i-1] == '-' || v[i-1] == ' ' && i > 1 && v[i-2] == '-' || charsets['b'][v[i-1]] && len(rest) == 0) {
			i--
		}
		s.found(i, e, privateKey)
		return false
	}
	if isPEMBody(line) || isPEMHeader(line) {
		s.next.ttl = 1
		return true
	}
	// A log's prefix before each line of the key.
	if i := bytes.LastIndexAny(bytes.TrimRight(v, " \t\r\n\"',\\"), " \t\"'|:>]"); i >= 0 {
		body := bytes.TrimRight(v[i+1:], " \t\r\n\"',\\")
		if len(body) >= 32 && isPEMBody(body) {
			s.found(i+1, i+1+len(body), privateKey)
			s.next.wrapped, s.next.ttl = false, 1
			return false
		}
		if s.st.ttl > 0 && len(body) >= 4 && isPEMBody(body) && i > 8 {
			s.found(i+1, i+1+len(body), privateKey)
			s.next.wrapped = false
			return false
		}
	}
	s.next.mode = modeNone
	return false
}

// headless is the word of a block whose BEGIN is not there.
const headless = "headless"

// isKeyLine reports whether v is a full line of a PEM block.
func isKeyLine(v []byte) bool {
	line := bytes.TrimRight(v, "\r\n")
	if len(line) < 60 || len(line) > 76 {
		return false
	}
	var upper, lower, digits int
	for _, c := range line {
		switch {
		case !charsets['b'][c]:
			return false
		case isUpper(c):
			upper++
		case isLower(c):
			lower++
		case isDigit(c):
			digits++
		}
	}
	return upper > 8 && lower > 8 && digits > 1
}

// isPEMBody reports whether b may be a line of base64 of a PEM block.
func isPEMBody(b []byte) bool {
	for _, c := range b {
		if !charsets['b'][c] && c != '=' && c != '-' && c != '_' {
			return false
		}
	}
	if len(b) < 20 {
		return len(b) == 0 || b[len(b)-1] == '=' || b[0] == '=' || mixed(b) || mixedCase(b) || len(b) >= 4 && len(b)%4 == 0 && isUpper(b[len(b)-1])
	}
	return mixed(b) || mixedCase(b)
}

// isPEMHeader reports whether b is a header of a PEM or OpenPGP block.
func isPEMHeader(b []byte) bool {
	for _, h := range []string{"Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Hash:", "Charset:", "Subject:", "X-", "Key-Derivation:"} {
		if hasPrefix(b, h) {
			return true
		}
	}
	return false
}

// putty redacts the private part of a PuTTY key, whose lines are counted behind
// v[i].
// Source: https://the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html
func (s *scanner) putty(_, i int) {
	v := s.v
	i = skipBlanks(v, i)
	n := 0
	for i < len(v) && isDigit(v[i]) && n < 1000 {
		n = n*10 + int(v[i]-'0')
		i++
	}
	if rest := bytes.TrimSpace(v[i:]); len(rest) == 0 || rest[0] == '"' || rest[0] == '\'' || rest[0] == ',' {
		if s.eol {
			s.next.mode, s.next.word, s.next.ttl = modePutty, "", 0
		}
		return
	}
	// On one line, with escaped line ends.
	j := i
	for j < len(v) && (charsets['b'][v[j]] || v[j] == '=' || v[j] == '\\' || v[j] == ' ' || v[j] == '%') {
		if hasPrefix(v[j:], "Private-MAC") {
			break
		}
		j++
	}
	for i < j && (v[i] == '\\' || v[i] == ' ') {
		i++
		if i < j && (v[i] == 'n' || v[i] == 'r') {
			i++
		}
	}
	for j > i && v[j-1] != '=' && (v[j-1] == '\\' || v[j-1] == 'n' && j > 1 && v[j-2] == '\\') {
		j--
	}
	if j-i >= 16 {
		s.found(i, j, privateKey)
		s.next.wrapped = false
	}
}
