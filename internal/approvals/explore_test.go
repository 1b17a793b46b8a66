package approvals

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/state"
	"clawconsole/openclaw"
)

// A world is everything that takes part in one approval: the gateway, the console
// with its ledger, the prompt, two people, and what is on its way between them.
// It is a value, so that every interleaving can be walked. What the console does is
// done by a Broker's own code, made for each move, see stage.
type world struct {
	// The gateway.
	status openclaw.ApprovalStatus
	call   string // that it would run
	by     string // who decided
	event  bool   // that it has ended is on its way
	news   bool   // that the call has changed is on its way
	onWay  openclaw.Decision
	whose  string // decision is on its way

	// The console. In a crash c comes back as the ledger has it.
	c         Case
	up        bool // the socket
	calling   bool // the sender waits for an answer
	uncertain bool // the sender does not know whether it has sent

	// The prompt: what people see.
	shown   bool
	seen    Case
	showsIt bool // the newest

	clock  int // 0: just asked, 1: a minute later, 2: expired
	budget [nMoves]int8

	// Ghosts, which nobody in the world knows.
	denied bool   // a denial was accepted
	read   string // digest of what was before whoever allowed it last
	wrong  string // what must never be has happened
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
	attemptLost
	arrive
	gExpires
	gAllows
	gDenies
	gRestarts
	gChanges
	hear
	hearChange
	look
	socketDies
	socketUp
	crash
	nMoves
)

var moveNames = [nMoves]string{"show", "unreachable", "paint", "A allows", "B allows", "A denies", "B denies", "A says why", "B says why",
	"B denies by command", "time passes", "attempt", "attempt without an answer", "arrives", "gateway expires it", "allowed elsewhere", "denied elsewhere", "gateway restarts",
	"gateway changes it", "end heard", "change heard", "console looks", "socket dies", "socket up", "console restarts"}

// often bounds how often what could go on forever may happen.
var often = [nMoves]int8{allowA: 2, allowB: 1, denyA: 1, denyB: 1, reasonA: 1, reasonB: 1, nowDenyB: 1, attemptLost: 1, gRestarts: 1, gChanges: 1, look: 1, socketDies: 1, crash: 1}

// amid are the moves that can happen while the sender waits for the gateway's answer,
// before the decision counts and after it, and between the look at a press and its swap.
var amid = struct{ before, after, pressed []move }{
	[]move{gAllows, gDenies, gExpires, gChanges, nowDenyB, allowB},
	[]move{hear, look, tickTock, nowDenyB, allowB},
	[]move{hearChange, hear, tickTock, nowDenyB, allowB, denyB},
}

var (
	born   = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	clocks = []time.Time{born, born.Add(hold + time.Second), born.Add(31 * time.Minute)}
	a, b   = Person{1, "alice"}, Person{2, "bob"}
)

func newWorld() world {
	w := world{status: openclaw.ApprovalPending, call: "deploy --token s3cret", up: true}
	w.c = Case{
		Key: keyOf(w.announced()), Version: 1, State: Pending, Step: Open, Shows: 1, Token: "t",
		Approval: w.announced(), Digest: digest(w.announced()), SeenAt: born,
	}
	w.c.Leader = w.c.Key
	return w
}

func (w world) now() time.Time { return clocks[w.clock] }

// announced is the call as the gateway has it.
func (w world) announced() openclaw.Approval {
	return openclaw.Approval{
		ID: "id", Kind: openclaw.KindExec, Command: w.call, Request: fmt.Appendf(nil, `{"command":%q}`, w.call),
		AllowedDecisions: []openclaw.Decision{openclaw.AllowOnce, openclaw.Deny},
		CreatedAt:        born, ExpiresAt: born.Add(30 * time.Minute),
	}
}

// A stage is the gateway and the ledger for the Broker that makes one move.
type stage struct {
	w             *world
	lost          bool // the answer to a decision
	before, after move // while a decision is on its way; nMoves: nothing
}

// broker returns a Broker that knows what the console knows. It starts nothing of its
// own.
func (st *stage) broker() *Broker {
	br := New(Config{
		Gateway: st, Ledger: &exploredLedger{w: st.w}, Record: func(context.Context, Record) error { return nil },
		Hide: hideSecret,
	})
	br.ctx, br.stopped = context.Background(), true
	close(br.ready)
	br.enter(st.w.c, []state.Prompt{{Approval: st.w.c.Key, ChatID: 1, MessageID: 1}})
	if st.w.calling {
		br.sending[st.w.c.Key] = true
	}
	return br
}

