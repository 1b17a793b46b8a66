package redact

import "strings"

// A verdict says how much a name tells about the value assigned to it.
type verdict struct {
	need    weight // the least at which the value is taken for a secret; 0: never
	numbers bool   // the value may be a number: a password, not a token
	weak    bool   // the name is hardly one of a secret: a bare "key"
	dsn     bool   // the value has names of its own
	object  bool   // the value may be the name of a secret: secretName
	kind    keyKind
}

type keyKind uint8

const (
	plainKey  keyKind = iota
	authKey           // Authorization: a scheme, then the secret
	cookieKey         // Cookie, Set-Cookie: pairs
)

// words is a set of words, all in lower case.
type words map[string]bool

// wordSet returns the words of a list.
func wordSet(s string) words {
	w := make(words)
	for _, f := range strings.Fields(s) {
		w[f] = true
	}
	return w
}

var (
	// secretWords make a name secret wherever they stand in it.
	secretWords = wordSet(`password passwords masterauth authtok apihash passwd passwds passphrase passphrases passcode passwort kennwort pwd pswd psw pw
		userpassword secret secrets credential credentials cred creds apikey apikeys apitoken authtoken accesstoken
		accesskey secretkey privatekey authkey masterkey encryptionkey token tokens jwt mnemonic senha
		contrasena contraseña motdepasse wachtwoord haslo hasło parol passe lösenord adgangskode salasana heslo parola şifre пароль Пароль otp totp mfasecret
		clientsecret appsecret sharedsecret hmacsecret webhooksecret setupcode bootstraptoken dsn connectionstring phrase
		accountkey sharedaccesskey sharedaccesssignature sastoken storagekey licensekey recoverycode seedphrase pat authstring passwdhash psk bindpw rootpw adminpw presharedkey`)

	// secretEndings make a word secret that ends with them: dbpassword, mytoken.
	secretEndings = []string{"password", "passwd", "passphrase", "passwort", "pwd", "secret", "token", "apikey",
		"secretkey", "accesskey", "privatekey", "authkey", "credentials", "pass", "пароль"}
	notEndings = wordSet(`bypass tiktoken compass encompass surpass trespass underpass overpass firstpass lastpass multipass
		subtoken detoken retoken unsecret libsecret`)

	// secretPairs are secret words that names split in two: setupCode.
	secretPairs = pairSet("setup code, recovery code, recovery codes, backup code, backup codes, scratch codes, api hash, " +
		"erlang cookie, magic cookie, master auth, auth tok, auth pass, connection string, seed phrase, pass phrase, pass word, sonar login, dsonar login, honeycomb team, bot auth, key content, nonce salt, auth salt, in salt, keys base64, keys b64, sec key")

	// keyOwners make a "key" secret: api_key, signing key.
	keyOwners = wordSet(`api secret access private encryption encrypt decryption signing sign master account auth authentication
		service ssh deploy deployment shared storage sec crypto cipher aes hmac app application consumer subscription client
		jwt jwe jwk webhook recovery wallet rsa ecdsa ed25519 unseal instrumentation write read ingest ingestion
		integration project bot server function functions root admin user license activation tls ssl data kms kek dek
		stripe openai anthropic google aws azure github gitlab slack twilio sendgrid mailgun mailchimp datadog dd newrelic
		algolia maps gemini groq mistral cohere deepseek openrouter elevenlabs huggingface hf telegram discord pusher
		rails django flask laravel nextauth session_secret dotenv sentry rollbar bugsnag heroku cloudflare cf vault etcd
		symmetric preshared pre psk wireguard wpa vapid fcm apns push trello jira airtable linear notion hubspot personal
		developer dev merchant payment publishing upload ftp sftp smtp db database redis mysql postgres provisioning
		registration enrollment join cluster agent device management primarymaster tenant validation setup certificate routing`)
	keyOthers = wordSet(`socket websocket foreign public pub sort partition cache object row map hash index unique lookup
		group idempotency dedupe dedup translation i18n message shard bucket registry hot arrow escape enter any press
		natural surrogate composite candidate config setting settings json dict hashmap attribute field column sortkey
		lock job event kafka topic record distribution query parent child tree binding shortcut host known
		issue ticket verification verify node storagekey label tag metric resource item state locale props prop react ref
		license_plate piano minor major answer legend house hotel car turn color join_field lookup_key trusted
		authorized`)

	// harmlessEndings after a secret word make the name one about the secret.
	harmlessEndings = wordSet(`count counts length len size limit limits max maximum min minimum id ids name names file files filename path
		paths dir directory url urls uri endpoint type types ttl expiry expires expire expired expiration expiresat expiresin at in
		age policy policies field fields label hint prompt placeholder reset required optional enabled disabled valid invalid
		validity validation version format header headers prefix suffix index status state states usage used rate budget total per
		second seconds minute minutes hour hours day days ms manager provider providers service store storage ref refs reference
		references selector arn arns region rotation rotate algorithm alg method methods mode class classes env var variable
		keyref length strength complexity history attempts attempt retries retry failures failure error errors message
		messages bucket buckets stream window cache cached pool kind source target scope scopes audience issuer created updated
		date time timestamp iat exp nbf generator regex pattern list lists group groups owner user users username
		email host hostname port address ip page cost price counter counts counted tokenizer encoding engine driver plugin
		handler helper util utils controller component module package view screen form input dialog button link text
		exists missing present changed change updater checker validator parser lexer position offset start end line column
		authentication auth login prompt less based protected safe secure review exchange info details description desc
		title comment note notes help example docs doc`)

	// keptEndings after a secret word change nothing: API_KEY_PROD, password2.
	keptEndings = wordSet(`prod production dev development test testing staging stage live sandbox local default old new current
		previous prev next1 backup b64 base64 hex encoded encrypted plain plaintext plaintexts cleartext clear raw value values string str data
		content contents confirm confirmation again repeat hash hashed hashes override main primary secondary master slave replica
		read write rw ro admin root user app api web db database redis mysql postgres bot github gitlab slack aws eu us
		a b c i ii v v1 v2 v3 one two first second1 internal external public1 global shared server client key keys token pw json yaml base`)

	// countedTokens before "token" make it one that is counted, parsed or paged.
	countedTokens = wordSet(`max min num n total prompt completion input output cached reasoning context next page continuation
		unexpected illegal special bos eos pad unk stop cls sep mask lexer nexttoken pagetoken sync cursor
		remaining used per average avg ratelimit mean maximum minimum count thinking generated usage syntax
		near keyword color colour spacing theme css font punctuation identifier lookahead design lp erc20 nft supply`)
)

