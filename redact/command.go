package redact

import "bytes"

// A tool is a command with a short option whose argument is a secret.
type tool struct {
	name string
	opts string // option letters
	glue bool   // the argument may follow without a space: -psecret
}

// tools and their options.
// Sources: the manual pages of the commands named.
var tools = []tool{
	{"mysql", "p", true}, {"mysqldump", "p", true}, {"mysqladmin", "p", true}, {"mariadb", "p", true}, {"mariadb-dump", "p", true}, {"mysqlimport", "p", true},
	{"sshpass", "p", true}, {"docker login", "p", false}, {"podman login", "p", false}, {"nerdctl login", "p", false}, {"crane auth login", "p", false}, {"skopeo login", "p", false}, {"helm registry login", "p", false}, {"oras login", "p", false}, {"buildah login", "p", false},
	{"redis-cli", "a", false}, {"mongo", "p", true}, {"mongosh", "p", true}, {"mongodump", "p", false}, {"mongorestore", "p", false}, {"mongoexport", "p", false},
	{"ldapsearch", "w", false}, {"ldapmodify", "w", false}, {"ldapadd", "w", false}, {"ldappasswd", "w", false}, {"ldapwhoami", "w", false},
	{"sqlcmd", "P", true}, {"bcp", "P", true}, {"isql", "P", true}, {"tsql", "P", true}, {"cqlsh", "p", false}, {"influx", "p", false}, {"clickhouse-client", "p", false},
	{"7z", "p", true}, {"7za", "p", true}, {"rar", "p", true}, {"unrar", "p", true}, {"zip", "P", false}, {"unzip", "P", true},
	{"az login", "p", false}, {"oc login", "p", false}, {"cf login", "p", false}, {"heroku", "p", false}, {"psexec", "p", false}, {"xfreerdp", "p", false}, {"rdesktop", "p", false}, {"vncviewer", "p", false},
	{"rabbitmqadmin", "p", false}, {"mosquitto_pub", "P", false}, {"mosquitto_sub", "P", false}, {"ipmitool", "P", false}, {"snmpwalk", "A", false}, {"snmpget", "A", false}, {"impacket", "p", false}, {"crackmapexec", "p", false}, {"netexec", "p", false}, {"nxc", "p", false}, {"smbmap", "p", false}, {"evil-winrm", "p", false}, {"hydra", "p", false}, {"kinit", "p", false}, {"pscp", "pw", false}, {"plink", "pw", false}, {"putty", "pw", false}, {"openssl", "k", false}, {"keytool", "p", false}, {"lftp", "p", false}, {"ncftp", "p", false}, {"wpa_passphrase", "p", false}, {"proxychains", "p", false}, {"exchangecli", "p", false}, {"tower-cli", "p", false}, {"mc", "p", false}, {"argocd login", "p", false}, {"svn", "p", false}, {"twine upload", "p", false}, {"couchbase-cli", "p", false}, {"nats", "p", false}, {"sftp", "p", false}, {"snowsql", "p", false}, {"vsql", "w", false}, {"htpasswd -b", "b", false}, {"net use", "", false},
}

// userTools take "user:password" as the argument of -u or --user.
var userTools = wordSet(`curl http https httpie xh wget lftp ncftp aria2c hurl ab siege smbclient mosquitto rpcclient mc hey wrk oha vegeta newman`)

