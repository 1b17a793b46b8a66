package approvals

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/audit"
	"clawconsole/openclaw"
)

// Claim decides a case, as it was shown, in the name of whom g was given to. When
// it returns nil the decision is in the ledger and nobody else can decide any
// more; nothing was sent yet, which is what Send is for. An allowing decision is
// about the call that was shown and about no other; a denial is about whatever the
// call is by now. Errors: ErrUnknown, ErrEnded, ErrHeld, ErrSending, ErrOverdue,
// ErrOffered, ErrChanged, ErrTooLong, ErrObscured, ErrUnrecorded, *auth.Refusal. It does not ask
// the gateway.
func (b *Broker) Claim(g auth.Grant, shown Case, d openclaw.Decision, reason string) (Case, error) {
	by, err := b.admitted(g)
	if err != nil {
		return Case{}, err
	}
	if d != openclaw.Deny {
		switch c, ok := b.get(shown.Key); {
		case !ok:
			return c, ErrUnknown
		case c.State.Final():
			return c, ErrEnded
		case d == openclaw.AllowAlways && !b.AllowAlways:
			return c, ErrOffered
		case !c.Look.Taken && b.Read != nil:
			return c, ErrObscured // the gateway has not announced it again yet
		case c.Look.Bar != "":
			return c, c.Look.Bar.err()
		}
	}
	return b.apply(shown.Key, decided{by: by, what: d, digest: shown.Digest, reason: clean(reason), at: time.Now()})
}

// Refuse begins a denial: from now on nobody can approve, and until a minute has
// passed the same person may say why (Reason). at is the prompt at which they do
// it. Errors as of Claim.
func (b *Broker) Refuse(g auth.Grant, key string, at Spot) (Case, error) {
	by, err := b.admitted(g)
	if err != nil {
		return Case{}, err
	}
	return b.apply(key, refusing{by: by, at: time.Now(), spot: at})
}

// Question remembers the message that asks for a reason in words.
func (b *Broker) Question(key string, message int64) error {
	_, err := b.apply(key, questioned{message})
	return err
}

// Reason ends the wait of Refuse; Send sends the denial. Errors as of Claim, and
// ErrHeld if it was somebody else who denies.
func (b *Broker) Reason(g auth.Grant, key, reason string) (Case, error) {
	by, err := b.admitted(g)
	if err != nil {
		return Case{}, err
	}
	return b.apply(key, reasoned{by: by, text: clean(reason), at: time.Now()})
}

// admitted returns who decides. It waits until Run has read the ledger.
func (b *Broker) admitted(g auth.Grant) (Person, error) {
	<-b.ready
	return grantOf(g)
}

// clean makes one line of a reason.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if r := []rune(s); len(r) > maxReason {
		s = string(r[:maxReason]) + " …"
	}
	return s
}

// Send begins to send what was claimed. It does not block: how it ends is seen
// by the prompts and by Wait.
func (b *Broker) Send(key string) { b.send(key, false) }

// Wait blocks until done says that the case has come where it should, or ctx
// ends, and returns it as it is then.
func (b *Broker) Wait(ctx context.Context, id string, done func(Case) bool) (Case, error) {
	for {
		b.mu.Lock()
		var c Case
		now, ok := b.cases[b.keys[id]]
		if ok {
			c = *now
		}
		watch := b.watch
		b.mu.Unlock()
		if ok && done(c) {
			return c, nil
		}
		select {
		case <-ctx.Done():
			if !ok {
				return c, fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
			}
			return c, context.Cause(ctx)
		case <-watch:
		}
	}
}

// Decide is Claim, Send and Wait in one: it blocks until the gateway's record
// tells how the case ended, the decision turned out not to have been sent (the
// case is open then, with a Note), or ctx ends.
func (b *Broker) Decide(ctx context.Context, g auth.Grant, shown Case, d openclaw.Decision, reason string) (Case, error) {
	c, err := b.Claim(g, shown, d, reason)
	if err != nil {
		return c, err
	}
	b.Send(c.Key)
	return b.Wait(ctx, c.Approval.ID, func(c Case) bool { return c.State.Final() || c.Step != Sending })
}

// send sends the claims of a case, of which there may be more than one as long as
// none arrives. uncertain says that the first may have been sent before.
func (b *Broker) send(key string, uncertain bool) {
	b.mu.Lock()
	busy := b.sending[key]
	b.sending[key] = true
	b.mu.Unlock()
	if busy {
		return
	}
	b.spawn(func() {
		for b.claimed(key) {
			b.sendClaim(key, uncertain)
			uncertain = false
		}
	})
}

// claimed reports whether there is a claim to send. If there is none, its caller is
// no longer the sender of that case.
func (b *Broker) claimed(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.cases[key]; c != nil && c.State == Pending && c.Step == Sending && b.ctx.Err() == nil {
		return true
	}
	delete(b.sending, key)
	return false
}

