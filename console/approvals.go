package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/approvals"
	"clawconsole/internal/audit"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

// DeskConfig is what a Desk works with. All but the fields marked optional are
// needed.
type DeskConfig struct {
	Chat     Chat
	Gate     *auth.Gate
	Record   Recorder
	Redactor *redact.Redactor

	Gateway approvals.Gateway
	Ledger  approvals.Ledger

	Routes      []approvals.Route // optional: every operator who may approve is asked, in private
	AllowAlways bool              // offer "Always", to those who are unlocked
	Name        string            // of the gateway, shown after "@": "local"
	Log         *slog.Logger      // optional
}

// A Desk is where approvals meet people: it shows prompts, and takes presses and
// reasons. Run makes it work. It implements [Approvals].
type Desk struct {
	DeskConfig
	log    *slog.Logger
	broker *approvals.Broker

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before
	stopped bool
	wg      sync.WaitGroup
	whole   map[string]bool                  // documents that were sent, by prompt and digest
	told    map[string]bool                  // what was announced
	asked   map[approvals.Spot]chan struct{} // by prompt: a question is on its way; closed when it has arrived
}

var (
	_ Approvals          = (*Desk)(nil)
	_ approvals.Prompter = (*Desk)(nil)
)

// NewDesk returns a Desk.
func NewDesk(c DeskConfig) *Desk {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	d := &Desk{DeskConfig: c, log: c.Log, whole: make(map[string]bool), told: make(map[string]bool), asked: make(map[approvals.Spot]chan struct{})}
	d.broker = approvals.New(approvals.Config{
		Gateway: c.Gateway, Ledger: c.Ledger, Prompter: d, Record: d.record, Default: d.approvers,
		Read: d.read, Moved: d.moved, Routes: c.Routes, AllowAlways: c.AllowAlways, Log: c.Log,
		Hide: func(s string) string { return c.Redactor.Text(s).String() },
	})
	return d
}

// Broker returns the approvals themselves, for commands.
func (d *Desk) Broker() *approvals.Broker { return d.broker }

// Run works until ctx ends and returns nil then. events are those of the gateway
// that [approvals.Wanted] selects.
func (d *Desk) Run(ctx context.Context, events <-chan openclaw.Event) error {
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	err := d.broker.Run(ctx, events)
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.wg.Wait()
	return err
}

// spawn runs f with the context of Run, unless that has ended or not begun.
func (d *Desk) spawn(f func(ctx context.Context)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || d.stopped {
		return
	}
	ctx := d.ctx
	d.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		f(ctx)
	})
}

// approvers is who is asked when no route says otherwise.
func (d *Desk) approvers() (places []approvals.Place) {
	for _, op := range d.Gate.Operators() {
		if op.Can(auth.Approve) {
			places = append(places, approvals.Place{Chat: op.ID})
		}
	}
	return places
}

// record puts what the broker has to say on record, redacted.
func (d *Desk) record(ctx context.Context, r approvals.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	a := r.Case.Approval
	_, err := d.Record.Append(ctx, audit.Record{
		Event: r.Event, OperatorID: r.By.ID, Operator: r.By.Name, ChatID: r.Place.Chat, TopicID: r.Place.Topic,
		Approval: a.ID, Command: d.Redactor.Text(cmp.Or(a.Command, a.Title)), Class: auth.Approve.String(),
		Result: r.Result, Reason: d.Redactor.Text(r.Reason), Digest: r.Case.Digest,
	})
	return err
}

// answer ends a press. It does not wait.
func (d *Desk) answer(p Press, note redact.Text, alert bool) {
	d.spawn(func(ctx context.Context) {
		if err := d.Chat.Answer(ctx, p.ID, note, alert); err != nil {
			d.log.Info("press not answered", "chat", p.ChatID, "update", p.UpdateID, "err", err)
		}
	})
}

// stalePress is how old a press may be.
const stalePress = 2 * time.Minute

// old reports whether a press may be too old: it is handled only now, after a restart,
// or Telegram has kept it while we did not ask.
func old(p Press) bool {
	return since(p.ReceivedAt) > stalePress || !p.MadeAfter.IsZero() && since(p.MadeAfter) > stalePress
}

