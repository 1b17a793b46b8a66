package console_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
	"clawconsole/console"
	"clawconsole/internal/approvals"
	"clawconsole/internal/audit"
	"clawconsole/openclaw"
)

// inBubble runs a story with a desk on the bubble's clock.
func inBubble(t *testing.T, story func(t *testing.T, r *deskRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newDeskRig(t)
		story(t, r)
		if r.stopDesk != nil {
			r.close()
		}
	})
}

func TestAllow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		answered := make(chan bool)
		r.gw.resolving = func(string, openclaw.Decision) (bool, error) { <-answered; return true, nil }
		r.open()
		a := r.gw.raise(openclaw.Approval{Command: "systemctl restart nginx"})
		synctest.Wait()
		for _, chat := range []int64{alice, bob} {
			p := r.prompt(chat)
			r.shows(p, "Allow this command on local?", "systemctl restart nginx", "main", "agent:main:s1", "/srv/app", "ends or restarts a service")
			if !p.reply.Sound {
				t.Error("a prompt makes no sound")
			}
			if got := p.labels(); !slices.Equal(got, []string{"Allow once", "Deny"}) {
				t.Errorf("buttons %q", got)
			}
		}
		pa, pb := r.prompt(alice), r.prompt(bob)
		r.tap(alice, pa, "Allow once")
		synctest.Wait()
		if got := r.note(); got != "sending…" {
			t.Errorf("answer to the press = %q", got)
		}
		for _, p := range []sent{pa, pb} {
			p = r.now(p)
			r.shows(p, "Sending alice's approval…", "has not confirmed")
			if strings.Contains(p.text(), "Approved") || len(p.labels()) > 0 {
				t.Errorf("shown before the gateway has confirmed:\n%s", p.text())
			}
		}
		at := time.Now().UTC().Format("15:04:05 UTC")
		close(answered)
		synctest.Wait()
		for _, p := range []sent{pa, pb} {
			r.shows(r.now(p), "Approved by alice at "+at, "systemctl restart nginx")
		}
		if got := r.gw.decisions(); !slices.Equal(got, []string{"alice allow-once " + a.ID}) {
			t.Errorf("the gateway was told %q", got)
		}
		if got := r.record.events(); !slices.Equal(got, []audit.Event{audit.ApprovalPrompted, audit.ApprovalDecided, audit.ApprovalDecided}) {
			t.Errorf("on record: %q", got)
		}
		r.tap(bob, pb, "Deny")
		synctest.Wait()
		if got := r.note(); got != "Too late: approved by alice at "+at+"." {
			t.Errorf("answer to bob = %q", got)
		}
		if got := r.gw.decisions(); len(got) != 1 {
			t.Errorf("the gateway was told %q", got)
		}
	})
}

// TestAnsweredAtOnce: a press is answered, and the prompt shows what is under way,
// before the gateway has said anything at all, however much waits.
func TestAnsweredAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.gw.hang = make(chan struct{})
		r.open()
		for i := range 200 {
			r.gw.raise(openclaw.Approval{Command: fmt.Sprint("uptime ", i)})
		}
		synctest.Wait()
		p, begun := r.inChat(alice)[17], time.Now()
		r.tap(alice, p, "Allow once")
		synctest.Wait()
		if d := time.Since(begun); d > 0 || r.note() != "sending…" {
			t.Errorf("after %v the answer is %q", d, r.note())
		}
		r.shows(r.now(p), "Sending alice's approval…")
		close(r.gw.hang)
		synctest.Wait()
		r.shows(r.now(p), "Approved by alice")
	})
}

