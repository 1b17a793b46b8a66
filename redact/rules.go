package redact

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
