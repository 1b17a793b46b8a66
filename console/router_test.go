package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/internal/audit"
)

// bubble runs a test with a rig on a clock of its own.
func bubble(t *testing.T, f func(t *testing.T, g *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.stop = func() error { return nil }
		defer func() {
			if err := g.stop(); err != nil {
				t.Errorf("Run = %v", err)
			}
		}()
		f(t, g)
	})
}

// TestWay has one case for each row of the table "Its way" in docs/protocol.md, with
// what fails it and what passes it.
func TestWay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(g *rig)
		change  func(m *console.Message)
		text    string
		want    string // part of the answer; "" is silence
		ran     bool
		outcome console.Outcome
	}{
		{name: "passes", text: "/status", want: "OK: /status @local\ndid /status", ran: true, outcome: console.Done},
		{name: "2 edited", change: func(m *console.Message) { m.Origin = console.Edited }, text: "/status", outcome: console.Ignored},
		{name: "2 other", change: func(m *console.Message) { m.Origin = console.Other }, text: "/status", outcome: console.Ignored},
		{name: "3 unknown group", change: func(m *console.Message) { m.Private, m.ChatID, m.ToUs = false, -5, true }, text: "/status", outcome: console.Ignored},
		{name: "3 wrong topic", change: func(m *console.Message) { m.Private, m.ChatID, m.TopicID, m.ToUs = false, forum, topic+1, true }, text: "/status", outcome: console.Ignored},
		{name: "3 topic", change: func(m *console.Message) { m.Private, m.ChatID, m.TopicID = false, forum, topic }, text: "/status", want: "OK: /status", ran: true, outcome: console.Done},
		{name: "4 stranger", change: func(m *console.Message) { m.UserID, m.ChatID = mallory, mallory }, text: "/status", want: "ERROR: unauthorized", outcome: console.Refused},
		{name: "4 stranger in group talks to others", change: func(m *console.Message) { m.UserID, m.Private, m.ChatID = mallory, false, group }, text: "/status", outcome: console.Ignored},
		{name: "5 other bot", text: "/status@other_bot", outcome: console.Ignored},
		{name: "5 our name", text: "/status@" + bot, want: "OK: /status", ran: true, outcome: console.Done},
		{name: "5 group without mention", change: func(m *console.Message) { m.Private, m.ChatID = false, group }, text: "/status", outcome: console.Ignored},
		{name: "5 group with mention", change: func(m *console.Message) { m.Private, m.ChatID, m.ToUs = false, group, true }, text: "/status", want: "OK: /status", ran: true, outcome: console.Done},
		{name: "5 mention first", change: func(m *console.Message) { m.Private, m.ChatID, m.ToUs = false, group, true }, text: "@" + bot + " /status", want: "OK: /status", ran: true, outcome: console.Done},
		{name: "5 talk in private", text: "hello", want: "ERROR: not a command", outcome: console.Refused},
		{name: "5 talk in group", change: func(m *console.Message) { m.Private, m.ChatID, m.ToUs = false, group, true }, text: "hello", outcome: console.Ignored},
		{name: "6 budget", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.RateBurst = 3; c.RatePerMinute = 10 })
			exhaust(g.gate)
		}, text: "/status", want: "ERROR: rate limited (try again later)", outcome: console.Refused},
		{name: "6 lock is free", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.RateBurst = 3; c.RatePerMinute = 10 })
			exhaust(g.gate)
		}, text: "/lock", want: "OK: /lock", ran: true, outcome: console.Done},
		{name: "6 a denial is free", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.RateBurst = 3; c.RatePerMinute = 10 })
			exhaust(g.gate)
		}, text: "/deny@" + bot + " 07f9a8f6 wrong target", want: "OK: /deny 07f9a8f6", ran: true, outcome: console.Done},
		{name: "6 an approval is not", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.RateBurst = 3; c.RatePerMinute = 10 })
			exhaust(g.gate)
		}, text: "/approve 07f9a8f6", want: "ERROR: rate limited (try again later)", outcome: console.Refused},
		{name: "7 length", text: "/session main " + strings.Repeat("x", 4096), want: "ERROR: command has 4110 characters, 4096 are allowed", outcome: console.Refused},
		{name: "7 usage", text: "/logs --tail lots", want: `ERROR: --tail: "lots" is not`, outcome: console.Refused},
		{name: "7 unknown", text: "/stauts", want: "ERROR: unknown command", outcome: console.Refused},
		{name: "8 stale", prepare: func(g *rig) { g.unlock(alice) }, change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/gateway restart", want: "9 min ago), not run", outcome: console.Refused},
		{name: "8 stale unlock", change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Hour) }, text: "/auth " + secret, want: "9 h ago), not run\n/auth [redacted]\nSend it again.", outcome: console.Refused},
		{name: "8 stale with secret", change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/gateway restart --secret " + secret, want: "Send it again.", outcome: console.Refused},
		{name: "8 just fresh", prepare: func(g *rig) { g.unlock(alice) }, change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-119 * time.Second) }, text: "/gateway restart", want: "OK: /gateway restart", ran: true, outcome: console.Done},
		{name: "8 skew known", prepare: func(g *rig) { g.unlock(alice); g.config.Skew = func() time.Duration { return -9 * time.Minute } }, change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/gateway restart", want: "OK: /gateway restart", ran: true, outcome: console.Done},
		{name: "8 safe says its age", change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/status", want: "9 min ago.", ran: true, outcome: console.Done},
		{name: "8 a denial is never too old", change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/deny 07f9a8f6 wrong target", want: "OK: /deny 07f9a8f6", ran: true, outcome: console.Done},
		{name: "8 an approval is", change: func(m *console.Message) { m.SentAt = m.SentAt.Add(-9 * time.Minute) }, text: "/approve 07f9a8f6", want: "9 min ago), not run", outcome: console.Refused},
		{name: "9 a denial needs no unlock", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.StepUp = true })
		}, text: "/deny 07f9a8f6 wrong target", want: "OK: /deny 07f9a8f6", ran: true, outcome: console.Done},
		{name: "9 an approval does with step-up", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.StepUp = true })
		}, text: "/approve 07f9a8f6", want: "ERROR: unauthorized", outcome: console.Refused},
		{name: "9 locked", text: "/gateway restart", want: "ERROR: unauthorized\n/whoami", outcome: console.Refused},
		{name: "9 wrong secret says the same", text: "/gateway restart --secret nonsense-nonsense", want: "ERROR: unauthorized\n/whoami", outcome: console.Refused},
		{name: "9 no right", prepare: func(g *rig) {
			g.gate = newGate(g.t, func(c *auth.Config) { c.Operators[0].May = []auth.Class{auth.Moderate} })
		}, text: "/status", want: "ERROR: unauthorized\n/whoami", outcome: console.Refused},
		{name: "9 unlocked", prepare: func(g *rig) { g.unlock(alice) }, text: "/gateway restart", want: "OK: /gateway restart", ran: true, outcome: console.Done},
		{name: "9 inline secret", text: "/gateway restart --secret " + secret, want: "OK: /gateway restart", ran: true, outcome: console.Done},
		{name: "9 unconfirmed", prepare: func(g *rig) { g.unlock(alice) }, text: "/run uptime", want: "ERROR: not confirmed", outcome: console.Refused},
		{name: "9 unconfirmed and refused anyway", prepare: func(g *rig) { g.unlock(alice) }, text: "/run sudo reboot", want: "ERROR: refused: acts as another user", outcome: console.Refused},
		{name: "9 confirmed", prepare: func(g *rig) { g.unlock(alice) }, text: "/run --yes uptime", want: "OK: /run --yes uptime", ran: true, outcome: console.Done},
		{name: "10 ledger", prepare: func(g *rig) { g.ledger.broken("claim", errDisk) }, text: "/status", want: "ERROR: cannot record, not run", outcome: console.Refused},
		{name: "10 record", prepare: func(g *rig) { g.record.fail = func(audit.Record) error { return errDisk } }, text: "/status", want: "ERROR: cannot record, not run", outcome: console.Refused},
		{name: "11 failed", prepare: func(g *rig) {
			g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
				return commands.Result{Failed: true, Summary: "gateway is down", Hint: "/gateway start"}, nil
			}
		}, text: "/status", want: "ERROR: gateway is down\n/gateway start", ran: true, outcome: console.Done},
		{name: "11 internal", prepare: func(g *rig) {
			g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
				return commands.Result{}, errors.New("dial tcp 127.0.0.1:18789: refused")
			}
		}, text: "/status", want: "ERROR: internal error, see log ", ran: true, outcome: console.Done},
		{name: "11 panic", prepare: func(g *rig) {
			g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
				panic("nil map")
			}
		}, text: "/status", want: "ERROR: internal error, see log ", ran: true, outcome: console.Done},
		{name: "12 record", prepare: func(g *rig) {
			g.record.fail = func(r audit.Record) error {
				if r.Event == audit.CommandDone {
					return errDisk
				}
				return nil
			}
		}, text: "/status", want: "could not be recorded", ran: true, outcome: console.Done},
		{name: "12 ledger", prepare: func(g *rig) { g.ledger.broken("finish", errDisk) }, text: "/status", want: "could not be recorded", ran: true},
		{name: "13 redacted", text: "/session main the key is " + secret, prepare: func(g *rig) { g.unlock(alice) }, want: "did /session main the key is [redacted", ran: true, outcome: console.Done},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				if tt.prepare != nil {
					tt.prepare(g)
				}
				g.start()
				m := g.message(tt.text)
				if tt.change != nil {
					tt.change(&m)
				}
				id := g.send(m)
				synctest.Wait()
				all := g.chat.all()
				switch {
				case tt.want == "" && len(all) > 0:
					t.Errorf("answer %q, want silence", all[0].text())
				case tt.want != "" && len(all) != 1:
					t.Errorf("%d answers, want 1: %v", len(all), all)
				case tt.want != "" && !strings.Contains(all[0].text(), tt.want):
					t.Errorf("answer %q, want %q in it", all[0].text(), tt.want)
				case tt.want != "" && (all[0].to.ChatID != m.ChatID || all[0].to.TopicID != m.TopicID):
					t.Errorf("answer went to %v", all[0].to)
				}
				for _, s := range all {
					if strings.Contains(s.text(), secret) || strings.Contains(s.text(), "127.0.0.1:18789") {
						t.Errorf("answer %q tells too much", s.text())
					}
				}
				if got := len(g.lines()) == 1; got != tt.ran {
					t.Errorf("ran = %v, want %v", got, tt.ran)
				}
				if got := g.ledger.outcome(id); got != tt.outcome {
					t.Errorf("outcome = %v, want %v", got, tt.outcome)
				}
				if strings.Contains(g.record.text(), secret) {
					t.Error("the record holds the secret")
				}
			})
		})
	}
}

