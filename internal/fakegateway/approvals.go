package fakegateway

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// approval is one of any kind. Its fields are guarded by Server.mu.
type approval struct {
	id, kind  string
	request   map[string]any
	allowed   []string // nil: not said
	createdAt time.Time
	expiresAt time.Time
	timer     *time.Timer
	by        *conn // that asked; nil: an agent

	status, reason, decision string
	resolver                 map[string]any
	resolvedAt               time.Time
	done                     chan struct{}
}

// An Approval describes one to raise. Zero fields have the usual values.
type Approval struct {
	ID      string         // default: a new one
	Kind    string         // exec (default), plugin, system-agent
	Request map[string]any // what is asked: command, cwd, agentId, sessionKey, runId, ...
	Allowed []string       // allowedDecisions; nil: allow-once and deny for exec, not said for the others
	TTL     time.Duration  // default 30 min
}

// Raise raises an approval as an agent's tool call does and returns its id. If no
// connection takes approvals it is denied at once.
func (s *Server) Raise(a Approval) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raise(a, nil).id
}

// raise is called with mu held.
func (s *Server) raise(a Approval, by *conn) *approval {
	if a.Kind == "" {
		a.Kind = "exec"
	}
	if a.ID == "" {
		a.ID = newID()
		if a.Kind == "plugin" {
			a.ID = "plugin:" + a.ID
		}
	}
	if a.Allowed == nil && a.Kind == "exec" {
		a.Allowed = []string{"allow-once", "deny"}
	}
	if a.TTL <= 0 {
		a.TTL = 30 * time.Minute
	}
	r := map[string]any{"sessionKey": nil, "runId": nil, "agentId": nil}
	for k, v := range a.Request {
		r[k] = v
	}
	if a.Kind == "exec" {
		for k, v := range map[string]any{
			"cwd": "/srv", "host": "gateway", "security": "full", "ask": "always", "warningText": nil, "scope": nil,
			"commandAnalysis": map[string]any{"commandCount": 1, "riskKinds": []string{}, "warningLines": []string{}},
		} {
			if _, ok := r[k]; !ok {
				r[k] = v
			}
		}
	}
	if a.Allowed != nil {
		r["allowedDecisions"] = a.Allowed
	}
	ap := &approval{
		id: a.ID, kind: a.Kind, request: r, allowed: a.Allowed, by: by, status: "pending",
		createdAt: time.Now(), expiresAt: time.Now().Add(a.TTL), done: make(chan struct{}),
	}
	s.approvals[a.ID] = ap
	s.order = append(s.order, a.ID)
	ap.timer = time.AfterFunc(a.TTL, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if ap.status == "pending" && !s.closed {
			ap.end("expired", "timeout", "", map[string]any{"kind": "system"})
			s.tell(ap, "resolved", map[string]any{"id": ap.id, "decision": "deny", "resolvedBy": nil, "ts": time.Now().UnixMilli(), "request": ap.request})
		}
	})
	if s.tell(ap, "requested", ap.wire()) == 0 {
		ap.end("denied", "no-route", "deny", nil)
	}
	return ap
}

func (a *approval) event(what string) string {
	if a.kind == "system-agent" {
		return "openclaw.approval." + what
	}
	return a.kind + ".approval." + what
}

// tell sends an event to those who may see it and returns to how many: not to
// the one who asked, when it is new.
func (s *Server) tell(a *approval, what string, payload map[string]any) int {
	n := 0
	for c := range s.conns {
		if !c.hasCap("approvals", a.kind+"-approvals") || !s.sees(c, a) || what == "requested" && c == a.by {
			continue
		}
		c.event(a.event(what), payload)
		n++
	}
	return n
}

func (s *Server) sees(c *conn, a *approval) bool {
	return c.has("operator.admin") || c.has("operator.approvals") && c == a.by
}

func (a *approval) wire() map[string]any {
	return map[string]any{
		"id": a.id, "approvalKind": a.kind, "request": a.request,
		"createdAtMs": a.createdAt.UnixMilli(), "expiresAtMs": a.expiresAt.UnixMilli(),
	}
}

