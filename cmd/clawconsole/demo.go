package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clawconsole/internal/faketelegram"
	"clawconsole/internal/mockmodel"
	"clawconsole/internal/realgateway"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

type demoCmd struct {
	Listen  string `help:"Where the chat page is served; loopback only." default:"127.0.0.1:8780"`
	Cache   string `help:"Where OpenClaw is installed, once." default:".cache/openclaw" env:"CLAWCONSOLE_OPENCLAW_CACHE" type:"path"`
	Dir     string `help:"Keep everything of this demo there; default: a temporary folder, removed at the end." type:"path"`
	Ask     string `help:"When an agent's command needs an approval: always, on-miss, off." enum:"always,on-miss,off" default:"always"`
	Install bool   `help:"Install OpenClaw into the cache and end."`
	Pinned  bool   `help:"Do not use an openclaw on PATH, but the version the tests use."`
	Verbose bool   `short:"v" help:"Print the console's log."`
}

// Run brings up a Telegram, a gateway and a console, and serves until
// interrupted.
func (c demoCmd) Run(ctx context.Context, e *env) error {
	if c.Install {
		return realgateway.Install(ctx, c.Cache, func(line string) { fmt.Fprintln(e.Stderr, line) })
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || !loopback(host) {
		return fmt.Errorf("--listen: %q is not a loopback address and port", c.Listen)
	}
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "clawconsole-demo-"); err != nil {
			return fmt.Errorf("make a folder for the demo: %w", err)
		}
		defer os.RemoveAll(dir)
	}
	started := time.Now()
	progress := func(line string) { fmt.Fprintf(e.Stderr, "%5.1fs  %s\n", time.Since(started).Seconds(), line) }

	// Whoever can talk to this Telegram can be Alice, who may run commands here: its
	// bot's token and its page's key are known to this process and its terminal only.
	_, known, _ := strings.Cut(faketelegram.Token, ":")
	botToken := strings.TrimSuffix(faketelegram.Token, known) + (rand.Text() + rand.Text())[:len(known)]
	pageKey := rand.Text()
	telegram, err := faketelegram.New(faketelegram.Config{
		Bots: []faketelegram.Bot{{Token: botToken, Username: "clawconsole_bot", Name: "clawconsole"}},
		Key:  pageKey,
	})
	if err != nil {
		return err
	}
	defer telegram.Close()
	telegram.SetNextUpdateID(started.Unix()) // a kept --dir has a ledger that knows the IDs of its last run
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		// Another demo has the port: any other will do.
		if ln, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
	}
	page := &http.Server{Handler: telegram, ReadHeaderTimeout: 10 * time.Second}
	go page.Serve(ln)
	defer page.Close()
	apiURL := "http://" + ln.Addr().String()
	pageURL := apiURL + "/?key=" + pageKey
	progress("telegram: " + apiURL)

	model, err := mockmodel.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer model.Close()

	gateway, err := realgateway.Start(ctx, realgateway.Config{
		Dir: filepath.Join(dir, "gateway"), Cache: c.Cache, UsePath: !c.Pinned, Ask: c.Ask, ModelURL: model.URL, Progress: progress,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		gateway.Stop(stop)
	}()
	progress("gateway: " + gateway.URL)
	if _, err := addJob(ctx, gateway, "nightly backup", "echo 'backup: no space left on device' >&2; exit 3"); err != nil {
		return err
	}

	secret := rand.Text() + rand.Text()
	cfg := defaults()
	cfg.File = "demo"
	cfg.StateDir = filepath.Join(dir, "console")
	cfg.Telegram.Token = redact.NewSecret(botToken)
	cfg.Telegram.APIURL = apiURL
	for _, group := range []int64{faketelegram.Supergroup, faketelegram.Forum, faketelegram.SmallGroup} {
		cfg.Telegram.Groups = append(cfg.Telegram.Groups, GroupEntry{ID: group})
	}
	cfg.Operators = []OperatorEntry{
		{ID: faketelegram.Alice, Name: "alice", May: []string{"safe", "moderate", "dangerous", "approve"}},
		{ID: faketelegram.Bob, Name: "bob", May: []string{"safe", "approve"}},
	}
	cfg.Auth.Secret = redact.NewSecret(secret)
	cfg.Auth.RatePerMinute, cfg.Auth.RateBurst = 60, 20 // one person tries everything at once
	cfg.OpenClaw.URL, cfg.OpenClaw.Token = gateway.URL, redact.NewSecret(gateway.Token)
	cfg.OpenClaw.CLI = gateway.CLICommand()
	cfg.OpenClaw.Agents = map[string]string{"devops": "agent:main:devops"}
	cfg.Run.Enabled = true
	l := &loader{file: cfg.File}
	if l.check(&cfg); len(l.faults) > 0 {
		return l.faults
	}

	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = slog.New(slog.NewTextHandler(e.Stderr, nil))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	i, err := newInstance(ctx, cfg, e, log, nil)
	if err != nil {
		return err
	}
	defer i.close()
	done := make(chan error, 1)
	go func() { done <- i.run(ctx) }()
	progress("console: ready")
	fmt.Fprintf(e.Stdout, `
  open      %s
  unlock    /auth %s
  try       /status   /logs --tail 20   /gateway restart   /agent devops hello
            /agent devops exec: uptime   (raises an approval)   /run --yes uptime
            /cron run nightly   (a job that fails)

Ctrl-C ends all of it.
`, pageURL, secret)
	select {
	case err = <-done:
	case <-ctx.Done():
		fmt.Fprintln(e.Stderr)
		progress("stopping")
		err = <-done
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// addJob adds a job to a gateway, due in a day, that runs a script, and returns its
// id.
func addJob(ctx context.Context, gw *realgateway.Gateway, name, script string) (id string, err error) {
	g, err := openclaw.New(openclaw.Config{URL: gw.URL, Token: func() (string, error) { return gw.Token, nil }})
	if err != nil {
		return "", fmt.Errorf("add job %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	if _, err := g.Await(ctx); err != nil {
		return "", fmt.Errorf("add job %s: %w", name, err)
	}
	var added struct{ ID string }
	err = g.Call(ctx, "cron.add", map[string]any{
		"name": name, "schedule": map[string]any{"kind": "every", "everyMs": 86400000},
		"sessionTarget": "isolated", "wakeMode": "now", "delivery": map[string]any{"mode": "none"},
		"payload": map[string]any{"kind": "command", "argv": []string{"sh", "-c", script}},
	}, &added)
	return added.ID, err
}
