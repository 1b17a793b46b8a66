package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/internal/audit"
	"clawconsole/redact"
)

// pressed says that a message stands for the press of a button: its text is the
// button's command line, and everything is checked as if it had just been typed.
type pressed struct {
	button bool
	yes    bool  // the button said so: [Run it]
	edit   int64 // message that bears the button, and becomes the answer
}

// An asking is one message on its way through the checks.
type asking struct {
	Message
	pressed
	caller auth.Caller
	op     auth.Operator
	line   redact.Text // the command as it goes on record
	secret bool        // the message holds one, and is being deleted
}

// admit takes a message through steps 2 to 10 and, if it passes, has it done. It
// returns when the next message of the chat may be admitted.
func (r *Router) admit(m Message, p pressed) {
	a := &asking{Message: m, pressed: p, caller: m.caller()}
	defer func() {
		if v := recover(); v != nil {
			r.refuse(a, r.panicked(v), redact.Text{})
		}
	}()

	// 2 and 3. A group that is not ours is left, whoever speaks in it.
	if !m.Private && r.leave(m.ChatID) {
		r.ignore(m.UpdateID)
		return
	}
	if m.Origin != Person {
		r.otherwise(a)
		return
	}

	// 3 and 4. A stranger's text is not even parsed.
	op, ok := r.cfg.Gate.Identify(a.caller)
	if !ok {
		r.stranger(a)
		return
	}
	a.op = op
	// A phone makes a reply of what is typed while a question is open: a command is
	// no reason, and a secret is not for the agent.
	if r.cfg.Approvals != nil && m.ReplyTo != 0 && !p.button && !m.Withheld && !strings.HasPrefix(m.Text, "/") && !r.holdsSecret(m.Text) &&
		r.cfg.Approvals.Message(r.work, op, m) {
		r.say(m.UpdateID, Done)
		return
	}

	// 5. Addressed to us.
	text, ours := r.addressed(a)
	if !ours {
		r.ignore(m.UpdateID)
		return
	}
	a.Text = text
	a.line = r.cfg.Redactor.Text(text)
	if m.Withheld || r.holdsSecret(text) {
		a.line = redact.Literal("[withheld: holds a secret]")
		if !p.button { // a button's command was deleted when it was typed
			a.secret = true
			r.deleteSecret(m)
		}
	}

	// 6. Budget.
	if err := r.cfg.Gate.Spend(a.caller, budget(text, p)); err != nil {
		r.overBudget(a, err)
		return
	}

	// 7. Length and grammar.
	switch n := len(utf16.Encode([]rune(text))); {
	case m.Withheld:
		r.refuse(a, redact.Literal("restarted before this was run; its secret was not kept"), redact.Literal("Send it again."))
		return
	case a.secret && !m.Private:
		r.refuse(a, redact.Literal("secrets are refused in groups, not run"), redact.Literal("Others may have read it: change the secret, then use /auth in private."))
		return
	case n > maxMessageSize:
		r.refuse(a, r.cfg.Redactor.Text(fmt.Sprintf("command has %d characters, %d are allowed", n, maxMessageSize)), redact.Text{})
		return
	}
	req, err := commands.Parse(text, r.cfg.Bot())
	if err != nil {
		r.refuseFor(a, err)
		return
	}
	a.line = r.cfg.Redactor.Text(req.Line)
	req.Class = max(req.Class, r.cfg.Commands.Class(req.Name))
	req.Key = r.key(m.ChatID, m.UpdateID)
	req.Yes = req.Yes || p.yes

	// 8. Fresh. An /auth that comes late would unlock for whoever has the phone by now.
	age := r.age(a)
	if age > r.staleAfter() && (req.Class != auth.Safe || req.Name == "auth") && !denial(req.Name) {
		r.stale(a, age)
		return
	}

	// 9. Class.
	grant, err := r.cfg.Gate.Admit(a.caller, auth.Ask{Class: req.Class, Secret: req.Secret, Yes: req.Yes, Denial: denial(req.Name)})
	if errors.Is(err, auth.ErrUnconfirmed) {
		// Nobody is asked to confirm what would then be refused.
		if res, ok := r.cfg.Commands.Check(req); !ok {
			r.refuseWith(a, r.reply(&task{asking: a, req: req}, res), r.cfg.Redactor.Text(res.Summary))
			return
		}
		r.confirm(a, req)
		return
	}
	if err != nil {
		r.refuseFor(a, err)
		return
	}

	// Room to run, before there is anything to take back.
	var place *slot
	if !immediate(req.Name) {
		if place = r.slots.reserve(op.ID, m.ChatID, req.Name); place == nil {
			r.refuse(a, busy, redact.Literal("Wait for one of your commands to end."))
			return
		}
	}

	// 10. Claimed and on record, before the effect.
	if err := r.claim(a, req); err != nil {
		if place != nil {
			r.slots.withdraw(place)
		}
		if errors.Is(err, ErrClaimed) {
			r.log.Warn("update is claimed already, not run", "update", m.UpdateID)
			return
		}
		r.refuse(a, redact.Literal("cannot record, not run"), redact.Literal("The console's disk needs a look."))
		return
	}
	t := &task{asking: a, req: req, grant: grant, place: place}
	if age > r.staleAfter() {
		t.age = age
	}
	if place == nil {
		r.do(t) // what /auth or /lock decide must hold for the next message
		return
	}
	r.runs.Go(func() { r.do(t) })
}

