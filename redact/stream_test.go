package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"clawconsole/redact"
)

func newRedactor(t testing.TB, c redact.Config) *redact.Redactor {
	t.Helper()
	r, err := redact.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// inPieces redacts text in writes of the sizes that next returns.
func inPieces(t testing.TB, r *redact.Redactor, text string, next func() int) string {
	var b bytes.Buffer
	w := r.Writer(&b)
	for len(text) > 0 {
		n := min(len(text), max(1, next()))
		if m, err := io.WriteString(w, text[:n]); err != nil || m != n {
			t.Fatalf("Write = %d, %v", m, err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// documents returns the corpus shuffled into texts of several snippets, so that
// each has others around it.
func documents(t testing.TB) []string {
	rng := rand.New(rand.NewPCG(4, 4))
	var parts []string
	for _, s := range secretCorpus(t) {
		if rng.IntN(4) == 0 {
			parts = append(parts, s.text)
		}
	}
	parts = append(parts, harmlessCorpus(t)...)
	rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	var docs []string
	for len(parts) > 0 {
		n := min(len(parts), 40)
		docs = append(docs, strings.Join(parts[:n], "\n"))
		parts = parts[n:]
	}
	return append(docs, strings.ReplaceAll(strings.Join(docs[:8], " "), "\n", " "), strings.Join(docs, "\n"))
}

func TestWriterDoesNotDependOnCuts(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"a", redact.NewSecret("Zx8-known-value-81x")}, {"b", redact.NewSecret("ab12cd34")}}})
	rng := rand.New(rand.NewPCG(5, 5))
	for _, doc := range documents(t) {
		doc = strings.Replace(doc, "\n", " Zx8-known-\nvalue-81x ab12\ncd34 \n", 3)
		want := r.Text(doc).String()
		for name, next := range map[string]func() int{
			"one byte":   func() int { return 1 },
			"few bytes":  func() int { return 1 + rng.IntN(7) },
			"many bytes": func() int { return 1 + rng.IntN(5000) },
		} {
			if len(doc) > 100_000 && name == "few bytes" {
				continue
			}
			if got := inPieces(t, r, doc, next); got != want {
				i := 0
				for i < len(got) && i < len(want) && got[i] == want[i] {
					i++
				}
				t.Fatalf("%s: differs from one write at %d:\n\t%.200q\n\t%.200q", name, i, got[max(0, i-60):], want[max(0, i-60):])
			}
		}
	}
}

func TestTextIsStable(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"a", redact.NewSecret("Zx8-known-value-81x")}}})
	check := func(text string) {
		once := r.Text(text).String()
		if twice := r.Text(once).String(); twice != once {
			i := 0
			for i < len(twice) && i < len(once) && twice[i] == once[i] {
				i++
			}
			t.Errorf("a second pass changes\n\t%.300q\n\tto\n\t%.300q", once[max(0, i-150):], twice[max(0, i-150):])
		}
	}
	for _, s := range secretCorpus(t) {
		check(s.text)
	}
	for _, doc := range documents(t) {
		check(doc)
	}
}

func TestFinishedLineLeavesAtOnce(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"a", redact.NewSecret("Zx8-known-value-81x")}}})
	for _, line := range []string{"hello\n", "password=hunter22\n", "password:\n", "\x1b[31mred\x1b[0m\n", "-----BEGIN CERTIFICATE-----\n", "password: |\n", "don't use \"token\n", "\n"} {
		var b bytes.Buffer
		w := r.Writer(&b)
		_, _ = io.WriteString(w, line)
		if b.Len() == 0 {
			t.Errorf("%q is held back", line)
		}
		_ = w.Close()
	}
}