func hideSecret(s string) string { return strings.ReplaceAll(s, "s3cret", "[redacted]") }

// with has a Broker do something, and keeps what it knows then.
func (w *world) with(st *stage, f func(br *Broker)) {
	st.w = w
	shows := w.c.Shows
	br := st.broker()
	f(br)
	if c, ok := br.get(w.c.Key); ok && c.Version >= w.c.Version {
		w.c = c
	}
	if w.c.Shows != shows {
		w.showsIt = false
	}
	if w.c.Step != Sending {
		w.uncertain = false
	}
}

func (w *world) apply(in input) (err error) {
	w.with(&stage{}, func(br *Broker) { _, err = br.apply(w.c.Key, in) })
	return err
}

func (st *stage) Name() string { return "clawconsole" }

func (st *stage) State() openclaw.State {
	if st.w.up {
		return openclaw.State{Phase: openclaw.Connected}
	}
	return openclaw.State{Phase: openclaw.Down}
}

func (st *stage) away() error {
	if st.w.up {
		return nil
	}
	return openclaw.ErrDown
}

func (st *stage) ListApprovals(context.Context) (list []openclaw.Approval, err error) {
	if st.w.status == openclaw.ApprovalPending {
		list = append(list, st.w.announced())
	}
	return list, st.away()
}

func (st *stage) ListedApproval(context.Context, openclaw.ApprovalKind, string) (openclaw.Approval, error) {
	if err := st.away(); err != nil || st.w.status != openclaw.ApprovalPending {
		return openclaw.Approval{}, cmp.Or(err, openclaw.ErrNotFound)
	}
	return st.w.announced(), nil
}

func (st *stage) GetApproval(context.Context, string) (openclaw.ApprovalRecord, error) {
	return st.w.record(), st.away()
}

func (w *world) record() openclaw.ApprovalRecord {
	r := openclaw.ApprovalRecord{Status: w.status, Resolver: w.by, ResolvedAt: w.now(), CreatedAt: born}
	switch w.status {
	case openclaw.ApprovalAllowed:
		r.Decision, r.Reason = openclaw.AllowOnce, "user"
	case openclaw.ApprovalDenied:
		r.Decision, r.Reason = openclaw.Deny, "user"
	}
	return r
}

func (st *stage) ResolveApproval(_ context.Context, person, _ string, _ openclaw.ApprovalKind, d openclaw.Decision) (openclaw.Resolution, error) {
	if err := st.away(); err != nil {
		return openclaw.Resolution{}, err
	}
	switch {
	case d != openclaw.Deny && st.w.denied:
		st.w.wrong = "an approval is sent after a denial"
	case d != openclaw.Deny && digest(st.w.announced()) != st.w.read:
		st.w.wrong = "an approval is sent for another call than was read"
	}
	st.w.onWay, st.w.whose = d, "clawconsole: "+person
	if st.lost {
		return openclaw.Resolution{}, openclaw.ErrLost
	}
	st.w.calling = true
	st.w.meanwhile(st.before)
	applied := st.w.arrive()
	st.w.meanwhile(st.after)
	st.w.calling = false
	return openclaw.Resolution{Applied: applied, Record: st.w.record()}, nil
}

// arrive lets a decision that is on its way arrive.
func (w *world) arrive() (applied bool) {
	d := w.onWay
	w.onWay = ""
	if w.status != openclaw.ApprovalPending {
		return false
	}
	w.by = w.whose
	if d == openclaw.Deny {
		w.end(openclaw.ApprovalDenied, true)
	} else {
		w.end(openclaw.ApprovalAllowed, true)
	}
	return true
}

// meanwhile makes a move, if it can be made now.
func (w *world) meanwhile(m move) {
	if m == nMoves {
		return
	}
	if next, ok := w.do(m); ok {
		*w = next
	}
}

func (st *stage) Tell(context.Context, string, string, string) error { return nil }

func (st *stage) Follow(context.Context, string) (func(), error) { return func() {}, nil }

// An exploredLedger holds the one case of a world.
type exploredLedger struct {
	Ledger
	w *world
}

func (l *exploredLedger) SwapApproval(_ context.Context, was int64, row state.Approval) (err error) {
	if was != l.w.c.Version {
		return state.ErrStale
	}
	row.Version = was + 1
	l.w.c, err = decodeCase(row)
	return err
}

