package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"clawconsole/auth"
	"clawconsole/exec"
	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
	"clawconsole/redact"

	"github.com/BurntSushi/toml"
	"github.com/google/shlex"
)

// Config is one console: one bot, one set of operators, one gateway, one state
// folder. config.example.toml shows every key with its default; a test holds
// the two together.
type Config struct {
	// File is where it was read from, "environment" when there was no file.
	File string `toml:"-"`

	StateDir  string          `toml:"state_dir"`
	Telegram  TelegramConfig  `toml:"telegram"`
	Operators []OperatorEntry `toml:"operator"`
	Auth      AuthConfig      `toml:"auth"`
	OpenClaw  OpenClawConfig  `toml:"openclaw"`
	Run       RunConfig       `toml:"run"`
	Approvals ApprovalsConfig `toml:"approvals"`
	Redact    RedactConfig    `toml:"redact"`
	Audit     AuditConfig     `toml:"audit"`
}

// TelegramConfig is the bot and the groups it listens in.
type TelegramConfig struct {
	Token      redact.Secret `toml:"token"`
	TokenFile  string        `toml:"token_file"`
	APIURL     string        `toml:"api_url"`
	Proxy      string        `toml:"proxy"`
	StaleAfter time.Duration `toml:"stale_after"`
	Groups     []GroupEntry  `toml:"group"`
}

// GroupEntry is a group the console answers in.
type GroupEntry struct {
	ID             int64   `toml:"id"`
	RequireMention *bool   `toml:"require_mention"` // default true
	Topics         []int64 `toml:"topics"`          // empty: all
}

// OperatorEntry is a person on the allowlist.
type OperatorEntry struct {
	ID   int64    `toml:"id"`
	Name string   `toml:"name"`
	May  []string `toml:"may"` // default: safe

	rights []auth.Class
}

// AuthConfig is the second factor and the budgets.
type AuthConfig struct {
	Secret          redact.Secret     `toml:"secret"`
	SecretFile      string            `toml:"secret_file"`
	UnlockTTL       time.Duration     `toml:"unlock_ttl"`
	RatePerMinute   int               `toml:"rate_per_minute"`
	RateBurst       int               `toml:"rate_burst"`
	AnswerStrangers bool              `toml:"answer_strangers"`
	Class           map[string]string `toml:"class"` // raise only
}

// OpenClawConfig is the gateway and the ways to it.
type OpenClawConfig struct {
	URL       string            `toml:"url"`
	Token     redact.Secret     `toml:"token"`
	TokenFile string            `toml:"token_file"`
	CLI       string            `toml:"cli"`   // command line, split by shlex
	Start     string            `toml:"start"` // command line for /gateway start
	Agents    map[string]string `toml:"agents"`

	cli, start []string
}

// RunConfig is /run.
type RunConfig struct {
	Enabled    bool          `toml:"enabled"`
	Timeout    time.Duration `toml:"timeout"`
	MaxTimeout time.Duration `toml:"max_timeout"`
	MaxOutput  int           `toml:"max_output"` // bytes
	Shell      bool          `toml:"shell"`
	Allow      []string      `toml:"allow"`
	Env        []string      `toml:"env"`
	Dir        string        `toml:"dir"`
}

// ApprovalsConfig is how agents' tool calls are decided.
type ApprovalsConfig struct {
	AllowAlways bool         `toml:"allow_always"`
	StepUp      bool         `toml:"step_up"`
	Routes      []RouteEntry `toml:"route"`
}

// RouteEntry sends matching approvals to operators and chats.
type RouteEntry struct {
	Source    string   `toml:"source"`  // glob: exec, plugin, system-agent
	Agent     string   `toml:"agent"`   // glob
	Session   string   `toml:"session"` // glob
	Tool      string   `toml:"tool"`    // glob
	Operators []string `toml:"operators"`
	Chats     []string `toml:"chats"` // "-1001234567890" or "-1001234567890/7" for a topic
}

// RedactConfig adds to what is taken for a secret.
type RedactConfig struct {
	Keys     []string `toml:"keys"`
	Patterns []string `toml:"patterns"`
}

// AuditConfig is what is done with the record.
type AuditConfig struct {
	Anchor int64 `toml:"anchor"` // chat that its head is posted to; 0: none
}

