package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/internal/audit"
	"clawconsole/openclaw"
)

// busyGateway knows a bit of everything.
func busyGateway() *gateway {
	now := time.Now()
	return &gateway{
		status: func(context.Context) (openclaw.Status, error) {
			return openclaw.Status{Version: "2026.9.6", PID: 77, Sessions: 14, TasksActive: 1, TasksTotal: 9, TasksFailed: 2, RSSBytes: 700e6}, nil
		},
		info: func(context.Context) (openclaw.SystemInfo, error) {
			return openclaw.SystemInfo{Hostname: "ops1", PID: 77, Uptime: 9 * time.Hour, Port: 18789, NodeVersion: "v26.10.0", CPUs: 2}, nil
		},
		sessions: func(_ context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error) {
			all := []openclaw.Session{
				{Key: "agent:main:main", Kind: "direct", Classification: "main", Busy: true, Model: "mock-1", UpdatedAt: now.Add(-3 * time.Minute), TotalTokens: 10618, ContextTokens: 128000},
				{Key: "agent:main:ops", Label: "ops-incident", Kind: "direct", UpdatedAt: now.Add(-2 * time.Hour)},
				{Key: "agent:main:cron:j1:run:5221", Kind: "cron", UpdatedAt: now.Add(-26 * time.Hour)},
				{Key: "agent:main:team", Kind: "group", UpdatedAt: now.Add(-50 * time.Hour)},
			}
			lo := min(p.Offset, len(all))
			hi := min(lo+p.Limit, len(all))
			return openclaw.SessionList{Sessions: all[lo:hi], Total: len(all), More: hi < len(all), NextOffset: hi, Source: "gateway"}, nil
		},
		approvals: func(context.Context) ([]openclaw.Approval, error) {
			return []openclaw.Approval{{ExpiresAt: now.Add(20 * time.Minute)}, {ExpiresAt: now.Add(4 * time.Minute)}}, nil
		},
		channels: func(context.Context) ([]openclaw.Channel, error) {
			return []openclaw.Channel{{Name: "telegram", Configured: true, Running: true}, {Name: "signal", Configured: true, LastError: "auth failed\nstack"}, {Name: "irc"}}, nil
		},
		logs: func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			lines := []openclaw.LogLine{
				{At: now.Add(-26 * time.Hour), Level: "info", Subsystem: "gateway", Message: "gateway ready"},
				{At: now.Add(-9 * time.Minute), Level: "error", Subsystem: "telegram", Message: "send failed {\"code\":429,\"pid\":77,\"nested\":{\"a\":1}}"},
				{At: now.Add(-8 * time.Minute), Level: "error", Subsystem: "openclaw", Message: "{\n  \"ok\": false\n}"},
				{At: now.Add(-time.Minute), Level: "info", Subsystem: "gateway/ws", Message: "⇄ res ✗ cron.run 1ms errorCode=INVALID_REQUEST errorMessage=Automation not found: nope conn=2890e372…416d id=c17"},
				{Message: "not JSON \x1b[31mred\x1b[0m"},
			}
			return openclaw.LogPage{Lines: lines[max(0, len(lines)-p.Limit):], Cursor: 5, Source: "gateway"}, nil
		},
		jobs: func(context.Context) ([]openclaw.CronJob, error) {
			return []openclaw.CronJob{
				{ID: "0f", Name: "old", Schedule: openclaw.Schedule{Kind: "at", At: now}},
				{ID: "j1", Name: "nightly backup", Enabled: true, Schedule: openclaw.Schedule{Kind: "cron", Expr: "0 6 * * 1-5", Zone: "Europe/Berlin"}, NextRunAt: now.Add(2 * time.Hour), LastRunAt: now.Add(-22 * time.Hour), LastStatus: "error", LastDuration: 3 * time.Second, LastError: "command exited with code 3\nmore", Errors: 2},
				{ID: "5e2faa21-2359", Name: "nightly report", Enabled: true, Schedule: openclaw.Schedule{Kind: "every", Every: 6 * time.Hour}, NextRunAt: now.Add(time.Hour)},
			}, nil
		},
		runs: func(_ context.Context, p openclaw.CronRunsParams) ([]openclaw.CronRun, error) {
			return []openclaw.CronRun{
				{JobID: p.JobID, Status: "error", Error: "command exited with code 3", Summary: "oops", StartedAt: now.Add(-time.Hour), Duration: 4 * time.Second},
				{JobID: p.JobID, Status: "ok", StartedAt: now.Add(-25 * time.Hour), Duration: time.Second},
			}[:min(2, p.Limit)], nil
		},
		preflight: func(context.Context) (openclaw.Preflight, error) {
			return openclaw.Preflight{Summary: "busy", Blockers: []openclaw.Blocker{{Kind: "reply", Count: 1, Message: "1 pending reply"}}}, nil
		},
	}
}

