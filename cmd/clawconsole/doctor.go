package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clawconsole/console/telegram"
	"clawconsole/internal/audit"
	"clawconsole/internal/state"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

// The doctor looks and touches nothing: it may be run by somebody else than the console,
// root for instance, and what it made or wrote the console could not open. So it works on
// a copy of the state folder.
type doctorCmd struct {
	Config []string `help:"Configuration; without one the environment." placeholder:"FILE" sep:"none"`
}

// finding is one line of the doctor.
type finding struct {
	level  level
	what   string
	says   string
	advice string
}

type level string

const (
	green  level = "ok"
	yellow level = "warn"
	red    level = "FAIL"
)

// Run checks each configuration against the world, one line each. Exit code 1 if
// anything is red.
func (c doctorCmd) Run(ctx context.Context, e *env) error {
	configs, err := LoadAll(c.Config, e.Vars)
	var faults Faults
	if err != nil && !errors.As(err, &faults) {
		return err
	}
	bad := false
	for _, f := range faults {
		bad = true
		key := f.Key
		if key == "" {
			key = "config"
		}
		printFinding(e, nil, finding{red, key, f.Text, f.Advice})
	}
	if bad {
		return exitCode(1) // what the world says of a wrong configuration would mislead
	}
	for _, cfg := range configs {
		r, err := redact.New(redact.Config{Known: knownSecrets(cfg, e.Vars), Keys: cfg.Redact.Keys, Patterns: cfg.Redact.Patterns})
		if err != nil {
			return fmt.Errorf("redact: %w", err)
		}
		if len(configs) > 1 {
			fmt.Fprintf(e.Stdout, "%s\n", cfg.File)
		}
		printFinding(e, r, finding{green, "config", fmt.Sprintf("%s, %d operators", cfg.File, len(cfg.Operators)), ""})
		for _, w := range r.Warnings() {
			printFinding(e, r, finding{yellow, "redact", w, ""})
		}
		for _, check := range []func(context.Context, *env, Config) []finding{checkState, checkTelegram, checkGateway, checkCLI, checkFactor} {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
			for _, f := range check(ctx, e, cfg) {
				bad = bad || f.level == red
				printFinding(e, r, f)
			}
			cancel()
		}
	}
	if bad {
		return exitCode(1)
	}
	return nil
}

func printFinding(e *env, r *redact.Redactor, f finding) {
	line := fmt.Sprintf("%-4s  %-9s %s", f.level, f.what, f.says)
	if f.advice != "" {
		line += "\n                → " + f.advice
	}
	if r != nil {
		line = r.Text(line).String()
	}
	fmt.Fprintln(e.Stdout, line)
}

// consoleRuns reports whether a console has the state folder open.
func consoleRuns(cfg Config) (bool, error) {
	return state.InUse(filepath.Join(cfg.StateDir, ledgerName))
}

func checkState(ctx context.Context, _ *env, cfg Config) []finding {
	if _, err := os.Stat(cfg.StateDir); errors.Is(err, fs.ErrNotExist) {
		return []finding{{yellow, "state", cfg.StateDir + " is not there", "the first start makes it; if the console has been started, it is configured otherwise than this doctor: see the installation in docs/operations.md"}}
	}
	return []finding{checkLedger(ctx, cfg), checkRecord(ctx, cfg)}
}