// Fault is one thing wrong with a configuration.
type Fault struct {
	File, Key, Text, Advice string
}

func (f Fault) String() string {
	s := f.File + ": "
	if f.Key != "" {
		s += f.Key + ": "
	}
	s += f.Text
	if f.Advice != "" {
		s += "\n\t" + f.Advice
	}
	return s
}

// Faults is everything wrong with the configuration, found in one go.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// envNames are the names of the Telegram console protocol and of OpenClaw that
// configure a console by themselves. They win over the file.
var envNames = []string{
	"TELEGRAM_BOT_TOKEN", "TELEGRAM_ALLOWED_USER_ID", "TELEGRAM_ALLOWED_USER_IDS",
	"TELEGRAM_SHARED_SECRET", "TELEGRAM_AUTH_TTL_SECONDS", "TELEGRAM_RATE_LIMIT_PER_MINUTE",
	"TELEGRAM_RATE_LIMIT_BURST", "TELEGRAM_ALLOW_RUN",
	"OPENCLAW_GATEWAY_URL", "OPENCLAW_GATEWAY_TOKEN",
}

// Minimum and fixed values that a configuration is checked against.
const (
	minSecretDistinct = 10
	maxUnlockTTL      = 12 * time.Hour
	hardMaxTimeout    = 120 * time.Second
	hardMaxOutput     = 64 << 10
)

func defaults() Config {
	return Config{
		Telegram: TelegramConfig{APIURL: "https://api.telegram.org", StaleAfter: 120 * time.Second},
		Auth:     AuthConfig{UnlockTTL: 10 * time.Minute, RatePerMinute: 10, RateBurst: 3},
		OpenClaw: OpenClawConfig{URL: "ws://127.0.0.1:18789", CLI: "openclaw"},
		Run: RunConfig{
			Timeout: 30 * time.Second, MaxTimeout: 120 * time.Second, MaxOutput: 8192,
			Shell: true, Env: []string{"PATH", "HOME", "LANG"},
		},
	}
}

// LoadAll reads every file, or the environment alone when there is none. The
// error is a Faults with everything that is wrong with all of them.
func LoadAll(files []string, env []string) ([]Config, error) {
	vars := environment(env)
	if len(files) == 0 {
		c, faults := load("", vars)
		return []Config{c}, faults.orNil()
	}
	var all Faults
	var out []Config
	if len(files) > 1 {
		for _, name := range envNames {
			if _, set := vars[name]; set {
				all = append(all, Fault{"environment", name, "is set, but several consoles are configured",
					"unset it: each console needs its own, in its file"})
			}
		}
		maps.DeleteFunc(vars, func(k, _ string) bool { return slices.Contains(envNames, k) })
	}
	dirs, tokens := map[string]string{}, map[string]string{}
	for _, file := range files {
		c, faults := load(file, vars)
		all = append(all, faults...)
		if first, dup := dirs[c.StateDir]; dup && c.StateDir != "" {
			all = append(all, Fault{file, "state_dir", "is the one of " + first, "give each console a state folder of its own"})
		}
		dirs[c.StateDir] = file
		if t := c.Telegram.Token.Reveal(); t != "" {
			if first, dup := tokens[t]; dup {
				all = append(all, Fault{file, "telegram.token", "is the one of " + first, "two pollers on one bot steal each other's updates: give each console a bot of its own"})
			}
			tokens[t] = file
		}
		out = append(out, c)
	}
	return out, all.orNil()
}

func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

func environment(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			m[k] = v
		}
	}
	return m
}

// loader gathers faults while one configuration is read.
type loader struct {
	file   string
	dir    string // relative secret paths start here
	vars   map[string]string
	faults Faults
}

func (l *loader) fault(key, text, advice string) {
	l.faults = append(l.faults, Fault{l.file, key, text, advice})
}

func load(file string, vars map[string]string) (Config, Faults) {
	l := &loader{file: cmp.Or(file, "environment"), vars: vars}
	c := defaults()
	if file != "" {
		l.dir = filepath.Dir(file)
		l.decode(file, &c)
	}
	c.File = l.file
	if d := vars["CREDENTIALS_DIRECTORY"]; d != "" {
		l.dir = d
	}
	l.overrides(&c)
	l.check(&c)
	return c, l.faults
}