func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, busyGateway())
		s.CLI = &cli{gatewayStatus: func(context.Context) (openclaw.GatewayReport, error) {
			return openclaw.GatewayReport{Reachable: true, Port: 18789, Bind: "loopback", Service: "systemd", ServiceLoaded: true, ServiceStatus: "running"}, nil
		}}
		s.Console = func() commands.ConsoleState {
			return commands.ConsoleState{Version: "0.1.0", Since: time.Now().Add(-time.Hour), PolledAt: time.Now()}
		}
		tests := []struct {
			line  string
			wants []string
			lacks []string
		}{
			{
				"/status",
				[]string{"Gateway: up 3 h 5 min", "Version: 2026.9.6", "Sessions: 1 active of 4", "Approvals: 2 waiting, first expires in 4 min", "Telegram ok, Signal auth failed", "Last error: 9 min ago: send failed code=429", "Console: ok"},
				[]string{"{", "irc", "stack", "pid 77"},
			},
			{"/status --verbose", []string{"pid 77, node 26.10.0", "ops1, 2 CPUs", "700 MB", "1 active, 2 failed of 9", "Scopes: admin", "0.1.0, up 1 h"}, []string{"{"}},
			{
				"/sessions",
				[]string{"agent:main:main: busy · direct/main · 3 min ago · mock-1 · 8% of context", "ops-incident: agent:main:ops · idle · direct · 2 h ago", "job nightly backup: agent:main:cron:j1:run:5221 · idle · cron · 1 day 2 h ago"},
				[]string{"{", "Older", "Newer"},
			},
			{"/sessions --limit 2 --page 2", []string{"3 to 4 of 4", "[Newer](/sessions --limit 2 --page 1)"}, []string{"agent:main:main:", "Older"}},
			{"/sessions --limit 3", []string{"1 to 3 of 4", "[Older](/sessions --limit 3 --page 2)"}, []string{"agent:main:team"}},
			{"/sessions --kinds group,main --limit 1", []string{"1 to 1 of 2", "agent:main:main", "[Older](/sessions --limit 1 --page 2 --kinds group,main)"}, []string{"ops"}},
			{"/sessions --kinds GROUP", []string{"agent:main:team"}, []string{"agent:main:main", "Older"}},
			{"/sessions --kinds voice", []string{"No sessions of kind voice. There are cron, direct, group and main."}, nil},
			{"/sessions --page 9", []string{"No sessions on page 9."}, nil},
			{
				"/logs",
				[]string{
					"ERROR telegram: send failed code=429\n", "ERROR openclaw: ok=false\n", "gateway/ws: ✗ cron.run 1ms INVALID_REQUEST: Automation not found: nope\n", "not JSON red\n",
				},
				[]string{"\x1b", "conn=", "{", "nested", "INFO"},
			},
			{"/logs --grep 'AUTOMATION'", []string{`None of the last 5 lines matches "AUTOMATION".`}, nil},
			{"/logs --grep (?i)AUTOMATION", []string{"== 1 of the last 5 lines", "cron.run"}, []string{"send failed"}},
			{"/logs --grep error --tail 1", []string{"== 3 of the last 5 lines, newest 1 shown", "cron.run"}, []string{"send failed"}},
			{"/logs --tail 1", []string{"not JSON red"}, []string{"cron.run"}},
			{"/gateway status", []string{"Reachable: yes, connected 1 min ago", "Process: pid 77 on ops1", "Uptime: 3 h 5 min", "Work: 1 pending reply", "Bind: loopback, port 18789", "Service: systemd, running", "CLI: reaches the gateway"}, []string{"{"}},
			{
				"/cron list",
				[]string{"== 3 jobs", "nightly report: 5e2faa21 · every 6 h · next in 1 h · never ran", "nightly backup: j1 · Monday to Friday at 06:00 (Europe/Berlin) · next in 2 h · last error 22 h ago, took 3 s · command exited with code 3… · failed 2 times in a row", "old: 0f · once, ", "disabled"},
				[]string{"{"},
			},
			{"/cron runs j1 --limit 2", []string{"OK: /cron runs nightly backup @local\n", "1 h ago · failed · 4 s · command exited with code 3 · oops", "1 day 1 h ago · ok · 1 s", "▂█ oldest to newest, longest 4 s, 1 of 2 failed"}, []string{"{"}},
			{"/cron runs 'Nightly Report'", []string{"OK: /cron runs nightly report"}, nil},
			{"/cron runs 5e2", []string{"OK: /cron runs nightly report"}, nil},
			{"/cron runs nightly", []string{`ERROR: "nightly" could be nightly report (5e2faa21) or nightly backup (j1)`, "hint: give the id"}, nil},
			{"/cron runs nigtly", []string{`ERROR: no job "nigtly"`, "/cron list shows them"}, nil},
			{"/cron runs odl", []string{`ERROR: no job "odl"`, "hint: did you mean old?"}, nil},
			{"/whoami", []string{"Name: alice", "User id: 42", "Chat id: 42", "Rights: safe, moderate, dangerous, approve", "Lock: locked"}, []string{"Topic"}},
			{"/help", []string{"== Look", "/logs: end of the gateway's log", "/gateway restart:", "== You", "/auth", "== Examples", "/status --verbose", "/session ops what failed last night?", "/gateway restart --reason", "/approve 07f9a8f6"}, []string{"/run", "/gateway start", "/start"}},
			{"/help logs", []string{"/logs [--tail n] [--grep pattern] [--follow s]", "End of the gateway's log.", "--tail n: how many lines", "/logs --follow 60", "Class: safe"}, nil},
			{"/help gateway", []string{"/gateway status: ", "/gateway restart [--reason text] [--now]: "}, nil},
			{"/help /run", []string{"Class: dangerous: needs an unlock and --yes", "switched off"}, nil},
			{"/help lgos", []string{"ERROR: unknown command /lgos", "hint: did you mean /help logs?"}, nil},
			{"/start", []string{"OK: clawconsole for alice", "== Look"}, nil},
		}
		for _, tt := range tests {
			got := s.do(tt.line)
			wants(t, got, tt.wants...)
			lacks(t, got, tt.lacks...)
		}
	})
}

