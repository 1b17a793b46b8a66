package redact

import (
	"bytes"
	"slices"
)

// A span is a part of a line to be replaced.
type span struct {
	start, end int
	kind       string // "github token", or "" if not known
}

// What a hit of the prefilter may be the beginning of.
type hitKind uint8

const (
	hitKey      hitKind = iota // a word of a secret's name
	hitUnspaced                // the same in a language that puts no spaces between words
	hitFormat                  // the anchor of a token format
	hitURL
	hitScheme // Bearer, Basic
	hitPEM
	hitPuTTY
	hitFlag // -p, -u, -a: options whose meaning depends on the command
	hitQuery
	hitPhrase // IDENTIFIED BY
	hitDevice // OpenClaw's v3|… payload
	hitCall   // functions that take a user and a password
	hitDSN    // Go's MySQL data source names
	hitValue  // the heading of a column
	hitWords  // one of phrases
	hitJWK
	hitRSA    // <D> in XML
	hitNumber // a secret number of a key, in openssl's text
	hitPattern
)

type hit struct {
	kind   hitKind
	n      int // length of the literal
	format int // index in formats, or in the operator's patterns
	spec   int
	look   func(s *scanner, at, end int) // of a phrase
	lit    string                        // to compare with, if the automaton is not exact for it
}

// A rules is what all scanners of a Redactor share; it does not change.
type rules struct {
	dfa      *dfa
	hits     []hit
	specs    [][]spec // by format
	keys     []string // globs, upper case
	patterns []pattern
}

// keyStems are parts of names that may be secret. Longer names contain them.
var keyStems = []string{"pass", "pwd", "pswd", "secret", "token", "key", "cred", "auth", "cookie", "session", "sid", "dsn",
	"jwt", "mnemonic", "seed phrase", "recovery phrase", "backup phrase", "refresh", "kennwort", "senha", "contraseña", "contrasena", "wachtwoord", "haslo", "hasło", "lösenord", "adgangskode", "salasana", "heslo", "parola", "şifre", "пароль", "Пароль",
	"psw", "_pw", "pw=", "pw:", `pw"`, "connectionstring", "setupcode", "setup code", "totp", "otp", "salt", "sharedaccesssignature", "recoverycode", "_pat", "private-mac", "pat=", "psk", "bindpw", "rootpw", "adminpw", "webhook_url", "passphrase", "backup_code", "backupcode", "backup code", "recovery_code", "recovery code", "scratch_code", "api_hash", "honeycomb-team", "sonar.login", " pw "}