func (l *exploredLedger) Approval(context.Context, string) (state.Approval, error) {
	b := Broker{Config: Config{Hide: hideSecret}}
	return b.hidden(l.w.c).row(), nil
}

func (l *exploredLedger) SavePrompt(context.Context, state.Prompt) error { return nil }

func (w *world) end(s openclaw.ApprovalStatus, event bool) {
	w.status, w.event, w.news = s, event && w.up, false
}

// press presses a button as it is under the prompt. Between the look at it and the swap
// another move is made; nMoves: none.
func (w *world) press(button Action, amid move, do func(c Case) input) (pressed bool) {
	if !w.shown || !w.seen.Live() {
		return false
	}
	w.with(&stage{}, func(br *Broker) {
		p, err := br.press(context.Background(), Spot{1, 1}, View{w.seen}.Button(button), "")
		if err != nil {
			return
		}
		w.meanwhile(amid)
		if _, err := br.apply(w.c.Key, do(p.View[0])); err != nil {
			return
		}
		if button == Deny {
			w.denied = true
		} else {
			w.read = w.seen.Digest
		}
	})
	return true
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
	deny := func(who Person) (world, bool) {
		ok := w.press(Deny, nMoves, func(Case) input { return refusing{by: who, at: w.now()} })
		return w, ok
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
		return w.allow(a, nMoves)
	case allowB:
		return w.allow(b, nMoves)
	case denyA:
		return deny(a)
	case denyB:
		return deny(b)
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
			w.wrong = "somebody else's reason was taken"
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
	case attempt, attemptLost:
		return w.try(stage{lost: m == attemptLost, before: nMoves, after: nMoves})
	case arrive:
		if w.onWay == "" || w.calling {
			return w, false
		}
		w.arrive()
	case gExpires:
		if !pending || w.clock < 2 {
			return w, false
		}
		w.end(openclaw.ApprovalExpired, true)
	case gAllows, gDenies:
		if !pending {
			return w, false
		}
		w.by = "control-ui"
		if m == gAllows {
			w.end(openclaw.ApprovalAllowed, true)
		} else {
			w.end(openclaw.ApprovalDenied, true)
		}
	case gRestarts:
		if pending {
			w.end(openclaw.ApprovalCancelled, false)
		}
		w.onWay = "" // what was on its way is lost
		w.lose()
	case gChanges:
		if !pending {
			return w, false
		}
		w.call, w.news = "drop database --token s3cret", w.up
	case hear:
		if !w.event || !w.up {
			return w, false
		}
		w.event = false
		w.with(&stage{}, func(br *Broker) { br.resolved(openclaw.ApprovalResolved{ID: "id"}) })
	case hearChange:
		if !w.news || !w.up {
			return w, false
		}
		w.news = false
		w.with(&stage{}, func(br *Broker) { br.requested(w.announced()) })
	case look:
		if !w.up {
			return w, false
		}
		w.compare()
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
		w.compare()
	case crash:
		w.lose()
		w.with(&stage{}, func(br *Broker) {
			c, err := decodeCase(br.hidden(w.c).row())
			if err != nil {
				w.wrong = err.Error()
			}
			c.Version = w.c.Version
			br.cases[c.Key] = &c
		})
		w.uncertain = w.c.Step == Sending
	}
	return w, true
}

// allow has somebody press Allow once.
func (w world) allow(who Person, amid move) (world, bool) {
	ok := w.press(AllowOnce, amid, func(c Case) input {
		return decided{by: who, what: openclaw.AllowOnce, digest: c.Digest, at: w.now()}
	})
	return w, ok
}

// try has the sender make an attempt.
func (w world) try(st stage) (world, bool) {
	if w.c.State.Final() || w.c.Step != Sending || w.calling || !w.up && w.uncertain {
		return w, false
	}
	w.with(&st, func(br *Broker) {
		maybe, _ := br.attempt(w.c, w.uncertain)
		w.uncertain = w.uncertain || maybe
	})
	return w, true
}

func (w *world) compare() {
	w.with(&stage{}, func(br *Broker) { _ = br.compare(context.Background()) })
}

func (w *world) lose() { w.up, w.event, w.news = false, false, false }

var meaning = map[State]openclaw.ApprovalStatus{
	Approved: openclaw.ApprovalAllowed, Denied: openclaw.ApprovalDenied,
	Expired: openclaw.ApprovalExpired, Cancelled: openclaw.ApprovalCancelled,
}