// decode reads the file into c. A value of the wrong type is a fault like any
// other, so its line is blanked and the rest is read again.
func (l *loader) decode(file string, c *Config) {
	raw, err := os.ReadFile(file)
	if err != nil {
		l.fault("", reason(err), "name a file that clawconsole can read; config.example.toml is one to copy")
		return
	}
	lines := strings.Split(string(raw), "\n")
	var meta toml.MetaData
	for {
		*c = defaults()
		meta, err = toml.Decode(strings.Join(lines, "\n"), c)
		if err == nil {
			break
		}
		line, key, msg := tomlError(err)
		if line < 1 || line > len(lines) || lines[line-1] == "" {
			l.fault("", msg, "")
			*c = defaults()
			return
		}
		l.fault(cmp.Or(key, "?"), fmt.Sprintf("line %d: %s", line, msg), typeAdvice(key))
		lines[line-1] = ""
	}
	for _, k := range meta.Undecoded() {
		l.fault(k.String(), "unknown key", nearestKey(k.String()))
	}
	inline := !c.Telegram.Token.IsZero() || !c.Auth.Secret.IsZero() || !c.OpenClaw.Token.IsZero()
	if fi, err := os.Stat(file); err == nil && inline && fi.Mode().Perm()&0o007 != 0 {
		l.fault("", fmt.Sprintf("holds a secret and is open to everybody (mode %#o)", fi.Mode().Perm()), "chmod 600 "+file)
	}
}

// The library's errors carry the line only in their text, all but those of its
// parser proper: `toml: line 4 (last key "operator.id"): incompatible types: …`.
var (
	tomlLine  = regexp.MustCompile(`(?s)^toml: line (\d+)(?: \(last key "([^"]*)"\))?: (.*)$`)
	tomlTypes = regexp.MustCompile(`^incompatible types: TOML value has type (\w+); destination has type (\w+)$`)
)

func tomlError(err error) (line int, key, msg string) {
	m := tomlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, "", strings.TrimPrefix(err.Error(), "toml: ")
	}
	line, _ = strconv.Atoi(m[1])
	if t := tomlTypes.FindStringSubmatch(m[3]); t != nil {
		return line, m[2], fmt.Sprintf("is of type %s, not %s", strings.TrimSuffix(t[1], "64"), t[2])
	}
	return line, m[2], strings.TrimSuffix(m[3], ".")
}

func typeAdvice(key string) string {
	switch {
	case strings.HasSuffix(key, ".id"):
		return "ids are numbers, never @names: /whoami or @userinfobot tells yours"
	case slices.Contains([]string{"telegram.stale_after", "auth.unlock_ttl", "run.timeout", "run.max_timeout"}, key):
		return `write a duration such as "90s" or "10m"`
	}
	return ""
}

