package console_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/console"
	"clawconsole/internal/approvals"
	"clawconsole/internal/state"
	"clawconsole/openclaw"
)

// A fakeGateway is the approvals of a gateway, in this process.
type fakeGateway struct {
	mu      sync.Mutex
	events  chan openclaw.Event
	state   openclaw.State
	open    map[string]openclaw.Approval
	records map[string]openclaw.ApprovalRecord
	told    []string
	calls   []string
	lists   int
	next    int

	// resolving, if set, is called before a decision counts; an error is the
	// answer, and with applied the decision counts all the same.
	resolving func(id string, d openclaw.Decision) (applied bool, err error)

	slow     time.Duration // between a decision that counts, with its event, and the answer
	resolver string        // what its records name instead of the person; empty: the person
	hang     chan struct{} // if set, it lists nothing until that is closed
	draining bool          // it takes decisions only
	deaf     bool          // it takes no messages for sessions
}

func newFakeGateway() *fakeGateway {
	return &fakeGateway{
		events: make(chan openclaw.Event, 10_000), state: openclaw.State{Phase: openclaw.Connected, Hello: openclaw.Hello{Scopes: []openclaw.Scope{openclaw.ScopeAdmin}}},
		open: make(map[string]openclaw.Approval), records: make(map[string]openclaw.ApprovalRecord),
	}
}

func (g *fakeGateway) Name() string { return "clawconsole" }

func (g *fakeGateway) State() openclaw.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// set makes the gateway be in a phase and says so.
func (g *fakeGateway) set(p openclaw.Phase) {
	g.mu.Lock()
	g.state.Phase = p
	s := g.state
	g.mu.Unlock()
	g.events <- openclaw.StateChanged{State: s}
}

func (g *fakeGateway) away() error {
	if g.state.Phase != openclaw.Connected {
		return openclaw.ErrDown
	}
	return nil
}

// shut is away for what a gateway that drains does not do either.
func (g *fakeGateway) shut() error {
	if g.draining {
		return openclaw.ErrDraining
	}
	return g.away()
}

// change changes the gateway.
func (g *fakeGateway) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

// raise has an agent ask for something. Empty fields get a value.
func (g *fakeGateway) raise(a openclaw.Approval) openclaw.Approval {
	g.mu.Lock()
	g.next++
	a.ID = cmp.Or(a.ID, fmt.Sprintf("%08x-0000-4000-8000-000000000000", g.next*0x1234567))
	a.Kind = cmp.Or(a.Kind, openclaw.KindExec)
	if a.Kind == openclaw.KindExec {
		a.Command, a.Tool = cmp.Or(a.Command, "uptime"), "exec"
	}
	a.AgentID, a.Host, a.Cwd = cmp.Or(a.AgentID, "main"), cmp.Or(a.Host, "gateway"), cmp.Or(a.Cwd, "/srv/app")
	a.SessionKey = cmp.Or(a.SessionKey, fmt.Sprintf("agent:main:s%d", g.next))
	if a.AllowedDecisions == nil {
		a.AllowedDecisions = []openclaw.Decision{openclaw.AllowOnce, openclaw.Deny}
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = time.Now()
	}
	if a.ExpiresAt.IsZero() {
		a.ExpiresAt = a.CreatedAt.Add(30 * time.Minute)
	}
	if a.Request == nil {
		a.Request, _ = json.Marshal(map[string]any{"command": a.Command, "cwd": a.Cwd, "host": a.Host, "agentId": a.AgentID,
			"sessionKey": a.SessionKey, "title": a.Title, "description": a.Description, "detail": a.Detail, "runId": a.ID})
	}
	g.open[a.ID] = a
	g.records[a.ID] = openclaw.ApprovalRecord{ID: a.ID, Kind: a.Kind, Status: openclaw.ApprovalPending, Command: cmp.Or(a.Command, a.Title),
		AllowedDecisions: a.AllowedDecisions, CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt}
	up := g.away() == nil
	g.mu.Unlock()
	if up {
		g.events <- openclaw.ApprovalRequested{Approval: a}
	}
	return a
}

// end ends an approval from elsewhere, with an event if silent is not set.
func (g *fakeGateway) end(id string, s openclaw.ApprovalStatus, by, why string, silent bool) {
	g.mu.Lock()
	r := g.records[id]
	r.Status, r.Resolver, r.Reason, r.ResolvedAt = s, by, why, time.Now()
	switch s {
	case openclaw.ApprovalAllowed:
		r.Decision = openclaw.AllowOnce
	case openclaw.ApprovalDenied, openclaw.ApprovalExpired:
		r.Decision = openclaw.Deny
	}
	g.records[id] = r
	delete(g.open, id)
	kind := r.Kind
	g.mu.Unlock()
	if !silent {
		g.events <- openclaw.ApprovalResolved{ID: id, Kind: kind, Decision: r.Decision, By: by, At: r.ResolvedAt}
	}
}

func (g *fakeGateway) ListApprovals(context.Context) ([]openclaw.Approval, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lists++
	if err := g.shut(); err != nil {
		return nil, err
	}
	var all []openclaw.Approval
	for _, a := range g.open {
		all = append(all, a)
	}
	return all, nil
}