// beingSent reports whether the case has a sender, who then hears best how it ends.
func (b *Broker) beingSent(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sending[key]
}

// sendClaim sends the claim of a case until the gateway's record says how it ended,
// or it is known not to have arrived.
func (b *Broker) sendClaim(key string, uncertain bool) {
	first, _ := b.get(key)
	recorded := uncertain
	said := ""
	for wait := 250 * time.Millisecond; b.ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		c, ok := b.get(key)
		if !ok || c.State.Final() || c.Step != Sending || !c.Claim.is(first.Claim) {
			return
		}
		var err error
		if !recorded {
			err = b.recordClaim(c)
			recorded = err == nil
		}
		if err == nil || c.Claim.Decision == openclaw.Deny {
			var maybe bool
			maybe, err = b.attempt(c, uncertain)
			uncertain = uncertain || maybe
		}
		if err != nil && err.Error() != said && b.ctx.Err() == nil {
			said = err.Error()
			b.log.Warn("decision not confirmed", "approval", c.Approval.ID, "decision", string(c.Claim.Decision), "operator", c.Claim.By.Name, "err", err)
		}
		if c, _ := b.get(key); c.Step != Sending || !b.pause(wait) {
			return
		}
	}
}

// recordClaim puts on record what is about to be sent. An approval that cannot be
// recorded is not sent, and open again.
func (b *Broker) recordClaim(c Case) error {
	err := b.Record(b.ctx, Record{
		Event: audit.ApprovalDecided, Case: c, By: c.Claim.By,
		Result: "sending " + string(c.Claim.Decision), Reason: c.Claim.Reason,
	})
	b.note("record", err)
	if err == nil {
		return nil
	}
	return errors.Join(err, b.takeBack(c, "The decision could not be recorded, so it was not sent."))
}

// takeBack opens a case whose approval was not sent.
func (b *Broker) takeBack(c Case, why string) error {
	if _, err := b.apply(c.Key, unsent{why}); err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	return nil
}

// attempt tries once. It reports whether the gateway may have got the decision
// without our knowing.
func (b *Broker) attempt(c Case, uncertain bool) (maybe bool, err error) {
	allow := c.Claim.Decision != openclaw.Deny
	if uncertain || !allow {
		// It may have ended, and what ended is not decided again.
		err := b.settle(b.ctx, c.Key)
		if now, _ := b.get(c.Key); now.State.Final() {
			return uncertain, nil
		}
		if err != nil && !errors.Is(err, openclaw.ErrDraining) {
			return uncertain, err
		}
	}
	if allow {
		if uncertain && time.Since(c.Claim.At) > resendFor {
			return true, b.takeBack(c, fmt.Sprintf("%s's decision did not reach the gateway. Decide again.", c.Claim.By.Name))
		}
		if err := b.stillListed(c); err != nil {
			return uncertain, b.notListed(c, uncertain, err)
		}
	}
	res, err := b.Gateway.ResolveApproval(b.ctx, c.Claim.By.Name, c.Approval.ID, c.Approval.Kind, c.Claim.Decision)
	switch {
	case err == nil:
		return true, b.recordedAs(c.Key, res.Record, res.Applied)
	case errors.Is(err, openclaw.ErrNotFound):
		return false, b.recordedAs(c.Key, openclaw.ApprovalRecord{Status: openclaw.ApprovalCancelled, Reason: "gone"}, false)
	case errors.Is(err, openclaw.ErrNotOffered):
		signal(b.look)
		return false, errors.Join(err, b.takeBack(c, notOffered))
	case openclaw.NotSent(err):
		return uncertain, errors.Join(err, b.takeBack(c, notReached))
	}
	return true, err
}

// Why a decision was not sent, for people.
const (
	notOffered = "The gateway does not offer that decision."
	notReached = "Not sent: the gateway could not be reached. Try again when it is back."
	notThere   = "Not sent: the gateway does not list this call any more."
	notSame    = "Not sent: the call has changed. Look at it again."
)

// stillListed returns nil if the gateway lists the call that was shown to whoever
// allowed it and offers that decision, or lists nothing because it drains; its
// events still come then. Errors: ErrChanged, ErrOffered, [openclaw.ErrNotFound] if
// it lists no call or a later one under that ID, and those of the list.
func (b *Broker) stillListed(c Case) error {
	if c.Digest != c.Claim.Digest {
		return ErrChanged
	}
	a, err := b.Gateway.ListedApproval(b.ctx, c.Approval.Kind, c.Approval.ID)
	switch {
	case errors.Is(err, openclaw.ErrDraining):
		return nil
	case err != nil:
		return err
	case keyOf(a) != c.Key:
		return openclaw.ErrNotFound
	case digest(a) != c.Claim.Digest:
		return ErrChanged
	case !a.Offers(c.Claim.Decision):
		return ErrOffered
	}
	return nil
}