// overrides applies the environment names of the protocol.
func (l *loader) overrides(c *Config) {
	if v := l.vars["TELEGRAM_BOT_TOKEN"]; v != "" {
		c.Telegram.Token, c.Telegram.TokenFile = redact.NewSecret(v), ""
	}
	if v := l.vars["TELEGRAM_SHARED_SECRET"]; v != "" {
		c.Auth.Secret, c.Auth.SecretFile = redact.NewSecret(v), ""
	}
	if v := l.vars["OPENCLAW_GATEWAY_TOKEN"]; v != "" {
		c.OpenClaw.Token, c.OpenClaw.TokenFile = redact.NewSecret(v), ""
	}
	if v := l.vars["OPENCLAW_GATEWAY_URL"]; v != "" {
		c.OpenClaw.URL = v
	}
	number := func(name string, set func(int)) {
		v, ok := l.vars[name]
		if !ok || v == "" {
			return
		}
		n, err := strconv.Atoi(v)
		if err != nil {
			l.fault(name, fmt.Sprintf("%q is not a whole number", v), "")
			return
		}
		set(n)
	}
	number("TELEGRAM_AUTH_TTL_SECONDS", func(n int) { c.Auth.UnlockTTL = time.Duration(n) * time.Second })
	number("TELEGRAM_RATE_LIMIT_PER_MINUTE", func(n int) { c.Auth.RatePerMinute = n })
	number("TELEGRAM_RATE_LIMIT_BURST", func(n int) { c.Auth.RateBurst = n })
	if v := l.vars["TELEGRAM_ALLOW_RUN"]; v != "" {
		on, err := strconv.ParseBool(v)
		if err != nil {
			l.fault("TELEGRAM_ALLOW_RUN", fmt.Sprintf("%q is neither true nor false", v), "")
		} else {
			c.Run.Enabled = on
		}
	}
	var ids []int64
	for _, name := range []string{"TELEGRAM_ALLOWED_USER_ID", "TELEGRAM_ALLOWED_USER_IDS"} {
		for _, part := range strings.FieldsFunc(l.vars[name], func(r rune) bool { return r == ',' || r == ' ' }) {
			id, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				l.fault(name, fmt.Sprintf("%q is not a numeric id", part), typeAdvice("operator.id"))
				continue
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) > 0 {
		var list []OperatorEntry
		for _, id := range ids {
			i := slices.IndexFunc(c.Operators, func(o OperatorEntry) bool { return o.ID == id })
			if i >= 0 {
				list = append(list, c.Operators[i])
				continue
			}
			list = append(list, OperatorEntry{ID: id, Name: "operator " + strconv.FormatInt(id, 10),
				May: []string{"safe", "moderate", "dangerous", "approve"}})
		}
		c.Operators = list
	}
	if c.StateDir == "" {
		// systemd's StateDirectory= names the folder, else the XDG one.
		if d, _, _ := strings.Cut(l.vars["STATE_DIRECTORY"], ":"); d != "" {
			c.StateDir = d
		} else if d := l.vars["XDG_STATE_HOME"]; d != "" {
			c.StateDir = filepath.Join(d, "clawconsole")
		} else if d := l.vars["HOME"]; d != "" {
			c.StateDir = filepath.Join(d, ".local", "state", "clawconsole")
		}
	}
}

// botToken is the form of a bot token: numeric bot id, colon, 35 characters
// (some servers give other lengths). Source: Bot API, "Authorizing your bot".
var botToken = regexp.MustCompile(`^[0-9]{3,20}:[A-Za-z0-9_-]{30,64}$`)

func (l *loader) check(c *Config) {
	if c.StateDir == "" {
		l.fault("state_dir", "is missing and neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME is set", `set it, for example state_dir = "/var/lib/clawconsole"`)
	} else if !filepath.IsAbs(c.StateDir) {
		l.fault("state_dir", fmt.Sprintf("%q is not an absolute path", c.StateDir), "")
	}

	// Telegram
	c.Telegram.Token = l.secret("telegram.token", c.Telegram.Token, c.Telegram.TokenFile)
	if t := c.Telegram.Token.Reveal(); t == "" {
		if c.Telegram.TokenFile == "" {
			l.fault("telegram.token_file", "no bot token", "name a file with the token that @BotFather gave you")
		}
	} else if !botToken.MatchString(t) {
		l.fault("telegram.token", "does not look like a bot token", "it has the form 123456789:AA…, as @BotFather gives it")
	}
	if u, err := url.Parse(c.Telegram.APIURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		l.fault("telegram.api_url", "is not an http or https URL", "the root of the Bot API, without /bot<token>")
	} else if u.Scheme == "http" && !loopback(u.Hostname()) {
		l.fault("telegram.api_url", "is http to another host: the bot token would travel in the open", "use https")
	}
	if p := c.Telegram.Proxy; p != "" {
		if u, err := url.Parse(p); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
			l.fault("telegram.proxy", "is not an http, https or socks5 URL", "")
		}
	}
	if c.Telegram.StaleAfter < 10*time.Second || c.Telegram.StaleAfter > time.Hour {
		l.fault("telegram.stale_after", fmt.Sprintf("%s is not between 10s and 1h", c.Telegram.StaleAfter), "")
	}
	seenGroups := map[int64]bool{}
	for i := range c.Telegram.Groups {
		g, key := &c.Telegram.Groups[i], fmt.Sprintf("telegram.group[%d].id", i)
		if g.ID >= 0 {
			l.fault(key, fmt.Sprintf("%d is not the id of a group", g.ID), "groups have negative ids; those of supergroups start with -100")
		} else if seenGroups[g.ID] {
			l.fault(key, fmt.Sprintf("%d is there twice", g.ID), "")
		}
		seenGroups[g.ID] = true
		if g.RequireMention == nil {
			yes := true
			g.RequireMention = &yes
		}
	}

	// Operators
	if len(c.Operators) == 0 {
		l.fault("operator", "nobody is allowed", "add an [[operator]] with the numeric id of a person")
	}
	ids, names := map[int64]bool{}, map[string]bool{}
	for i := range c.Operators {
		o, key := &c.Operators[i], fmt.Sprintf("operator[%d]", i)
		switch {
		case o.ID <= 0:
			l.fault(key+".id", fmt.Sprintf("%d is not the id of a person", o.ID), typeAdvice(".id"))
		case ids[o.ID]:
			l.fault(key+".id", fmt.Sprintf("%d is there twice", o.ID), "")
		}
		if o.Name == "" {
			l.fault(key+".name", "is missing", "it stands in the record and in OpenClaw's own")
		} else if names[o.Name] {
			l.fault(key+".name", fmt.Sprintf("%q is there twice", o.Name), "the record must tell people apart")
		} else if !plainName(o.Name) {
			l.fault(key+".name", fmt.Sprintf("%q has characters that could confuse a reader", o.Name), "letters, digits, space, dot, dash; at most 40")
		}
		ids[o.ID], names[o.Name] = true, true
		if o.May == nil {
			o.May = []string{"safe"}
		}
		if len(o.May) == 0 {
			l.fault(key+".may", "is empty: this operator may do nothing", "")
		}
		o.rights = nil
		for _, m := range o.May {
			class, err := auth.ParseClass(m)
			if err != nil {
				l.fault(key+".may", fmt.Sprintf("%q is not a class", m), "safe, moderate, dangerous or approve")
				continue
			}
			o.rights = append(o.rights, class)
		}
	}

	// Second factor
	c.Auth.Secret = l.secret("auth.secret", c.Auth.Secret, c.Auth.SecretFile)
	if s := c.Auth.Secret.Reveal(); s != "" {
		if _, err := auth.HashSecret(s); err != nil {
			l.fault("auth.secret", err.Error(), "make one with: openssl rand -base64 32")
		} else if distinct(s) < minSecretDistinct {
			l.fault("auth.secret", "has too few different characters to be random", "make one with: openssl rand -base64 32")
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' }) {
			l.fault("auth.secret", "has a space in it, so it could not be typed after /auth", "make one with: openssl rand -base64 32")
		}
	}
	if c.Auth.UnlockTTL < 10*time.Second || c.Auth.UnlockTTL > maxUnlockTTL {
		l.fault("auth.unlock_ttl", fmt.Sprintf("%s is not between 10s and %s", c.Auth.UnlockTTL, maxUnlockTTL), "")
	}
	if c.Auth.RatePerMinute < 1 {
		l.fault("auth.rate_per_minute", fmt.Sprintf("%d is less than 1", c.Auth.RatePerMinute), "")
	}
	if c.Auth.RateBurst < 1 {
		l.fault("auth.rate_burst", fmt.Sprintf("%d is less than 1", c.Auth.RateBurst), "")
	}
	l.checkClasses(c)

	// Gateway
	c.OpenClaw.Token = l.secret("openclaw.token", c.OpenClaw.Token, c.OpenClaw.TokenFile)
	if u, err := url.Parse(c.OpenClaw.URL); err != nil || u.Host == "" || (u.Scheme != "ws" && u.Scheme != "wss") {
		l.fault("openclaw.url", "is not a ws or wss URL", `for example "ws://127.0.0.1:18789"`)
	} else if u.User != nil {
		l.fault("openclaw.url", "holds a user or password", "the token belongs into openclaw.token_file")
	} else if u.Scheme == "ws" && !loopback(u.Hostname()) && !private(u.Hostname()) {
		l.fault("openclaw.url", "is ws to a public host: the gateway token would travel in the open", "use wss")
	}
	c.OpenClaw.cli = l.commandLine("openclaw.cli", c.OpenClaw.CLI)
	c.OpenClaw.start = l.commandLine("openclaw.start", c.OpenClaw.Start)
	for label, key := range c.OpenClaw.Agents {
		if label == "" || key == "" || strings.ContainsAny(label, " \t\n") {
			l.fault("openclaw.agents", fmt.Sprintf("%q = %q is not a label and a session key", label, key), "")
		}
	}

	// /run
	r := &c.Run
	if r.MaxTimeout < time.Second || r.MaxTimeout > hardMaxTimeout {
		l.fault("run.max_timeout", fmt.Sprintf("%s is not between 1s and %s", r.MaxTimeout, hardMaxTimeout), "")
	}
	if r.Timeout < time.Second || r.Timeout > r.MaxTimeout {
		l.fault("run.timeout", fmt.Sprintf("%s is not between 1s and run.max_timeout (%s)", r.Timeout, r.MaxTimeout), "")
	}
	if r.MaxOutput < 256 || r.MaxOutput > hardMaxOutput {
		l.fault("run.max_output", fmt.Sprintf("%d is not between 256 and %d bytes", r.MaxOutput, hardMaxOutput), "")
	}
	if r.Dir != "" {
		if fi, err := os.Stat(r.Dir); err != nil || !fi.IsDir() || !filepath.IsAbs(r.Dir) {
			l.fault("run.dir", fmt.Sprintf("%q is not an absolute path of a folder", r.Dir), "")
		}
	}
	for _, name := range r.Env {
		if slices.Contains(envNames, name) {
			l.fault("run.env", fmt.Sprintf("%q would hand a secret of the console to every command", name), "remove it")
		}
	}
	for _, entry := range r.Allow {
		if _, err := exec.NewPolicy([]string{entry}); err != nil {
			l.fault("run.allow", fmt.Sprintf("%q is not a list of plain words", entry), `write the first words of a command, such as "git status"`)
		}
	}
	if r.Enabled && c.Auth.Secret.IsZero() {
		l.fault("run.enabled", "needs a second factor", "set auth.secret_file: dangerous commands run only after an unlock")
	}
	if c.Approvals.AllowAlways && c.Auth.Secret.IsZero() {
		l.fault("approvals.allow_always", "needs a second factor", `set auth.secret_file: "Always" needs an unlock`)
	}
	if c.Approvals.StepUp && c.Auth.Secret.IsZero() {
		l.fault("approvals.step_up", "needs a second factor", "set auth.secret_file: approvals are then decided after an unlock")
	}
	l.checkRoutes(c)
	l.checkRedact(c)
	if a := c.Audit.Anchor; a != 0 && !ids[a] && !seenGroups[a] {
		l.fault("audit.anchor", fmt.Sprintf("%d is neither an operator nor a configured group", a), "name the id of an [[operator]], or add a [[telegram.group]] with this id")
	}
}