// TestKeyWaitsForItsBody holds back the BEGIN of a private key for a line, as a text
// about such keys has one too, and the lines of a key whose BEGIN was cut off until
// their END.
func TestKeyWaitsForItsBody(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	body := "Zx8Kq3mVb2Lw9RtY7uPs4DfGhJkCvBnM1aQeWz6Xo5Ti0EyUrOpAsLdKfHgJcVxN\n"
	for _, tt := range []struct{ in, early, out string }{
		{"-----BEGIN RSA PRIVATE KEY-----\nis how they begin\n", "", "-----BEGIN RSA PRIVATE KEY-----\nis how they begin\n"},
		{"-----BEGIN RSA PRIVATE KEY-----\n" + body, "", "[redacted private key]\n"},
		{body + body + "-----END RSA PRIVATE KEY-----\nafter\n", "", "[redacted private key]\nafter\n"},
		{body + body + "is only base64\n", "", body + body + "is only base64\n"},
		{"-----BEGIN CERTIFICATE-----\n" + body, "-----BEGIN CERTIFICATE-----\n" + body, "-----BEGIN CERTIFICATE-----\n" + body},
	} {
		var b bytes.Buffer
		w := r.Writer(&b)
		first := strings.SplitAfter(tt.in, "\n")[0]
		_, _ = io.WriteString(w, first)
		if tt.early == "" && b.Len() > 0 {
			t.Errorf("%.40q is not held back", first)
		}
		_, _ = io.WriteString(w, tt.in[len(first):])
		if tt.early != "" && b.String() != tt.early {
			t.Errorf("before the end of %.60q, %q has left, want %q", tt.in, b.String(), tt.early)
		}
		_ = w.Close()
		if b.String() != tt.out {
			t.Errorf("%.60q becomes %q, want %q", tt.in, b.String(), tt.out)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: knownSecrets(10)})
	for _, unit := range []string{"a", "password=", "\x1b[31mx", "a\x00", "\"", "secret: \"abc\n", "-----BEGIN PRIVATE KEY-----\n", "ghp_", "x:y@", "eyJhbGciOi.", "token ", "{{", "\\", "password: |\n  a\n", "key=" + strings.Repeat("A1b2", 9) + "\n", "\x00", "\n"} {
		w := r.Writer(io.Discard)
		block := strings.Repeat(unit, 1+(1<<18)/len(unit))
		most := 0
		for range 4 {
			_, _ = io.WriteString(w, block)
			most = max(most, redact.StateBytes(w))
		}
		_ = w.Close()
		if most > redact.MaxState {
			t.Errorf("%q repeated: a Writer holds %d bytes, documented are %d", unit, most, redact.MaxState)
		}
	}
}

// secretsForForms have what the encodings change.
var secretsForForms = []string{
	"Zx8-known-value-81x",
	`p@ss "w0rd" <&> 'q' \ /x1`,
	"tR9!kd0Qz#mv2",
	"s3cr3t/with+slash=and&amp7",
	"correct horse battery staple 7",
	"пароль-с-цифрами-42",
	"O5hXkezFWj6Qm1n2B3v4C5x6Z7l8K9j0",
}

