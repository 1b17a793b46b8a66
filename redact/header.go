package redact

import (
	"bytes"
	"strings"
)

// schemes are the words that may stand before credentials in an Authorization
// header.
// Source: IANA HTTP Authentication Scheme Registry, and services of their own.
var schemes = wordSet(`bearer basic token digest negotiate ntlm apikey api-key aws4-hmac-sha256 oauth hawk mac dpop bot ssws geniekey splunk
	key hmac hoba mutual vapid scram-sha-1 scram-sha-256 privatetoken sharedkey sharedkeylite sharedaccesssignature jwt github-bearer
	concealed gnap klaviyo-api-key jsonwebtoken bearertoken`)

// authorization redacts the credentials of an Authorization header, whose value
// begins at v[i].
func (s *scanner) authorization(i int) {
	v := s.v
	if i >= len(v) || v[i] == '\n' {
		return
	}
	end := len(v)
	if v[i] == '[' {
		i++
	}
	if i >= len(v) || hasPrefix(v[i:], "redacted") {
		return
	}
	if v[i] == 'b' && i+1 < len(v) && (v[i+1] == '\'' || v[i+1] == '"') {
		i++ // Python's b'…'
	}
	n, q := openQuote(v, i)
	if n > 0 {
		i += n
		if s.header > i {
			return // inside a value that was judged
		}
		end, _ = closeQuote(v[:min(end, i+unbounded)], i, q, false)
		s.header = end
	}
	var buf [maxScheme]byte
	scheme, i := authScheme(v, i, end, n > 0)
	switch {
	case i >= end || atEnd(v, i):
		if len(scheme) > 0 && n == 0 {
			s.await(pendingRandom, i, verdict{need: likely})
			s.next.indentK = 0
		}
	case !parameterSchemes[string(lower(scheme, buf[:0]))]:
		s.credentials(i, end, len(scheme) > 0, n > 0)
	case n > 0:
		s.parameters(i, end)
	case s.header <= i:
		s.header = s.parameters(i, min(len(v), i+unbounded))
	}
}

// parameterSchemes have parameters in the place of one word.
// Sources: RFC 7616, RFC 5849, RFC 7804, RFC 7486, RFC 8292, and those of AWS, Hawk and Azure.
var parameterSchemes = wordSet("digest aws4-hmac-sha256 oauth hawk mac scram-sha-256 scram-sha-1 hoba vapid sharedaccesssignature")

// maxScheme is the length of the longest name of a scheme.
const maxScheme = 32

// authScheme returns the scheme that credentials in v[i:end] begin with, and where they
// go on behind it. If they have none, scheme is empty.
func authScheme(v []byte, i, end int, quoted bool) (scheme []byte, at int) {
	j := i
	for j < end && (isAlnum(v[j]) || v[j] == '-' || v[j] == '_') {
		j++
	}
	at = j
	switch {
	case j < end && (v[j] == ' ' || v[j] == '+'):
		at++
	case j < end && hasPrefix(v[j:], "%20"):
		at += len("%20")
	case quoted || !atEnd(v, j):
		return nil, i
	}
	var buf [maxScheme]byte
	if j-i > len(buf) || !schemes[string(lower(v[i:j], buf[:0]))] {
		return nil, i
	}
	return v[i:j], skipBlanks(v, at)
}

// credentials redacts the word at v[i], behind a scheme or without one.
func (s *scanner) credentials(i, end int, scheme, quoted bool) {
	v := s.v
	if !quoted && s.header > i {
		return // inside a word that was refused
	}
	k := i
	for k < end && k-i < unbounded && v[k] > ' ' && strings.IndexByte(",;})\"'`<", v[k]) < 0 && !(v[k] == '\\' && (escapedBreak(v, k) > k || k+1 < end && v[k+1] == '"')) {
		k++
	}
	s.steps += k - i
	s.header = max(s.header, k)
	val := bytes.TrimRight(v[i:k], "]")
	if isUpperName(val) && bytes.ContainsAny(val, "_-") {
		return // OAUTH-TOKEN
	}
	w := weigh(val)
	switch {
	case !scheme:
		if !(w >= likely && len(val) >= 6 && !wordy(val)) && !(len(val) >= 12 && mixedCase(val)) {
			return
		}
	case w == never, w == possible && !quoted && k < end && len(val) < 12 && v[k] == ' ': // a word of a sentence
		return
	}
	s.foundValue(i, i+len(val))
}

// secretParameters are those that prove who sends them.
var secretParameters = wordSet("response signature oauth_token oauth_signature mac oauth_consumer_key sig hmac k t nonce cnonce result data")