func newRules(keys []string, patterns []pattern) *rules {
	r := &rules{keys: keys, patterns: patterns}
	var lits []string
	add := func(lit string, h hit) {
		h.n = len(lit)
		lits = append(lits, foldString(lit))
		r.hits = append(r.hits, h)
	}
	for _, s := range keyStems {
		add(s, hit{kind: hitKey})
	}
	for _, w := range unspacedWords {
		add(w, hit{kind: hitUnspaced})
	}
	for _, k := range keys {
		add(globLiteral(k), hit{kind: hitKey})
	}
	for f, def := range formats {
		var specs []spec
		for i, s := range def.specs {
			sp := parseSpec(s)
			specs = append(specs, sp)
			add(sp.items[sp.anchor].lit, hit{kind: hitFormat, format: f, spec: i})
		}
		r.specs = append(r.specs, specs)
	}
	for i, p := range patterns {
		add(p.literal, hit{kind: hitPattern, format: i})
	}
	add("://", hit{kind: hitURL})
	add(`:\/\/`, hit{kind: hitURL})
	add("%3A%2F%2F", hit{kind: hitURL})
	add("bearer", hit{kind: hitScheme})
	add("basic", hit{kind: hitScheme})
	add("-- BEGIN ", hit{kind: hitPEM})
	add("--BEGIN ", hit{kind: hitPEM})
	add("Private-Lines:", hit{kind: hitPuTTY})
	for _, f := range []string{" -p", " -u", " -a", " -w", " -k", "/p:", "\t-p", "\t-u", "'-p", `"-p`, `"-a`, `"-u`, `"-w`, " -x", " -auth", " /user:", " --user", " --proxy-user"} {
		add(f, hit{kind: hitFlag})
	}
	for _, q := range []string{"appid=", "sig=", "signature=", "code=", "key=", "assertion=", "hmac=", "ticket="} {
		add(q, hit{kind: hitQuery})
	}
	for _, p := range []string{"identified by", "securestring", "oracle:thin:", "sqlplus ", "securestring(", "sqlplus -s ", "expdp ", "impdp ", "sqlldr "} {
		add(p, hit{kind: hitPhrase})
	}
	for _, p := range []string{"basicauth(", "getconnection(", "auth=(", "auth = (", "credential(", "credentials(", "authentication(", ".login(", "authenticate(", "authenticate (", "basic_auth(", "basic_auth '", "basic_auth \"", "digestauth(", "new pdo(", "twilio(", "hmac.new(", "createhmac(", "jwt.sign(", "jwt.verify(", "jwt.encode(", "jwt.decode("} {
		add(p, hit{kind: hitCall})
	}
	for _, p := range []string{"| chpasswd", "|chpasswd", "| sudo chpasswd", "htpasswd -b ", "htpasswd -nb ", "htpasswd -bn ", "htpasswd -cb ", "htpasswd -bc ", "htpasswd -bB ", "htpasswd -nbB "} {
		add(p, hit{kind: hitPhrase})
	}
	for _, p := range phrases() {
		add(p.text, hit{kind: hitWords, look: p.look})
	}
	add(`"kty`, hit{kind: hitJWK})
	for _, t := range []string{"<d>", "<p>", "<q>", "<dp>", "<dq>", "<inverseq>"} {
		add(t, hit{kind: hitRSA})
	}
	for _, n := range []string{"privateexponent:", "prime1:", "prime2:", "exponent1:", "exponent2:", "coefficient:", "priv:"} {
		add(n, hit{kind: hitNumber})
	}
	for _, p := range []string{"  value", "\tvalue", "| value", "│ value"} {
		add(p, hit{kind: hitValue})
	}
	add("/auth ", hit{kind: hitPhrase})
	add("@tcp(", hit{kind: hitDSN})
	add("@unix(", hit{kind: hitDSN})
	add("passin pass:", hit{kind: hitPhrase})
	add("passout pass:", hit{kind: hitPhrase})
	add("pass:", hit{kind: hitPhrase})
	add("v2|", hit{kind: hitDevice})
	add("v3|", hit{kind: hitDevice})
	r.dfa = newDFA(lits)
	for i, lit := range lits {
		if r.dfa.blurred(lit) {
			r.hits[i].lit = lit
		}
	}
	return r
}

func foldString(s string) string { return string(lower([]byte(s), nil)) }

// A scanner finds the secrets of one text, line by line, and remembers what a
// line says about those that follow.
type scanner struct {
	r     *rules
	known *knownSet
	plain decoded // the line without its escapes, for known

	v              []byte // what is looked at: a line without colours and NULs
	eol            bool   // v ends where the line ends
	spans          []span
	skip           int // the end of the last span
	fixed, fixedAt int // spans that the search began with, and those passed
	names          int // names that begin before are decided
	header         int // up to here an Authorization header was judged
	noAt           int // no @ of a URL's user info before this offset
	steps          int // work done, for the test of linear time

	st   state // what the lines before say
	next state // what this line says

	runs    [len(classNames)]struct{ from, to int } // a run of each class, so that none is walked twice
	noTable bool                                    // the line is no header of a table
	jwkTo   int                                     // members of keys before are decided
	tools   toolSearch
	weighed struct {
		at   *byte
		n, w int
	} // the last answer of weigh
	refused             int    // names whose values were refused, or found in prose
	again               []byte // what settle judges again
	refusedTo, refusals int    // the end of the last value refused, names in it
	dsnAt               int    // no data source name begins before

	mayHold bool // the line may wait for the next
	begun   bool // the next line is of a private key
	wants   want // what it waits for
	quote   byte // the closing quote, if that
	join    bool // v is several lines that belong together
	unwrap  int  // if not 0, the offset of a line end that v is to have left out

	swallowing   swallow // at the beginning of a window
	swallowQuote byte
	cache        verdictCache
	instead      []byte // what takes the place of a dropped line

	pos    []int32 // offset in the line of each byte of v; nil if it is the same
	buf    []byte
	posBuf []int32
}