// Press implements [Approvals]. It never waits for the gateway or for Telegram.
func (d *Desk) Press(ctx context.Context, op auth.Operator, p Press) (taken bool) {
	if !strings.HasPrefix(p.Data, approvals.Prefix) {
		return false
	}
	note, alert, then := d.press(ctx, op, p)
	d.answer(p, note, alert)
	then()
	return true
}

// press does what a press asks for, up to what needs the gateway or Telegram. It
// returns what the presser is told, and what is to be done after that.
func (d *Desk) press(ctx context.Context, op auth.Operator, p Press) (note redact.Text, alert bool, then func()) {
	refuse := func(n redact.Text) (redact.Text, bool, func()) {
		d.log.Info("press refused", "operator", op.Name, "chat", p.ChatID, "update", p.UpdateID, "reason", n.String())
		return n, true, func() {}
	}
	if !op.Can(auth.Approve) {
		return refuse(redact.Literal("You do not have the right to decide approvals."))
	}
	at := approvals.Spot{Chat: p.ChatID, Message: p.MessageID}
	pressed, err := d.broker.Press(ctx, at, p.Data, p.Print)
	switch {
	case errors.Is(err, approvals.ErrElsewhere):
		if pressed.View != nil {
			d.spawn(func(ctx context.Context) {
				copied := Reply{Header: redact.Literal("A copy that was sent twice"), Hint: redact.Literal("Use the other one, or /pending.")}
				if err := d.Chat.Edit(ctx, Address{ChatID: p.ChatID, TopicID: p.TopicID}, p.MessageID, copied); err != nil {
					d.log.Info("copy of a prompt not corrected", "chat", p.ChatID, "err", err)
				}
			})
		}
		return refuse(redact.Literal("This button belongs to another message. Use the newest one."))
	case errors.Is(err, approvals.ErrArriving):
		return refuse(redact.Literal("A moment: this message is still on its way. Press again."))
	case errors.Is(err, approvals.ErrRewritten):
		d.log.Error("a prompt was rewritten by somebody else: the bot's token is in other hands", "chat", p.ChatID, "update", p.UpdateID)
		d.broker.Repaint(pressed.View)
		d.announce("rewritten", Reply{
			Header: redact.Literal("Somebody else has rewritten an approval's prompt"),
			Hint:   redact.Literal("They have the bot's token. Revoke it with @BotFather, and decide nothing here before."),
		})
		return refuse(redact.Literal("The console has not written what this message says, so nothing was decided. Somebody else has the bot's token: revoke it."))
	case errors.Is(err, approvals.ErrUnknown):
		return refuse(redact.Literal("This is not an open approval. /pending lists them."))
	case errors.Is(err, approvals.ErrChanged):
		d.broker.Repaint(pressed.View)
		return refuse(changed)
	case err != nil:
		d.broker.Repaint(pressed.View)
		return refuse(redact.Literal("This approval has no such button."))
	}
	deny := pressed.Action != approvals.AllowOnce && pressed.Action != approvals.AllowAlways
	if !deny && old(p) { // a denial is never too old
		return refuse(redact.Literal("This press is too old to count: the console was away. Press again."))
	}
	caller := auth.Caller{UserID: p.UserID, ChatID: p.ChatID, TopicID: p.TopicID, Private: p.Private}
	grant, err := d.Gate.Admit(caller, auth.Ask{Class: auth.Approve, StepUp: pressed.Action == approvals.AllowAlways, Denial: deny})
	if err != nil {
		return refuse(d.unadmitted(err))
	}

	cases := pressed.View[:pressed.Calls]
	var first error
	var done []approvals.Case
	for _, c := range cases {
		if c.State.Final() && len(cases) > 1 && !pressed.View.Over() {
			continue // what is left of the group is meant
		}
		var err error
		switch pressed.Action {
		case approvals.AllowOnce:
			c, err = d.broker.Claim(grant, c, openclaw.AllowOnce, "")
		case approvals.AllowAlways:
			c, err = d.broker.Claim(grant, c, openclaw.AllowAlways, "")
		case approvals.Deny:
			c, err = d.broker.Refuse(grant, c.Key, at)
		case approvals.Other:
			if c.State.Final() || c.Step != approvals.Asking {
				err = cmp.Or(ended(c), approvals.ErrSending)
			} else if c.Claim.By.ID != op.ID {
				err = approvals.ErrHeld
			}
		default:
			c, err = d.broker.Reason(grant, c.Key, string(pressed.Action))
		}
		if err != nil {
			if first == nil {
				first = err
				note = d.refusal(err, c)
			}
			continue
		}
		done = append(done, c)
	}
	if len(done) == 0 {
		d.broker.Repaint(pressed.View)
		return refuse(note)
	}
	switch pressed.Action {
	case approvals.Deny:
		return redact.Literal("Held. Say why, or wait a minute: then it is denied without a reason."), false, func() {}
	case approvals.Other:
		if done[0].Question != 0 {
			return redact.Literal("Reply to the question that is there already."), false, func() {}
		}
		return redact.Text{}, false, func() { d.question(p, op, done[0]) }
	}
	note = redact.Literal("sending…")
	if len(done) < len(pressed.View) {
		note = redact.Sprintf("sending… for %s of %s calls", redact.Int(int64(len(done))), redact.Int(int64(len(pressed.View))))
	}
	return note, false, func() {
		for _, c := range done {
			d.broker.Send(c.Key)
		}
	}
}