// classify judges a name such as "DB_PASSWORD", "spring.mail.password",
// "X-Api-Key", "clientSecret" or "token count". inURL says that it stands in a
// query string or fragment, where more names carry secrets.
func classify(name []byte, inURL bool) verdict {
	var ws nameWords
	ws.split(name)
	if ws.n == 0 {
		return verdict{}
	}
	if inURL {
		if v := ws.parameter(); v.need > 0 {
			return v
		}
	}
	at, v := ws.secretWord()
	if at < 0 {
		return v
	}
	if ws.isAbout(at) {
		return verdict{}
	}
	word := string(ws.at(at))
	v.numbers = word != "token" && word != "tokens" && !hasEnding(ws.at(at), "token")
	switch word {
	case "pat", "pw", "otp", "passe", "cred", "creds", "credential", "credentials", "totp", "jwt":
		v.need = likely
	case "dsn", "connectionstring", "string": // connection string
		v.need, v.dsn = 2, true
	case "secret", "secrets":
		v.object = true
		if word == "secret" && at == ws.n-2 && string(ws.at(ws.n-1)) == "id" {
			return verdict{need: random} // Vault's and Consul's, not the name of a secret
		}
	case "key":
		v.object = at > 0 && string(ws.at(at-1)) == "secret"
	}
	return ws.judgeEndings(at, v)
}

