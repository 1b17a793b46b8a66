package openclaw_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/openclaw"
)

func TestResolveApproval(t *testing.T) {
	for _, tt := range []struct {
		name     string
		raise    fakegateway.Approval
		before   func(t *testing.T, s *fakegateway.Server, id string)
		kind     openclaw.ApprovalKind
		decision openclaw.Decision
		err      error
		applied  bool
		status   openclaw.ApprovalStatus // of the gateway afterwards
		resolver string
	}{
		{name: "allow once", decision: openclaw.AllowOnce, applied: true, status: "allowed", resolver: "clawconsole: alice"},
		{name: "deny", decision: openclaw.Deny, applied: true, status: "denied", resolver: "clawconsole: alice"},
		{name: "not offered", decision: openclaw.AllowAlways, err: openclaw.ErrNotOffered, status: "pending"},
		{name: "no decision at all", decision: "maybe", err: openclaw.ErrNotOffered, status: "pending"},
		{name: "wrong kind", kind: openclaw.KindPlugin, decision: openclaw.AllowOnce, err: openclaw.ErrNotOffered, status: "pending"},
		{name: "plugin without a list offers all", raise: fakegateway.Approval{Kind: "plugin"}, kind: openclaw.KindPlugin, decision: openclaw.AllowAlways, applied: true, status: "allowed", resolver: "clawconsole: alice"},
		{name: "system agent", raise: fakegateway.Approval{Kind: "system-agent"}, kind: openclaw.KindSystemAgent, decision: openclaw.AllowOnce, applied: true, status: "allowed", resolver: "gateway-client"},
		{name: "someone was first", before: func(t *testing.T, s *fakegateway.Server, id string) { s.ResolveAs("bob", id, "deny") }, decision: openclaw.AllowOnce, status: "denied", resolver: "bob"},
		{name: "someone was first with the same", before: func(t *testing.T, s *fakegateway.Server, id string) { s.ResolveAs("bob", id, "deny") }, decision: openclaw.Deny, status: "denied", resolver: "bob"},
		{name: "someone is first while we decide", before: func(t *testing.T, s *fakegateway.Server, id string) {
			s.Intercept(func(c fakegateway.Call) fakegateway.Action {
				if c.Method == "exec.approval.resolve" {
					go s.ResolveAs("bob", id, "deny")
					return fakegateway.Action{Delay: time.Second}
				}
				return fakegateway.Action{}
			})
		}, decision: openclaw.AllowOnce, status: "denied", resolver: "bob"},
		{name: "someone is first with the same while we decide", before: func(t *testing.T, s *fakegateway.Server, id string) {
			s.Intercept(func(c fakegateway.Call) fakegateway.Action {
				if c.Method == "exec.approval.resolve" {
					go s.ResolveAs("clawconsole: alicia", id, "deny")
					return fakegateway.Action{Delay: time.Second}
				}
				return fakegateway.Action{}
			})
		}, decision: openclaw.Deny, status: "denied", resolver: "clawconsole: alicia"},
		{name: "expired", raise: fakegateway.Approval{TTL: time.Second}, before: func(*testing.T, *fakegateway.Server, string) { time.Sleep(2 * time.Second) }, decision: openclaw.AllowOnce, status: "expired"},
		{name: "lost before the effect", before: dropAt("exec.approval.resolve", fakegateway.BeforeEffect), decision: openclaw.AllowOnce, err: openclaw.ErrLost, status: "pending"},
		{name: "lost after the effect", before: dropAt("exec.approval.resolve", fakegateway.BeforeAnswer), decision: openclaw.AllowOnce, err: openclaw.ErrLost, status: "allowed", resolver: "clawconsole: alice"},
		{name: "hanging", before: func(t *testing.T, s *fakegateway.Server, id string) {
			s.Hang()
			time.AfterFunc(20*time.Second, s.Resume)
		}, decision: openclaw.AllowOnce, err: openclaw.ErrHanging, status: "pending"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := fake(t, fakegateway.Config{})
				g := start(t, to(s))
				await(t, g)
				if tt.raise.Request == nil {
					tt.raise.Request = map[string]any{"command": "uptime", "title": "Deploy"}
				}
				id := s.Raise(tt.raise)
				if tt.before != nil {
					tt.before(t, s, id)
				}
				kind := tt.kind
				if kind == "" {
					kind = openclaw.KindExec
				}
				began := time.Now()
				r, err := g.ResolveApproval(t.Context(), "alice", id, kind, tt.decision)
				if !errors.Is(err, tt.err) || r.Applied != tt.applied {
					t.Errorf("ResolveApproval = %+v, %v; want applied %v, %v", r, err, tt.applied, tt.err)
				}
				if d := time.Since(began); d > 6*time.Second {
					t.Errorf("it took %v", d)
				}
				if err == nil && (r.Record.Status != tt.status || r.Record.Resolver != tt.resolver) {
					t.Errorf("record = %+v, want %s by %q", r.Record, tt.status, tt.resolver)
				}
				s.Intercept(nil)
				time.Sleep(30 * time.Second)
				if got := s.Status(id); got != string(tt.status) {
					t.Errorf("the gateway says %q, want %q", got, tt.status)
				}
				if r, err := g.GetApproval(t.Context(), id); err != nil || r.Resolver != tt.resolver && tt.status != "pending" {
					t.Errorf("GetApproval = %+v, %v", r, err)
				}
				if n := len(s.Connections()); n != 1 {
					t.Errorf("%d connections are left, want ours", n)
				}
			})
		})
	}
}

