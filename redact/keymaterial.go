package redact

import "bytes"

// jwkPrivate are the members of a JSON Web Key that are secret.
// Source: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
var jwkPrivate = wordSet("d p q dp dq qi k")

// maxJWK is how many lines a JSON Web Key may have.
const maxJWK = 16

// jwk redacts the secret members of the JSON Web Key around "kty" at v[at]. Those
// that stand on lines before it are not found.
func (s *scanner) jwk(at, _ int) {
	v := s.v
	from := max(s.jwkTo, at-2*unbounded)
	if from > at {
		return // within a key that was looked at
	}
	if i := bytes.LastIndexByte(v[from:at], '{'); i >= 0 {
		from += i
	}
	to := len(v)
	if i := bytes.IndexByte(v[at:], '}'); i >= 0 {
		to = at + i
	} else if s.eol {
		s.next.jwk = maxJWK
	}
	s.jwkTo = min(to, at+2*unbounded)
	s.jwkMembers(from, s.jwkTo)
}

// jwkLine looks at a line inside a JSON Web Key that began on a line before.
func (s *scanner) jwkLine() {
	end := bytes.IndexByte(s.v, '}')
	if end < 0 {
		end = len(s.v)
		s.next.jwk = s.st.jwk - 1
	}
	s.jwkMembers(0, end)
}

// jwkMembers redacts the secret members of a JSON Web Key in v[i:to].
func (s *scanner) jwkMembers(i, to int) {
	v := s.v
	s.steps += to - i
	for i < to {
		n, q := openQuote(v, i)
		if n == 0 {
			i++
			continue
		}
		end, closed := closeQuote(v[:to], i+n, q, false)
		if !closed {
			return
		}
		name := v[i+n : end]
		i = end + n
		if len(name) > 2 || !jwkPrivate[string(name)] {
			continue
		}
		j := skipBlanks(v, i)
		if j >= to || v[j] != ':' {
			continue
		}
		j = skipBlanks(v, j+1)
		if n, q = openQuote(v, j); n == 0 {
			continue
		}
		end, _ = closeQuote(v[:to], j+n, q, false)
		if end-j-n >= 16 {
			s.found(j+n, end, privateKey)
			s.next.wrapped = false
		}
		i = end + n
	}
}

// rsaXML redacts the text of <D>, <P> and the like, behind v[end], if it is base64.
// Source: .NET, RSA.ToXmlString.
func (s *scanner) rsaXML(_, end int) {
	e := end
	for e < len(s.v) && (charsets['b'][s.v[e]] || s.v[e] == '=') {
		e++
	}
	s.steps += e - end
	if e-end >= 40 && e < len(s.v) && s.v[e] == '<' {
		s.found(end, e, privateKey)
	}
}

// keyNumber makes the lines of hexadecimal behind "prime1:" secret, as
// openssl pkey -text prints them.
func (s *scanner) keyNumber(_, end int) {
	if s.eol && len(bytes.TrimSpace(s.v[end:])) == 0 {
		s.next.mode, s.next.word = modeHex, ""
	}
}

// isHexLine reports whether line is pairs of digits with colons between them.
func isHexLine(line []byte) bool {
	for i, c := range line {
		if (i%3 == 2) != (c == ':') || c != ':' && hexValue[c] < 0 {
			return false
		}
	}
	return len(line) > 2
}
