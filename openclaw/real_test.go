package openclaw_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
	"clawconsole/openclaw"
)

// start runs a client until the test ends, which waits for its end.
func start(t *testing.T, c openclaw.Config) *openclaw.Gateway {
	t.Helper()
	g, err := openclaw.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	return g
}

// token makes a Config.Token of a string.
func token(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// connected is a client of a real gateway, connected.
func connected(t *testing.T, gw *realgateway.Gateway) *openclaw.Gateway {
	t.Helper()
	g := start(t, openclaw.Config{URL: gw.URL, Token: token(gw.Token), CallTimeout: 20 * time.Second})
	await(t, g)
	return g
}

func await(t *testing.T, g *openclaw.Gateway) openclaw.State {
	t.Helper()
	s, err := g.Await(within(t, time.Minute))
	if err != nil {
		t.Fatalf("Await = %v; state %+v", err, s)
	}
	return s
}

// within is a context that ends after d or with the test.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// next returns the first event of sub that f accepts.
func next[E openclaw.Event](t *testing.T, sub *openclaw.Subscription, f func(E) bool) E {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-sub.C:
			if e, ok := e.(E); ok && (f == nil || f(e)) {
				return e
			}
		case <-timeout:
			var zero E
			t.Fatalf("no %T within 30 s", zero)
			return zero
		}
	}
}

func TestRealConnectAndRead(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := start(t, openclaw.Config{URL: gw.URL, Token: token(gw.Token), CallTimeout: 20 * time.Second})
	s := await(t, g)
	ctx := within(t, time.Minute)

	if len(s.Missing) != 0 || !s.Has(openclaw.ScopeAdmin) || !s.Has(openclaw.ScopeApprovals) {
		t.Errorf("scopes %v, missing %v: want all that were asked for", s.Hello.Scopes, s.Missing)
	}
	if s.Hello.Version == "" || s.Hello.BootID == "" || s.Hello.ConnID == "" || s.Hello.Protocol != 4 || s.Hello.Uptime <= 0 {
		t.Errorf("hello lacks something: %+v", s.Hello)
	}
	if s.Skew.Abs() > 5*time.Second {
		t.Errorf("skew of the same host's clock = %v", s.Skew)
	}
	if h, err := g.Health(ctx, true); err != nil || !h.OK || h.DefaultAgentID != "main" || h.At.IsZero() {
		t.Errorf("Health = %+v, %v", h, err)
	}
	st, err := g.Status(ctx)
	if err != nil || st.PID != gw.Pid() || st.Version != s.Hello.Version || st.RSSBytes < 1<<20 {
		t.Errorf("Status = %+v, %v; want pid %d and version %s", st, err, gw.Pid(), s.Hello.Version)
	}
	si, err := g.SystemInfo(ctx)
	if err != nil || si.PID != gw.Pid() || si.Port != gw.Port || si.Uptime <= 0 || si.CPUs < 1 || len(si.Disks) == 0 || si.MemoryTotal < 1<<20 {
		t.Errorf("SystemInfo = %+v, %v", si, err)
	}
	agents, err := g.Agents(ctx)
	if err != nil || len(agents) != 1 || agents[0].ID != "main" || !agents[0].Default || !strings.Contains(agents[0].Model, "mock") {
		t.Errorf("Agents = %+v, %v", agents, err)
	}
	if l, err := g.Sessions(ctx, openclaw.SessionsParams{Active: 90 * time.Second, AgentID: "main"}); err != nil || l.Total < 0 || l.Source != "gateway" {
		t.Errorf("Sessions = %+v, %v", l, err)
	}
	if ch, err := g.Channels(ctx, false); err != nil || len(ch) != 0 {
		t.Errorf("Channels = %+v, %v, want none configured", ch, err)
	}
	if p, err := g.Preflight(ctx); err != nil || p.Summary == "" {
		t.Errorf("Preflight = %+v, %v", p, err)
	}
	if a, err := g.ListApprovals(ctx); err != nil || len(a) != 0 {
		t.Errorf("ListApprovals = %+v, %v, want none", a, err)
	}
	if _, _, err := g.ResolveSession(ctx, "no such session"); !errors.Is(err, openclaw.ErrNotFound) {
		t.Errorf("ResolveSession of nothing = %v, want ErrNotFound", err)
	}
	if _, err := g.GetApproval(ctx, "no such approval"); !errors.Is(err, openclaw.ErrNotFound) {
		t.Errorf("GetApproval of nothing = %v, want ErrNotFound", err)
	}
	if _, err := g.CronRun(ctx, "no such job"); !errors.Is(err, openclaw.ErrNotFound) {
		t.Errorf("CronRun of nothing = %v, want ErrNotFound", err)
	}
	var rpc *openclaw.RPCError
	if err := g.Call(ctx, "no.such.method", nil, nil); !errors.As(err, &rpc) || rpc.Code != "INVALID_REQUEST" {
		t.Errorf("Call of nothing = %v, want INVALID_REQUEST", err)
	}
}