// checkRedact accepts what the redactor can work with. Its error joins one for each
// fault, which begins with the key.
func (l *loader) checkRedact(c *Config) {
	_, err := redact.New(redact.Config{Keys: c.Redact.Keys, Patterns: c.Redact.Patterns})
	if err == nil {
		return
	}
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		key, text, _ := strings.Cut(err.Error(), ": ")
		var bad *syntax.Error
		if errors.As(err, &bad) {
			text = fmt.Sprintf("%q is not a regular expression: %s", bad.Expr, bad.Code)
		}
		l.fault(key, text, "")
	}
}

// plainName reports whether name is one to forty letters and digits, after the first
// also blanks and any of "._-". It is no regular expression because one with \p{L} takes
// 1.6 MB and 2 ms in every process of ours, the supervisor of a /run too.
func plainName(name string) bool {
	n := 0
	for _, c := range name {
		alnum := unicode.IsLetter(c) || unicode.In(c, unicode.N)
		if !alnum && (n == 0 || !strings.ContainsRune(" ._-", c)) {
			return false
		}
		n++
	}
	return n >= 1 && n <= 40 && utf8.ValidString(name)
}

// checkRoutes refuses a route that can reach nobody who may decide.
func (l *loader) checkRoutes(c *Config) {
	approver := func(name string) bool {
		return slices.ContainsFunc(c.Operators, func(o OperatorEntry) bool {
			return o.Name == name && slices.Contains(o.rights, auth.Approve)
		})
	}
	anybody := slices.ContainsFunc(c.Operators, func(o OperatorEntry) bool { return slices.Contains(o.rights, auth.Approve) })
	for i, r := range c.Approvals.Routes {
		key := fmt.Sprintf("approvals.route[%d]", i)
		for _, g := range []struct{ key, glob string }{{"source", r.Source}, {"agent", r.Agent}, {"session", r.Session}, {"tool", r.Tool}} {
			if strings.ContainsAny(g.glob, `[]\{}`) {
				l.fault(key+"."+g.key, fmt.Sprintf("%q is not a glob", g.glob), "only * and ? stand for something else")
			}
		}
		if !matchesSource(r.Source) {
			l.fault(key+".source", fmt.Sprintf("%q matches no source", r.Source), "sources are exec, plugin and system-agent")
		}
		reaches := false
		for _, name := range r.Operators {
			switch {
			case approver(name):
				reaches = true
			case slices.ContainsFunc(c.Operators, func(o OperatorEntry) bool { return o.Name == name }):
				l.fault(key+".operators", fmt.Sprintf("%q may not approve", name), `add "approve" to what this operator may`)
			default:
				l.fault(key+".operators", fmt.Sprintf("%q is not an operator", name), "use the name of an [[operator]]")
			}
		}
		for _, chat := range r.Chats {
			a, err := parseChat(chat)
			in := slices.ContainsFunc(c.Telegram.Groups, func(g GroupEntry) bool {
				return g.ID == a.ChatID && (len(g.Topics) == 0 || slices.Contains(g.Topics, a.TopicID))
			})
			known := slices.ContainsFunc(c.Telegram.Groups, func(g GroupEntry) bool { return g.ID == a.ChatID })
			switch {
			case err != nil:
				l.fault(key+".chats", fmt.Sprintf("%q is not a chat id", chat), `"-1001234567890", or "-1001234567890/7" for a topic`)
			case known && !in:
				l.fault(key+".chats", fmt.Sprintf("%q is outside the topics of its group", chat), "name one of them: "+chatOnly(chat)+"/<topic>")
			case !in:
				l.fault(key+".chats", fmt.Sprintf("%q is not a configured group", chat), "add a [[telegram.group]] with this id")
			case anybody:
				reaches = true
			}
		}
		if !reaches {
			l.fault(key, "reaches nobody who may approve", "name an operator with the right approve, or a group that has one")
		}
	}
}