var changed = redact.Literal("The call has changed since. Look at it again, then decide.")

func ended(c approvals.Case) error {
	if c.State.Final() {
		return approvals.ErrEnded
	}
	return nil
}

// unadmitted says why a press was not admitted: to an operator with the right to
// decide, privately.
func (d *Desk) unadmitted(err error) redact.Text {
	switch {
	case errors.Is(err, auth.ErrLocked):
		return redact.Literal("Locked. Send /auth with your secret in our private chat, then press again.")
	case errors.Is(err, auth.ErrNoFactor):
		return redact.Literal("This needs a second factor, and none is configured.")
	case errors.Is(err, auth.ErrRight):
		return redact.Literal("You do not have the right to decide approvals.")
	}
	return d.Redactor.Text(err.Error())
}

// refusal says why a case could not be decided.
func (d *Desk) refusal(err error, c approvals.Case) redact.Text {
	who := d.Redactor.Text(cmp.Or(c.Claim.By.Name, "somebody"))
	switch {
	case errors.Is(err, approvals.ErrEnded):
		return redact.Sprintf("Too late: %s.", d.outcomeOf(c, false))
	case errors.Is(err, approvals.ErrHeld):
		return redact.Sprintf("%s is denying it. Nobody else can decide it now.", who)
	case errors.Is(err, approvals.ErrSending):
		return redact.Sprintf("The decision of %s is being sent.", who)
	case errors.Is(err, approvals.ErrOverdue):
		return redact.Sprintf("Its time was up at %s.", d.clock(c.Approval.ExpiresAt))
	case errors.Is(err, approvals.ErrOffered):
		return redact.Literal("The gateway does not offer that decision for this call.")
	case errors.Is(err, approvals.ErrChanged):
		return changed
	case errors.Is(err, approvals.ErrTooLong):
		return redact.Literal("This call is too large to be shown. It can only be denied here.")
	case errors.Is(err, approvals.ErrObscured):
		return redact.Literal("A part of this call cannot be shown. It can only be denied here.")
	case errors.Is(err, approvals.ErrUnknown):
		return redact.Literal("This is not an open approval. /pending lists them.")
	}
	d.log.Error("decision not taken", "approval", c.Approval.ID, "err", err)
	return redact.Literal("Cannot record it, so nothing was sent. The console's disk needs a look.")
}

