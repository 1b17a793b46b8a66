package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// A crash is a command during which the console is killed.
type crash struct {
	name, command string
	press         string // label of the button under the answer, whose press is what counts
	secret        bool   // the command holds one: there is no unlock before, and the message goes
	effects       func(w *world, g *fakegateway.Server) int
}

// The console is killed at every system call by which it changes anything between
// the arrival of a command and its answer. Whatever the moment: the command's effect
// happens at most once, and its operator hears of it, and nothing that is not so. A
// secret does not stay in the chat.
func TestKilledAtEveryWrite(t *testing.T) {
	ran := func(w *world, _ *fakegateway.Server) int {
		b, _ := os.ReadFile(filepath.Join(w.dir, "effects"))
		return strings.Count(string(b), "effect\n")
	}
	restarts := func(_ *world, g *fakegateway.Server) int { return g.Calls("gateway.restart.request") }
	for _, c := range []crash{
		{name: "run", command: "/run --yes echo effect >> $HOME/effects", effects: ran},
		{name: "press", command: "/run echo effect >> $HOME/effects", press: "Run it", effects: ran},
		{name: "session", command: "/session agent:main:ops hello", effects: func(_ *world, g *fakegateway.Server) int { return g.Turns() }},
		{name: "agent", command: "/agent main hello", effects: func(_ *world, g *fakegateway.Server) int { return g.Turns() }},
		{name: "stop", command: "/stop agent:main:ops", effects: func(_ *world, g *fakegateway.Server) int { return g.Calls("chat.abort") }},
		{name: "cron", command: "/cron run backup", effects: func(_ *world, g *fakegateway.Server) int { return g.JobRuns("backup-1") }},
		{name: "restart", command: "/gateway restart", effects: restarts},
		{name: "restart with secret", command: "/gateway restart --secret " + testSecret, secret: true, effects: restarts},
		{name: "auth", command: "/auth " + testSecret, secret: true, effects: func(w *world, _ *fakegateway.Server) int {
			record, _ := os.ReadFile(filepath.Join(w.dir, "state", auditName))
			return strings.Count(string(record), `"auth.unlocked"`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyPoint(t, func(t *testing.T, n int) (string, bool) { return killAt(t, n, c) })
		})
	}
}

// everyPoint calls kill for n = 1, 2, 3 … until one was over before its n-th write, a
// few at a time: most of each is waiting.
func everyPoint(t *testing.T, kill func(t *testing.T, n int) (call string, killed bool)) {
	const together = 6
	var points atomic.Int64
	for over, first := new(atomic.Bool), 1; !over.Load() && !t.Failed(); first += together {
		t.Run(fmt.Sprintf("from %d", first), func(t *testing.T) {
			for n := first; n < first+together; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					call, killed := kill(t, n)
					if !killed {
						over.Store(true)
						return
					}
					points.Add(1)
					t.Log(call)
				})
			}
		})
	}
	if n := points.Load(); n < 10 && !t.Failed() {
		t.Errorf("only %d points: the tracer does not count", n)
	}
}

// final matches what ends a command for its operator.
var final = regexp.MustCompile(`(?m)^OK: |^ERROR: |outcome unknown`)

// denies matches what says that a command had no effect. That it "was not run again"
// says nothing of the first time.
var denies = regexp.MustCompile(`not run($|[^ ]| [^a])|before this was run`)

// killAt does c with a console that is killed at its n-th write, starts the console
// again, and checks what has become of the command.
func killAt(t *testing.T, n int, c crash) (call string, killed bool) {
	t.Helper()
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.AddSession(fakegateway.Session{Key: "agent:main:ops", Label: "ops"})
	g.AddJob(fakegateway.Job{ID: "backup-1", Name: "backup", Every: time.Hour})
	w := newWorld(t, g.URL(), g.Token(), "")
	// Whoever is killed has not got the secret out of the chat.
	var restarted atomic.Bool
	w.telegram.OnCall(func(call faketelegram.Call) *faketelegram.Fault {
		if c.secret && call.Method == "deleteMessage" && !restarted.Load() {
			return &faketelegram.Fault{Hang: true}
		}
		return nil
	})
	armed := filepath.Join(w.dir, "armed")
	p := w.start(os.Args[0], traceArg, fmt.Sprint(n), armed)
	if !c.secret {
		w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
	}
	var question faketelegram.Entry
	if c.press != "" {
		question = w.ask(faketelegram.Alice, c.command, "not confirmed")
	}
	settled(w)
	if err := os.WriteFile(armed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var m faketelegram.Message
	if c.press == "" {
		m = w.say(faketelegram.Alice, c.command)
	} else {
		m = faketelegram.Message{MessageID: question.MessageID - 1, Chat: faketelegram.Chat{ID: faketelegram.Alice}}
		if _, err := w.telegram.Press(faketelegram.Press{User: faketelegram.Alice, Chat: m.Chat.ID, Message: question.MessageID, Label: c.press}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-p.done: // killed
			cancel()
		case <-ctx.Done():
		}
	}()
	answers := func(e faketelegram.Entry) bool {
		switch {
		case e.Bot == 0, !final.MatchString(e.Text), strings.Contains(e.Text, "not confirmed"):
			return false
		}
		// The answer to the /auth before may come twice: a reply may, an effect may not.
		return c.secret || !strings.Contains(e.Text, "unlocked until")
	}
	if _, err := w.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, answers); err == nil {
		settled(w)
		select {
		case <-p.done:
		default: // it was over before the n-th write
			p.kill()
			if got := c.effects(w, g); got != 1 {
				t.Fatalf("without a kill: %d effects, want 1\n%s\n%s", got, w.transcript(m.Chat.ID), p.out)
			}
			return "", false
		}
	}
	select {
	case <-p.done:
	default:
		t.Fatalf("point %d: neither killed nor answered:\n%s\n%s", n, w.transcript(m.Chat.ID), p.out)
	}
	call = strings.TrimSpace(p.out.String()[strings.LastIndexByte(strings.TrimSpace(p.out.String()), '\n')+1:])
	if code := p.cmd.ProcessState.ExitCode(); code != 9 {
		t.Fatalf("point %d: the tracer ended with %d:\n%s", n, code, p.out)
	}

	restarted.Store(true)
	p = w.start()
	said := func() (text string) {
		for _, e := range w.telegram.MessagesAfter(m.Chat.ID, m.MessageID) {
			if answers(e) {
				text += e.Text + "\n"
			}
		}
		return text
	}
	gone := func() bool {
		e, ok := w.telegram.Message(m.Chat.ID, m.MessageID)
		return !c.secret || ok && e.Deleted
	}
	// A press that came to nothing leaves the question as it was: not run.
	heard := func() bool {
		return said() != "" || c.press != "" && c.effects(w, g) == 0 && w.telegram.Polling() && len(w.telegram.Unconfirmed()) == 0
	}
	ctx2, cancel2 := context.WithTimeout(t.Context(), patience)
	defer cancel2()
	if err := w.telegram.Wait(ctx2, func() bool { return heard() && gone() }); err != nil {
		t.Fatalf("point %d (%s): of %s the operator hears %q, and the secret is gone: %v\n%s\n%s", n, call, c.command, said(), gone(), w.transcript(m.Chat.ID), p.out)
	}
	settled(w)
	p.kill()
	got, text := c.effects(w, g), said()
	switch {
	case got > 1:
		t.Fatalf("point %d (%s): %s had %d effects\n%s", n, call, c.command, got, text)
	case got == 0 && strings.HasPrefix(text, "OK: ") && !strings.Contains(text, "ERROR: "):
		t.Fatalf("point %d (%s): %s had no effect, and nothing says so\n%s", n, call, c.command, text)
	case got == 1 && denies.MatchString(text):
		t.Fatalf("point %d (%s): %s had its effect, and its operator is told otherwise\n%s", n, call, c.command, text)
	}
	return call, true
}