// exhaust spends alice's budget.
func exhaust(g *auth.Gate) {
	for g.Spend(auth.Caller{UserID: alice, ChatID: alice, Private: true}, auth.Commands) == nil {
	}
}

// Row 1: what cannot be stored is not handled, and health is red.
func TestStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.ledger.broken("receive", errDisk)
		g.start()
		m := g.message("/status")
		if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: m.UpdateID, Message: &m}}); !errors.Is(err, errDisk) {
			t.Fatalf("Receive = %v, want %v", err, errDisk)
		}
		synctest.Wait()
		if len(g.lines()) > 0 || len(g.chat.all()) > 0 {
			t.Error("an update that was not stored was handled")
		}
		if !g.ails("ledger") {
			t.Error("health is green")
		}
		g.ledger.broken("receive", nil)
		g.send(m)
		synctest.Wait()
		if len(g.lines()) != 1 || g.ails("ledger") {
			t.Errorf("ran %q, faults %v; want once and none", g.lines(), g.router.Health().Faults)
		}
	})
}

// Rows 10 and 12: a disk that fails makes health red.
func TestHealthRed(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.record.fail = func(audit.Record) error { return errDisk }
		g.start()
		g.send(g.message("/status"))
		synctest.Wait()
		if !g.ails("record") {
			t.Error("health is green")
		}
	})
}

// The record says what was asked before it is done, and how it ended.
func TestRecord(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		var before []audit.Event
		g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
			before = g.record.events()
			return commands.Result{}, nil
		}
		g.start()
		g.send(g.message("/status"))
		synctest.Wait()
		g.send(g.message("/nonsense"))
		synctest.Wait()
		if want := []audit.Event{audit.CommandClaimed}; !slices.Equal(before, want) {
			t.Errorf("on record before the effect: %v, want %v", before, want)
		}
		if want := []audit.Event{audit.CommandClaimed, audit.CommandDone, audit.CommandRefused}; !slices.Equal(g.record.events(), want) {
			t.Errorf("on record: %v, want %v", g.record.events(), want)
		}
	})
}

// What is done with the second factor is on record by itself.
func TestFactorOnRecord(t *testing.T) {
	for _, tt := range []struct {
		text string
		want audit.Event
	}{
		{"/auth " + secret, audit.AuthUnlocked},
		{"/auth " + strings.Repeat("wrong", 8), audit.AuthFailed},
		{"/gateway restart --secret " + strings.Repeat("wrong", 8), audit.AuthFailed},
		{"/lock", audit.AuthLocked},
	} {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.send(g.message(tt.text))
			synctest.Wait()
			n := 0
			for _, e := range g.record.events() {
				if strings.HasPrefix(string(e), "auth.") {
					n++
				}
			}
			if n != 1 || !slices.Contains(g.record.events(), tt.want) {
				t.Errorf("%.10q: on record %v, want %v", tt.text, g.record.events(), tt.want)
			}
		})
	}
}

// After a restart nothing is admitted before our own name is known.
func TestRecoverWaitsForName(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		var name atomic.Value
		name.Store("")
		g.config.Bot = func() string { return name.Load().(string) }
		m := g.message("/status@" + bot)
		body, err := json.Marshal(console.Incoming{UpdateID: m.UpdateID, Message: &m})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.ledger.Receive(t.Context(), []console.Update{{ID: m.UpdateID, Body: body}}); err != nil {
			t.Fatal(err)
		}
		g.start()
		time.Sleep(time.Minute)
		if g.ledger.outcome(m.UpdateID) != 0 {
			t.Fatal("admitted too early")
		}
		name.Store(bot)
		time.Sleep(time.Second)
		if len(g.lines()) != 1 {
			t.Errorf("ran %q", g.lines())
		}
	})
}

func TestRedelivery(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.unlock(alice)
		g.start()
		m, refused := g.message("/gateway restart"), g.message("/stauts")
		for i := range 100 {
			g.send(m)
			g.send(refused)
			if i%3 == 0 {
				synctest.Wait()
			}
			if i%10 == 9 { // a new process on the same ledger
				if err := g.stop(); err != nil {
					t.Fatal(err)
				}
				g.start()
			}
		}
		synctest.Wait()
		if n := len(g.lines()); n != 1 {
			t.Errorf("ran %d times", n)
		}
		if n := len(g.chat.all()); n != 2 {
			t.Errorf("answered %d times: %q", n, texts(g.chat.all()))
		}
	})
}

