package redact

import (
	"bytes"
	"strings"
)

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
	if s.printsSecret(c) {
		s.expectPrinted(verdict{need: possible, numbers: true}, 2)
	}
}

// printsSecret reports whether the command c prints a secret: openssl rand -hex 16,
// cat db_password.
func (s *scanner) printsSecret(c []byte) bool {
	for _, p := range printers {
		if bytes.Contains(c, []byte(p)) {
			return true
		}
	}
	if verb, _, _ := bytes.Cut(c, []byte(" ")); !showers[string(verb)] {
		return false
	}
	last := c[bytes.LastIndexAny(c, " /$")+1:]
	ver := s.cache.classify(bytes.Trim(last, "\"'{}%"), false)
	return ver.need == possible || ver.need == likely
}

// showers are commands that print what their last argument names.
var showers = wordSet("cat echo printenv head tail more less type base64 systemd-creds bat xclip docker kubectl sudo")

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
	i = skipAny(v, i, " \t>|*`\"'")
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
	if !isPrinted(val) {
		return
	}
	if n := s.st.indentK; n > 0 { // of the code on the line before
		if len(val) != n {
			return
		}
	} else if !strongWord(val) && weigh(val) < random && !(len(val) >= 16 && mixed(val)) {
		return
	}
	s.foundValue(i, end)
	s.expectPrinted(s.st.valueOf, 1)
	s.next.indentK = len(val)
}

// isPrinted reports whether val can be a secret that has its line to itself.
func isPrinted(val []byte) bool {
	return len(val) >= 6 && bytes.IndexByte(val, ' ') < 0 && val[len(val)-1] != ':' && weigh(val) >= likely && !(strings.IndexByte("/~.", val[0]) >= 0 && isPath(val)) && !isDate(val) && !bytes.Contains(val, []byte("://"))
}