// parameters redacts the secret ones of the parameters of a scheme, name=value
// or name="value" between commas, and returns where they end.
func (s *scanner) parameters(i, end int) int {
	v := s.v
	from := i
	defer func() { s.steps += i - from }()
	for i < end {
		j := i
		for j < end && (isAlnum(v[j]) || v[j] == '_' || v[j] == '-') {
			j++
		}
		if j == i && strings.IndexByte(" \t,;&\\", v[i]) >= 0 {
			i++
			continue
		}
		if j == i || j >= end || v[j] != '=' {
			return j
		}
		var buf [32]byte
		name := lower(v[i:min(j, i+32)], buf[:0])
		a := j + 1
		n, q := openQuote(v, a)
		e := a + n
		if n > 0 {
			e, _ = closeQuote(v, e, q, false)
			e = min(e, end)
		} else {
			for e < end && v[e] != ',' && v[e] != '&' && v[e] > ' ' && v[e] != '"' && v[e] != '\'' {
				e++
			}
		}
		if val := v[a+n : e]; secretParameters[string(name)] && len(val) >= 8 && weigh(val) >= likely {
			s.found(a+n, e, "")
		}
		i = min(len(v), e+n)
	}
	return i
}

// cookieAttributes belong to the cookie before, they are not cookies.
var cookieAttributes = wordSet(`path domain expires max-age samesite secure httponly version priority partitioned comment`)

// cookies redacts the values of cookies that may be credentials.
func (s *scanner) cookies(i int) {
	v := s.v
	if n, _ := openQuote(v, i); n > 0 {
		i += n
	}
	if s.header > i {
		return // among the cookies of another header
	}
	from := i
	ends := func(i int) bool {
		c := v[i]
		return c == '\n' || c == '\r' || c == '\'' || c == '"' || c == '\\' && i+1 < len(v) && (v[i+1] == '"' || v[i+1] == 'r' || v[i+1] == 'n')
	}
	for i < len(v) && !ends(i) {
		for i < len(v) && (v[i] == ' ' || v[i] == ';' || v[i] == '[') {
			i++
		}
		j := i
		for j < len(v) && v[j] > ' ' && v[j] != '=' && v[j] != ';' && !ends(j) {
			j++
		}
		name := v[i:j]
		if j >= len(v) || v[j] != '=' {
			if j >= len(v) || v[j] != ';' || j == i { // no cookie any more
				break
			}
			i = j
			continue
		}
		a := j + 1
		b := a
		quoted := a < len(v) && v[a] == '"'
		for b < len(v) && v[b] > ' ' && v[b] != ';' && v[b] != ',' && (quoted && b == a || !ends(b)) {
			b++
		}
		i = b
		if quoted {
			a++
			if b < len(v) && v[b] == '"' {
				i++
			}
		}
		if a < b && cookieSecret(name, v[a:b]) {
			s.foundValue(a, b)
		}
	}
	s.steps += i - from
	s.header = i
}

// cookieStems are parts of the names of cookies that log somebody in, cookiesOfVisits
// begin the names of those that only count visits.
var (
	cookieStems     = []string{"sess", "sid", "auth", "token", "jwt", "csrf", "xsrf", "login", "remember", "secret", "cred", "passw", "sso", "identity", "ticket", ".aspx", "key"}
	cookiesOfVisits = []string{"_ga", "_gid", "_utm", "__utm"}
)

// cookieSecret reports whether the value of a cookie may be a credential.
func cookieSecret(name, val []byte) bool {
	var buf [64]byte
	if len(name) > len(buf) {
		name = name[:len(buf)]
	}
	low := lower(name, buf[:0])
	if cookieAttributes[string(low)] {
		return false
	}
	w := weigh(val)
	if w == never {
		return false
	}
	for _, p := range cookieStems {
		if bytes.Contains(low, []byte(p)) {
			return w >= likely || len(val) >= 6
		}
	}
	for _, p := range cookiesOfVisits {
		if bytes.HasPrefix(low, []byte(p)) {
			return false
		}
	}
	return w == random && len(val) >= 16
}

// scheme looks at what follows Bearer or Basic.
func (s *scanner) scheme(at, end int) {
	v := s.v
	if at > 0 && isAlnum(v[at-1]) && !boundaryBefore(v, at) {
		return
	}
	i := end
	for i < len(v) && (v[i] == ' ' || v[i] == '\t' || v[i] == '+' && i == end) {
		i++
	}
	if hasPrefix(v[i:], "%20") {
		i += 3
	} else if i < len(v) && i == end && (v[i] == ':' || v[i] == '=') {
		i++
		for i < len(v) && v[i] == ' ' {
			i++
		}
	}
	if i == end {
		return
	}
	if n, q := openQuote(v, i); n > 0 {
		if at > 0 && v[at-1] == q.ch {
			return // "Bearer "+token
		}
		i += n
	}
	j := s.classEnd('p', i)
	tok := bytes.TrimRight(v[i:j], ".:%")
	if fold(v[at+1]) == 'a' { // basic
		if isBasic(tok) {
			s.found(i, i+len(tok), "")
		}
		return
	}
	if n := bytes.IndexByte(tok, '='); n > 0 && (n < len(bytes.TrimRight(tok, "=")) || j < len(v) && v[j] == '"') && isVariable(tok[:n]) {
		return // parameters: realm="x"
	}
	if w := weigh(tok); len(tok) >= 6 && (w >= likely && !wordy(tok) || w == random || w >= possible && len(tok) >= 20) {
		s.foundValue(i, i+len(tok))
	}
}