// A state is what lines before say about this one.
type state struct {
	mode   mode
	indent int // of the key of a block scalar
	word   string

	valueOf  verdict // a "name" was seen, its "value" is secret
	ttl      int     // for how many more lines valueOf holds
	pending  pending // a key at the end of the line before, its value on this line
	indentK  int
	cont     contKind // a secret ran up to the end of the line before
	contLen  int
	head     [32]byte // what that line began with
	k        knownRest
	table    table
	accounts int  // lines that may still be user:password
	body     bool // the line before was one of a PEM block, or its BEGIN
	jwk      int  // lines that a JSON Web Key may still have
}

type mode uint8

const (
	modeNone  mode = iota
	modePEM        // in a private key, until its END
	modeBlock      // in a YAML block scalar
	modeUntil      // until a line with word: """ or the end of a here-document
	modeHex        // in a number of a key
	modePutty      // in the private lines of a PuTTY key
)

type pending uint8

const (
	noPending pending = iota
	pendingQuoted
	pendingAny
	pendingRandom
	pendingPrinted // a word that has the line, or the one behind a blank line, to itself
	pendingList    // lines of quoted strings
)

type contKind uint8

const (
	noCont contKind = iota
	contToken
)

// scan finds the spans of s.v.
func (s *scanner) scan() {
	v := s.v
	d := s.r.dfa
	s.steps += len(v)
	if s.known != nil {
		s.known.find(s)
	}
	s.fixed, s.fixedAt = len(s.spans), 0
	if s.fixed > 1 {
		slices.SortFunc(s.spans, func(a, b span) int { return a.start - b.start })
	}
	next, class := d.next, &d.class
	state := uint16(0)
	for i := 0; i < len(v); i++ {
		state = next[int(state)<<dfaShift|int(class[v[i]])]
		if state < d.first {
			continue
		}
		for _, id := range d.out[state-d.first] {
			h := &s.r.hits[id]
			at := i + 1 - h.n
			if at < s.skip && s.inSpan(at) || h.lit != "" && !equalFold(v[at:i+1], h.lit) {
				continue
			}
			s.hit(h, at)
		}
	}
}

// inSpan reports whether v[at] is in a span already. Text between spans is
// looked at, however far ahead a matcher has found something.
func (s *scanner) inSpan(at int) bool {
	for s.fixedAt < s.fixed && s.spans[s.fixedAt].end <= at {
		s.fixedAt++
	}
	if s.fixedAt < s.fixed && s.spans[s.fixedAt].start <= at || s.fixedAt > 0 && s.spans[s.fixedAt-1].end > at {
		return true
	}
	for i := len(s.spans) - 1; i >= s.fixed && i >= len(s.spans)-16; i-- {
		if s.spans[i].start <= at && at < s.spans[i].end {
			return true
		}
	}
	return false
}

func equalFold(b []byte, lit string) bool {
	for i, c := range b {
		if fold(c) != lit[i] {
			return false
		}
	}
	return true
}