func TestKnownValueInEveryForm(t *testing.T) {
	for _, secret := range secretsForForms {
		r := newRedactor(t, redact.Config{Known: []redact.Known{{"x", redact.NewSecret(secret)}}})
		quoted, _ := json.Marshal(secret)
		twice, _ := json.Marshal(string(quoted))
		forms := map[string]string{
			"plain":         secret,
			"json":          string(quoted),
			"json in json":  string(twice),
			"query":         url.QueryEscape(secret),
			"path":          url.PathEscape(secret),
			"lower query":   strings.ToLower(url.QueryEscape("")) + lowerHex(url.QueryEscape(secret)),
			"base64":        base64.StdEncoding.EncodeToString([]byte(secret)),
			"base64 +1":     base64.StdEncoding.EncodeToString([]byte("u" + secret + "v")),
			"base64 +2":     base64.StdEncoding.EncodeToString([]byte("u:" + secret + "vw")),
			"base64 url":    base64.URLEncoding.EncodeToString([]byte("abc" + secret)),
			"hex":           hex.EncodeToString([]byte(secret)),
			"HEX":           strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"xml":           html.EscapeString(secret),
			"go":            strconv.Quote(secret),
			"go ascii":      strconv.QuoteToASCII(secret),
			"shell":         "'" + strings.ReplaceAll(secret, "'", `'\''`) + "'",
			"split":         secret[:len(secret)/2] + "\n" + secret[len(secret)/2:],
			"split, indent": secret[:len(secret)/2] + "\n    " + secret[len(secret)/2:],
			"split early":   secret[:4] + "\n" + secret[4:],
			"split late":    secret[:len(secret)-4] + "\n" + secret[len(secret)-4:],
			"colour":        secret[:5] + "\x1b[31m" + secret[5:],
			"twice":         secret + secret,
		}
		if len(secret) > 16 {
			forms["cut"] = secret[:len(secret)-3] + "…"
			forms["cut before"] = "…" + secret[3:]
			forms["hex cut"] = hex.EncodeToString([]byte(secret))[:len(secret)*2-6]
			forms["base64 cut"] = base64.StdEncoding.EncodeToString([]byte(secret))[:len(secret)*4/3-4]
		}
		for name, form := range forms {
			for _, frame := range []string{"%s", "log: %s end", "x=%s;y", "<a>%s</a>", "\n\n%s\n\n", strings.Repeat("z", 65_530) + " %s"} {
				text := fmt.Sprintf(strings.ReplaceAll(frame, "%s", "%[1]s"), form)
				out := r.Text(text).String()
				flat := strings.NewReplacer("\n    ", "", "\n", "", "\x1b[31m", "").Replace(out)
				whole := strings.NewReplacer("\n    ", "", "\n", "", "\x1b[31m", "").Replace(form)
				if l := leaks(whole, flat); l != "" {
					t.Errorf("%q as %s in %.20q: %q survives in %.200q", secret, name, frame, l, tail(out, 120))
				}
			}
		}
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func TestShortKnownValuesAreReported(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"auth.pin", redact.NewSecret("1234")}, {"empty", redact.Secret{}}, {"fine", redact.NewSecret("123456")}}})
	w := r.Warnings()
	if len(w) != 1 || !strings.Contains(w[0], "auth.pin") || strings.Contains(w[0], "1234") {
		t.Errorf("Warnings = %q, want one about auth.pin without its value", w)
	}
	if got := r.Text("pins 1234 and 123456").String(); got != "pins 1234 and [redacted]" {
		t.Errorf("Text = %q", got)
	}
}

func TestLearn(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	const token = "O5hXkezFWj6QAbCd"
	text := "device " + token
	if got := r.Text(text).String(); got != text {
		t.Fatalf("Text = %q before Learn", got)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _ = r.Text(strings.Repeat(text+"\n", 100)) })
		wg.Go(func() { r.Learn("device token", redact.NewSecret(token)) })
	}
	wg.Wait()
	if got := r.Text(text).String(); got != "device [redacted]" {
		t.Errorf("Text = %q after Learn", got)
	}
}