// question asks the one who denies for a reason in words.
func (d *Desk) question(p Press, op auth.Operator, c approvals.Case) {
	at := approvals.Spot{Chat: p.ChatID, Message: p.MessageID}
	arrived := make(chan struct{})
	d.mu.Lock()
	busy := d.asked[at] != nil
	if !busy {
		d.asked[at] = arrived
	}
	d.mu.Unlock()
	if busy {
		return
	}
	d.spawn(func(ctx context.Context) {
		defer func() {
			d.mu.Lock()
			delete(d.asked, at)
			d.mu.Unlock()
			close(arrived)
		}()
		id, err := d.Chat.Send(ctx, Address{ChatID: p.ChatID, TopicID: p.TopicID}, Reply{
			Header:     redact.Sprintf("Why do you deny it, %s?", d.Redactor.Text(op.Name)),
			Hint:       redact.Sprintf("Reply to this message before %s; the agent reads it.", d.clock(c.Until)),
			Sound:      true,
			ReplyTo:    p.MessageID,
			ForceReply: true,
		})
		if err != nil {
			d.log.Warn("question for a reason not sent", "chat", p.ChatID, "err", err)
			return
		}
		if err := d.broker.Question(c.Key, id); err != nil {
			d.remove(ctx, Address{ChatID: p.ChatID, TopicID: p.TopicID}, id) // it is too late for one
		}
	})
}

func (d *Desk) remove(ctx context.Context, to Address, message int64) {
	if err := d.Chat.Delete(ctx, to, message); err != nil {
		d.log.Info("message not removed", "chat", to.ChatID, "err", err)
	}
}

// Message implements [Approvals]: it takes the replies to its questions.
func (d *Desk) Message(ctx context.Context, op auth.Operator, m Message) (taken bool) {
	at := approvals.Spot{Chat: m.ChatID, Message: m.ReplyTo}
	c, ok := d.broker.Questioner(at)
	if !ok {
		// It may have been read before we have heard that it arrived.
		d.questioned(ctx, m.ChatID)
		if c, ok = d.broker.Questioner(at); !ok {
			return false
		}
	}
	say := func(header redact.Text) {
		d.spawn(func(ctx context.Context) {
			if _, err := d.Chat.Send(ctx, m.address(), Reply{Kind: Error, Header: header, ReplyTo: m.MessageID}); err != nil {
				d.log.Info("reply not answered", "chat", m.ChatID, "err", err)
			}
		})
	}
	if op.ID != c.Claim.By.ID {
		say(redact.Sprintf("this question is for %s", d.Redactor.Text(c.Claim.By.Name)))
		return true
	}
	grant, err := d.Gate.Admit(m.caller(), auth.Ask{Class: auth.Approve, Denial: true})
	if err != nil {
		say(d.unadmitted(err))
		return true
	}
	any := false
	for _, g := range d.broker.Group(c.Key) {
		if _, err := d.broker.Reason(grant, g.Key, m.Text); err == nil {
			d.broker.Send(g.Key)
			any = true
		}
	}
	if !any {
		now, _ := d.broker.Case(c.Key)
		say(redact.Sprintf("too late for a reason: %s", d.outcomeOf(now, false)))
	}
	d.spawn(func(ctx context.Context) { d.remove(ctx, m.address(), m.ReplyTo) })
	return true
}

// questioned waits until all questions have arrived that are on their way to a chat.
func (d *Desk) questioned(ctx context.Context, chat int64) {
	d.mu.Lock()
	var arriving []chan struct{}
	for at, arrived := range d.asked {
		if at.Chat == chat {
			arriving = append(arriving, arrived)
		}
	}
	d.mu.Unlock()
	timeout := time.After(callTimeout)
	for _, arrived := range arriving {
		select {
		case <-arrived:
		case <-timeout:
		case <-ctx.Done():
		}
	}
}

// errorFor puts an error of Telegram's into the broker's terms.
func errorFor(err error) error {
	var moved *MigratedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &moved):
		return &approvals.MovedError{Chat: moved.ChatID}
	case errors.Is(err, ErrLimited):
		return fmt.Errorf("%w: %w", approvals.ErrLimited, err)
	case errors.Is(err, ErrGone):
		return fmt.Errorf("%w: %w", approvals.ErrGone, err)
	case errors.Is(err, ErrBlocked), errors.Is(err, ErrRejected):
		return fmt.Errorf("%w: %w", approvals.ErrUnreachable, err)
	}
	return err
}