// key is the idempotency key of what an update starts elsewhere: the same after a
// restart.
func (r *Router) key(chat, update int64) string {
	return fmt.Sprintf("clawconsole:%s:%d:%d", r.cfg.Instance, chat, update)
}

// age is how long ago a was sent.
func (r *Router) age(a *asking) time.Duration {
	if a.button {
		return since(a.SentAt)
	}
	return time.Now().Add(r.cfg.Skew()).Sub(a.SentAt)
}

// immediate names the commands that take no time, and that the next message of
// the chat depends on.
func immediate(name string) bool { return name == "auth" || name == "lock" }

// stranger is silent, or says once an hour that the sender is nobody.
func (r *Router) stranger(a *asking) {
	if !a.button && (a.Private || a.ToUs) && r.cfg.Gate.AnswerStranger(a.caller) {
		r.log.Info("stranger answered", "chat", a.ChatID, "user", a.UserID)
		r.say(a.UpdateID, Refused, Outgoing{To: a.address(), Reply: &Reply{Kind: Error, Header: redact.Literal("unauthorized")}})
		return
	}
	r.ignore(a.UpdateID)
}

// addressed returns the text without a leading "@ourbot", and whether it is
// meant for us.
func (r *Router) addressed(a *asking) (text string, ours bool) {
	text = a.Text
	bot := r.cfg.Bot()
	if first, rest := cutWord(text); rest != "" && bot != "" && strings.EqualFold(first, "@"+bot) {
		text = rest
	}
	if a.button {
		return text, true
	}
	if !a.Private && r.cfg.Redactor.Knows(text) {
		return text, true // not that anything runs: our secret is taken out of the group
	}
	command := strings.HasPrefix(text, "/")
	if !a.Private {
		// A secret is taken out of the group whether or not we are named.
		if g, _ := r.group(a.ChatID); g.RequireMention && !a.ToUs && !(command && commands.HoldsSecret(text)) {
			return text, false
		}
		if !a.Withheld && !command {
			return text, false // people talking
		}
	}
	word, _ := cutWord(text)
	if _, at, ok := strings.Cut(word, "@"); ok && command && !strings.EqualFold(at, bot) {
		return text, false // another bot's command
	}
	return text, true
}

// cutWord returns the first word of s and what follows it.
func cutWord(s string) (word, rest string) {
	i := strings.IndexFunc(s, unicode.IsSpace)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeftFunc(s[i:], unicode.IsSpace)
}

