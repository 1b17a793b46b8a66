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
		s.expectPrinted(verdict{need: 1, numbers: true}, 2)
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
		s.expectPrinted(s.st.valueOf, s.st.ttl-1)
	}
	strong := s.st.indentK > 0 || strongWord(val) || weigh(val) == 3 || len(val) >= 16 && mixed(val)
	if len(val) < 6 || bytes.IndexByte(val, ' ') >= 0 || weigh(val) < 2 || !strong || isPath(val) || bytes.Contains(val, []byte("://")) || isDate(val) ||
		val[len(val)-1] == ':' || s.st.indentK > 0 && s.st.indentK != len(val) {
		return
	}
	s.foundValue(i, end)
	s.expectPrinted(s.st.valueOf, 1)
	s.next.indentK = len(val)
}