func TestRealLogs(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, time.Minute)
	first, err := g.Logs(ctx, openclaw.LogsParams{Limit: 20})
	if err != nil || len(first.Lines) == 0 || len(first.Lines) > 20 || first.Cursor == 0 || first.File == "" {
		t.Fatalf("Logs = %+v, %v", first, err)
	}
	known := 0
	for _, l := range first.Lines {
		if !l.At.IsZero() && l.Level != "" && l.Subsystem != "" && l.Message != "" {
			known++
		}
	}
	if known < len(first.Lines)/2 {
		t.Errorf("only %d of %d lines were understood: %+v", known, len(first.Lines), first.Lines)
	}
	// The gateway logs a method that there is not; the cursor brings only that.
	if err := g.Call(ctx, "no.such.method", nil, nil); err == nil {
		t.Error("the gateway knows a method that there is not")
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		more, err := g.Logs(ctx, openclaw.LogsParams{Cursor: first.Cursor})
		if err != nil {
			t.Fatal(err)
		}
		if more.Cursor > first.Cursor {
			if len(more.Lines) == 0 || more.Lines[0] == first.Lines[0] {
				t.Errorf("after the cursor: %+v", more)
			}
			return
		}
	}
}

func TestRealCron(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, time.Minute)
	var added struct{ ID string }
	if err := g.Call(ctx, "cron.add", map[string]any{
		"name": "disk check", "schedule": map[string]any{"kind": "every", "everyMs": 86400000},
		"sessionTarget": "isolated", "wakeMode": "now", "delivery": map[string]any{"mode": "none"},
		"payload": map[string]any{"kind": "command", "argv": []string{"sh", "-c", "echo oops; exit 3"}},
	}, &added); err != nil {
		t.Fatal(err)
	}
	defer g.Call(ctx, "cron.remove", map[string]any{"id": added.ID}, nil)
	sub := g.Events(0, nil)
	defer sub.Close()
	run, err := g.CronRun(ctx, added.ID)
	if err != nil || !run.Started || run.RunID == "" {
		t.Fatalf("CronRun = %+v, %v", run, err)
	}
	end := next(t, sub, func(e openclaw.CronChanged) bool { return e.Action == "finished" && e.RunID == run.RunID })
	if r := end.Run; r.Status != "error" || r.ExitCode != 3 || r.Summary != "oops" || r.JobName != "disk check" || r.Duration <= 0 || r.At.IsZero() {
		t.Errorf("event of the end = %+v", r)
	}
	runs, err := g.CronRuns(ctx, openclaw.CronRunsParams{JobID: added.ID})
	if err != nil || len(runs) != 1 || runs[0].RunID != run.RunID || runs[0].ExitCode != 3 || runs[0].Completion != "failed" {
		t.Errorf("CronRuns = %+v, %v", runs, err)
	}
	jobs, err := g.CronJobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, builtin := false, 0
	for _, j := range jobs {
		if j.Builtin {
			builtin++
		}
		if j.ID == added.ID {
			found = true
			if j.Builtin || j.Schedule.Every != 24*time.Hour || j.LastStatus != "error" || j.Errors != 1 || j.NextRunAt.IsZero() || j.Payload != "command" {
				t.Errorf("job = %+v", j)
			}
		}
	}
	if !found || builtin == 0 {
		t.Errorf("CronJobs = %+v, want ours and built-in ones", jobs)
	}
}

func TestRealAgentTurn(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, 2*time.Minute)
	message := "it's \"quoted\" \\ back # hash\n\n  two  spaces 😀 `tick` $HOME"
	var kinds []openclaw.ProgressKind
	res, err := g.RunAgent(ctx, openclaw.AgentParams{Message: message, SessionKey: "agent:main:turn", IdempotencyKey: "turn-1"},
		func(p openclaw.AgentProgress) { kinds = append(kinds, p.Kind) })
	if err != nil || res.Status != openclaw.AgentOK || res.RunID != "turn-1" || res.SessionKey != "agent:main:turn" || res.Duration <= 0 || res.Model != "mock-1" {
		t.Fatalf("RunAgent = %+v, %v", res, err)
	}
	if want := "mock reply: two  spaces 😀 `tick` $HOME"; res.Text != want {
		t.Errorf("reply = %q, want %q", res.Text, want)
	}
	if len(kinds) == 0 || kinds[0] != openclaw.ProgressAccepted {
		t.Errorf("progress = %v", kinds)
	}
	model := gatewaytest.Model(t)
	got := false
	for _, r := range model.Requests() {
		got = got || r.Contains(message)
	}
	if !got {
		t.Error("no request of the model has the message byte for byte")
	}
	before := model.Count()
	again, err := g.RunAgent(ctx, openclaw.AgentParams{Message: message, SessionKey: "agent:main:turn", IdempotencyKey: "turn-1"}, nil)
	if err != nil || again.Text != res.Text {
		t.Errorf("the same key again = %+v, %v", again, err)
	}
	if n := model.Count(); n != before {
		t.Errorf("the same key asked the model %d times more", n-before)
	}
	if key, agent, err := g.ResolveSession(ctx, "turn"); err != nil || key != "agent:main:turn" || agent != "main" {
		t.Errorf("ResolveSession = %q, %q, %v", key, agent, err)
	}
	s, err := g.Session(ctx, "agent:main:turn")
	if err != nil || s.Busy || s.Model != "mock-1" || s.ContextUsed() <= 0 || s.Kind == "" || s.UpdatedAt.IsZero() {
		t.Errorf("Session = %+v, %v", s, err)
	}
	if r, err := g.AwaitAgent(ctx, "turn-1", res.SessionKey, nil); err != nil || r.Status != openclaw.AgentOK || r.Text != res.Text {
		t.Errorf("AwaitAgent = %+v, %v", r, err)
	}
	if r, err := g.AwaitAgent(ctx, "never", res.SessionKey, nil); err != nil || r.Status != openclaw.AgentLost {
		t.Errorf("AwaitAgent of an unknown run = %+v, %v", r, err)
	}
}

