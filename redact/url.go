package redact

import "bytes"

// userinfo looks at the part of a URL between :// and @.
func (s *scanner) userinfo(_, start int) {
	v := s.v
	if bytes.HasSuffix(v[:start], []byte("ipfs://")) || bytes.HasSuffix(v[:start], []byte("ipns://")) {
		return // the address of content
	}
	const longest = 1 << 10
	limit := min(len(v), start+longest)
	auth, at2, colon := limit, -1, -1
	i := start
scan:
	for ; i < limit; i++ {
		switch c := v[i]; {
		case c == '@':
			at2 = i
		case c == ':' && colon < 0:
			colon = i
		case c == '/' || c == '?' || c == '#':
			auth = i
			break scan
		case c == ';' && pairAhead(v, i+1):
			auth = i
			break scan
		case c <= ' ' || c == '"' || c == '<' || c == '>' || c == '`' || c == '\\' || c == '|' || c == '\'' && at2 >= 0 || c == ',' && at2 >= 0:
			auth = i
			break scan
		}
	}
	s.steps += i - start
	if at2 < 0 && auth < limit && start >= s.noAt && colon >= 0 && colon < auth && (v[auth] == '/' || v[auth] == '?' || v[auth] == '#') && !isPort(v[colon+1:auth]) && v[start] != '[' {
		// A password with a character that should have been escaped.
		for i = auth; i < limit; i++ {
			c := v[i]
			if c == '@' {
				at2 = i
			} else if c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '`' || c == ':' && hasPrefix(v[i:], "://") || c == ';' && pairAhead(v, i+1) {
				break
			}
		}
		s.steps += i - auth
		s.noAt = i
	}
	if at2 < 0 {
		// Wrapped or cut off in front of the @.
		if a := max(start, colon+1); s.eol && atEnd(v, auth) && (colon < 0 || colon > start) && auth-a >= 14 && s.weigh(v[a:auth]) == 3 && bytes.IndexByte(v[a:auth], '.') < 0 {
			s.foundValue(a, auth)
		}
		return
	}
	if colon >= 0 && colon < at2 {
		pw := v[colon+1 : at2]
		if user := v[start:colon]; len(user) >= 12 && looksRandom(user) && weigh(user) == 3 {
			s.foundValue(start, colon)
		}
		if len(pw) > 0 && weigh(pw) > 0 || len(pw) > 0 && stopWords[string(pw)] {
			s.foundValue(colon+1, at2)
		}
		return
	}
	if user := v[start:at2]; len(user) >= 12 && looksRandom(user) && weigh(user) == 3 {
		s.foundValue(start, at2)
	}
}

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
	if start == 0 || v[start-1] != '?' && v[start-1] != '&' && v[start-1] != '#' && v[start-1] != ';' {
		return
	}
	ver := s.cache.classify(v[start:end-1], true)
	if ver.need == 0 {
		return
	}
	j := end
	for j < len(v) && j-end < unbounded && charsets['p'][v[j]] {
		j++
	}
	s.steps += j - end
	if val := v[end:j]; len(val) >= 8 && weigh(val) >= max(2, ver.need) && !isUUID(val) || len(val) >= 6 && ver.need == 2 && weigh(val) >= 2 {
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
	if n >= 0 && weigh(v[i+n+1:at]) > 0 {
		s.found(i+n+1, at, "")
	}
}