// answers are the read commands: each must say something useful whatever the
// gateway does, within 10 s.
var reads = []string{"/status", "/status --verbose", "/sessions", "/sessions --kinds direct", "/logs", "/logs --grep x", "/gateway status", "/cron list", "/cron runs j1"}

func TestReadsWithoutTheGateway(t *testing.T) {
	states := []struct {
		name string
		g    func() *gateway
		says string // in every answer, in lower case
	}{
		{"down", func() *gateway { return &gateway{state: in(openclaw.Down)} }, "gateway is down"},
		{"hanging, not yet noticed", hangs, "gateway did not answer"},
		{"hanging", func() *gateway { return &gateway{state: in(openclaw.Hanging)} }, "gateway hangs"},
		{"starting", func() *gateway { return &gateway{state: in(openclaw.Starting)} }, "gateway is starting"},
		{"draining", func() *gateway { return &gateway{state: in(openclaw.Draining)} }, "gateway waits for"},
		{"refused", func() *gateway { return &gateway{state: in(openclaw.Refused)} }, "gateway refuses"},
		{"pairing", func() *gateway { return &gateway{state: in(openclaw.Pairing)} }, "gateway has not paired"},
		{"never seen", func() *gateway {
			return &gateway{state: func() openclaw.State { return openclaw.State{Phase: openclaw.Connecting, Since: time.Now()} }}
		}, "gateway is down"},
	}
	tools := []struct {
		name string
		cli  func() commands.CLI
	}{
		{"no CLI", func() commands.CLI { return nil }},
		{"CLI not installed", func() commands.CLI { return &cli{} }},
		{"CLI hangs", func() commands.CLI {
			return &cli{
				gatewayStatus: hang[openclaw.GatewayReport],
				sessions: func(ctx context.Context, _ openclaw.SessionsParams) (openclaw.SessionList, error) {
					return hang[openclaw.SessionList](ctx)
				},
				logs: func(ctx context.Context, _ int) (openclaw.LogPage, error) { return hang[openclaw.LogPage](ctx) },
			}
		}},
		{"CLI answers", func() commands.CLI {
			return &cli{
				gatewayStatus: func(context.Context) (openclaw.GatewayReport, error) {
					return openclaw.GatewayReport{Port: 18789, PortStatus: "free", Service: "systemd", ServiceLoaded: true, ServiceStatus: "stopped"}, nil
				},
				sessions: func(context.Context, openclaw.SessionsParams) (openclaw.SessionList, error) {
					return openclaw.SessionList{Sessions: []openclaw.Session{{Key: "agent:main:main", Kind: "direct"}}, Total: 1, Source: "local database"}, nil
				},
				logs: func(context.Context, int) (openclaw.LogPage, error) {
					return openclaw.LogPage{Lines: []openclaw.LogLine{{At: time.Now(), Level: "error", Message: "x out of memory"}}, Source: "log file"}, nil
				},
			}
		}},
	}
	for _, st := range states {
		for _, tool := range tools {
			for _, line := range reads {
				t.Run(st.name+"/"+tool.name+line, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newStory(t, st.g())
						s.CLI = tool.cli()
						began := time.Now()
						got := s.do(line)
						if took := time.Since(began); took > 10*time.Second {
							t.Errorf("%s took %v", line, took)
						}
						wants(t, strings.ToLower(got), st.says)
						lacks(t, got, "{", "context deadline", "EOF", "%!")
						if tool.name != "CLI answers" {
							return
						}
						switch strings.Fields(line)[0] {
						case "/status":
							wants(t, got, "nothing listens on port 18789", "Last error: just now: x out of memory", "Sessions: 1, by the local files", "Service: systemd, stopped")
						case "/sessions":
							wants(t, got, "OK:", "agent:main:main", "local files")
						case "/logs":
							wants(t, got, "OK:", "x out of memory", "log file says")
						}
					})
				})
			}
		}
	}
}