func TestRealAgentEnds(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, 2*time.Minute)

	res, err := g.RunAgent(ctx, openclaw.AgentParams{Message: "fail: 400", SessionKey: "agent:main:fails", IdempotencyKey: "fails-1"}, nil)
	if err != nil || res.Status != openclaw.AgentError || res.Error == "" {
		t.Errorf("a failing model = %+v, %v", res, err)
	}
	if res, err := g.RunAgent(ctx, openclaw.AgentParams{Message: "x", AgentID: "nope", IdempotencyKey: "nope-1"}, nil); err == nil || res.RunID != "" {
		t.Errorf("an unknown agent = %+v, %v, want an error and nothing sent", res, err)
	}

	// A deadline ends the wait, not the run; aborting ends the run.
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	res, err = g.RunAgent(short, openclaw.AgentParams{Message: "slow: 20000", SessionKey: "agent:main:slow", IdempotencyKey: "slow-1"}, nil)
	if !errors.Is(err, openclaw.ErrTimeout) || res.Status != openclaw.AgentRunning || res.RunID != "slow-1" {
		t.Errorf("after the deadline = %+v, %v", res, err)
	}
	end := make(chan openclaw.AgentResult, 1)
	go func() {
		r, _ := g.AwaitAgent(ctx, "slow-1", "agent:main:slow", nil)
		end <- r
	}()
	ids, err := g.Abort(ctx, "agent:main:slow")
	if err != nil || len(ids) != 1 || ids[0] != "slow-1" {
		t.Errorf("Abort = %v, %v", ids, err)
	}
	if r := <-end; r.Status != openclaw.AgentAborted {
		t.Errorf("the aborted run = %+v", r)
	}
	if ids, err := g.Abort(ctx, "agent:main:never-used"); err != nil || len(ids) != 0 {
		t.Errorf("Abort of an idle session = %v, %v", ids, err)
	}
}

// raise lets an agent call a tool that needs an approval, and returns that
// approval and the end of the turn.
func raise(t *testing.T, g *openclaw.Gateway, sub *openclaw.Subscription, key, command string, onProgress func(openclaw.AgentProgress)) (openclaw.Approval, <-chan openclaw.AgentResult) {
	t.Helper()
	end := make(chan openclaw.AgentResult, 1)
	ctx := within(t, 2*time.Minute)
	go func() {
		res, err := g.RunAgent(ctx, openclaw.AgentParams{Message: "exec: " + command, SessionKey: "agent:main:approvals", IdempotencyKey: key}, onProgress)
		if err != nil {
			res.Error = err.Error()
		}
		end <- res
	}()
	a := next(t, sub, func(e openclaw.ApprovalRequested) bool { return e.Approval.RunID == key })
	return a.Approval, end
}