// Prompt implements [approvals.Prompter].
func (d *Desk) Prompt(ctx context.Context, to approvals.Place, v approvals.View) (message int64, print string, err error) {
	reply, doc := d.prompt(v, approvals.Spot{})
	if err := d.attach(ctx, to, v, doc); err != nil {
		return 0, "", errorFor(err)
	}
	reply.Sound, reply.Print = true, &print
	message, err = d.Chat.Send(ctx, Address{ChatID: to.Chat, TopicID: to.Topic}, reply)
	return message, print, errorFor(err)
}

// attach sends the whole of what a prompt shortens, once and before the buttons.
func (d *Desk) attach(ctx context.Context, to approvals.Place, v approvals.View, doc *Document) error {
	key := fmt.Sprint(v[0].Key, to, v[0].Digest)
	d.mu.Lock()
	sent := d.whole[key]
	if v.Over() {
		delete(d.whole, key)
	}
	d.mu.Unlock()
	if doc == nil || sent {
		return nil
	}
	if _, err := d.Chat.Document(ctx, Address{ChatID: to.Chat, TopicID: to.Topic}, *doc); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.whole[key] = true
	return nil
}

// Repaint implements [approvals.Prompter].
func (d *Desk) Repaint(ctx context.Context, to approvals.Place, message int64, v approvals.View) (print string, err error) {
	reply, doc := d.prompt(v, approvals.Spot{Chat: to.Chat, Message: message})
	if !v[0].Changed {
		doc = nil // it was sent with the prompt
	}
	if err := d.attach(ctx, to, v, doc); err != nil {
		return "", errorFor(err)
	}
	at := Address{ChatID: to.Chat, TopicID: to.Topic}
	reply.Print = &print
	err = d.Chat.Edit(ctx, at, message, reply)
	if errors.Is(err, ErrRejected) {
		// What Telegram takes in no form is not a reason to leave buttons that no
		// longer hold.
		d.log.Warn("prompt rejected, showing less", "chat", to.Chat, "err", err)
		least := d.least(v)
		least.Print = &print
		err = d.Chat.Edit(ctx, at, message, least)
	}
	if errors.Is(err, ErrRejected) {
		return "", fmt.Errorf("%w: %w", approvals.ErrGone, err)
	}
	return print, errorFor(err)
}

// announce tells everybody who may approve, in private and with a sound, what they
// must know: once, until the console is started again.
func (d *Desk) announce(what string, r Reply) {
	d.mu.Lock()
	told := d.told[what]
	d.told[what] = true
	d.mu.Unlock()
	if told {
		return
	}
	r.Sound = true
	for _, to := range d.approvers() {
		d.spawn(func(ctx context.Context) {
			for wait := time.Second; ; wait *= 2 {
				_, err := d.Chat.Send(ctx, Address{ChatID: to.Chat}, r)
				if err == nil || errors.Is(err, ErrBlocked) || errors.Is(err, ErrRejected) {
					return
				}
				d.log.Warn("notice not sent", "chat", to.Chat, "err", err)
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
		})
	}
}

// moved says that nobody is asked in a group any more, so that this is not found out by
// its silence.
func (d *Desk) moved(old, now int64) {
	d.announce(fmt.Sprint("moved ", old), Reply{
		Header: redact.Sprintf("Nobody is asked in group %s any more", redact.Int(old)),
		Blocks: []Block{{Text: redact.Sprintf("It has become a supergroup, which is %s. Approvals that go there only are undeliverable.", redact.Int(now))}},
		Hint:   redact.Literal("Put that number into [[telegram.group]] and [[approvals.route]]."),
	})
}

// Nudge implements [approvals.Prompter].
func (d *Desk) Nudge(ctx context.Context, to approvals.Place, message int64, v approvals.View) (int64, error) {
	left := time.Until(v.Lead().Approval.ExpiresAt)
	id, err := d.Chat.Send(ctx, Address{ChatID: to.Chat, TopicID: to.Topic}, Reply{
		Header:  redact.Sprintf("Still waiting for a decision: %s left", d.Redactor.Text(remaining(left))),
		Sound:   true,
		ReplyTo: message,
	})
	return id, errorFor(err)
}

// Retract implements [approvals.Prompter].
func (d *Desk) Retract(ctx context.Context, to approvals.Place, message int64) {
	d.remove(ctx, Address{ChatID: to.Chat, TopicID: to.Topic}, message)
}
