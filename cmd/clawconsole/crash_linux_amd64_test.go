package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// The console is killed at every system call by which it changes anything between
// the arrival of a command and its answer. Whatever the moment: the command's effect
// happens at most once, and its operator hears of it.
func TestKilledAtEveryWrite(t *testing.T) {
	tests := []struct {
		name, command string
		effects       func(w *world, g *fakegateway.Server) int
	}{
		{"run", "/run --yes echo effect >> $HOME/effects", func(w *world, _ *fakegateway.Server) int {
			b, _ := os.ReadFile(filepath.Join(w.dir, "effects"))
			return strings.Count(string(b), "effect\n")
		}},
		{"session", "/session agent:main:ops hello", func(_ *world, g *fakegateway.Server) int { return g.Turns() }},
		{"cron", "/cron run backup", func(_ *world, g *fakegateway.Server) int { return g.JobRuns("backup-1") }},
		{"restart", "/gateway restart", func(_ *world, g *fakegateway.Server) int { return g.Calls("gateway.restart.request") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			points := 0
			for n := 1; ; n++ {
				call, killed := killAt(t, n, tt.command, tt.effects)
				if !killed {
					break
				}
				points++
				t.Logf("%3d  %s", n, call)
			}
			if points < 10 {
				t.Errorf("only %d points between receipt and answer: the tracer does not count", points)
			}
		})
	}
}

// final matches what ends a command for its operator.
var final = regexp.MustCompile(`(?m)^OK: |^ERROR: |outcome unknown`)

// killAt runs one command against a console that is killed at its n-th write, starts
// the console again, and checks what has become of the command.
func killAt(t *testing.T, n int, command string, count func(*world, *fakegateway.Server) int) (call string, killed bool) {
	t.Helper()
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.AddSession(fakegateway.Session{Key: "agent:main:ops", Label: "ops"})
	g.AddJob(fakegateway.Job{ID: "backup-1", Name: "backup", Every: time.Hour})
	w := newWorld(t, g.URL(), g.Token(), "")
	effects := func(w *world) int { return count(w, g) }
	armed := filepath.Join(w.dir, "armed")
	p := w.start(os.Args[0], traceArg, fmt.Sprint(n), armed)
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
	settled(w)
	if err := os.WriteFile(armed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := w.say(faketelegram.Alice, command)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-p.done: // killed
			cancel()
		case <-ctx.Done():
		}
	}()
	// The answer to /auth may come twice: a reply may, an effect may not.
	answered := func(e faketelegram.Entry) bool {
		return e.Bot != 0 && final.MatchString(e.Text) && !strings.Contains(e.Text, "unlocked until")
	}
	if _, err := w.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, answered); err == nil {
		settled(w)
		select {
		case <-p.done:
		default: // it was over before the n-th write
			p.kill()
			if got := effects(w); got != 1 {
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

	p = w.start()
	ctx2, cancel2 := context.WithTimeout(t.Context(), patience)
	defer cancel2()
	if _, err := w.telegram.WaitMessage(ctx2, m.Chat.ID, m.MessageID, answered); err != nil {
		t.Fatalf("point %d (%s): the operator hears nothing of %s\n%s\n%s", n, call, command, w.transcript(m.Chat.ID), p.out)
	}
	settled(w)
	p.kill()
	got := effects(w)
	text := w.transcript(m.Chat.ID)
	text = strings.ReplaceAll(text[strings.LastIndex(text, command)+len(command):], "OK: unlocked", "")
	switch {
	case got > 1:
		t.Fatalf("point %d (%s): %s had %d effects\n%s", n, call, command, got, text)
	case got == 0 && !strings.Contains(text, "outcome unknown") && !strings.Contains(text, "ERROR"):
		t.Fatalf("point %d (%s): %s had no effect, and nothing says so\n%s", n, call, command, text)
	case got == 1 && !final.MatchString(text):
		t.Fatalf("point %d (%s): %s had its effect, and nothing says so\n%s", n, call, command, text)
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