// TestWrongPresses has every press that must not count, each with its notice to
// the one who pressed and to nobody else.
func TestWrongPresses(t *testing.T) {
	stranger := func(c *auth.Config) {}
	noRight := func(c *auth.Config) { c.Operators[1].May = []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous} }
	for _, tt := range []struct {
		name  string
		gate  func(*auth.Config)
		desk  func(*console.DeskConfig)
		offer []openclaw.Decision
		// before happens between prompt and press.
		before func(r *deskRig, a openclaw.Approval, p sent)
		// press alters the press of "Allow once" by bob in the group.
		press func(r *deskRig, a openclaw.Approval, p *console.Press)
		note  string
		kept  bool // the prompt stays open
	}{
		{name: "right missing", gate: noRight, note: "You do not have the right to decide approvals.", kept: true},
		{name: "stranger in the group", gate: stranger, press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.UserID = mallory }, note: "This is not yours to decide.", kept: true},
		{name: "bot", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.FromBot = true }, note: "This is not yours to decide.", kept: true},
		{name: "other chat", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.ChatID, p.Private = bob, true }, note: "This button belongs to another message. Use the newest one.", kept: true},
		{name: "other message", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.MessageID += 100 }, note: "This button belongs to another message. Use the newest one.", kept: true},
		{name: "another approval's button", press: func(r *deskRig, _ openclaw.Approval, p *console.Press) {
			r.gw.raise(openclaw.Approval{Command: "other"})
			synctest.Wait()
			p.Data = r.prompt(group).button("Allow once")
		}, note: "This approval has no such button.", kept: true},
		{name: "forged data", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.Data = "a:aaaaaaaaaaaaaaaaaaaaaaaa" }, note: "This approval has no such button.", kept: true},
		{name: "approval's own id", press: func(_ *deskRig, a openclaw.Approval, p *console.Press) { p.Data = "a:" + a.ID }, note: "This approval has no such button.", kept: true},
		{name: "forged data at no prompt", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) { p.Data, p.MessageID = "a:xyz", 999 }, note: "This is not an open approval. /pending lists them.", kept: true},
		{name: "decision not offered", offer: []openclaw.Decision{openclaw.Deny}, press: func(r *deskRig, _ openclaw.Approval, p *console.Press) {
			p.Data = r.desk.Broker().Group(r.desk.Broker().Open()[0].Key).Button(approvals.AllowOnce)
		}, note: "The gateway does not offer that decision for this call.", kept: true},
		{name: "always without leave", desk: func(c *console.DeskConfig) { c.AllowAlways = false }, offer: []openclaw.Decision{openclaw.AllowOnce, openclaw.AllowAlways, openclaw.Deny},
			before: func(r *deskRig, _ openclaw.Approval, _ sent) { r.unlock(bob) },
			press: func(r *deskRig, _ openclaw.Approval, p *console.Press) {
				p.Data = r.desk.Broker().Group(r.desk.Broker().Open()[0].Key).Button(approvals.AllowAlways)
			}, note: "The gateway does not offer that decision for this call.", kept: true},
		{name: "always while locked", desk: func(c *console.DeskConfig) { c.AllowAlways = true }, offer: []openclaw.Decision{openclaw.AllowOnce, openclaw.AllowAlways, openclaw.Deny},
			press: func(r *deskRig, _ openclaw.Approval, p *console.Press) { p.Data = r.prompt(group).button("Always") },
			note:  "Locked. Send /auth with your secret in our private chat, then press again.", kept: true},
		{name: "locked while step-up is on", gate: func(c *auth.Config) { c.StepUp = true },
			note: "Locked. Send /auth with your secret in our private chat, then press again.", kept: true},
		{name: "old press", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) {
			p.ReceivedAt = p.ReceivedAt.Add(-3 * time.Minute)
		}, note: "This press is too old to count: the console was away. Press again.", kept: true},
		{name: "kept by Telegram", press: func(_ *deskRig, _ openclaw.Approval, p *console.Press) {
			p.MadeAfter = p.ReceivedAt.Add(-20 * time.Minute)
		}, note: "This press is too old to count: the console was away. Press again.", kept: true},
		{name: "already decided", before: func(r *deskRig, _ openclaw.Approval, p sent) { r.tap(alice, p, "Allow once"); synctest.Wait() }, note: "Too late: approved by alice at 00:00:00 UTC."},
		{name: "decided elsewhere", before: func(r *deskRig, a openclaw.Approval, _ sent) {
			r.gw.end(a.ID, openclaw.ApprovalDenied, "control-ui", "user", false)
			synctest.Wait()
		}, note: "Too late: denied elsewhere at 00:00:00 UTC."},
		{name: "expired", before: func(r *deskRig, a openclaw.Approval, _ sent) {
			r.gw.end(a.ID, openclaw.ApprovalExpired, "", "timeout", false)
			synctest.Wait()
		}, note: "Too late: expired at 00:00:00 UTC, nobody decided."},
		{name: "expired by the clock", before: func(r *deskRig, _ openclaw.Approval, _ sent) {
			r.gw.set(openclaw.Down)
			time.Sleep(31 * time.Minute)
			synctest.Wait()
		}, note: "Its time was up at 00:30:00 UTC."},
		{name: "being denied", before: func(r *deskRig, _ openclaw.Approval, p sent) { r.tap(alice, p, "Deny"); synctest.Wait() }, note: "alice is denying it. Nobody else can decide it now."},
		{name: "being sent", before: func(r *deskRig, _ openclaw.Approval, p sent) {
			r.gw.resolving = func(string, openclaw.Decision) (bool, error) {
				time.Sleep(8 * time.Second)
				return false, openclaw.ErrTimeout
			}
			r.tap(alice, p, "Allow once")
			synctest.Wait()
		}, note: "The decision of alice is being sent."},
		{name: "digest changed", before: func(r *deskRig, a openclaw.Approval, _ sent) {
			a.Command, a.Request = "rm -rf /", nil
			r.gw.raise(a)
			synctest.Wait()
		}, note: "The call has changed since. Look at it again, then decide.", kept: true},
		{name: "record cannot be written", before: func(r *deskRig, _ openclaw.Approval, _ sent) {
			r.record.fail = func(audit.Record) error { return errDisk }
		}, note: "sending…", kept: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				if tt.gate != nil {
					r.gate = newGate(t, tt.gate)
				}
				r.deskConf.Routes = []approvals.Route{{Places: []approvals.Place{{Chat: group}}}}
				if tt.desk != nil {
					tt.desk(&r.deskConf)
				}
				r.open()
				a := r.gw.raise(openclaw.Approval{Command: "uptime", AllowedDecisions: tt.offer})
				synctest.Wait()
				p := r.prompt(group)
				press := console.Press{ID: "wrong", ChatID: group, MessageID: p.id, UserID: bob, Data: p.button("Allow once")}
				if tt.before != nil {
					tt.before(r, a, p)
				}
				press.ReceivedAt = time.Now()
				if tt.press != nil {
					tt.press(r, a, &press)
				}
				calls, notes := len(r.gw.decisions()), len(r.chat.notes)
				r.next++
				press.UpdateID = r.next
				if err := r.router.Receive(context.Background(), []console.Incoming{{UpdateID: press.UpdateID, Press: &press}}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := r.note(); got != tt.note || len(r.chat.notes) != notes+1 {
					t.Errorf("%d notices, the last is\n%q, want one\n%q", len(r.chat.notes)-notes, got, tt.note)
				}
				if got := r.gw.decisions(); len(got) != calls {
					t.Errorf("the gateway was told %q", got[calls:])
				}
				live := slices.Contains(r.now(p).labels(), "Deny")
				if live != tt.kept {
					t.Errorf("prompt has buttons: %v, want %v:\n%s", live, tt.kept, r.now(p).text())
				}
			})
		})
	}
}