// otherwise ends a message that is no command for how it came to be: edited, a
// caption, forwarded. A secret that an operator has put into it is deleted all the
// same.
func (r *Router) otherwise(a *asking) {
	_, known := r.cfg.Gate.Identify(a.caller)
	command := strings.HasPrefix(a.Text, "/") && commands.HoldsSecret(a.Text)
	if !known || !command && !r.cfg.Redactor.Knows(a.Text) {
		r.ignore(a.UpdateID)
		return
	}
	r.deleteSecret(a.Message)
	if _, first := r.spoken.first(a.UserID); !first {
		r.ignore(a.UpdateID) // whoever forwards a hundred of them has been told
		return
	}
	r.say(a.UpdateID, Ignored, Outgoing{To: a.address(), Reply: &Reply{
		Kind: Error, Header: redact.Literal("not run: only new text messages are commands"),
		Blocks: heldSecret, Hint: redact.Literal("Send it again."),
	}})
}

// holdsSecret reports whether text is not to stay in the chat: it may hold a secret
// that is meant for us, or holds one that is ours wherever it stands.
func (r *Router) holdsSecret(text string) bool {
	return commands.HoldsSecret(text) || r.cfg.Redactor.Knows(text)
}

var (
	heldSecret = []Block{{Kind: Prose, Text: redact.Literal("It held a secret, so it does not stay in the chat.")}}
	// unauthorizedHint is the same whatever was missing.
	unauthorizedHint = redact.Literal("/whoami shows your rights and lock; /auth <secret>, in a private chat, unlocks.")
	undeleted        = redact.Literal("I cannot delete your message with the secret: delete it yourself.")
)

// denial reports whether the command stops something that an agent wants to do: that
// is never too old, and waits for no unlock.
func denial(name string) bool { return name == "deny" }

// budget is what a text draws on: stopping something never waits.
func budget(text string, p pressed) auth.Budget {
	word, _ := cutWord(text)
	word, _, _ = strings.Cut(strings.ToLower(word), "@")
	if p.button || word == "/lock" || word == "/deny" {
		return auth.Free // a press has drawn on its own
	}
	return auth.Commands
}

// deleteSecret has m deleted: at once, and if that fails as often as it takes, over
// restarts too. Where Telegram does not let us, as in groups in which the bot is no
// administrator, the sender is told.
func (r *Router) deleteSecret(m Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	out := Outgoing{To: m.address(), Delete: m.MessageID, Reply: &Reply{Kind: Error, Header: undeleted, ReplyTo: m.MessageID, Sound: true}}
	if err := r.Notify(ctx, out); err != nil {
		r.log.Error("deletion of a secret not stored, tried once", "chat", m.ChatID, "update", m.UpdateID, "err", err)
		r.admits.Go(func() { r.out.sendOnce([]Outgoing{out}) }) // within a lane, so the group is not yet waited for in vain
	}
}

// claim is step 10.
func (r *Router) claim(a *asking, req commands.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	err := r.cfg.Ledger.Claim(ctx, Claim{
		UpdateID: a.UpdateID, ChatID: a.ChatID, TopicID: a.TopicID, UserID: a.UserID,
		Command: a.line.String(), Class: req.Class.String(), At: time.Now(),
	})
	if errors.Is(err, ErrClaimed) {
		return err
	}
	r.note("ledger", err)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	rec := r.record(a, audit.CommandClaimed)
	rec.Class = req.Class.String()
	return r.append(ctx, rec)
}

func (r *Router) record(a *asking, e audit.Event) audit.Record {
	return audit.Record{
		Event: e, OperatorID: a.op.ID, Operator: a.op.Name,
		ChatID: a.ChatID, TopicID: a.TopicID, Update: a.UpdateID, Command: a.line,
	}
}

