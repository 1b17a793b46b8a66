package approvals

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"clawconsole/openclaw"
)

// A world is everything that takes part in one approval: the gateway, the console
// with its ledger, the prompt, two people, and what is on its way between them.
// It is a value, so that every interleaving can be walked.
type world struct {
	// The gateway.
	status  openclaw.ApprovalStatus
	ours    bool // it was decided by the console
	event   bool // its event is on its way
	arrives openclaw.Decision

	// The console. What is not in c is lost in a crash.
	c         Case
	up        bool // the socket
	waiting   bool // the sender waits for an answer
	uncertain bool // the sender does not know whether it has sent

	// The prompt: what people see.
	shown   bool
	seen    Case
	showsIt bool // the newest

	clock  int // 0: just asked, 1: a minute later, 2: expired
	budget [nMoves]int8

	denied bool // ghost: a denial was accepted
}

type move int

const (
	show move = iota
	unreachable
	paint
	allowA
	allowB
	denyA
	denyB
	reasonA
	reasonB
	nowDenyB
	tickTock
	attempt
	arrive
	answer
	gExpires
	gAllows
	gDenies
	gRestarts
	hear
	socketDies
	socketUp
	crash
	nMoves
)

var moveNames = [nMoves]string{"show", "unreachable", "paint", "A allows", "B allows", "A denies", "B denies", "A says why", "B says why",
	"B denies by command", "time passes", "attempt", "arrives", "answered", "gateway expires it", "allowed elsewhere", "denied elsewhere", "gateway restarts",
	"event heard", "socket dies", "socket up", "console restarts"}

// often bounds how often what could go on forever may happen.
var often = [nMoves]int8{allowA: 2, allowB: 1, denyA: 1, denyB: 1, reasonA: 1, reasonB: 1, nowDenyB: 1, gRestarts: 1, socketDies: 1, crash: 1}

var (
	born   = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	clocks = []time.Time{born, born.Add(hold + time.Second), born.Add(31 * time.Minute)}
	a, b   = Person{1, "alice"}, Person{2, "bob"}
)

func newWorld() world {
	c := Case{
		Key: "k", State: Pending, Step: Open, Shows: 1,
		Approval: openclaw.Approval{ID: "id", AllowedDecisions: []openclaw.Decision{openclaw.AllowOnce, openclaw.Deny}, ExpiresAt: born.Add(30 * time.Minute)},
	}
	return world{status: openclaw.ApprovalPending, c: c, up: true}
}

func (w world) now() time.Time { return clocks[w.clock] }

// apply is what Broker.apply does: a change holds when it is in the ledger.
func (w *world) apply(in input) error {
	c, err := w.c.apply(in)
	if err != nil {
		return err
	}
	if !same(c, w.c) {
		c.Shows++
		w.c, w.showsIt = c, false
	}
	return nil
}

// record is the gateway's, as settle reads it.
func (w *world) record() recorded {
	r := openclaw.ApprovalRecord{Status: w.status, ResolvedAt: w.now()}
	switch w.status {
	case openclaw.ApprovalAllowed:
		r.Decision, r.Reason = openclaw.AllowOnce, "user"
	case openclaw.ApprovalDenied:
		r.Decision, r.Reason = openclaw.Deny, "user"
	}
	return recorded{record: r, ours: w.ours, at: w.now()}
}

func (w *world) settle() { _ = w.apply(w.record()) }

func (w *world) end(s openclaw.ApprovalStatus, event bool) {
	w.status, w.event = s, event && w.up
}

