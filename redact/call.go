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
	var args, commas, strong int
	var a, b, x, y int // the strong one, the second one
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
		args++
		val := v[i+w : e]
		if args == 2 {
			x, y = i+w, e
		}
		if (commas > 0 || args > 1 || hasPrefix(v[at:], "hmac.new(")) && len(val) >= 5 && s.weigh(val) >= likely && !isSentence(val) && !isVersion(val) && !bytes.Contains(val, []byte("://")) && !isLoud(val) {
			a, b, strong = i+w, e, strong+1
		}
		i = e + w - 1
	}
	if strong == 0 && y-x >= 5 && weigh(v[x:y]) == possible && !isLoud(v[x:y]) && bytes.Contains(lower(v[at:at+12], nil), []byte("cred")) {
		a, b = x, y
	}
	s.foundValue(a, b)
}
