package redact

import (
	"bytes"
	"strings"
)

// A tool is a command with a short option whose argument is a secret.
type tool struct {
	name string
	opts string // option letters
	glue bool   // the argument may follow without a space: -psecret
	asks bool   // the option alone asks for the secret
}

// tools and their options.
// Sources: the manual pages of the commands named.
var tools = []tool{
	{"beeline", "p", false, false}, {"mcrcon", "p", false, false}, {"snmpwalk", "X", false, false}, {"snmpget", "X", false, false},
	{"mysql", "p", true, true}, {"mysqldump", "p", true, true}, {"mysqladmin", "p", true, true}, {"mariadb", "p", true, true}, {"mariadb-dump", "p", true, true}, {"mysqlimport", "p", true, true},
	{"sshpass", "p", true, false}, {"docker login", "p", false, false}, {"podman login", "p", false, false}, {"nerdctl login", "p", false, false}, {"crane auth login", "p", false, false}, {"skopeo login", "p", false, false}, {"helm registry login", "p", false, false}, {"oras login", "p", false, false}, {"buildah login", "p", false, false},
	{"redis-cli", "a", false, false}, {"mongo", "p", true, false}, {"mongosh", "p", true, false}, {"mongodump", "p", false, false}, {"mongorestore", "p", false, false}, {"mongoexport", "p", false, false},
	{"ldapsearch", "w", false, false}, {"ldapmodify", "w", false, false}, {"ldapadd", "w", false, false}, {"ldappasswd", "w", false, false}, {"ldapwhoami", "w", false, false},
	{"sqlcmd", "P", true, false}, {"bcp", "P", true, false}, {"isql", "P", true, false}, {"tsql", "P", true, false}, {"cqlsh", "p", false, false}, {"influx", "p", false, false}, {"clickhouse-client", "p", false, false},
	{"7z", "p", true, true}, {"7za", "p", true, true}, {"rar", "p", true, true}, {"unrar", "p", true, true}, {"zip", "P", false, false}, {"unzip", "P", true, false},
	{"az login", "p", false, false}, {"oc login", "p", false, false}, {"cf login", "p", false, false}, {"heroku", "p", false, false}, {"psexec", "p", false, false}, {"xfreerdp", "p", false, false}, {"rdesktop", "p", false, false}, {"vncviewer", "p", false, false},
	{"rabbitmqadmin", "p", false, false}, {"mosquitto_pub", "P", false, false}, {"mosquitto_sub", "P", false, false}, {"ipmitool", "P", false, false}, {"snmpwalk", "A", false, false}, {"snmpget", "A", false, false}, {"impacket", "p", false, false}, {"crackmapexec", "p", false, false}, {"netexec", "p", false, false}, {"nxc", "p", false, false}, {"smbmap", "p", false, false}, {"evil-winrm", "p", false, false}, {"hydra", "p", false, false}, {"kinit", "p", false, false}, {"pscp", "pw", false, false}, {"plink", "pw", false, false}, {"putty", "pw", false, false}, {"openssl", "k", false, false}, {"keytool", "p", false, false}, {"lftp", "p", false, false}, {"ncftp", "p", false, false}, {"wpa_passphrase", "p", false, false}, {"proxychains", "p", false, false}, {"exchangecli", "p", false, false}, {"tower-cli", "p", false, false}, {"mc", "p", false, false}, {"argocd login", "p", false, false}, {"svn", "p", false, false}, {"twine upload", "p", false, false}, {"couchbase-cli", "p", false, false}, {"nats", "p", false, false}, {"sftp", "p", false, false}, {"snowsql", "p", false, false}, {"vsql", "w", false, false}, {"htpasswd -b", "b", false, false},
}

// userTools take "user:password" as the argument of -u or --user.
var userTools = wordSet(`curl http https httpie xh wget lftp ncftp aria2c etcdctl hurl ab siege smbclient rpcclient mc hey wrk oha vegeta newman`)

// otherTools have options of the same letters that take no secret.
var otherTools = wordSet(`ssh scp sftp rsync cp mkdir git tar ps kill nc nmap ping ls grep sed find xargs make go npm node python python3 sudo env`)

// toolsByWord are the tools by the first word of their names.
var toolsByWord = func() map[string][]*tool {
	m := make(map[string][]*tool)
	for i := range tools {
		word, _, _ := strings.Cut(tools[i].name, " ")
		m[word] = append(m[word], &tools[i])
	}
	return m
}()