func TestDeny(t *testing.T) {
	for _, tt := range []struct {
		name   string
		after  func(r *deskRig, p sent)
		reason string
	}{
		{"one tap", func(r *deskRig, p sent) { r.tap(alice, r.now(p), "looks unsafe") }, "looks unsafe"},
		{"in words", func(r *deskRig, p sent) {
			r.tap(alice, r.now(p), "other…")
			synctest.Wait()
			q := r.prompt(alice)
			r.shows(q, "Why do you deny it, alice?")
			if !q.reply.ForceReply {
				r.t.Error("the question is no forced reply")
			}
			m := r.message("not on a\nFriday, please")
			m.ReplyTo, m.ToUs = q.id, true
			r.send(m)
			synctest.Wait()
			if !slices.Contains(r.chat.deleted, q.id) {
				r.t.Error("the question stays in the chat")
			}
		}, "not on a Friday, please"},
		{"silence", func(*deskRig, sent) { time.Sleep(61 * time.Second) }, ""},
		{"others' taps, then silence", func(r *deskRig, p sent) {
			r.press(bob, r.prompt(bob), r.now(p).button("not now"))
			synctest.Wait()
			time.Sleep(61 * time.Second)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				r.open()
				a := r.gw.raise(openclaw.Approval{Command: "dropdb prod"})
				synctest.Wait()
				p, other := r.prompt(alice), r.prompt(bob)
				r.tap(alice, p, "Deny")
				synctest.Wait()
				r.shows(r.now(p), "alice denies it", "Nobody can allow it here any more")
				if got := r.now(p).labels(); !slices.Equal(got, []string{"wrong target", "not now", "looks unsafe", "other…"}) {
					t.Errorf("buttons %q", got)
				}
				if got := r.now(other); len(got.labels()) != 0 || !strings.Contains(got.text(), "alice denies it") {
					t.Errorf("bob sees %q and\n%s", got.labels(), got.text())
				}
				if got := r.gw.decisions(); len(got) != 0 {
					t.Errorf("sent before the reason: %q", got)
				}
				r.press(bob, other, other.button("Allow once"))
				synctest.Wait()
				if got := r.note(); got != "alice is denying it. Nobody else can decide it now." {
					t.Errorf("bob hears %q", got)
				}
				tt.after(r, p)
				synctest.Wait()
				if got := r.gw.decisions(); !slices.Equal(got, []string{"alice deny " + a.ID}) {
					t.Fatalf("the gateway was told %q", got)
				}
				for _, s := range []sent{p, other} {
					r.shows(r.now(s), "Denied by alice at ", tt.reason)
				}
				heard := r.gw.heard()
				if tt.reason == "" && heard != "" || tt.reason != "" && (!strings.Contains(heard, tt.reason) || !strings.HasPrefix(heard, a.SessionKey+" ")) {
					t.Errorf("the agent was told %q", heard)
				}
				if !strings.Contains(r.record.text(), tt.reason) {
					t.Errorf("no %q on record: %s", tt.reason, r.record.text())
				}
			})
		})
	}
}

