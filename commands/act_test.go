package commands_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/commands"
	"clawconsole/openclaw"
)

// restarting is a gateway that goes away 1 s after it was asked to and is back
// after back, with another boot id. Zero: never.
func restarting(back time.Duration) *gateway {
	g := busyGateway()
	var asked atomic.Pointer[time.Time]
	g.state = func() openclaw.State {
		at := asked.Load()
		if at == nil || time.Since(*at) < time.Second {
			return up()
		}
		if back == 0 || time.Since(*at) < back {
			st := in(openclaw.Down)()
			st.Since = at.Add(time.Second)
			return st
		}
		st := up()
		st.Since, st.Hello.BootID, st.Hello.Version = at.Add(back), "boot-two-2", "2026.9.7"
		st.Hello.At, st.Hello.Uptime = st.Since, 2*time.Second
		return st
	}
	g.restart = func(context.Context, string, bool) (openclaw.RestartAnswer, error) {
		now := time.Now()
		asked.CompareAndSwap(nil, &now)
		return openclaw.RestartAnswer{Status: "scheduled"}, nil
	}
	g.info = func(context.Context) (openclaw.SystemInfo, error) {
		st := g.State()
		if st.Phase != openclaw.Connected {
			return openclaw.SystemInfo{}, openclaw.ErrDown
		}
		if st.Hello.BootID == "boot-one-1" {
			return openclaw.SystemInfo{PID: 77, Uptime: 9 * time.Hour}, nil
		}
		return openclaw.SystemInfo{PID: 78, Uptime: 2 * time.Second}, nil
	}
	return g
}

// The README shows a restart in place as it is answered, to the letter.
func TestREADMEShowsARestart(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "you   /gateway restart --reason stuck\nbot   ")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md shows no restart")
	}
	shown = strings.ReplaceAll(shown, "\n      ", "\n")
	synctest.Test(t, func(t *testing.T) {
		g := restarting(6900 * time.Millisecond)
		inner := g.state
		g.state = func() openclaw.State {
			st := inner()
			st.Hello.Version = "2026.9.6"
			switch st.Hello.BootID {
			case "boot-one-1":
				st.Hello.BootID = "578c06b4-5c1f"
			case "boot-two-2":
				st.Hello.BootID, st.Hello.Uptime = "3caadb9d-e07a", 3*time.Hour+5*time.Minute+9*time.Second
			}
			return st
		}
		g.info = func(context.Context) (openclaw.SystemInfo, error) {
			return openclaw.SystemInfo{PID: 6722}, nil
		}
		if got := newStory(t, g).do("/gateway restart --reason stuck"); got != shown {
			t.Errorf("README.md shows\n%s\nthe answer is\n%s", shown, got)
		}
	})
}

func TestRestartProvesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := restarting(5 * time.Second)
		inner := g.restart
		g.restart = func(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error) {
			if reason != "clawconsole: alice: stuck channel" || now {
				t.Errorf("restart %q, now %t", reason, now)
			}
			return inner(ctx, reason, now)
		}
		s := newStory(t, g)
		got := s.do("/gateway restart --reason 'stuck channel'")
		wants(t, got, "OK: gateway restarted, away 4 s", "Boot: boot-one → boot-two", "Process: pid 77 → 78", "Version: 2026.9.6 → 2026.9.7", "Uptime: 3 h 5 min → 2 s\n")
		wants(t, s.told(), "The gateway restarts now.", "The gateway is down, 3 s since the request.")
	})
}

func TestRestartNotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, restarting(0))
		s.Start = []string{"true"}
		s.CLI = &cli{logs: func(_ context.Context, n int) (openclaw.LogPage, error) {
			if n != 10 {
				t.Errorf("%d lines asked for, want 10", n)
			}
			return openclaw.LogPage{Lines: []openclaw.LogLine{{At: time.Now(), Level: "fatal", Message: "port in use"}}}, nil
		}}
		began := time.Now()
		got := s.do("/gateway restart")
		if took := time.Since(began); took < time.Minute || took > 70*time.Second {
			t.Errorf("took %v", took)
		}
		wants(t, got, "ERROR: not back after 1 min", "The gateway is down, 59 s so far.", "== its last log lines", "FATAL port in use", "hint: /gateway start starts it")
	})
}

