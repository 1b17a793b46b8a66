package commands_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
)

// fakeApprovals decides at once, as end says.
type fakeApprovals struct {
	cases   []approvals.Case
	err     error
	end     func(c *approvals.Case)
	decided []string
}

func (f *fakeApprovals) Open() []approvals.Case { return f.cases }

func (f *fakeApprovals) Find(_ context.Context, id string) (found []approvals.Case) {
	for _, c := range f.cases {
		if strings.HasPrefix(c.Approval.ID, id) {
			found = append(found, c)
		}
	}
	return found
}

func (f *fakeApprovals) Decide(_ context.Context, g auth.Grant, key string, d openclaw.Decision, reason string) (approvals.Case, error) {
	f.decided = append(f.decided, g.Operator().Name+" "+string(d)+" "+key+" "+reason)
	for _, c := range f.cases {
		if c.Key == key {
			c.Claim = approvals.Claim{By: approvals.Person{ID: 42, Name: "alice"}, Decision: d, Reason: reason}
			if f.end != nil {
				f.end(&c)
			}
			return c, f.err
		}
	}
	return approvals.Case{}, approvals.ErrUnknown
}

func (f *fakeApprovals) Direct(string, approvals.Place) {}

func (f *fakeApprovals) Wait(context.Context, string, func(approvals.Case) bool) (approvals.Case, error) {
	return approvals.Case{}, approvals.ErrUnknown
}

func waiting(id, command string) approvals.Case {
	return approvals.Case{
		Key: id + "/1", State: approvals.Pending, Step: approvals.Open,
		Approval: openclaw.Approval{
			ID: id, Kind: openclaw.KindExec, Command: command, SessionKey: "agent:main:ops",
			AllowedDecisions: []openclaw.Decision{openclaw.AllowOnce, openclaw.Deny},
			CreatedAt:        time.Now().Add(-4*time.Minute - 200*time.Millisecond), ExpiresAt: time.Now().Add(26*time.Minute + 200*time.Millisecond),
		},
	}
}

func TestDecideByCommand(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 12, 7, 0, time.UTC)
	ours := func(s approvals.State) func(*approvals.Case) {
		return func(c *approvals.Case) { c.State, c.Step, c.End = s, "", approvals.End{At: at, Ours: true} }
	}
	for _, tt := range []struct {
		name, line string
		err        error
		end        func(*approvals.Case)
		want       []string
		decided    string
	}{
		{"approve", "/approve aa", nil, ours(approvals.Approved), []string{"OK: approved at 03:12:07 UTC", "uptime"}, "alice allow-once aaaa1111-x/1 "},
		{"deny", "/deny aa it is \"prod\", not yet", nil, ours(approvals.Denied), []string{"OK: denied at 03:12:07 UTC", "Reason: it is \"prod\", not yet"}, "alice deny aaaa1111-x/1 it is \"prod\", not yet"},
		{"deny in silence", "/deny aa", nil, ours(approvals.Denied), []string{"OK: denied at"}, "alice deny aaaa1111-x/1 "},
		{"unknown", "/approve zz", nil, nil, []string{`ERROR: no approval begins with "zz"`, "/pending"}, ""},
		{"ambiguous", "/approve b", nil, nil, []string{`ERROR: 2 approvals begin with "b"`, "bbbb1111-x", "bbbb2222-x", "Nothing was decided"}, ""},
		{"decided elsewhere", "/approve aa", approvals.ErrEnded, func(c *approvals.Case) {
			c.State, c.Step, c.Claim, c.End = approvals.Denied, "", approvals.Claim{}, approvals.End{At: at, Resolver: "ui"}
		}, []string{"ERROR: too late: denied elsewhere at 03:12:07 UTC"}, "alice allow-once aaaa1111-x/1 "},
		{"not sent", "/approve aa", nil, func(c *approvals.Case) { c.Note = "Not sent: the gateway could not be reached." }, []string{"ERROR: not decided", "Not sent: the gateway"}, "alice allow-once aaaa1111-x/1 "},
		{"held", "/approve aa", approvals.ErrHeld, nil, []string{"is denying it"}, "alice allow-once aaaa1111-x/1 "},
		{"late", "/approve aa", approvals.ErrOverdue, nil, []string{"ERROR: too late: its time is up"}, "alice allow-once aaaa1111-x/1 "},
		{"no answer", "/approve aa", context.DeadlineExceeded, nil, []string{"ERROR: not confirmed yet"}, "alice allow-once aaaa1111-x/1 "},
		{"disk full", "/approve aa", context.Canceled, nil, []string{"ERROR: cannot record it, nothing was sent"}, "alice allow-once aaaa1111-x/1 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeApprovals{err: tt.err, end: tt.end, cases: []approvals.Case{
				waiting("aaaa1111-x", "uptime"), waiting("bbbb1111-x", "df"), waiting("bbbb2222-x", "ls"),
			}}
			s := newStory(t, nil)
			s.Approvals = f
			got := s.do(tt.line)
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in:\n%s", w, got)
				}
			}
			if d := strings.Join(f.decided, "; "); d != tt.decided {
				t.Errorf("decided %q, want %q", d, tt.decided)
			}
		})
	}
}

func TestPending(t *testing.T) {
	long := waiting("cccc1111-x", strings.Repeat("x", 500))
	held := waiting("dddd1111-x", "reboot")
	held.Step, held.Claim.By.Name = approvals.Asking, "bob"
	f := &fakeApprovals{cases: []approvals.Case{waiting("aaaa1111-x", "uptime"), long, held}}
	s := newStory(t, nil)
	s.Approvals = f
	res := s.result(t.Context(), "/pending")
	got := show(res)
	for _, w := range []string{"3 calls wait for a decision", "4 min old, 26 min left", "aaaa1111: uptime", "from: agent:main:ops", "500 characters, see its prompt", "bob is denying it"} {
		if !strings.Contains(got, w) {
			t.Errorf("no %q in:\n%s", w, got)
		}
	}
	var lines []string
	for _, row := range res.Buttons {
		for _, b := range row {
			lines = append(lines, b.Line)
		}
	}
	// What cannot be read whole is not allowed from the list.
	if got, want := strings.Join(lines, ","), "/approve aaaa1111-x,/deny aaaa1111-x,/deny cccc1111-x"; got != want {
		t.Errorf("buttons %q, want %q", got, want)
	}
	for _, b := range res.Blocks {
		if b.Kind != commands.Given {
			t.Errorf("an agent's text stands in %v", b.Kind)
		}
	}

	// Attack: a call that is harmless but for where it runs, or for a line end that
	// the list's one line does not show, and [Allow] below it.
	elsewhere, lines2 := waiting("eeee1111-x", "rm -r build"), waiting("ffff1111-x", "ls\nrm -r build")
	elsewhere.Approval.Cwd, elsewhere.Approval.Host, elsewhere.Approval.NodeID = "/srv/production", "node", "db-1"
	f.cases = []approvals.Case{elsewhere, lines2}
	res = s.result(t.Context(), "/pending")
	for _, w := range []string{"in: /srv/production", "runs on: node db-1"} {
		if got := show(res); !strings.Contains(got, w) {
			t.Errorf("no %q in:\n%s", w, got)
		}
	}
	for _, row := range res.Buttons {
		for _, b := range row {
			if b.Line == "/approve ffff1111-x" {
				t.Error("two lines are offered as one")
			}
		}
	}

	s.Gate = newGate(t, auth.Approve)
	if res := s.result(t.Context(), "/pending"); len(res.Buttons) != 0 {
		t.Errorf("buttons for one without the right: %+v", res.Buttons)
	}
}
