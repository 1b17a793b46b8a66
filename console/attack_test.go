package console_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/internal/audit"
)

// Attack: while "Why do you deny it?" is open, the phone makes a reply of whatever
// is typed. A secret, or /lock, sent then was taken for the reason: it went to the
// agent and on record, and nothing was locked.
func TestCommandIsNoReason(t *testing.T) {
	for _, text := range []string{"/auth " + secret, "/lock", "/gateway restart --secret " + secret, "auth " + secret} {
		bubble(t, func(t *testing.T, g *rig) {
			a := new(fakeApprovals)
			g.config.Approvals = a
			g.unlock(alice)
			g.start()
			m := g.message(text)
			m.ReplyTo = 7
			g.send(m)
			synctest.Wait()
			if len(a.got) > 0 {
				t.Errorf("%q went to the approvals", a.got)
			}
			if strings.Contains(text, secret) != slices.Contains(g.chat.deleted, m.MessageID) {
				t.Errorf("%q: deleted %v", text, g.chat.deleted)
			}
			if strings.HasPrefix(text, "/") && len(g.lines()) != 1 {
				t.Errorf("%q: ran %q", text, g.lines())
			}
		})
	}
}

// A bodyLedger remembers every body that was ever put on disk.
type bodyLedger struct {
	*memLedger
	bodies []string
}

func (l *bodyLedger) Receive(ctx context.Context, us []console.Update) ([]bool, error) {
	for _, u := range us {
		l.bodies = append(l.bodies, string(u.Body))
	}
	return l.memLedger.Receive(ctx, us)
}

// Attack: read the ledger, or its backup, for what was on disk between receipt and
// admission: the secret behind a command that is not /auth, and what strangers and
// people who talk have written.
func TestBodiesOnDisk(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		l := &bodyLedger{memLedger: g.ledger}
		g.config.Ledger = l
		g.start()
		texts := []string{
			"/auth " + secret, "/auht " + secret, "/ auth " + secret, "/unlock " + secret, "/Password\n" + secret, secret, "/status " + secret,
			"@" + bot + " auth " + secret, "/gateway restart -- secret " + secret, "/gateway restart \u2011\u2011secret " + secret,
			"/sta\u200btus --sec\u200dret=" + secret,
		}
		for _, text := range texts {
			g.send(g.message(text))
		}
		m := g.message("my diary: " + strings.Repeat("x", 10))
		m.UserID, m.ChatID = mallory, mallory
		g.send(m)
		synctest.Wait()
		for i, b := range l.bodies {
			if strings.Contains(b, secret) || strings.Contains(b, "diary") {
				t.Errorf("on disk: %s (message %d)", b, i)
			}
		}
		if strings.Contains(g.record.text(), secret) {
			t.Error("the record holds the secret")
		}
	})
}

// Attack: wait for an operator to put the secret where it is no command (edited, a
// caption, in a group without our name), and read it there later.
func TestSecretsAreDeletedAnywhere(t *testing.T) {
	for _, tt := range []struct {
		name   string
		origin console.Origin
		group  bool
		user   int64
		text   string
		want   bool // deleted
	}{
		{"edited", console.Edited, false, alice, "/auth " + secret, true},
		{"caption", console.Other, false, alice, "/auth " + secret, true},
		{"edited in a group", console.Edited, true, alice, "/auth " + secret, true},
		{"group, not named", console.Person, true, alice, "/auth " + secret, true},
		{"group, not named, other white space", console.Person, true, alice, "/auth\u00a0x@y" + secret, true},
		{"group, for another bot", console.Person, true, alice, "/auth@other_bot hunter2", false},
		{"group, our secret for another bot", console.Person, true, alice, "/auth@other_bot " + secret, true},
		{"edited, our secret", console.Edited, true, alice, "it is " + secret, true},
		{"group, talk", console.Person, true, alice, "auth is what the --secret flag is for", false},
		{"edited talk", console.Edited, true, alice, "auth is what the --secret flag is for", false},
		{"a stranger's", console.Edited, true, mallory, "/auth " + secret, false},
		{"a channel's", console.Channel, true, 0, "/auth " + secret, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.start()
				m := g.message(tt.text)
				m.Origin, m.UserID = tt.origin, tt.user
				if tt.group {
					m.Private, m.ChatID = false, group
				}
				g.send(m)
				synctest.Wait()
				if got := slices.Contains(g.chat.deleted, m.MessageID); got != tt.want {
					t.Errorf("deleted = %v, answer %q", got, texts(g.chat.all()))
				}
				if len(g.lines()) > 0 {
					t.Errorf("ran %q", g.lines())
				}
				if sent := g.chat.all(); (len(sent) > 0) != tt.want || strings.Contains(fmt.Sprint(texts(sent)), secret) {
					t.Errorf("answered %q", texts(sent))
				}
			})
		})
	}
}