// append puts rec on record and keeps the record's health.
func (r *Router) append(ctx context.Context, rec audit.Record) error {
	_, err := r.cfg.Record.Append(ctx, rec)
	r.note("record", err)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// refuseFor refuses for a reason that comes from a check. Only refusals and
// usage errors are shown as they are.
func (r *Router) refuseFor(a *asking, err error) {
	var usage *commands.UsageError
	var refusal *auth.Refusal
	switch {
	case errors.Is(err, commands.ErrOtherBot):
		r.ignore(a.UpdateID)
	case errors.Is(err, commands.ErrNotCommand):
		r.refuseWith(a, Reply{Kind: Error, Header: redact.Literal("not a command"), Blocks: a.held(), Hint: redact.Literal("/help lists what you may run.")}, redact.Literal("not a command"))
	case errors.As(err, &usage):
		reply := Reply{Kind: Error, Header: r.cfg.Redactor.Text(usage.Message), Blocks: a.held(), Hint: r.cfg.Redactor.Text(usage.Hint)}
		if usage.Usage != "" {
			reply.Blocks = append(reply.Blocks, Block{Kind: Prose, Text: r.cfg.Redactor.Text(usage.Usage)})
		}
		r.refuseWith(a, reply, r.cfg.Redactor.Text(usage.Message))
	case errors.As(err, &refusal):
		var hint redact.Text
		if refusal.Error() == "unauthorized" {
			hint = unauthorizedHint
		}
		if errors.Is(err, auth.ErrWrongSecret) || errors.Is(err, auth.ErrLockedOut) {
			r.guessed(a)
		}
		if refusal.Cause != nil {
			r.log.Error("refused for a fault of ours", "update", a.UpdateID, "err", refusal.Cause)
		}
		r.refuseWith(a, Reply{Kind: Error, Header: r.cfg.Redactor.Text(refusal.Error()), Hint: hint}, r.cfg.Redactor.Text(refusal.Reason.Error()))
	default:
		r.refuse(a, r.internal(err), redact.Text{})
	}
}

// overBudget refuses what is beyond the operator's budget. Answers and records are
// not free either: they would fill the chat in which the approvals are shown, and a
// record that is never deleted. So the first in a minute has both, and says how many
// there were since the one before.
func (r *Router) overBudget(a *asking, err error) {
	if !errors.Is(err, auth.ErrRateLimited) {
		r.refuseFor(a, err)
		return
	}
	more, first := r.spoken.first(a.op.ID)
	if !first {
		r.say(a.UpdateID, Refused)
		return
	}
	if head, cut := a.line.Head(refusedUnits); cut > 0 {
		a.line = redact.Sprintf("%s … %s", head, r.cfg.Redactor.Text(fmt.Sprintf("(%d bytes cut)", cut)))
	}
	reply := Reply{Kind: Error, Header: r.cfg.Redactor.Text(err.Error()), Blocks: a.held()}
	reason := r.cfg.Redactor.Text(auth.ErrRateLimited.Error())
	if more > 0 {
		n := r.cfg.Redactor.Text(fmt.Sprintf("%d more were refused before, without an answer", more))
		reply.Blocks = append(reply.Blocks, Block{Kind: Prose, Text: n})
		reason = redact.Sprintf("%s; %s", reason, n)
	}
	r.refuseWith(a, reply, reason)
}

const (
	refusedEvery = time.Minute // is said to an operator that they are beyond their budget
	refusedUnits = 300         // of a command beyond the budget that go on record
)

// spoken is what has been said to whom lately, by operator.
type spoken struct {
	mu   sync.Mutex
	last map[int64]said
}

type said struct {
	at   time.Time
	more int // were not answered since
}

// first reports whether an operator is to be answered, and how many times they were
// not since the answer before.
func (s *spoken) first(operator int64) (more int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, l := time.Now(), s.last[operator]
	if !l.at.IsZero() && now.Sub(l.at) < refusedEvery {
		l.more++
		s.last[operator] = l
		return 0, false
	}
	if s.last == nil {
		s.last = make(map[int64]said)
	}
	s.last[operator] = said{at: now}
	return l.more, true
}

// guessed puts a wrong inline secret on record; /auth does so by its outcome.
func (r *Router) guessed(a *asking) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	if err := r.append(ctx, r.record(a, audit.AuthFailed)); err != nil {
		r.log.Error("wrong secret not recorded", "update", a.UpdateID, "err", err)
	}
}

func (r *Router) refuse(a *asking, what, hint redact.Text) {
	r.refuseWith(a, Reply{Kind: Error, Header: what, Hint: hint}, what)
}

