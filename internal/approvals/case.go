package approvals

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"clawconsole/openclaw"
)

// A State is where an approval stands. All but Pending are final.
type State string

// States of an approval.
const (
	Pending       State = "pending"
	Approved      State = "approved"
	Denied        State = "denied"
	Expired       State = "expired"       // nobody decided in time
	Cancelled     State = "cancelled"     // the gateway or the run that asked is gone
	Undeliverable State = "undeliverable" // no approver could be reached
)

// Final reports whether s never changes any more.
func (s State) Final() bool { return s != Pending }

// A Step is how far a pending approval is.
type Step string

// Steps of a pending approval.
const (
	Open    Step = "open"    // whoever may can decide
	Asking  Step = "asking"  // somebody denies it, and may still say why
	Sending Step = "sending" // a decision is on its way to the gateway, or may have arrived
	Overdue Step = "overdue" // its time is up, and the gateway has not said how it ended
)

// A Person is an operator who acts on an approval. The zero Person is nobody.
type Person struct {
	ID   int64
	Name string
}

// A Claim is a decision that somebody has made. It counts when the gateway's
// record says so.
type Claim struct {
	By       Person
	Decision openclaw.Decision
	Digest   string // of the call that was shown, if it is allowed: only that one is sent
	Reason   string // why it is denied; empty: not said
	At       time.Time
}

// is reports whether o is the same claim.
func (c Claim) is(o Claim) bool {
	return c.By == o.By && c.Decision == o.Decision && c.At.Equal(o.At)
}

// An End is how an approval ended, as the gateway's record has it.
type End struct {
	At       time.Time
	Decision openclaw.Decision // empty: none
	Ours     bool              // it was our claim that ended it
	Resolver string            // who decided elsewhere; untrusted; empty: nobody
	Why      string            // the gateway's reason: user, timeout, gateway-restart, run-aborted, ...
}

// A Place is where people are asked: a chat, and a topic in it.
type Place struct{ Chat, Topic int64 }

// A Spot is one message.
type Spot struct{ Chat, Message int64 }

// A Case is one approval and all that happened to it. It is a value: a copy does
// not change.
type Case struct {
	Key      string // of the ledger: the approval's ID and when it was made
	Version  int64  // of the ledger's row
	Shows    int64  // grows with every change that people should see
	Token    string // secret of its buttons
	Approval openclaw.Approval
	Digest   string   // hex SHA-256 of the exact arguments
	Look     Look     // at those
	Digits   int      // of the digest that people are shown, and have to type; 0: 8
	Former   []string // digests of the newest calls that it was before
	Changed  bool     // its prompts have shown another call before
	Leader   string   // Key of the case whose prompts show this one too; often its own
	Alone    bool     // asked of one person only, see Broker.Direct

	State State
	Step  Step
	Claim Claim // zero: nobody has decided here
	End   End   // zero: pending, or undeliverable

	Until    time.Time // of Asking
	AskedAt  Spot      // the prompt at which it was denied: where the reasons are offered
	Question int64     // message that asks for a reason in words, in the same chat; 0: none
	Note     string    // why a decision did not go through; for people

	SeenAt  time.Time // by us; of a changed call: its newest form
	ShownAt time.Time // a prompt that shows it was delivered; zero: none yet
	Nudged  bool
	Told    bool   // it is on record how it ended, and the agent's session was told, need not be, or cannot be
	Unheard bool   // the agent's session could not be told
	Painted bool   // all prompts show how it ended
	Outcome string // what became of the approved call, if the gateway told; untrusted
	Failed  bool   // and it did not go well
}

// forgetAt is when memory need not have the case any more.
func (c Case) forgetAt() time.Time {
	if c.State == Approved && c.Outcome == "" && c.Approval.ToolCallID != "" {
		return c.End.At.Add(outcomeWindow)
	}
	return c.End.At.Add(forgetAfter)
}

// Live reports whether the case can be decided by whoever may.
func (c Case) Live() bool { return c.State == Pending && c.Step == Open }

// Why an action on a case is refused.
var (
	ErrEnded   = errors.New("it has ended")
	ErrHeld    = errors.New("somebody else is denying it")
	ErrSending = errors.New("a decision is being sent")
	ErrOverdue = errors.New("its time is up")
	ErrOffered = errors.New("the gateway does not offer that decision")
	ErrChanged = errors.New("the call has changed")
	ErrTooLong = errors.New("the call is too large to be shown")
	ErrUnknown = errors.New("no such approval")
)