// flag looks at a short option: the text before it names the command.
func (s *scanner) flag(at, end int) {
	v := s.v
	lo := max(0, at-400)
	if i := bytes.LastIndexByte(v[lo:at], '\n'); i >= 0 {
		lo += i + 1
	}
	before := v[lo:at]
	s.steps += len(before)
	opt := v[end-1]
	if v[end-1] == ':' { // /p:secret
		if bytes.Contains(before, []byte("freerdp")) || bytes.Contains(before, []byte("nuget")) {
			s.argument(end)
		} else if i := bytes.LastIndex(before, []byte("net use ")); i >= 0 {
			// net use \\host\share /user:name secret
			j := s.wordEnd(end, len(v))
			s.argument(skipBlanks(v, j))
		}
		return
	}
	if v[end-1] == 'h' { // -auth user:password
		return
	}
	if end-at > 4 { // --user
		i := end
		if i < len(v) && (v[i] == ' ' || v[i] == '=') {
			s.userPassword(skipBlanks(v, i+1), before)
		}
		return
	}
	if opt == 'a' && end < len(v) && v[end] == ' ' && (hasTool(before, "http") || hasTool(before, "https") || hasTool(before, "xh")) {
		s.userPassword(skipBlanks(v, end), before)
		return
	}
	if fold(opt) == 'u' {
		i := end
		if i < len(v) && (v[i] == ' ' || v[i] == '=') {
			i = skipBlanks(v, i+1)
		} else if i < len(v) && v[i] != '\'' && v[i] != '"' && !hasTool(before, "curl") {
			return
		}
		s.userPassword(i, before)
		return
	}
	for _, t := range tools {
		if len(t.opts) == 0 || fold(t.opts[0]) != fold(opt) || t.opts != "pw" && t.opts[0] != opt || !hasTool(before, t.name) {
			continue
		}
		i := end
		if t.opts == "pw" {
			if i >= len(v) || v[i] != 'w' {
				return
			}
			i++
		}
		quotedOpt := v[at] == '\'' || v[at] == '"'
		switch {
		case i >= len(v):
		case v[i] == ' ' || v[i] == '=':
			if t.glue && (t.name[0] == 'm' && t.name[1] != 'o' || t.name[0] == '7' || t.name == "mariadb" || t.name == "rar" || t.name == "unrar") {
				return // -p alone asks; what follows is a database
			}
			s.argument(skipBlanks(v, i+1))
		case t.glue && quotedOpt:
			e := bytes.IndexByte(v[i:], v[at])
			if e > 0 && weigh(v[i:i+e]) > 0 {
				s.found(i, i+e, "")
			}
		case quotedOpt && (v[i] == '"' || v[i] == '\''): // "-p", "secret" of an argument list
			j := i + 1
			for j < len(v) && (v[j] == ',' || v[j] == ' ') {
				j++
			}
			s.argument(j)
		case t.glue:
			if v[i] == '-' || isLetter(v[i]) && hasWordOption(v[i:]) {
				return
			}
			s.argument(i)
		}
		return
	}
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

// hasTool reports whether the command line before an option calls a tool.
func hasTool(before []byte, name string) bool {
	for {
		i := bytes.LastIndex(before, []byte(name))
		if i < 0 {
			return false
		}
		ok := i == 0 || !isAlnum(before[i-1]) && before[i-1] != '_' && before[i-1] != '-' && before[i-1] != '.'
		if e := i + len(name); ok && (e == len(before) || before[e] == ' ' || before[e] == '.' || before[e] == '"' || before[e] == '\'' || before[e] == '\t' || before[e] == ',') {
			return true
		}
		before = before[:i]
	}
}

// argument redacts the argument of an option that begins at v[i].
func (s *scanner) argument(i int) {
	v := s.v
	if i >= len(v) || v[i] == '\n' {
		return
	}
	if n, q := openQuote(v, i); n > 0 {
		end, _ := closeQuote(v, i+n, q, false)
		if weigh(v[i+n:end]) > 0 {
			s.found(i+n, end, s.kindOf(i+n, end))
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
	if val := v[i:e]; len(val) > 0 && val[0] != '-' && weigh(val) > 0 {
		s.found(i, e, s.kindOf(i, e))
	}
}

// userPassword redacts the password of "user:password" at v[i], the argument of
// a tool that before names.
func (s *scanner) userPassword(i int, before []byte) {
	v := s.v
	ok, smb := false, false
	for t := range userTools {
		if hasTool(before, t) {
			ok = true
			smb = smb || t == "smbclient" || t == "rpcclient"
		}
	}
	if !ok || i >= len(v) {
		return
	}
	end := i
	if n, q := openQuote(v, i); n > 0 {
		i += n
		end, _ = closeQuote(v, i, q, false)
	} else {
		for end = i; end < len(v) && v[end] > ' ' && v[end] != '"' && v[end] != '\''; end++ {
		}
	}
	sep := ":"
	if smb {
		sep = "%"
	}
	if hasTool(before, "lftp") && bytes.IndexByte(v[i:end], ':') < 0 {
		sep = ","
	}
	n := bytes.Index(v[i:end], []byte(sep))
	if n < 0 {
		if val := v[i:end]; weigh(val) == 3 && len(val) >= 16 && !isUUID(val) {
			s.found(i, end, s.kindOf(i, end))
		}
		return
	}
	if pw := v[i+n+1 : end]; weigh(pw) > 0 {
		s.found(i+n+1, end, s.kindOf(i+n+1, end))
	} else if len(pw) == 0 && n >= 8 && weigh(v[i:i+n]) >= 2 {
		s.found(i, i+n, s.kindOf(i, i+n)) // a token as the user: curl -u sk_…:
	}
}