func dropAt(method string, m fakegateway.Moment) func(*testing.T, *fakegateway.Server, string) {
	return func(_ *testing.T, s *fakegateway.Server, _ string) {
		s.Intercept(func(c fakegateway.Call) fakegateway.Action {
			if c.Method == method {
				return fakegateway.Action{Drop: m}
			}
			return fakegateway.Action{}
		})
	}
}

func TestResolveUnknownApproval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := start(t, to(fake(t, fakegateway.Config{})))
		await(t, g)
		if _, err := g.ResolveApproval(t.Context(), "alice", "nope", openclaw.KindExec, openclaw.Deny); !errors.Is(err, openclaw.ErrNotFound) {
			t.Errorf("unknown = %v, want ErrNotFound", err)
		}
	})
}

// A full id is needed: the gateway would take the beginning of one.
func TestResolveDoesNotGuess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		id := s.Raise(fakegateway.Approval{ID: "abc-123", Request: map[string]any{"command": "x"}})
		if _, err := g.ResolveApproval(t.Context(), "alice", "abc", openclaw.KindExec, openclaw.AllowOnce); !errors.Is(err, openclaw.ErrNotFound) {
			t.Errorf("a prefix = %v, want ErrNotFound", err)
		}
		if s.Status(id) != "pending" {
			t.Errorf("status = %q", s.Status(id))
		}
	})
}

func TestApprovalEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		sub := g.Events(0, nil)
		defer sub.Close()
		id := s.Raise(fakegateway.Approval{TTL: time.Minute, Request: map[string]any{
			"command": "rm -rf x", "agentId": "main", "sessionKey": "agent:main:ops", "runId": "r1", "warningText": "careful",
			"commandAnalysis":     map[string]any{"riskKinds": []string{"redirect"}, "warningLines": []string{"Contains redirect"}},
			"cronExecutionSource": map[string]any{"jobId": "j1"}, "scope": map[string]any{"kind": "standing-grant"}, "later": []int{1},
		}})
		a := next[openclaw.ApprovalRequested](t, sub, nil).Approval
		if a.ID != id || a.Command != "rm -rf x" || strings.Join(a.Warnings, "|") != "careful|Contains redirect" || a.CronJobID != "j1" || a.ScopeKind != "standing-grant" ||
			a.RunID != "r1" || a.ExpiresAt.Sub(a.CreatedAt) != time.Minute || !strings.Contains(string(a.Request), `"later":[1]`) {
			t.Errorf("approval = %+v", a)
		}
		time.Sleep(2 * time.Minute)
		e := next[openclaw.ApprovalResolved](t, sub, nil)
		if e.ID != id || e.By != "" || e.Decision != openclaw.Deny || e.Kind != openclaw.KindExec {
			t.Errorf("expiry = %+v", e)
		}
		// A kill cancels without an event: only the lists tell.
		id = s.Raise(fakegateway.Approval{Request: map[string]any{"command": "x"}})
		s.Kill()
		s.Up()
		next[openclaw.Rebooted](t, sub, nil)
		if list, err := g.ListApprovals(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("ListApprovals = %+v, %v", list, err)
		}
		if r, err := g.GetApproval(t.Context(), id); err != nil || r.Status != openclaw.ApprovalCancelled || r.Reason != "gateway-restart" {
			t.Errorf("GetApproval = %+v, %v", r, err)
		}
	})
}