// parameter judges the name of a parameter of a URL; need is 0 if it says no more there
// than elsewhere.
func (w *nameWords) parameter() verdict {
	switch string(w.at(w.n - 1)) {
	case "sig", "signature", "appid", "hmac", "apikey", "pass", "pw", "auth", "authkey", "sid", "ticket", "assertion", "key", "session", "credential":
		return verdict{need: likely}
	case "code", "state", "nonce":
		if w.n == 1 {
			return verdict{need: random}
		}
	}
	return verdict{}
}

// secretWord returns the index of the last word that makes the name secret, and what it
// says. If there is none, the index is -1 and the verdict one on the whole name.
func (w *nameWords) secretWord() (at int, v verdict) {
	weak := verdict{need: random, weak: true}
	for i := w.n - 1; i >= 0; i-- {
		last := i == w.n-1
		switch word := string(w.at(i)); {
		case secretWords[word], i > 0 && w.isPair(i), word == "pass" && w.n > 1:
			return i, verdict{need: possible}
		case word == "pass":
			return -1, verdict{need: likely}
		case word == "authorization":
			if last {
				return -1, verdict{need: likely, kind: authKey}
			}
			return -1, verdict{}
		case word == "cookie" || word == "cookies":
			if last && (w.n == 1 || w.n == 2 && (string(w.at(0)) == "set" || string(w.at(0)) == "http")) {
				return -1, verdict{need: likely, kind: cookieKey}
			}
		case (word == "key" || word == "keys") && i > 0:
			switch owner := w.at(i - 1); {
			case keyOwners[string(owner)]:
				return i, verdict{need: likely} // keys are not words
			case keyOthers[string(owner)], word == "keys":
				return -1, verdict{}
			case last:
				return -1, weak
			}
		case word == "key" || word == "keys" || word == "refresh":
			if w.n == 1 {
				return -1, weak
			}
		case word == "sessionid" || word == "id" && i > 0 && string(w.at(i-1)) == "session":
			if last {
				return -1, weak
			}
		case word == "auth" && last && w.n > 1 && (string(w.at(i-1)) == "require" || string(w.at(i-1)) == "redis"):
			return -1, verdict{need: possible, numbers: true}
		case word == "auth" || word == "bearer" || word == "salt" || word == "sid" || word == "session":
			if last {
				return -1, weak
			}
		case len(word) > 4 && !notEndings[word] && endsSecret(w.at(i)):
			return i, verdict{need: possible}
		}
	}
	return -1, verdict{}
}

// isAbout reports whether the words before the secret word at make the name one about
// secrets: maxTokens, hasPassword, X-RateLimit-Reset-Tokens.
func (w *nameWords) isAbout(at int) bool {
	if w.n > 1 && (string(w.at(0)) == "ratelimit" || string(w.at(1)) == "ratelimit") {
		return true
	}
	if at == 0 {
		return false
	}
	word, before := string(w.at(at)), string(w.at(at-1))
	isToken := word == "token" || word == "tokens"
	if isToken && countedTokens[before] || before == "existing" {
		return true
	}
	switch string(w.at(0)) {
	case "no", "has", "existing", "rotate", "show", "hide", "validate", "verify", "print", "is", "use", "allow", "forgot":
		return true
	case "require":
		return word != "pass"
	case "reset":
		return w.n == 2 && !isToken
	}
	return false
}

// judgeEndings judges the words behind the secret word at: TOKEN_COUNT is harmless,
// TOKEN_PROD is not, and of TOKEN_FOO only a random value is secret.
func (w *nameWords) judgeEndings(at int, v verdict) verdict {
	for i := at + 1; i < w.n; i++ {
		switch word := w.at(i); {
		case harmlessEndings[string(word)] && (i == w.n-1 || !keptEndings[string(w.at(w.n-1))]):
			return verdict{}
		case !keptEndings[string(word)]:
			v.need = random
		}
	}
	return v
}

// pairSet is a set of pairs of words, separated by commas.
func pairSet(s string) words {
	w := make(words)
	for _, f := range strings.Split(s, ",") {
		w[strings.TrimSpace(f)] = true
	}
	return w
}

// endsSecret reports whether w ends with one of secretEndings.
func endsSecret(w []byte) bool {
	for _, e := range secretEndings {
		if hasEnding(w, e) {
			return true
		}
	}
	return false
}