func TestRestartOfABusyGateway(t *testing.T) {
	busy := openclaw.RestartAnswer{Status: "deferred", Preflight: openclaw.Preflight{Blockers: []openclaw.Blocker{{Kind: "embedded-run", Count: 1, Message: "1 active agent run"}}}}
	t.Run("stays busy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := busyGateway()
			g.restart = func(context.Context, string, bool) (openclaw.RestartAnswer, error) { return busy, nil }
			s := newStory(t, g)
			got := s.do("/gateway restart")
			want := []string{"The gateway is busy. It restarts when this is done:", "1 active agent run", "[Restart now](/gateway restart --now)"}
			wants(t, got, append(want, "OK: restart waits for work in flight")...)
			wants(t, s.told(), want...)
		})
	})
	t.Run("becomes idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := restarting(9 * time.Second)
			inner := g.restart
			g.restart = func(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error) {
				inner(ctx, reason, now)
				return busy, nil
			}
			wants(t, newStory(t, g).do("/gateway restart"), "OK: gateway restarted, away 8 s")
		})
	})
	t.Run("now", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := restarting(3 * time.Second)
			inner := g.restart
			g.restart = func(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error) {
				if !now {
					t.Error("--now was not passed on")
				}
				return inner(ctx, reason, now)
			}
			wants(t, newStory(t, g).do("/gateway restart --now"), "OK: gateway restarted")
		})
	})
	t.Run("already draining", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, began := busyGateway(), time.Now()
			g.state = func() openclaw.State {
				if time.Since(began) < 20*time.Second {
					return in(openclaw.Draining)()
				}
				st := up()
				st.Hello.BootID = "boot-two-2"
				return st
			}
			wants(t, newStory(t, g).do("/gateway restart"), "OK: gateway restarted", "It was restarting already.")
		})
	})
}

func TestRestartThroughTheCommandLine(t *testing.T) {
	noticed := hangs() // 4 s after it was first asked something
	began := sync.OnceValue(time.Now)
	inner := noticed.info
	noticed.info = func(ctx context.Context) (openclaw.SystemInfo, error) { began(); return inner(ctx) }
	noticed.state = func() openclaw.State {
		if time.Since(began()) < 4*time.Second {
			return up()
		}
		return in(openclaw.Hanging)()
	}
	noticed.restart = func(context.Context, string, bool) (openclaw.RestartAnswer, error) {
		t.Error("asked for a restart on a socket that hangs")
		return openclaw.RestartAnswer{}, openclaw.ErrHanging
	}
	for name, g := range map[string]*gateway{"hangs unnoticed": noticed, "hangs": {state: in(openclaw.Hanging)}, "socket dead": {state: in(openclaw.Down)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Bool
				before := g.state
				g2 := *g
				g2.state = func() openclaw.State {
					if !done.Load() {
						return before()
					}
					st := up()
					st.Hello.BootID = "boot-two-2"
					return st
				}
				s := newStory(t, &g2)
				s.CLI = &cli{restart: func(context.Context) (openclaw.RestartReport, error) {
					time.Sleep(10 * time.Second)
					done.Store(true)
					return openclaw.RestartReport{Asked: true, OK: true, Result: "restarted"}, nil
				}}
				wants(t, s.do("/gateway restart"), "OK: gateway restarted", "the command line restarted it", "Boot: boot-one → boot-two")
			})
		})
	}
}