// end is called with mu held, once.
func (a *approval) end(status, reason, decision string, resolver map[string]any) {
	a.status, a.reason, a.decision, a.resolver, a.resolvedAt = status, reason, decision, resolver, time.Now()
	a.timer.Stop()
	close(a.done)
}

func (a *approval) offered() []string {
	if a.allowed == nil {
		return []string{"allow-once", "allow-always", "deny"}
	}
	return a.allowed
}

func (a *approval) record() map[string]any {
	p := map[string]any{"kind": a.kind, "allowedDecisions": a.offered()}
	if a.kind == "exec" {
		p["commandText"] = masked(a.request["command"])
	} else {
		p["title"], p["description"] = a.request["title"], a.request["description"]
	}
	r := map[string]any{"id": a.id, "status": a.status, "presentation": p, "createdAtMs": a.createdAt.UnixMilli(), "expiresAtMs": a.expiresAt.UnixMilli()}
	if a.status != "pending" {
		r["resolvedAtMs"], r["reason"] = a.resolvedAt.UnixMilli(), a.reason
		if a.decision != "" {
			r["decision"] = a.decision
		}
		if a.resolver != nil {
			r["resolver"] = a.resolver
		}
	}
	return r
}

// tokens are what a record masks whole, where lists and events leave some of it.
var tokens = regexp.MustCompile(`(Bearer |[A-Z_]*TOKEN=)\S+`)

// masked is a command as a record presents it: not as it is listed.
func masked(command any) any {
	if s, ok := command.(string); ok {
		return tokens.ReplaceAllString(s, "${1}***")
	}
	return command
}

// decide ends a pending approval and tells everybody, the decider too.
func (s *Server) decide(a *approval, c *conn, decision, reason, resolver string) {
	status := "allowed"
	if decision == "deny" {
		status = "denied"
	}
	a.end(status, reason, decision, map[string]any{"kind": "runtime", "id": resolver})
	s.tell(a, "resolved", map[string]any{
		"id": a.id, "decision": decision, "resolvedBy": c.name(), "ts": time.Now().UnixMilli(), "request": a.request,
	})
}

func (c *conn) name() string {
	if c.displayName != "" {
		return c.displayName
	}
	return c.clientID
}

func reasoned(reason, message string) *Error {
	return &Error{Code: "INVALID_REQUEST", Message: message, Details: map[string]any{"reason": reason}}
}

func notFound() *Error { return reasoned("APPROVAL_NOT_FOUND", "unknown or expired approval id") }

// approvalMethod does the methods about approvals. It is called with mu held.
func (s *Server) approvalMethod(c *conn, method string, raw json.RawMessage) (any, *Error) {
	var p map[string]any
	_ = json.Unmarshal(raw, &p)
	id, _ := p["id"].(string)
	decision, _ := p["decision"].(string)
	switch method {
	case "exec.approval.list", "plugin.approval.list", "openclaw.approval.list":
		list := []any{}
		for _, id := range s.order {
			if a := s.approvals[id]; a.status == "pending" && a.event("list") == method && s.sees(c, a) {
				list = append(list, a.wire())
			}
		}
		return list, nil
	case "approval.get":
		a := s.approvals[id]
		if a == nil || !s.sees(c, a) {
			return nil, reasoned("APPROVAL_NOT_FOUND", "approval not found")
		}
		return map[string]any{"approval": a.record()}, nil
	case "exec.approval.resolve", "plugin.approval.resolve":
		kind, _, _ := strings.Cut(method, ".")
		a := s.byPrefix(kind, id)
		switch {
		case len(p) != 2:
			return nil, invalid("invalid %s params", method)
		case decision != "allow-once" && decision != "allow-always" && decision != "deny":
			return nil, invalid("invalid decision")
		case a == nil || !s.sees(c, a) || a.status == "expired" || a.status == "cancelled":
			return nil, notFound()
		case a.status != "pending" && a.decision == decision:
			return map[string]any{"ok": true}, nil
		case a.status != "pending":
			return nil, reasoned("APPROVAL_ALREADY_RESOLVED", "approval already resolved")
		case !slices.Contains(a.offered(), decision):
			return nil, reasoned("APPROVAL_ALLOW_ALWAYS_UNAVAILABLE", "allow-always is unavailable for this command")
		}
		s.decide(a, c, decision, "user", c.name())
		return map[string]any{"ok": true}, nil
	case "approval.resolve":
		a := s.approvals[id]
		if a == nil || !s.sees(c, a) {
			return nil, reasoned("APPROVAL_NOT_FOUND", "approval not found")
		}
		if a.status != "pending" {
			return map[string]any{"applied": false, "approval": a.record()}, nil
		}
		reason := "user"
		if p["kind"] != a.kind || len(p) != 3 || !slices.Contains(a.offered(), decision) {
			decision, reason = "deny", "malformed-verdict"
		}
		s.decide(a, c, decision, reason, c.clientID)
		return map[string]any{"applied": true, "approval": a.record()}, nil
	}
	return nil, invalid("unknown method: %s", method)
}

