package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/console/telegram"
	"clawconsole/exec"
	"clawconsole/internal/audit"
	"clawconsole/internal/ledger"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

// instance is one console, wired.
type instance struct {
	core
	owns     bool // it closes its core
	auth     auth.Config
	config   Config
	log      *slog.Logger
	redactor *redact.Redactor
	gateway  *openclaw.Gateway
	bot      *telegram.Bot
	commands *commands.Env
	router   *console.Router
	approval *console.Desk
	since    time.Time
}

// newInstance wires a console for c and starts nothing. If old has the same state
// folder, the new one shares its core: old goes on undisturbed, and must have ended
// before the new one is run. The error is a Faults, or of something that a checked
// configuration has right.
func newInstance(ctx context.Context, c Config, e *env, log *slog.Logger, old *instance) (_ *instance, err error) {
	i := &instance{config: c, since: time.Now()}
	defer func() {
		if err != nil {
			i.close()
		}
	}()
	if i.redactor, err = redact.New(redact.Config{Known: knownSecrets(c, e.Vars), Keys: c.Redact.Keys, Patterns: c.Redact.Patterns}); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	// From here on nothing is logged that has not been through the redactor.
	i.log = slog.New(redactingHandler{log.Handler(), i.redactor})
	for _, w := range i.redactor.Warnings() {
		i.log.Warn("redact", "warning", w)
	}
	if old != nil && old.config.StateDir == c.StateDir {
		i.core = old.core
	} else {
		if i.core, err = openCore(ctx, c); err != nil {
			return nil, err
		}
		i.owns = true
	}
	if err := i.claim(ctx, c); err != nil {
		return nil, err
	}
	if i.auth, err = i.authConfig(); err != nil {
		return nil, err
	}
	gate, err := auth.New(i.auth)
	if err != nil {
		return nil, err
	}
	if i.gate == nil {
		i.gate = gate
	} // else that of old, which run configures
	i.gateway, err = openclaw.New(openclaw.Config{
		URL:           c.OpenClaw.URL,
		Token:         func() (string, error) { return c.OpenClaw.Token.Reveal(), nil },
		DeviceKeyFile: filepath.Join(c.StateDir, deviceName),
		Name:          "clawconsole",
		Version:       version,
		Log:           i.log,
		OnDeviceToken: func(token string) { i.redactor.Learn("gateway device token", redact.NewSecret(token)) },
	})
	if err != nil {
		return nil, err
	}
	i.bot, err = telegram.New(telegram.Config{Token: c.Telegram.Token, APIURL: c.Telegram.APIURL, Proxy: c.Telegram.Proxy, Log: i.log})
	if err != nil {
		return nil, err
	}
	policy, err := exec.NewPolicy(c.Run.Allow)
	if err != nil {
		return nil, fmt.Errorf("run.allow: %w", err)
	}
	name := i.gateway.Host()
	env := &commands.Env{
		Name:    name,
		Gateway: i.gateway,
		Gate:    i.gate,
		Record:  i.record,
		Hide:    func(s string) string { return i.redactor.Text(s).String() },
		Console: i.state,
		Agents:  c.OpenClaw.Agents,
		Start:   c.OpenClaw.start, StartEnv: childEnviron(e.Vars, c),
		Shell: commands.Shell{
			Enabled: c.Run.Enabled, Direct: !c.Run.Shell, Policy: policy, Timeout: c.Run.Timeout, MaxTimeout: c.Run.MaxTimeout,
			MaxOutput: c.Run.MaxOutput, Env: runEnviron(e.Vars, c), Dir: c.Run.Dir,
		},
		Raised: c.raised(),
		Checks: i.checks,
	}
	i.commands = env
	if cli := commandLine(i.gateway, c, e); cli != nil {
		env.CLI = cli
	}
	i.approval = i.desk(console.DeskConfig{Chat: i.bot, Gate: i.gate, Name: name})
	env.Approvals = i.approval.Broker()
	var groups []console.Group
	for _, g := range c.Telegram.Groups {
		groups = append(groups, console.Group{ID: g.ID, RequireMention: *g.RequireMention})
	}
	i.router = console.New(console.Config{
		Chat:      i.bot,
		Gate:      i.gate,
		Commands:  env,
		Ledger:    ledger.Of(i.store),
		Record:    i.record,
		Redactor:  i.redactor,
		Approvals: i.approval,
		Bot:       func() string { return i.bot.Status().Username },
		Skew:      i.bot.Skew,
		Poll:      func() error { return i.bot.Status().Err },
		Gateway:   name,
		Instance:  instanceID(c),
		Log:       i.log,

		Groups:     groups,
		StaleAfter: c.Telegram.StaleAfter,
	})
	return i, nil
}

// botID is the public part of a token; it stays when the token is revoked and
// given anew.
func botID(c Config) string {
	id, _, _ := strings.Cut(c.Telegram.Token.Reveal(), ":")
	return id
}