// A gateway that comes up while a read waits for it answers.
func TestReadWaitsForAStartingGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := busyGateway(), time.Now()
		g.state = func() openclaw.State {
			if time.Since(began) < 2*time.Second {
				return in(openclaw.Starting)()
			}
			return up()
		}
		got := newStory(t, g).do("/cron list")
		wants(t, got, "3 jobs")
	})
}

func TestReadSaysWhyTheGatewayRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busyGateway()
		g.jobs = func(context.Context) ([]openclaw.CronJob, error) {
			return nil, fmt.Errorf("cron.list: %w", openclaw.ErrScope)
		}
		wants(t, newStory(t, g).do("/cron list"), "ERROR: the gateway does not let this console list jobs", "hint: ")

		g.jobs = func(context.Context) ([]openclaw.CronJob, error) {
			return nil, &openclaw.RPCError{Method: "cron.list", Code: "INVALID_REQUEST", Message: "no\nway"}
		}
		got := newStory(t, g).do("/cron list")
		wants(t, got, "ERROR: the gateway does not list jobs: no…")
		lacks(t, got, "INVALID_REQUEST")
	})
}

// What is ours to explain goes to the log, not to the operator.
func TestUnknownErrorIsReturned(t *testing.T) {
	g := busyGateway()
	bug := errors.New("bug")
	g.jobs = func(context.Context) ([]openclaw.CronJob, error) { return nil, bug }
	s := newStory(t, g)
	r, err := commands.Parse("/cron list", "")
	if err != nil {
		t.Fatal(err)
	}
	if res, err := s.Do(t.Context(), s.grant(r), r, nil); !errors.Is(err, bug) {
		t.Errorf("Do = %+v, %v, want the bug", res, err)
	}
}

func TestDoNeedsTheRightGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := false
		g := busyGateway()
		g.restart = func(context.Context, string, bool) (openclaw.RestartAnswer, error) {
			ran = true
			return openclaw.RestartAnswer{}, openclaw.ErrScope
		}
		s := newStory(t, g)
		restart, _ := commands.Parse("/gateway restart", "")
		status, _ := commands.Parse("/status", "")
		tests := []struct {
			name  string
			grant auth.Grant
			r     commands.Request
			raise map[string]auth.Class
		}{
			{"the zero grant", auth.Grant{}, restart, nil},
			{"of a lower class", s.grant(status), restart, nil},
			{"of a lower class, the request says so too", s.grant(status), commands.Request{Name: "gateway restart", Class: auth.Safe, Command: restart.Command}, nil},
			{"of the grammar's class when configuration raised it", s.grant(restart), restart, map[string]auth.Class{"gateway restart": auth.Dangerous}},
			{"for a command that is not in the table", s.grant(status), commands.Request{Name: "reboot", Class: auth.Safe, Command: restart.Command}, nil},
			{"for no command", s.grant(status), commands.Request{Name: "status", Class: auth.Safe}, nil},
			{"for a command under another's name", s.grant(status), commands.Request{Name: "status", Class: auth.Safe, Command: restart.Command}, nil},
		}
		for _, tt := range tests {
			s.Raised = tt.raise
			if _, err := s.Do(t.Context(), tt.grant, tt.r, nil); !errors.Is(err, commands.ErrNotAdmitted) || ran {
				t.Errorf("%s: Do = %v, ran %t, want ErrNotAdmitted", tt.name, err, ran)
			}
		}
		s.Raised = nil
		began := time.Now()
		if s.do("/gateway restart"); !ran {
			t.Error("the right grant did not do")
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the command waited %v for a restart that was refused", waited)
		}
	})
}

func TestHelpShowsWhatThisOperatorMayRun(t *testing.T) {
	s := newStory(t, busyGateway())
	s.Gate = newGate(t, auth.Moderate, auth.Dangerous)
	s.Shell.Enabled = true
	got := s.do("/help")
	wants(t, got, "/status", "/whoami")
	lacks(t, got, "/run", "/gateway restart", "/session:")
	s.Raised = map[string]auth.Class{"logs": auth.Moderate}
	lacks(t, s.do("/help"), "/logs:")
	wants(t, s.do("/help run"), "You: may not run it")
}

func TestAuthAndLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, busyGateway())
		s.Gate = newGate(t)
		got := s.do("/auth " + secret)
		wants(t, got, "OK: unlocked until "+time.Now().Add(10*time.Minute).UTC().Format("15:04")+" UTC")
		lacks(t, got, secret)
		wants(t, s.do("/whoami"), "Lock: unlocked until ")
		wants(t, s.do("/lock"), "OK: locked")
		wants(t, s.do("/whoami"), "Lock: locked")

		r, _ := commands.Parse("/auth wrong", "")
		var refusal *auth.Refusal
		if _, err := s.Do(t.Context(), s.grant(r), r, nil); !errors.As(err, &refusal) {
			t.Errorf("a wrong secret: Do = %v, want a Refusal", err)
		}
		s.caller = group
		got = s.do("/auth " + secret)
		wants(t, got, "ERROR: secrets are taken in a private chat only", "change the secret")
		if _, ok := s.Gate.UnlockedUntil(42); ok {
			t.Error("a secret sent to a group unlocked")
		}
		wants(t, s.do("/whoami"), "Topic id: 7")
	})
}

type record struct {
	entries []audit.Entry
	err     error
}

func (r record) Tail(_ context.Context, n int) ([]audit.Entry, error) {
	return r.entries[max(0, len(r.entries)-n):], r.err
}

func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, busyGateway())
		s.Record = record{entries: []audit.Entry{
			{Time: time.Now().Add(-48 * time.Hour), Event: audit.Start},
			{Time: time.Now(), Event: audit.CommandDone, Operator: &audit.Operator{ID: 42, Name: "alice"}, Command: "/logs --tail 5", Result: "ok", MS: 12},
		}}
		wants(t, s.do("/audit"), "start", "alice · command.done · /logs --tail 5 · ok · 12 ms")
		lacks(t, s.do("/audit --tail 1"), "start")
		s.caller = group
		got := s.do("/audit")
		wants(t, got, "ERROR: the record is shown in a private chat only")
		lacks(t, got, "alice")
		s.caller = private
		s.Record = record{err: errors.New("disk")}
		got = s.do("/audit")
		wants(t, got, "ERROR: the record cannot be read", "audit verify")
		lacks(t, got, "disk")
	})
}