func TestListedApproval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		for _, kind := range []openclaw.ApprovalKind{openclaw.KindExec, openclaw.KindPlugin, openclaw.KindSystemAgent} {
			raise := func(title string) string {
				return s.Raise(fakegateway.Approval{Kind: string(kind), Request: map[string]any{"command": title, "title": title}})
			}
			raise("another")
			id := raise("this")
			raise("a third")
			list, err := g.ListApprovals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(a openclaw.Approval) bool { return a.ID == id })
			if a, err := g.ListedApproval(t.Context(), kind, id); err != nil || !reflect.DeepEqual(a, list[i]) {
				t.Errorf("ListedApproval(%s) = %+v, %v, want %+v", kind, a, err, list[i])
			}
			s.ResolveAs("bob", id, "deny")
			if _, err := g.ListedApproval(t.Context(), kind, id); !errors.Is(err, openclaw.ErrNotFound) {
				t.Errorf("ListedApproval(%s) after its end = %v, want ErrNotFound", kind, err)
			}
		}
	})
}

func TestListApprovalsOfOldGateway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		first := s.Raise(fakegateway.Approval{Kind: "plugin", Request: map[string]any{"title": "a"}})
		time.Sleep(time.Second)
		s.Raise(fakegateway.Approval{Request: map[string]any{"command": "b"}})
		s.Intercept(func(c fakegateway.Call) fakegateway.Action {
			if c.Method == "openclaw.approval.list" {
				return fakegateway.Action{Error: &fakegateway.Error{Code: "INVALID_REQUEST", Message: "unknown method: openclaw.approval.list"}}
			}
			return fakegateway.Action{}
		})
		list, err := g.ListApprovals(t.Context())
		if err != nil || len(list) != 2 || list[0].ID != first || list[0].Kind != openclaw.KindPlugin || list[1].Command != "b" {
			t.Errorf("ListApprovals = %+v, %v, want the older first", list, err)
		}
	})
}

// Attack: one approval with an argument of another type than we know, and nobody is
// asked about any other.
func TestListApprovalsWithAnUnreadableOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		for _, odd := range []map[string]any{{"command": []string{"a"}}, {"command": "a", "scope": "all"}, {"title": 5}} {
			s.Raise(fakegateway.Approval{Request: odd})
		}
		id := s.Raise(fakegateway.Approval{Request: map[string]any{"command": "b"}})
		list, err := g.ListApprovals(t.Context())
		if err != nil || len(list) != 1 || list[0].ID != id {
			t.Errorf("ListApprovals = %+v, %v", list, err)
		}
	})
}

func TestPersonsNameIsPlain(t *testing.T) {
	for person, want := range map[string]string{
		"alice":                  "clawconsole: alice",
		"a\u202el\nice\x00":      "clawconsole: alice",
		"  Ålice   😀 ":           "clawconsole: Ålice 😀",
		strings.Repeat("x", 100): "clawconsole: " + strings.Repeat("x", 47),
	} {
		bubble(t, func(t *testing.T) {
			s := fake(t, fakegateway.Config{})
			g := start(t, to(s))
			await(t, g)
			id := s.Raise(fakegateway.Approval{Request: map[string]any{"command": "x"}})
			r, err := g.ResolveApproval(t.Context(), person, id, openclaw.KindExec, openclaw.Deny)
			if err != nil || r.Record.Resolver != want {
				t.Errorf("%q is recorded as %q, %v, want %q", person, r.Record.Resolver, err, want)
			}
		})
	}
}

func TestSimulatedApproval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		sub := g.Events(0, nil)
		defer sub.Close()
		for i, want := range []openclaw.Decision{openclaw.AllowOnce, openclaw.Deny, ""} {
			sim, err := g.RequestSimulatedApproval(t.Context(), fmt.Sprintf("sim-%d", i), "true", 30*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			a := next[openclaw.ApprovalRequested](t, sub, nil).Approval
			if a.ID != sim.ID || a.Command != "true" || len(a.Warnings) == 0 {
				t.Errorf("approval = %+v", a)
			}
			if want != "" {
				if _, err := g.ResolveApproval(t.Context(), "alice", a.ID, a.Kind, want); err != nil {
					t.Fatal(err)
				}
			}
			if d, err := sim.Wait(t.Context()); err != nil || d != want {
				t.Errorf("Wait = %q, %v, want %q", d, err, want)
			}
			sim.Close()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(s.Connections()); n != 1 {
			t.Errorf("%d connections are left", n)
		}
	})
}
