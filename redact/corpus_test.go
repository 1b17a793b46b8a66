package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"clawconsole/redact"
)

// The corpus: testdata/corpus/secret/CATEGORY.txt holds snippets, separated by
// lines of %%, as programs print them. ⟦@kind⟧ stands for a secret that is
// generated anew for each of copies variants; ␀ for a NUL. written/CATEGORY.txt holds
// snippets as they are, by people who had not seen the engine; ‧ in a secret stands
// for nothing, so that who looks for secrets in this repository finds none.
// harmless/*.txt holds one harmless snippet a line, or several lines between lines
// of %%.
const copies = 8

// A snippet is a text and the secrets in it.
type snippet struct {
	category string
	text     string
	secrets  []string
	template string
}

var slot = regexp.MustCompile(`⟦(@?)([^⟧]*)⟧`)

func fill(category, template string, rng *rand.Rand) snippet {
	s := snippet{category: category, template: template}
	s.text = slot.ReplaceAllStringFunc(strings.ReplaceAll(template, "␀", "\x00"), func(m string) string {
		g := slot.FindStringSubmatch(m)
		if g[1] == "" || strings.Contains(g[2], "‧") {
			secret := strings.ReplaceAll(g[1]+g[2], "‧", "")
			s.secrets = append(s.secrets, secret)
			return secret
		}
		text, secrets := generate(g[2], rng)
		s.secrets = append(s.secrets, secrets...)
		return text
	})
	return s
}

func secretCorpus(t testing.TB) []snippet {
	var all []snippet
	files, err := filepath.Glob("testdata/corpus/secret/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("corpus: %d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		category := strings.TrimSuffix(filepath.Base(f), ".txt")
		h := fnv.New64()
		h.Write([]byte(category))
		rng := rand.New(rand.NewPCG(1, h.Sum64()))
		for _, part := range strings.Split(string(b), "\n%%\n") {
			part = strings.TrimSuffix(part, "\n")
			for range copies {
				all = append(all, fill(category, part, rng))
			}
		}
	}
	written, err := filepath.Glob("testdata/corpus/written/*.txt")
	if err != nil || len(written) < 10 {
		t.Fatalf("corpus: %d files of written snippets, %v", len(written), err)
	}
	for _, f := range written {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(b), "\n%%\n") {
			all = append(all, fill(strings.TrimSuffix(filepath.Base(f), ".txt"), strings.TrimSuffix(part, "\n"), nil))
		}
	}
	rng := rand.New(rand.NewPCG(2, 2))
	for _, w := range formatFrames {
		for _, f := range redact.Formats() {
			tok := f.Example(rng)
			all = append(all, snippet{category: "token", text: fmt.Sprintf(w, tok.Text), secrets: []string{tok.Secret}, template: f.Name + ": " + w})
		}
	}
	return append(all, mangled(all)...)
}

// formatFrames put a bare token into text that does not call it a secret.
var formatFrames = []string{"found %s in file", "%s", "x=(%s)", "args: [%s]", "a\\n%s\\nb", "<td>%s</td>", "{\"v\":\"%s\"}", "id,%s,7"}

// mangled puts some of the snippets through what terminals, logs and other
// neighbours do to text.
func mangled(all []snippet) []snippet {
	var out []snippet
	rng := rand.New(rand.NewPCG(3, 3))
	for i, s := range all {
		if len(s.secrets) != 1 || strings.Contains(s.secrets[0], "\n") || s.category == "key" || strings.Contains(s.text, "\x00") {
			continue
		}
		secret := s.secrets[0]
		at := strings.Index(s.text, secret)
		before, after := s.text[:at], s.text[at+len(secret):]
		add := func(category, text string, secrets ...string) {
			out = append(out, snippet{category: category, text: text, secrets: secrets, template: s.template})
		}
		mid := 1 + rng.IntN(len(secret)-1)
		switch i % 24 {
		case 0:
			add("ansi", before+"\x1b[31m"+secret+"\x1b[0m"+after, secret)
		case 1:
			add("ansi", before+secret[:mid]+"\x1b[1;33m"+secret[mid:]+"\x1b[0m"+after, secret)
		case 2, 3:
			add("offset", strings.Repeat("lorem ipsum 42 ", 1+rng.IntN(1500))+s.text, secret)
		case 4:
			add("utf16", utf16le(s.text), utf16le(secret))
		case 5:
			add("utf16", utf16be(s.text), utf16be(secret))
		case 6, 7:
			// Wrapped by a terminal.
			if w := 80; len(secret) >= 20 && !strings.Contains(s.text, "\n") && at%w+len(secret) > w && at%w < w-8 {
				cut := at - at%w + w
				add("wrapped", s.text[:cut]+"\n"+s.text[cut:], secret)
			}
		case 8, 9:
			if len(secret) >= 24 && s.category != "url" && s.category != "connection" {
				pad := strings.Repeat(" ", 4)
				add("wrapped", before+secret[:len(secret)*2/3]+"\n"+pad+secret[len(secret)*2/3:]+"\n", secret)
			}
		case 10:
			b, _ := json.Marshal(map[string]string{"log": s.text + "\n"})
			e, _ := json.Marshal(secret)
			add("json in json", string(b), string(e[1:len(e)-1]))
		case 11:
			add("crlf", strings.ReplaceAll(s.text, "\n", "\r\n")+"\r\n", secret)
		case 12:
			add("neighbours", "日本語 "+s.text+" 😀", secret)
		case 13:
			lines := strings.Split(s.text, "\n")
			for i := range lines {
				lines[i] = "2026-01-01T00:00:00.000Z app[12]: " + lines[i]
			}
			add("log prefix", strings.Join(lines, "\n"), secret)
		}
	}
	return out
}