// A toolSearch remembers how far a line was searched for commands.
type toolSearch struct {
	to   int    // searched up to here
	at   int    // the last command
	word string // its name, "" for none
}

// longestCommand is how far behind a command its options may stand.
const longestCommand = 400

// command returns the last command in front of v[at], and where its name ends.
func (s *scanner) command(at int) (word string, end int) {
	t := &s.tools
	v := s.v
	if i := max(t.to, at-longestCommand); i < at {
		s.steps += at - i
		for i < at {
			for i < at && !isAlnum(v[i]) {
				if v[i] == '\n' {
					t.word = ""
				}
				i++
			}
			j := i
			for j < at && (isAlnum(v[j]) || v[j] == '-' || v[j] == '_') {
				j++
			}
			if w := v[i:j]; j > i && j < len(v) && (i == 0 || v[i-1] != '-' && v[i-1] != '.' && v[i-1] != '_') && (v[j] == ' ' || v[j] == '.' || v[j] == '"' || v[j] == '\'' || v[j] == '\t') {
				if _, ok := toolsByWord[string(w)]; ok || userTools[string(w)] || otherTools[string(w)] {
					t.word, t.at = string(w), j
				}
			}
			i = j
		}
		t.to = at
	}
	if at-t.at > longestCommand {
		return "", 0
	}
	return t.word, t.at
}

// goesOnCommand makes the options on the next line those of the last command on this
// one, if a backslash ends it.
func (s *scanner) goesOnCommand() {
	if v := bytes.TrimRight(s.v, "\r\n"); s.eol && bytes.HasSuffix(v, []byte(" \\")) {
		s.next.command, _ = s.command(len(v))
	}
}

// flag looks at a short option: the text before it names the command.
func (s *scanner) flag(at, end int) {
	v := s.v
	word, wordEnd := s.command(at)
	switch opt := v[end-1]; {
	case opt == ':': // /p:secret
		if word == "xfreerdp" || word == "wfreerdp" {
			s.argument(end)
		}
	case word == "":
		if opt == 'u' && byteAt(v, end) == ' ' && v[at] != '\'' && v[at] != '"' {
			s.anyUser(end + 1)
		}
	case opt == 'h' && v[end-2] == 't': // -auth
	case end-at > 4: // --user
		if c := byteAt(v, end); c == ' ' || c == '=' {
			s.userPassword(skipBlanks(v, end+1), word)
		}
	case opt == 'u', opt == 'U' && (word == "smbclient" || word == "rpcclient"), opt == 'a' && (word == "http" || word == "https" || word == "xh"):
		s.userFlag(at, end, word)
	default:
		for _, t := range toolsByWord[word] {
			if t.takes(opt, v[wordEnd:at]) {
				s.toolFlag(t, at, end)
				return
			}
		}
	}
}

// anyUser redacts the password of user:password, the argument at v[i] of -u of an
// unknown program, if it is random.
func (s *scanner) anyUser(i int) {
	e := s.wordEnd(i, len(s.v))
	user, pw, ok := bytes.Cut(s.v[i:e], []byte(":"))
	if ok && isSimpleName(user) && len(pw) >= 16 && weigh(pw) == random {
		s.found(e-len(pw), e, "")
	}
}

// userFlag looks at the argument of -u, v[at:end], which may stand in an argument
// list: "-u", "user:secret".
func (s *scanner) userFlag(at, end int, word string) {
	v := s.v
	i := end
	switch c := byteAt(v, end); {
	case v[at] == '"' && v[end-1] == 'u':
		for i-end < 3 && i < len(v) && (v[i] == '"' || v[i] == ',' || v[i] == ' ') {
			i++
		}
		i = auditField(v, i)
	case c == ' ' || c == '=':
		i = skipBlanks(v, i+1)
	case i < len(v) && c != '\'' && c != '"' && word != "curl":
		return
	}
	s.userPassword(i, word)
}

// takes reports whether the option opt is t's, whose command is followed by args.
func (t *tool) takes(opt byte, args []byte) bool {
	_, sub, ok := strings.Cut(t.name, " ")
	return t.opts != "" && t.opts[0] == opt && (!ok || bytes.Contains(args, []byte(sub)))
}