// TestDenialBeforeExpiry: who denies late does not wait for a reason until it is too
// late.
func TestDenialBeforeExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		a := r.gw.raise(openclaw.Approval{ExpiresAt: time.Now().Add(40 * time.Second)})
		synctest.Wait()
		p := r.prompt(alice)
		r.tap(alice, p, "Deny")
		time.Sleep(39 * time.Second)
		synctest.Wait()
		if got := r.gw.decisions(); !slices.Equal(got, []string{"alice deny " + a.ID}) {
			t.Errorf("before the expiry the gateway was told %q", got)
		}
	})
}

// TestQuestionIsBound: a reason in words counts only from the one who was asked,
// as a reply to the question, in time.
func TestQuestionIsBound(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.deskConf.Routes = []approvals.Route{{Places: []approvals.Place{{Chat: group}}}}
		r.open()
		r.gw.raise(openclaw.Approval{})
		synctest.Wait()
		p := r.prompt(group)
		r.tap(alice, p, "Deny")
		synctest.Wait()
		r.tap(alice, r.now(p), "other…")
		synctest.Wait()
		q := r.prompt(group)
		reply := func(user int64, to int64) {
			m := r.message("because")
			m.ChatID, m.UserID, m.Private, m.ReplyTo, m.ToUs = group, user, false, to, true
			r.send(m)
			synctest.Wait()
		}
		reply(bob, q.id)
		r.shows(r.prompt(group), "this question is for alice")
		reply(alice, p.id) // not the question
		reply(mallory, q.id)
		if got := r.gw.decisions(); len(got) != 0 {
			t.Fatalf("the gateway was told %q", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		reply(alice, q.id)
		r.shows(r.prompt(group), "too late for a reason: denied by alice")
		if got := r.gw.decisions(); len(got) != 1 {
			t.Errorf("the gateway was told %q", got)
		}
	})
}

// TestTwoQuestions: who presses other… twice is asked once, and so can reply.
func TestTwoQuestions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		r.gw.raise(openclaw.Approval{})
		synctest.Wait()
		p := r.prompt(alice)
		r.tap(alice, p, "Deny")
		synctest.Wait()
		r.tap(alice, r.now(p), "other…")
		r.tap(alice, r.now(p), "other…")
		synctest.Wait()
		first := r.prompt(alice)
		r.tap(alice, r.now(p), "other…")
		synctest.Wait()
		if got := len(r.inChat(alice)); got != 2 || r.note() != "Reply to the question that is there already." {
			t.Errorf("%d messages, want prompt and question; answer %q", got, r.note())
		}
		m := r.message("because")
		m.ReplyTo, m.ToUs = first.id, true
		r.send(m)
		synctest.Wait()
		r.shows(r.now(p), "Denied by alice", "because")
	})
}