func TestRealApprovals(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	ctx := within(t, 3*time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()

	// Allow once.
	var progress []openclaw.AgentProgress
	a, end := raise(t, g, sub, "approve-1", "echo approved | xargs echo", func(p openclaw.AgentProgress) { progress = append(progress, p) })
	if a.Kind != openclaw.KindExec || a.Command != "echo approved | xargs echo" || a.AgentID != "main" || a.SessionKey != "agent:main:approvals" ||
		a.Cwd == "" || a.Host != "gateway" || a.Tool != "exec" || a.ExpiresAt.Sub(a.CreatedAt) != 30*time.Minute || len(a.Request) == 0 {
		t.Errorf("approval = %+v", a)
	}
	if len(a.Warnings) == 0 || len(a.RiskKinds) == 0 {
		t.Errorf("a command that carries another has warnings %q and risks %q", a.Warnings, a.RiskKinds)
	}
	if !a.Offers(openclaw.AllowOnce) || !a.Offers(openclaw.Deny) || a.Offers(openclaw.AllowAlways) {
		t.Errorf("with ask=always it offers %v", a.AllowedDecisions)
	}
	list, err := g.ListApprovals(ctx)
	if err != nil || len(list) != 1 || list[0].ID != a.ID || list[0].Command != a.Command {
		t.Errorf("ListApprovals = %+v, %v", list, err)
	}
	if r, err := g.GetApproval(ctx, a.ID); err != nil || r.Status != openclaw.ApprovalPending || r.Kind != openclaw.KindExec || !r.ResolvedAt.IsZero() {
		t.Errorf("GetApproval = %+v, %v", r, err)
	}
	// What would have been taken as a denial is not sent.
	if _, err := g.ResolveApproval(ctx, "alice", a.ID, openclaw.KindExec, openclaw.AllowAlways); !errors.Is(err, openclaw.ErrNotOffered) {
		t.Errorf("allow-always = %v, want ErrNotOffered", err)
	}
	if _, err := g.ResolveApproval(ctx, "alice", a.ID, openclaw.KindPlugin, openclaw.AllowOnce); !errors.Is(err, openclaw.ErrNotOffered) {
		t.Errorf("a wrong kind = %v, want ErrNotOffered", err)
	}
	if _, err := g.ResolveApproval(ctx, "alice", "nope", openclaw.KindExec, openclaw.AllowOnce); !errors.Is(err, openclaw.ErrNotFound) {
		t.Errorf("an unknown id = %v, want ErrNotFound", err)
	}
	r, err := g.ResolveApproval(ctx, "alice", a.ID, openclaw.KindExec, openclaw.AllowOnce)
	if err != nil || !r.Applied || r.Record.Status != openclaw.ApprovalAllowed || r.Record.Decision != openclaw.AllowOnce || r.Record.Reason != "user" || r.Record.ResolvedAt.IsZero() {
		t.Fatalf("ResolveApproval = %+v, %v", r, err)
	}
	if r.Record.Resolver != "clawconsole: alice" {
		t.Errorf("the gateway's record names %q, want the person", r.Record.Resolver)
	}
	if e := next(t, sub, func(e openclaw.ApprovalResolved) bool { return e.ID == a.ID }); e.By != "clawconsole: alice" || e.Decision != openclaw.AllowOnce || e.Kind != openclaw.KindExec {
		t.Errorf("event = %+v", e)
	}
	if r, err := g.ResolveApproval(ctx, "bob", a.ID, openclaw.KindExec, openclaw.Deny); err != nil || r.Applied || r.Record.Resolver != "clawconsole: alice" {
		t.Errorf("a second decision = %+v, %v", r, err)
	}
	if res := <-end; res.Status != openclaw.AgentOK || !strings.Contains(res.Text, "exec said: approved") {
		t.Errorf("the turn ended with %+v", res)
	}
	var waited, decided bool
	for _, p := range progress {
		waited = waited || p.Kind == openclaw.ProgressApproval && p.ApprovalID == a.ID
		decided = decided || p.Kind == openclaw.ProgressDecided && p.ApprovalID == a.ID
	}
	if !waited || !decided {
		t.Errorf("progress = %+v, want the approval waited for and decided", progress)
	}

	// Deny.
	a, end = raise(t, g, sub, "deny-1", "echo denied", nil)
	if r, err := g.ResolveApproval(ctx, "alice", a.ID, openclaw.KindExec, openclaw.Deny); err != nil || !r.Applied || r.Record.Status != openclaw.ApprovalDenied {
		t.Errorf("deny = %+v, %v", r, err)
	}
	if res := <-end; !strings.Contains(res.Text, "Exec denied") {
		t.Errorf("the turn ended with %+v", res)
	}

	// Decided elsewhere: by the gateway's own CLI.
	a, end = raise(t, g, sub, "cli-1", "echo elsewhere", nil)
	if out, err := gw.CLI(ctx, "approvals", "resolve", a.ID, "deny", "--json"); err != nil {
		t.Errorf("CLI = %+v, %v", out, err)
	}
	if e := next(t, sub, func(e openclaw.ApprovalResolved) bool { return e.ID == a.ID }); e.Decision != openclaw.Deny || e.By == "" {
		t.Errorf("event = %+v", e)
	}
	<-end
	if list, err := g.ListApprovals(ctx); err != nil || len(list) != 0 {
		t.Errorf("at the end there are %+v, %v", list, err)
	}
}

func TestRealPluginApprovalAndExpiry(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	other := connected(t, gatewaytest.Shared(t))
	ctx := within(t, time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	for _, tt := range []struct {
		title  string
		ttl    int
		decide openclaw.Decision
		want   openclaw.ApprovalStatus
	}{
		{"Deploy", 60000, openclaw.AllowOnce, openclaw.ApprovalAllowed},
		{"Expire", 1000, "", openclaw.ApprovalExpired},
	} {
		end := make(chan error, 1)
		go func() {
			end <- other.Call(ctx, "plugin.approval.request", map[string]any{
				"pluginId": "deploy", "title": tt.title, "description": "to production", "severity": "critical", "timeoutMs": tt.ttl,
			}, nil)
		}()
		a := next(t, sub, func(e openclaw.ApprovalRequested) bool { return e.Approval.Title == tt.title }).Approval
		if a.Kind != openclaw.KindPlugin || a.Severity != "critical" || a.Description != "to production" || a.PluginID != "deploy" || !strings.HasPrefix(a.ID, "plugin:") || len(a.AllowedDecisions) != 3 {
			t.Errorf("approval = %+v", a)
		}
		if tt.decide != "" {
			if r, err := g.ResolveApproval(ctx, "bob", a.ID, a.Kind, tt.decide); err != nil || !r.Applied || r.Record.Resolver != "clawconsole: bob" {
				t.Errorf("ResolveApproval = %+v, %v", r, err)
			}
		}
		e := next(t, sub, func(e openclaw.ApprovalResolved) bool { return e.ID == a.ID })
		if tt.decide == "" && (e.By != "" || e.Decision != openclaw.Deny) {
			t.Errorf("an expiry = %+v, want a denial by nobody", e)
		}
		if r, err := g.GetApproval(ctx, a.ID); err != nil || r.Status != tt.want {
			t.Errorf("record = %+v, %v, want %s", r, err, tt.want)
		}
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
}

func TestRealSimulatedApproval(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	sim, err := g.RequestSimulatedApproval(ctx, "selftest-1", "rm -rf /srv/data", 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	a := next(t, sub, func(e openclaw.ApprovalRequested) bool { return e.Approval.ID == sim.ID }).Approval
	if a.Command != "rm -rf /srv/data" || len(a.Warnings) == 0 || a.ExpiresAt.Sub(a.CreatedAt) != 30*time.Second {
		t.Errorf("approval = %+v", a)
	}
	if _, err := g.ResolveApproval(ctx, "alice", sim.ID, openclaw.KindExec, openclaw.AllowOnce); err != nil {
		t.Fatal(err)
	}
	if d, err := sim.Wait(ctx); err != nil || d != openclaw.AllowOnce {
		t.Errorf("Wait = %q, %v", d, err)
	}
}

func TestRealRestart(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	ctx := within(t, 3*time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	before, err := g.SystemInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	boot := g.State().Hello.BootID
	ans, err := g.Restart(ctx, "a test", false)
	if err != nil || ans.Status != "scheduled" || ans.PID != before.PID {
		t.Fatalf("Restart = %+v, %v", ans, err)
	}
	if e := next[openclaw.ShutdownNoted](t, sub, nil); !strings.Contains(e.Shutdown.Reason, "restart") {
		t.Errorf("shutdown = %+v", e)
	}
	s, err := awaitReboot(ctx, g, boot)
	if err != nil || s.Hello.BootID == boot {
		t.Fatalf("after the restart: %+v, %v", s, err)
	}
	if e := next[openclaw.Rebooted](t, sub, nil); e.Before.BootID != boot || e.After.BootID != s.Hello.BootID {
		t.Errorf("event = %+v", e)
	}
	after, err := g.SystemInfo(ctx)
	// It restarts in place: same process, new boot.
	if err != nil || after.PID != before.PID || after.Uptime <= before.Uptime {
		t.Errorf("after the restart = %+v, %v; before %+v", after, err, before)
	}
}

// A restart that does not wait lets a run finish whose approval comes while the
// gateway takes neither connections nor calls.
func TestRealDrain(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	ctx := within(t, 3*time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	boot := g.State().Hello.BootID
	a, end := raise(t, g, sub, "drain-1", "echo drained", nil)
	p, err := g.Preflight(ctx)
	if err != nil || p.Safe || len(p.Blockers) == 0 {
		t.Errorf("Preflight of a busy gateway = %+v, %v", p, err)
	}
	if _, err := g.Restart(ctx, "a test", true); err != nil {
		t.Fatal(err)
	}
	for err = nil; !errors.Is(err, openclaw.ErrDraining); _, err = g.Status(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("Status never said that it drains: %v", err)
		}
	}
	if s := g.State(); s.Phase != openclaw.Draining {
		t.Errorf("phase = %v, want draining", s.Phase)
	}
	if _, err := g.ResolveApproval(ctx, "alice", a.ID, a.Kind, openclaw.AllowAlways); !errors.Is(err, openclaw.ErrNotOffered) {
		t.Errorf("allow-always = %v, want ErrNotOffered", err)
	}
	r, err := g.ResolveApproval(ctx, "alice", a.ID, a.Kind, openclaw.AllowOnce)
	if err != nil || !r.Applied || r.Record.Status != openclaw.ApprovalAllowed {
		t.Fatalf("ResolveApproval = %+v, %v", r, err)
	}
	if res := <-end; res.Status != openclaw.AgentOK || !strings.Contains(res.Text, "drained") {
		t.Errorf("the turn ended with %+v", res)
	}
	if _, err := awaitReboot(ctx, g, boot); err != nil {
		t.Fatal(err)
	}
	if r, err := g.GetApproval(ctx, a.ID); err != nil || r.Status != openclaw.ApprovalAllowed {
		t.Errorf("record after the restart = %+v, %v", r, err)
	}
}

// A killed gateway is down, its run is lost or answered, and the reply of one that
// ended before is still found.
func TestRealKill(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	ctx := within(t, 4*time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	accepted := make(chan bool, 1)
	end := make(chan openclaw.AgentResult, 1)
	go func() {
		res, err := g.RunAgent(ctx, openclaw.AgentParams{Message: "slow: 5000", SessionKey: "agent:main:killed", IdempotencyKey: "killed-1"}, func(p openclaw.AgentProgress) {
			if p.Kind == openclaw.ProgressAccepted {
				accepted <- true
			}
		})
		if err != nil {
			res.Error = err.Error()
		}
		end <- res
	}()
	<-accepted
	gw.Kill()
	next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Down })
	if _, err := g.Status(ctx); !errors.Is(err, openclaw.ErrDown) {
		t.Errorf("Status of a dead gateway = %v, want ErrDown", err)
	}
	if err := gw.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	res := <-end
	if res.Error != "" || res.Status != openclaw.AgentLost && res.Status != openclaw.AgentOK {
		t.Errorf("the run of the killed gateway ended with %+v", res)
	}
	t.Logf("the run ended as %q %q", res.Status, res.Text)
}

// A stopped process accepts connections and answers nothing.
func TestRealHang(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	sub := g.Events(0, nil)
	defer sub.Close()
	if err := gw.Pause(); err != nil {
		t.Fatal(err)
	}
	defer gw.Resume()
	ctx := within(t, 10*time.Second)
	began := time.Now()
	_, err := g.Status(ctx)
	if !errors.Is(err, openclaw.ErrTimeout) && !errors.Is(err, openclaw.ErrHanging) {
		t.Errorf("Status of a stopped gateway = %v", err)
	}
	if d := time.Since(began); d > 12*time.Second {
		t.Errorf("it took %v, longer than its deadline", d)
	}
	e := next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Hanging })
	if e.State.Advice == "" || !e.State.HeardAt.Before(time.Now()) {
		t.Errorf("state = %+v", e.State)
	}
	if _, err := g.Status(within(t, time.Minute)); !errors.Is(err, openclaw.ErrHanging) {
		t.Errorf("the next call = %v, want ErrHanging at once", err)
	}
	if err := gw.Resume(); err != nil {
		t.Fatal(err)
	}
	await(t, g)
	if _, err := g.Status(within(t, 30*time.Second)); err != nil {
		t.Errorf("Status after it went on = %v", err)
	}
}

func TestRealScopes(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := start(t, openclaw.Config{URL: gw.URL, Token: token(gw.Token), Scopes: []openclaw.Scope{openclaw.ScopeRead}})
	s := await(t, g)
	if !s.Has(openclaw.ScopeRead) || s.Has(openclaw.ScopeAdmin) || len(s.Missing) != 0 {
		t.Errorf("scopes = %v, missing %v", s.Hello.Scopes, s.Missing)
	}
	_, err := g.CronRun(within(t, 30*time.Second), "x")
	var rpc *openclaw.RPCError
	if !errors.Is(err, openclaw.ErrScope) || !errors.As(err, &rpc) || rpc.Scope != "operator.admin" {
		t.Errorf("CronRun with read only = %v, want ErrScope for operator.admin", err)
	}
}

func TestRealWrongToken(t *testing.T) {
	const wrong = "wrong-token-0123456789abcdef"
	g := start(t, openclaw.Config{URL: gatewaytest.Shared(t).URL, Token: token(wrong)})
	sub := g.Events(0, nil)
	defer sub.Close()
	e := next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Refused })
	if !strings.Contains(e.State.Advice, "token_file") || time.Until(e.State.NextTryAt) < 20*time.Second {
		t.Errorf("state = %+v", e.State)
	}
	_, err := g.Status(within(t, time.Second))
	if !errors.Is(err, openclaw.ErrRefused) || strings.Contains(err.Error(), wrong) || strings.Contains(e.State.Err.Error(), wrong) {
		t.Errorf("Status = %v, want ErrRefused without the token", err)
	}
}

