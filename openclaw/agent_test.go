package openclaw_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/openclaw"
)

func ask(message string) openclaw.AgentParams {
	return openclaw.AgentParams{Message: message, SessionKey: "agent:main:ops", IdempotencyKey: "run-1"}
}

// Whatever breaks at whatever moment, the message has its effect at most once,
// and the person learns its reply or that it is not known.
func TestAgentSurvives(t *testing.T) {
	always := func(a fakegateway.Action) func(fakegateway.Call) fakegateway.Action {
		return func(c fakegateway.Call) fakegateway.Action {
			if c.Method == "agent" && c.N == 1 {
				return a
			}
			return fakegateway.Action{}
		}
	}
	for _, tt := range []struct {
		name      string
		message   string
		intercept func(fakegateway.Call) fakegateway.Action
		disturb   func(s *fakegateway.Server) // 2 s after the start of a run
		status    openclaw.AgentStatus
		text      string
		err       error
		effects   int
	}{
		{name: "nothing", status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "socket lost before the effect", intercept: always(fakegateway.Action{Drop: fakegateway.BeforeEffect}), status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "socket lost before the first answer", intercept: always(fakegateway.Action{Drop: fakegateway.BeforeAnswer}), status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "socket lost after the first answer", intercept: always(fakegateway.Action{Drop: fakegateway.AfterFirst}), status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "first answer after its end", message: "quick", intercept: always(fakegateway.Action{Drop: fakegateway.BeforeAnswer}), status: openclaw.AgentOK, text: "fake reply: quick", effects: 1},
		{name: "socket lost in mid-run", disturb: func(s *fakegateway.Server) { s.Drop() }, status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "socket lost again and again", disturb: func(s *fakegateway.Server) {
			for range 3 {
				s.Drop()
				time.Sleep(2 * time.Second)
			}
		}, status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "gateway hangs for a while", disturb: func(s *fakegateway.Server) {
			s.Hang()
			time.Sleep(30 * time.Second)
			s.Resume()
		}, status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "gateway killed in mid-run", disturb: func(s *fakegateway.Server) {
			s.Kill()
			time.Sleep(5 * time.Second)
			s.Up()
		}, status: openclaw.AgentLost, effects: 1},
		{name: "gateway killed before it answered", intercept: always(fakegateway.Action{Silent: true}), disturb: func(s *fakegateway.Server) {
			s.Kill()
			time.Sleep(5 * time.Second)
			s.Up()
		}, status: openclaw.AgentLost, err: openclaw.ErrLost, effects: 1},
		{name: "gateway drains and restarts when the run has ended", disturb: func(s *fakegateway.Server) {
			s.Draining()
			s.Drop()
			time.Sleep(15 * time.Second)
			s.Restart()
			s.Up()
		}, status: openclaw.AgentOK, text: "fake reply: slow: 10000", effects: 1},
		{name: "a drain that ends without a restart", message: "slow: 60000", intercept: always(fakegateway.Action{Drop: fakegateway.AfterFirst}), disturb: func(s *fakegateway.Server) {
			s.Draining()
			time.Sleep(40 * time.Second)
			s.Up()
		}, status: openclaw.AgentOK, text: "fake reply: slow: 60000", effects: 1},
		{name: "gateway killed with the message on its way", intercept: always(fakegateway.Action{Delay: time.Hour}), disturb: func(s *fakegateway.Server) {
			s.Kill()
			time.Sleep(5 * time.Second)
			s.Up()
		}, status: openclaw.AgentLost, err: openclaw.ErrLost, effects: 0},
		{name: "failed", message: "fail: no credit", status: openclaw.AgentError, effects: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := fake(t, fakegateway.Config{})
				g := start(t, to(s))
				await(t, g)
				s.Intercept(tt.intercept)
				if tt.disturb != nil {
					go func() {
						time.Sleep(2 * time.Second)
						tt.disturb(s)
					}()
				}
				message := tt.message
				if message == "" {
					message = "slow: 10000"
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				res, err := g.RunAgent(ctx, ask(message), func(openclaw.AgentProgress) {})
				if !errors.Is(err, tt.err) || res.Status != tt.status || tt.text != "" && res.Text != tt.text || res.RunID != "run-1" {
					t.Errorf("RunAgent = %+v, %v; want %s %q, %v", res, err, tt.status, tt.text, tt.err)
				}
				if n := s.Effects("run-1"); n != tt.effects {
					t.Errorf("the model was asked %d times, want %d", n, tt.effects)
				}
				time.Sleep(time.Minute) // let disturbances end
			})
		})
	}
}