// The request was sent and no answer came: the gateway may be restarting. Whatever
// comes of it, it is not restarted a second time, by the command line.
func TestRestartIsNeverAskedForTwice(t *testing.T) {
	lost := fmt.Errorf("gateway.restart.request: %w", openclaw.ErrLost)
	late := fmt.Errorf("gateway.restart.request: %w: %w", openclaw.ErrTimeout, context.DeadlineExceeded)
	tests := []struct {
		name  string
		back  time.Duration // 0: the gateway stays as it is
		err   error
		wants []string
	}{
		{"the answer was lost in the restart", 5 * time.Second, lost, []string{"OK: gateway restarted, away 4 s", "Boot: boot-one → boot-two"}},
		{"late, and restarts", 5 * time.Second, late, []string{"OK: gateway restarted"}},
		{"an answer that cannot be read", 5 * time.Second, errors.New("read the answer: no JSON"), []string{"OK: gateway restarted"}},
		{"lost, and nothing happens", 0, lost, []string{"ERROR: outcome unknown", "It may still restart.", "hint: see /gateway status", "[Restart](/gateway restart)"}},
		{"busy, and nothing happens", 0, late, []string{"ERROR: outcome unknown", "It may still restart."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := busyGateway()
				if tt.back > 0 {
					g = restarting(tt.back)
				}
				inner, asked := g.restart, 0
				g.restart = func(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error) {
					if asked++; inner != nil {
						inner(ctx, reason, now)
					}
					return openclaw.RestartAnswer{}, tt.err
				}
				s := newStory(t, g)
				s.CLI = &cli{restart: func(context.Context) (openclaw.RestartReport, error) {
					t.Error("restarted by the command line as well")
					return openclaw.RestartReport{}, nil
				}}
				wants(t, s.do("/gateway restart"), tt.wants...)
				if asked != 1 {
					t.Errorf("asked for %d times", asked)
				}
			})
		})
	}
}

// Whoever stops waiting is not told that nothing happens.
func TestRestartIsStopped(t *testing.T) {
	tests := []struct {
		name  string
		g     *gateway
		wants string
	}{
		{"while the gateway is asked", hangs(), "no longer waiting, the restart may have been asked for"},
		{"while the command line is at it", &gateway{state: in(openclaw.Down)}, "no longer waiting, the restart may have been asked for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				tt.g.info = func(context.Context) (openclaw.SystemInfo, error) { return openclaw.SystemInfo{PID: 77}, nil }
				time.AfterFunc(2*time.Second, cancel)
				s := newStory(t, tt.g)
				s.CLI = &cli{restart: func(ctx context.Context) (openclaw.RestartReport, error) {
					<-ctx.Done()
					return openclaw.RestartReport{Asked: true}, fmt.Errorf("openclaw gateway restart: %w", ctx.Err())
				}}
				wants(t, show(s.result(ctx, "/gateway restart")), tt.wants)
			})
		})
	}
}

// The command line had its minute and did not say how it went.
func TestRestartByACommandLineThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, &gateway{state: in(openclaw.Hanging)})
		s.CLI = &cli{restart: func(ctx context.Context) (openclaw.RestartReport, error) {
			<-ctx.Done()
			return openclaw.RestartReport{Asked: true}, fmt.Errorf("openclaw gateway restart: %w", openclaw.ErrTimeout)
		}}
		got := s.do("/gateway restart")
		wants(t, got, "ERROR: outcome unknown", "The gateway hangs", "It may still restart.", "[Restart](/gateway restart)")
		lacks(t, got, "did not restart it")
	})
}

// A gateway that refuses us is not dead: it is healthy and our token is wrong. A
// restart would help nobody and could not be proven.
func TestRestartOfAGatewayThatRefuses(t *testing.T) {
	for phase, hint := range map[openclaw.Phase]string{openclaw.Refused: "check the gateway token", openclaw.Pairing: "openclaw devices list"} {
		s := newStory(t, &gateway{state: in(phase)})
		s.CLI = &cli{restart: func(context.Context) (openclaw.RestartReport, error) {
			t.Error("restarted by the command line")
			return openclaw.RestartReport{}, nil
		}}
		wants(t, s.do("/gateway restart"), "ERROR: the gateway ", hint)
	}
}

func TestRestartOfADeadGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, &gateway{state: in(openclaw.Down)})
		s.Start = []string{"systemctl", "start", "x"}
		s.CLI = &cli{restart: func(context.Context) (openclaw.RestartReport, error) {
			return openclaw.RestartReport{Asked: true, Message: "Gateway service is not running.\nmore"}, nil
		}}
		wants(t, s.do("/gateway restart"), "ERROR: the gateway was not restarted", "Its command line says: Gateway service is not running.…", "hint: /gateway start starts it")
		s.CLI = nil
		wants(t, s.do("/gateway restart"), "ERROR: the gateway is down", "hint: /gateway start starts it")

		// On another host, one that hangs is not restarted from here, nor is that advised.
		s = newStory(t, &gateway{state: in(openclaw.Hanging)})
		got := s.do("/gateway restart")
		wants(t, got, "ERROR: the gateway hangs", "hint: see /gateway status\n")
	})
}

func TestStart(t *testing.T) {
	s := newStory(t, busyGateway())
	wants(t, s.do("/gateway start"), "ERROR: openclaw.start is not configured")
	s.Start = []string{"/bin/sh", "-c", "echo no unit; exit 5"}
	wants(t, s.do("/gateway start"), "ERROR: the gateway is up")
	s.Gateway = &gateway{state: in(openclaw.Hanging)}
	wants(t, s.do("/gateway start"), "ERROR: the gateway is not dead: the gateway hangs", "/gateway restart")
	s.Gateway = &gateway{state: in(openclaw.Down)}
	wants(t, s.do("/gateway start"), "ERROR: /bin/sh -c echo no unit; exit 5: exit code 5", "no unit")
	s.Start = []string{"/nonexistent/openclaw"}
	got := s.do("/gateway start")
	wants(t, got, `ERROR: cannot run "/nonexistent/openclaw"`, "hint: check openclaw.start")
	lacks(t, got, "no such file")

	var polls atomic.Int32
	g := busyGateway()
	g.state = func() openclaw.State {
		if polls.Add(1) < 6 {
			return in(openclaw.Down)()
		}
		st := up()
		st.Hello.BootID = "boot-two-2"
		return st
	}
	s.Gateway, s.Start = g, []string{"/bin/true"}
	wants(t, s.do("/gateway start"), "OK: gateway started, ready after ", "Boot: boot-one → boot-two", "pid 77")
}