// cli is the openclaw program for a real gateway.
func cli(gw *realgateway.Gateway) *openclaw.CLI {
	return &openclaw.CLI{Command: []string{strings.Trim(gw.CLICommand(), "'")}, Env: gw.Env(), Timeout: 60 * time.Second, Port: gw.Port}
}

func TestRealCLI(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	c := cli(gw)
	ctx := within(t, 4*time.Minute)
	if _, err := g.RunAgent(ctx, openclaw.AgentParams{Message: "hello", SessionKey: "agent:main:cli", IdempotencyKey: "cli-turn"}, nil); err != nil {
		t.Fatal(err)
	}
	if v, err := c.Version(ctx); err != nil || v != g.State().Hello.Version {
		t.Errorf("Version = %q, %v, want %q", v, err, g.State().Hello.Version)
	}
	r, err := c.GatewayStatus(ctx)
	if err != nil || !r.Reachable || r.Version != g.State().Hello.Version || r.Port != gw.Port || len(r.Listeners) == 0 || r.Listeners[0].PID != gw.Pid() {
		t.Errorf("GatewayStatus = %+v, %v; want pid %d, port %d", r, err, gw.Pid(), gw.Port)
	}
	byCLI, err := c.Sessions(ctx, openclaw.SessionsParams{Limit: 100})
	if err != nil || byCLI.Source != "local database" {
		t.Errorf("Sessions = %+v, %v", byCLI, err)
	}
	bySocket, err := g.Sessions(ctx, openclaw.SessionsParams{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	keys := func(l openclaw.SessionList) (k []string) {
		for _, s := range l.Sessions {
			k = append(k, s.Key)
		}
		slices.Sort(k)
		return k
	}
	if a, b := keys(byCLI), keys(bySocket); !slices.Equal(a, b) || len(a) == 0 {
		t.Errorf("sessions by the program %v, by the socket %v", a, b)
	}
	if l, err := c.Logs(ctx, 5); err != nil || l.Source != "gateway" || len(l.Lines) == 0 || l.Lines[0].At.IsZero() {
		t.Errorf("Logs = %+v, %v", l, err)
	}
}

// With the gateway dead or stopped the program still tells something, in time.
func TestRealCLIWithoutGateway(t *testing.T) {
	gw := gatewaytest.Shared(t)
	c := cli(gw)
	ctx := within(t, 4*time.Minute)
	if err := gw.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	defer gw.Restart(context.WithoutCancel(ctx))
	if r, err := c.GatewayStatus(ctx); err != nil || r.Reachable || r.Error == "" || r.PortStatus != "free" || r.Port != gw.Port {
		t.Errorf("GatewayStatus = %+v, %v", r, err)
	}
	if l, err := c.Sessions(ctx, openclaw.SessionsParams{}); err != nil || l.Source != "local database" {
		t.Errorf("Sessions = %+v, %v", l, err)
	}
	if l, err := c.Logs(ctx, 5); err != nil || l.Source != "log file" || len(l.Lines) == 0 {
		t.Errorf("Logs = %+v, %v", l, err)
	}
	if r, err := c.Restart(ctx); err != nil || r.OK {
		t.Errorf("Restart of nothing = %+v, %v", r, err)
	} else {
		t.Logf("restart of nothing: %+v", r)
	}
	// The one of another gateway on this host tells us nothing, and restarts nothing.
	other := cli(gw)
	other.Port++
	if _, err := other.GatewayStatus(ctx); !errors.Is(err, openclaw.ErrOtherGateway) {
		t.Errorf("GatewayStatus of another gateway = %v, want ErrOtherGateway", err)
	}
	if _, err := other.Sessions(ctx, openclaw.SessionsParams{}); !errors.Is(err, openclaw.ErrOtherGateway) {
		t.Errorf("Sessions of another gateway = %v, want ErrOtherGateway", err)
	}
	if r, err := other.Restart(ctx); !errors.Is(err, openclaw.ErrOtherGateway) || r.Asked {
		t.Errorf("Restart of another gateway = %+v, %v, want ErrOtherGateway", r, err)
	}
	hasty := cli(gw)
	hasty.Timeout = time.Millisecond
	if _, err := hasty.GatewayStatus(context.Background()); !errors.Is(err, openclaw.ErrTimeout) {
		t.Errorf("GatewayStatus in 1 ms = %v, want ErrTimeout", err)
	}
	none := &openclaw.CLI{Command: []string{"/no/such/openclaw"}}
	if _, err := none.Version(ctx); !errors.Is(err, openclaw.ErrNoCLI) {
		t.Errorf("without a program = %v, want ErrNoCLI", err)
	}
}

// From an address that is not loopback the device has to be paired; after that
// its own token is enough.
func TestRealPairing(t *testing.T) {
	host := ownAddress()
	if host == "" {
		t.Log("this machine has only loopback: TestPairing proves it against the fake gateway")
		return
	}
	gw := gatewaytest.New(t, realgateway.Config{LAN: true})
	ctx := within(t, 3*time.Minute)
	c := openclaw.Config{
		URL: fmt.Sprintf("ws://%s", net.JoinHostPort(host, strconv.Itoa(gw.Port))), Token: token(gw.Token),
		DeviceKeyFile: filepath.Join(t.TempDir(), "device.json"), CallTimeout: 20 * time.Second,
	}

	// Without a device: connected, with no rights.
	bare := c
	bare.DeviceKeyFile = ""
	if s := await(t, start(t, bare)); len(s.Hello.Scopes) != 0 || len(s.Missing) == 0 || s.Advice == "" {
		t.Errorf("without a device: %+v", s)
	}

	learned := make(chan string, 10)
	c.OnDeviceToken = func(tok string) { learned <- tok }
	g := start(t, c)
	sub := g.Events(0, nil)
	defer sub.Close()
	next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Pairing })
	var pair *openclaw.PairingError
	if _, err := g.Status(ctx); !errors.As(err, &pair) || pair.RequestID == "" || pair.DeviceID == "" {
		t.Fatalf("Status = %v, want a PairingError", err)
	}
	args := strings.Fields(strings.TrimPrefix(pair.Advice(), "openclaw "))
	if out, err := gw.CLI(ctx, append(args, "--json")...); err != nil {
		t.Fatalf("%s: %+v, %v", pair.Advice(), out, err)
	}
	g.Reconnect()
	if s := await(t, g); len(s.Missing) != 0 {
		t.Errorf("paired, and still missing %v", s.Missing)
	}
	if _, err := g.Status(ctx); err != nil {
		t.Errorf("Status = %v", err)
	}
	if tok := <-learned; tok == "" || tok == gw.Token {
		t.Errorf("learned a token of %d characters", len(tok))
	}

	// The device's own token opens, and its decisions are recorded.
	c.Token = nil
	own := start(t, c)
	if s := await(t, own); s.Hello.AuthMethod != "device-token" || len(s.Missing) != 0 {
		t.Errorf("with the device's token: %+v", s)
	}
	events := own.Events(0, nil)
	defer events.Close()
	a, end := raise(t, own, events, "pair-1", "echo paired", nil)
	r, err := own.ResolveApproval(ctx, "alice", a.ID, a.Kind, openclaw.AllowOnce)
	if err != nil || !r.Applied || r.Record.Status != openclaw.ApprovalAllowed {
		t.Errorf("ResolveApproval = %+v, %v", r, err)
	}
	t.Logf("recorded as %q", r.Record.Resolver)
	if res := <-end; !strings.Contains(res.Text, "exec said: paired") {
		t.Errorf("the turn ended with %+v", res)
	}
}

