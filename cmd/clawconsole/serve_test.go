package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// awaits polls a condition that no server tells of.
func awaits(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); pause() {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// says waits until the console has logged all of parts in one line, after a mark.
func (p *process) says(after int, parts ...string) {
	p.t.Helper()
	awaits(p.t, fmt.Sprintf("a log line with %q", parts), func() bool {
		for _, line := range strings.Split(p.out.String()[after:], "\n") {
			if hasAll(line, parts) {
				return true
			}
		}
		return false
	})
}

// hears reports whether the console has sent anything to a private chat after m.
// It is asked after everything that came before a command of alice is answered.
func (w *world) hears(m faketelegram.Message) bool {
	w.t.Helper()
	w.ask(faketelegram.Alice, "/whoami", "alice")
	for _, e := range w.telegram.MessagesAfter(m.Chat.ID, m.MessageID) {
		if e.Bot != 0 {
			return true
		}
	}
	return false
}

// systemd is a socket that services notify. Source: sd_notify(3).
type systemd struct {
	path string
	mu   sync.Mutex
	got  []string
}

func newSystemd(t *testing.T) *systemd {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify-") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &systemd{path: filepath.Join(dir, "s")}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.got = append(s.got, string(buf[:n]))
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() { c.Close(); <-done; os.RemoveAll(dir) })
	return s
}

func (s *systemd) heard(state string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.got {
		if strings.HasPrefix(g, state) {
			return true
		}
	}
	return false
}

func TestReload(t *testing.T) {
	w := newWorld(t, "ws://127.0.0.1:1", "x", "")
	s := newSystemd(t)
	w.environ = []string{"NOTIFY_SOCKET=" + s.path, "WATCHDOG_USEC=300000"}
	p := w.start()
	hup := func(parts ...string) {
		t.Helper()
		mark := len(p.out.String())
		p.cmd.Process.Signal(syscall.SIGHUP)
		p.says(mark, parts...)
	}
	awaits(t, "READY=1", func() bool { return s.heard("READY=1") })
	awaits(t, "WATCHDOG=1", func() bool { return s.heard("WATCHDOG=1") })

	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	w.ask(faketelegram.Bob, "/whoami", "Name: bob")
	if w.hears(w.say(faketelegram.Mallory, "/whoami")) {
		t.Error("a stranger was answered")
	}

	// A bad file changes nothing: who was there is there, what was unlocked stays so.
	bob := fmt.Sprintf("id = %d\nname = \"bob\"", faketelegram.Bob)
	w.edit(bob, `id = "@bob"`)
	hup("configuration refused, the old one stays", "operator.id", w.config)
	awaits(t, "a word to systemd", func() bool { return s.heard("STATUS=configuration refused") })
	w.ask(faketelegram.Bob, "/whoami", "Name: bob")
	w.ask(faketelegram.Alice, "/whoami", "Lock: unlocked")

	// Nor does a good one of which no console can be made: the folder of its state is
	// another bot's, cannot be made, or can be written by others.
	w.edit(`id = "@bob"`, bob)
	state := filepath.Join(w.dir, "state")
	open := filepath.Join(w.dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o770)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, says string }{
		{faketelegram.Token, "7000009" + faketelegram.Token[7:], "belongs to bot"},
		{state, filepath.Join(w.config, "state"), "not a directory"},
		{state, open, "can be written by others"},
	} {
		w.edit(tt.old, tt.new)
		hup("configuration refused, the old one stays", "state_dir", tt.says, "advice=")
		w.ask(faketelegram.Alice, "/whoami", "Lock: unlocked")
		w.edit(tt.new, tt.old)
	}

	// A good one: bob is a stranger, mallory an operator. It is about neither alice nor
	// the secret, so she stays unlocked.
	w.edit(bob, fmt.Sprintf("id = %d\nname = \"mallory\"", faketelegram.Mallory))
	hup("configuration changed")
	w.ask(faketelegram.Mallory, "/whoami", "Name: mallory")
	if w.hears(w.say(faketelegram.Bob, "/whoami")) {
		t.Error("an operator that was removed is answered")
	}
	w.ask(faketelegram.Alice, "/whoami", "Lock: unlocked")

	// Another secret: somebody may know the old one, so nobody is unlocked.
	w.edit(testSecret, otherSecret)
	hup("configuration changed")
	w.ask(faketelegram.Alice, "/whoami", "Lock: locked")
	w.edit(otherSecret, testSecret)
	hup("configuration changed")

	// The same again is no reason to end an unlock.
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	hup("configuration unchanged")
	w.ask(faketelegram.Alice, "/whoami", "Lock: unlocked")

	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !s.heard("STOPPING=1") {
		t.Errorf("systemd heard %q, not STOPPING=1", s.got)
	}
}

