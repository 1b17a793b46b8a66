package approvals_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/console/telegram"
	"clawconsole/internal/approvals"
	"clawconsole/internal/audit"
	"clawconsole/internal/faketelegram"
	"clawconsole/internal/ledger"
	"clawconsole/internal/mockmodel"
	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
	"clawconsole/internal/state"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

func TestMain(m *testing.M) { gatewaytest.Main(m) }

const (
	alice = faketelegram.Alice
	bob   = faketelegram.Bob
)

// A story is a whole console, less its configuration file: a real gateway, the
// real client of Telegram, and people.
type story struct {
	t    testing.TB
	ctx  context.Context
	gw   *realgateway.Gateway
	line *line // to gw
	tg   *faketelegram.Server
	url  string // of tg
	dir  string // of ledger and record
	gate *auth.Gate

	console *running
	turns   int
}

// running is what a restart of the console replaces.
type running struct {
	gateway *openclaw.Gateway
	desk    *console.Desk
	stop    func()
}

func newStory(t testing.TB, gw *realgateway.Gateway) *story {
	t.Helper()
	tg, err := faketelegram.New(faketelegram.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(tg)
	t.Cleanup(func() { tg.Close(); h.CloseClientConnections(); h.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	all := []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous, auth.Approve}
	gate, err := auth.New(auth.Config{
		Operators:     []auth.Operator{{ID: alice, Name: "alice", May: all}, {ID: bob, Name: "bob", May: all}},
		Groups:        []auth.Group{{ID: faketelegram.Supergroup}},
		RatePerMinute: 1000, RateBurst: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, ctx: ctx, gw: gw, line: newLine(t, gw), tg: tg, url: h.URL, dir: t.TempDir(), gate: gate}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start starts the console and waits until it hears the gateway.
func (s *story) start() {
	s.t.Helper()
	must := func(err error) {
		if err != nil {
			s.t.Helper()
			s.t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(testLog{s.t}, nil))
	redactor, err := redact.New(redact.Config{})
	must(err)
	store, err := state.Open(s.ctx, filepath.Join(s.dir, "ledger.db"))
	must(err)
	record, err := audit.Open(filepath.Join(s.dir, "audit.jsonl"))
	must(err)
	gateway, err := openclaw.New(openclaw.Config{
		URL: s.line.url, Token: func() (string, error) { return s.gw.Token, nil },
		DeviceKeyFile: filepath.Join(s.dir, "device.key"), Name: "clawconsole", Version: "test", Log: log,
	})
	must(err)
	bot, err := telegram.New(telegram.Config{Token: redact.NewSecret(faketelegram.Token), APIURL: s.url, Log: log})
	must(err)
	desk := console.NewDesk(console.DeskConfig{
		Chat: bot, Gate: s.gate, Record: record, Redactor: redactor, Gateway: gateway, Ledger: store, Name: "local", Log: log,
	})
	router := console.New(console.Config{
		Chat: bot, Gate: s.gate, Ledger: ledger.Of(store), Record: record, Redactor: redactor, Approvals: desk,
		Commands: &commands.Env{Name: "local", Gateway: gateway, Gate: s.gate, Record: record, Approvals: desk.Broker()},
		Bot:      func() string { return bot.Status().Username }, Gateway: "local", Log: log,
		Groups: []console.Group{{ID: faketelegram.Supergroup}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 4)
	go func() { ended <- gateway.Run(ctx) }()
	go func() {
		sub := gateway.Events(1000, approvals.Wanted)
		defer sub.Close()
		ended <- desk.Run(ctx, sub.C)
	}()
	go func() { ended <- router.Run(ctx) }()
	go func() { ended <- bot.Run(ctx, router) }()
	s.console = &running{gateway: gateway, desk: desk, stop: func() {
		cancel()
		var errs []error
		for range cap(ended) {
			errs = append(errs, <-ended)
		}
		if err := errors.Join(append(errs, record.Close(), store.Close())...); err != nil {
			s.t.Errorf("console: %v", err)
		}
	}}
	if _, err := gateway.Await(s.ctx); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) stop() {
	if s.console != nil {
		s.console.stop()
		s.console = nil
	}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// A line is what the console's connections to the gateway go over, and can be cut.
type line struct {
	url string

	mu    sync.Mutex
	conns []net.Conn
	made  int
}

func newLine(t testing.TB, gw *realgateway.Gateway) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{url: "ws://" + listener.Addr().String()}
	t.Cleanup(func() { listener.Close(); l.cut() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(gw.URL, "ws://"))
			if err != nil {
				near.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, near, far)
			l.made++
			l.mu.Unlock()
			for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
				go func() { _, _ = io.Copy(to, from); to.Close(); from.Close() }()
			}
		}
	}()
	return l
}

// cut breaks all connections and returns how many there have been.
func (l *line) cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
	return l.made
}

// turn sends a message to an agent's session, from a connection of its own, and
// returns how the turn ends.
func (s *story) turn(session, message string) <-chan openclaw.AgentResult {
	s.t.Helper()
	s.turns++
	key := fmt.Sprintf("%x-%d", sha256.Sum256([]byte(s.t.Name())), s.turns)
	end := make(chan openclaw.AgentResult, 1)
	g := s.asker()
	go func() {
		res, err := g.RunAgent(s.ctx, openclaw.AgentParams{Message: message, SessionKey: session, IdempotencyKey: key}, nil)
		if err != nil {
			res.Error += err.Error()
		}
		end <- res
	}()
	return end
}

// asker is somebody else's connection, which outlives the console.
func (s *story) asker() *openclaw.Gateway {
	s.t.Helper()
	g, err := openclaw.New(openclaw.Config{
		URL: s.gw.URL, Token: func() (string, error) { return s.gw.Token, nil },
		DeviceKeyFile: filepath.Join(s.t.TempDir(), "device.key"), Name: "asker", Version: "test",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	s.t.Cleanup(func() { cancel(); <-ended })
	if _, err := g.Await(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	return g
}

// sees waits for a message in a chat, newer than after, that says all these words
// now.
func (s *story) sees(chat, after int64, words ...string) faketelegram.Entry {
	s.t.Helper()
	e, err := s.tg.WaitMessage(s.ctx, chat, after, func(e faketelegram.Entry) bool {
		for _, w := range words {
			if !strings.Contains(e.Text, w) {
				return false
			}
		}
		return true
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// becomes waits until a message says all these words and has no buttons.
func (s *story) becomes(e faketelegram.Entry, words ...string) {
	s.t.Helper()
	err := s.tg.Wait(s.ctx, func() bool {
		now, _ := s.tg.Message(e.Chat.ID, e.MessageID)
		for _, w := range words {
			if !strings.Contains(now.Text, w) {
				return false
			}
		}
		return now.ReplyMarkup == nil || len(now.ReplyMarkup.Rows) == 0
	})
	if err != nil {
		now, _ := s.tg.Message(e.Chat.ID, e.MessageID)
		s.t.Fatalf("message never says %q without buttons; it says\n%s", words, now.Text)
	}
}

// presses presses a button, and returns what the presser is told.
func (s *story) presses(user int64, e faketelegram.Entry, label string) string {
	s.t.Helper()
	p, err := s.tg.Press(faketelegram.Press{User: user, Chat: e.Chat.ID, Message: e.MessageID, Label: label})
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := p.Wait(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Text
}

func (s *story) last(chat int64) int64 {
	all := s.tg.Messages(chat)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].MessageID
}

func (s *story) ends(turn <-chan openclaw.AgentResult) openclaw.AgentResult {
	s.t.Helper()
	select {
	case r := <-turn:
		return r
	case <-s.ctx.Done():
		s.t.Fatal("the turn does not end")
		return openclaw.AgentResult{}
	}
}

// record is what the gateway has on record of the newest finished approval.
func (s *story) record() string {
	s.t.Helper()
	var h struct {
		Items     []map[string]any `json:"items"`
		Approvals []map[string]any `json:"approvals"`
	}
	if err := s.console.gateway.Call(s.ctx, "approval.history", map[string]any{"limit": 1}, &h); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(h.Items, h.Approvals)
}

// TestRealApprove: an agent's command waits, is allowed from the phone, and runs.
func TestRealApprove(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	turn := s.turn("agent:main:approve", "exec: ls /nonexistent-here")
	a := s.sees(alice, 0, "Allow this command on local?", "ls /nonexistent-here", "agent:main:approve")
	b := s.sees(bob, 0, "Allow this command on local?")
	if a.Silent || b.Silent {
		t.Error("a prompt is silent")
	}
	if got := s.presses(alice, a, "Allow once"); got != "sending…" {
		t.Errorf("told alice %q", got)
	}
	s.becomes(a, "Approved by alice at ", " UTC")
	s.becomes(b, "Approved by alice at ", " UTC")
	if r := s.ends(turn); r.Status != openclaw.AgentOK || !strings.Contains(r.Text, "exec said:") || !strings.Contains(r.Text, "nonexistent-here") {
		t.Errorf("turn = %+v", r)
	}
	s.becomes(a, "Failed: exit code 2", "No such file or directory")
	if got := s.record(); !strings.Contains(got, "clawconsole: alice") {
		t.Errorf("the gateway's record does not name alice: %s", got)
	}
}

// TestRealDeny: the reason reaches the agent's model.
func TestRealDeny(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	model := gatewaytest.Model(t)
	turn := s.turn("agent:main:deny", "exec: uptime -V")
	a := s.sees(alice, 0, "Allow this command")
	asked := model.Count()
	s.presses(alice, a, "Deny")
	q := s.sees(alice, 0, "alice denies it", "Why?")
	s.presses(alice, q, "other…")
	ask := s.sees(alice, a.MessageID, "Why do you deny it, alice?")
	if ask.ForceReply == nil {
		t.Error("the question is no forced reply")
	}
	s.tg.Send(faketelegram.Post{Chat: alice, Text: "uptime of the wrong host: use web-2", ReplyTo: ask.MessageID})
	s.becomes(a, "Denied by alice at ", "uptime of the wrong host: use web-2")
	if r := s.ends(turn); !strings.Contains(r.Text, "user-denied") {
		t.Errorf("turn = %+v", r)
	}
	if _, err := model.Wait(s.ctx, asked, func(r mockmodel.Request) bool { return r.Contains("Reason: uptime of the wrong host: use web-2") }); err != nil {
		t.Errorf("the model never hears the reason: %v", err)
	}
}

// TestRealElsewhere: decided by OpenClaw's own command line.
func TestRealElsewhere(t *testing.T) {
	gw := gatewaytest.Shared(t)
	s := newStory(t, gw)
	turn := s.turn("agent:main:elsewhere", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command")
	open := s.console.desk.Broker().Open()
	if len(open) != 1 {
		t.Fatalf("open: %+v", open)
	}
	if r, err := gw.CLI(s.ctx, "approvals", "resolve", open[0].Approval.ID, "deny", "--json"); err != nil || r.ExitCode != 0 {
		t.Fatalf("the gateway's CLI: %+v, %v", r, err)
	}
	s.becomes(a, "Denied elsewhere at ", "By: ")
	if p, err := s.tg.Press(faketelegram.Press{User: alice, Chat: alice, Message: a.MessageID, Data: a.ReplyMarkup.Rows[0][0].CallbackData}); err != nil {
		t.Error(err)
	} else if n, err := p.Wait(s.ctx); err != nil || !strings.Contains(n.Text, "Too late: denied elsewhere") || !n.Alert {
		t.Errorf("late press = %+v, %v", n, err)
	}
	s.ends(turn)
}

// TestRealExpiry: an expiry is not told as a denial. Plugin approvals too.
func TestRealExpiry(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	other := s.asker()
	raise := func(title string, ms int) <-chan error {
		end := make(chan error, 1)
		go func() {
			end <- other.Call(s.ctx, "plugin.approval.request", map[string]any{"pluginId": "deploy", "title": title,
				"description": "to production", "severity": "critical", "toolName": "deploy_web", "timeoutMs": ms}, nil)
		}()
		return end
	}
	end := raise("Expire", 1500)
	a := s.sees(alice, 0, "Allow this tool call on local?", "Expire", "to production", "Plugin: deploy", "Tool: deploy_web", "Severity: critical")
	s.becomes(a, "Expired at ", "nobody decided")
	<-end
	end = raise("Deploy", 60_000)
	a = s.sees(alice, a.MessageID, "Allow this tool call", "Deploy")
	s.presses(alice, a, "Allow once")
	s.becomes(a, "Approved by alice")
	if err := <-end; err != nil {
		t.Error(err)
	}
}

// TestRealConsoleRestart: the console is away while things happen.
func TestRealConsoleRestart(t *testing.T) {
	gw := gatewaytest.Shared(t)
	s := newStory(t, gw)
	one := s.turn("agent:main:restart1", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "restart1")
	two := s.turn("agent:main:restart2", "exec: uptime -s")
	b := s.sees(alice, a.MessageID, "Allow this command", "restart2")
	c := s.sees(bob, 0, "restart2")
	id := s.console.desk.Broker().Open()[0].Approval.ID
	s.stop()
	if r, err := gw.CLI(s.ctx, "approvals", "resolve", id, "deny", "--json"); err != nil || r.ExitCode != 0 {
		t.Fatalf("the gateway's CLI: %+v, %v", r, err)
	}
	s.start()
	s.becomes(a, "Denied elsewhere")
	s.presses(bob, c, "Allow once")
	s.becomes(b, "Approved by bob")
	s.ends(one)
	s.ends(two)
}

// TestRealSecret: the gateway masks a secret in its lists in one way and in its
// records in another, and a command with one can be allowed all the same.
func TestRealSecret(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	for i, command := range []string{
		"curl -H 'Authorization: Bearer sk-proj-abcdefghijklmnopqrstuvwxyz0123456789' http://127.0.0.1:1/",
		"env API_TOKEN=hunter2hunter2hunter2 uptime -p",
	} {
		after := s.last(alice)
		turn := s.turn(fmt.Sprint("agent:main:secret", i), "exec: "+command)
		a := s.sees(alice, after, "Allow this command on local?")
		if i == 1 { // memory has what the ledger has, which holds no secret
			s.stop()
			s.start()
		}
		s.presses(alice, a, "Allow once")
		s.becomes(a, "Approved by alice")
		s.ends(turn)
	}
}

// TestRealSocketLoss: the socket is lost again and again in the middle of an approval,
// and everything comes to its end: what was asked before, what was asked meanwhile, and
// what was decided meanwhile.
func TestRealSocketLoss(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	one := s.turn("agent:main:lost1", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "lost1")
	before := s.line.cut()
	two := s.turn("agent:main:lost2", "exec: uptime -s")
	b := s.sees(alice, a.MessageID, "Allow this command", "lost2")
	s.line.cut()
	if got := s.presses(alice, a, "Deny"); got == "" {
		t.Error("a denial is not answered while the socket is lost")
	}
	s.presses(alice, s.sees(alice, 0, "alice denies it"), "not now")
	s.line.cut()
	s.becomes(a, "Denied by alice", "not now")
	if _, err := s.console.gateway.Await(s.ctx); err != nil {
		t.Fatal(err)
	}
	s.presses(alice, b, "Allow once")
	s.becomes(b, "Approved by alice")
	s.ends(one)
	s.ends(two)
	if after := s.line.cut(); after < before+2 {
		t.Errorf("%d connections, then %d: the socket was not lost", before, after)
	}
}

// TestRealGatewayRestart: a killed gateway forgets what it asked.
func TestRealGatewayRestart(t *testing.T) {
	gw := gatewaytest.New(t, realgateway.Config{})
	s := newStory(t, gw)
	s.turn("agent:main:killed", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "killed")
	gw.Kill()
	if got := s.presses(alice, a, "Allow once"); got != "sending…" {
		t.Errorf("told alice %q", got)
	}
	s.sees(alice, 0, "Allow this command", "Not sent: the gateway could not be reached")
	if err := gw.Restart(s.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.console.gateway.Await(s.ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.becomes(a, "Cancelled at ", "the gateway was restarted")
	t.Logf("retired %v after the connection", time.Since(began)) // a bound is in the console's tests, which have a clock of their own
}

// TestRealHang: a press is answered and kept while the gateway hangs, and what it
// came to is shown when it goes on.
func TestRealHang(t *testing.T) {
	gw := gatewaytest.New(t, realgateway.Config{})
	s := newStory(t, gw)
	turn := s.turn("agent:main:hang", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "hang")
	if err := gw.Pause(); err != nil {
		t.Fatal(err)
	}
	if got := s.presses(alice, a, "Allow once"); got != "sending…" {
		t.Errorf("told alice %q", got)
	}
	s.becomes(a, "Sending alice's approval…")
	if err := gw.Resume(); err != nil {
		t.Fatal(err)
	}
	s.becomes(a, "Approved by alice")
	s.ends(turn)
}

// TestRealCommands: the keyboard instead of the buttons.
func TestRealCommands(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	say := func(text string) { s.tg.Send(faketelegram.Post{Chat: alice, Text: text}) }
	say("/pending")
	s.sees(alice, 0, "nothing waits for a decision")

	one := s.turn("agent:main:typed1", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "typed1")
	open := s.console.desk.Broker().Open()[0]
	id, line := open.ShortID(), open.ShortID()+" "+open.ShortDigest()
	if !strings.Contains(a.Text, open.ShortDigest()) {
		t.Errorf("no digest in the prompt:\n%s", a.Text)
	}
	say("/pending")
	s.sees(alice, a.MessageID, "1 call waits for a decision", id, "uptime -p", "typed1", "digest: "+open.ShortDigest())
	after := s.last(alice)
	say("/approve zzz")
	s.sees(alice, after, `ERROR: no approval begins with "zzz"`)
	say("/approve " + id + " 00000000")
	s.sees(alice, after, `ERROR: the digest of this call is not "00000000"`)
	say("/approve " + id)
	s.sees(alice, after, "nothing is decided yet")
	a = s.sees(alice, after, "Allow this command", "typed1")
	say("/approve " + line)
	s.sees(alice, after, "OK: approved at ")
	s.becomes(a, "Approved by alice")
	s.ends(one)
	say("/approve " + line)
	s.sees(alice, after, "ERROR: too late: approved by alice at ")

	two := s.turn("agent:main:typed2", "exec: uptime -s")
	b := s.sees(alice, after, "Allow this command", "typed2")
	say("/deny " + s.console.desk.Broker().Open()[0].ShortID() + " wrong target")
	s.becomes(b, "Denied by alice", "wrong target")
	s.ends(two)
}

// TestRealAutomation: a job of the gateway asks like an agent does.
func TestRealAutomation(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	var job struct{ ID string }
	g := s.console.gateway
	if err := g.Call(s.ctx, "cron.add", map[string]any{
		"name": "nightly backup", "schedule": map[string]any{"kind": "every", "everyMs": 86400000}, "sessionTarget": "isolated", "wakeMode": "now",
		"delivery": map[string]any{"mode": "none"}, "payload": map[string]any{"kind": "agentTurn", "message": "exec: uptime -s"},
	}, &job); err != nil {
		t.Fatal(err)
	}
	defer g.Call(s.ctx, "cron.remove", map[string]any{"id": job.ID}, nil)
	if _, err := g.CronRun(s.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	a := s.sees(alice, 0, "Allow this command", "uptime -s", "Automation: nightly backup", "asked by an automation")
	s.presses(alice, a, "Allow once")
	s.becomes(a, "Approved by alice")
}

// TestRealSelftest: every leg of an approval, by a harmless one.
func TestRealSelftest(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	s.tg.Send(faketelegram.Post{Chat: alice, Text: "/selftest"})
	a := s.sees(alice, 0, "Allow this command", "echo this is a test, nothing runs", "nothing runs, whatever is decided")
	s.presses(alice, a, "Allow once")
	s.sees(alice, 0, "OK: everything works", "Raised: ", "Heard: ", "Shown: ", "Pressed: after ", "Confirmed: ", "Asker told: allow-once")
	if got := s.tg.Messages(bob); len(got) != 0 {
		t.Errorf("bob was asked too: %+v", got)
	}
}

// TestRealRecord: what the console has on record of an approval.
func TestRealRecord(t *testing.T) {
	s := newStory(t, gatewaytest.Shared(t))
	turn := s.turn("agent:main:record", "exec: uptime -p")
	a := s.sees(alice, 0, "Allow this command", "record")
	s.presses(alice, a, "Allow once")
	s.becomes(a, "Approved by alice", "Done: exit code 0")
	s.ends(turn)
	s.stop()
	raw, err := os.ReadFile(filepath.Join(s.dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event":"approval.prompted"`, `"result":"sending allow-once"`, `"result":"approved"`, `"name":"alice"`, `"command":"uptime -p"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s on record:\n%s", want, raw)
		}
	}
}