// The network is gone for longer than the gateway remembers keys. Sent again, the
// message would be run again: its reply is looked up instead.
func TestAgentIsNotSentAgainTooLate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		lost    fakegateway.Action
		away    time.Duration
		status  openclaw.AgentStatus
		err     error
		effects int
	}{
		{"within the time", fakegateway.Action{Drop: fakegateway.BeforeEffect}, time.Minute, openclaw.AgentOK, nil, 1},
		{"too late, it was run", fakegateway.Action{Drop: fakegateway.BeforeAnswer}, 6 * time.Minute, openclaw.AgentOK, nil, 1},
		{"too late, it was forgotten", fakegateway.Action{Drop: fakegateway.BeforeAnswer}, 12 * time.Minute, openclaw.AgentOK, nil, 1},
		{"too late, it never arrived", fakegateway.Action{Drop: fakegateway.BeforeEffect}, 6 * time.Minute, openclaw.AgentLost, openclaw.ErrLost, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := fake(t, fakegateway.Config{})
				g := start(t, to(s))
				await(t, g)
				s.Intercept(func(c fakegateway.Call) fakegateway.Action {
					if c.Method == "agent" && c.N == 1 {
						s.Down()
						return tt.lost
					}
					return fakegateway.Action{}
				})
				go func() {
					time.Sleep(tt.away)
					s.Up()
				}()
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
				defer cancel()
				res, err := g.RunAgent(ctx, ask("quick"), nil)
				if !errors.Is(err, tt.err) || res.Status != tt.status || tt.status == openclaw.AgentOK && res.Text != "fake reply: quick" {
					t.Errorf("RunAgent = %+v, %v; want %s, %v", res, err, tt.status, tt.err)
				}
				if n := s.Effects("run-1"); n != tt.effects {
					t.Errorf("the model was asked %d times, want %d", n, tt.effects)
				}
			})
		})
	}
}