// ownAddress is an address of this machine that others could dial, or "".
func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// cutter dials and can break what it dialed.
type cutter struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cutter) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.conns = append(c.conns, conn)
		}
		return conn, err
	}}}
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// A turn, its approval among it, outlives several losses of the socket.
func TestRealLostSockets(t *testing.T) {
	gw := gatewaytest.Shared(t)
	var c cutter
	g := start(t, openclaw.Config{URL: gw.URL, Token: token(gw.Token), CallTimeout: 20 * time.Second, HTTPClient: c.client()})
	await(t, g)
	sub := g.Events(0, nil)
	defer sub.Close()
	model := gatewaytest.Model(t)
	before := model.Count()
	a, end := raise(t, g, sub, "lost-1", "echo survived", nil)
	for range 3 {
		c.cut()
		next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Down })
		next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Connected })
		list, err := g.ListApprovals(within(t, 20*time.Second))
		if err != nil || len(list) != 1 || list[0].ID != a.ID {
			t.Errorf("after the reconnect: %+v, %v", list, err)
		}
	}
	if r, err := g.ResolveApproval(within(t, 20*time.Second), "alice", a.ID, a.Kind, openclaw.AllowOnce); err != nil || !r.Applied {
		t.Errorf("ResolveApproval = %+v, %v", r, err)
	}
	if res := <-end; res.Status != openclaw.AgentOK || res.Text != "exec said: survived" {
		t.Errorf("the turn ended with %+v", res)
	}
	if n := model.Count() - before; n != 2 {
		t.Errorf("the model was asked %d times, want 2: before and after the tool", n)
	}
}