func checkLedger(ctx context.Context, cfg Config) finding {
	bad := func(err error) finding {
		var faults Faults
		if !errors.As(err, &faults) {
			faults = Faults{folderFault(cfg, err)}
		}
		return finding{red, "ledger", faults[0].Text, faults[0].Advice}
	}
	if runs, err := consoleRuns(cfg); err != nil {
		return bad(err)
	} else if runs {
		return finding{green, "ledger", "in use: the console runs", ""}
	}
	uid := os.Geteuid()
	if uid == 0 {
		uid = -1 // root looks at what another user runs
	}
	if err := state.CheckFolder(cfg.StateDir, uid); err != nil && !errors.Is(err, os.ErrNotExist) {
		return bad(err)
	}
	dir, err := copied(cfg, ledgerName, ledgerName+"-wal")
	if err != nil {
		return bad(err)
	}
	defer os.RemoveAll(dir)
	store, err := state.Open(ctx, filepath.Join(dir, ledgerName))
	if err != nil {
		return bad(err)
	}
	defer store.Close()
	if err := (core{store: store}).claim(ctx, cfg); err != nil {
		return bad(err)
	}
	return finding{green, "ledger", "good, in " + cfg.StateDir, ""}
}

// copied puts what there is of the named files of the state folder into a folder for
// temporary files, which the caller removes.
func copied(cfg Config, names ...string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "clawconsole-doctor-"); err != nil {
		return "", err
	}
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(cfg.StateDir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}

func checkRecord(ctx context.Context, cfg Config) finding {
	report, err := audit.Verify(ctx, filepath.Join(cfg.StateDir, auditName))
	var broken *audit.BrokenError
	switch {
	case errors.As(err, &broken):
		return finding{red, "record", broken.Error(), brokenAdvice}
	case report.Files == 0 && errors.Is(err, fs.ErrNotExist):
		return finding{green, "record", "none yet", ""}
	case err != nil:
		return finding{red, "record", auditName + ": " + reason(err), "the user that runs clawconsole must be able to read it"}
	}
	return finding{green, "record", fmt.Sprintf("%d records, chain whole", report.Records), ""}
}

func checkTelegram(ctx context.Context, _ *env, cfg Config) []finding {
	bot, err := telegram.New(telegram.Config{Token: cfg.Telegram.Token, APIURL: cfg.Telegram.APIURL, Proxy: cfg.Telegram.Proxy})
	if err != nil {
		return []finding{{red, "telegram", err.Error(), ""}}
	}
	runs, _ := consoleRuns(cfg)
	in, err := bot.Inspect(ctx, !runs)
	if err != nil {
		return []finding{{red, "telegram", err.Error(), "is " + cfg.Telegram.APIURL + " reachable from here, and the token right?"}}
	}
	out := []finding{{green, "telegram", fmt.Sprintf("@%s (%d), %d updates wait", in.Username, in.ID, in.Pending), ""}}
	if in.WebhookHost != "" {
		out = append(out, finding{red, "webhook", "is set, to " + in.WebhookHost + ": polling gets nothing", "remove it with deleteWebhook, if it is not another program's; then it needs a bot of its own"})
	}
	if in.Rival {
		out = append(out, finding{red, "poller", "another program polls this bot", "stop it, or give the console a bot of its own; if you know of none, /revoke the token in @BotFather"})
	} else if runs {
		out = append(out, finding{green, "poller", "not looked for: the console polls", ""})
	} else {
		out = append(out, finding{green, "poller", "no other one", ""})
	}
	mention := false
	for _, g := range cfg.Telegram.Groups {
		mention = mention || !*g.RequireMention
	}
	switch {
	case mention && !in.ReadsAll:
		out = append(out, finding{yellow, "privacy", "privacy mode is on, so bare commands in groups do not reach the bot", "@BotFather, /setprivacy, Disable; then remove the bot from the group and add it again"})
	case !mention && in.ReadsAll:
		out = append(out, finding{yellow, "privacy", "privacy mode is off: the bot gets every message of its groups, and needs none", "@BotFather, /setprivacy, Enable"})
	default:
		out = append(out, finding{green, "privacy", "as the configuration needs it", ""})
	}
	if skew := in.Skew.Abs(); skew > 5*time.Second {
		l := yellow
		if skew > cfg.Telegram.StaleAfter/2 {
			l = red
		}
		out = append(out, finding{l, "clock", fmt.Sprintf("differs from Telegram's by %s", skew.Round(time.Second)), "run an NTP client on this host"})
	} else {
		out = append(out, finding{green, "clock", "agrees with Telegram's", ""})
	}
	return out
}