func TestCronRun(t *testing.T) {
	const runID = "manual:j1:1:1"
	story := func(t *testing.T, end *openclaw.CronRun, after time.Duration) *story {
		g := busyGateway()
		var started atomic.Pointer[time.Time]
		g.runJob = func(_ context.Context, id string) (openclaw.CronStart, error) {
			if id != "j1" {
				t.Errorf("job %q was run", id)
			}
			now := time.Now()
			if !started.CompareAndSwap(nil, &now) {
				t.Error("the job was run twice")
			}
			return openclaw.CronStart{RunID: runID, Started: true}, nil
		}
		g.runs = func(_ context.Context, p openclaw.CronRunsParams) ([]openclaw.CronRun, error) {
			if p.RunID != runID {
				t.Errorf("asked for run %q", p.RunID)
			}
			if end == nil || time.Since(*started.Load()) < after {
				return nil, nil
			}
			return []openclaw.CronRun{*end}, nil
		}
		return newStory(t, g)
	}
	t.Run("ok", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := story(t, &openclaw.CronRun{RunID: runID, Status: "ok", Duration: 7 * time.Second, Summary: "backed up"}, 7*time.Second)
			wants(t, s.do("/cron run 'nightly b'"), "OK: nightly backup: ok after 7 s", "backed up", "[History](/cron runs j1)")
			wants(t, s.told(), "Nightly backup is running, 3 s so far.")
		})
	})
	t.Run("failed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := story(t, &openclaw.CronRun{RunID: runID, Status: "error", Error: "command exited with code 3", Summary: "oops", Duration: time.Second}, 0)
			wants(t, s.do("/cron run j1"), "ERROR: nightly backup: failed after 1 s", "Command exited with code 3.", "oops")
		})
	})
	t.Run("goes on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := story(t, nil, 0)
			wants(t, s.do("/cron run j1"), "OK: nightly backup is still running", "started 10 min ago", "hint: /cron runs j1")
		})
	})
	t.Run("gateway restarted meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := story(t, nil, 0)
			began := time.Now()
			s.Gateway.(*gateway).state = func() openclaw.State {
				st := up()
				if time.Since(began) > 10*time.Second {
					st.Hello.BootID = "boot-two-2"
				}
				return st
			}
			wants(t, s.do("/cron run j1"), "ERROR: not known how nightly backup ended", "The gateway was restarted", "hint: /cron runs j1")
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	})
	// The answer is lost, the job may run: whoever is told only that the gateway did not
	// answer starts it again.
	for lost, how := range map[error]string{
		openclaw.ErrTimeout:    "The gateway did not answer within ",
		openclaw.ErrLost:       "The connection to the gateway broke.",
		context.Canceled:       "No longer waiting for the gateway's answer.",
		errors.New("not JSON"): "The gateway's answer could not be read.",
	} {
		t.Run("answer lost: "+lost.Error(), func(t *testing.T) {
			g := busyGateway()
			g.runJob = func(context.Context, string) (openclaw.CronStart, error) {
				return openclaw.CronStart{}, fmt.Errorf("cron.run: %w", lost)
			}
			wants(t, newStory(t, g).do("/cron run j1"), "ERROR: not known whether nightly backup was started", how, "hint: see its runs", "[History](/cron runs j1)")
		})
	}
	t.Run("gateway down", func(t *testing.T) {
		g := busyGateway()
		g.runJob = nil
		lacks(t, newStory(t, g).do("/cron run j1"), "not known")
	})
	t.Run("ambiguous", func(t *testing.T) {
		g := busyGateway()
		g.runJob = func(context.Context, string) (openclaw.CronStart, error) {
			t.Error("guessed")
			return openclaw.CronStart{}, nil
		}
		wants(t, newStory(t, g).do("/cron run nightly"), "ERROR:", "could be")
	})
	t.Run("not started", func(t *testing.T) {
		g := busyGateway()
		g.runJob = func(context.Context, string) (openclaw.CronStart, error) {
			return openclaw.CronStart{Why: "already running"}, nil
		}
		wants(t, newStory(t, g).do("/cron run j1"), "ERROR: nightly backup was not started: already running")
	})
}

func TestLogsFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busyGateway()
		n := 0
		g.logs = func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			n++
			line := func(s string) openclaw.LogLine { return openclaw.LogLine{At: time.Now(), Message: s} }
			switch {
			case n == 1:
				return openclaw.LogPage{Lines: []openclaw.LogLine{line("old error")}, Cursor: 10}, nil
			case p.Cursor != int64(n)*5:
				t.Errorf("look %d: cursor %d", n, p.Cursor)
			case n == 3:
				return openclaw.LogPage{}, fmt.Errorf("logs.tail: %w", openclaw.ErrLost)
			}
			return openclaw.LogPage{Lines: []openclaw.LogLine{line(fmt.Sprintf("new error %d", n)), line("chatter")}, Cursor: int64(n+1) * 5}, nil
		}
		inner := g.logs
		g.logs = func(ctx context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			page, err := inner(ctx, p)
			if err != nil {
				n-- // the cursor stays
				g.logs = func(ctx context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
					n++
					page, err := openclaw.LogPage{Lines: []openclaw.LogLine{{At: time.Now(), Message: "late error"}}, Cursor: p.Cursor}, error(nil)
					return page, err
				}
			}
			return page, err
		}
		s := newStory(t, g)
		began := time.Now()
		got := s.do("/logs --follow 9 --grep error")
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("took %v", took)
		}
		wants(t, got, "== followed for 9 s, 3 new lines", "old error", "new error 2", "late error")
		lacks(t, got, "chatter", "[Stop]")
		wants(t, s.told(), "following, 0 ms of 9 s", "[Stop]", "hint: The connection to the gateway broke")
		if edits := len(s.progress); edits > 5 {
			t.Errorf("%d edits in 9 s, want one every 2 s", edits)
		}
	})
}

func TestLogsFollowStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, busyGateway())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		wants(t, show(s.result(ctx, "/logs --follow 60")), "OK:", "== stopped after 5 s")
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, &gateway{state: in(openclaw.Down)})
		s.CLI = &cli{logs: func(context.Context, int) (openclaw.LogPage, error) {
			return openclaw.LogPage{Lines: []openclaw.LogLine{{Message: "last words"}}}, nil
		}}
		wants(t, s.do("/logs --follow 60"), "last words", "not followed")
	})
}

// talkative answers messages to agents as reply says.
func talkative(t *testing.T, reply func(ctx context.Context, p openclaw.AgentParams, tell func(openclaw.AgentProgress)) (openclaw.AgentResult, error)) *gateway {
	g := busyGateway()
	g.resolve = func(_ context.Context, ref string) (string, string, error) {
		if ref == "main" || ref == "agent:main:main" {
			return "agent:main:main", "main", nil
		}
		return "", "", fmt.Errorf("sessions.resolve: %w", openclaw.ErrNotFound)
	}
	g.agents = func(context.Context) ([]openclaw.Agent, error) {
		return []openclaw.Agent{{ID: "main", Name: "Main"}, {ID: "ops-incident"}, {ID: "builder"}}, nil
	}
	g.runAgent = func(ctx context.Context, p openclaw.AgentParams, tell func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
		if reply == nil {
			t.Errorf("sent %+v", p)
			return openclaw.AgentResult{}, openclaw.ErrDown
		}
		return reply(ctx, p, tell)
	}
	return g
}

func TestTalk(t *testing.T) {
	payload := "it's \"quoted\" “curly” — \\n #x\n\n👩‍💻 --timeout 5 "
	for line, want := range map[string]openclaw.AgentParams{
		"/session main --timeout 30 " + payload: {SessionKey: "agent:main:main"},
		"/agent Builder " + payload:             {AgentID: "builder"},
		"/agent DEVOPS " + payload:              {SessionKey: "agent:devops:main"},
	} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			s := newStory(t, talkative(t, func(_ context.Context, p openclaw.AgentParams, _ func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
				sent++
				want.Message, want.IdempotencyKey = payload, t.Name()+"-1"
				if p != want {
					t.Errorf("%q sent %+v, want %+v", line, p, want)
				}
				return openclaw.AgentResult{RunID: p.IdempotencyKey, SessionKey: "agent:x:main", Status: openclaw.AgentOK, Text: "done <b>&", Model: "mock-1", Duration: 1200 * time.Millisecond}, nil
			}))
			s.Agents = map[string]string{"devops": "agent:devops:main"}
			wants(t, s.do(line), "OK: /", "\ndone <b>&\n", "agent:x:main · mock-1 · 1.2 s")
			if sent != 1 {
				t.Errorf("%q was sent %d times", line, sent)
			}
		})
	}
}