// toolFlag redacts the argument of the option v[at:end] of t: -p secret, -psecret,
// "-p", "secret".
func (s *scanner) toolFlag(t *tool, at, end int) {
	v, i := s.v, end
	if t.opts == "pw" {
		if byteAt(v, i) != 'w' {
			return
		}
		i++
	}
	quoted := v[at] == '\'' || v[at] == '"'
	switch c := byteAt(v, i); {
	case i >= len(v):
	case c == ' ' || c == '=':
		if !t.asks { // -p alone asks; what follows is a database
			s.argument(skipBlanks(v, i+1))
		}
	case quoted && c == v[at]: // in an argument list
		s.argument(auditField(v, skipAny(v, i+1, ", ")))
	case t.glue && quoted:
		e := bytes.IndexByte(v[i:min(len(v), i+unbounded)], v[at])
		if e > 0 && weigh(v[i:i+e]) >= possible {
			s.found(i, i+e, "")
		}
	case t.glue && c != '-' && !(isLetter(c) && hasWordOption(v[i:])):
		s.argument(i)
	}
}

// auditField returns where the value of a2="…" begins, if v[i] is one: the audit
// log numbers the arguments of a command.
func auditField(v []byte, i int) int {
	if i+3 < len(v) && v[i] == 'a' && isDigit(v[i+1]) {
		if n := bytes.IndexByte(v[i:i+4], '='); n > 0 {
			return i + n + 1
		}
	}
	return i
}

// isSimpleName reports whether v is letters, digits and what joins them, as the names
// of users and hosts are.
func isSimpleName(v []byte) bool {
	for _, c := range v {
		if !isAlnum(c) && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return len(v) > 0
}

// hasWordOption reports whether an option continues as a word: -port, -path.
func hasWordOption(v []byte) bool {
	for _, w := range []string{"ort", "ath", "roto", "assword", "rint", "id", "ull"} {
		if hasPrefix(v, w+" ") || hasPrefix(v, w+"=") {
			return true
		}
	}
	return false
}

// argument redacts the argument of an option that begins at v[i].
func (s *scanner) argument(i int) {
	v := s.v
	if i >= len(v) || v[i] == '\n' {
		return
	}
	if n, q := openQuote(v, i); n > 0 {
		end, _ := closeQuote(v, i+n, q, false)
		if weigh(v[i+n:end]) >= possible {
			s.foundValue(i+n, end)
		}
		return
	}
	e := i
	for e < len(v) && v[e] > ' ' && v[e] != '"' && v[e] != '\'' && v[e] != '`' && v[e] != '|' && v[e] != ';' && v[e] != ')' {
		if v[e] == '\\' {
			e++
		}
		e++
	}
	e = min(e, len(v))
	if val := v[i:e]; len(val) > 0 && val[0] != '-' && weigh(val) >= possible {
		s.foundValue(i, e)
	}
}

// userPassword redacts the password of "user:password" at v[i], the argument of
// the tool called word.
func (s *scanner) userPassword(i int, word string) {
	v := s.v
	if !userTools[word] || i >= len(v) {
		return
	}
	end := i
	quoted, q := openQuote(v, i)
	if quoted > 0 {
		i += quoted
		end, _ = closeQuote(v[:min(len(v), i+unbounded)], i, q, false)
	} else {
		for end = i; end < len(v) && end-i < unbounded && v[end] > ' ' && v[end] != '"' && v[end] != '\''; end++ {
		}
	}
	s.steps += end - i
	sep := byte(':')
	if word == "smbclient" || word == "rpcclient" {
		sep = '%'
	} else if word == "lftp" && bytes.IndexByte(v[i:end], ':') < 0 {
		sep = ','
	}
	n := bytes.IndexByte(v[i:end], sep)
	if n < 0 {
		if val := v[i:end]; weigh(val) == random && len(val) >= 16 && !isUUID(val) {
			s.foundValue(i, end)
		}
		return
	}
	if w, q := openQuote(v, i+n+1); w > 0 && quoted == 0 && end == i+n+1 { // user:'secret'
		i, n = i+n+1, 0
		end, _ = closeQuote(v[:min(len(v), i+unbounded)], i+w, q, false)
	}
	if pw := v[i+n+1 : end]; weigh(pw) >= possible {
		s.foundValue(i+n+1, end)
	} else if len(pw) == 0 && n >= 8 && weigh(v[i:i+n]) >= likely {
		s.foundValue(i, i+n) // a token as the user: curl -u sk_…:
	}
}
