package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/exec"
	"clawconsole/internal/realgateway/gatewaytest"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

func TestMain(m *testing.M) {
	exec.Supervise()
	gatewaytest.Main(m)
}

const secret = "0123456789abcdef0123456789abcdef"

var (
	private = auth.Caller{UserID: 42, ChatID: 42, Private: true}
	group   = auth.Caller{UserID: 42, ChatID: -100, TopicID: 7}
)

// noLockouts keeps nothing.
type noLockouts struct{}

func (noLockouts) Load(context.Context) ([]auth.Lockout, error)      { return nil, nil }
func (noLockouts) Save(context.Context, int64, int, time.Time) error { return nil }

// newGate has one operator, alice, who may do everything but what without says.
func newGate(t *testing.T, without ...auth.Class) *auth.Gate {
	t.Helper()
	alice := auth.Operator{ID: 42, Name: "alice"}
next:
	for c := auth.Safe; c <= auth.Approve; c++ {
		for _, w := range without {
			if c == w {
				continue next
			}
		}
		alice.May = append(alice.May, c)
	}
	hash, err := auth.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	g, err := auth.New(auth.Config{
		Operators: []auth.Operator{alice}, Groups: []auth.Group{{ID: -100}}, SecretSHA256: hash, Lockouts: noLockouts{},
		UnlockTTL: 10 * time.Minute, RatePerMinute: 1000, RateBurst: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A story is one Env and what its commands said.
type story struct {
	*commands.Env
	t      testing.TB
	caller auth.Caller

	mu       sync.Mutex
	progress []string
	asked    int
}

// newStory has a gateway that is up and knows nothing, and no CLI.
func newStory(t *testing.T, g commands.Gateway) *story {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &story{t: t, caller: private, Env: &commands.Env{
		Name: "local", Gateway: g, Gate: newGate(t), Hide: func(s string) string { return r.Text(s).String() },
	}}
}

// do admits line and does it. It returns what a phone would show.
func (s *story) do(line string) string {
	s.t.Helper()
	return show(s.result(s.t.Context(), line))
}

func (s *story) result(ctx context.Context, line string) commands.Result {
	s.t.Helper()
	r, err := commands.Parse(line, "ourbot")
	if err != nil {
		s.t.Fatalf("Parse(%q) = %v", line, err)
	}
	s.mu.Lock()
	s.asked++
	r.Key = fmt.Sprintf("%s-%d", s.t.Name(), s.asked)
	s.mu.Unlock()
	res, err := s.Do(ctx, s.grant(r), r, func(res commands.Result) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.progress = append(s.progress, show(res))
	})
	if err != nil {
		s.t.Fatalf("Do(%q) = %v", line, err)
	}
	return res
}

// grant has r admitted, with the secret where that is needed.
func (s *story) grant(r commands.Request) auth.Grant {
	s.t.Helper()
	ask := auth.Ask{Class: max(r.Class, s.Class(r.Name)), Yes: true}
	if ask.Class == auth.Moderate || ask.Class == auth.Dangerous {
		if _, ok := s.Gate.UnlockedUntil(42); !ok {
			if _, err := s.Gate.Unlock(private, secret); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	g, err := s.Gate.Admit(s.caller, ask)
	if err != nil {
		s.t.Fatalf("Admit %s: %v", r.Name, err)
	}
	return g
}

func (s *story) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.progress, "\n---\n")
}

// show writes a result much as Telegram does.
func show(r commands.Result) string {
	var b strings.Builder
	head := "OK"
	if r.Failed {
		head = "ERROR"
	}
	fmt.Fprintf(&b, "%s: %s\n", head, r.Summary)
	for _, bl := range r.Blocks {
		if bl.Title != "" {
			fmt.Fprintf(&b, "== %s\n", bl.Title)
		}
		if bl.Text != "" {
			fmt.Fprintln(&b, bl.Text[:len(bl.Text)-bl.Lookahead])
		}
		for _, it := range bl.Items {
			fmt.Fprintf(&b, "%s: %s\n", it.Label, it.Value)
		}
	}
	if r.Hint != "" {
		fmt.Fprintf(&b, "hint: %s\n", r.Hint)
	}
	for _, row := range r.Buttons {
		for _, x := range row {
			fmt.Fprintf(&b, "[%s](%s)", x.Label, x.Line)
		}
		fmt.Fprintln(&b)
	}
	if r.Document != nil {
		fmt.Fprintf(&b, "document %s, %d bytes\n", r.Document.Name, len(r.Document.Text))
	}
	return b.String()
}

// wants fails the test for each part that is not in got.
func wants(t testing.TB, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("no %q in:\n%s", p, got)
		}
	}
}