// hasEnding reports whether w is a longer word that ends with e.
func hasEnding(w []byte, e string) bool {
	return len(w) > len(e) && string(w[len(w)-len(e):]) == e
}

// A nameWords is a name split into its last words, in small letters.
type nameWords struct {
	buf  [maxName + 16]byte
	from [12]uint8
	to   [12]uint8
	n    int
}

// isPair reports whether word i and the one before are a secret pair.
func (w *nameWords) isPair(i int) bool {
	var buf [maxName + 1]byte
	a, b := w.at(i-1), w.at(i)
	if len(a)+1+len(b) > len(buf) {
		return false
	}
	pair := append(append(append(buf[:0], a...), ' '), b...)
	return secretPairs[string(pair)]
}

// at returns word i.
func (w *nameWords) at(i int) []byte { return w.buf[w.from[i]:w.to[i]] }

// split splits a name into words, at punctuation and where a capital follows a
// small letter, without trailing digits.
func (w *nameWords) split(name []byte) {
	if len(name) > len(w.buf) {
		return
	}
	for i := 0; i < len(name); {
		if c := name[i]; !isAlnum(c) && c < 0x80 {
			i++
			continue
		}
		j := i
		for j < len(name) && (isAlnum(name[j]) || name[j] >= 0x80) {
			if j > i && isUpper(name[j]) {
				if isLower(name[j-1]) || isUpper(name[j-1]) && j+1 < len(name) && isLower(name[j+1]) {
					break
				}
			}
			w.buf[j] = fold(name[j])
			j++
		}
		from, to := i, j
		i = j
		if isDigit(w.buf[to-1]) && !isDigit(w.buf[from]) && !keptEndings[string(w.buf[from:to])] {
			for to-from > 1 && isDigit(w.buf[to-1]) {
				to--
			}
		}
		if isDigit(w.buf[from]) && to-from <= 3 {
			continue
		}
		if w.n == len(w.from) {
			copy(w.from[:], w.from[1:])
			copy(w.to[:], w.to[1:])
			w.n--
		}
		w.from[w.n], w.to[w.n] = uint8(from), uint8(to)
		w.n++
	}
}

// A verdictCache remembers the verdicts of the names seen last: logs repeat
// them.
type verdictCache [64]struct {
	name    [30]byte
	n       uint8
	inURL   bool
	verdict verdict
}

// classify is [classify], remembered.
func (c *verdictCache) classify(name []byte, inURL bool) verdict {
	if len(name) > len(c[0].name) {
		return classify(name, inURL)
	}
	h := uint32(len(name))
	for _, b := range name {
		h = h*31 + uint32(b)
	}
	e := &c[h*0x9e3779b1>>26]
	if int(e.n) != len(name) || e.inURL != inURL || string(e.name[:e.n]) != string(name) {
		e.verdict = classify(name, inURL)
		e.n, e.inURL = uint8(copy(e.name[:], name)), inURL
	}
	return e.verdict
}

// matchGlob reports whether name matches pattern, both in upper case, where *
// stands for any characters and ? for one.
func matchGlob(pattern string, name []byte) bool {
	p, s, star, mark := 0, 0, -1, 0
	for s < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, s
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == upper(name[s])):
			p++
			s++
		case star >= 0:
			mark++
			p, s = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// isLoud reports whether a name is written as environment variables are.
func isLoud(name []byte) bool {
	n := 0
	for _, c := range name {
		if isLower(c) {
			return false
		}
		if isUpper(c) {
			n++
		}
	}
	return n > 1
}

// isUpperName reports whether v is capitals, or words of them.
func isUpperName(v []byte) bool {
	for _, c := range v {
		if !isUpper(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// endsFold reports whether name ends with word, in any case.
func endsFold(name []byte, word string) bool {
	n := len(name) - len(word)
	return n >= 0 && equalFold(name[n:], word)
}

// mixedNames reports whether a name has several words.
func mixedNames(v []byte) bool {
	for i := 1; i < len(v); i++ {
		if v[i] == '_' || isUpper(v[i]) && isLower(v[i-1]) {
			return true
		}
	}
	return false
}
