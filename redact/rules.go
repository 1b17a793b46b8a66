package redact

// A rules is what all scanners of a Redactor share; it does not change.
type rules struct {
	dfa  *dfa
	hits []hit    // by number of the literal in dfa
	keys []string // globs, upper case
}

// A hit says what a literal that was found may be part of: a format, an operator's
// pattern, or whatever look finds around it.
type hit struct {
	n   int    // length of the literal
	lit string // to compare with, if the automaton is not exact for it

	look    func(s *scanner, at, end int)
	format  *format
	spec    *spec
	pattern *pattern
}

// keyStems are parts of names that may be secret. Longer names contain them.
var keyStems = []string{"pass", "pwd", "pswd", "secret", "token", "key", "cred", "auth", "cookie", "session", "sid", "dsn",
	"jwt", "mnemonic", "seed phrase", "recovery phrase", "backup phrase", "refresh", "kennwort", "senha", "contraseña", "contrasena", "wachtwoord", "haslo", "hasło", "lösenord", "adgangskode", "salasana", "heslo", "parola", "şifre", "пароль", "Пароль",
	"psw", "_pw", "pw=", "pw:", `pw"`, "connectionstring", "setupcode", "setup code", "totp", "otp", "salt", "sharedaccesssignature", "recoverycode", "_pat", "private-mac", "pat=", "psk", "bindpw", "rootpw", "adminpw", "webhook_url", "passphrase", "backup_code", "backupcode", "backup code", "recovery_code", "recovery code", "scratch_code", "api_hash", "honeycomb-team", "sonar.login", " pw "}

// An anchor is text that the automaton looks for, in any case, and what is looked for
// around it.
type anchor struct {
	look  func(s *scanner, at, end int) // v[at:end] is the text
	texts []string
}