func (s *scanner) hit(h *hit, at int) {
	s.steps += 4
	switch h.kind {
	case hitKey:
		s.key(at, at+h.n)
	case hitUnspaced:
		s.unspaced(at + h.n)
	case hitFormat:
		s.format(h.format, h.spec, at)
	case hitURL:
		s.userinfo(at + h.n)
	case hitScheme:
		s.scheme(at, at+h.n)
	case hitPEM:
		s.pem(at + h.n)
	case hitPuTTY:
		s.putty(at + h.n)
	case hitFlag:
		s.flag(at, at+h.n)
	case hitQuery:
		s.query(at, at+h.n)
	case hitPhrase:
		s.phrase(at, at+h.n)
	case hitCall:
		s.call(at, at+h.n)
	case hitDSN:
		s.dsn(at)
	case hitDevice:
		s.device(at)
	case hitValue:
		s.pairs(at)
	case hitWords:
		h.look(s, at, at+h.n)
	case hitJWK:
		s.jwk(at)
	case hitRSA:
		s.rsaXML(at + h.n)
	case hitNumber:
		s.keyNumber(at + h.n)
	case hitPattern:
		s.pattern(&s.r.patterns[h.format], at)
	}
}

// found records a span and goes on behind it.
func (s *scanner) found(start, end int, kind string) {
	if end <= start {
		return
	}
	s.steps += end - start
	s.spans = append(s.spans, span{start, end, kind})
	s.skip = max(s.skip, end)
	if end == len(s.v) || end >= len(bytes.TrimRight(s.v, "\r\n\"'`,; \\")) {
		s.next.cont = contToken
		s.next.contLen = end - start
		copy(s.next.head[:], s.v)
	}
}

// format matches one shape of a token at its anchor.
func (s *scanner) format(f, n, at int) {
	def, sp := &formats[f], &s.r.specs[f][n]
	v := s.v
	start, end, ok, open := s.match(sp, v, at)
	lit := sp.items[sp.anchor].lit
	distinctive := !def.whole && sp.anchor == 0 && len(lit) >= 4 && (bytes.ContainsAny([]byte(lit[1:]), "_-.:$") || len(lit) >= 8)
	if ok {
		tok := v[start:end]
		sure := def.sum != nil && def.sum(tok)
		if !sure {
			if def.check != nil && !def.check(tok[:min(len(tok), 512)]) || distinct(tok[min(len(lit), len(tok)):min(len(tok), len(lit)+64)]) <= 2 {
				return
			}
			if !def.embed && !boundaryBefore(v, start) && !(distinctive && len(lit) >= 5) {
				return
			}
		}
		last := sp.items[len(sp.items)-1]
		if end < len(v) && last.class != nil && (isAlnum(v[end]) || v[end] == '_' && last.class['_']) {
			if !distinctive && !sure && !def.embed {
				return
			}
			for end < len(v) && charsets['t'][v[end]] {
				end++
			}
		}
		for end < len(v) && v[end] == '=' && last.class != nil {
			end++
		}
		if def.name == "jwt" {
			for end+1 < len(v) && v[end] == '.' && charsets['t'][v[end+1]] {
				for end++; end < len(v) && charsets['t'][v[end]]; end++ {
				}
			}
		}
		s.found(start+def.keep, end, def.name)
		return
	}
	if start > at || !boundaryBefore(v, start) {
		return
	}
	if open && s.eol && end-at >= max(6, 16-2*len(lit)) {
		s.want(wantRest)
	}
	// Cut off, or a variant that is not in the table.
	if sp.anchor != 0 || start != at || def.check != nil && !distinctive {
		return
	}
	body := at + len(lit)
	if body > len(v) || string(v[at:body]) != lit {
		return
	}
	end = s.run('t', v, body, unbounded)
	if open && s.eol && atEnd(v, end) && len(lit) >= 4 && distinctive && end-body >= 6 && distinct(v[body:min(end, body+64)]) > 4 && mixedEnough(v[body:min(end, body+64)]) {
		s.found(at+def.keep, end, def.name)
		return
	}
	if open && s.eol && atEnd(v, end) && distinctive && end-body < 12 {
		s.next.cont, s.next.contLen = contToken, end-at
		return
	}
	if distinctive && end-body >= 12 && looksRandom(v[body:min(end, body+64)]) {
		s.found(at+def.keep, end, def.name)
	}
}