func utf16le(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

func utf16be(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r >> 8))
		b.WriteByte(byte(r))
	}
	return b.String()
}

const (
	digitChars = "0123456789"
	lowerChars = "abcdefghijklmnopqrstuvwxyz"
	alnumChars = digitChars + lowerChars + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func pick(rng *rand.Rand, chars string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = chars[rng.IntN(len(chars))]
	}
	return string(b)
}

// sure returns a string of chars with a letter of each class in it, as password
// generators make them.
func sure(rng *rand.Rand, chars string, n int) string {
	for {
		s := pick(rng, chars, n)
		if strings.ContainsAny(s, digitChars) && strings.ContainsAny(s, lowerChars) {
			return s
		}
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

var phraseWords = strings.Fields("correct horse battery staple orange window planet silver river candle marble forest copper winter")

// generate returns a text of the kind and the secrets in it.
func generate(kind string, rng *rand.Rand) (string, []string) {
	one := func(s string) (string, []string) { return s, []string{s} }
	switch kind {
	case "pw":
		return one(sure(rng, alnumChars+"!@#^*_-+", 10+rng.IntN(10)))
	case "urlpw":
		return one(sure(rng, alnumChars+"!_-.~", 10+rng.IntN(8)))
	case "slashpw":
		return one("a" + sure(rng, alnumChars, 7) + "/" + sure(rng, alnumChars, 6) + "#" + pick(rng, alnumChars, 4))
	case "pwhtml", "jsonesc":
		p := sure(rng, alnumChars, 12)
		if kind == "jsonesc" {
			return one(p[:5] + `\"` + p[5:])
		}
		return one(p[:5] + "&amp;" + p[5:])
	case "special":
		return one(sure(rng, alnumChars, 6) + `&;,<'|` + pick(rng, alnumChars, 6))
	case "special2":
		return one(sure(rng, alnumChars, 6) + ` &;,<|{` + pick(rng, alnumChars, 6))
	case "special3":
		return one(sure(rng, alnumChars, 6) + ` ;&` + pick(rng, alnumChars, 6))
	case "word":
		return one(pick(rng, lowerChars, 6) + pick(rng, digitChars, 2))
	case "mysqlpw":
		return one(sure(rng, alnumChars+":<>;=+,/", 12))
	case "phrase":
		var w []string
		for range 4 {
			w = append(w, phraseWords[rng.IntN(len(phraseWords))])
		}
		return one(strings.Join(w, " "))
	case "digits":
		return one(pick(rng, digitChars, 8))
	case "alnum":
		return one(sure(rng, alnumChars, 24+rng.IntN(16)))
	case "lower26":
		return one(sure(rng, digitChars+lowerChars, 26))
	case "hex32":
		return one(hex.EncodeToString(randomBytes(rng, 16)))
	case "hex40":
		return one(hex.EncodeToString(randomBytes(rng, 20)))
	case "hex48":
		return one(hex.EncodeToString(randomBytes(rng, 24)))
	case "hex64":
		return one(hex.EncodeToString(randomBytes(rng, 32)))
	case "b64", "wg":
		return one(base64.StdEncoding.EncodeToString(randomBytes(rng, 32)))
	case "urlb64":
		return one(strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64.StdEncoding.EncodeToString(randomBytes(rng, 32))))
	case "b64url":
		return one(base64.RawURLEncoding.EncodeToString(randomBytes(rng, 32)))
	case "b64url64":
		return one(base64.RawURLEncoding.EncodeToString(randomBytes(rng, 51)))
	case "b64long":
		return one(base64.StdEncoding.EncodeToString(randomBytes(rng, 64)))
	case "aws":
		return one(base64.StdEncoding.EncodeToString(randomBytes(rng, 30)))
	case "awsid":
		return one("AKIA" + pick(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 14) + "2A")
	case "uuid":
		b := hex.EncodeToString(randomBytes(rng, 16))
		return one(b[:8] + "-" + b[8:12] + "-" + b[12:16] + "-" + b[16:20] + "-" + b[20:])
	case "basic":
		return one(base64.StdEncoding.EncodeToString([]byte("user:" + sure(rng, alnumChars, 12))))
	case "telegram":
		return one(pick(rng, "123456789", 10) + ":AA" + pick(rng, alnumChars+"_-", 33))
	case "azure":
		return one(pick(rng, alnumChars, 3) + "8Q~" + pick(rng, alnumChars+"_.~-", 34))
	case "google":
		return one("AIza" + pick(rng, alnumChars+"_-", 35))
	case "hvs":
		return one("hvs." + pick(rng, alnumChars+"_-", 90))
	case "slackhook":
		return one(pick(rng, "ABCDEFGHIJ0123456789", 8) + "/B0" + pick(rng, "ABCDEFGHIJ0123456789", 8) + "/" + pick(rng, alnumChars, 24))
	case "jwt":
		enc := base64.RawURLEncoding
		return one(enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString(fmt.Appendf(nil, `{"sub":"%s","iat":1700000000}`, pick(rng, digitChars, 10))) + "." + enc.EncodeToString(randomBytes(rng, 32)))
	case "jwe":
		enc := base64.RawURLEncoding
		return one(enc.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)) + "." + enc.EncodeToString(randomBytes(rng, 64)) + "." + enc.EncodeToString(randomBytes(rng, 12)) + "." + enc.EncodeToString(randomBytes(rng, 40)) + "." + enc.EncodeToString(randomBytes(rng, 16)))
	case "dockerb64":
		return one(base64.StdEncoding.EncodeToString([]byte(`{"auths":{"ghcr.io":{"auth":"` + pick(rng, alnumChars, 24) + `"}}}`)))
	case "openaikey":
		return one("sk-proj-" + sure(rng, alnumChars, 48))
	case "b32":
		return one("A2" + pick(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 30))
	case "b64url22":
		return one(sure(rng, alnumChars+"./", 22))
	case "crypt86":
		return one(sure(rng, alnumChars+"./", 86))
	case "agekey":
		return one(redact.TokenOf("age key", rng))
	}
	if strings.HasPrefix(kind, "pem") || strings.HasSuffix(kind, "key") {
		return pemText(kind, rng)
	}
	panic("no generator for " + kind)
}

