package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	testToken  = "123456789:AAEhBP0av28kAAEhBP0av28kAAEhBP0av28"
	testSecret = "u7Vd0c3kQm9xZr5tYb2nWf8hLs4jGp6a"
)

// good is the smallest configuration; tests add to it.
const good = `
state_dir = "/var/lib/clawconsole"
[telegram]
token = "` + testToken + `"
[[operator]]
id = 42
name = "alice"
may = ["safe", "moderate", "dangerous", "approve"]
`

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestExampleHasEveryKeyWithItsDefault(t *testing.T) {
	raw, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, value := range map[string]string{"bot.token": testToken, "console.secret": testSecret, "gateway.token": "gateway-token-gateway-token-1234"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "clawconsole.toml")
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	c, faults := load(file, map[string]string{"STATE_DIRECTORY": "/var/lib/clawconsole"})
	if len(faults) > 0 {
		t.Fatalf("the example as it stands:\n%v", faults)
	}
	want := defaults()
	if got, want := c.Telegram.StaleAfter, want.Telegram.StaleAfter; got != want {
		t.Errorf("telegram.stale_after = %v in the example, default %v", got, want)
	}
	if c.Telegram.APIURL != want.Telegram.APIURL {
		t.Errorf("telegram.api_url = %q in the example, default %q", c.Telegram.APIURL, want.Telegram.APIURL)
	}
	a, b := c.Auth, want.Auth
	a.Secret, a.SecretFile, a.Class = b.Secret, b.SecretFile, b.Class
	if !reflect.DeepEqual(a, b) {
		t.Errorf("[auth] = %+v in the example, default %+v", a, b)
	}
	if c.OpenClaw.URL != want.OpenClaw.URL || c.OpenClaw.CLI != want.OpenClaw.CLI || c.OpenClaw.Start != want.OpenClaw.Start {
		t.Errorf("[openclaw] = %+v in the example, default %+v", c.OpenClaw, want.OpenClaw)
	}
	c.Run.Allow = nil
	if !reflect.DeepEqual(c.Run, want.Run) {
		t.Errorf("[run] = %+v in the example, default %+v", c.Run, want.Run)
	}
	if c.Audit != want.Audit {
		t.Errorf("[audit] = %+v in the example, default %+v", c.Audit, want.Audit)
	}
	if c.Approvals.AllowAlways || c.Approvals.StepUp || len(c.Redact.Keys)+len(c.Redact.Patterns) != 0 {
		t.Errorf("[approvals] or [redact] differ from their defaults")
	}

	// With every commented key uncommented it still has no unknown key, and no key is missing.
	all := regexp.MustCompile(`(?m)^#(\w+ = |\[\[)`).ReplaceAllString(string(raw), "$1")
	all = strings.NewReplacer(`token_file = "bot.token"`, "", `secret_file = "console.secret"`, "", `token_file = "gateway.token"`, "").Replace(all)
	_, faults = load(writeConfig(t, all), nil)
	for _, f := range faults {
		if strings.Contains(f.Text, "unknown key") || strings.Contains(f.Text, "type") {
			t.Errorf("uncommented: %v", f)
		}
	}
	for _, key := range configKeys() {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if !regexp.MustCompile(`(?m)^#?(\[\[?([a-z]+\.)?` + last + `\]|` + last + ` = )`).MatchString(string(raw)) {
			t.Errorf("key %s is not in config.example.toml", key)
		}
	}
}

