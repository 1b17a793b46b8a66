package redact

import (
	"bytes"
	"strings"
)

// userinfo looks at the part of a URL between :// and @, which begins at v[start]:
// user:password, or a token.
func (s *scanner) userinfo(_, start int) {
	v := s.v
	if bytes.HasSuffix(v[:start], []byte("ipfs://")) || bytes.HasSuffix(v[:start], []byte("ipns://")) {
		return // the address of content
	}
	end, at, colon := s.authority(start)
	if at < 0 && colon >= 0 && start >= s.noAt && end < start+maxAuthority && !isPort(v[colon+1:end]) && v[start] != '[' {
		if c := byteAt(v, end); c == '/' || c == '?' || c == '#' {
			at = s.lateAt(start, end)
		}
	}
	switch {
	case at >= 0 && colon >= 0 && colon < at:
		s.randomUser(start, colon)
		if pw := v[colon+1 : at]; weigh(pw) >= possible || stopWords[string(pw)] {
			s.foundValue(colon+1, at)
		}
	case at >= 0:
		s.randomUser(start, at)
	case s.eol && atEnd(v, end) && colon != start: // wrapped or cut off in front of the @
		a := max(start, colon+1)
		if end-a >= 14 && s.weigh(v[a:end]) == random && bytes.IndexByte(v[a:end], '.') < 0 {
			s.foundValue(a, end)
		}
	}
}

// maxAuthority is how long the authority of a URL may be.
const maxAuthority = 1 << 10

// authority returns where the authority of the URL that begins at v[start] ends, and
// the places of its last @ and its first colon, -1 if it has none.
// Source: RFC 3986 section 3.2.
func (s *scanner) authority(start int) (end, at, colon int) {
	v := s.v[:min(len(s.v), start+maxAuthority)]
	at, colon = -1, -1
	for end = start; end < len(v); end++ {
		c := v[end]
		if c <= ' ' || strings.IndexByte("/?#\"<>`\\|", c) >= 0 || at >= 0 && (c == '\'' || c == ',') || c == ';' && pairAhead(s.v, end+1) {
			break
		}
		if c == '@' {
			at = end
		} else if c == ':' && colon < 0 {
			colon = end
		}
	}
	s.steps += end - start
	return end, at, colon
}

// lateAt returns the place of the last @ behind v[i], where the authority of the URL
// that begins at v[start] seemed to end: its password has a slash, a question mark or a
// number sign that should have been escaped. It returns -1 if there is none.
func (s *scanner) lateAt(start, i int) int {
	v := s.v[:min(len(s.v), start+maxAuthority)]
	at, from := -1, i
	for ; i < len(v); i++ {
		c := v[i]
		if c == '@' {
			at = i
		} else if c <= ' ' || strings.IndexByte("\"'<`", c) >= 0 || c == ':' && hasPrefix(s.v[i:], "://") || c == ';' && pairAhead(s.v, i+1) {
			break
		}
	}
	s.steps += i - from
	s.noAt = i
	return at
}

// randomUser redacts the user of a URL if it is a token.
func (s *scanner) randomUser(start, end int) {
	if user := s.v[start:end]; len(user) >= 12 && looksRandom(user) && weigh(user) == random {
		s.foundValue(start, end)
	}
}

// isPort reports whether v is digits only, or nothing.
func isPort(v []byte) bool {
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// query looks at the value of a parameter that is secret in URLs only.
func (s *scanner) query(at, end int) {
	v := s.v
	start := at
	for start > 0 && at-start < 40 && (charsets['t'][v[start-1]]) {
		start--
	}
	if start == 0 || strings.IndexByte("?&#;", v[start-1]) < 0 {
		return
	}
	ver := s.cache.classify(v[start:end-1], true)
	if ver.need == 0 {
		return
	}
	j := s.classEnd('p', end)
	if val := v[end:j]; len(val) >= 8 && weigh(val) >= max(likely, ver.need) && !isUUID(val) || len(val) >= 6 && ver.need == likely && weigh(val) >= likely {
		s.foundValue(end, j)
	}
}

// dsn looks at user:password in front of @tcp(.
// Source: https://github.com/go-sql-driver/mysql#dsn-data-source-name
func (s *scanner) dsn(at, _ int) {
	v := s.v
	i := at
	for i > s.dsnAt && at-i < 256 && v[i-1] > ' ' && v[i-1] != '"' && v[i-1] != '\'' && v[i-1] != '`' && v[i-1] != '=' {
		i--
	}
	s.steps += at - i
	s.dsnAt = at
	n := bytes.IndexByte(v[i:at], ':')
	if n >= 0 && weigh(v[i+n+1:at]) >= possible {
		s.found(i+n+1, at, "")
	}
}