// check returns what must never be, in w as it has become from before.
func (w world) check(before world) error {
	switch {
	case w.wrong != "":
		return errors.New(w.wrong)
	case before.c.State.Final() && (w.c.State != before.c.State || w.c.Claim != before.c.Claim || w.c.End != before.c.End):
		return fmt.Errorf("it was %s and is %s", before.c.State, w.c.State)
	case w.shown && w.seen.State.Final() && w.seen.State != Undeliverable && meaning[w.seen.State] != w.status:
		return fmt.Errorf("shown as %s, the gateway says %s", w.seen.State, w.status)
	case w.denied && !w.c.State.Final() && (w.c.Step == Open || w.c.Claim.Decision != openclaw.Deny):
		return fmt.Errorf("after a denial it is %s with %q", w.c.Step, w.c.Claim.Decision)
	case w.c.End.Ours && (w.c.Claim.By == (Person{}) || w.by != "clawconsole: "+w.c.Claim.By.Name):
		return fmt.Errorf("it counts as decided by %q, the gateway says %q", w.c.Claim.By.Name, w.by)
	case !w.c.State.Final() && w.budget[crash] == before.budget[crash] && strings.Contains(before.c.Approval.Command, "s3cret") && !strings.Contains(w.c.Approval.Command, "s3cret"):
		return errors.New("memory has no more than the ledger, without a crash")
	case w.c.State == Approved && w.c.End.Ours && w.denied:
		return errors.New("after a denial it is approved, by us")
	case w.c.State.Final() && strings.HasPrefix(w.by, "clawconsole: ") && !w.c.End.Ours && w.by == "clawconsole: "+w.c.Claim.By.Name && w.c.Claim.Decision == w.c.End.Decision:
		return fmt.Errorf("%s decided, and it counts as decided elsewhere", w.c.Claim.By.Name)
	}
	return nil
}

// rest lets everything come to an end that can, and checks that it is the truth.
func (w world) rest() error {
	for range 100 {
		moved := false
		for _, m := range []move{show, socketUp, arrive, hear, hearChange, attempt, paint, tickTock, gExpires} {
			if m == show && w.c.State == Undeliverable {
				continue
			}
			if next, ok := w.do(m); ok {
				if m == attempt && next.c.Step == Sending && next.uncertain == w.uncertain {
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
		return fmt.Sprint(c.State, c.Step, c.Claim.By.ID, c.Claim.Decision, c.Claim.Digest, c.Claim.At.Unix(), c.Claim.Reason != "", c.Until.Unix(), c.End.Ours, c.Digest, c.Changed)
	}
	return fmt.Sprint(w.status, w.call, w.by, w.event, w.news, w.onWay, w.whose, core(w.c), strings.Contains(w.c.Approval.Command, "s3cret"), w.up, w.uncertain,
		w.shown, core(w.seen), w.showsIt, w.clock, w.budget, w.denied, w.read)
}

// An option is a move that can be made, and what becomes of the world.
type option struct {
	w    world
	name string
}

func options(w world) (all []option) {
	for m := range nMoves {
		if next, ok := w.do(m); ok {
			all = append(all, option{next, moveNames[m]})
		}
	}
	for _, m := range amid.pressed {
		if next, ok := w.allow(a, m); ok {
			all = append(all, option{next, "A allows, before the swap " + moveNames[m]})
		}
	}
	for _, m := range amid.before {
		if next, ok := w.try(stage{before: m, after: nMoves}); ok {
			all = append(all, option{next, "attempt, before it counts " + moveNames[m]})
		}
	}
	for _, m := range amid.after {
		if next, ok := w.try(stage{before: nMoves, after: m}); ok {
			all = append(all, option{next, "attempt, before it is answered " + moveNames[m]})
		}
	}
	return all
}

// TestEveryInterleaving walks all orders in which up to depth of the moves above can
// happen, one or two of them while a decision is on its way.
func TestEveryInterleaving(t *testing.T) {
	const depth = 6
	type step struct {
		w    world
		path []string
	}
	known := map[string]bool{newWorld().key(): true}
	front := []step{{w: newWorld()}}
	ends := make(map[State]int)
	worlds, moves := 1, 0
	fail := func(s step, err error) {
		t.Fatalf("%v\nafter: %s", err, strings.Join(s.path, ", "))
	}
	for d := range depth {
		var next []step
		for _, s := range front {
			for _, o := range options(s.w) {
				moves++
				w := o.w
				n := step{w, append(s.path[:len(s.path):len(s.path)], o.name)}
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