func TestEnvironmentAloneIsEnough(t *testing.T) {
	configs, err := LoadAll(nil, []string{
		"TELEGRAM_BOT_TOKEN=" + testToken, "TELEGRAM_ALLOWED_USER_IDS=42, 43", "TELEGRAM_ALLOWED_USER_ID=42",
		"TELEGRAM_SHARED_SECRET=" + testSecret, "TELEGRAM_AUTH_TTL_SECONDS=300",
		"TELEGRAM_RATE_LIMIT_PER_MINUTE=20", "TELEGRAM_RATE_LIMIT_BURST=5", "TELEGRAM_ALLOW_RUN=true",
		"OPENCLAW_GATEWAY_URL=ws://127.0.0.1:1", "OPENCLAW_GATEWAY_TOKEN=t", "HOME=/home/x",
	})
	if err != nil {
		t.Fatal(err)
	}
	c := configs[0]
	switch {
	case len(c.Operators) != 2 || c.Operators[0].ID != 42 || c.Operators[1].ID != 43:
		t.Errorf("operators = %+v", c.Operators)
	case c.Auth.UnlockTTL != 5*time.Minute || c.Auth.RatePerMinute != 20 || c.Auth.RateBurst != 5:
		t.Errorf("auth = %+v", c.Auth)
	case !c.Auth.Secret.Equal(testSecret) || !c.OpenClaw.Token.Equal("t") || !c.Telegram.Token.Equal(testToken):
		t.Error("secrets are not those of the environment")
	case !c.Run.Enabled || c.OpenClaw.URL != "ws://127.0.0.1:1":
		t.Errorf("run = %+v, openclaw = %+v", c.Run, c.OpenClaw)
	case c.StateDir != "/home/x/.local/state/clawconsole":
		t.Errorf("state_dir = %q", c.StateDir)
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	file := writeConfig(t, good+"[auth]\nrate_burst = 7\n")
	other := "987654321:AAEhBP0av28kAAEhBP0av28kAAEhBP0av28"
	configs, err := LoadAll([]string{file}, []string{"TELEGRAM_BOT_TOKEN=" + other, "TELEGRAM_RATE_LIMIT_BURST=9", "TELEGRAM_ALLOWED_USER_IDS=42,50"})
	if err != nil {
		t.Fatal(err)
	}
	c := configs[0]
	if !c.Telegram.Token.Equal(other) || c.Auth.RateBurst != 9 {
		t.Errorf("token from the environment: %v, burst %d, want 9", c.Telegram.Token.Equal(other), c.Auth.RateBurst)
	}
	if len(c.Operators) != 2 || c.Operators[0].Name != "alice" || c.Operators[1].ID != 50 {
		t.Errorf("operators = %+v, want alice of the file and 50", c.Operators)
	}
}

// Every row is refused, and the fault names the key.
func TestFaults(t *testing.T) {
	tests := []struct{ name, text, key, says string }{
		{"unknown key", good + "[run]\nenabledd = true\n", "run.enabledd", "unknown key"},
		{"no operators", "state_dir=\"/x\"\n[telegram]\ntoken=\"" + testToken + "\"\n", "operator", "nobody"},
		{"@name for an id", good + "[[operator]]\nid = \"@bob\"\nname = \"bob\"\n", "operator.id", "type string"},
		{"id of a group for a person", strings.Replace(good, "42", "-42", 1), "operator[0].id", "not the id of a person"},
		{"same id twice", good + "[[operator]]\nid = 42\nname = \"bob\"\n", "operator[1].id", "twice"},
		{"same name twice", good + "[[operator]]\nid = 43\nname = \"alice\"\n", "operator[1].name", "twice"},
		{"name that imitates", good + "[[operator]]\nid = 43\nname = \"bob\\u202e\"\n", "operator[1].name", "confuse"},
		{"no such class", strings.Replace(good, `"safe"`, `"root"`, 1), "operator[0].may", "not a class"},
		{"may nothing", good + "[[operator]]\nid = 43\nname = \"bob\"\nmay = []\n", "operator[1].may", "nothing"},
		{"short secret", good + "[auth]\nsecret = \"hunter2\"\n", "auth.secret", "7 characters"},
		{"dull secret", good + "[auth]\nsecret = \"" + strings.Repeat("ab", 20) + "\"\n", "auth.secret", "random"},
		{"secret with space", good + "[auth]\nsecret = \"" + testSecret[:20] + " " + testSecret[20:] + "\"\n", "auth.secret", "space"},
		{"token and token file", strings.Replace(good, "[telegram]", "[telegram]\ntoken_file = \"x\"", 1), "telegram.token", "keep one"},
		{"not a token", strings.Replace(good, testToken, "hello", 1), "telegram.token", "bot token"},
		{"bad proxy", strings.Replace(good, "[telegram]", "[telegram]\nproxy = \"ftp://x\"", 1), "telegram.proxy", "socks5"},
		{"token in the open", strings.Replace(good, "[telegram]", "[telegram]\napi_url = \"http://example.com\"", 1), "telegram.api_url", "open"},
		{"stale after a day", strings.Replace(good, "[telegram]", "[telegram]\nstale_after = \"24h\"", 1), "telegram.stale_after", "between"},
		{"group with positive id", good + "[[telegram.group]]\nid = 7\n", "telegram.group[0].id", "not the id of a group"},
		{"gateway in the open", good + "[openclaw]\nurl = \"ws://example.com:1\"\n", "openclaw.url", "open"},
		{"gateway over http", good + "[openclaw]\nurl = \"http://127.0.0.1:1\"\n", "openclaw.url", "ws"},
		{"open quote", good + "[openclaw]\nstart = \"systemctl 'start\"\n", "openclaw.start", "command line"},
		{"run without factor", good + "[run]\nenabled = true\n", "run.enabled", "second factor"},
		{"run for an hour", good + "[run]\nmax_timeout = \"1h\"\n", "run.max_timeout", "between"},
		{"run hands out the token", good + "[run]\nenv = [\"TELEGRAM_BOT_TOKEN\"]\n", "run.env", "secret"},
		{"lowered class", good + "[auth]\nclass = { run = \"safe\" }\n", "auth.class.run", "lower"},
		{"class of nothing", good + "[auth]\nclass = { stauts = \"moderate\" }\n", "auth.class.stauts", "no command"},
		{"route to nobody", good + "[[approvals.route]]\nagent = \"x\"\n", "approvals.route[0]", "reaches nobody"},
		{"route to a stranger", good + "[[approvals.route]]\noperators = [\"carol\"]\n", "approvals.route[0].operators", "not an operator"},
		{"route to a chat we are not in", good + "[[approvals.route]]\nchats = [\"-100\"]\n", "approvals.route[0].chats", "not a configured group"},
		{"user in the gateway's address", good + "[openclaw]\nurl = \"ws://me:secret@127.0.0.1:1\"\n", "openclaw.url", "user or password"},
		{"step-up without factor", good + "[approvals]\nstep_up = true\n", "approvals.step_up", "second factor"},
		{"an allowed command that is none", good + "[run]\nallow = [\"git status\", \"git 'status\", \"a | b\"]\n", "run.allow", `"git 'status" is not a list of plain words`},
		{"a second one", good + "[run]\nallow = [\"git 'status\", \"a | b\"]\n", "run.allow", `"a | b" is not a list of plain words`},
		{"a pattern that is none", good + "[redact]\npatterns = [\"(\"]\n", "redact.patterns", `"(" is not a regular expression: missing closing )`},
		{"a pattern without a fixed part", good + "[redact]\npatterns = [\"(\", \"[0-9]+\"]\n", "redact.patterns", `"[0-9]+" has no literal`},
		{"a key name that is none", good + "[redact]\nkeys = [\"[\"]\npatterns = [\"(\"]\n", "redact.keys", "three letters"},
		{"anchor in a chat we are not in", good + "[audit]\nanchor = -100\n", "audit.anchor", "neither an operator nor a configured group"},
		{"route to no topic of its group", good + "[[telegram.group]]\nid = -100123\ntopics = [7]\n[[approvals.route]]\nchats = [\"-100123\"]\n", "approvals.route[0].chats", "outside the topics of its group"},
		{"route to another topic", good + "[[telegram.group]]\nid = -100123\ntopics = [7]\n[[approvals.route]]\nchats = [\"-100123/8\"]\n", "approvals.route[0].chats", "outside the topics of its group"},
		{"route with a class", good + "[[approvals.route]]\ntool = \"deploy_[wp]*\"\noperators = [\"alice\"]\n", "approvals.route[0].tool", "not a glob"},
		{"route from no source", good + "[[approvals.route]]\nsource = \"exce\"\noperators = [\"alice\"]\n", "approvals.route[0].source", "matches no source"},
		{"always without factor", good + "[approvals]\nallow_always = true\n", "approvals.allow_always", "second factor"},
		{"broken file", "a = = 3\n" + good, "a", "expected value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := load(writeConfig(t, tt.text), nil)
			if !slices.ContainsFunc(faults, func(f Fault) bool { return f.Key == tt.key && strings.Contains(f.String(), tt.says) }) {
				t.Errorf("faults:\n%v\nwant one of %s that says %q", faults, tt.key, tt.says)
			}
			for _, f := range faults {
				if strings.Contains(f.String(), "me:secret") || strings.Contains(f.String(), testSecret) || strings.Contains(f.String(), testToken) {
					t.Errorf("a fault holds a secret: %v", f)
				}
			}
		})
	}
	if _, faults := load(writeConfig(t, good+"[audit]\nanchor = 42\n"), nil); len(faults) > 0 {
		t.Errorf("the good one has faults: %v", faults)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	a := writeConfig(t, strings.Replace(good, "42", "\"@alice\"", 1)+"[auth]\nsecret = \"short\"\nunlock_tll = \"1m\"\n[run]\nenabled = 3\n")
	b := writeConfig(t, good+"[openclaw]\nurl = \"gopher://x\"\n")
	_, err := LoadAll([]string{a, b}, nil)
	for _, want := range []string{"operator.id", "auth.secret", "auth.unlock_tll", "run.enabled", "openclaw.url", a, b, "state_dir: is the one of", "telegram.token: is the one of"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q:\n%v", want, err)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s")
	for _, tt := range []struct {
		name, says string
		make       func() error
	}{
		{"missing", "no such file", func() error { return nil }},
		{"open to everybody", "open to everybody", func() error { return os.WriteFile(file, []byte(testSecret), 0o604) }},
		{"empty", "is empty", func() error { return os.WriteFile(file, []byte("\n"), 0o600) }},
		{"symlink", "symbolic link", func() error {
			if err := os.WriteFile(file+".real", []byte(testSecret), 0o600); err != nil {
				return err
			}
			return os.Symlink(file+".real", file)
		}},
		{"folder", "not a regular file", func() error { return os.Mkdir(file, 0o700) }},
		{"good", "", func() error { return os.WriteFile(file, []byte(testSecret+"\n"), 0o600) }},
	} {
		os.RemoveAll(file)
		if err := tt.make(); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(tt.name, "open") { // whatever the umask
			if err := os.Chmod(file, 0o604); err != nil {
				t.Fatal(err)
			}
		}
		s, text, _ := readSecret(file)
		if tt.says == "" {
			if text != "" || !s.Equal(testSecret) {
				t.Errorf("%s: %q, %v; want the secret without its newline", tt.name, text, s.Equal(testSecret))
			}
		} else if !strings.Contains(text, tt.says) {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.says)
		}
	}
}