// TestHowItEnds: five ends, five words, to people and to the agent.
func TestHowItEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		how    func(r *deskRig, a openclaw.Approval)
		people string
		agent  string
	}{
		{"elsewhere", func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalAllowed, "openclaw-cli", "user", false)
		}, "Approved elsewhere at 00:00:00 UTC", ""},
		{"denied elsewhere", func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalDenied, "control-ui", "user", false)
		}, "Denied elsewhere at 00:00:00 UTC", ""},
		{"expired", func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalExpired, "", "timeout", false)
		}, "Expired at 00:00:00 UTC, nobody decided", "expired: no operator decided in time"},
		{"run stopped", func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalCancelled, "", "run-aborted", false)
		}, "Cancelled at 00:00:00 UTC (the run was stopped)", ""},
		{"gateway killed", func(r *deskRig, a openclaw.Approval) {
			r.gw.set(openclaw.Down)
			r.gw.end(a.ID, openclaw.ApprovalCancelled, "", "gateway-restart", true)
			r.gw.set(openclaw.Connected)
			r.gw.events <- openclaw.Rebooted{}
		}, "Cancelled at 00:00:00 UTC (the gateway was restarted)", "was cancelled: the gateway was restarted"},
		{"forgotten", func(r *deskRig, a openclaw.Approval) {
			r.gw.set(openclaw.Down)
			delete(r.gw.records, a.ID)
			delete(r.gw.open, a.ID)
			r.gw.set(openclaw.Connected)
		}, "Cancelled at 00:00:00 UTC (the gateway no longer knows it)", ""},
		{"denied elsewhere in a drain", func(r *deskRig, a openclaw.Approval) {
			r.gw.change(func() { r.gw.draining = true }) // its record cannot be read
			r.gw.end(a.ID, openclaw.ApprovalDenied, "control-ui", "user", false)
		}, "Denied elsewhere at 00:00:00 UTC", ""},
		{"expired in a drain", func(r *deskRig, a openclaw.Approval) {
			r.gw.change(func() { r.gw.draining = true })
			r.gw.end(a.ID, openclaw.ApprovalExpired, "", "timeout", false) // whose event looks like a denial by nobody
			synctest.Wait()
			r.shows(r.prompt(alice), "Allow this command")
			r.gw.change(func() { r.gw.draining = false })
			time.Sleep(time.Minute)
		}, "Expired at 00:00:00 UTC, nobody decided", "expired: no operator decided in time"},
		{"another call took its id", func(r *deskRig, a openclaw.Approval) {
			r.gw.set(openclaw.Down)
			r.gw.raise(openclaw.Approval{ID: a.ID, Command: "reboot", CreatedAt: a.CreatedAt.Add(time.Minute)})
			r.gw.change(func() { delete(r.gw.open, a.ID) })
			r.gw.set(openclaw.Connected)
		}, "Cancelled at 00:00:00 UTC (another call took its place)", ""},
		{"lost event", func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalDenied, "control-ui", "user", true)
			r.gw.events <- openclaw.Resync{}
		}, "Denied elsewhere at 00:00:00 UTC", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				r.open()
				a := r.gw.raise(openclaw.Approval{Command: "uptime"})
				synctest.Wait()
				p := r.prompt(alice)
				tt.how(r, a)
				synctest.Wait()
				for _, s := range []sent{p, r.prompt(bob)} {
					r.shows(r.now(s), tt.people)
					if got := r.now(s).labels(); len(got) != 0 {
						t.Errorf("buttons %q stay", got)
					}
				}
				if got := r.gw.heard(); (tt.agent == "") != (got == "") || !strings.Contains(got, tt.agent) {
					t.Errorf("the agent was told %q, want %q", got, tt.agent)
				}
			})
		})
	}
}

// TestUncertain: a decision whose answer was lost is neither forgotten nor told as
// done; the gateway's record says what it came to.
func TestUncertain(t *testing.T) {
	for _, tt := range []struct {
		name    string
		applied bool
		err     error
		label   string
		calls   int
		want    string
	}{
		{"arrived, answer lost", true, openclaw.ErrLost, "Allow once", 1, "Approved by alice"},
		{"did not arrive, timeout", false, openclaw.ErrTimeout, "Allow once", 2, "Approved by alice"},
		{"not sent", false, openclaw.ErrHanging, "Allow once", 1, "Not sent: the gateway could not be reached"},
		{"not offered", false, openclaw.ErrNotOffered, "Allow once", 1, "The gateway does not offer that decision."},
		{"denial, not sent", false, openclaw.ErrDown, "Deny", 2, "Denied by alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				failed := false
				r.gw.resolving = func(string, openclaw.Decision) (bool, error) {
					if failed {
						return true, nil
					}
					failed = true
					return tt.applied, tt.err
				}
				r.open()
				r.gw.raise(openclaw.Approval{})
				synctest.Wait()
				p := r.prompt(alice)
				r.tap(alice, p, tt.label)
				synctest.Wait()
				if tt.label == "Deny" {
					r.tap(alice, r.now(p), "not now")
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				r.shows(r.now(p), tt.want)
				if got := r.gw.decisions(); len(got) != tt.calls {
					t.Errorf("the gateway was told %q, want %d calls", got, tt.calls)
				}
			})
		})
	}
}