// Attack: with the unlocked phone, fill the queue with commands that will run when
// their turn comes, long after the owner has sent /lock from elsewhere, or after
// they have become stale.
func TestWaitingIsCheckedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(*rig)
		text      string
		want      string // of the answer; empty: it runs
	}{
		"lock":          {func(g *rig) { g.gate.Lock(auth.Caller{UserID: alice}) }, "/gateway restart", "ERROR: unauthorized"},
		"stale":         {func(g *rig) { time.Sleep(121 * time.Second) }, "/gateway restart", "ERROR: waited too long"},
		"safe":          {func(g *rig) { time.Sleep(121 * time.Second) }, "/logs", ""},
		"own secret":    {func(g *rig) { g.gate.Lock(auth.Caller{UserID: alice}) }, "/gateway restart --secret " + secret, ""},
		"nothing wrong": {func(g *rig) { time.Sleep(time.Minute) }, "/run --yes true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				release := make(chan struct{})
				g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
					if q.Name == "sessions" {
						<-release
					}
					return commands.Result{}, nil
				}
				g.unlock(alice)
				g.start()
				for range 4 {
					g.send(g.message("/sessions"))
				}
				id := g.send(g.message(tt.text))
				synctest.Wait()
				tt.meanwhile(g)
				close(release)
				synctest.Wait()
				ran, want := len(g.lines()) == 5, console.Done
				if tt.want != "" {
					want = console.Refused
				}
				if got := g.ledger.outcome(id); ran != (tt.want == "") || got != want {
					t.Errorf("ran %q, outcome %v", g.lines(), got)
				}
				if all := fmt.Sprint(texts(g.chat.all())); !strings.Contains(all, tt.want) {
					t.Errorf("answered %q, want %q", all, tt.want)
				}
			})
		})
	}
}

// A token that a program printed lies across the end of what is kept of its output.
// Cut first it would be no token any more, and all but its last letters would show.
func TestRedactedBeforeCut(t *testing.T) {
	const token, tail = "7000001:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", " and more"
	for cut := range len(token) + 1 {
		bubble(t, func(t *testing.T, g *rig) {
			g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
				return commands.Result{Blocks: []commands.Block{{Kind: commands.Pre, Text: "got " + token + tail, Lookahead: cut + len(tail)}}}, nil
			}
			g.start()
			g.send(g.message("/logs"))
			synctest.Wait()
			if got := g.chat.last(t).text(); strings.Contains(got, "AAHd") {
				t.Errorf("%d letters behind the cut: %q", cut, got)
			}
		})
	}
}

// Attack: a modified client sends the data of one's own harmless button with the
// number of another message of ours, an approval's prompt say. The answer would
// have been edited over it.
func TestButtonOfAnotherMessage(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.unlock(alice)
		g.start()
		m := g.message("/run true")
		m.Private, m.ChatID, m.TopicID = false, forum, topic
		g.send(m)
		synctest.Wait()
		s := g.chat.last(t)
		for _, change := range []func(*console.Press){
			func(p *console.Press) { p.Stray = true },
			func(p *console.Press) { p.TopicID = 0 },
		} {
			for _, label := range []string{"Run it", "Cancel"} {
				g.next++
				p := console.Press{
					UpdateID: g.next, ID: fmt.Sprint(g.next), ChatID: forum, TopicID: topic, MessageID: s.id,
					UserID: alice, Data: s.button(label), ReceivedAt: time.Now(),
				}
				change(&p)
				if err := g.router.Receive(t.Context(), []console.Incoming{{UpdateID: p.UpdateID, Press: &p}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait()
		if now := g.chat.last(t); now.edits != 0 || len(g.lines()) > 0 {
			t.Errorf("edited %d times, ran %q", now.edits, g.lines())
		}
	})
}

// Attack: page through the longest log until what [Full output] keeps fills the
// memory.
func TestHeldOutputIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		const each = 1 << 20
		g.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
			return commands.Result{Blocks: []commands.Block{{Kind: commands.Pre, Text: strings.Repeat("0123456 ", each/8)}}}, nil
		}
		g.start()
		const n = 20
		for range n {
			g.send(g.message("/logs"))
			synctest.Wait()
		}
		for _, s := range g.chat.all() {
			g.press(alice, s, s.reply.Overflow.Data)
			synctest.Wait()
		}
		docs := 0
		for _, s := range g.chat.all() {
			if s.doc != nil {
				docs++
			}
		}
		if docs == 0 || docs > 8 || len(g.chat.all()) != n+docs {
			t.Errorf("%d of %d outputs of %d bytes were kept", docs, n, each)
		}
		if s := g.chat.all()[n-1]; g.chat.all()[n+docs-1].doc == nil || s.reply.Overflow == nil {
			t.Error("not the newest")
		}
	})
}