func mixedEnough(b []byte) bool { return mixed(b) || mixedCase(b) }

// kindOf returns the kind of the token that v[start:end] is.
func (s *scanner) kindOf(start, end int) string {
	d := s.r.dfa
	state := uint16(0)
	kind := ""
	for i := start; i < min(end, start+24); i++ {
		state = d.next[int(state)<<dfaShift|int(d.class[s.v[i]])]
		if state < d.first {
			continue
		}
		for _, id := range d.out[state-d.first] {
			h := &s.r.hits[id]
			if h.kind != hitFormat {
				continue
			}
			sp := &s.r.specs[h.format][h.spec]
			def := &formats[h.format]
			a, b, ok, _ := s.match(sp, s.v, i+1-h.n)
			if ok && a == start && b >= end-2 && def.keep == 0 && (def.check == nil || def.check(s.v[a:b])) {
				kind = def.name
			}
		}
	}
	return kind
}

// boundaryBefore reports whether a token may begin at v[i]: the character
// before is no letter or digit, or ends an escape such as \n, %20 or \u0026.
func boundaryBefore(v []byte, i int) bool {
	if i == 0 || !isAlnum(v[i-1]) {
		return true
	}
	c := v[i-1]
	switch {
	case c == 't' && i >= 4 && string(v[i-4:i]) == "/bot": // a Telegram method's address
		return true
	case i >= 2 && v[i-2] == '\\' && (c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' || c == 'v' || c == 'e' || c == '0'):
		return true
	case i >= 3 && charsets['H'][c] && charsets['H'][v[i-2]]:
		if v[i-3] == '%' || v[i-3] == '=' {
			return true
		}
		if i >= 4 && v[i-3] == 'x' && v[i-4] == '\\' {
			return true
		}
		if i >= 6 && v[i-5] == 'u' && v[i-6] == '\\' && charsets['H'][v[i-3]] && charsets['H'][v[i-4]] {
			return true
		}
	}
	if c == 'm' { // \u001b[32m as text
		j := max(0, i-2)
		for j > 0 && i-j < 12 && (isDigit(v[j]) || v[j] == ';') {
			j--
		}
		return v[j] == '[' && j > 0 && (isAlnum(v[j-1]) || v[j-1] == ']')
	}
	return false
}

// userinfo looks at the part of a URL between :// and @.
func (s *scanner) userinfo(start int) {
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
			s.found(a, auth, s.kindOf(a, auth))
		}
		return
	}
	if colon >= 0 && colon < at2 {
		pw := v[colon+1 : at2]
		if user := v[start:colon]; len(user) >= 12 && looksRandom(user) && weigh(user) == 3 {
			s.found(start, colon, s.kindOf(start, colon))
		}
		if len(pw) > 0 && weigh(pw) > 0 || len(pw) > 0 && stopWords[string(pw)] {
			s.found(colon+1, at2, s.kindOf(colon+1, at2))
		}
		return
	}
	if user := v[start:at2]; len(user) >= 12 && looksRandom(user) && weigh(user) == 3 {
		s.found(start, at2, s.kindOf(start, at2))
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

// scheme looks at what follows Bearer or Basic.
func (s *scanner) scheme(at, end int) {
	v := s.v
	if at > 0 && isAlnum(v[at-1]) && !boundaryBefore(v, at) {
		return
	}
	i := end
	for i < len(v) && (v[i] == ' ' || v[i] == '\t' || v[i] == '+' && i == end) {
		i++
	}
	if hasPrefix(v[i:], "%20") {
		i += 3
	} else if i < len(v) && i == end && (v[i] == ':' || v[i] == '=') {
		i++
		for i < len(v) && v[i] == ' ' {
			i++
		}
	}
	if i == end {
		return
	}
	if n, q := openQuote(v, i); n > 0 {
		if at > 0 && v[at-1] == q.ch {
			return // "Bearer "+token
		}
		i += n
	}
	j := i
	for j < len(v) && j-i < unbounded && charsets['p'][v[j]] {
		j++
	}
	s.steps += j - i
	tok := bytes.TrimRight(v[i:j], ".:%")
	if fold(v[at+1]) == 'a' { // basic
		if isBasic(tok) {
			s.found(i, i+len(tok), "")
		}
		return
	}
	if n := bytes.IndexByte(tok, '='); n > 0 && (n < len(bytes.TrimRight(tok, "=")) || j < len(v) && v[j] == '"') && isVariable(tok[:n]) {
		return // parameters: realm="x"
	}
	if w := weigh(tok); len(tok) >= 6 && (w >= 2 && !wordy(tok) || w == 3 || w >= 1 && len(tok) >= 20) {
		s.found(i, i+len(tok), s.kindOf(i, i+len(tok)))
	}
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
		s.found(end, j, s.kindOf(end, j))
	}
}

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
		if (commas > 0 || args > 1 || hasPrefix(v[at:], "hmac.new(")) && len(val) >= 5 && s.weigh(val) >= 2 && !isSentence(val) && !isVersion(val) && !bytes.Contains(val, []byte("://")) && !isLoud(val) {
			a, b, strong = i+w, e, strong+1
		}
		i = e + w - 1
	}
	if strong == 0 && y-x >= 5 && weigh(v[x:y]) == 1 && !isLoud(v[x:y]) && bytes.Contains(lower(v[at:at+12], nil), []byte("cred")) {
		a, b = x, y
	}
	s.found(a, b, s.kindOf(a, b))
}