// TestConsoleRestart: prompts of an earlier process are true again within 5 s.
func TestConsoleRestart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		live  func(r *deskRig, p sent)                      // before
		while func(r *deskRig, a openclaw.Approval)         // while the console is away
		check func(r *deskRig, a openclaw.Approval, p sent) // after
	}{
		{"nothing happened", nil, nil, func(r *deskRig, a openclaw.Approval, p sent) {
			r.tap(alice, r.now(p), "Allow once")
			synctest.Wait()
			r.shows(r.now(p), "Approved by alice")
		}},
		{"decided meanwhile", nil, func(r *deskRig, a openclaw.Approval) {
			r.gw.end(a.ID, openclaw.ApprovalDenied, "control-ui", "user", true)
		}, func(r *deskRig, _ openclaw.Approval, p sent) { r.shows(r.now(p), "Denied elsewhere") }},
		{"expired meanwhile", nil, func(r *deskRig, a openclaw.Approval) {
			time.Sleep(31 * time.Minute)
			r.gw.end(a.ID, openclaw.ApprovalExpired, "", "timeout", true)
		}, func(r *deskRig, _ openclaw.Approval, p sent) { r.shows(r.now(p), "Expired at") }},
		{"killed while sending, not arrived", func(r *deskRig, p sent) {
			r.gw.resolving = func(string, openclaw.Decision) (bool, error) { return false, openclaw.ErrLost }
			r.tap(alice, p, "Allow once")
		}, func(r *deskRig, _ openclaw.Approval) { r.gw.resolving = nil }, func(r *deskRig, a openclaw.Approval, p sent) {
			r.shows(r.now(p), "Approved by alice")
		}},
		{"killed while sending, arrived", func(r *deskRig, p sent) {
			r.gw.resolving = func(string, openclaw.Decision) (bool, error) { return true, openclaw.ErrLost }
			r.tap(alice, p, "Allow once")
		}, nil, func(r *deskRig, a openclaw.Approval, p sent) {
			r.shows(r.now(p), "Approved by alice")
			if got := r.gw.decisions(); len(got) != 1 {
				r.t.Errorf("sent again: %q", got)
			}
		}},
		{"killed while sending, old by now", func(r *deskRig, p sent) {
			r.gw.resolving = func(string, openclaw.Decision) (bool, error) { return false, openclaw.ErrLost }
			r.tap(alice, p, "Allow once")
		}, func(r *deskRig, _ openclaw.Approval) { r.gw.resolving = nil; time.Sleep(3 * time.Minute) }, func(r *deskRig, a openclaw.Approval, p sent) {
			r.shows(r.now(p), "Allow this command", "alice's decision did not reach the gateway. Decide again.")
			if got := r.gw.decisions(); len(got) != 1 {
				r.t.Errorf("sent again: %q", got)
			}
		}},
		{"killed while a reason was awaited", func(r *deskRig, p sent) { r.tap(alice, p, "Deny") }, nil, func(r *deskRig, a openclaw.Approval, p sent) {
			r.shows(r.now(p), "alice denies it")
			r.tap(alice, r.now(p), "wrong target")
			synctest.Wait()
			r.shows(r.now(p), "Denied by alice", "wrong target")
		}},
		{"killed before a reason, back later", func(r *deskRig, p sent) { r.tap(alice, p, "Deny") }, func(*deskRig, openclaw.Approval) { time.Sleep(5 * time.Minute) },
			func(r *deskRig, a openclaw.Approval, p sent) { r.shows(r.now(p), "Denied by alice") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				r.open()
				a := r.gw.raise(openclaw.Approval{})
				synctest.Wait()
				p := r.prompt(alice)
				if tt.live != nil {
					tt.live(r, p)
					synctest.Wait()
				}
				r.close() // the ledger has what a kill would leave: every change is on disk before it counts
				if tt.while != nil {
					tt.while(r, a)
				}
				r.gw.set(openclaw.Connected)
				r.open()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				tt.check(r, a, p)
				if got := len(r.inChat(alice)); got != 1 {
					t.Errorf("%d messages in the chat, want the one prompt", got)
				}
			})
		})
	}
}

func TestNudge(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		a := r.gw.raise(openclaw.Approval{})
		synctest.Wait()
		p := r.prompt(alice)
		time.Sleep(14 * time.Minute)
		if got := len(r.inChat(alice)); got != 1 {
			t.Fatalf("%d messages after 14 of 30 minutes", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		n := r.prompt(alice)
		r.shows(n, "Still waiting for a decision: 15 min left")
		if !n.reply.Sound || n.reply.ReplyTo != p.id {
			t.Errorf("reminder rings: %v, replies to %d, want %d", n.reply.Sound, n.reply.ReplyTo, p.id)
		}
		time.Sleep(10 * time.Minute)
		if got := len(r.inChat(alice)); got != 2 {
			t.Errorf("%d messages, want one prompt and one reminder", got)
		}
		r.gw.end(a.ID, openclaw.ApprovalAllowed, "x", "user", false)
		synctest.Wait()
		if !slices.Contains(r.chat.deleted, n.id) {
			t.Error("the reminder stays when it is decided")
		}
	})
}

// TestNudgeOfTheRest: the reminder is for what is left of a group, and comes even if
// Telegram does not take it at once.
func TestNudgeOfTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		same := openclaw.Approval{Command: "make deploy", SessionKey: "agent:main:ops"}
		r.gw.raise(same)
		synctest.Wait()
		p := r.prompt(alice)
		time.Sleep(10 * time.Second)
		r.gw.raise(same)
		synctest.Wait()
		r.tap(alice, p, "Allow once") // at what showed the first
		synctest.Wait()
		failed := false
		r.chat.change(func() {
			r.chat.failSend = func(sent) error {
				if !failed {
					failed = true
					return errors.New("bad gateway")
				}
				return nil
			}
		})
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		for _, chat := range []int64{alice, bob} {
			if got := len(r.inChat(chat)); got != 2 {
				t.Errorf("%d messages in %d, want a prompt and a reminder", got, chat)
			}
			r.shows(r.prompt(chat), "Still waiting for a decision")
		}
	})
}