// lacks fails the test for each part that is in got.
func lacks(t testing.TB, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(got, p) {
			t.Errorf("there is %q in:\n%s", p, got)
		}
	}
}

// gateway is a struct of funcs. One that is nil fails as a gateway in phase Down
// does; state nil is a gateway that has been up for a minute.
type gateway struct {
	state     func() openclaw.State
	status    func(context.Context) (openclaw.Status, error)
	info      func(context.Context) (openclaw.SystemInfo, error)
	channels  func(context.Context) ([]openclaw.Channel, error)
	sessions  func(context.Context, openclaw.SessionsParams) (openclaw.SessionList, error)
	resolve   func(context.Context, string) (string, string, error)
	agents    func(context.Context) ([]openclaw.Agent, error)
	logs      func(context.Context, openclaw.LogsParams) (openclaw.LogPage, error)
	jobs      func(context.Context) ([]openclaw.CronJob, error)
	runs      func(context.Context, openclaw.CronRunsParams) ([]openclaw.CronRun, error)
	runJob    func(context.Context, string) (openclaw.CronStart, error)
	approvals func(context.Context) ([]openclaw.Approval, error)
	preflight func(context.Context) (openclaw.Preflight, error)
	restart   func(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error)
	runAgent  func(context.Context, openclaw.AgentParams, func(openclaw.AgentProgress)) (openclaw.AgentResult, error)
	await     func(ctx context.Context, runID, sessionKey string) (openclaw.AgentResult, error)
	abort     func(context.Context, string) ([]string, error)
}

func up() openclaw.State {
	return openclaw.State{
		Phase: openclaw.Connected, Since: time.Now().Add(-time.Minute), LastUpAt: time.Now(), HeardAt: time.Now(),
		Hello: openclaw.Hello{Version: "2026.9.6", BootID: "boot-one-1", At: time.Now().Add(-time.Minute), Uptime: 3*time.Hour + 4*time.Minute, Scopes: []openclaw.Scope{openclaw.ScopeAdmin}},
	}
}

// in returns the state of a gateway that has been in phase p for 3 min.
func in(p openclaw.Phase) func() openclaw.State {
	return func() openclaw.State {
		st := up()
		st.Phase, st.Since, st.LastUpAt = p, time.Now().Add(-3*time.Minute), time.Now().Add(-4*time.Minute)
		return st
	}
}

func (g *gateway) State() openclaw.State {
	if g.state == nil {
		return up()
	}
	return g.state()
}