// anchors returns the table of anchors, but for those of names, formats and the
// operator's patterns, which newRules adds.
func anchors() []anchor {
	return []anchor{
		{(*scanner).userinfo, []string{"://", `:\/\/`, "%3A%2F%2F"}},
		{(*scanner).scheme, []string{"bearer", "basic"}},
		{(*scanner).query, []string{"appid=", "sig=", "signature=", "code=", "key=", "assertion=", "hmac=", "ticket="}},
		// Options whose meaning depends on the command before them.
		{(*scanner).flag, []string{" -p", " -u", " -a", " -w", " -k", "/p:", "\t-p", "\t-u", "'-p", `"-p`, `"-a`, `"-u`, `"-w`, " -x", " -auth", " /user:", " --user", " --proxy-user"}},
		// Functions that take a user and a password, or a key.
		{(*scanner).call, []string{"basicauth(", "getconnection(", "auth=(", "auth = (", "credential(", "credentials(", "authentication(", ".login(", "authenticate(", "authenticate (", "basic_auth(", "basic_auth '", "basic_auth \"", "digestauth(", "new pdo(", "twilio(", "hmac.new(", "createhmac(", "jwt.sign(", "jwt.verify(", "jwt.encode(", "jwt.decode("}},
		// The heading of the last column of a table.
		{(*scanner).pairs, []string{"  value", "\tvalue", "| value", "│ value"}},
		// Key material.
		{(*scanner).pem, []string{"-- BEGIN ", "--BEGIN "}},
		{(*scanner).putty, []string{"Private-Lines:"}},
		{(*scanner).jwk, []string{`"kty`}},
		{(*scanner).rsaXML, []string{"<d>", "<p>", "<q>", "<dp>", "<dq>", "<inverseq>"}},
		{(*scanner).keyNumber, []string{"privateexponent:", "prime1:", "prime2:", "exponent1:", "exponent2:", "coefficient:", "priv:"}},
		// https://github.com/go-sql-driver/mysql#dsn-data-source-name
		{(*scanner).dsn, []string{"@tcp(", "@unix("}},
		// OpenClaw gateway protocol, connect, device.signature
		{(*scanner).device, []string{"v2|", "v3|"}},
		// https://docs.oracle.com/en/database/oracle/oracle-database/19/sqpug/ and its JDBC driver
		{(*scanner).userSlashPassword, []string{"oracle:thin:", "sqlplus ", "sqlplus -s ", "expdp ", "impdp ", "sqlldr "}},
		// SQL, and PowerShell's ConvertTo-SecureString
		{(*scanner).identifiedBy, []string{"identified by"}},
		{(*scanner).secureString, []string{"securestring", "securestring("}},
		// https://docs.openssl.org/master/man1/openssl-passphrase-options/
		{(*scanner).opensslPass, []string{"passin pass:", "passout pass:", "pass:"}},
		// https://httpd.apache.org/docs/2.4/programs/htpasswd.html
		{(*scanner).htpasswd, []string{"htpasswd -b ", "htpasswd -nb ", "htpasswd -bn ", "htpasswd -cb ", "htpasswd -bc ", "htpasswd -bB ", "htpasswd -nbB "}},
		{(*scanner).chpasswd, []string{"| chpasswd", "|chpasswd", "| sudo chpasswd"}},
		// Our own command.
		{(*scanner).unlock, []string{"/auth "}},
		// RFC 4954: SMTP, IMAP and POP3 log-ins in base64
		{(*scanner).base64Word, []string{"auth plain ", "auth login ", "authenticate plain "}},
		// https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ and sentinel.conf
		{(*scanner).word, []string{" on >"}},
		{(*scanner).secondWord, []string{"auth-pass "}},
		// https://www.haproxy.com/documentation/haproxy-configuration-manual/latest/#stats%20auth
		{(*scanner).userColonPassword, []string{"stats auth "}},
		// https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/security/s1/sec-s1-cr-book.html
		{(*scanner).word, []string{"snmp-server community ", "server key 7 ", "password 0 ", "password 7 ", "secret 0 "}},
		// https://openwrt.org/docs/guide-user/base-system/uci
		{(*scanner).word, []string{"option key ", "option password "}},
		// https://docs.strongswan.org/docs/latest/swanctl/swanctlConf.html and ipsec.secrets(5)
		{(*scanner).secondWord, []string{": rsa "}},
		{(*scanner).word, []string{" : eap ", " : xauth "}},
		// https://developer.hashicorp.com/consul/docs/security/encryption/gossip
		{(*scanner).strongWord, []string{`encrypt = "`, `"encrypt": "`, `"encrypt":"`}},
		// https://docs.openclaw.ai/concepts/oauth (auth-profiles.json)
		{(*scanner).strongWord, []string{`"access":"`, `"access": "`}},
		// https://www.postfix.org/SASL_README.html#client_sasl_enable
		{(*scanner).userColonPassword, []string{"]:587 ", "]:465 ", "]:25 "}},
		// https://www.postgresql.org/docs/current/libpq-pgpass.html
		{(*scanner).passFile, []string{":5432:", ":5433:", ":6432:", ":*:"}},
		// https://www.pgbouncer.org/config.html#authentication-file-format
		{(*scanner).userList, []string{`" "`}},
		// https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/net-user
		{(*scanner).netUser, []string{"net user "}},
		{(*scanner).netUse, []string{"net use "}},
		// What is piped into a program that asks for a password.
		{(*scanner).piped, []string{"| sudo -s", "|sudo -s", "| kinit", "| /usr/bin/kinit", "--password-stdin", "| passwd --stdin", "| gpg ", "| cryptsetup", "| smbpasswd"}},
		// Numbers of cards and SIMs.
		{(*scanner).pin, []string{"pin: ", `pin": "`, "puk: "}},
		// netsh wlan show profiles key=clear
		{(*scanner).afterColon, []string{"key content "}},
		// https://learn.microsoft.com/en-us/windows/win32/seccrypto/signtool
		{(*scanner).signtool, []string{" /p "}},
		// expect(1)
		{(*scanner).sent, []string{`send "`}},
		// Codes for one log-in.
		{(*scanner).code, []string{"-time code", "verification code", "security code", "login code", "access code", "2fa code", "pairing code"}},
		// https://man7.org/linux/man-pages/man8/auditd.8.html: text with blanks in hexadecimal
		{(*scanner).hexText, []string{" cmd=", " proctitle=", " data="}},
		// https://man7.org/linux/man-pages/man8/chpasswd.8.html
		{(*scanner).accountsFollow, []string{"chpasswd:", "chpasswd <<"}},
		{(*scanner).userThenPassword, []string{"<auth-user-pass>"}},
		// https://openvpn.net/community-docs/management-interface.html
		{(*scanner).word, []string{`password "auth" `}},
		// https://neo4j.com/docs/operations-manual/current/authentication-authorization/manage-users/
		{(*scanner).fromTo, []string{"set password from "}},
		{(*scanner).provided, []string{" provided="}},
		// https://wiki.freeradius.org/guide/faq (log_auth_badpass)
		{(*scanner).radius, []string{"login incorrect", "login ok"}},
		// Commands whose last word is a token of no format.
		{(*scanner).lastWord, []string{"wandb login ", "snyk auth ", "private_api_key ", "cloudflared service install "}},
	}
}

// newRules makes the automaton that finds names, formats, the operator's patterns and
// anchors.
func newRules(keys []string, patterns []pattern) *rules {
	r := &rules{keys: keys}
	var lits []string
	add := func(lit string, h hit) {
		h.n = len(lit)
		lits = append(lits, foldString(lit))
		r.hits = append(r.hits, h)
	}
	for _, s := range keyStems {
		add(s, hit{look: (*scanner).key})
	}
	for _, w := range unspacedWords {
		add(w, hit{look: (*scanner).unspaced})
	}
	for _, k := range keys {
		add(globLiteral(k), hit{look: (*scanner).key})
	}
	for i := range formats {
		for _, s := range formats[i].specs {
			sp := parseSpec(s)
			add(sp.anchorText(), hit{format: &formats[i], spec: &sp})
		}
	}
	for i := range patterns {
		add(patterns[i].literal, hit{pattern: &patterns[i]})
	}
	for _, a := range anchors() {
		for _, text := range a.texts {
			add(text, hit{look: a.look})
		}
	}
	r.dfa = newDFA(lits)
	for i, lit := range lits {
		if r.dfa.blurred(lit) {
			r.hits[i].lit = lit
		}
	}
	return r
}