// At SIGTERM what runs gets 10 s; what does not end in that time is ended,
// recorded and told.
func TestStopWhileCommandsRun(t *testing.T) {
	for _, tt := range []struct {
		name, command string
		says, record  string
	}{
		{"one that ends", "/run --timeout 100 --yes echo begun > $HOME/begun; sleep 2; echo done", "OK: /run", `"result":"ok"`},
		{"one that does not", "/run --timeout 100 --yes echo begun > $HOME/begun; trap '' TERM; sleep 100; sleep 100; echo no", "The console was stopped", `"result":"interrupted"`},
		{"one that goes on elsewhere", "/session ops slow: 100000", "to look again: /session", `"result":"interrupted"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g, err := fakegateway.Start(fakegateway.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(g.Close)
			w := newWorld(t, g.URL(), g.Token(), "")
			p := w.start()
			w.ask(faketelegram.Alice, "/status", "Gateway: up")
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
			m := w.say(faketelegram.Alice, tt.command)
			awaits(t, "the command", func() bool {
				_, err := os.Stat(filepath.Join(w.dir, "begun"))
				return err == nil || g.Turns() > 0
			})
			if code := p.stop(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			// Told before it ended, or at the next start.
			w.start()
			w.answer(m, tt.says)
			raw, err := os.ReadFile(filepath.Join(w.dir, "state", auditName))
			if err != nil || !bytes.Contains(raw, []byte(tt.record)) {
				t.Errorf("no %s on the record (%v):\n%s", tt.record, err, raw)
			}
		})
	}
}

// A console that is killed while an agent works tells how to get at the reply: the
// message need not be sent again.
func TestLookAgainAfterAKill(t *testing.T) {
	t.Parallel()
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	w := newWorld(t, g.URL(), g.Token(), "")
	p := w.start()
	w.ask(faketelegram.Alice, "/status", "Gateway: up")
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	m := w.say(faketelegram.Alice, "/session ops slow: 1000")
	awaits(t, "the agent", func() bool { return g.Turns() > 0 })
	p.kill()
	w.start()
	told := w.answer(m, "outcome unknown, look again: ")
	_, line, _ := strings.Cut(told.Text, "look again: ")
	line, _, _ = strings.Cut(line, "\n")
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	w.ask(faketelegram.Alice, line, "OK: /session ops", "fake reply: slow: 1000")
	if n := g.Turns(); n != 1 {
		t.Errorf("the model was asked %d times", n)
	}
}

// Two consoles on one state folder would both run what comes.
func TestSecondConsoleRefuses(t *testing.T) {
	w := newWorld(t, "ws://127.0.0.1:1", "not-too-short", "")
	w.start()
	cmd := osexec.Command(binary(t), "serve", "--config", w.config)
	cmd.Env = []string{"HOME=" + w.dir}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("the second one: %v", err)
	}
	if n := bytes.Count(bytes.TrimSpace(out), []byte("\n")); n != 1 || !bytes.Contains(out, []byte(filepath.Join(w.dir, "state"))) || !bytes.Contains(out, []byte("in use")) {
		t.Errorf("it says:\n%s\nwant one line that names the folder, and one that says what to do", out)
	}
	w.ask(faketelegram.Alice, "/whoami", "Name: alice")
}

// Two consoles in one process know nothing of each other: the people of one are
// strangers to the other, and so are their unlocks, messages and records.
func TestTwoConsolesInOneProcess(t *testing.T) {
	const tokenB = "7000002:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	s, err := faketelegram.New(faketelegram.Config{Bots: []faketelegram.Bot{
		{Token: faketelegram.Token, Username: "clawconsole_bot"}, {Token: tokenB, Username: "other_bot"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.Handler(s))
	t.Cleanup(func() { s.Close(); srv.Close() })
	dir := t.TempDir()
	config := func(name, token, operators string) string {
		file := filepath.Join(dir, name+".toml")
		text := fmt.Sprintf(`state_dir = %q
[telegram]
token = %q
api_url = %q
[[telegram.group]]
id = %d
%s
[auth]
secret = %q
rate_per_minute = 6000
rate_burst = 6000
[openclaw]
url = "ws://127.0.0.1:1"
token = "x"
cli = "/nonexistent/openclaw"
[run]
enabled = true
`, filepath.Join(dir, name), token, srv.URL, faketelegram.Supergroup, operators, testSecret)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	operator := func(id int64, name string) string {
		return fmt.Sprintf("[[operator]]\nid = %d\nname = %q\nmay = [\"safe\", \"moderate\", \"dangerous\", \"approve\"]\n", id, name)
	}
	// Alice belongs to both, bob only to B.
	a := config("a", faketelegram.Token, operator(faketelegram.Alice, "alice"))
	b := config("b", tokenB, operator(faketelegram.Alice, "alice")+operator(faketelegram.Bob, "bob"))
	w := &world{t: t, telegram: s, url: srv.URL, dir: dir, config: a, more: []string{b}}
	w.start()
	onB := &world{t: t, telegram: s.With("other_bot"), url: srv.URL, dir: dir, config: b}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, onB.telegram.Polling); err != nil {
		t.Fatal("the second console does not poll")
	}

	if w.hears(w.say(faketelegram.Bob, "/whoami")) {
		t.Error("A answers an operator of B")
	}
	onB.ask(faketelegram.Bob, "/whoami", "Name: bob")
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	w.ask(faketelegram.Alice, "/run --yes echo only-in-a", "OK: /run")
	onB.ask(faketelegram.Alice, "/run --yes echo only-in-b", "ERROR: unauthorized")

	// A's button in a group where both are: bob may do everything in B, and nothing here.
	m := s.Send(faketelegram.Post{From: faketelegram.Alice, Chat: faketelegram.Supergroup, Text: "/run@clawconsole_bot touch " + filepath.Join(dir, "effect")})
	e, err := s.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool { return e.ReplyMarkup != nil })
	if err != nil {
		t.Fatal(err)
	}
	onB.ask(faketelegram.Bob, "/auth "+testSecret, "unlocked until")
	pressed, err := s.Press(faketelegram.Press{User: faketelegram.Bob, Chat: m.Chat.ID, Message: e.MessageID, Label: "Run it"})
	if err != nil {
		t.Fatal(err)
	}
	short, cancelShort := context.WithTimeout(ctx, 2*time.Second)
	defer cancelShort()
	if answer, err := pressed.Wait(short); err == nil {
		t.Logf("the press is answered with %q", answer.Text)
	}
	w.ask(faketelegram.Alice, "/whoami", "alice")
	if _, err := os.Stat(filepath.Join(dir, "effect")); err == nil {
		t.Error("a press by an operator of B ran a command of A")
	}

	for name, foreign := range map[string][]string{"a": {"bob", "only-in-b", "other_bot"}, "b": {"only-in-a", "effect", "clawconsole_bot"}} {
		raw, err := os.ReadFile(filepath.Join(dir, name, auditName))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range foreign {
			if bytes.Contains(raw, []byte(f)) {
				t.Errorf("the record of %s has %q:\n%s", name, f, raw)
			}
		}
	}
}

// Telegram may deliver an update again at any time, after restarts too.
func TestRedelivered(t *testing.T) {
	w := newWorld(t, "ws://127.0.0.1:1", "x", "")
	p := w.start()
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	w.ask(faketelegram.Alice, "/run --yes echo effect >> $HOME/effects", "OK: /run")
	id := w.telegram.LastUpdate()
	deliveries := 0
	deliver := func(times int) {
		t.Helper()
		for range times {
			before := len(w.telegram.Calls("getUpdates"))
			if !w.telegram.Redeliver(id) {
				t.Fatal("the update is forgotten")
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err := w.telegram.Wait(ctx, func() bool {
				return len(w.telegram.Calls("getUpdates")) > before && w.telegram.Polling() && len(w.telegram.Unconfirmed()) == 0
			})
			cancel()
			if err != nil {
				t.Fatalf("after %d deliveries: %v\n%s", deliveries, err, p.out)
			}
			deliveries++
		}
	}
	deliver(40)
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p = w.start()
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	deliver(30)
	p.kill()
	p = w.start()
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked until")
	deliver(30)
	w.ask(faketelegram.Alice, "/run --yes echo other >> $HOME/effects", "OK: /run") // one that would run

	raw, err := os.ReadFile(filepath.Join(w.dir, "effects"))
	if err != nil || string(raw) != "effect\nother\n" {
		t.Errorf("after %d deliveries the effects are %q, %v", deliveries, raw, err)
	}
	record, err := os.ReadFile(filepath.Join(w.dir, "state", auditName))
	claims := 0
	for line := range bytes.Lines(record) {
		if bytes.Contains(line, []byte("command.claimed")) && bytes.Contains(line, []byte("/run ")) {
			claims++
		}
	}
	if err != nil || claims != 2 {
		t.Errorf("%d claims on the record, want 2 (%v)", claims, err)
	}
	t.Logf("%d deliveries", deliveries)
}
