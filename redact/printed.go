package redact

import "bytes"

// printers are parts of commands whose output is a secret. A command that names one
// at its end, such as cat db_password, needs no entry.
var printers = []string{"base64 -d", "base64 --decode", "base64 -D", " genkey", " genpsk", "initial-password", "print-access-token",
	"print-identity-token", "get-login-password", "create token", "token create", "token new", "generate-password", "generate-token", "openssl rand",
	"get-secret-value", "secrets versions access", "kv get -field", "pass show", "op read", "auth token", "find-generic-password", "pwgen", "apg -"}

// prompted looks for a command at the beginning of the line, behind a prompt, that
// prints a secret. The next line is then one.
func (s *scanner) prompted() {
	v := bytes.TrimRight(s.v, " \t\r\n")
	i := prompt(v)
	if i == 0 || !s.eol || len(v) > 1<<10 {
		return
	}
	c := v[i:]
	if n := bytes.Index(c, []byte("  #")); n > 0 {
		c = bytes.TrimRight(c[:n], " ") // a comment
	}
	s.steps += len(c)
	tells := false
	for _, p := range printers {
		tells = tells || bytes.Contains(c, []byte(p))
	}
	if !tells {
		last := c[bytes.LastIndexAny(c, " /$")+1:]
		verb, _, _ := bytes.Cut(c, []byte(" "))
		switch string(verb) {
		case "cat", "echo", "printenv", "head", "tail", "more", "less", "type", "base64", "systemd-creds", "bat", "xclip", "docker", "kubectl", "sudo":
			ver := s.cache.classify(bytes.Trim(last, "\"'{}%"), false)
			tells = ver.need == 1 || ver.need == 2
		}
	}
	if tells {
		s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, verdict{need: 1, numbers: true}, 2, 0
	}
}

// prompt returns where the command behind a shell's prompt begins, or 0.
func prompt(v []byte) int {
	if len(v) < 4 {
		return 0
	}
	if (v[0] == '$' || v[0] == '#' || v[0] == '%' || v[0] == '>') && v[1] == ' ' {
		return 2
	}
	head := v[:min(len(v), 72)]
	at := bytes.IndexByte(head, '@')
	if hasPrefix(head, "PS ") {
		at = 2
	}
	if at < 0 {
		return 0
	}
	i := at + bytes.IndexAny(head[at:], "$#>")
	if i < at || i+1 >= len(v) || v[i+1] != ' ' {
		return 0
	}
	return i + 2
}

// printed redacts the line if it is one strong word, where a line before has
// promised a secret. Lines of the same length may follow: backup codes.
func (s *scanner) printed(i int) {
	v := bytes.TrimRight(s.v, " \t\r\n")
	for i < len(v) && bytes.IndexByte([]byte(" \t>|*`\"'"), v[i]) >= 0 {
		i++
	}
	end := len(bytes.TrimRight(v, "`\"'*|"))
	if hasPrefix(v[i:], "<td>") { // of a table in HTML
		i += len("<td>")
		if n := bytes.IndexByte(v[i:], '<'); n >= 0 {
			end = i + n
		}
	}
	if i >= end {
		return
	}
	val := v[i:end]
	if s.st.ttl > 2 { // a user name may come first
		s.next.pending, s.next.valueOf, s.next.ttl = pendingPrinted, s.st.valueOf, s.st.ttl-1
	}
	strong := s.st.indentK > 0 || strongWord(val) || weigh(val) == 3 || len(val) >= 16 && mixed(val)
	if len(val) < 6 || bytes.IndexByte(val, ' ') >= 0 || weigh(val) < 2 || !strong || isPath(val) || bytes.Contains(val, []byte("://")) || isDate(val) ||
		val[len(val)-1] == ':' || s.st.indentK > 0 && s.st.indentK != len(val) {
		return
	}
	s.found(i, end, s.kindOf(i, end))
	s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, s.st.valueOf, 1, len(val)
}

// promises makes the next line a secret if this one ends with a colon or is
// nothing but the name v[start:stop].
func (s *scanner) promises(start, stop int, ver verdict) {
	if !s.eol || ver.need > 2 || ver.kind != plainKey || len(s.v) > 400 {
		return
	}
	v := bytes.TrimRight(s.v, " \t\r\n*")
	if len(v) == 0 || v[len(v)-1] != ':' && !bytes.HasSuffix(v, []byte(" is")) && (stop < len(v) || bytes.Count(bytes.TrimLeft(v, " \t"), []byte(" ")) > 1) {
		return
	}
	if bytes.IndexByte(v[:start], '=') >= 0 || bytes.IndexByte(v[:start], '{') >= 0 {
		return
	}
	s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, ver, 2, 0
}

// listed redacts a line that is a quoted string, in a list or a sum of strings that
// an earlier line began.
func (s *scanner) listed(i int) {
	v := s.v
	n, q := openQuote(v, i)
	if n == 0 {
		return
	}
	end, closed := closeQuote(v, i+n, q, false)
	rest := bytes.TrimSpace(v[min(len(v), end+n):])
	if !closed || len(rest) > 2 || len(rest) > 0 && bytes.IndexByte([]byte(",+.;)]\\"), rest[0]) < 0 {
		return
	}
	val := v[i+n : end]
	if weigh(val) >= 2 && s.enough(val, s.st.valueOf) || weigh(val) == 1 && isNumber(val) && len(val) >= 6 && s.st.valueOf.numbers {
		s.found(i+n, end, s.kindOf(i+n, end))
		s.next.cont = noCont
	}
	if len(rest) == 0 || rest[0] != ')' && rest[0] != ']' && rest[0] != ';' {
		s.next.pending, s.next.valueOf, s.next.ttl = pendingList, s.st.valueOf, 1
	}
}