// settled waits until the console has confirmed every update and waits for more.
func settled(w *world) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Second)
	defer cancel()
	w.telegram.Wait(ctx, func() bool { return w.telegram.Polling() && len(w.telegram.Unconfirmed()) == 0 })
}

// The console is killed at every write between the press of a button and the end of
// the prompt. Whatever the moment: once it is back the prompt says what the gateway's
// record says, and it never said approved before the gateway did.
func TestKilledAtEveryWriteOfADecision(t *testing.T) {
	everyPoint(t, killDecisionAt)
}

func killDecisionAt(t *testing.T, n int) (call string, killed bool) {
	t.Helper()
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w := newWorld(t, g.URL(), g.Token(), "")
	armed := filepath.Join(w.dir, "armed")
	p := w.start(os.Args[0], traceArg, fmt.Sprint(n), armed)
	prompt := w.prompt(g, faketelegram.Alice)
	const id = raised
	settled(w)
	if err := os.WriteFile(armed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	press := func() faketelegram.Pressed {
		p, err := w.telegram.Press(faketelegram.Press{User: faketelegram.Alice, Chat: faketelegram.Alice, Message: prompt.MessageID, Label: "Allow once"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	pressed := press()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-p.done: // killed
			cancel()
		case <-ctx.Done():
		}
	}()
	// The prompt may be pressed before its sender has heard that it arrived.
	for {
		note, err := pressed.Wait(ctx)
		if err != nil || !strings.Contains(note.Text, "Press again") {
			break
		}
		pressed = press()
	}
	// lie is a prompt that says approved while the gateway does not.
	lie := ""
	agrees := func() bool {
		approved, live := false, false
		for _, e := range w.telegram.Messages(faketelegram.Alice) { // it may have been sent twice
			if strings.HasPrefix(e.Text, "Approved") {
				approved = true
			}
			if _, ok := button(e, "Allow once"); ok {
				live = true
			}
		}
		allowed := g.Status(id) == "allowed"
		if approved && !allowed {
			lie = w.transcript(faketelegram.Alice)
		}
		return approved == allowed && live != allowed
	}
	over := func() bool { return agrees() && g.Status(id) == "allowed" }
	if err := w.telegram.Wait(ctx, over); err == nil {
		settled(w)
		select {
		case <-p.done:
		default:
			p.kill()
			return "", false
		}
	}
	select {
	case <-p.done:
	default:
		t.Fatalf("point %d: neither killed nor decided:\n%s\n%s", n, w.transcript(faketelegram.Alice), p.out)
	}
	call = strings.TrimSpace(p.out.String()[strings.LastIndexByte(strings.TrimSpace(p.out.String()), '\n')+1:])
	if code := p.cmd.ProcessState.ExitCode(); code != 9 {
		t.Fatalf("point %d: the tracer ended with %d:\n%s", n, code, p.out)
	}
	p = w.start()
	ctx2, cancel2 := context.WithTimeout(t.Context(), patience)
	defer cancel2()
	// A press that was never stored comes again from Telegram, so it ends in the one
	// way or the other.
	if err := w.telegram.Wait(ctx2, func() bool { return agrees() && (g.Status(id) == "allowed" || len(w.telegram.Unconfirmed()) == 0) }); err != nil {
		t.Fatalf("point %d (%s): the gateway says %q, the prompt:\n%s\n%s", n, call, g.Status(id), w.transcript(faketelegram.Alice), p.out)
	}
	p.kill()
	if lie != "" {
		t.Fatalf("point %d (%s): said before the gateway did:\n%s", n, call, lie)
	}
	return call, true
}