// Whoever looks again learns how the run ended, or that nobody knows: never that it
// goes on when it does not.
func TestAwaitAgent(t *testing.T) {
	for _, tt := range []struct {
		name   string
		run    string
		later  time.Duration               // after the start of the run
		before func(s *fakegateway.Server) // then
		during func(s *fakegateway.Server) // 2 s later
		status openclaw.AgentStatus
		text   string
	}{
		{name: "it runs", run: "run-1", status: openclaw.AgentOK, text: "fake reply: slow: 10000"},
		{name: "the socket is lost meanwhile", run: "run-1", during: (*fakegateway.Server).Drop, status: openclaw.AgentOK, text: "fake reply: slow: 10000"},
		{name: "it ended", run: "run-1", later: time.Minute, status: openclaw.AgentOK, text: "fake reply: slow: 10000"},
		{name: "it ended long ago", run: "run-1", later: time.Hour, status: openclaw.AgentOK, text: "fake reply: slow: 10000"},
		{name: "the gateway was restarted after its end", run: "run-1", later: time.Minute, before: killed, status: openclaw.AgentOK, text: "fake reply: slow: 10000"},
		{name: "the gateway was restarted while it ran", run: "run-1", later: time.Second, before: killed, status: openclaw.AgentLost},
		{name: "the gateway is restarted while it runs", run: "run-1", during: killed, status: openclaw.AgentLost},
		{name: "there never was one", run: "run-2", later: time.Minute, status: openclaw.AgentLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := fake(t, fakegateway.Config{})
				g := start(t, to(s))
				await(t, g)
				short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if res, err := g.RunAgent(short, ask("slow: 10000"), nil); res.Status != openclaw.AgentRunning {
					t.Fatalf("RunAgent = %+v, %v", res, err)
				}
				time.Sleep(tt.later)
				if tt.before != nil {
					tt.before(s)
				}
				await(t, g)
				if tt.during != nil {
					go func() {
						time.Sleep(2 * time.Second)
						tt.during(s)
					}()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				began := time.Now()
				res, err := g.AwaitAgent(ctx, tt.run, "agent:main:ops", func(openclaw.AgentProgress) {})
				if err != nil || res.Status != tt.status || res.Text != tt.text || res.RunID != tt.run {
					t.Errorf("AwaitAgent = %+v, %v; want %s %q", res, err, tt.status, tt.text)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("took %v", took)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// killed is a gateway that was killed and is up again.
func killed(s *fakegateway.Server) {
	s.Kill()
	time.Sleep(5 * time.Second)
	s.Up()
}

func TestAgentRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		await(t, g)
		for _, p := range []openclaw.AgentParams{
			{Message: "x", SessionKey: "a"},
			{Message: "x", IdempotencyKey: "k"},
			{Message: "x", IdempotencyKey: "k", SessionKey: "a", AgentID: "b"},
			{Message: "x", IdempotencyKey: "k", AgentID: "nope"},
		} {
			if res, err := g.RunAgent(ctx, p, nil); err == nil || res.RunID != "" {
				t.Errorf("RunAgent(%+v) = %+v, %v, want an error and nothing sent", p, res, err)
			}
		}
		s.Down()
		s.Drop()
		synctest.Wait()
		if res, err := g.RunAgent(ctx, ask("x"), nil); !errors.Is(err, openclaw.ErrDown) || res.RunID != "" {
			t.Errorf("with the gateway down = %+v, %v", res, err)
		}
		if n := s.Effects("run-1") + s.Effects("k"); n != 0 {
			t.Errorf("%d messages had an effect", n)
		}
	})
}

func TestAgentDeadlineAndAbort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		res, err := g.RunAgent(ctx, ask("slow: 60000"), nil)
		if !errors.Is(err, openclaw.ErrTimeout) || res.Status != openclaw.AgentRunning || res.RunID != "run-1" || time.Since(began) != 3*time.Second {
			t.Errorf("after the deadline = %+v, %v, %v", res, err, time.Since(began))
		}
		end := make(chan openclaw.AgentResult, 1)
		go func() {
			res, _ := g.RunAgent(t.Context(), ask("slow: 60000"), nil) // joins it
			end <- res
		}()
		time.Sleep(time.Second)
		if ids, err := g.Abort(t.Context(), "agent:main:ops"); err != nil || !slices.Equal(ids, []string{"run-1"}) {
			t.Errorf("Abort = %v, %v", ids, err)
		}
		if res := <-end; res.Status != openclaw.AgentAborted {
			t.Errorf("the aborted run = %+v", res)
		}
		if n := s.Effects("run-1"); n != 1 {
			t.Errorf("effects = %d", n)
		}
	})
}

func TestAgentProgress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		var mine []openclaw.AgentProgress
		end := make(chan openclaw.AgentResult, 1)
		go func() {
			res, err := g.RunAgent(t.Context(), ask("exec: uptime"), func(p openclaw.AgentProgress) { mine = append(mine, p) })
			if err != nil {
				t.Error(err)
			}
			end <- res
		}()
		time.Sleep(time.Second)
		list, err := g.ListApprovals(t.Context())
		if err != nil || len(list) != 1 || list[0].RunID != "run-1" {
			t.Fatalf("ListApprovals = %+v, %v", list, err)
		}
		if _, err := g.ResolveApproval(t.Context(), "alice", list[0].ID, list[0].Kind, openclaw.AllowOnce); err != nil {
			t.Fatal(err)
		}
		res := <-end
		if res.Text != "exec said: uptime" {
			t.Errorf("reply = %+v", res)
		}
		var kinds []string
		for _, p := range mine {
			kinds = append(kinds, string(p.Kind))
		}
		got := strings.Join(kinds, ", ")
		for _, want := range []string{"accepted", "waiting approval", "approval decided"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("progress = %s, want %q once", got, want)
			}
		}
		if !strings.HasPrefix(got, "accepted") {
			t.Errorf("progress = %s, want accepted first", got)
		}

		var retries int
		p := ask("retry: 3")
		p.IdempotencyKey, p.SessionKey = "run-2", "agent:main:ops"
		stop, err := g.Follow(t.Context(), p.SessionKey) // so that no event is too early
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		slow := p
		slow.Message = "retry: 3"
		if _, err := g.RunAgent(t.Context(), slow, func(p openclaw.AgentProgress) {
			if p.Kind == openclaw.ProgressRetrying && strings.HasPrefix(p.Text, "Retrying in 3s") {
				retries++
			}
		}); err != nil || retries == 0 {
			t.Errorf("retries told = %d, %v", retries, err)
		}
		synctest.Wait()
	})
}