func checkGateway(ctx context.Context, _ *env, cfg Config) []finding {
	dir, err := copied(cfg, deviceName)
	if err != nil {
		return []finding{{red, "gateway", deviceName + ": " + reason(err), ""}}
	}
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, deviceName)
	g, err := openclaw.New(openclaw.Config{
		URL: cfg.OpenClaw.URL, Token: func() (string, error) { return cfg.OpenClaw.Token.Reveal(), nil },
		DeviceKeyFile: key, Name: "clawconsole doctor", Version: version,
	})
	if err != nil {
		return []finding{{red, "gateway", err.Error(), ""}}
	}
	if _, err := os.Stat(key); err != nil && (g.LocalPort() == 0 || cfg.OpenClaw.Token.IsZero()) {
		// Such a gateway knows the console by its key. With another one people would be
		// asked to pair the doctor.
		return []finding{{yellow, "gateway", "not asked: it wants a paired console, and this one has no key yet", "start the console; its log and /status have the command that pairs it"}}
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { g.Run(run); close(done) }()
	defer func() { stop(); <-done }()
	await, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	st, err := g.Await(await)
	if err != nil {
		f := finding{red, "gateway", fmt.Sprintf("%s, at %s", st.Phase, cfg.OpenClaw.URL), "is it running? openclaw gateway status"}
		if st.Err != nil {
			f.says += ": " + st.Err.Error()
		}
		if st.Advice != "" {
			f.advice = st.Advice
		}
		return []finding{f}
	}
	out := []finding{{green, "gateway", fmt.Sprintf("OpenClaw %s, up %s", st.Hello.Version, st.Hello.Uptime.Round(time.Second)), ""}}
	var missing []string
	for _, scope := range st.Missing {
		missing = append(missing, string(scope))
	}
	if len(missing) > 0 {
		out = append(out, finding{red, "scopes", "missing: " + strings.Join(missing, ", "), "without admin: no restart, no cron run, and only some approvals are seen"})
	} else {
		out = append(out, finding{green, "scopes", "all that the console uses", ""})
	}
	return out
}

func checkCLI(ctx context.Context, e *env, cfg Config) []finding {
	g, err := openclaw.New(openclaw.Config{URL: cfg.OpenClaw.URL})
	if err != nil {
		return []finding{{red, "cli", err.Error(), ""}}
	}
	cli := commandLine(g, cfg, e)
	if cli == nil {
		return []finding{{green, "cli", "not used: the gateway is on another host", ""}}
	}
	v, err := cli.Version(ctx)
	if err != nil {
		return []finding{{yellow, "cli", "no " + cfg.OpenClaw.CLI + ": nothing to fall back to when the gateway is dead", "set openclaw.cli to its command line"}}
	}
	switch _, err := cli.GatewayStatus(ctx); {
	case errors.Is(err, openclaw.ErrOtherGateway):
		return []finding{{yellow, "cli", err.Error() + ": nothing to fall back to when ours is dead", "run the console as the gateway's user, or set OPENCLAW_STATE_DIR in its environment"}}
	case err != nil:
		return []finding{{yellow, "cli", v + ", does not say which gateway it is for: nothing to fall back to when the gateway is dead", "try " + cfg.OpenClaw.CLI + " gateway status --json"}}
	}
	return []finding{{green, "cli", v, ""}}
}

func checkFactor(_ context.Context, _ *env, cfg Config) []finding {
	if cfg.Auth.Secret.IsZero() {
		return []finding{{yellow, "factor", "no second factor: whoever holds an operator's phone can restart the gateway", "set auth.secret_file (openssl rand -base64 32)"}}
	}
	return []finding{{green, "factor", "a second factor is configured", ""}}
}