// do makes a move, if it can be made now.
func (w world) do(m move) (world, bool) {
	if often[m] > 0 && w.budget[m] >= often[m] {
		return w, false
	}
	w.budget[m]++
	if often[m] == 0 {
		w.budget[m] = 0
	}
	pending := w.status == openclaw.ApprovalPending
	buttons := w.shown && w.seen.Live()
	press := func(in input) (world, bool) {
		if !buttons {
			return w, false
		}
		err := w.apply(in)
		if err == nil && w.c.Claim.Decision == openclaw.Deny {
			w.denied = true
		}
		return w, true
	}
	switch m {
	case show:
		if w.shown {
			return w, false
		}
		w.shown, w.seen, w.showsIt = true, w.c, true
	case unreachable:
		if w.shown {
			return w, false
		}
		_ = w.apply(unreached{w.now()})
	case paint:
		if !w.shown || w.showsIt {
			return w, false
		}
		w.seen, w.showsIt = w.c, true
	case allowA:
		return press(decided{by: a, what: openclaw.AllowOnce, at: w.now()})
	case allowB:
		return press(decided{by: b, what: openclaw.AllowOnce, at: w.now()})
	case denyA:
		return press(refusing{by: a, at: w.now()})
	case denyB:
		return press(refusing{by: b, at: w.now()})
	case reasonA, reasonB:
		if w.seen.Step != Asking {
			return w, false
		}
		who := a
		if m == reasonB {
			who = b
		}
		before := w.c.Claim.By
		if err := w.apply(reasoned{by: who, text: "not now", at: w.now()}); err == nil && who != before {
			panic("somebody else's reason was taken")
		}
	case nowDenyB: // a typed command needs no prompt
		if w.apply(decided{by: b, what: openclaw.Deny, reason: "no", at: w.now()}) == nil {
			w.denied = true
		}
	case tickTock:
		if w.clock == len(clocks)-1 {
			return w, false
		}
		w.clock++
		_ = w.apply(lapsed{w.now()})
	case attempt:
		if w.c.State.Final() || w.c.Step != Sending || w.waiting {
			return w, false
		}
		switch {
		case !w.up && w.uncertain:
			return w, false // it waits for the connection
		case !w.up:
			_ = w.apply(unsent{"away"})
			return w, true
		case w.uncertain:
			w.settle()
			if w.c.State.Final() {
				return w, true
			}
			if w.c.Claim.Decision != openclaw.Deny && w.now().Sub(w.c.Claim.At) > resendFor {
				_ = w.apply(unsent{"old"})
				return w, true
			}
		}
		if w.denied && w.c.Claim.Decision != openclaw.Deny {
			panic("an approval is sent after a denial")
		}
		w.arrives, w.waiting = w.c.Claim.Decision, true
	case arrive:
		if w.arrives == "" {
			return w, false
		}
		d := w.arrives
		w.arrives = ""
		if pending {
			w.ours = true
			if d == openclaw.Deny {
				w.end(openclaw.ApprovalDenied, true)
			} else {
				w.end(openclaw.ApprovalAllowed, true)
			}
		}
	case answer:
		if !w.waiting || w.arrives != "" || !w.up {
			return w, false
		}
		w.waiting = false
		w.settle()
	case gExpires:
		if !pending || w.clock < 2 {
			return w, false
		}
		w.end(openclaw.ApprovalExpired, true)
	case gAllows, gDenies:
		if !pending {
			return w, false
		}
		if m == gAllows {
			w.end(openclaw.ApprovalAllowed, true)
		} else {
			w.end(openclaw.ApprovalDenied, true)
		}
	case gRestarts:
		if pending {
			w.end(openclaw.ApprovalCancelled, false)
		}
		w.arrives = "" // what was on its way is lost
		w.lose()
	case hear:
		if !w.event || !w.up {
			return w, false
		}
		w.event = false
		w.settle()
	case socketDies:
		if !w.up {
			return w, false
		}
		w.lose() // what was on its way may still arrive
	case socketUp:
		if w.up {
			return w, false
		}
		w.up = true
		if !w.c.State.Final() && w.status != openclaw.ApprovalPending {
			w.settle()
		}
	case crash:
		w.lose()
		w.uncertain = w.c.Step == Sending
	}
	return w, true
}

func (w *world) lose() {
	w.up, w.event = false, false
	if w.waiting {
		w.waiting, w.uncertain = false, true
	}
}

var meaning = map[State]openclaw.ApprovalStatus{
	Approved: openclaw.ApprovalAllowed, Denied: openclaw.ApprovalDenied,
	Expired: openclaw.ApprovalExpired, Cancelled: openclaw.ApprovalCancelled,
}