// byPrefix finds an approval by its id or a unique beginning of it.
func (s *Server) byPrefix(kind, id string) *approval {
	if a := s.approvals[id]; a != nil && a.kind == kind {
		return a
	}
	var found *approval
	for _, a := range s.approvals {
		if id != "" && a.kind == kind && a.status == "pending" && strings.HasPrefix(a.id, id) {
			if found != nil {
				return nil
			}
			found = a
		}
	}
	return found
}

// ResolveAs decides approval id as some other client named name would. It
// reports whether that client was first.
func (s *Server) ResolveAs(name, id, decision string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.approvals[id]
	if a == nil || a.status != "pending" {
		return false
	}
	s.decide(a, &conn{displayName: name}, decision, "user", name)
	return true
}

// Status is where approval id stands: pending, allowed, denied, expired,
// cancelled, or empty for an unknown one.
func (s *Server) Status(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.approvals[id]; a != nil {
		return a.status
	}
	return ""
}

// requestApproval is exec.approval.request and plugin.approval.request: two
// answers if asked for.
func (s *Server) requestApproval(c *conn, q request, answer func(any, *Error)) {
	var p map[string]any
	if json.Unmarshal(q.Params, &p) != nil {
		answer(nil, invalid("invalid params"))
		return
	}
	id, _ := p["id"].(string)
	ttl, _ := p["timeoutMs"].(float64)
	twoPhase, _ := p["twoPhase"].(bool)
	kind, _, _ := strings.Cut(q.Method, ".")
	for _, k := range []string{"id", "timeoutMs", "twoPhase", "requireDeliveryRoute"} {
		delete(p, k)
	}
	s.mu.Lock()
	if s.approvals[id] != nil {
		s.mu.Unlock()
		answer(nil, invalid("approval id is taken"))
		return
	}
	var allowed []string
	if kind == "exec" {
		allowed = []string{"allow-once", "allow-always", "deny"}
	}
	a := s.raise(Approval{ID: id, Kind: kind, Request: p, Allowed: allowed, TTL: time.Duration(ttl) * time.Millisecond}, c)
	pending := a.status == "pending"
	s.mu.Unlock()
	times := map[string]any{"id": a.id, "createdAtMs": a.createdAt.UnixMilli(), "expiresAtMs": a.expiresAt.UnixMilli()}
	if twoPhase && pending {
		first := map[string]any{"status": "accepted", "deliveryRoute": "approval-client"}
		for k, v := range times {
			first[k] = v
		}
		answer(first, nil)
	}
	select {
	case <-a.done:
	case <-c.ctx.Done():
		return
	}
	s.mu.Lock()
	times["decision"] = nil
	if a.status == "allowed" || a.status == "denied" && a.reason != "no-route" {
		times["decision"] = a.decision
	}
	s.mu.Unlock()
	answer(times, nil)
}