func TestOrderWithinChat(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		release := make(chan struct{})
		g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name == "session" {
				<-release
			}
			return commands.Result{}, nil
		}
		g.unlock(alice)
		g.start()
		g.send(g.message("/session main slow"))
		synctest.Wait()
		var want []string
		want = append(want, "/session main slow")
		for i := range 20 {
			line := fmt.Sprintf("/logs --tail %d", i+1)
			g.send(g.message(line))
			want = append(want, line)
			synctest.Wait() // each may end before the next begins
		}
		if got := g.lines(); !slices.Equal(got, want) {
			t.Errorf("began %q, want %q", got, want)
		}
		if n := len(g.chat.all()); n != 20 {
			t.Errorf("%d answers while /session waits, want 20", n)
		}
		close(release)
	})
}

// What /auth decides holds for the message right after it.
func TestAuthThenCommand(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.slowAuth = true
		g.start()
		a, b := g.message("/auth "+secret), g.message("/gateway restart")
		if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: a.UpdateID, Message: &a}, {UpdateID: b.UpdateID, Message: &b}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		all := g.chat.all()
		if len(all) != 2 || all[0].text() != "OK: unlocked" || !strings.HasPrefix(all[1].text(), "OK: /gateway restart") {
			t.Errorf("answers %q", texts(all))
		}
	})
}

func texts(all []sent) (out []string) {
	for _, s := range all {
		out = append(out, s.text())
	}
	return out
}

func TestBusy(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		release := make(chan struct{})
		g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name != "lock" {
				<-release
			}
			return commands.Result{}, nil
		}
		g.unlock(alice)
		g.unlock(bob)
		g.start()
		for range 4 + 64 {
			g.send(g.message("/sessions"))
		}
		synctest.Wait()
		if n := len(g.lines()); n != 4 {
			t.Errorf("%d run at once, want 4", n)
		}
		if h := g.router.Health(); h.Running != 4 || h.Waiting != 64 {
			t.Errorf("running %d, waiting %d; want 4 and 64", h.Running, h.Waiting)
		}
		over := g.send(g.message("/sessions"))
		synctest.Wait()
		if got := g.chat.last(t).text(); !strings.HasPrefix(got, "ERROR: busy, not run") {
			t.Errorf("the 69th was answered %q", got)
		}
		if g.ledger.outcome(over) != console.Refused {
			t.Error("the 69th was claimed")
		}
		// Another operator is not held up by what alice does.
		m := g.message("/sessions")
		m.UserID, m.ChatID = bob, bob
		g.send(m)
		synctest.Wait()
		if n := len(g.lines()); n != 5 {
			t.Errorf("bob waits for alice: %d run", n)
		}
		// Locking never waits.
		g.send(g.message("/lock"))
		synctest.Wait()
		if got := g.lines(); got[len(got)-1] != "/lock" {
			t.Errorf("/lock waits: began %q", got)
		}
		close(release)
		synctest.Wait()
		if n := len(g.lines()); n != 4+64+1+1 {
			t.Errorf("%d ran in the end, want %d", n, 4+64+1+1)
		}
	})
}

// A phone that comes back delivers all at once. What is for a session reaches the
// gateway in the order in which it was typed: /stop must not end the new task.
func TestTalkInOrder(t *testing.T) {
	lines := []string{"/session main old task", "/stop main", "/agent main new task", "/session other third"}
	bubble(t, func(t *testing.T, g *rig) {
		var mu sync.Mutex
		var reached []string
		slowness := map[string]time.Duration{lines[0]: 400 * time.Millisecond, lines[1]: 200 * time.Millisecond, lines[2]: 100 * time.Millisecond}
		g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, progress func(commands.Result)) (commands.Result, error) {
			time.Sleep(slowness[q.Line]) // to find the session
			mu.Lock()
			reached = append(reached, q.Line)
			mu.Unlock()
			if q.Name != "stop" {
				progress(commands.Result{})
				<-ctx.Done()
			}
			return commands.Result{}, ctx.Err()
		}
		g.unlock(alice)
		g.start()
		var batch []console.Incoming
		for _, line := range lines {
			m := g.message(line)
			batch = append(batch, console.Incoming{UpdateID: m.UpdateID, Message: &m})
		}
		if err := g.router.Receive(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(reached, lines) {
			t.Errorf("the gateway was asked in the order %q, want %q", reached, lines)
		}
	})
	bubble(t, func(t *testing.T, g *rig) { // one that hangs holds up nobody for long
		g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name == "session" {
				<-ctx.Done()
			}
			return commands.Result{}, ctx.Err()
		}
		g.unlock(alice)
		g.start()
		g.send(g.message("/session main hi"))
		id := g.send(g.message("/stop main"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := g.ledger.outcome(id); got != console.Done {
			t.Errorf("/stop after 5 s: %v", got)
		}
	})
}

// One who waits is told so, and can stop waiting.
func TestWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.do = func(ctx context.Context, _ auth.Grant, _ commands.Request, _ func(commands.Result)) (commands.Result, error) {
			<-ctx.Done()
			return commands.Result{}, ctx.Err()
		}
		g.start()
		for range 4 {
			g.send(g.message("/sessions"))
		}
		synctest.Wait()
		id := g.send(g.message("/logs"))
		time.Sleep(10 * time.Second) // the fifth to be shown, at one a second
		s := g.chat.last(t)
		var waits sent
		for _, m := range g.chat.all() {
			if strings.HasPrefix(m.text(), "… /logs") {
				waits = m
			}
		}
		if waits.button("Cancel") == "" {
			t.Fatalf("nothing to cancel in %q", s.text())
		}
		g.press(alice, waits, waits.button("Cancel"))
		synctest.Wait()
		if got := g.ledger.outcome(id); got != console.Done || len(g.lines()) != 4 {
			t.Errorf("outcome %v, ran %q", got, g.lines())
		}
		if h := g.router.Health(); h.Waiting != 0 || h.Running != 4 {
			t.Errorf("%+v", h)
		}
	})
}

// Four sessions that take ten minutes each keep nobody from denying a call,
// stopping a run or asking how things are; and a denial that has waited for its
// turn is done all the same, for a stale one would let the call through.
func TestQuickNeverWaitBehindSlow(t *testing.T) {
	for _, line := range []string{
		"/deny abc wrong target", "/approve abc", "/pending", "/stop main", "/status", "/whoami", "/help", "/lock",
	} {
		t.Run(line, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, progress func(commands.Result)) (commands.Result, error) {
					if q.Name == "session" {
						progress(commands.Result{}) // the gateway has it
						<-ctx.Done()
					}
					return commands.Result{}, ctx.Err()
				}
				g.unlock(alice)
				g.start()
				for range 6 { // two of them wait
					g.send(g.message("/session main go on"))
				}
				synctest.Wait()
				id := g.send(g.message(line))
				synctest.Wait()
				if got := g.lines(); got[len(got)-1] != line || g.ledger.outcome(id) != console.Done {
					t.Errorf("began %q, outcome %v", got, g.ledger.outcome(id))
				}
			})
		})
	}
	bubble(t, func(t *testing.T, g *rig) {
		release := make(chan struct{})
		g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name == "status" {
				<-release
			}
			return commands.Result{}, nil
		}
		g.unlock(alice)
		g.start()
		for range 4 {
			g.send(g.message("/status"))
		}
		deny, approve := g.send(g.message("/deny abc wrong target")), g.send(g.message("/approve abc"))
		time.Sleep(3 * time.Minute)
		close(release)
		synctest.Wait()
		if got := g.ledger.outcome(deny); got != console.Done {
			t.Errorf("denial after three minutes: %v", got)
		}
		if got := g.ledger.outcome(approve); got != console.Refused {
			t.Errorf("approval after three minutes: %v", got)
		}
	})
}

func TestOneRunAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		release := make(chan struct{})
		g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name == "run" {
				<-release
			}
			return commands.Result{}, nil
		}
		g.unlock(alice)
		g.unlock(bob)
		g.start()
		g.send(g.message("/run --yes sleep 1"))
		synctest.Wait()
		m := g.message("/run --yes sleep 2")
		m.UserID, m.ChatID = bob, bob
		g.send(m)
		synctest.Wait()
		g.send(g.message("/status"))
		synctest.Wait()
		if got, want := g.lines(), []string{"/run --yes sleep 1", "/status"}; !slices.Equal(got, want) {
			t.Errorf("began %q, want %q", got, want)
		}
		release <- struct{}{}
		synctest.Wait()
		if n := len(g.lines()); n != 3 {
			t.Errorf("the second /run did not begin after the first: %q", g.lines())
		}
		close(release)
	})
}

func TestSecretsAreDeleted(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		group      bool
		want       string
	}{
		{name: "right", text: "/auth " + secret, want: "OK: unlocked"},
		{name: "wrong", text: "/auth wrong-wrong-wrong-wrong-wrong-wrong", want: "ERROR: unauthorized"},
		{name: "inline", text: "/gateway restart --secret " + secret, want: "OK: /gateway restart"},
		{name: "phone dash", text: "/gateway restart —secret " + secret, want: "OK: /gateway restart"},
		{name: "unknown command", text: "/gatway restart --secret " + secret, want: "ERROR: unknown command"},
		{name: "group", text: "/auth " + secret, group: true, want: "change the secret"},
		{name: "group inline", text: "/gateway restart --secret " + secret, group: true, want: "change the secret"},

		// Ours is known by its value, whatever stands around it.
		{name: "alone", text: secret, want: "ERROR: not a command\nIt held a secret"},
		{name: "misspelt", text: "/unlcok " + secret, want: "It held a secret"},
		{name: "argument too much", text: "/status " + secret, want: "It held a secret"},
		{name: "told", text: "my secret is " + secret, want: "ERROR: not a command\nIt held a secret"},
		{name: "told in a group", text: "the secret is " + secret, group: true, want: "change the secret"},
		{name: "in a payload", text: "/run --yes echo " + secret, want: "ERROR: unauthorized"},
	} {
		for _, refusal := range []error{nil, fmt.Errorf("%w: not enough rights", console.ErrRejected)} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, refusal), func(t *testing.T) {
				bubble(t, func(t *testing.T, g *rig) {
					g.chat.noDelete = refusal
					g.start()
					m := g.message(tt.text)
					if tt.group {
						m.Private, m.ChatID = false, group
					}
					g.send(m)
					synctest.Wait()
					all := strings.Join(texts(g.chat.all()), "\n\n")
					if !strings.Contains(all, tt.want) || strings.Contains(all, secret) {
						t.Errorf("answers %q, want %q in them", all, tt.want)
					}
					if deleted := slices.Contains(g.chat.deleted, m.MessageID); deleted != (refusal == nil) {
						t.Errorf("deleted = %v", deleted)
					}
					if told := strings.Contains(all, "ERROR: I cannot delete your message"); told != (refusal != nil) {
						t.Errorf("said that it cannot delete = %v: %q", told, all)
					}
					if tt.group && len(g.lines()) > 0 {
						t.Error("ran")
					}
					if strings.Contains(g.record.text(), secret) {
						t.Error("the record holds the secret")
					}
				})
			})
		}
	}
}

// Telegram is away when the secret has been typed, and the console is restarted
// meanwhile: the message goes once Telegram is back. It stayed for good, and its
// sender was told that the bot may not delete it. Answers do not wait for it.
func TestDeletionIsRetried(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.chat.noDelete = errors.New("502 bad gateway")
		g.start()
		m := g.message("/auth " + secret)
		g.send(m)
		time.Sleep(10 * time.Minute)
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
		g.start()
		time.Sleep(10 * time.Minute)
		if all := texts(g.chat.all()); !slices.Equal(all, []string{"OK: unlocked"}) {
			t.Errorf("answers %q", all)
		}
		g.chat.mu.Lock()
		g.chat.noDelete = nil
		g.chat.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !slices.Equal(g.chat.deleted, []int64{m.MessageID}) || g.ledger.waiting() != 0 {
			t.Errorf("deleted %v, %d left in the outbox", g.chat.deleted, g.ledger.waiting())
		}
	})
	bubble(t, func(t *testing.T, g *rig) { // the disk is full too: tried all the same
		g.ledger.broken("enqueue", errDisk)
		g.start()
		m := g.message("/auth " + secret)
		g.send(m)
		synctest.Wait()
		if !slices.Equal(g.chat.deleted, []int64{m.MessageID}) {
			t.Errorf("deleted %v", g.chat.deleted)
		}
	})
}

// The console is killed after it has claimed an /auth and before Telegram has
// deleted the message.
func TestDeletionOutlivesCrash(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		killed := &claimedThenKilled{memLedger: g.ledger}
		g.config.Ledger = killed
		g.chat.noDelete = errors.New("connection reset")
		g.start()
		m := g.message("/auth " + secret)
		g.send(m)
		synctest.Wait()
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
		g.config.Ledger, g.chat.noDelete = g.ledger, nil
		g.start()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !slices.Contains(g.chat.deleted, m.MessageID) {
			t.Error("the message with the secret is still there")
		}
		if got := g.chat.last(t).text(); !strings.Contains(got, "outcome unknown") {
			t.Errorf("answer %q", got)
		}
	})
}

// claimedThenKilled is a ledger of a process that dies right after a claim: nothing
// is written after it.
type claimedThenKilled struct{ *memLedger }

func (l *claimedThenKilled) Finish(context.Context, int64, console.Outcome, []console.Parcel) error {
	return errDisk
}

// No secret reaches the disk: not by the update, not by the claim, not by the
// outbox.
func TestNoSecretOnDisk(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		for _, text := range []string{"/auth " + secret, "/gateway restart --secret=" + secret, "/gateway restart – secret " + secret} {
			m := g.message(text)
			in := []console.Incoming{{UpdateID: m.UpdateID, Message: &m}}
			seen := make(map[string]bool)
			g.ledger.mu.Lock() // hold the router up between receipt and claim
			go func() {
				if err := g.router.Receive(context.Background(), in); err != nil {
					t.Error(err)
				}
			}()
			g.ledger.mu.Unlock()
			synctest.Wait()
			g.ledger.mu.Lock()
			u := g.ledger.updates[m.UpdateID]
			seen[string(u.Body)] = true
			if u.claim != nil {
				seen[u.claim.Command] = true
			}
			for _, p := range g.ledger.outbox {
				seen[string(p.Body)] = true
			}
			g.ledger.mu.Unlock()
			for s := range seen {
				if strings.Contains(s, secret) {
					t.Errorf("%q: on disk %q", text, s)
				}
			}
		}
	})
}