// An automation asks like an agent does, and is known by its name.
func TestRealAutomationApproval(t *testing.T) {
	g := connected(t, gatewaytest.Shared(t))
	ctx := within(t, 2*time.Minute)
	sub := g.Events(0, nil)
	defer sub.Close()
	var job struct{ ID string }
	if err := g.Call(ctx, "cron.add", map[string]any{
		"name": "nightly", "schedule": map[string]any{"kind": "every", "everyMs": 86400000}, "sessionTarget": "isolated", "wakeMode": "now",
		"delivery": map[string]any{"mode": "none"}, "payload": map[string]any{"kind": "agentTurn", "message": "exec: echo from-cron"},
	}, &job); err != nil {
		t.Fatal(err)
	}
	defer g.Call(ctx, "cron.remove", map[string]any{"id": job.ID}, nil)
	run, err := g.CronRun(ctx, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	a := next(t, sub, func(e openclaw.ApprovalRequested) bool { return e.Approval.CronJobID == job.ID }).Approval
	if a.CronJobName != "nightly" || a.ScopeKind != "standing-grant" || a.Command != "echo from-cron" {
		t.Errorf("approval = %+v", a)
	}
	if r, err := g.ResolveApproval(ctx, "alice", a.ID, a.Kind, openclaw.AllowOnce); err != nil || !r.Applied {
		t.Errorf("ResolveApproval = %+v, %v", r, err)
	}
	e := next(t, sub, func(e openclaw.CronChanged) bool { return e.RunID == run.RunID && e.Action == "finished" })
	if e.Run.Status != "ok" || e.Run.Summary != "exec said: from-cron" {
		t.Errorf("the run ended with %+v", e.Run)
	}
}

// The program restarts a gateway on this host without the socket.
func TestRealCLIRestart(t *testing.T) {
	gw := gatewaytest.Shared(t)
	g := connected(t, gw)
	ctx := within(t, 3*time.Minute)
	boot := g.State().Hello.BootID
	r, err := cli(gw).Restart(ctx)
	if err != nil || !r.OK {
		t.Fatalf("Restart = %+v, %v", r, err)
	}
	if _, err := awaitReboot(ctx, g, boot); err != nil {
		t.Error(err)
	}
}

// The fake gateway answers decisions as the real one does, whatever is wrong
// with them.
func TestRealAndFakeAgree(t *testing.T) {
	gw := gatewaytest.Shared(t)
	s, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	both := map[string]*openclaw.Gateway{
		"real": connected(t, gw),
		"fake": start(t, openclaw.Config{URL: s.URL(), Token: token(s.Token())}),
	}
	await(t, both["fake"])
	type step struct {
		method string
		params map[string]any // "id" is added
	}
	m := func(kv ...any) map[string]any {
		p := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			p[kv[i].(string)] = kv[i+1]
		}
		return p
	}
	for i, steps := range [][]step{
		{{"exec.approval.resolve", m("decision", "allow-once")}, {"exec.approval.resolve", m("decision", "allow-once")}, {"exec.approval.resolve", m("decision", "deny")}},
		{{"exec.approval.resolve", m("decision", "nonsense")}, {"exec.approval.resolve", m("decision", "deny", "reason", "no")}, {"plugin.approval.resolve", m("decision", "deny")}},
		{{"approval.resolve", m("decision", "allow-once", "kind", "exec")}, {"approval.resolve", m("decision", "allow-once", "kind", "exec")}, {"approval.resolve", m("decision", "deny", "kind", "exec")}, {"exec.approval.resolve", m("decision", "deny")}},
		{{"approval.resolve", m("decision", "allow-once", "kind", "plugin")}},
		{{"approval.resolve", m("decision", "allow-once")}},
		{{"approval.resolve", m("decision", "allow-once", "kind", "exec", "reason", "no")}},
		{{"approval.resolve", m("decision", "nonsense", "kind", "exec")}},
		{{"exec.approval.resolve", m("decision", "allow-always")}},
	} {
		for _, unknown := range []bool{false, true} {
			said := map[string]string{}
			for name, g := range both {
				ctx := within(t, 30*time.Second)
				id := fmt.Sprintf("agree-%d", i)
				if unknown {
					id = "no-such-approval"
				} else {
					sim, err := g.RequestSimulatedApproval(ctx, id, "true", 20*time.Second)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					defer sim.Close()
				}
				var log []string
				for _, st := range steps {
					p := map[string]any{"id": id}
					for k, v := range st.params {
						p[k] = v
					}
					var res struct {
						OK, Applied *bool
						Approval    struct{ Status, Reason, Decision string }
					}
					err := g.Call(ctx, st.method, p, &res)
					var rpc *openclaw.RPCError
					switch {
					case errors.As(err, &rpc):
						log = append(log, rpc.Code+" "+rpc.Reason)
					case err != nil:
						t.Fatalf("%s: %v", name, err)
					case res.Applied != nil:
						log = append(log, fmt.Sprintf("applied %v, %s %s by %s", *res.Applied, res.Approval.Status, res.Approval.Decision, res.Approval.Reason))
					default:
						log = append(log, fmt.Sprint("ok ", *res.OK))
					}
				}
				r, err := g.GetApproval(ctx, id)
				log = append(log, fmt.Sprintf("%s %s %s %q %v", r.Status, r.Decision, r.Reason, r.Resolver, errors.Is(err, openclaw.ErrNotFound)))
				if r.Status == openclaw.ApprovalPending {
					if _, err := g.ResolveApproval(ctx, "alice", id, openclaw.KindExec, openclaw.Deny); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				said[name] = strings.Join(log, "; ")
			}
			if said["real"] != said["fake"] {
				t.Errorf("%v:\nreal: %s\nfake: %s", steps, said["real"], said["fake"])
			}
		}
	}
}
