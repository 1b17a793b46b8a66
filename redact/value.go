package redact

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// A weight says how much a value looks like a secret rather than like a word of prose
// or configuration.
type weight uint8

const (
	never    weight = iota // empty, a placeholder, a reference, a mask
	possible               // a plain word or number
	likely                 // letters mixed with digits or punctuation
	random                 // nothing that a person would write
)

// weigh returns the weight of v.
func weigh(v []byte) weight {
	for len(v) > 0 && isSpace(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	if len(v) == 0 || isReference(v) {
		return never
	}
	var c traitCount
	c.count(v)
	if c.looksRandom(len(v)) {
		if c.n[traitSign] > 0 && isMask(v) {
			return never
		}
		return random
	}
	if isMask(v) {
		return never
	}
	digits, letters := c.n[traitDigit], c.n[traitUpper]+c.n[traitLower]+c.n[traitHigh]
	others := c.n[traitMark] + c.n[traitSign] + c.n[traitJoin]
	switch {
	case letters+digits == 0 && len(v) < 4:
		return never
	case letters == 0 && others == 0:
		return possible
	case digits == 0 && v[len(v)-1] == '!' && len(v) < 10 && isStopWord(v[:len(v)-1]):
		return never // GraphQL's String!
	case digits == 0 && wordy(v):
		if isStopWord(v) {
			return never
		}
		if others+c.n[traitSpace] > 0 || c.rises < 3 || c.rises*5 < len(v) {
			return possible
		}
	}
	return likely
}

// looksRandom reports whether v could not be a word, a name, a date or a path:
// a run of token characters that changes between small letters, capitals and
// digits more often than names do.
func looksRandom(v []byte) bool {
	if len(v) < minRandom {
		return false
	}
	var c traitCount
	c.count(v)
	return c.looksRandom(len(v))
}

// minRandom is how long what looks random is at least.
const minRandom = 10

// A traitCount says how often characters of each trait occur in a text, how often it
// turns between letters and digits, and how often it rises from a small letter to a
// capital.
type traitCount struct {
	n            [numTraits]int
	turns, rises int
}

// count counts v.
func (c *traitCount) count(v []byte) {
	last := uint8(traitMark)
	for _, b := range v {
		t := traits[b]
		c.n[t]++
		switch {
		case last == t:
		case t == traitDigit && (last == traitUpper || last == traitLower), last == traitDigit && (t == traitUpper || t == traitLower):
			c.turns++
		case t == traitUpper && last == traitLower:
			c.rises++
		}
		last = t
	}
}

// looksRandom is [looksRandom] for the text that was counted, of a length.
func (c *traitCount) looksRandom(length int) bool {
	letters, digits := c.n[traitUpper]+c.n[traitLower], c.n[traitDigit]
	return length >= minRandom && c.n[traitMark]+c.n[traitSpace]+c.n[traitHigh] == 0 && letters >= 2 && letters+digits >= length*2/3 &&
		(c.turns+c.rises)*5 >= length && (digits >= 2 || c.rises*6 >= length)
}

// Traits of characters.
const (
	traitMark  = iota // anything else
	traitSpace        // a blank
	traitUpper
	traitLower
	traitDigit
	traitHigh // not ASCII
	traitSign // appears in random passwords, and in placeholders
	traitJoin // joins the parts of tokens
	numTraits
)

var traits = func() (t [256]uint8) {
	for c := range 256 {
		switch b := byte(c); {
		case b == ' ':
			t[c] = traitSpace
		case isUpper(b):
			t[c] = traitUpper
		case isLower(b):
			t[c] = traitLower
		case isDigit(b):
			t[c] = traitDigit
		case c >= 0x80:
			t[c] = traitHigh
		case strings.IndexByte("*._", b) >= 0:
			t[c] = traitSign
		case strings.IndexByte("-+/=~%!@#$^&", b) >= 0:
			t[c] = traitJoin
		}
	}
	return t
}()

// weigh is weigh for a part of s.v, which several rules may ask for in turn.
func (s *scanner) weigh(v []byte) weight {
	if len(v) == 0 {
		return never
	}
	if s.weighed.at != &v[0] || s.weighed.n != len(v) {
		s.weighed.at, s.weighed.n, s.weighed.w = &v[0], len(v), weigh(v)
	}
	return s.weighed.w
}

// stopWords are values that are states, types or words about a secret.
var stopWords = wordSet(`secrets passwords tokens files compat true false yes no on off null nil none undefined unset set missing empty void todo fixme tbd n/a na required optional
	string str text bool boolean int integer number float object array bytes byte varchar char secret password passwd token
	hidden masked redacted filtered removed omitted sensitive invalid valid expired revoked incorrect wrong correct
	unknown default auto basic bearer digest negotiate plain ok failed failure success error enabled disabled
	changed updated created deleted rotated refreshed found loaded used unused ignored given provided present absent
	not is was are were must should cannot can could may will the a an and or for from with without by in of to as at
	be been has have had it its if when then than that this your you my our their please enter type here prompt ask
	never always only also too very authentication authorization login credentials credential username user key keys value values
	secretkeyref configmapkeyref valuefrom fieldref manual stdin env file vault any all other new old same
	rejected accepted denied refused mismatch matches match does did do accepts contains length format policy
	chauthtok amd64 arm64 i386 armhf noarch reset resetting strength field fields input hash hashed via using per week weak strong short long today
	public private readonly read write admin-only`)

// isStopWord reports whether v, in any case, is one of stopWords.
func isStopWord(v []byte) bool {
	var buf [24]byte
	return len(v) <= len(buf) && stopWords[string(lower(v, buf[:0]))]
}

// isMask reports whether v is already a placeholder or a masked value.
func isMask(v []byte) bool {
	same := true
	var marks, stars, dots int
	for i, c := range v {
		same = same && c == v[0]
		switch c {
		case '*':
			if stars++; stars >= 3 && v[i-1] == '*' && v[i-2] == '*' {
				return true
			}
		case '.':
			dots++
		case '[', 0xe2:
			marks++
		}
	}
	if r, n := utf8.DecodeRune(v); r >= 0x80 && bytes.Count(v, v[:n])*n == len(v) {
		return true // ●●●●
	}
	if n := len(v); n > 6 && v[0] == v[1] && v[n-1] == v[0] && v[n-2] == v[0] && (v[0] == '@' || v[0] == '%' || v[0] == '_' || v[0] == '#') {
		return true // @@API_KEY@@
	}
	if same && !isDigit(v[0]) && (len(v) > 1 || !isLetter(v[0])) {
		return true
	}
	if marks > 0 && (bytes.Contains(v, []byte("[redacted")) || bytes.Contains(v, []byte("•••")) || len(v) < 40 && bytes.Contains(v, []byte("…"))) {
		return true
	}
	if dots >= 3 && bytes.Contains(v, []byte("...")) && (len(v) < 24 || len(bytes.Trim(v, ".")) <= 4) {
		return true
	}
	if len(v) <= 64 {
		var buf [64]byte
		l := lower(v, buf[:0])
		if hasMaskWord(l) {
			return true
		}
		if l[0] == 'x' && l[len(l)-1] == 'x' && len(l) >= 6 && distinct(l) <= 2 {
			return true
		}
	}
	first, last := v[0], v[len(v)-1]
	if first == '<' && last == '>' && onlyBrackets(v) {
		return true // <BOT_ID>:<BOT_TOKEN>
	}
	if first == '<' && last == '>' && len(v) > 2 && !bytes.ContainsAny(v[1:len(v)-1], "<>") && !looksRandom(v[1:len(v)-1]) {
		return true
	}
	return first == '(' && last == ')' || first == '[' && last == ']' && wordy(v[1:len(v)-1])
}

// onlyBrackets reports whether v is names in angle brackets with marks between them.
func onlyBrackets(v []byte) bool {
	inside := false
	for _, c := range v {
		switch {
		case c == '<':
			inside = true
		case c == '>':
			inside = false
		case inside && !isUpper(c) && c != '_' && c != '-' && c != ' ', !inside && (isAlnum(c) || c >= 0x80):
			return false
		}
	}
	return true
}

// hasMaskWord reports whether l, in small letters, says that it is a
// placeholder.
func hasMaskWord(l []byte) bool {
	for i, c := range l {
		if !maskFirst[c] {
			continue
		}
		for _, w := range maskWords[c] {
			if hasPrefix(l[i:], w) {
				return true
			}
		}
	}
	return false
}

// maskWords are the words of placeholders, by first letter.
var maskWords = byFirst(`redacted masked _here -here your_ your- <your changeme change-me change_me replace_me replaceme
	replace-me placeholder xxxxxx insert_ (sensitive filtered yourpassword insert yourtoken yourapikey yoursecret`)

var maskFirst = func() (t [256]bool) {
	for c, words := range maskWords {
		t[c] = len(words) > 0
	}
	return t
}()

// byFirst returns the words of a list by their first letters.
func byFirst(list string) (t [256][]string) {
	for _, w := range strings.Fields(list) {
		t[w[0]] = append(t[w[0]], w)
	}
	return t
}

// distinct returns how many different bytes v has.
func distinct(v []byte) int {
	var seen [256]bool
	n := 0
	for _, c := range v {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// isReference reports whether v names a place to find a secret: a variable, a
// template, an environment look-up, a path.
func isReference(v []byte) bool {
	switch v[0] {
	case '$':
		rest := v[1:]
		if len(rest) == 0 || len(rest) == 1 && !isLetter(rest[0]) { // $2, $@
			return true
		}
		switch rest[0] {
		case '[': // Azure Pipelines' $[variables.x]
			return rest[len(rest)-1] == ']'
		case '{', '(':
			// a reference, also one with a suffix; not a value that merely begins so
			i := bytes.IndexAny(rest, "})")
			return i < 0 || len(rest)-i < 12
		}
		if bytes.HasPrefix(rest, []byte("env:")) || bytes.HasPrefix(rest, []byte("this->")) {
			return true
		}
		for i, c := range rest {
			if c == '[' || c == '{' { // $_POST['x'], $ENV{X}
				return i > 0 && isVariable(rest[:i])
			}
			if !isAlnum(c) && c != '_' {
				break
			}
		}
		return isVariable(rest)
	case '%':
		return len(v) > 2 && v[len(v)-1] == '%' && isVariable(v[1:len(v)-1]) ||
			len(v) >= 2 && isLetter(v[1]) && (len(v) == 2 || v[2] == ':' || v[2] == ',') || // %s
			len(v) > 3 && v[1] == '(' || bytes.HasPrefix(v, []byte("%{"))
	case '{':
		// not what Jenkins has encrypted: {AQAAABAAAAAQ…}
		return len(v) > 1 && (v[1] == '{' || v[len(v)-1] == '}' && !(len(v) > 30 && looksRandom(v[1:len(v)-1]))) || len(v) == 1
	case '#':
		return len(v) > 1 && v[1] == '{'
	case '@':
		return bytes.HasPrefix(v, []byte("@Microsoft.KeyVault")) || bytes.HasPrefix(v, []byte("@Value(")) || len(v) > 1 && v[1] == '{'
	case '<':
		return len(v) > 1 && (v[1] == '%' || v[1] == '?' || v[1] == '=')
	case '!':
		return bytes.HasPrefix(v, []byte("!Ref")) || bytes.HasPrefix(v, []byte("!Sub")) || bytes.HasPrefix(v, []byte("!GetAtt")) || bytes.HasPrefix(v, []byte("!vault")) || bytes.HasPrefix(v, []byte("!secret")) || bytes.HasPrefix(v, []byte("!ENV")) || bytes.HasPrefix(v, []byte("!env"))
	case '*':
		return len(v) > 1 && isVariable(v[1:])
	case '/', '~', '.', '\\':
		return isPath(v)
	}
	if len(v) > 3 && isLetter(v[0]) && v[1] == ':' && (v[2] == '\\' || v[2] == '/') {
		return true
	}
	for _, p := range referencePrefixes[v[0]] {
		if hasPrefix(v, p) {
			return true
		}
	}
	if i := bytes.Index(v, []byte("://")); i > 0 && i < 12 {
		// A URL; what is secret in it, its own parts tell.
		return true
	}
	return false
}

// referencePrefixes begin look-ups, by first letter.
var referencePrefixes = byFirst(`os.environ os.getenv os.Getenv os.LookupEnv process.env import.meta.env Deno.env Bun.env
	System.getenv ENV[ ENV. env. env( getenv( secrets. vault: vault. arn:aws ssm: op: sops: keyring: secretKeyRef valueFrom
	std::env config. conf. cfg. settings. self. this. args. opts. options. params. var. local. module. data. request. req.
	ctx. context. getpass input( prompt( file( file: awskms: gcpkms: projects/ gs: s3: Environment.GetEnvironmentVariable
	{resolve: ref+ ref: #{ <%= agent: agent%3A lookup( secret/data/ secret=`)

// isVariable reports whether s is a name as variables have them, not a random
// string: $PASSWORD is a reference, $ecr3tPassw0rd is a password.
func isVariable(s []byte) bool {
	if len(s) == 0 || isDigit(s[0]) {
		return false
	}
	capitals, digits := true, 0
	for _, c := range s {
		switch {
		case isDigit(c):
			digits++
		case isLower(c):
			capitals = false
		case c == '_' || isUpper(c):
		case c == '.' || c == '-' || c == '>' || c == '[' || c == ']' || c == ':':
		default:
			return false
		}
	}
	return capitals || digits == 0 || digits <= 1 && isDigit(s[len(s)-1])
}

// isPath reports whether v is a file path rather than a random string that
// begins with a slash or a dot.
func isPath(v []byte) bool {
	if bytes.IndexByte(v[1:], '/') < 0 && bytes.IndexByte(v[1:], '\\') < 0 && bytes.IndexByte(v[1:], '.') < 0 {
		return !mixed(v) && len(v) > 1 && wordy(v[1:])
	}
	for _, c := range v {
		if c == '=' || c == '+' || c == '!' || c == '$' || c == '#' || c == '&' {
			return false
		}
	}
	return !looksRandom(v)
}

// isUUID reports whether v has the shape of a UUID.
func isUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !charsets['H'][c] {
			return false
		}
	}
	return true
}

// isDigest reports whether v is hexadecimal of a length that hashes have, with
// or without the name of the hash before it.
func isDigest(v []byte) bool {
	if i := bytes.IndexAny(v, ":-"); i > 0 && i < 10 && bytes.HasPrefix(v, []byte("sha")) || i > 0 && bytes.HasPrefix(v, []byte("md5")) {
		return true
	}
	for _, c := range v {
		if !charsets['H'][c] {
			return false
		}
	}
	return true
}

// mixedCase reports whether letters change case in a way that words do not.
func mixedCase(v []byte) bool {
	n := rises(v)
	return n >= 3 && n*5 >= len(v)
}

// wordy reports whether v consists of letters and what joins words.
func wordy(v []byte) bool {
	letters := 0
	for _, c := range v {
		if isLetter(c) || c >= 0x80 {
			letters++
		} else if c != '-' && c != '_' && c != '.' && c != ' ' && c != '/' && c != ',' && c != ':' && c != '\'' {
			return false
		}
	}
	return letters > 0
}

// isBasic reports whether v is base64 of "user:password".
func isBasic(v []byte) bool {
	v = bytes.TrimRight(v, "=")
	if len(v) < 4 || len(v) > 1024 {
		return false
	}
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(v, "-_") {
		enc = base64.RawURLEncoding
	}
	var buf [768]byte
	n, err := enc.Decode(buf[:], v)
	if err != nil || bytes.IndexByte(buf[:n], ':') < 0 {
		return false
	}
	for _, c := range buf[:n] {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// enough reports whether val is a secret under ver.
func (s *scanner) enough(val []byte, ver verdict) bool {
	w := s.weigh(val)
	if w == never || w < ver.need && !(ver.weak && isBasic(val) && len(val) >= 8) {
		return false
	}
	if ver.weak && (len(val) < 16 || isUUID(val) || isDigest(val[bytes.LastIndexByte(val, '-')+1:]) || isUpperName(val[:2]) && isDigest(val[2:])) {
		return isBasic(val) && len(val) >= 8
	}
	if !ver.numbers && isNumber(val) && len(val) < 20 || len(val) < 3 && w < random {
		return false
	}
	return !(ver.object && isObjectName(val)) && !(ver.need == likely && isMail(val))
}

// isMail reports whether val is a mail address.
func isMail(val []byte) bool {
	user, host, ok := bytes.Cut(val, []byte("@"))
	return ok && wordy(user) && wordy(host) && bytes.IndexByte(host, '.') > 0
}

// objectWords are parts of the names that secrets have in Kubernetes and its like.
var objectWords = wordSet("credentials credential creds secret secrets tls cert certs auth token tokens key keys password passwords pass signer config registry account")

// isObjectName reports whether val is the name of a secret, rather than one:
// small letters in words joined by dashes, one of which says so.
func isObjectName(val []byte) bool {
	if bytes.IndexByte(val, '/') > 0 && wordy(val) {
		return true // database/creds/readonly
	}
	if bytes.IndexByte(val, '-') < 0 {
		return false
	}
	named := false
	for part := range bytes.SplitSeq(val, []byte("-")) {
		for _, c := range part {
			if !isLower(c) {
				return false
			}
		}
		named = named || objectWords[string(part)]
	}
	return named
}

// isNumber reports whether v is a number, perhaps with a unit, or two of them: 1,000
// or 20k/200k.
func isNumber(v []byte) bool {
	for i, c := range v {
		switch {
		case isDigit(c), c == '.', c == ',', c == '-', c == '+':
		case c == '/' && i > 0 && i < len(v)-1:
		case (c == 'k' || c == 'K' || c == 'M' || c == '%') && i > 0 && isDigit(v[i-1]) && (i == len(v)-1 || v[i+1] == '/'):
		default:
			return false
		}
	}
	return true
}

// rises counts how often a capital follows a small letter.
func rises(v []byte) int {
	n := 0
	for i := 1; i < len(v); i++ {
		if isUpper(v[i]) && isLower(v[i-1]) {
			n++
		}
	}
	return n
}

// wordyParts reports whether most of a run is made of words of four or more
// small letters: file names, host names, slugs.
func wordyParts(run []byte) bool {
	n, longest := 0, 0
	for _, c := range run {
		if isLower(c) {
			n++
		} else {
			if n >= 4 {
				longest += n
			}
			n = 0
		}
	}
	if n >= 4 {
		longest += n
	}
	return longest*2 > len(run)
}

// mixed reports whether t has a letter and a digit: what has only one of them
// is more likely a word or a number.
func mixed(t []byte) bool {
	var digit, letter bool
	for _, c := range t {
		digit = digit || isDigit(c)
		letter = letter || isLetter(c)
	}
	return digit && letter
}