// notListed does what follows when an approval cannot be sent for err.
func (b *Broker) notListed(c Case, uncertain bool, err error) error {
	switch {
	case errors.Is(err, ErrChanged):
		signal(b.look)
		return errors.Join(err, b.takeBack(c, notSame))
	case errors.Is(err, ErrOffered):
		signal(b.look)
		return errors.Join(err, b.takeBack(c, notOffered))
	case errors.Is(err, openclaw.ErrNotFound):
		if err := b.settle(b.ctx, c.Key); err != nil {
			return err
		}
		return b.takeBack(c, notThere) // unless that has ended it
	case uncertain:
		return err
	}
	return errors.Join(err, b.takeBack(c, notReached))
}

// An Action is what a button of a prompt does.
type Action string

// Actions of buttons. The last ones are for the person who denies.
const (
	AllowOnce   Action = "allow-once"
	AllowAlways Action = "allow-always"
	Deny        Action = "deny"
	WrongTarget Action = "wrong target"
	NotNow      Action = "not now"
	LooksUnsafe Action = "looks unsafe"
	Other       Action = "other"
)

var actions = []Action{AllowOnce, AllowAlways, Deny, WrongTarget, NotNow, LooksUnsafe, Other}

// Prefix begins the data of every button of a prompt.
const Prefix = "a:"

// Button returns the data of a button under a prompt that shows v: opaque, and
// good for exactly these calls with these arguments. If one of them changes, or
// another call joins, the same action has other data.
func (v View) Button(a Action) string { return button(v[0].Token, a, v.mark()) }

// mark stands for the calls of v and their arguments.
func (v View) mark() string {
	var s strings.Builder
	for _, c := range v {
		fmt.Fprintf(&s, "%s %s\n", c.Key, c.Digest)
	}
	return s.String()
}