// Attack: get a text into a reply that the program cannot show. The panic ended
// the process, and the parcel in the outbox ended it again at every start.
func TestPoisonedParcel(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.chat.failSend = func(s sent) error {
			if strings.Contains(s.text(), "poison") {
				panic("cannot show this")
			}
			return nil
		}
		g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Name == "logs" {
				time.Sleep(5 * time.Second) // shown in progress too
				return commands.Result{Summary: "poison"}, nil
			}
			return commands.Result{Summary: "fine"}, nil
		}
		g.start()
		g.send(g.message("/logs --grep poison"))
		g.send(g.message("/status"))
		time.Sleep(time.Minute)
		synctest.Wait()
		all := strings.Join(texts(g.chat.all()), "\n")
		if !strings.Contains(all, "OK: fine") || !strings.Contains(all, "ERROR: Telegram does not take") || g.ledger.waiting() != 0 {
			t.Errorf("answered %q, %d parcels left", all, g.ledger.waiting())
		}
	})
}

// Attack: make what comes after a command panic. It ended the process.
func TestPanicAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		panics := 1
		g.record.fail = func(r audit.Record) error {
			if r.Event == audit.CommandDone && panics > 0 {
				panics--
				panic("odd")
			}
			return nil
		}
		g.start()
		id := g.send(g.message("/status"))
		g.send(g.message("/whoami"))
		synctest.Wait()
		all := fmt.Sprint(texts(g.chat.all()))
		if !strings.Contains(all, "internal error, see log") || len(g.lines()) != 2 || g.ledger.outcome(id) != console.Done {
			t.Errorf("answered %q, outcome %v", all, g.ledger.outcome(id))
		}
		if h := g.router.Health(); h.Running != 0 {
			t.Errorf("%d still at work", h.Running)
		}
	})
}

// Attack: a phone without a second factor floods the group in which approvals are
// shown, and the record, with refusals: each was answered, and recorded with its
// whole command.
func TestRefusalsAreNoFlood(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.gate = newGate(t, func(c *auth.Config) { c.RatePerMinute = 1; c.RateBurst = 3 })
		g.config.Gate = g.gate
		g.start()
		flood := func(n int) {
			for range n {
				m := g.message("/whoami@" + bot + " " + strings.Repeat("\u0001", 4000))
				m.ChatID, m.Private, m.ToUs = group, false, true
				g.send(m)
			}
			synctest.Wait()
			time.Sleep(10 * time.Second)
		}
		count := func() (answers, bytes int) {
			for _, s := range g.chat.all() {
				if s.to.ChatID == group {
					answers++
				}
			}
			g.record.mu.Lock()
			defer g.record.mu.Unlock()
			for _, rec := range g.record.records {
				bytes += rec.Command.Len()
			}
			return answers, bytes
		}
		flood(3)
		before, size := count()
		flood(200)
		if answers, bytes := count(); answers != before+1 || bytes > size+1000 {
			t.Errorf("200 refusals: %d answers and %d bytes on record, want 1 and no more than 1000", answers-before, bytes-size)
		}
		time.Sleep(time.Minute)
		flood(5) // one of them is within the budget by now
		if answers, _ := count(); answers != before+3 {
			t.Errorf("a minute later: %d answers, want two more", answers-before-1)
		}
		g.record.mu.Lock()
		defer g.record.mu.Unlock()
		said := slices.ContainsFunc(g.record.records, func(r audit.Record) bool {
			return strings.Contains(r.Reason.String(), "199 more were refused before")
		})
		if !said {
			t.Error("those without an answer were not counted on record")
		}
	})
}

// Attack: the same with forwarded messages that hold a secret, which draw on no
// budget. All of them are deleted still.
func TestForwardsAreNoFlood(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		for range 50 {
			m := g.message("/auth " + secret)
			m.Origin = console.Forwarded
			g.send(m)
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		if n := len(g.chat.all()); n != 1 {
			t.Errorf("%d answers, want 1", n)
		}
		if n := len(g.chat.deleted); n != 50 {
			t.Errorf("%d deleted, want all 50", n)
		}
	})
}