// account redacts the password of the account that a password tool is given:
// htpasswd -b FILE USER PASSWORD, echo user:password | chpasswd.
func (s *scanner) account(at, end int) {
	v := s.v
	if v[at] == '|' {
		i := at
		for i > 0 && at-i < 200 && v[i-1] != '\'' && v[i-1] != '"' && v[i-1] != '\n' && (v[i-1] != ' ' || i == at) {
			i--
		}
		if i > 0 && i == at-1 { // the closing quote
			for i--; i > 0 && at-i < 200 && v[i-1] != '\'' && v[i-1] != '"' && v[i-1] != '\n'; i-- {
			}
		}
		e := i
		for e < at && v[e] != '\'' && v[e] != '"' && v[e] != ' ' {
			e++
		}
		if n := bytes.IndexByte(v[i:e], ':'); n > 0 && weigh(v[i+n+1:e]) > 0 {
			s.found(i+n+1, e, "")
		}
		return
	}
	i := end
	if bytes.IndexByte(v[at:end], 'n') < 0 { // without -n there is a file
		i = skipBlanks(v, s.wordEnd(i, len(v)))
	}
	s.argument(skipBlanks(v, s.wordEnd(i, len(v))))
}

// phrase looks at what follows "identified by" and "pass:".
func (s *scanner) phrase(at, end int) {
	v := s.v
	if v[at] == '|' || fold(v[at]) == 'h' {
		s.account(at, end)
		return
	}
	if v[at] == '/' { // our own command
		if e := s.wordEnd(end, len(v)); (at == 0 || isSpace(v[at-1])) && e-end >= 8 && s.weigh(v[end:e]) >= 2 {
			s.found(end, e, "")
		}
		return
	}
	if v[end-1] == ':' && fold(v[at]) == 'p' {
		// openssl's pass:…; a label in prose has a space behind it
		if at == 0 || v[at-1] != ' ' && v[at-1] != '=' || !bytes.Contains(v[max(0, at-32):at], []byte("-pass")) {
			return
		}
		j := end
		for j < len(v) && j-end < unbounded && v[j] > ' ' && v[j] != '"' && v[j] != '\'' {
			j++
		}
		s.steps += j - end
		if weigh(v[end:j]) > 0 {
			s.found(end, j, "")
		}
		return
	}
	i := end
	for i < len(v) && (v[i] == ' ' || v[i] == '(') {
		i++
	}
	if c := fold(v[at]); c == 'o' || v[end-1] == ' ' { // user/password@
		j := s.wordEnd(i, len(v))
		slash := bytes.IndexByte(v[i:j], '/')
		if slash < 1 {
			return
		}
		e := bytes.IndexByte(v[i+slash:j], '@')
		if e < 0 {
			e = j - i - slash
		}
		if pw := v[i+slash+1 : i+slash+e]; weigh(pw) > 0 {
			s.found(i+slash+1, i+slash+e, "")
		}
		return
	}
	for _, w := range []string{"-string ", "-String ", "password ", "PASSWORD ", "values ", "VALUES "} {
		if hasPrefix(v[i:], w) {
			i += len(w)
		}
	}
	if n, q := openQuote(v, i); n > 0 {
		end, _ := closeQuote(v, i+n, q, false)
		if weigh(v[i+n:end]) > 0 {
			s.found(i+n, end, "")
		}
	} else if e := s.wordEnd(i, len(v)); fold(v[at]) == 'i' {
		if val := bytes.TrimRight(v[i:e], ";,"); weigh(val) >= 2 {
			s.found(i, i+len(val), "")
		}
	}
}