// check returns what must never be, in w as it has become from before.
func (w world) check(before world) error {
	if before.c.State.Final() && w.c.State != before.c.State {
		return fmt.Errorf("it was %s and is %s", before.c.State, w.c.State)
	}
	if w.shown && w.seen.State.Final() && w.seen.State != Undeliverable && meaning[w.seen.State] != w.status {
		return fmt.Errorf("shown as %s, the gateway says %s", w.seen.State, w.status)
	}
	if w.seen.State.Final() && w.seen.Live() {
		return errors.New("live buttons after the end")
	}
	if w.denied && !w.c.State.Final() && (w.c.Step == Open || w.c.Claim.Decision != openclaw.Deny) {
		return fmt.Errorf("after a denial it is %s with %q", w.c.Step, w.c.Claim.Decision)
	}
	if w.c.State.Final() && w.c.End.Ours && w.c.Claim.By == (Person{}) {
		return errors.New("decided by nobody of ours")
	}
	return nil
}

// rest lets everything come to an end that can, and checks that it is the truth.
func (w world) rest() error {
	for range 100 {
		moved := false
		for _, m := range []move{show, socketUp, arrive, answer, hear, attempt, paint, tickTock, gExpires} {
			if m == show && w.c.State == Undeliverable {
				continue
			}
			if next, ok := w.do(m); ok {
				if m == attempt && next.c.Step == Sending && !next.waiting {
					continue
				}
				w, moved = next, true
				break
			}
		}
		if !moved {
			break
		}
	}
	switch {
	case !w.c.State.Final():
		return fmt.Errorf("it never ends: %s, %s, gateway %s", w.c.State, w.c.Step, w.status)
	case w.c.State != Undeliverable && meaning[w.c.State] != w.status:
		return fmt.Errorf("it ends as %s, the gateway says %s", w.c.State, w.status)
	case w.shown && (w.seen.State != w.c.State || w.seen.Live()):
		return fmt.Errorf("the prompt stays at %s %s, it is %s", w.seen.State, w.seen.Step, w.c.State)
	}
	return nil
}

// key is what distinguishes worlds.
func (w world) key() string {
	core := func(c Case) string {
		return fmt.Sprint(c.State, c.Step, c.Claim.By.ID, c.Claim.Decision, c.Claim.At.Unix(), c.Claim.Reason != "", c.Until.Unix(), c.End.Ours)
	}
	return fmt.Sprint(w.status, w.ours, w.event, w.arrives, core(w.c), w.up, w.waiting, w.uncertain, w.shown, core(w.seen), w.showsIt, w.clock, w.budget, w.denied)
}

// TestEveryInterleaving walks all orders in which the moves above can happen.
func TestEveryInterleaving(t *testing.T) {
	const depth = 8
	type step struct {
		w    world
		path []move
	}
	known := map[string]bool{newWorld().key(): true}
	front := []step{{w: newWorld()}}
	ends := make(map[State]int)
	worlds, moves := 1, 0
	fail := func(s step, err error) {
		var names []string
		for _, m := range s.path {
			names = append(names, moveNames[m])
		}
		t.Fatalf("%v\nafter: %s", err, strings.Join(names, ", "))
	}
	for d := range depth {
		var next []step
		for _, s := range front {
			for m := range nMoves {
				w, ok := s.w.do(m)
				if !ok {
					continue
				}
				moves++
				n := step{w, append(s.path[:len(s.path):len(s.path)], m)}
				if err := w.check(s.w); err != nil {
					fail(n, err)
				}
				k := w.key()
				if known[k] {
					continue
				}
				known[k] = true
				worlds++
				if err := w.rest(); err != nil {
					fail(n, err)
				}
				if w.c.State.Final() {
					ends[w.c.State]++
				}
				if d < depth-1 {
					next = append(next, n)
				}
			}
		}
		front = next
	}
	t.Logf("%d moves between %d worlds; ends: %v", moves, worlds, ends)
	for _, s := range []State{Approved, Denied, Expired, Cancelled, Undeliverable} {
		if ends[s] == 0 {
			t.Errorf("no interleaving ends as %s", s)
		}
	}
}