func TestGrouping(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		same := openclaw.Approval{Command: "make deploy", SessionKey: "agent:main:ops"}
		r.gw.raise(same)
		synctest.Wait()
		first := r.prompt(alice)
		r.gw.raise(same)
		r.gw.raise(openclaw.Approval{Command: "make deploy", SessionKey: "agent:main:other"})
		r.gw.raise(openclaw.Approval{Command: "make test", SessionKey: "agent:main:ops"})
		synctest.Wait()
		if got := len(r.inChat(alice)); got != 3 {
			t.Fatalf("%d prompts for 4 calls of which two are identical", got)
		}
		r.shows(r.now(first), "Allow these 2 identical commands")

		// A press at what showed one call decides one.
		r.tap(alice, first, "Allow once")
		synctest.Wait()
		if got := r.note(); got != "sending… for 1 of 2 calls" {
			t.Errorf("answer = %q", got)
		}
		r.shows(r.now(first), "Allow this command", "1 of 2 identical calls have ended")
		r.tap(bob, r.now(r.inChat(bob)[0]), "Allow once")
		synctest.Wait()
		r.shows(r.now(first), "2 identical calls have ended", "Approved by alice", "Approved by bob")
		if got := r.gw.decisions(); len(got) != 2 {
			t.Errorf("the gateway was told %q", got)
		}
		same.Command = "make all"
		r.gw.raise(same)
		r.gw.raise(same)
		synctest.Wait()
		p := r.prompt(alice)
		r.tap(alice, p, "Deny")
		synctest.Wait()
		r.tap(alice, r.now(p), "not now")
		synctest.Wait()
		r.shows(r.now(p), "Denied by alice", "2 identical calls", "not now")
	})
}

// TestRoutes: who is asked about what.
func TestRoutes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.deskConf.Routes = []approvals.Route{
			{Source: "plugin", Tool: "deploy*", Places: []approvals.Place{{Chat: group}, {Chat: forum, Topic: topic}}},
			{Agent: "ops", Session: "agent:ops:*:prod?", Places: []approvals.Place{{Chat: bob}}},
		}
		r.open()
		for _, tt := range []struct {
			a    openclaw.Approval
			want []int64
		}{
			{openclaw.Approval{Kind: openclaw.KindPlugin, Title: "Deploy", Tool: "deploy_web"}, []int64{group, forum}},
			{openclaw.Approval{Kind: openclaw.KindPlugin, Title: "Pay", Tool: "pay"}, []int64{alice, bob}},
			{openclaw.Approval{AgentID: "ops", SessionKey: "agent:ops:x:y:prod1"}, []int64{bob}},
			{openclaw.Approval{AgentID: "ops", SessionKey: "agent:ops:x:prod12"}, []int64{alice, bob}},
			{openclaw.Approval{AgentID: "main"}, []int64{alice, bob}},
		} {
			before := len(r.chat.all())
			r.gw.raise(tt.a)
			synctest.Wait()
			var got []int64
			for _, s := range r.chat.all()[before:] {
				got = append(got, s.to.ChatID)
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%+v is asked in %v, want %v", tt.a, got, tt.want)
			}
		}
	})
}

func TestUndeliverable(t *testing.T) {
	outage := errors.New("bad gateway")
	for _, tt := range []struct {
		name  string
		fail  func(sent) error
		after time.Duration
		lost  bool
	}{
		{"all blocked", func(sent) error { return console.ErrBlocked }, 0, true},
		{"one blocked", func(s sent) error {
			if s.to.ChatID == alice {
				return console.ErrBlocked
			}
			return nil
		}, time.Minute, false},
		{"outage", func(sent) error { return outage }, 31 * time.Second, true},
		{"rejected", func(sent) error { return console.ErrRejected }, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *deskRig) {
				r.chat.failSend = tt.fail
				r.open()
				a := r.gw.raise(openclaw.Approval{})
				time.Sleep(tt.after)
				synctest.Wait()
				c := r.desk.Broker().Find(t.Context(), a.ID)
				if len(c) != 1 || (c[0].State == approvals.Undeliverable) != tt.lost {
					t.Fatalf("case = %+v", c)
				}
				if got := r.gw.heard(); tt.lost != strings.Contains(got, "is undeliverable: no operator could be reached") {
					t.Errorf("the agent was told %q", got)
				}
				if got := strings.Join(r.desk.Broker().Faults(), "; "); tt.lost != strings.Contains(got, "1 undeliverable") {
					t.Errorf("/status says %q", got)
				}
			})
		})
	}

	// A short outage costs time only.
	inBubble(t, func(t *testing.T, r *deskRig) {
		begun := time.Now()
		r.chat.failSend = func(sent) error {
			if time.Since(begun) < 20*time.Second {
				return outage
			}
			return nil
		}
		r.open()
		r.gw.raise(openclaw.Approval{})
		time.Sleep(29 * time.Second)
		synctest.Wait()
		r.shows(r.prompt(alice), "Allow this command")
	})
}