func (g *fakeGateway) ListedApproval(_ context.Context, kind openclaw.ApprovalKind, id string) (openclaw.Approval, error) {
	if g.hang != nil {
		<-g.hang
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.shut(); err != nil {
		return openclaw.Approval{}, err
	}
	a, ok := g.open[id]
	if !ok || a.Kind != kind {
		return openclaw.Approval{}, openclaw.ErrNotFound
	}
	return a, nil
}

func (g *fakeGateway) GetApproval(_ context.Context, id string) (openclaw.ApprovalRecord, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.shut(); err != nil {
		return openclaw.ApprovalRecord{}, err
	}
	r, ok := g.records[id]
	if !ok {
		return r, openclaw.ErrNotFound
	}
	return r, nil
}

func (g *fakeGateway) ResolveApproval(ctx context.Context, person, id string, kind openclaw.ApprovalKind, d openclaw.Decision) (openclaw.Resolution, error) {
	g.mu.Lock()
	g.calls = append(g.calls, person+" "+string(d)+" "+id)
	err := g.away()
	hook := g.resolving
	g.mu.Unlock()
	if err != nil {
		return openclaw.Resolution{}, err
	}
	var answer error
	if hook != nil {
		applied, err := hook(id, d)
		if !applied && err != nil {
			return openclaw.Resolution{}, err
		}
		answer = err
	}
	g.mu.Lock()
	r := g.records[id]
	applied := r.Status == openclaw.ApprovalPending
	g.mu.Unlock()
	if applied {
		s := openclaw.ApprovalAllowed
		if d == openclaw.Deny {
			s = openclaw.ApprovalDenied
		}
		g.end(id, s, cmp.Or(g.resolver, "clawconsole: "+person), "user", false)
		time.Sleep(g.slow)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if applied && d == openclaw.AllowAlways {
		r := g.records[id]
		r.Decision = d
		g.records[id] = r
	}
	return openclaw.Resolution{Applied: applied, Record: g.records[id]}, answer
}

func (g *fakeGateway) Tell(_ context.Context, session, message, key string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.shut(); err != nil || g.deaf {
		return cmp.Or(err, openclaw.ErrTimeout)
	}
	if !slices.Contains(g.told, session+" "+message) {
		g.told = append(g.told, session+" "+message)
	}
	return nil
}

func (g *fakeGateway) Follow(context.Context, string) (func(), error) { return func() {}, nil }

func (g *fakeGateway) heard() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.told, "\n")
}

func (g *fakeGateway) decisions() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.calls)
}

// A deskRig is a rig with a desk: everything of the console but its commands.
type deskRig struct {
	*rig
	gw       *fakeGateway
	path     string
	store    *state.Store
	desk     *console.Desk
	deskConf console.DeskConfig
	stopDesk func()
}

func newDeskRig(t testing.TB) *deskRig {
	t.Helper()
	return &deskRig{rig: newRig(t), gw: newFakeGateway(), path: filepath.Join(t.TempDir(), "ledger.db"), deskConf: console.DeskConfig{Name: "local"}}
}

// open starts it all; close, and the end of the test, stop it.
func (r *deskRig) open() {
	r.t.Helper()
	var err error
	if r.store, err = state.Open(context.Background(), r.path); err != nil {
		r.t.Fatal(err)
	}
	c := r.deskConf
	if c.Record == nil {
		c.Record = r.record
	}
	c.Chat, c.Gate, c.Redactor, c.Gateway, c.Ledger, c.Log = r.config.Chat, r.gate, r.config.Redactor, r.gw, r.store, r.config.Log
	r.desk = console.NewDesk(c)
	r.config.Approvals = r.desk
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.desk.Run(ctx, r.gw.events) }()
	r.start()
	r.stopDesk = func() {
		if err := r.stop(); err != nil {
			r.t.Errorf("router: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("desk: %v", err)
		}
		if err := r.store.Close(); err != nil {
			r.t.Errorf("ledger: %v", err)
		}
		r.stopDesk = func() {}
	}
}

func (r *deskRig) close() { r.stopDesk() }

// prompts are the messages in a chat that are, or were, prompts.
func (r *deskRig) inChat(chat int64) (found []sent) {
	for _, s := range r.chat.all() {
		if s.to.ChatID == chat && !s.gone {
			found = append(found, s)
		}
	}
	return found
}

// prompt is the newest message in a chat.
func (r *deskRig) prompt(chat int64) sent {
	r.t.Helper()
	all := r.inChat(chat)
	if len(all) == 0 {
		r.t.Fatalf("nothing was sent to %d", chat)
	}
	return all[len(all)-1]
}

// message is a message as it is now.
func (r *deskRig) now(s sent) sent {
	r.t.Helper()
	for _, m := range r.chat.all() {
		if m.id == s.id {
			return m
		}
	}
	r.t.Fatalf("message %d is gone", s.id)
	return sent{}
}

// tap presses the button with that label as it is shown.
func (r *deskRig) tap(user int64, s sent, label string) {
	r.t.Helper()
	data := s.button(label)
	if data == "" {
		r.t.Fatalf("no button %q under:\n%s", label, s.text())
	}
	r.press(user, s, data)
}

// note is the last answer to a press.
func (r *deskRig) note() string {
	r.chat.mu.Lock()
	defer r.chat.mu.Unlock()
	if len(r.chat.notes) == 0 {
		return ""
	}
	return r.chat.notes[len(r.chat.notes)-1]
}

// labels are the buttons under a message, in order.
func (s sent) labels() (labels []string) {
	for _, row := range s.reply.Buttons {
		for _, b := range row {
			labels = append(labels, b.Label.String())
		}
	}
	return labels
}

// shows fails unless the message says each of these words.
func (r *deskRig) shows(s sent, words ...string) {
	r.t.Helper()
	text := s.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			r.t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

var _ approvals.Gateway = (*fakeGateway)(nil)