func (g *gateway) Await(ctx context.Context) (openclaw.State, error) {
	for ctx.Err() == nil {
		if st := g.State(); st.Phase == openclaw.Connected {
			return st, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return g.State(), openclaw.ErrTimeout
}

// Events is of a client that does not run: nothing happens.
func (g *gateway) Events(n int, want func(openclaw.Event) bool) *openclaw.Subscription {
	c, err := openclaw.New(openclaw.Config{URL: "ws://127.0.0.1:1"})
	if err != nil {
		panic(err)
	}
	return c.Events(n, want)
}

func (g *gateway) Status(ctx context.Context) (v openclaw.Status, err error) {
	return call0(ctx, g.status)
}
func (g *gateway) SystemInfo(ctx context.Context) (openclaw.SystemInfo, error) {
	return call0(ctx, g.info)
}
func (g *gateway) Channels(ctx context.Context, _ bool) ([]openclaw.Channel, error) {
	return call0(ctx, g.channels)
}
func (g *gateway) Sessions(ctx context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error) {
	return call1(ctx, p, g.sessions)
}
func (g *gateway) ResolveSession(ctx context.Context, ref string) (string, string, error) {
	if g.resolve == nil {
		return "", "", openclaw.ErrDown
	}
	return g.resolve(ctx, ref)
}
func (g *gateway) Agents(ctx context.Context) ([]openclaw.Agent, error) { return call0(ctx, g.agents) }
func (g *gateway) Logs(ctx context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
	return call1(ctx, p, g.logs)
}
func (g *gateway) CronJobs(ctx context.Context) ([]openclaw.CronJob, error) {
	return call0(ctx, g.jobs)
}
func (g *gateway) CronRuns(ctx context.Context, p openclaw.CronRunsParams) ([]openclaw.CronRun, error) {
	return call1(ctx, p, g.runs)
}
func (g *gateway) CronRun(ctx context.Context, id string) (openclaw.CronStart, error) {
	return call1(ctx, id, g.runJob)
}
func (g *gateway) ListApprovals(ctx context.Context) ([]openclaw.Approval, error) {
	return call0(ctx, g.approvals)
}
func (g *gateway) Preflight(ctx context.Context) (openclaw.Preflight, error) {
	return call0(ctx, g.preflight)
}
func (g *gateway) Restart(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error) {
	if g.restart == nil {
		return openclaw.RestartAnswer{}, openclaw.ErrDown
	}
	return g.restart(ctx, reason, now)
}
func (g *gateway) RunAgent(ctx context.Context, p openclaw.AgentParams, tell func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
	if g.runAgent == nil {
		return openclaw.AgentResult{}, openclaw.ErrDown
	}
	return g.runAgent(ctx, p, tell)
}
func (g *gateway) AwaitAgent(ctx context.Context, runID, sessionKey string, _ func(openclaw.AgentProgress)) (openclaw.AgentResult, error) {
	if g.await == nil {
		return openclaw.AgentResult{}, openclaw.ErrDown
	}
	return g.await(ctx, runID, sessionKey)
}
func (g *gateway) Abort(ctx context.Context, key string) ([]string, error) {
	return call1(ctx, key, g.abort)
}

// cli is a struct of funcs; one that is nil fails as a host without openclaw does.
type cli struct {
	gatewayStatus func(context.Context) (openclaw.GatewayReport, error)
	sessions      func(context.Context, openclaw.SessionsParams) (openclaw.SessionList, error)
	logs          func(context.Context, int) (openclaw.LogPage, error)
	restart       func(context.Context) (openclaw.RestartReport, error)
}

func (c *cli) GatewayStatus(ctx context.Context) (openclaw.GatewayReport, error) {
	return orNoCLI(call0(ctx, c.gatewayStatus))
}
func (c *cli) Sessions(ctx context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error) {
	return orNoCLI(call1(ctx, p, c.sessions))
}
func (c *cli) Logs(ctx context.Context, n int) (openclaw.LogPage, error) {
	return orNoCLI(call1(ctx, n, c.logs))
}
func (c *cli) Restart(ctx context.Context) (openclaw.RestartReport, error) {
	return orNoCLI(call0(ctx, c.restart))
}

func orNoCLI[T any](v T, err error) (T, error) {
	if errors.Is(err, openclaw.ErrDown) {
		err = openclaw.ErrNoCLI
	}
	return v, err
}

func call0[T any](ctx context.Context, f func(context.Context) (T, error)) (v T, err error) {
	if f == nil {
		return v, openclaw.ErrDown
	}
	return f(ctx)
}

func call1[P, T any](ctx context.Context, p P, f func(context.Context, P) (T, error)) (v T, err error) {
	if f == nil {
		return v, openclaw.ErrDown
	}
	return f(ctx, p)
}

// hang blocks as a gateway does that answers nothing.
func hang[T any](ctx context.Context) (v T, err error) {
	<-ctx.Done()
	return v, fmt.Errorf("call: %w", openclaw.ErrTimeout)
}

// hangs is a gateway that is connected and answers nothing.
func hangs() *gateway {
	return &gateway{
		status: hang[openclaw.Status], info: hang[openclaw.SystemInfo], channels: hang[[]openclaw.Channel],
		sessions: func(ctx context.Context, _ openclaw.SessionsParams) (openclaw.SessionList, error) {
			return hang[openclaw.SessionList](ctx)
		},
		resolve: func(ctx context.Context, _ string) (string, string, error) {
			_, err := hang[string](ctx)
			return "", "", err
		},
		agents: hang[[]openclaw.Agent],
		logs: func(ctx context.Context, _ openclaw.LogsParams) (openclaw.LogPage, error) {
			return hang[openclaw.LogPage](ctx)
		},
		jobs: hang[[]openclaw.CronJob], approvals: hang[[]openclaw.Approval], preflight: hang[openclaw.Preflight],
		restart: func(ctx context.Context, _ string, _ bool) (openclaw.RestartAnswer, error) {
			return hang[openclaw.RestartAnswer](ctx)
		},
	}
}