func pemText(kind string, rng *rand.Rand) (string, []string) {
	label, size := "RSA PRIVATE KEY", 600
	switch kind {
	case "opensshkey":
		label, size = "OPENSSH PRIVATE KEY", 300
	case "eckey":
		label, size = "EC PRIVATE KEY", 118
	case "pgpkey":
		label, size = "PGP PRIVATE KEY BLOCK", 700
	case "pemjson":
		label = "PRIVATE KEY"
	}
	body := base64.StdEncoding.EncodeToString(randomBytes(rng, size))
	var lines []string
	for len(body) > 0 {
		n := min(64, len(body))
		lines = append(lines, body[:n])
		body = body[n:]
	}
	begin, end := "-----BEGIN "+label+"-----", "-----END "+label+"-----"
	all := append(append([]string{begin}, lines...), end)
	switch kind {
	case "pemjson":
		return strings.Join(all, `\n`) + `\n`, lines
	case "pemindent":
		return strings.Join(all, "\n  "), lines
	case "pemindent4":
		return strings.Join(all, "\n    "), lines
	case "pemcut":
		return strings.Join(all[:len(all)-3], "\n") + "\n", lines[:len(lines)-2]
	case "pemlog":
		return strings.Join(all, "\nJan 01 host app: "), lines
	case "pemcrlf":
		return strings.Join(all, "\r\n"), lines
	case "pemquoted":
		return strings.Join(all, "\n> "), lines
	case "pemenc":
		all = append(append([]string{begin, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF", ""}, lines...), end)
	case "pemb64":
		b := base64.StdEncoding.EncodeToString([]byte(strings.Join(all, "\n")))
		return b, []string{b}
	case "pgpkey":
		all = append(append([]string{begin, "", lines[0]}, lines[1:]...), "=ab12", end)
	}
	return strings.Join(all, "\n"), lines
}

// leaks returns the part of a secret that survives in out: all of it, 12
// characters of it, or half if it is shorter.
func leaks(secret, out string) string {
	n := min(len(secret), 12)
	if len(secret) < 12 {
		n = (len(secret) + 1) / 2
	}
	for i := 0; i+n <= len(secret); i++ {
		if strings.Contains(out, secret[i:i+n]) {
			return secret[i : i+n]
		}
	}
	return ""
}

// scrubbed is the text of a snippet without its secrets, so that a part of a
// secret that the snippet has elsewhere is no leak.
func (s snippet) leak(out string) string {
	rest := s.text
	if s.category == "wrapped" {
		rest = ""
	}
	for _, x := range s.secrets {
		rest = strings.Replace(rest, x, "\x00", 1)
	}
	if s.category == "wrapped" {
		out = strings.Join(strings.Fields(out), "")
	}
	for _, x := range s.secrets {
		if l := leaks(x, out); l != "" && !strings.Contains(rest, l) {
			return l
		}
	}
	return ""
}

func TestRecall(t *testing.T) {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	type count struct{ all, found, kept int }
	counts := make(map[string]*count)
	failed := make(map[string]int)
	for _, s := range secretCorpus(t) {
		c := counts[s.category]
		if c == nil {
			c = new(count)
			counts[s.category] = c
		}
		out := r.Text(s.text).String()
		c.all++
		if l := s.leak(out); l == "" {
			c.found++
		} else if key := s.category + "\x00" + s.template; failed[key] == 0 {
			failed[key]++
			if testing.Verbose() {
				t.Logf("%s: %q leaks in\n\t%.400q\n\t%.400q", s.category, l, s.text, out)
			}
		}
		if kept(s, out) {
			c.kept++
		} else if testing.Verbose() && failed["kept\x00"+s.category+s.template] == 0 {
			failed["kept\x00"+s.category+s.template]++
			t.Logf("%s: text beside is lost:\n\t%.300q\n\t%.300q", s.category, s.text, out)
		}
	}
	var names []string
	for n := range counts {
		names = append(names, n)
	}
	sort.Strings(names)
	var all, found int
	var table strings.Builder
	for _, n := range names {
		c := counts[n]
		all += c.all
		found += c.found
		recall := 100 * float64(c.found) / float64(c.all)
		fmt.Fprintf(&table, "%-14s %5d snippets  recall %5.1f %%  neighbours kept %5.1f %%\n", n, c.all, recall, 100*float64(c.kept)/float64(c.all))
		if recall < 95 {
			t.Errorf("%s: recall %.1f %%, want 95", n, recall)
		}
	}
	t.Logf("\n%sall %d snippets, recall %.2f %%", table.String(), all, 100*float64(found)/float64(all))
}

// kept reports whether the words of s that are not secret are still there.
func kept(s snippet, out string) bool {
	rest := s.text
	for _, x := range s.secrets {
		rest = strings.Replace(rest, x, " \n ", 1)
	}
	lines := strings.Split(rest, "\n")
	if s.category == "key" || s.category == "utf16" || s.category == "json in json" || s.category == "wrapped" {
		return true
	}
	for _, l := range lines {
		for _, w := range strings.Fields(l) {
			if len(w) >= 4 && !strings.Contains(w, "--") && !strings.Contains(w, "\x1b") && !strings.Contains(out, strings.Trim(w, `"'\`)) {
				return false
			}
		}
	}
	return true
}

func harmlessCorpus(t testing.TB) []string {
	var all []string
	files, _ := filepath.Glob("testdata/corpus/harmless/*.txt")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("\n%%\n")) {
			all = append(all, strings.Split(string(b), "\n%%\n")...)
			continue
		}
		all = append(all, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
	}
	return all
}

func TestHarmless(t *testing.T) {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	all := harmlessCorpus(t)
	bad := 0
	for _, s := range all {
		if out := r.Text(s).String(); out != s {
			bad++
			t.Logf("changed\n\t%s\n\t%s", s, out)
		}
	}
	// Neighbours must not make them look secret either.
	whole := strings.Join(all, "\n") + "\n"
	if out := r.Text(whole).String(); out != whole {
		a, b := strings.Split(whole, "\n"), strings.Split(out, "\n")
		for i := range a {
			if i < len(b) && a[i] != b[i] {
				t.Logf("changed in context:\n\t%s\n\t%s", a[i], b[i])
				bad++
			}
		}
	}
	share := 100 * float64(len(all)-bad) / float64(len(all))
	t.Logf("%d harmless snippets, %.2f %% byte-identical", len(all), share)
	if share < 99.5 {
		t.Errorf("%.2f %% of harmless snippets are byte-identical, want 99.5", share)
	}
}
