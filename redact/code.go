package redact

import "bytes"

// isCode reports whether an unquoted value is an expression of a program rather
// than a value: config.token, getToken(), newPassword.
func isCode(val []byte, wide bool) bool {
	c := val[0]
	if c == '(' && weigh(val) < random {
		return bytes.IndexByte(val, ')') != len(val)-1 || len(val) == 2 // (state: State) => …, ()=>x
	}
	if c == '[' && val[len(val)-1] == ':' {
		return true
	}
	if !isLetter(c) && c != '_' && c != '$' && c != '&' && c != '*' && c != '!' && c != '(' {
		return false
	}
	if c == '&' || c == '*' || c == '!' {
		return len(val) > 1 && isVariable(val[1:]) && wide
	}
	i := 1
	for i < len(val) && (isAlnum(val[i]) || val[i] == '_' || val[i] == '$') {
		i++
	}
	head := val[:i]
	if i < len(val) {
		switch val[i] {
		case '(':
			return !looksRandom(head)
		case '[':
			return !looksRandom(head) && isVariable(head)
		case '.':
			if !isVariable(head) || weigh(val) == random {
				return false
			}
			tail := bytes.TrimRight(val[i+1:], ");,")
			return len(tail) > 0 && (isVariable(tail) || bytes.IndexByte(tail, '(') > 0) && (wide || bytes.IndexByte(tail, '(') > 0)
		case ':':
			return hasPrefix(val[i:], "::")
		case '-':
			return hasPrefix(val[i:], "->") && wide
		case '?':
			return wide && !looksRandom(head) && (i+1 == len(val) || val[i+1] == '.' || hasPrefix(val[i:], "?? ") || len(val) == i+2)
		}
		return false
	}
	if !wide {
		return false
	}
	// A name that speaks of a secret itself: password = newPassword.
	return isVariable(head) && (classify(head, false).need > 0 && len(head) > 5 && mixedNames(head))
}

// isExpression reports whether the word val, before rest, is part of a program:
// a type (Option<String>, Secret in backticks), a call without parentheses, one of
// several alternatives.
func isExpression(val, rest []byte, wide bool) bool {
	if len(rest) == 0 {
		return false
	}
	for _, c := range val {
		if !isLetter(c) && c != '_' && c != '-' {
			return false
		}
	}
	switch rest[0] {
	case '<':
		return isUpper(val[0]) && !hasPrefix(rest, "</")
	case '`':
		return isUpper(val[0])
	case ' ':
	default:
		return false
	}
	if !wide {
		return false
	}
	i := skipBlanks(rest, 0)
	j := i
	for j < len(rest) && (isAlnum(rest[j]) || rest[j] == '_' || rest[j] == '.') {
		j++
	}
	switch {
	case i == len(rest):
		return false
	case j == i:
		return rest[i] == '"' || rest[i] == '$' || rest[i] == '.' || rest[i] == '-' && isUpper(val[0]) && bytes.IndexByte(val, '-') > 0
	case j < len(rest) && rest[j] == '(':
		return true
	}
	return bytes.Contains(rest, []byte(" | "))
}

// declared reports whether the name at v[i] is declared there, so that a type follows.
func (s *scanner) declared(i int) bool {
	before := s.v[max(0, i-48):i]
	if n := bytes.LastIndexByte(before, '\n'); n >= 0 {
		before = before[n:]
	}
	for _, w := range []string{"val ", "var ", "let ", "func ", "fun ", "def ", "fn ", "private ", "public ", "protected ", "final ", "readonly ", "const ", "pub ", "init("} {
		if bytes.Contains(before, []byte(w)) {
			return true
		}
	}
	return false
}

// afterType returns where the value behind a declared type begins:
// string = "x" gives the offset of the quote; v[m:] itself if there is none.
func (s *scanner) afterType(m int) int {
	v := s.v
	if hasPrefix(v[m:], "[redacted") {
		return m
	}
	i := m
	for i < len(v) && i-m < 40 && (isAlnum(v[i]) || v[i] == '_' || v[i] == '.' || v[i] == '&' || v[i] == '?' || v[i] == '\'' && i > m && v[i-1] == '&' || v[i] == '<' || v[i] == '>' || v[i] == '[' || v[i] == ']' || v[i] == '|' || v[i] == ' ' && i > m && v[i-1] != ' ') {
		i++
	}
	if i < len(v) && v[i] == '=' && i > m && v[i-1] == ' ' {
		j := skipBlanks(v, i+1)
		if j < len(v) && (v[j] == '"' || v[j] == '\'' || v[j] == '`') && !bytes.ContainsAny(v[m:i], "\"'`") {
			return j
		}
	}
	return m
}