// What can happen to a case. Each is a value with the instant it happened at.
type (
	// decided: a person allows the call with that digest, or denies whatever it is by
	// now, with or without a reason, at once.
	decided struct {
		by     Person
		what   openclaw.Decision
		digest string
		reason string
		at     time.Time
	}
	// refusing: a person denies, and may say why until hold has passed.
	refusing struct {
		by   Person
		at   time.Time
		spot Spot
	}
	// questioned: that person is asked in words.
	questioned struct{ message int64 }
	// reasoned: that person says why.
	reasoned struct {
		by   Person
		text string
		at   time.Time
	}
	// lapsed: time has passed.
	lapsed struct{ at time.Time }
	// unsent: what was claimed has surely, or so long ago that it is no use any
	// more, not reached the gateway.
	unsent struct{ why string }
	// recorded: the gateway's record was read.
	recorded struct {
		record openclaw.ApprovalRecord
		ours   bool // its resolver is the one who claimed
		at     time.Time
	}
	// unreached: there is nobody who could be asked.
	unreached struct{ at time.Time }
	// changed: the gateway announces other arguments under the same key.
	changed struct {
		approval openclaw.Approval
		digest   string
		look     Look
		digits   int
		at       time.Time
	}
	// looked: somebody has looked at the call, which an older version has not.
	looked Look
	// parted: it is no longer the same call as its leader, and is asked by itself.
	parted struct{}
	// told: the agent has heard how it ended, or cannot be told.
	told struct{ unheard bool }
	// came: the gateway tells what became of the approved call.
	came struct {
		outcome string
		failed  bool
	}
	// noted: something that nobody needs to see.
	noted func(*Case)
)

type input interface{ apply(c Case) (Case, error) }

const (
	hold = 60 * time.Second // for a reason
	// holdBefore its expiry a denial is sent without a reason.
	holdBefore = 3 * time.Second
	// resendFor is how long after the press an approval may be sent again when
	// it is not known whether the gateway got it.
	resendFor = 2 * time.Minute
)

// apply returns the case after in, or c and the reason why in is refused.
func (c Case) apply(in input) (Case, error) {
	switch in.(type) {
	case noted, came, told:
	default:
		if c.State.Final() {
			return c, ErrEnded
		}
	}
	return in.apply(c)
}

// free returns why the case cannot be decided by just anybody now.
func (c Case) free() error {
	switch c.Step {
	case Asking:
		return ErrHeld
	case Sending:
		return ErrSending
	case Overdue:
		return ErrOverdue
	}
	return nil
}

// overdue reports whether its time is up.
func (c Case) overdue(at time.Time) bool {
	return !c.Approval.ExpiresAt.IsZero() && !at.Before(c.Approval.ExpiresAt)
}

func (d decided) apply(c Case) (Case, error) {
	if d.what == openclaw.Deny && c.Step == Asking && c.Claim.By.ID == d.by.ID {
		return reasoned{by: d.by, text: d.reason, at: d.at}.apply(c)
	}
	if err := c.free(); err != nil {
		return c, err
	}
	switch {
	case c.overdue(d.at):
		return c, ErrOverdue
	case !c.Approval.Offers(d.what):
		return c, ErrOffered
	case d.what != openclaw.Deny && d.digest != c.Digest:
		return c, ErrChanged
	}
	c.Step, c.Note = Sending, ""
	c.Claim = Claim{By: d.by, Decision: d.what, Digest: d.digest, Reason: d.reason, At: d.at}
	return c, nil
}

func (r refusing) apply(c Case) (Case, error) {
	if err := c.free(); err != nil {
		return c, err
	}
	switch {
	case c.overdue(r.at):
		return c, ErrOverdue
	case !c.Approval.Offers(openclaw.Deny):
		return c, ErrOffered
	}
	c.Step, c.Note, c.AskedAt, c.Question = Asking, "", r.spot, 0
	c.Claim = Claim{By: r.by, Decision: openclaw.Deny, At: r.at}
	c.Until = r.at.Add(hold)
	if latest := c.Approval.ExpiresAt.Add(-holdBefore); !c.Approval.ExpiresAt.IsZero() && c.Until.After(latest) {
		c.Until = latest
	}
	return c, nil
}

func (q questioned) apply(c Case) (Case, error) {
	if c.Step != Asking {
		return c, ErrSending
	}
	c.Question = q.message
	return c, nil
}

func (r reasoned) apply(c Case) (Case, error) {
	switch {
	case c.Step != Asking:
		return c, ErrSending
	case c.Claim.By.ID != r.by.ID:
		return c, ErrHeld
	}
	c.Step, c.Claim.Reason = Sending, r.text
	return c, nil
}

func (l lapsed) apply(c Case) (Case, error) {
	switch {
	case c.Step == Asking && !l.at.Before(c.Until):
		c.Step = Sending
	case c.Step == Open && c.overdue(l.at):
		c.Step = Overdue
	}
	return c, nil
}