func TestConfirmation(t *testing.T) {
	const exact = "echo 'it''s'  \"x\"\n# done "
	const line = "/run  " + exact
	var payload commands.Raw
	ask := func(t *testing.T, g *rig) sent {
		t.Helper()
		g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			payload = q.Command.(*commands.Run).Command
			return commands.Result{}, nil
		}
		g.unlock(alice)
		g.start()
		m := g.message(line)
		m.Private, m.ChatID, m.ToUs = false, group, true
		g.send(m)
		synctest.Wait()
		s := g.chat.last(t)
		if s.button("Run it") == "" || len(s.button("Run it")) > 64 {
			t.Fatalf("no button: %q %+v", s.text(), s.reply.Buttons)
		}
		if !strings.Contains(s.text(), "gateway local") || !strings.Contains(s.text(), "echo 'it''s'  \"x\"\n# done") {
			t.Errorf("does not show what would run, and where: %q", s.text())
		}
		return s
	}
	bubble(t, func(t *testing.T, g *rig) {
		s := ask(t, g)
		g.press(bob, s, s.button("Run it"))
		synctest.Wait()
		if len(g.lines()) > 0 || !slices.Contains(g.chat.notes, "This button is someone else's.") {
			t.Errorf("another person: ran %q, notes %q", g.lines(), g.chat.notes)
		}
		other := s
		other.to.ChatID = alice
		g.press(alice, other, s.button("Run it"))
		synctest.Wait()
		if len(g.lines()) > 0 {
			t.Error("ran from another chat")
		}
		time.Sleep(59 * time.Second)
		g.press(alice, s, s.button("Run it"))
		g.press(alice, s, s.button("Run it"))
		synctest.Wait()
		if len(g.lines()) != 1 || payload != exact {
			t.Errorf("ran %q, payload %q, want once %q", g.lines(), payload, exact)
		}
		if got := g.chat.all(); len(got) != 1 || got[0].edits == 0 || !strings.HasPrefix(got[0].text(), "OK: /run") {
			t.Errorf("the question did not become the answer: %q", texts(got))
		}
	})
	bubble(t, func(t *testing.T, g *rig) {
		s := ask(t, g)
		time.Sleep(60 * time.Second)
		g.press(alice, s, s.button("Run it"))
		synctest.Wait()
		if len(g.lines()) > 0 || !strings.Contains(strings.Join(g.chat.notes, "|"), "for a short time") {
			t.Errorf("after 60 s: ran %q, notes %q", g.lines(), g.chat.notes)
		}
	})
	bubble(t, func(t *testing.T, g *rig) { // all checks again
		s := ask(t, g)
		g.gate.Lock(auth.Caller{UserID: alice})
		g.press(alice, s, s.button("Run it"))
		synctest.Wait()
		if got := g.chat.last(t).text(); len(g.lines()) > 0 || !strings.HasPrefix(got, "ERROR: unauthorized") {
			t.Errorf("after /lock: ran %q, answer %q", g.lines(), got)
		}
	})
	bubble(t, func(t *testing.T, g *rig) {
		s := ask(t, g)
		run := s.button("Run it")
		g.press(alice, s, s.button("Cancel"))
		synctest.Wait()
		g.press(alice, s, run)
		synctest.Wait()
		if len(g.lines()) > 0 || !strings.HasPrefix(g.chat.last(t).text(), "Cancelled") {
			t.Errorf("after [Cancel]: ran %q, answer %q", g.lines(), g.chat.last(t).text())
		}
	})
}

// The button of a command that ran, or still runs, does not ask for the command
// again: the agent would get its message twice.
func TestButtonThatIsGone(t *testing.T) {
	long := strings.Repeat("line\n", 1000)
	look := commands.Button{Label: "Look again", Line: "/session main --again r", Repeatable: true}
	stop := commands.Button{Label: "Stop it", Line: "/stop main"}
	page := commands.Button{Label: "More", Line: "/logs --tail 10"}
	for _, tt := range []struct {
		label string
		after time.Duration
		note  string // empty: it works
		twice string // the note of a second press, likewise
	}{
		{"Look again", 59 * time.Minute, "", ""},
		{"Look again", time.Hour, "This button works once", "This button works once"},
		{"Stop it", time.Minute, "", "This button works once"},
		{"Stop it", 121 * time.Second, "This button works once", "This button works once"},
		{"More", 9 * time.Minute, "", ""},
		{"More", 10 * time.Minute, "This button has expired. Send the command again.", "This button has expired. Send the command again."},
		{"Full output", 10 * time.Minute, "The full output is no longer kept.", "The full output is no longer kept."},
	} {
		bubble(t, func(t *testing.T, g *rig) {
			g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
				return commands.Result{Blocks: []commands.Block{{Text: long}}, Buttons: [][]commands.Button{{look, stop, page}}}, nil
			}
			g.unlock(alice)
			g.start()
			g.send(g.message("/session main hi"))
			synctest.Wait()
			s := g.chat.last(t)
			data := s.button(tt.label)
			if tt.label == "Full output" {
				data = s.reply.Overflow.Data
			}
			time.Sleep(tt.after)
			g.unlock(alice)
			for _, want := range []string{tt.note, tt.twice} {
				g.chat.mu.Lock()
				g.chat.notes = nil
				g.chat.mu.Unlock()
				ran := len(g.lines())
				g.press(alice, s, data)
				synctest.Wait()
				note := strings.Join(g.chat.notes, "|")
				if !strings.HasPrefix(note, want) || want == "" && note != "" || (len(g.lines()) > ran) != (want == "") {
					t.Errorf("[%s] after %v: %q, want %q; ran %q", tt.label, tt.after, note, want, g.lines()[ran:])
				}
			}
		})
	}
	bubble(t, func(t *testing.T, g *rig) { // [Cancel] of the process before
		g.start()
		g.press(alice, sent{id: 1, to: console.Address{ChatID: alice}}, "c:end:AAAAAAAAAAAAAAAAAAAAAAAAAA")
		synctest.Wait()
		if want := []string{"It has ended, or the console was restarted. See the next message."}; !slices.Equal(g.chat.notes, want) {
			t.Errorf("told %q, want %q", g.chat.notes, want)
		}
	})
}

// A command that waited too long is offered again, and the button repeats all
// checks.
func TestRunNow(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		m := g.message("/gateway restart")
		m.SentAt = m.SentAt.Add(-9 * time.Minute)
		g.send(m)
		synctest.Wait()
		s := g.chat.last(t)
		now := s.button("Run now")
		g.press(alice, s, now)
		synctest.Wait()
		if got := g.chat.last(t).text(); !strings.HasPrefix(got, "ERROR: unauthorized") || len(g.lines()) > 0 {
			t.Fatalf("locked: answer %q, ran %q", got, g.lines())
		}
		g.unlock(alice)
		m = g.message("/gateway restart")
		m.SentAt = m.SentAt.Add(-9 * time.Minute)
		g.send(m)
		synctest.Wait()
		s = g.chat.last(t)
		g.press(alice, s, s.button("Run now"))
		synctest.Wait()
		if got := g.lines(); !slices.Equal(got, []string{"/gateway restart"}) {
			t.Errorf("ran %q", got)
		}
	})
}

func TestForgedPress(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		s := sent{id: 5, to: console.Address{ChatID: alice}}
		for _, data := range []string{"", "c:", "/run --yes id", "c:AAAAAAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("x", 64)} {
			g.press(alice, s, data)
		}
		synctest.Wait()
		if len(g.lines()) > 0 || len(g.chat.all()) > 0 || len(g.chat.notes) != 5 {
			t.Errorf("ran %q, sent %q, notes %q", g.lines(), texts(g.chat.all()), g.chat.notes)
		}
		g.chat.notes = nil
		id := g.press(mallory, sent{id: 5, to: console.Address{ChatID: group}}, "c:")
		synctest.Wait()
		if len(g.chat.notes) > 0 || g.ledger.outcome(id) != console.Ignored {
			t.Errorf("a stranger's press was answered %q", g.chat.notes)
		}
	})
}

// Presses have a budget of their own, and bots have no presses.
func TestPressBudget(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		exhaust(g.gate) // what messages may use has nothing to do with it
		s := sent{id: 5, to: console.Address{ChatID: alice}}
		for range 30 {
			g.press(alice, s, "c:unknown")
		}
		synctest.Wait()
		limited := 0
		for _, n := range g.chat.notes {
			if n == "rate limited (try again later)" {
				limited++
			}
		}
		if limited != 10 {
			t.Errorf("%d of 30 presses were limited, want 10", limited)
		}
	})
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		p := console.Press{UpdateID: 1, ID: "1", ChatID: alice, UserID: alice, Private: true, FromBot: true, Data: "c:x"}
		if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: 1, Press: &p}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(g.chat.notes) > 0 || g.ledger.outcome(1) != console.Ignored {
			t.Errorf("a bot's press was answered %q", g.chat.notes)
		}
	})
}