func TestKeysAndPatterns(t *testing.T) {
	r := newRedactor(t, redact.Config{
		Keys:     []string{"*_PIN", "internal.seed", "pet?name"},
		Patterns: []string{`acme_[a-z]{6}`, `badge ([0-9]{4})\b`, `(?i)ticket-[a-z]+`},
	})
	for _, tt := range []struct{ in, want string }{
		{"DOOR_PIN=1234", "DOOR_PIN=[redacted]"},
		{"door_pin: 1234", "door_pin: [redacted]"},
		{"PINE=1234", "PINE=1234"},
		{`{"internal.seed":"abc def"}`, `{"internal.seed":"[redacted]"}`},
		{"app.internal.seed=77", "app.internal.seed=77"},
		{"petXname=rex", "petXname=[redacted]"},
		{"got acme_abcdef and acme_abc", "got [redacted] and acme_abc"},
		{"badge 1234 of bob", "badge [redacted] of bob"},
		{"TICKET-abc", "[redacted]"},
	} {
		if got := r.Text(tt.in).String(); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got := r.Text(r.Text(tt.in).String()).String(); got != tt.want {
			t.Errorf("Text twice (%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	_, err := redact.New(redact.Config{Keys: []string{"*", "a?"}, Patterns: []string{`[a-z]+`, `(`, `(abc|def)x`}})
	if err == nil {
		t.Fatal("New accepts keys and patterns without a literal")
	}
	for _, want := range []string{`"*"`, `"A?"`, `"[a-z]+"`, "missing closing )", `"(abc|def)x"`, "add the token's prefix"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want something about %s", err, want)
		}
	}
}

func TestReplacements(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	for _, tt := range []struct{ in, want string }{
		{"API_KEY=abc123def", "API_KEY=[redacted]"},
		{"GITHUB_TOKEN=ghp_16C7e42F292c6912E7710c838347Ae178B4a", "GITHUB_TOKEN=[redacted github token]"},
		{"Authorization: Bearer abc123def456", "Authorization: Bearer [redacted]"},
		{`{"password":"hunter2","user":"bob"}`, `{"password":"[redacted]","user":"bob"}`},
		{"postgres://app:hunter2@db/app", "postgres://app:[redacted]@db/app"},
		{"https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/getMe", "https://api.telegram.org/bot[redacted telegram token]/getMe"},
		{"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\nabc1\n-----END RSA PRIVATE KEY-----\nb", "a\n[redacted private key]\nb"},
		{"password: |\n  one1\n  two2\nuser: x", "password: |\n  [redacted]\nuser: x"},
		{"\x1b[31mpassword\x1b[0m=\x1b[32mhunter22\x1b[0m", "\x1b[31mpassword\x1b[0m=\x1b[32m[redacted]\x1b[0m"},
		{"password=hun\x1b[32mter22 x", "password=[redacted]\x1b[32m x"},
	} {
		if got := r.Text(tt.in).String(); got != tt.want {
			t.Errorf("Text(%q)\n\t= %q\n\twant %q", tt.in, got, tt.want)
		}
	}
}

func TestEveryShapeOfEveryFormat(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	rng := rand.New(rand.NewPCG(6, 6))
	names := make(map[string]bool)
	for _, f := range redact.Formats() {
		names[f.Name] = true
		for n := range f.Specs {
			tok := f.ExampleOf(n, rng)
			out := r.Text("got " + tok.Text + " here").String()
			if l := leaks(tok.Secret, out); l != "" {
				t.Errorf("%s %s: %q survives in %q", f.Name, f.Specs[n], l, out)
			}
			if !strings.HasPrefix(out, "got ") || !strings.HasSuffix(out, " here") {
				t.Errorf("%s %s: %q loses its neighbours", f.Name, f.Specs[n], out)
			}
			if c := "got " + f.Counter(n, rng) + " here"; r.Text(c).String() != c {
				t.Errorf("%s %s: counter-example %q is redacted: %q", f.Name, f.Specs[n], c, r.Text(c))
			}
		}
	}
	if len(names) < 120 {
		t.Errorf("%d formats, want 120", len(names))
	}
}

func TestWriterReportsErrors(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	bad := errors.New("disk full")
	w := r.Writer(failing{bad})
	if _, err := io.WriteString(w, "line\n"); !errors.Is(err, bad) {
		t.Errorf("Write = %v, want %v", err, bad)
	}
	if err := w.Close(); !errors.Is(err, bad) {
		t.Errorf("Close = %v, want %v", err, bad)
	}
	if _, err := io.WriteString(w, "more"); err == nil {
		t.Error("Write after Close succeeds")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// families are inputs that make naive redactors slow: each is the beginning of
// something, over and over.
func families(n int) map[string]string {
	rep := func(s string) string { return strings.Repeat(s, n/len(s)+1)[:n] }
	deep := func(open string) string { return rep(open) }
	return map[string]string{
		"urls":            rep("a://b:c"),
		"urls at":         rep("a://b:c@"),
		"urls slash":      rep("a://b:c/d"),
		"passwords":       rep("password="),
		"quoted":          rep(`password="`),
		"quoted lines":    rep("password=\"a\n"),
		"single quotes":   rep(`password='`),
		"json":            rep(`{"password":`),
		"json open":       rep(`{"password":"`),
		"escapes":         rep(`\`),
		"escaped quotes":  rep(`password=\"`),
		"deep escapes":    rep(`password=\\\"`),
		"pem begin":       rep("-----BEGIN PRIVATE KEY-----"),
		"pem lines":       rep("-----BEGIN PRIVATE KEY-----\n"),
		"pem one line":    "-----BEGIN PRIVATE KEY-----" + rep("MIIE"),
		"dashes":          rep("-"),
		"begin":           rep("-----BEGIN "),
		"jwt":             rep("eyJ"),
		"jwt dots":        rep("eyJhbGciOi."),
		"ghp":             rep("ghp_"),
		"ghp long":        "ghp_" + rep("aB3"),
		"bearer":          rep("Bearer "),
		"bearer long":     rep("bearer"),
		"basic":           rep("Basic dXNlcjpwYXNz"),
		"cookies":         "Cookie: " + rep("a=b; "),
		"cookie headers":  rep("Cookie: a="),
		"digest":          "Authorization: Digest " + rep("a=b, "),
		"authorizations":  rep("Authorization: "),
		"flags":           rep(" -p -u"),
		"curl":            rep("curl -u "),
		"mysql":           rep("mysql -p"),
		"names":           rep("name: token "),
		"name value":      rep(`{"name":"TOKEN",`),
		"value name":      rep(`"value":"x","name":"TOKEN",`),
		"xml":             rep("<password>"),
		"xml attributes":  rep(`<password a="b" `),
		"cdata":           rep("<password><![CDATA["),
		"yaml block":      rep("password: |\n"),
		"yaml deep":       rep("password: |\n  x\n"),
		"heredoc":         rep("secret=<<EOF\n"),
		"triple":          rep("secret = \"\"\"\n"),
		"list":            "tokens: [" + rep(`"a1b2c3",`),
		"lists":           rep("tokens: [\"a\","),
		"prose":           rep("the password is "),
		"prose words":     rep("password for a b c d "),
		"ansi":            rep("\x1b[31m"),
		"osc":             rep("\x1b]"),
		"nul":             rep("\x00"),
		"utf-16":          rep("p\x00a\x00s\x00s\x00"),
		"known gram":      rep("Zx8-"),
		"known prefix":    rep("Zx8-known-valu "),
		"known lines":     rep("Zx8-\n"),
		"colons":          rep("1234567890:AA"),
		"device":          rep("v3|"),
		"dsn":             rep("a:b@tcp("),
		"spaces":          "password:" + rep(" "),
		"one letter":      rep("a"),
		"key key":         rep("key "),
		"keykey":          rep("key"),
		"semicolons":      "Password=a b" + rep(";"),
		"pairs":           rep("password=a;"),
		"braces":          "password=" + rep("{"),
		"templates":       `password="` + rep("${"),
		"pattern":         rep("acme_"),
		"putty":           rep("Private-Lines: 9 "),
		"wrapped":         rep("token=" + strings.Repeat("aB3", 12) + "\n"),
		"newlines":        rep("\n"),
		"carriage":        rep("\r"),
		"percent":         rep("%22password%22%3A"),
		"high bytes":      rep("пароль"),
		"invalid utf-8":   rep("\xff\xfe"),
		"deep objects":    deep("{password:{"),
		"fallbacks":       rep("token = f(a,b,c,d,e,"),
		"connection":      "Password=" + rep("a b "),
		"passphrase":      rep("passphrase: word word "),
		"query":           "x?" + rep("sig=a&"),
		"entities":        rep("password=&quot;"),
		"unicode escapes": rep(`\u0022password\u0022:`),
		"backslashes":     rep(`\\`),
		"escaped escapes": rep(`%25255c`),
		"entity digits":   rep("&#x2f"),
		"hex":             rep("5a"),
		"odd hex":         rep("0123456 "),
		"hex pairs":       rep("5a:"),
		"hex list":        rep("0x5a, "),
		"dump":            rep("00000010: 5a78 382d 6b6e 6f77 6e2d 7661  Zx8-known-va\n"),
		"table":           "name  password\n" + rep("bob  hunter22\n"),
		"wide table":      "name | password\n" + rep("a | "),
		"headings":        rep("name  password  key\n"),
		"prompts":         rep("$ cat db_password\n"),
		"promises":        rep("the password is:\n"),
		"jwk":             rep(`"kty":"oct","k":"`),
		"rsa":             rep("<D>aaaa"),
		"numbers":         rep("prime1:\n    00:aa:\n"),
		"phrases":         rep(":5432:a:b"),
		"piped":           rep("echo a | sudo -S "),
		"codes":           rep("login code "),
		"headless":        rep("Zx8Kq3mVb2Lw9RtY7uPs4DfGhJkCvBnM1aQeWz6Xo5Ti0EyUrOpAsLdKfHgJcVxN\n"),
		"calls":           rep("passwd(1)"),
		"calls of high":   rep("!key(\xe2\xe2"),
		"begins together": rep("0--BEGIN PRIVATE KEY"),
		"refused headers": rep("Authorization:aAa.aa\x83\x83\x83"),
		"begins":          rep("-----BEGIN PRIVATE KEY-----\n"),
		"unspaced":        rep("密码"),
		"seed":            rep("seed phrase: word word "),
		"cells":           rep("<th>password</th>"),
		"audit":           rep(" cmd=6D7973716C202D7061445A52584A"),
	}
}

func TestTimeIsLinear(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"a", redact.NewSecret("Zx8-known-value-81x")}}, Keys: []string{"*_PIN"}, Patterns: []string{"acme_[a-z]+x"}})
	const n = 1 << 16
	small, large := families(n), families(2*n)
	if len(small) < 30 {
		t.Fatalf("%d families", len(small))
	}
	for name := range small {
		a, b := redact.Steps(r, small[name]), redact.Steps(r, large[name])
		if float64(b) > 2.4*float64(a) {
			t.Errorf("%s: %d steps for %d bytes, %d for twice as many", name, a, n, b)
		}
		if b > maxStepsPerByte*2*n {
			t.Errorf("%s: %.1f steps for each byte", name, float64(b)/(2*n))
		}
	}
}

// maxStepsPerByte is a bound on the work for any input; ordinary logs need two.
const maxStepsPerByte = 150

// TestWrittenKnownValues has configured values in what programs make of them, written
// by people who had not seen the engine.
func TestWrittenKnownValues(t *testing.T) {
	b, err := os.ReadFile("testdata/corpus/known.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all, found int
	for line := range strings.Lines(string(b)) {
		var c struct {
			Case           string
			Known, Secrets []string
			Text           string
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		var known []redact.Known
		for _, k := range c.Known {
			known = append(known, redact.Known{Name: "k", Value: redact.NewSecret(k)})
		}
		out := newRedactor(t, redact.Config{Known: known}).Text(c.Text).String()
		all++
		if l := (snippet{text: c.Text, secrets: c.Secrets}).leak(out); l != "" {
			t.Logf("%s: %q leaks in\n\t%.300q\n\t%.300q", c.Case, l, c.Text, out)
			continue
		}
		found++
	}
	if all < 500 || found*100 < 99*all {
		t.Errorf("%d of %d found, want 99 %%", found, all)
	}
}

// Text uses writers again. What one text said must say nothing about the next: neither
// a key without its value, nor an open block, nor a table's header.
func TestTextsAreApart(t *testing.T) {
	r := newRedactor(t, redact.Config{})
	texts := []string{
		"password:", "correct-horse-9x", "-----BEGIN PRIVATE KEY-----\nMIIE", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "| user | password |",
		"| bob | hunter2hunter2 |", `{"name": "API_KEY",`, `"value": "a1b2c3d4e5f6g7h8"}`, "curl -u \\", "bob:hunter2hunter2", "token=\"abc",
		"def0123456789\"", "uptime 3 days", "", strings.Repeat("x", 70_000), "Authorization: Bearer", "abcdef0123456789abcdef",
	}
	for range 3 {
		for _, first := range texts {
			for _, second := range texts {
				r.Text(first)
				var fresh strings.Builder
				w := r.Writer(&fresh)
				_, _ = io.WriteString(w, second)
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if got := r.Text(second).String(); got != fresh.String() {
					t.Errorf("after %.40q, %.40q becomes %.80q, alone %.80q", first, second, got, fresh.String())
				}
			}
		}
	}
}