// insideCall returns where the string argument begins when the value is a call
// that wraps one: Secret("x"), []byte("x"), String::from("x"). Look-ups such as
// os.Getenv("X") keep their argument.
func (s *scanner) insideCall(m int) int {
	v := s.v
	if bytes.IndexByte(v[m:min(len(v), m+49)], '(') < 0 {
		return m
	}
	i := m
	for i < len(v) && i-m < 48 && (isAlnum(v[i]) || v[i] == '_' || v[i] == '.' || v[i] == ':' || v[i] == '[' || v[i] == ']' || v[i] == ' ' && i == m+3 && hasPrefix(v[m:], "new ")) {
		i++
	}
	if i == m || i+1 >= len(v) || v[i] != '(' || v[i+1] != '"' && v[i+1] != '\'' {
		return m
	}
	var buf [64]byte
	fn := lower(v[m:i], buf[:0])
	if bytes.Contains(fn, []byte("get")) {
		return m // viper.GetString("jwt.secret") is a look-up
	}
	for _, w := range wrappers {
		if bytes.HasSuffix(fn, []byte(w)) {
			return i + 1
		}
	}
	return m
}

var wrappers = []string{"secret", "secretstr", "newsecret", "[]byte", "string", "from", "str", "bytes", "text", "base64", "b64decode", "decodestring",
	"securestring", "password", "token", "credential", "some", "into", "literal", "sensitive", "md5", "sha1", "sha256", "encode", "fromstring", "unhex"}

// isSecretWord reports whether val is a word for a secret: a label's translation.
func isSecretWord(val []byte) bool {
	var buf [maxName]byte
	return len(val) <= len(buf) && secretWords[string(lower(val, buf[:0]))]
}

// isTemplate reports whether val is made of references, with nothing secret beside
// them.
func isTemplate(val []byte) bool {
	return bytes.IndexByte(val, '{') >= 0 && (bytes.Contains(val, []byte("{{")) || bytes.Contains(val, []byte("${"))) && weigh(stripTemplates(val)) < likely
}

// stripTemplates returns val without what stands in braces.
func stripTemplates(val []byte) []byte {
	var out []byte
	for i := 0; i < len(val); i++ {
		if val[i] == '{' {
			if j := bytes.IndexByte(val[i:], '}'); j >= 0 {
				i += j
				continue
			}
		}
		if val[i] != '}' && val[i] != '$' {
			out = append(out, val[i])
		}
	}
	return out
}

// isCommand reports whether val is the command line of a program: in package.json
// "token": "node print.js".
func isCommand(val []byte) bool {
	word, rest, ok := bytes.Cut(val, []byte(" "))
	if !ok {
		return false
	}
	i := bytes.Index(rest, []byte("-"))
	return commands[string(word)] || wordy(word) && i >= 0 && (i == 0 || rest[i-1] == ' ') && i+1 < len(rest) && isLetter(rest[i+1])
}

// commands follow an assignment on a command line: PGPASSWORD=x psql.
var commands = wordSet(`psql pg_dump pg_restore mysql mysqldump redis-cli npm node python python3 go make docker kubectl helm terraform
	ansible-playbook curl wget git ssh scp rsync bash sh sudo env restic borg rclone aws gcloud az yarn pnpm java php ruby bundle
	rake cargo pytest gh glab openclaw clawconsole ./run.sh mongodump mongosh sqlcmd`)

// isPair reports whether val is name=value.
func isPair(val []byte) bool {
	n := bytes.IndexByte(val, '=')
	return n > 0 && isVariable(val[:n])
}

// fallback redacts the literal that a look-up at v[m] falls back on: os.environ.get("X",
// "secret"), process.env.X || "secret". It reports whether there is one.
func (s *scanner) fallback(m int) bool {
	v := s.v
	if m >= len(v) || !isLetter(v[m]) && v[m] != '$' && !hasPrefix(v[m:], "<%=") {
		return false
	}
	for i := m; i < min(len(v), m+120) && v[i] != '\n' && v[i] != ';'; i++ {
		n := fallsBack(v[i:])
		if n == 0 || v[i] == ',' && bytes.IndexByte(v[m:i], '(') <= 0 {
			continue
		}
		j := skipBlanks(v, i+n)
		w, q := openQuote(v, j)
		if w == 0 {
			continue
		}
		end, closed := closeQuote(v, j+w, q, false)
		if val := v[j+w : end]; closed && len(val) >= 6 && weigh(val) >= likely && !isSentence(val) && !isVersion(val) {
			s.foundValue(j+w, end)
		}
		return true
	}
	return false
}

// fallsBack returns the length of what v begins with if a value to fall back on may
// stand behind it: an operator, or the comma before a second argument.
func fallsBack(v []byte) int {
	switch v[0] {
	case ',':
		return 1
	case '|', '?', 'o':
		for _, op := range []string{"|| ", "?? ", "or ", "?: "} {
			if hasPrefix(v, op) {
				return len(op)
			}
		}
	}
	return 0
}