func (u unsent) apply(c Case) (Case, error) {
	if c.Step != Sending || c.Claim.Decision == openclaw.Deny {
		return c, nil // a denial is sent until the gateway has it
	}
	c.Step, c.Note, c.Claim = Open, u.why, Claim{}
	return c, nil
}

func (r recorded) apply(c Case) (Case, error) {
	switch r.record.Status {
	case openclaw.ApprovalPending:
		return c, nil
	case openclaw.ApprovalAllowed:
		c.State = Approved
	case openclaw.ApprovalDenied:
		c.State = Denied
	case openclaw.ApprovalExpired:
		c.State = Expired
	case openclaw.ApprovalCancelled:
		c.State = Cancelled
	default:
		return c, fmt.Errorf("gateway's record has status %q", r.record.Status)
	}
	at := r.record.ResolvedAt
	if at.IsZero() {
		at = r.at
	}
	c.End = End{
		At: at, Decision: r.record.Decision, Why: r.record.Reason,
		Ours: r.ours && c.Step == Sending && c.Claim.Decision == r.record.Decision,
	}
	if !c.End.Ours {
		c.End.Resolver = r.record.Resolver
	}
	c.Step, c.Note = "", ""
	c.slim()
	return c, nil
}

func (u unreached) apply(c Case) (Case, error) {
	if c.Step != Open && c.Step != Overdue {
		return c, nil // somebody was reached after all
	}
	c.State, c.Step, c.End = Undeliverable, "", End{At: u.at}
	c.slim()
	return c, nil
}

// apply does not take a claim back: whoever sends it sees that it was about another
// call. A denial holds for what the call is by now.
func (ch changed) apply(c Case) (Case, error) {
	if ch.digest == c.Digest {
		return c, nil
	}
	const kept = 20
	c.Former = append(slices.Clone(c.Former[max(0, len(c.Former)-kept+1):]), c.Digest)
	c.Approval, c.Digest, c.Look, c.Changed = ch.approval, ch.digest, ch.look, true
	c.Digits = max(c.Digits, ch.digits)
	c.SeenAt, c.ShownAt, c.Nudged = ch.at, time.Time{}, false
	c.Note = "The call was changed after it was first shown."
	return c, nil
}

func (l looked) apply(c Case) (Case, error) {
	c.Look = Look(l)
	return c, nil
}

func (parted) apply(c Case) (Case, error) {
	c.Leader, c.Nudged = c.Key, false
	return c, nil
}

func (t told) apply(c Case) (Case, error) {
	c.Told, c.Unheard = true, t.unheard
	if t.unheard {
		c.Painted = false
	}
	return c, nil
}

func (o came) apply(c Case) (Case, error) {
	if c.State != Approved || c.Outcome != "" {
		return c, nil
	}
	c.Outcome, c.Failed, c.Painted = o.outcome, o.failed, false
	return c, nil
}

func (n noted) apply(c Case) (Case, error) {
	state, step, claim, end := c.State, c.Step, c.Claim, c.End
	n(&c)
	c.State, c.Step, c.Claim, c.End = state, step, claim, end
	return c, nil
}

// slim drops what nobody needs to see again: what has ended stays on disk for a
// while, and an agent's texts may hold anything.
func (c *Case) slim() {
	a := &c.Approval
	a.Request, a.Detail = nil, ""
	a.Command, a.Description = clip(a.Command), clip(a.Description)
	a.Warnings, a.RiskKinds = nil, nil
	c.Look.Risks = nil
	a.AllowedDecisions = slices.Clip(a.AllowedDecisions)
}

// clip keeps the start of s.
func clip(s string) string {
	const most = 600
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + " …"
	}
	return s
}

// A View is what one prompt shows: one case, or several identical calls of one
// session, oldest first.
type View []Case

// Version is another one after every change of any of the cases that people should
// see, and when one joins or leaves.
func (v View) Version() int64 {
	h := fnv.New64a()
	for _, c := range v {
		fmt.Fprintf(h, "%s %d\n", c.Key, c.Shows)
	}
	return int64(h.Sum64())
}

// Live returns the cases that can be decided by whoever may.
func (v View) Live() (live View) {
	for _, c := range v {
		if c.Live() {
			live = append(live, c)
		}
	}
	return live
}

// Lead is the case that stands for the others: the first that is not over, else
// the last.
func (v View) Lead() Case {
	for _, c := range v {
		if !c.State.Final() {
			return c
		}
	}
	return v[len(v)-1]
}

// Over reports whether all of them have ended.
func (v View) Over() bool {
	return !slices.ContainsFunc(v, func(c Case) bool { return !c.State.Final() })
}