// An update that someone else has claimed does not run here, and is theirs to
// answer.
func TestClaimedElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.ledger.broken("claim", fmt.Errorf("claim: %w", console.ErrClaimed))
		g.start()
		id := g.send(g.message("/status"))
		synctest.Wait()
		if len(g.lines()) > 0 || len(g.chat.all()) > 0 || g.ledger.outcome(id) != 0 {
			t.Errorf("ran %q, answered %q, outcome %v", g.lines(), texts(g.chat.all()), g.ledger.outcome(id))
		}
		if h := g.router.Health(); h.Running != 0 || h.Waiting != 0 {
			t.Errorf("its place was not given back: %+v", h)
		}
	})
}

func TestFullOutput(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		long := strings.Repeat("line with token="+secret+"\n", 400)
		g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
			return commands.Result{Blocks: []commands.Block{{Kind: commands.Pre, Text: long, Oldest: true}}}, nil
		}
		g.start()
		g.send(g.message("/logs"))
		synctest.Wait()
		s := g.chat.last(t)
		if s.reply.Overflow == nil {
			t.Fatal("no [Full output]")
		}
		time.Sleep(9 * time.Minute)
		g.press(bob, s, s.reply.Overflow.Data) // a stranger to alice's chat
		g.press(alice, s, s.reply.Overflow.Data)
		synctest.Wait()
		d := g.chat.last(t)
		if d.doc == nil || d.doc.Name.String() != "logs.txt" || strings.Count(d.doc.Text.String(), "\n") < 400 || strings.Contains(d.doc.Text.String(), secret) {
			t.Errorf("document %q…", d.text()[:40])
		}
		if n := len(g.chat.all()); n != 2 {
			t.Errorf("%d messages", n)
		}
		time.Sleep(61 * time.Second)
		g.press(alice, s, s.reply.Overflow.Data)
		synctest.Wait()
		if n := len(g.chat.all()); n != 2 {
			t.Error("kept for more than ten minutes")
		}
	})
}

func TestProgress(t *testing.T) {
	slow := func(d time.Duration, reports ...string) commandsFunc {
		return func(ctx context.Context, _ auth.Grant, _ commands.Request, progress func(commands.Result)) (commands.Result, error) {
			for _, s := range reports {
				progress(commands.Result{Blocks: []commands.Block{{Text: s}}})
				time.Sleep(100 * time.Millisecond)
			}
			select {
			case <-time.After(d):
				return commands.Result{Blocks: []commands.Block{{Text: "finished"}}}, nil
			case <-ctx.Done():
				return commands.Result{}, ctx.Err()
			}
		}
	}
	for _, tt := range []struct {
		took   time.Duration
		typing int
		edits  int
	}{
		{900 * time.Millisecond, 0, 0},
		{2900 * time.Millisecond, 1, 0},
		{3100 * time.Millisecond, 1, 1},
	} {
		bubble(t, func(t *testing.T, g *rig) {
			g.do = slow(tt.took)
			g.start()
			g.send(g.message("/status"))
			time.Sleep(10 * time.Second)
			all := g.chat.all()
			if len(all) != 1 || all[0].edits != tt.edits || g.chat.typing != tt.typing || !strings.Contains(all[0].text(), "finished") {
				t.Errorf("after %v: %d messages, %d edits, %d typing: %q", tt.took, len(all), all[0].edits, g.chat.typing, texts(all))
			}
			if all[0].button("Cancel") != "" {
				t.Error("the answer still has [Cancel]")
			}
		})
	}
	bubble(t, func(t *testing.T, g *rig) { // many reports: one edit in 2 s
		var reports []string
		for i := range 100 {
			reports = append(reports, fmt.Sprint("step ", i))
		}
		g.do = slow(0, reports...)
		g.start()
		g.send(g.message("/status"))
		time.Sleep(3500 * time.Millisecond)
		if got := g.chat.last(t).text(); !strings.Contains(got, "step ") || !strings.HasPrefix(got, "… /status @local") {
			t.Errorf("progress %q", got)
		}
		time.Sleep(20 * time.Second)
		if all := g.chat.all(); len(all) != 1 || all[0].edits > 5 || all[0].edits < 3 {
			t.Errorf("%d messages, %d edits in 10 s", len(all), all[0].edits)
		}
	})
	bubble(t, func(t *testing.T, g *rig) { // "typing" that hangs holds up nothing
		g.chat.typingHangs = true
		g.do = slow(5 * time.Second)
		g.start()
		g.send(g.message("/status"))
		time.Sleep(4 * time.Second)
		if all := g.chat.all(); len(all) != 1 {
			t.Errorf("%d messages after 4 s, want the progress", len(all))
		}
		time.Sleep(10 * time.Second)
	})
	bubble(t, func(t *testing.T, g *rig) { // deleted meanwhile: sent anew
		g.do = slow(10 * time.Second)
		g.start()
		g.send(g.message("/status"))
		time.Sleep(4 * time.Second)
		g.chat.mu.Lock()
		g.chat.messages[0].gone = true
		g.chat.mu.Unlock()
		time.Sleep(10 * time.Second)
		if all := g.chat.all(); len(all) != 2 || !strings.Contains(all[1].text(), "finished") {
			t.Errorf("messages %q", texts(all))
		}
	})
	bubble(t, func(t *testing.T, g *rig) { // [Cancel]
		g.do = slow(time.Hour)
		g.start()
		id := g.send(g.message("/status"))
		time.Sleep(4 * time.Second)
		s := g.chat.last(t)
		g.press(bob, s, s.button("Cancel"))
		synctest.Wait()
		if g.ledger.outcome(id) != 0 {
			t.Fatal("cancelled by someone else")
		}
		g.press(alice, s, s.button("Cancel"))
		synctest.Wait()
		if got := g.chat.all(); len(got) != 1 || !strings.HasPrefix(got[0].text(), "ERROR: cancelled: /status") {
			t.Errorf("answers %q", texts(got))
		}
	})
}

// What a command offers while it runs can be pressed: it is done beside it, with an
// answer of its own.
func TestProgressButtons(t *testing.T) {
	for _, tt := range []struct{ line, button, runs, toast string }{
		{"/session main hi", "Stop it", "/stop main", "no longer waiting"},
		{"/gateway restart", "Restart now", "/gateway restart --now", "no longer waiting"},
		{"/run --yes sleep 600", "", "", "ending it"},
	} {
		bubble(t, func(t *testing.T, g *rig) {
			g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, progress func(commands.Result)) (commands.Result, error) {
				if q.Line != tt.line {
					return commands.Result{Summary: "done: " + q.Line}, nil
				}
				tick := time.NewTicker(time.Second)
				defer tick.Stop()
				for ctx.Err() == nil {
					if tt.button != "" {
						progress(commands.Result{Buttons: [][]commands.Button{{{Label: tt.button, Line: tt.runs}}}})
					}
					select {
					case <-tick.C:
					case <-ctx.Done():
					}
				}
				return commands.Result{Summary: "ended"}, nil
			}
			g.unlock(alice)
			g.start()
			g.send(g.message(tt.line))
			time.Sleep(4 * time.Second)
			first := g.chat.last(t)
			if tt.button != "" {
				time.Sleep(5 * time.Minute)
				s := g.chat.last(t)
				for _, data := range []string{first.button(tt.button), s.button(tt.button)} { // the first is too old by now
					g.press(alice, s, data)
					synctest.Wait()
				}
				all := g.chat.all()
				if got := g.lines(); !slices.Equal(got, []string{tt.line, tt.runs}) || len(all) != 2 || !strings.Contains(all[1].text(), "done: "+tt.runs) {
					t.Errorf("began %q, sent %q", got, texts(all))
				}
			}
			g.press(alice, first, first.button("Cancel"))
			synctest.Wait()
			if got := g.chat.notes[len(g.chat.notes)-1]; got != tt.toast {
				t.Errorf("%s: [Cancel] says %q, want %q", tt.line, got, tt.toast)
			}
		})
	}
}