func (i *instance) authConfig() (auth.Config, error) {
	c := i.config
	a := auth.Config{
		UnlockTTL:     c.Auth.UnlockTTL,
		RatePerMinute: c.Auth.RatePerMinute, RateBurst: c.Auth.RateBurst,
		StepUp: c.Approvals.StepUp, AnswerStrangers: c.Auth.AnswerStrangers,
		Lockouts: lockouts{i.store}, OnLockout: i.lockedOut,
	}
	if !c.Auth.Secret.IsZero() {
		var err error
		if a.SecretSHA256, err = auth.HashSecret(c.Auth.Secret.Reveal()); err != nil {
			return auth.Config{}, fmt.Errorf("auth.secret: %w", err)
		}
	}
	for _, o := range c.Operators {
		a.Operators = append(a.Operators, auth.Operator{ID: o.ID, Name: o.Name, May: o.rights})
	}
	for _, g := range c.Telegram.Groups {
		a.Groups = append(a.Groups, auth.Group{ID: g.ID, Topics: g.Topics})
	}
	return a, nil
}

// lockedOut tells the other operators, and the record.
func (i *instance) lockedOut(op auth.Operator, until time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	reason := i.redactor.Text("until " + until.UTC().Format("15:04 UTC"))
	if _, err := i.record.Append(ctx, audit.Record{Event: audit.AuthLockout, OperatorID: op.ID, Operator: op.Name, Reason: reason}); err != nil {
		i.log.Error("lockout not recorded", "err", err)
	}
	err := i.router.NotifyOperators(ctx, op.ID, console.Reply{
		Header: i.redactor.Text(op.Name + " is locked out until " + until.UTC().Format("15:04 UTC")),
		Blocks: []console.Block{{Text: redact.Literal("Too many wrong secrets in a row. If this was not the person, their phone or account is in other hands.")}},
		Hint:   redact.Literal("take the operator out of the configuration and reload, if in doubt"),
		Sound:  true,
	})
	if err != nil {
		i.log.Error("operators not told of a lockout", "err", err)
	}
}