func TestTalkToNobodySendsNothing(t *testing.T) {
	s := newStory(t, talkative(t, nil))
	tests := []struct{ line, message, hint string }{
		{"/session mian hi", `no session "mian", nothing sent`, "did you mean main?"},
		{"/session incident hi", `no session "incident", nothing sent`, "did you mean ops-incident?"},
		{"/session zzzzzz hi", `no session "zzzzzz", nothing sent`, "/sessions lists them"},
		{"/agent bulider hi", `no agent "bulider", nothing sent`, "did you mean builder?"},
		{"/agent zzzzzz hi", `no agent "zzzzzz", nothing sent`, "there are main, Main, ops-incident and builder"},
		{"/agent ops-incident hi", `"ops-incident" could be the agent ops-incident or the session agent:main:ops, nothing sent`, "/session <key>"},
	}
	for _, tt := range tests {
		wants(t, s.do(tt.line), "ERROR: "+tt.message+"\n", "hint: ", tt.hint)
	}
	for _, st := range []openclaw.Phase{openclaw.Down, openclaw.Hanging, openclaw.Draining} {
		s := newStory(t, talkative(t, nil))
		s.Gateway.(*gateway).state = in(st)
		s.Agents = map[string]string{"devops": "agent:devops:main"}
		wants(t, s.do("/agent devops hi"), "ERROR: the gateway ", ", nothing sent")
	}

	// No key, no message: it could be sent twice.
	r, err := commands.Parse("/agent main hi", "")
	if err != nil {
		t.Fatal(err)
	}
	if res, err := s.Do(t.Context(), s.grant(r), r, nil); err == nil {
		t.Errorf("without an idempotency key Do = %+v", res)
	}
}

func TestTalkAboutALongReply(t *testing.T) {
	text := strings.Repeat("two words\n", 2000)
	s := newStory(t, talkative(t, func(_ context.Context, p openclaw.AgentParams, _ func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
		return openclaw.AgentResult{RunID: "r", Status: openclaw.AgentOK, Text: text}, nil
	}))
	res := s.result(t.Context(), "/agent main hi")
	if res.Document == nil || res.Document.Text != text {
		t.Fatalf("document %+v, want the whole reply", res.Document)
	}
	if n := len(res.Blocks[0].Text) - res.Blocks[0].Lookahead; n > 3000 {
		t.Errorf("%d bytes of the reply in the message", n)
	}
	wants(t, show(res), "… 17.2 KB more in the document")
}

func TestTalkProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, talkative(t, func(_ context.Context, p openclaw.AgentParams, tell func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
			for _, x := range []openclaw.AgentProgress{
				{Kind: openclaw.ProgressAccepted, Text: "agent:builder:main"}, {Kind: openclaw.ProgressStarted}, {Kind: openclaw.ProgressTool, Text: "exec: df -h"},
				{Kind: openclaw.ProgressApproval}, {Kind: openclaw.ProgressDecided}, {Kind: openclaw.ProgressRetrying, Text: "Retrying in 3s (2/8)"},
				{Kind: openclaw.ProgressLost}, {Kind: openclaw.ProgressReattach}, {Kind: openclaw.ProgressFinishing},
			} {
				tell(x)
				time.Sleep(4 * time.Second)
			}
			return openclaw.AgentResult{RunID: "r", Status: openclaw.AgentOK, Text: "done"}, nil
		}))
		wants(t, s.do("/agent builder hi"), "done")
		wants(t, s.told(), "Sent to builder.", "Sent to builder, 3 s so far.", "The model works", "Uses a tool: exec: df -h", "Waits for an approval", "The approval was decided",
			"The model failed. Retrying in 3s (2/8)", "The connection is lost, the run goes on", "Connected again", "Finishing", "[Stop it](/stop agent:builder:main)")
		after := len(s.progress)
		time.Sleep(time.Minute)
		if len(s.progress) != after {
			t.Error("progress after the end")
		}
	})
}

func TestTalkTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := talkative(t, func(ctx context.Context, p openclaw.AgentParams, _ func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
			<-ctx.Done()
			return openclaw.AgentResult{RunID: "run-1", SessionKey: "agent:main:main"}, fmt.Errorf("agent: %w", openclaw.ErrTimeout)
		})
		s := newStory(t, g)
		line := "/session agent:main:main --again run-1"
		wants(t, s.do("/session main --timeout 20 hi"), "OK: no reply yet, main works on", "No reply within 20 s. The run goes on.", "hint: to look again: "+line, "[Look again]("+line+")", "[Stop it](/stop agent:main:main)")

		g.runAgent = nil // nothing is sent
		for _, tt := range []struct {
			out   openclaw.AgentResult
			err   error
			wants []string
		}{
			{openclaw.AgentResult{Status: openclaw.AgentOK, Text: "late"}, nil, []string{"OK: /session agent:main:main @local", "late"}},
			{openclaw.AgentResult{Status: openclaw.AgentRunning}, openclaw.ErrTimeout, []string{"OK: no reply yet, agent:main:main works on", "[Look again](" + line + ")"}},
			{openclaw.AgentResult{Status: openclaw.AgentLost}, nil, []string{"ERROR: the gateway does not know this run", "Nothing runs in agent:main:main"}},
		} {
			g.await = func(_ context.Context, runID, key string) (openclaw.AgentResult, error) {
				if runID != "run-1" || key != "agent:main:main" {
					t.Errorf("waited for %q in %q", runID, key)
				}
				tt.out.RunID = runID
				return tt.out, tt.err
			}
			wants(t, s.do(line), tt.wants...)
		}
	})
}

func TestTalkEnds(t *testing.T) {
	tests := []struct {
		name  string
		out   openclaw.AgentResult
		err   error
		wants []string
	}{
		{"error", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentError, Error: "model says 400\nstack"}, nil, []string{"ERROR: main failed", "Model says 400…."}},
		{"aborted", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentAborted, Text: "so far"}, nil, []string{"ERROR: main was stopped", "so far"}},
		{"the gateway's own timeout", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentTimeout}, nil, []string{"ERROR: main failed", "longer than the gateway allows"}},
		{"no text", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentOK, Text: " \n"}, nil, []string{"OK: ", "It ended without a reply."}},
		{"refused, not sent", openclaw.AgentResult{}, &openclaw.RPCError{Message: "unknown agent id"}, []string{"ERROR: the gateway did not take the message: unknown agent id"}},
		{"refused for want of a scope", openclaw.AgentResult{}, fmt.Errorf("agent: %w", openclaw.ErrScope), []string{"ERROR: the gateway does not let this console send messages, nothing sent"}},
		{"answered with nonsense", openclaw.AgentResult{RunID: "r"}, errors.New("agent: bad JSON"), []string{"no reply yet", "The message was sent; how", "--again r"}},
		{"lost in a restart", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentLost}, nil, []string{"ERROR: main lost the run", "The message was taken", "before sending it again"}},
		{"lost on its way", openclaw.AgentResult{RunID: "r", Status: openclaw.AgentLost}, fmt.Errorf("agent: %w", openclaw.ErrLost), []string{"ERROR: not known whether main got the message", "nothing runs in agent:main:main", "before sending it again"}},
		{"lost for good", openclaw.AgentResult{RunID: "r"}, fmt.Errorf("agent: %w", openclaw.ErrDown), []string{"no reply yet", "The message was sent", "--again r"}},
	}
	for _, tt := range tests {
		s := newStory(t, talkative(t, func(context.Context, openclaw.AgentParams, func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
			return tt.out, tt.err
		}))
		got := s.do("/session main hi")
		wants(t, got, tt.wants...)
		lacks(t, got, "stack", "JSON")
	}
}

func TestStop(t *testing.T) {
	g := talkative(t, nil)
	var stopped []string
	g.abort = func(_ context.Context, key string) ([]string, error) {
		stopped = append(stopped, key)
		return []string{"r1"}, nil
	}
	s := newStory(t, g)
	wants(t, s.do("/stop main"), "OK: main: 1 run stopped")
	got := s.do("/stop mian")
	wants(t, got, `ERROR: no session "mian"`, "did you mean main?")
	lacks(t, got, "sent")
	if !slices.Equal(stopped, []string{"agent:main:main"}) {
		t.Errorf("stopped %q", stopped)
	}
	g.abort = func(context.Context, string) ([]string, error) { return nil, nil }
	wants(t, s.do("/stop main"), "OK: main was idle, nothing to stop")
	g.abort = func(context.Context, string) ([]string, error) { return nil, errors.Join(openclaw.ErrScope) }
	wants(t, s.do("/stop main"), "ERROR: the gateway does not let this console stop runs")
}