// refuseWith ends a message that does not run: on record, with a reply.
func (r *Router) refuseWith(a *asking, reply Reply, reason redact.Text) {
	r.recordRefusal(a, auth.Unknown, reason)
	r.say(a.UpdateID, Refused, r.answer(a, reply)...)
}

// recordRefusal puts a refusal on record. class is Unknown where it does not matter.
func (r *Router) recordRefusal(a *asking, class auth.Class, reason redact.Text) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	rec := r.record(a, audit.CommandRefused)
	rec.Reason = reason
	if class != auth.Unknown {
		rec.Class = class.String()
	}
	if err := r.append(ctx, rec); err != nil {
		r.log.Error("refusal not recorded", "update", a.UpdateID, "err", err)
	}
	r.log.Info("command refused", "operator", a.op.Name, "chat", a.ChatID, "update", a.UpdateID)
}

// held says, of a message that was understood so little that nobody could tell, why
// it disappears.
func (a *asking) held() []Block {
	if !a.secret {
		return nil
	}
	return slices.Clone(heldSecret)
}

// answer addresses a reply. In a group it answers its message, if that stays.
func (r *Router) answer(a *asking, reply Reply) []Outgoing {
	if !a.secret && !a.Private && !a.button {
		reply.ReplyTo = a.MessageID
	}
	return []Outgoing{{To: a.address(), Edit: a.edit, Reply: &reply}}
}

// stale is step 8: too old to run, with a button that asks again. A secret is not
// kept for one.
func (r *Router) stale(a *asking, age time.Duration) {
	reply := Reply{
		Kind:   Error,
		Header: r.cfg.Redactor.Text(fmt.Sprintf("too old (sent %s, %s ago), not run", a.SentAt.UTC().Format("15:04:05"), ago(age))),
		Blocks: []Block{{Kind: Prose, Text: a.line}},
	}
	if a.secret {
		reply.Hint = redact.Literal("Send it again.")
	} else {
		reply.Buttons = [][]Button{{{
			Label: redact.Literal("Run now"),
			Data:  r.buttons.add(button{kind: runLine, person: a.UserID, chat: a.ChatID, topic: a.TopicID, line: a.Text, once: true}, confirmTime),
		}}}
	}
	r.refuseWith(a, reply, redact.Literal("too old"))
}

// confirm asks whether a dangerous command is meant, by showing exactly what
// would run.
func (r *Router) confirm(a *asking, req commands.Request) {
	id := r.buttons.add(button{kind: runLine, person: a.UserID, chat: a.ChatID, topic: a.TopicID, line: a.Text, yes: true, once: true}, confirmTime)
	reply := Reply{
		Kind:   Error,
		Header: r.cfg.Redactor.Text("not confirmed, not run; beside gateway " + r.cfg.Gateway + " this would run:"),
		Blocks: []Block{{Kind: Pre, Text: a.line}},
		Hint:   redact.Literal("[Run it] is for you, works once and for 60 s."),
		Buttons: [][]Button{{
			{Label: redact.Literal("Run it"), Data: id, Style: Serious},
			{Label: redact.Literal("Cancel"), Data: r.buttons.add(button{kind: dismiss, person: a.UserID, chat: a.ChatID, topic: a.TopicID, target: id, once: true}, confirmTime)},
		}},
	}
	r.recordRefusal(a, req.Class, redact.Literal("not confirmed"))
	out := r.answer(a, reply)
	if a.line.UTF16Len() > confirmWhole {
		// What would be cut must have been seen before the button is.
		whole := Document{Name: redact.Literal("command.txt"), Caption: redact.Literal("what would run, whole"), Text: a.line}
		out = append([]Outgoing{{To: a.address(), Document: &whole}}, out...)
	}
	r.say(a.UpdateID, Refused, out...)
}

const (
	confirmTime  = 60 * time.Second // of [Run it] and [Run now]
	confirmWhole = 400              // units that no escaping can make longer than a message
)

// ago says an age in the unit that a person would use.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