// matchesSource reports whether a route with that pattern can match anything.
func matchesSource(glob string) bool {
	for _, kind := range []openclaw.ApprovalKind{openclaw.KindExec, openclaw.KindPlugin, openclaw.KindSystemAgent} {
		if approvals.Match(glob, string(kind)) {
			return true
		}
	}
	return false
}

// chatOnly is a chat of a route without its topic.
func chatOnly(chat string) string {
	id, _, _ := strings.Cut(chat, "/")
	return id
}

// secret returns the value itself or what the file holds. Both is a fault.
func (l *loader) secret(key string, value redact.Secret, file string) redact.Secret {
	if file == "" {
		return value
	}
	if !value.IsZero() {
		l.fault(key, "is set, and so is "+key+"_file", "keep one of them, better the file")
		return value
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.dir, file)
	}
	s, text, advice := readSecret(file)
	if text != "" {
		l.fault(key+"_file", text, advice)
	}
	return s
}

// readSecret reads a secret from a regular file that others cannot read.
func readSecret(file string) (s redact.Secret, text, advice string) {
	fi, err := os.Lstat(file)
	switch {
	case err != nil:
		return s, fmt.Sprintf("%s: %s", file, reason(err)), ""
	case fi.Mode()&fs.ModeSymlink != 0:
		return s, file + " is a symbolic link", "name the file itself"
	case !fi.Mode().IsRegular():
		return s, file + " is not a regular file", ""
	case fi.Mode().Perm()&0o007 != 0:
		return s, fmt.Sprintf("%s is open to everybody (mode %#o)", file, fi.Mode().Perm()), "chmod 600 " + file
	case fi.Size() > 64<<10:
		return s, file + " is too large for a secret", ""
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Sprintf("%s: %s", file, reason(err)), "the user that runs clawconsole must be able to read it"
	}
	v := strings.TrimRight(string(raw), "\r\n")
	if v == "" {
		return s, file + " is empty", ""
	}
	return redact.NewSecret(v), "", ""
}

func (l *loader) commandLine(key, line string) []string {
	words, err := shlex.Split(line)
	if err != nil {
		l.fault(key, fmt.Sprintf("%q is not a command line: %s", line, err), "check its quotes")
	}
	return words
}

// reason is the plain cause of a file error, without the path we name anyway.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}
