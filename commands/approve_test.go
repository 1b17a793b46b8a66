package commands_test

import (
	"context"
	"errors"
	"fmt"
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
	shown   []string
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

func (f *fakeApprovals) Decide(_ context.Context, g auth.Grant, shown approvals.Case, d openclaw.Decision, reason string) (approvals.Case, error) {
	f.decided = append(f.decided, g.Operator().Name+" "+string(d)+" "+shown.Key+" "+reason)
	for _, c := range f.cases {
		if c.Key == shown.Key {
			c.Claim = approvals.Claim{By: approvals.Person{ID: 42, Name: "alice"}, Decision: d, Reason: reason}
			if f.end != nil {
				f.end(&c)
			}
			return c, f.err
		}
	}
	return approvals.Case{}, approvals.ErrUnknown
}

func (f *fakeApprovals) Show(key string, to approvals.Place) error {
	f.shown = append(f.shown, fmt.Sprint(key, " in ", to.Chat))
	return nil
}

func (f *fakeApprovals) Direct(string, approvals.Place) {}

func (f *fakeApprovals) Wait(context.Context, string, func(approvals.Case) bool) (approvals.Case, error) {
	return approvals.Case{}, approvals.ErrUnknown
}

func waiting(id, command string) approvals.Case {
	return approvals.Case{
		Key: id + "/1", State: approvals.Pending, Step: approvals.Open, Digest: "0123456789abcdef",
		Look: approvals.Look{Taken: true},
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
	const once = "alice allow-once aaaa1111-x/1 "
	for _, tt := range []struct {
		name, line string
		err        error
		end        func(*approvals.Case)
		want       []string
		decided    string
		shown      string
	}{
		{"approve", "/approve aaaa11 01234567", nil, ours(approvals.Approved), []string{"OK: approved at 03:12:07 UTC", "uptime"}, once, ""},
		{"whole digest, in capitals", "/approve aaaa1111-x 0123456789ABCDEF", nil, ours(approvals.Approved), []string{"OK: approved at"}, once, ""},
		{"deny", "/deny aa it is \"prod\", not yet", nil, ours(approvals.Denied), []string{"OK: denied at 03:12:07 UTC", "Reason: it is \"prod\", not yet"}, "alice deny aaaa1111-x/1 it is \"prod\", not yet", ""},
		{"deny in silence", "/deny aa", nil, ours(approvals.Denied), []string{"OK: denied at"}, "alice deny aaaa1111-x/1 ", ""},
		{"unknown", "/approve zz", nil, nil, []string{`ERROR: no approval begins with "zz"`, "/pending"}, "", ""},
		{"ambiguous", "/approve b", nil, nil, []string{`ERROR: 2 approvals begin with "b"`, "bbbb1111-x", "bbbb2222-x", "Nothing was decided"}, "", ""},
		// Attack: a call that nobody has read, or that was read as another one, is allowed
		// by a line that somebody types from memory.
		{"not read", "/approve aaaa1111", nil, nil, []string{"OK: nothing is decided yet"}, "", "aaaa1111-x/1 in 42"},
		{"read as another", "/approve aaaa1111 89abcdef", nil, nil, []string{`ERROR: the digest of this call is not "89abcdef"`, "/approve aaaa1111"}, "", ""},
		{"digest too short", "/approve aaaa1111 0123456", nil, nil, []string{"ERROR: the digest of this call is not"}, "", ""},
		{"id too short", "/approve aaaa1 01234567", nil, nil, []string{`ERROR: "aaaa1" is too short for an id`}, "", ""},
		{"short id, whole", "/approve sim-1 01234567", nil, ours(approvals.Approved), []string{"OK: approved at"}, "alice allow-once sim-1/1 ", ""},
		{"changed meanwhile", "/approve aaaa1111 01234567", approvals.ErrChanged, nil, []string{"ERROR: the call has changed", "Nothing was decided"}, once, ""},
		{"obscured", "/approve aaaa1111 01234567", approvals.ErrObscured, nil, []string{"ERROR: this call has a part that cannot be shown", "/deny aaaa1111"}, once, ""},
		{"too large", "/approve aaaa1111 01234567", approvals.ErrTooLong, nil, []string{"ERROR: this call is too large to be shown", "/deny aaaa1111"}, once, ""},
		{"decided elsewhere", "/approve aaaa1111 01234567", approvals.ErrEnded, func(c *approvals.Case) {
			c.State, c.Step, c.Claim, c.End = approvals.Denied, "", approvals.Claim{}, approvals.End{At: at, Resolver: "ui"}
		}, []string{"ERROR: too late: denied elsewhere at 03:12:07 UTC"}, once, ""},
		{"not sent", "/approve aaaa1111 01234567", nil, func(c *approvals.Case) { c.Note = "Not sent: the gateway could not be reached." }, []string{"ERROR: not decided", "Not sent: the gateway"}, once, ""},
		{"held", "/approve aaaa1111 01234567", approvals.ErrHeld, nil, []string{"is denying it"}, once, ""},
		{"late", "/approve aaaa1111 01234567", approvals.ErrOverdue, nil, []string{"ERROR: too late: its time is up"}, once, ""},
		// However the wait ends, the decision is on its way.
		{"no answer", "/approve aaaa1111 01234567", context.DeadlineExceeded, nil, []string{"ERROR: not confirmed yet", "It is sent until"}, once, ""},
		{"cancelled", "/approve aaaa1111 01234567", context.Canceled, nil, []string{"ERROR: not confirmed yet", "It is sent until"}, once, ""},
		{"console stops", "/approve aaaa1111 01234567", errors.New("the console is stopping"), nil, []string{"ERROR: not confirmed yet"}, once, ""},
		{"disk full", "/approve aaaa1111 01234567", fmt.Errorf("%w: disk full", approvals.ErrUnrecorded), nil, []string{"ERROR: cannot record it, nothing was sent"}, once, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeApprovals{err: tt.err, end: tt.end, cases: []approvals.Case{
				waiting("aaaa1111-x", "uptime"), waiting("bbbb1111-x", "df"), waiting("bbbb2222-x", "ls"), waiting("sim-1", "true"),
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
			if d := strings.Join(f.shown, "; "); d != tt.shown {
				t.Errorf("shown %q, want %q", d, tt.shown)
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
	if got, want := strings.Join(lines, ","), "/approve aaaa1111-x 0123456789abcdef,/deny aaaa1111-x,/approve cccc1111-x,/deny cccc1111-x"; got != want {
		t.Errorf("buttons %q, want %q", got, want)
	}
	for _, b := range res.Blocks {
		if b.Kind != commands.Given {
			t.Errorf("an agent's text stands in %v", b.Kind)
		}
	}

	s.Gate = newGate(t, auth.Approve)
	if res := s.result(t.Context(), "/pending"); len(res.Buttons) != 0 {
		t.Errorf("buttons for one without the right: %+v", res.Buttons)
	}
}

// TestPendingAllowsWhatItShows. Attack: a call that is harmless but for something that
// the list's line does not show, and [Allow] below it.
func TestPendingAllowsWhatItShows(t *testing.T) {
	for _, tt := range []struct {
		name   string
		alter  func(*approvals.Case)
		shows  string
		offers bool
	}{
		{"nothing else", func(*approvals.Case) {}, "digest: 01234567", true},
		{"another folder", func(c *approvals.Case) { c.Approval.Cwd = "/srv/production" }, "in: /srv/production", true},
		{"another machine", func(c *approvals.Case) { c.Approval.Host, c.Approval.NodeID = "node", "db-1" }, "runs on: node db-1", false},
		{"another program", func(c *approvals.Case) { c.Approval.ResolvedPath = "/tmp/x/uptime" }, "program: /tmp/x/uptime", true},
		{"a second line", func(c *approvals.Case) { c.Approval.Command = "ls\nrm -r build" }, "ls rm -r build", false},
		{"environment", func(c *approvals.Case) {
			c.Approval.Request = []byte(`{"command":"uptime","envKeys":["LD_PRELOAD"],"nodeId":null}`)
		}, "", false},
		{"OpenClaw warns", func(c *approvals.Case) { c.Approval.Warnings = []string{"Contains redirect"} }, "", false},
		{"we warn", func(c *approvals.Case) { c.Approval.Command = "rm -rf /" }, "rm -rf /", false},
		{"has changed", func(c *approvals.Case) { c.Note = "The call was changed after it was first shown." }, "", false},
		{"a part is hidden", func(c *approvals.Case) { c.Look.Hidden = 1 }, "uptime", false},
		{"it can only be denied", func(c *approvals.Case) { c.Look.Bar = approvals.Obscured }, "uptime", false},
		{"nobody has looked", func(c *approvals.Case) { c.Look = approvals.Look{} }, "uptime", false},
		{"standing grant", func(c *approvals.Case) { c.Approval.ScopeKind = "standing-grant" }, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := waiting("aaaa1111-x", "uptime")
			tt.alter(&c)
			c.Look.Risks = approvals.Risks(c.Approval)
			s := newStory(t, nil)
			s.Approvals = &fakeApprovals{cases: []approvals.Case{c}}
			res := s.result(t.Context(), "/pending")
			if got := show(res); !strings.Contains(got, tt.shows) {
				t.Errorf("no %q in:\n%s", tt.shows, got)
			}
			want := "Show aaaa1111: /approve aaaa1111-x"
			if tt.offers {
				want = "Allow aaaa1111: /approve aaaa1111-x 0123456789abcdef"
			}
			if b := res.Buttons[0][0]; b.Label+": "+b.Line != want {
				t.Errorf("first button %q does %q, want %q", b.Label, b.Line, want)
			}
		})
	}
}

// TestApproveShownDigest. Attack: a call whose digest begins like that of another, which
// somebody has read, waits for what they type of that one.
func TestApproveShownDigest(t *testing.T) {
	c := waiting("aaaa1111-x", "uptime")
	c.Digits = 64
	f := &fakeApprovals{cases: []approvals.Case{c}}
	s := newStory(t, nil)
	s.Approvals = f
	if got := s.do("/approve aaaa1111 01234567"); !strings.Contains(got, `the digest of this call is not "01234567"`) {
		t.Errorf("eight digits of a digest of which more is shown: %s", got)
	}
}
