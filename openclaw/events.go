package openclaw

import (
	"encoding/json"
	"sync"
	"time"
)

// An Event is something that happened on or to the gateway: one of
// StateChanged, Rebooted, Resync, ShutdownNoted, ApprovalRequested,
// ApprovalResolved, CronChanged, AgentEvent, SessionEvent and OtherEvent.
type Event interface{ isEvent() }

// StateChanged says that the phase is another one. A subscription begins with
// one that tells how things stand. After one with phase Connected, list what
// may have been missed (approvals, runs).
type StateChanged struct{ State State }

// Rebooted says that the gateway we are connected to is not the process we were
// connected to before: its boot id changed. It follows the StateChanged of the
// new connection.
type Rebooted struct{ Before, After Hello }

// Resync says that events were lost here, because the subscriber did not keep
// up or the gateway skipped some: list again what matters.
type Resync struct{}

// ShutdownNoted says that the gateway announced to go away.
type ShutdownNoted struct{ Shutdown Shutdown }

// ApprovalRequested says that a tool call waits for a decision.
// Source: events exec.approval.requested, plugin.approval.requested,
// openclaw.approval.requested.
type ApprovalRequested struct{ Approval Approval }

// ApprovalResolved says that an approval ended, by whomever. An expiry looks like
// a denial by nobody (By empty): ask GetApproval which it was.
// Source: events exec.approval.resolved, plugin.approval.resolved,
// openclaw.approval.resolved.
type ApprovalResolved struct {
	ID       string
	Kind     ApprovalKind
	Decision Decision
	By       string // display name or client id of the resolver; empty: nobody
	At       time.Time
}

// CronChanged says that a job started, finished or was changed.
// Source: event cron.
type CronChanged struct {
	JobID  string
	Action string // started, finished, added, updated, removed
	RunID  string // of a finished run
	Run    CronRun
}

// AgentEvent is a step of an agent's run, for runs of sessions that are followed
// and runs that we started.
// Source: event agent.
type AgentEvent struct {
	RunID      string
	SessionKey string
	Stream     string // lifecycle, run_status, assistant, item, command_output, usage
	At         time.Time
	Data       json.RawMessage
}

// SessionEvent is news of a session that is followed.
// Source: events session.message, session.tool, session.approval, chat.
type SessionEvent struct {
	Name       string
	SessionKey string
	Payload    json.RawMessage
}

// OtherEvent is any other event of the gateway, tick excepted: health, task,
// presence, config.changed, device.pair.requested, ...
type OtherEvent struct {
	Name    string
	Payload json.RawMessage
}

func (StateChanged) isEvent()      {}
func (Rebooted) isEvent()          {}
func (Resync) isEvent()            {}
func (ShutdownNoted) isEvent()     {}
func (ApprovalRequested) isEvent() {}
func (ApprovalResolved) isEvent()  {}
func (CronChanged) isEvent()       {}
func (AgentEvent) isEvent()        {}
func (SessionEvent) isEvent()      {}
func (OtherEvent) isEvent()        {}

// A Subscription is a bounded queue of events. When it is full, events are
// dropped and a Resync stands where they would have been: the reader of the
// socket never waits for a subscriber.
type Subscription struct {
	// C delivers the events, in order. It is closed by Close.
	C <-chan Event

	hub  *hub
	want func(Event) bool

	mu      sync.Mutex // of the hub's publishers; guards the fields below
	c       chan Event
	closed  bool
	dropped bool // the last event in the queue is a Resync
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.c)
	}
}

// put queues e without ever blocking. One place of the queue is kept for the
// Resync.
func (s *Subscription) put(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
	case len(s.c) < cap(s.c)-1:
		s.c <- e
		_, s.dropped = e.(Resync)
	case !s.dropped && len(s.c) < cap(s.c):
		s.c <- Resync{}
		s.dropped = true
	}
}

// A hub hands each event to every subscription that wants it.
type hub struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{}
}

// add makes a subscription of n events that begins with first.
func (h *hub) add(n int, want func(Event) bool, first Event) *Subscription {
	s := &Subscription{hub: h, want: want, c: make(chan Event, n+1)}
	s.C = s.c
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = make(map[*Subscription]struct{})
	}
	h.subs[s] = struct{}{}
	s.put(first)
	return s
}

func (h *hub) remove(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

func (h *hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.want == nil || s.want(e) {
			s.put(e)
		}
	}
}