// TestDeletedPrompt: a prompt that somebody deletes while it is needed comes again.
func TestDeletedPrompt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		r.gw.raise(openclaw.Approval{})
		synctest.Wait()
		p := r.prompt(alice)
		r.chat.mu.Lock()
		r.chat.messages[p.id-1].gone = true
		r.chat.mu.Unlock()
		b := r.prompt(bob)
		r.tap(bob, b, "Deny")
		synctest.Wait()
		r.shows(r.prompt(alice), "bob denies it")
		if r.prompt(alice).id == p.id {
			t.Error("no new prompt")
		}
	})
}

func TestAlways(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.deskConf.AllowAlways = true
		r.open()
		r.gw.raise(openclaw.Approval{Command: "df -h", AllowedDecisions: []openclaw.Decision{openclaw.AllowOnce, openclaw.AllowAlways, openclaw.Deny}})
		synctest.Wait()
		r.unlock(alice)
		p := r.prompt(alice)
		if got := p.labels(); !slices.Equal(got, []string{"Allow once", "Deny", "Always"}) {
			t.Errorf("buttons %q", got)
		}
		r.tap(alice, p, "Always")
		synctest.Wait()
		r.shows(r.now(p), "Approved always by alice")
		if got := r.gw.decisions(); len(got) != 1 || !strings.HasPrefix(got[0], "alice allow-always ") {
			t.Errorf("the gateway was told %q", got)
		}
	})
}

// TestOutcome: what became of the call is added under its prompt.
func TestOutcome(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.open()
		a := r.gw.raise(openclaw.Approval{ToolCallID: "call-1", RunID: "run-1"})
		synctest.Wait()
		p := r.prompt(alice)
		r.tap(alice, p, "Allow once")
		synctest.Wait()
		event := func(run, phase string) {
			r.gw.events <- openclaw.AgentEvent{RunID: run, SessionKey: a.SessionKey, Stream: "command_output", Data: fmt.Appendf(nil,
				`{"phase":%q,"toolCallId":"call-1","status":"completed","exitCode":2,"durationMs":143,"output":"no such file\n"}`, phase)}
			synctest.Wait()
		}
		event("run-1", "delta")
		event("run-2", "end")
		if text := r.now(p).text(); strings.Contains(text, "exit code") {
			t.Errorf("somebody else's outcome:\n%s", text)
		}
		event("run-1", "end")
		r.shows(r.now(p), "Approved by alice", "Failed: exit code 2 after 143 ms", "no such file")
	})
}

// TestStoppedBeforePrompt: who was not asked before the console stopped is asked
// when it is back.
func TestStoppedBeforePrompt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		r.chat.failSend = func(sent) error { return errors.New("bad gateway") }
		r.open()
		r.gw.raise(openclaw.Approval{Command: "uptime"})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r.close()
		r.chat.failSend = nil
		r.gw.set(openclaw.Connected)
		time.Sleep(time.Minute)
		r.open()
		time.Sleep(time.Second)
		synctest.Wait()
		for _, chat := range []int64{alice, bob} {
			if got := len(r.inChat(chat)); got != 1 {
				t.Errorf("%d prompts in %d, want 1", got, chat)
			}
			r.shows(r.prompt(chat), "Allow this command", "uptime")
		}
	})
}

// TestSkew: the gateway's clock is not ours.
func TestSkew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *deskRig) {
		const ahead = 40 * time.Minute
		r.gw.state.Skew = ahead
		r.open()
		r.gw.raise(openclaw.Approval{CreatedAt: time.Now().Add(ahead), ExpiresAt: time.Now().Add(ahead + 30*time.Minute)})
		r.gw.raise(openclaw.Approval{Command: "behind", CreatedAt: time.Now().Add(ahead - 50*time.Minute), ExpiresAt: time.Now().Add(ahead - 20*time.Minute)})
		synctest.Wait()
		r.shows(r.prompt(alice), "30 min left")
		if got := len(r.inChat(alice)); got != 1 {
			t.Errorf("%d prompts, want one: the other has expired by the gateway's clock", got)
		}
	})
}