// Four commands that show progress in one chat share its pace.
func TestProgressPace(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.do = func(ctx context.Context, _ auth.Grant, _ commands.Request, progress func(commands.Result)) (commands.Result, error) {
			for i := range 300 {
				progress(commands.Result{Blocks: []commands.Block{{Text: fmt.Sprint("step ", i)}}})
				time.Sleep(100 * time.Millisecond)
			}
			return commands.Result{}, nil
		}
		g.start()
		for range 4 {
			g.send(g.message("/status"))
		}
		time.Sleep(29 * time.Second)
		shown := 0
		for _, m := range g.chat.all() {
			shown += 1 + m.edits
			if m.edits < 3 {
				t.Errorf("one command was edited only %d times", m.edits)
			}
		}
		if shown > 28 {
			t.Errorf("%d messages and edits in the 26 s since the first", shown)
		}
		time.Sleep(10 * time.Second)
	})
}

func TestShutdown(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			d := 5 * time.Second
			if q.Line == "/logs" {
				d = time.Hour
			}
			select {
			case <-time.After(d):
				return commands.Result{}, nil
			case <-ctx.Done():
				return commands.Result{}, ctx.Err()
			}
		}
		g.start()
		short, long := g.send(g.message("/sessions")), g.send(g.message("/logs"))
		g.send(g.message("/logs"))
		g.send(g.message("/logs"))
		waits := g.send(g.message("/cron list"))
		synctest.Wait()
		begun := time.Now()
		if err := g.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(begun); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("took %v, want the 10 s that commands are given", took)
		}
		for id, want := range map[int64]console.Outcome{short: console.Done, long: console.Interrupted, waits: console.Interrupted} {
			if got := g.ledger.outcome(id); got != want {
				t.Errorf("outcome of %d = %v, want %v", id, got, want)
			}
		}
		all := strings.Join(texts(g.chat.all()), "\n")
		if strings.Count(all, "ERROR: the console stopped meanwhile, outcome unknown: /logs @local") != 3 ||
			strings.Count(all, "ERROR: stopped before it began, not run: /cron list") != 1 {
			t.Errorf("told %q", all)
		}
		m := g.message("/status")
		_ = g.router.Receive(context.Background(), []console.Incoming{{UpdateID: m.UpdateID, Message: &m}})
		synctest.Wait()
		if len(g.lines()) != 4 {
			t.Errorf("a command began after the stop: %q", g.lines())
		}
		if g.ledger.outcome(m.UpdateID) != 0 {
			t.Error("an update that came after the stop was ended instead of left to the next start")
		}
	})
}

// What the console only waits for goes on when it stops: its answer says so, in its
// own words. A shell command was ended.
func TestStopKeepsTheAnswer(t *testing.T) {
	for line, want := range map[string]string{
		"/run --yes sleep 100": "The console was stopped, and ended it.",
		"/session main hi":     "to look again: /session main --again r",
	} {
		bubble(t, func(t *testing.T, g *rig) {
			g.do = func(ctx context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
				<-ctx.Done()
				if q.Name == "session" {
					return commands.Result{Hint: "to look again: /session main --again r"}, nil
				}
				return commands.Result{Failed: true}, nil
			}
			g.unlock(alice)
			g.start()
			g.send(g.message(line))
			synctest.Wait()
			if err := g.stop(); err != nil {
				t.Fatal(err)
			}
			if got := g.chat.last(t).reply.Hint.String(); got != want {
				t.Errorf("%s: hint %q, want %q", line, got, want)
			}
		})
	}
}

func TestRecover(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.unlock(alice)
		g.start()
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
		fresh, old, withheld, claimed := g.message("/status"), g.message("/gateway restart"), g.message("/auth "+secret), g.message("/gateway restart --now")
		talk := g.message("/session ops restart the service")
		old.SentAt = old.SentAt.Add(-time.Hour)
		var batch []console.Incoming
		for _, m := range []console.Message{fresh, old, withheld, claimed, talk} {
			batch = append(batch, console.Incoming{UpdateID: m.UpdateID, Message: &m})
		}
		// The stopped router stores what it is given, as one does that is killed right
		// after.
		if err := g.router.Receive(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		for _, m := range []console.Message{claimed, talk} {
			if err := g.ledger.Claim(t.Context(), console.Claim{UpdateID: m.UpdateID, ChatID: alice, UserID: alice, Command: m.Text, Class: "moderate", At: time.Date(2026, 1, 2, 3, 12, 0, 0, time.UTC)}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // told once, however often it starts
			g.start()
			synctest.Wait()
			if err := g.stop(); err != nil {
				t.Fatal(err)
			}
		}
		got := texts(g.chat.all())
		slices.Sort(got)
		want := []string{
			"ERROR: /gateway restart --now, 03:12: outcome unknown, check /gateway status",
			fmt.Sprintf("ERROR: /session ops restart the service, 03:12: outcome unknown, look again: /session ops --again clawconsole::%d:%d", alice, talk.UpdateID),
			"ERROR: restarted before this was run; its secret was not kept, not run",
			"ERROR: too old (sent ",
			"OK: /status @local",
		}
		if len(got) != len(want) {
			t.Fatalf("told %q, want %q", got, want)
		}
		for i := range want {
			if !strings.HasPrefix(got[i], strings.TrimSuffix(want[i], ", not run")) {
				t.Errorf("told %q, want %q", got[i], want[i])
			}
		}
		if got := g.lines(); !slices.Equal(got, []string{"/status"}) {
			t.Errorf("ran %q", got)
		}
		if !slices.Contains(g.record.events(), audit.CommandUnknown) || g.ledger.outcome(claimed.UpdateID) != console.Unknown {
			t.Error("the unknown outcome is not on record")
		}
		if !slices.Contains(g.chat.deleted, withheld.MessageID) {
			t.Error("the message with the secret was not deleted")
		}
	})
}