func button(token string, a Action, mark string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", token, a, mark))
	return Prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// find returns what a button under a prompt that shows v means, and for how many of
// the calls it was: others may have joined since.
func (v View) find(data string) (a Action, calls int, ok bool) {
	for n := len(v); n > 0; n-- {
		mark := v[:n].mark()
		for _, a := range actions {
			if button(v[0].Token, a, mark) == data {
				return a, n, true
			}
		}
	}
	return "", 0, false
}

// A Pressed is what the press of a button means.
type Pressed struct {
	Action Action
	View   View // of the prompt, as it is now
	Calls  int  // how many of them the button was for
}

// Errors of Press, beside ErrUnknown.
var (
	// ErrForged means that the prompt has no such button.
	ErrForged = errors.New("no such button")
	// ErrElsewhere means that the button belongs to another message.
	ErrElsewhere = errors.New("button of another message")
	// ErrArriving means that the prompt is still being sent: the person has it before
	// we know that it has arrived, so that the message may be it.
	ErrArriving = errors.New("prompt is still being sent")
	// ErrRewritten means that the message did not say what we had it say: somebody else
	// who can edit it wants a press to mean another thing.
	ErrRewritten = errors.New("prompt was rewritten by somebody else")
)

// Press finds out what the press of a button means, without doing anything. print is
// the hash of what the message said; empty: not known. A denial counts whatever it
// said. When the message is a prompt its View is returned with ErrForged, ErrChanged
// and ErrRewritten too;
// with ErrElsewhere it is returned if a prompt in the same chat has that button, so
// that the message is likely a copy of which we never heard that it had arrived.
//
// A press can be here before the answer to the message that bears the button. Press
// waits a moment for it, then returns ErrArriving.
func (b *Broker) Press(ctx context.Context, at Spot, data, print string) (Pressed, error) {
	<-b.ready
	for range arrivingFor / arrivingEvery {
		p, err := b.press(ctx, at, data, print)
		if !errors.Is(err, ErrArriving) || !b.sleep(arrivingEvery) {
			return p, err
		}
	}
	return b.press(ctx, at, data, print)
}

// How long a press waits for its message to have arrived.
const (
	arrivingFor   = 2 * time.Second
	arrivingEvery = 20 * time.Millisecond
)

func (b *Broker) press(ctx context.Context, at Spot, data, print string) (Pressed, error) {
	leader := b.promptAt(ctx, at)
	if leader == "" {
		owner := b.owner(data)
		if owner == "" {
			return Pressed{}, ErrUnknown
		}
		for _, p := range b.promptsOf(owner) {
			switch {
			case p.ChatID != at.Chat:
			case p.MessageID == 0, p.MessageID == at.Message: // it may have arrived while we looked
				return Pressed{}, ErrArriving
			default:
				return Pressed{View: b.view(owner)}, ErrElsewhere
			}
		}
		return Pressed{}, ErrElsewhere
	}
	v := b.view(leader)
	if len(v) == 0 {
		return Pressed{}, ErrUnknown
	}
	if a, n, ok := v.find(data); ok {
		if a == AllowOnce || a == AllowAlways {
			if err := b.said(leader, at, print); err != nil {
				return Pressed{View: v}, err
			}
		}
		return Pressed{Action: a, View: v, Calls: n}, nil
	}
	if v[0].Changed {
		return Pressed{View: v}, ErrChanged
	}
	return Pressed{View: v}, ErrForged
}

// said returns nil if a prompt has said, by our doing, what has that print.
func (b *Broker) said(leader string, at Spot, print string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.prompts[leader] {
		if p.ChatID != at.Chat || p.MessageID != at.Message || p.Prints == "" || print == "" || slices.Contains(strings.Fields(p.Prints), print) {
			continue
		}
		if _, busy := b.painting[leader]; busy {
			return ErrArriving // it may say by now what we are about to hear that it says
		}
		return ErrRewritten
	}
	return nil
}

// promptAt returns the leader whose prompt a message is, or "". A prompt of long
// ago is taken into memory again.
func (b *Broker) promptAt(ctx context.Context, at Spot) string {
	b.mu.Lock()
	leader := b.spots[at]
	b.mu.Unlock()
	if leader != "" {
		return leader
	}
	p, err := b.Ledger.PromptAt(ctx, at.Chat, at.Message)
	if err != nil {
		return ""
	}
	group, err := b.group(ctx, p.Approval)
	if err != nil || len(group) == 0 {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range group {
		if _, ok := b.cases[c.Key]; !ok {
			b.enter(c, nil)
		}
	}
	b.enterPrompts(p)
	return p.Approval
}

// owner returns the leader of the cases whose button data is of, or "".
func (b *Broker) owner(data string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for leader := range b.groups {
		if v := b.viewed(leader); len(v) > 0 {
			if _, _, ok := v.find(data); ok {
				return leader
			}
		}
	}
	return ""
}

// Questioner returns the case whose question in words a message is.
func (b *Broker) Questioner(at Spot) (Case, bool) {
	<-b.ready
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.cases {
		if c.Question != 0 && c.Question == at.Message && c.AskedAt.Chat == at.Chat {
			return *c, true
		}
	}
	return Case{}, false
}

// Repaint makes all prompts of a case show what is true, if they do not.
func (b *Broker) Repaint(v View) {
	if len(v) == 0 {
		return
	}
	b.mu.Lock()
	for i := range b.prompts[v[0].Leader] {
		b.prompts[v[0].Leader][i].Shown = 0
	}
	b.mu.Unlock()
	b.repaint(v[0].Leader)
}

// Direct says that the approval with that ID, which is about to be raised, is
// asked of one place only.
func (b *Broker) Direct(id string, to Place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.direct[id] = to
}

// Group returns the cases that share the prompts of one, itself included.
func (b *Broker) Group(key string) View {
	c, ok := b.get(key)
	if !ok {
		return nil
	}
	return b.view(c.Leader)
}

// Case returns one case, if it is open or ended lately.
func (b *Broker) Case(key string) (Case, bool) { return b.get(key) }

// Open returns the cases that are pending, oldest first.
func (b *Broker) Open() []Case {
	<-b.ready
	return b.open()
}

// Find returns the cases whose approval's ID is id or begins with it: the exact
// one alone, else the pending ones, else those that ended lately.
func (b *Broker) Find(ctx context.Context, id string) []Case {
	<-b.ready
	var pending, ended []Case
	seen := make(map[string]bool)
	look := func(c Case) (exact bool) {
		rest, _ := strings.CutPrefix(c.Approval.ID, string(c.Approval.Kind)+":")
		switch {
		case id == "" || seen[c.Key]:
		case c.Approval.ID == id:
			pending, ended = []Case{c}, nil
			return true
		case strings.HasPrefix(c.Approval.ID, id), strings.HasPrefix(rest, id):
			seen[c.Key] = true
			if c.State.Final() {
				ended = append(ended, c)
			} else {
				pending = append(pending, c)
			}
		}
		return false
	}
	all := b.sorted()
	slices.Reverse(all) // the newest of those that share an ID
	if slices.ContainsFunc(all, func(c *Case) bool { return look(*c) }) {
		return pending
	}
	if len(pending) == 0 {
		rows, err := b.Ledger.RecentApprovals(ctx, 1000)
		b.note("ledger", err)
		for _, row := range rows {
			if c, err := decodeCase(row); err == nil && look(c) {
				return pending
			}
		}
	}
	if len(pending) > 0 {
		slices.Reverse(pending)
		return pending
	}
	return ended
}