// dsn looks at user:password in front of @tcp(.
// Source: https://github.com/go-sql-driver/mysql#dsn-data-source-name
func (s *scanner) dsn(at int) {
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

// device looks at OpenClaw's device signature payload, whose eighth field is a
// token.
// Source: OpenClaw gateway protocol, connect, device.signature.
func (s *scanner) device(at int) {
	v := s.v
	if at > 0 && isAlnum(v[at-1]) {
		return
	}
	i := at
	for range 7 {
		n := bytes.IndexByte(v[i:min(len(v), i+512)], '|')
		if n < 0 {
			return
		}
		i += n + 1
	}
	n := bytes.IndexByte(v[i:min(len(v), i+1024)], '|')
	if n < 0 {
		if e := s.wordEnd(i, len(v)); atEnd(v, e) {
			n = e - i
		}
	}
	s.steps += i - at
	if n > 0 && weigh(v[i:i+n]) > 0 {
		s.found(i, i+n, "")
	}
}

func (s *scanner) pattern(p *pattern, at int) {
	// The window is bounded, so that a pattern cannot make a long line slow.
	const before, after = 256, 2048
	lo, hi := max(0, at-before), min(len(s.v), at+after)
	if p.anchored != nil {
		s.steps += 32
		if m := p.anchored.FindSubmatchIndex(s.v[at:hi]); m != nil {
			a, b := m[0], m[1]
			if len(m) > 2 && m[2] >= 0 {
				a, b = m[2], m[3]
			}
			if !bytes.Contains(s.v[at+a:at+b], []byte("[redacted")) {
				s.found(at+a, at+b, "")
			}
		}
		return
	}
	if i := bytes.LastIndexByte(s.v[lo:at], '\n'); i >= 0 {
		lo += i + 1
	}
	s.steps += hi - lo
	for _, m := range p.re.FindAllSubmatchIndex(s.v[lo:hi], 8) {
		if m[0] > at-lo || m[1] < at-lo+len(p.literal) {
			continue
		}
		a, b := m[0], m[1]
		if len(m) > 2 && m[2] >= 0 {
			a, b = m[2], m[3]
		}
		if bytes.Contains(s.v[lo+a:lo+b], []byte("[redacted")) {
			continue
		}
		s.found(lo+a, lo+b, "")
		return
	}
}