// A console that is restarted more often than once an hour forgets old updates too.
func TestPrunedAtStart(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		for want := 1; want <= 3; want++ {
			g.start()
			time.Sleep(time.Minute)
			synctest.Wait()
			if g.ledger.pruned != want {
				t.Errorf("pruned %d times in %d short lives", g.ledger.pruned, want)
			}
			if err := g.stop(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What a crash has left unknown rings, if it may have had an effect.
func TestUnknownOutcomeRings(t *testing.T) {
	for _, class := range []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous, auth.Approve} {
		bubble(t, func(t *testing.T, g *rig) {
			if _, err := g.ledger.Receive(t.Context(), []console.Update{{ID: 1}}); err != nil {
				t.Fatal(err)
			}
			if err := g.ledger.Claim(t.Context(), console.Claim{UpdateID: 1, ChatID: alice, UserID: alice, Command: "/x", Class: class.String()}); err != nil {
				t.Fatal(err)
			}
			g.start()
			synctest.Wait()
			if got := g.chat.last(t); got.reply.Sound != (class != auth.Safe) || !strings.Contains(got.text(), "outcome unknown") {
				t.Errorf("%v: told %q, sound = %v", class, got.text(), got.reply.Sound)
			}
		})
	}
}

// Replies survive an outage and a restart, in order, and none is lost.
func TestOutbox(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		down := true
		g.chat.failSend = func(sent) error {
			if down {
				return errors.New("connection refused")
			}
			return nil
		}
		g.start()
		const n = 400 // more than fit into memory
		for i := range n {
			g.send(g.message(fmt.Sprintf("/logs --tail %d", i+1)))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		if got := len(g.chat.all()); got != 0 {
			t.Fatalf("%d sent", got)
		}
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
		g.start()
		time.Sleep(5 * time.Minute)
		g.chat.mu.Lock()
		down = false
		g.chat.mu.Unlock()
		time.Sleep(5 * time.Minute)
		all := g.chat.all()
		if len(all) != n {
			t.Fatalf("%d sent, want %d", len(all), n)
		}
		for i, s := range all {
			if want := fmt.Sprintf("OK: /logs --tail %d @local", i+1); !strings.HasPrefix(s.text(), want) {
				t.Fatalf("message %d is %q, want %q", i, s.text(), want)
			}
		}
		if n := g.ledger.waiting(); n != 0 {
			t.Errorf("%d left in the outbox", n)
		}
	})
}

// A chat with more replies than fit into memory gets those that come later
// later, also while there is room again.
func TestOutboxSpill(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		slow := make(chan struct{})
		send := func(from, to int) {
			for i := from; i < to; i++ {
				reply := console.Reply{Header: newRedactor(t).Text(fmt.Sprint(i))}
				if err := g.router.Notify(t.Context(), console.Outgoing{To: console.Address{ChatID: bob}, Reply: &reply}); err != nil {
					t.Fatal(err)
				}
			}
		}
		g.chat.slow = slow
		send(0, 300)
		for range 100 {
			slow <- struct{}{}
		}
		synctest.Wait()
		send(300, 350)
		close(slow)
		time.Sleep(time.Minute)
		all := g.chat.all()
		if len(all) != 350 {
			t.Fatalf("%d sent", len(all))
		}
		for i, s := range all {
			if s.text() != fmt.Sprint(i) {
				t.Fatalf("message %d is %q", i, s.text())
			}
		}
	})
}

// Telegram keeps a chat quiet for longer than one attempt lasts. The ledger was told
// with the context of that attempt, which had ended: it looked as if it could not be
// written, and health was red.
func TestOutboxHoldsBack(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.config.Chat = quietChat{g.chat}
		g.start()
		g.send(g.message("/status"))
		time.Sleep(3 * time.Minute)
		if g.ails("ledger") {
			t.Errorf("health is red: %v", g.router.Health().Faults)
		}
		g.ledger.mu.Lock()
		held := len(g.ledger.held)
		g.ledger.mu.Unlock()
		if held != 1 {
			t.Errorf("%d parcels held back, want 1", held)
		}
	})
}

// quietChat takes no message: it waits for as long as it is let.
type quietChat struct{ *fakeChat }

func (quietChat) Send(ctx context.Context, _ console.Address, _ console.Reply) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// A thousand messages for a group that has thrown the bot out of reach wait on disk
// when the console starts. They were all that it read, and nobody else was answered.
func TestOutboxIsFair(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.chat.failSend = func(s sent) error {
			if s.to.ChatID == group {
				return errors.New("bad gateway")
			}
			return nil
		}
		reply := console.Outgoing{Reply: &console.Reply{}}
		body, err := json.Marshal(reply)
		if err != nil {
			t.Fatal(err)
		}
		var parcels []console.Parcel
		for range 1500 {
			parcels = append(parcels, console.Parcel{To: console.Address{ChatID: group}, Body: body})
		}
		parcels = append(parcels, console.Parcel{To: console.Address{ChatID: bob}, Body: body})
		if err := g.ledger.Enqueue(t.Context(), parcels); err != nil {
			t.Fatal(err)
		}
		g.start()
		time.Sleep(5 * time.Minute)
		if all := g.chat.all(); len(all) != 1 || all[0].to.ChatID != bob {
			t.Errorf("%d messages sent, want bob's", len(all))
		}
		g.chat.mu.Lock()
		g.chat.failSend = nil
		g.chat.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if n := g.ledger.waiting(); n != 0 {
			t.Errorf("%d left in the outbox", n)
		}
	})
}

// What Telegram never takes, and what it has not taken for hours, is not dropped in
// silence.
func TestOutboxSaysWhatIsLost(t *testing.T) {
	for name, failure := range map[string]error{
		"rejected": fmt.Errorf("%w: message is too odd", console.ErrRejected),
		"outage":   errors.New("bad gateway"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.chat.failSend = func(s sent) error {
					if strings.HasPrefix(s.text(), "OK: /status") {
						return failure
					}
					return nil
				}
				g.start()
				g.send(g.message("/status"))
				time.Sleep(10 * time.Hour)
				if all := texts(g.chat.all()); len(all) != 1 || !strings.HasPrefix(all[0], "ERROR: Telegram does not take") {
					t.Errorf("answers %q", all)
				}
			})
		})
	}
}

// One chat that does not answer holds up no other, and one that cannot be reached
// is given up.
func TestOutboxChats(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.chat.failSend = func(s sent) error {
			switch s.to.ChatID {
			case alice:
				return errors.New("bad gateway")
			case group:
				return fmt.Errorf("%w: kicked", console.ErrBlocked)
			case forum:
				return &console.MigratedError{ChatID: -7}
			}
			return nil
		}
		g.start()
		reply := console.Reply{}
		for _, chat := range []int64{alice, group, forum, bob} {
			if err := g.router.Notify(t.Context(), console.Outgoing{To: console.Address{ChatID: chat}, Reply: &reply}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		var to []int64
		for _, s := range g.chat.all() {
			to = append(to, s.to.ChatID)
		}
		slices.Sort(to)
		if !slices.Equal(to, []int64{-7, bob}) || g.ledger.waiting() != 1 {
			t.Errorf("sent to %v, %d left; want the new group and bob, and alice's left", to, g.ledger.waiting())
		}
	})
}

func TestStrangerAnsweredOnceAnHour(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		for range 5 {
			m := g.message("/status")
			m.UserID, m.ChatID = mallory, mallory
			g.send(m)
			time.Sleep(20 * time.Minute)
		}
		if n := len(g.chat.all()); n != 2 {
			t.Errorf("answered %d times in 100 minutes, want 2", n)
		}
		if len(g.record.events()) != 0 {
			t.Error("a stranger's text is on record")
		}
	})
}

func TestUnknownGroupIsLeftOnce(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: 1, Joined: &console.Joined{UpdateID: 1, ChatID: -5}}, {UpdateID: 2, Joined: &console.Joined{UpdateID: 2, ChatID: group}}}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			m := g.message("/status")
			m.Private, m.ChatID = false, -5
			g.send(m)
		}
		synctest.Wait()
		if !slices.Equal(g.chat.left, []int64{-5}) {
			t.Errorf("left %v", g.chat.left)
		}
		if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: 9, Joined: &console.Joined{UpdateID: 9, ChatID: -5}}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.Equal(g.chat.left, []int64{-5, -5}) {
			t.Errorf("added again: left %v", g.chat.left)
		}
	})
}

// The approvals see presses and replies of operators only, and before commands; a
// stranger who presses one of their buttons is told that it is not theirs.
func TestApprovalsComeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		a := new(fakeApprovals)
		g.config.Approvals = a
		g.start()
		g.press(alice, sent{id: 1, to: console.Address{ChatID: alice}}, "a:1")
		g.press(mallory, sent{id: 1, to: console.Address{ChatID: group}}, "a:2")
		m := g.message("because")
		m.ReplyTo = 7
		g.send(m)
		synctest.Wait()
		if !slices.Equal(a.got, []string{"alice a:1", "alice because"}) && !slices.Equal(a.got, []string{"alice because", "alice a:1"}) {
			t.Errorf("approvals got %q", a.got)
		}
		if len(g.chat.all()) > 0 || !slices.Equal(g.chat.notes, []string{"This is not yours to decide."}) {
			t.Errorf("answered as well: %q %q", texts(g.chat.all()), g.chat.notes)
		}
	})
}