// run starts the parts in an order in which each finds what it needs, and ends
// them in the other: first no new updates, then the commands, then the gateway. It
// blocks until ctx ends. Whether Telegram and the gateway answer is for /status: the
// console is there for when they do not.
func (i *instance) run(ctx context.Context) error {
	if err := i.gate.Configure(i.auth); err != nil {
		return err
	}
	if _, err := i.record.Append(ctx, audit.Record{Event: audit.Start, Reason: i.redactor.Text("clawconsole " + version)}); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	under, stopUnder := context.WithCancel(context.WithoutCancel(ctx))
	defer stopUnder()
	over, stopOver := context.WithCancel(ctx)
	defer stopOver()

	var top, bottom sync.WaitGroup
	failed := make(chan error, 3)
	begin := func(g *sync.WaitGroup, ctx context.Context, what string, f func(context.Context) error) {
		g.Go(func() {
			err := f(ctx)
			switch {
			case err == nil && ctx.Err() == nil:
				err = errors.New("ended by itself")
			case ctx.Err() != nil && errors.Is(err, context.Canceled):
				err = nil // it was ended before it had begun to work
			}
			if err != nil {
				failed <- fmt.Errorf("%s: %w", what, err)
				stopOver()
			}
		})
	}
	begin(&bottom, under, "gateway", i.gateway.Run)
	begin(&bottom, under, "approvals", i.watchApprovals(i.approval))
	begin(&top, over, "console", i.router.Run)
	begin(&top, over, "telegram", func(ctx context.Context) error { return i.bot.Run(ctx, i.router) })
	top.Go(func() { i.menus(over) })
	top.Go(func() { i.anchor(over) })

	<-over.Done()
	top.Wait()
	stopUnder()
	bottom.Wait()
	if _, err := i.record.Append(context.WithoutCancel(ctx), audit.Record{Event: audit.Stop}); err != nil {
		i.log.Error("stop not recorded", "err", err)
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// menus sets the "/" menu of every operator's private chat, and none elsewhere. A
// chat that is not there yet, because its operator has not pressed /start, is tried
// again.
func (i *instance) menus(ctx context.Context) {
	const again = time.Minute
	said := ""
	for {
		err := i.bot.SetMenus(ctx, menus(i.commands), i.store)
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			i.log.Warn("menu not set, trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// menus lists what each operator is offered, by chat. A menu has one word for each
// command: /gateway stands for its subcommands.
func menus(env *commands.Env) []telegram.Menu {
	all := []telegram.Menu{{}} // strangers and groups see none
	for _, op := range env.Gate.Operators() {
		m := telegram.Menu{ChatID: op.ID}
		for _, entry := range env.Offered(op, true) {
			word, _, _ := strings.Cut(entry.Name, " ")
			if !slices.ContainsFunc(m.Commands, func(mc telegram.MenuCommand) bool { return mc.Name == word }) {
				m.Commands = append(m.Commands, telegram.MenuCommand{Name: word, Summary: entry.Summary})
			}
		}
		all = append(all, m)
	}
	return all
}

func (i *instance) state() commands.ConsoleState {
	h, t := i.router.Health(), i.bot.Status()
	s := commands.ConsoleState{
		Version: version, Since: i.since, PolledAt: t.PolledAt,
		Running: h.Running, Waiting: h.Waiting, Unsent: h.Unsent,
	}
	s.Faults, s.LastFault = faultLines(h.Faults, i.record.Err())
	s.Faults = append(s.Faults, i.approval.Broker().Faults()...)
	return s
}

// faultLines says which faults last, and the newest of those that are over. record is
// what keeps the record from being written: it is said once, with its beginning if the
// console has met it.
func faultLines(faults []console.Fault, record error) (last []string, over string) {
	for _, f := range faults {
		switch {
		case f.Until.IsZero():
			last = append(last, f.String())
			if f.What == "record" {
				record = nil
			}
		case over == "":
			over = f.String()
		}
	}
	if record != nil {
		last = append(last, "record: "+record.Error())
	}
	return last, over
}

// close closes the state folder, unless another instance goes on with it.
func (i *instance) close() {
	if i.owns {
		i.core.close()
	}
}

// instanceID makes idempotency keys of this console differ from those of others.
func instanceID(c Config) string {
	sum := sha256.Sum256([]byte(botID(c) + "\n" + c.StateDir))
	return hex.EncodeToString(sum[:4])
}

// knownSecrets are the values that must never leave, whatever they look like.
func knownSecrets(c Config, vars []string) []redact.Known {
	known := []redact.Known{
		{Name: "bot token", Value: c.Telegram.Token},
		{Name: "console secret", Value: c.Auth.Secret},
		{Name: "gateway token", Value: c.OpenClaw.Token},
	}
	if u, err := url.Parse(c.Telegram.Proxy); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok {
			known = append(known, redact.Known{Name: "proxy password", Value: redact.NewSecret(p)})
		}
	}
	// A value of our environment is a secret if the engine takes it for one.
	if probe, err := redact.New(redact.Config{Keys: c.Redact.Keys}); err == nil {
		for name, value := range environment(vars) {
			if len(value) >= minEnvSecret && !strings.Contains(probe.Text(name+"="+value).String(), value) {
				known = append(known, redact.Known{Name: name, Value: redact.NewSecret(value)})
			}
		}
	}
	return slices.DeleteFunc(known, func(k redact.Known) bool { return k.Value.IsZero() })
}

// minEnvSecret keeps "true" and "1" in a variable with a secret's name from being
// blotted out of every answer.
const minEnvSecret = 8

// commandLine is the openclaw program as far as it knows g; nil if g is on another
// host, for ours would look at, and restart, a gateway of this one.
func commandLine(g *openclaw.Gateway, c Config, e *env) *openclaw.CLI {
	port := g.LocalPort()
	if port == 0 {
		return nil
	}
	return &openclaw.CLI{Command: c.OpenClaw.cli, Env: childEnviron(e.Vars, c), Port: port}
}

// childEnviron is what the openclaw program, and what starts the gateway, get: our
// environment without what is ours alone. OpenClaw's own names stay, by them it finds
// its files and so the gateway; all but the address, with which it would not read the
// files of a gateway that is dead.
func childEnviron(vars []string, c Config) []string {
	ours := []redact.Secret{c.Telegram.Token, c.Auth.Secret}
	return slices.DeleteFunc(slices.Clone(vars), func(kv string) bool {
		name, value, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "TELEGRAM_") ||
			slices.Contains([]string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY", "OPENCLAW_GATEWAY_URL"}, name) ||
			slices.ContainsFunc(ours, func(s redact.Secret) bool { return !s.IsZero() && s.Equal(value) })
	})
}

// runEnviron is what the commands of /run get: the variables that run.env names, but
// for those that hold a secret of ours under a name that the check does not know.
func runEnviron(vars []string, c Config) []string {
	ours := []redact.Secret{c.Telegram.Token, c.Auth.Secret, c.OpenClaw.Token}
	picked := slices.DeleteFunc(exec.Pick(vars, c.Run.Env), func(kv string) bool {
		return slices.ContainsFunc(ours, func(s redact.Secret) bool { return !s.IsZero() && strings.Contains(kv, s.Reveal()) })
	})
	return append(picked, "TERM=dumb")
}

// redactingHandler redacts what is logged: message, and every attribute as text.
type redactingHandler struct {
	next slog.Handler
	r    *redact.Redactor
}

func (h redactingHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.next.Enabled(ctx, l)
}

func (h redactingHandler) Handle(ctx context.Context, rec slog.Record) error {
	out := slog.NewRecord(rec.Time, rec.Level, h.r.Text(rec.Message).String(), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

func (h redactingHandler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		var inner []slog.Attr
		for _, g := range v.Group() {
			inner = append(inner, h.attr(g))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(inner...)}
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, h.r.Text(v.String()).String())
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func (h redactingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	safe := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		safe[i] = h.attr(a)
	}
	return redactingHandler{h.next.WithAttrs(safe), h.r}
}

func (h redactingHandler) WithGroup(name string) slog.Handler {
	return redactingHandler{h.next.WithGroup(name), h.r}
}
