package redact

import "bytes"

// call redacts the password among the quoted arguments of a call, which begin behind
// v[at:i]: the last one that can be it, as in BasicAuth("user", "secret"), or else
// the second, as in NetworkCredential("user", "monkey", "DOMAIN").
func (s *scanner) call(at, i int) {
	v := s.v
	if c := v[i-1]; c == '"' || c == '\'' {
		i-- // basic_auth 'user', 'secret'
	}
	var second, last span // the second argument, the last one that looks like a secret
	args, commas := 0, 0
	if hasPrefix(v[at:], "hmac.new(") {
		commas = 1 // the key comes first
	}
	for end := min(len(v), i+400); i < end && v[i] != ')' && v[i] != '\n'; i++ {
		if v[i] == ',' {
			commas++
		}
		w, q := openQuote(v, i)
		if w == 0 {
			continue
		}
		e, closed := closeQuote(v[:end], i+w, q, false)
		s.steps += e - i
		if !closed {
			return
		}
		if args++; args == 2 {
			second = span{start: i + w, end: e}
		}
		if val := v[i+w : e]; commas+args > 1 && len(val) >= 5 && s.weigh(val) >= likely && !isSentence(val) && !isVersion(val) && !bytes.Contains(val, []byte("://")) && !isLoud(val) {
			last = span{start: i + w, end: e}
		}
		i = e + w - 1
	}
	if val := v[second.start:second.end]; last.end == 0 && len(val) >= 5 && weigh(val) == possible && !isLoud(val) && bytes.Contains(lower(v[at:at+12], nil), []byte("cred")) {
		last = second
	}
	s.foundValue(last.start, last.end)
}
