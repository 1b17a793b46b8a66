package approvals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clawconsole/internal/audit"
	"clawconsole/internal/state"
	"clawconsole/openclaw"
)

// gone is the MessageID of a prompt that will not be sent, or edited, any more.
const gone = -1

// finishWithin is how long a message that is on its way may still take when Run
// ends. One that is cut off may have arrived without our knowing.
const finishWithin = 3 * time.Second

// prompting calls the Prompter about a chat, of which there is only so much at once.
func (b *Broker) prompting(chat int64, f func(ctx context.Context) error) error {
	slot := b.slot(chat)
	select {
	case slot <- struct{}{}:
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	defer func() { <-slot }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), promptTimeout)
	defer cancel()
	defer context.AfterFunc(b.ctx, func() { time.AfterFunc(finishWithin, cancel) })()
	return f(ctx)
}

func (b *Broker) slot(chat int64) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slots[chat] == nil {
		b.slots[chat] = make(chan struct{}, sendsAtOnce)
	}
	return b.slots[chat]
}

// deliver sends a prompt until it has arrived, cannot arrive, or is no longer
// needed.
func (b *Broker) deliver(p state.Prompt) {
	b.spawn(func() {
		for wait := time.Second; b.ctx.Err() == nil; wait = min(2*wait, 10*time.Second) {
			v := b.view(p.Approval)
			if len(v) == 0 || v.Over() {
				return
			}
			to := Place{p.ChatID, p.TopicID}
			var message int64
			var begun time.Time
			err := b.prompting(p.ChatID, func(ctx context.Context) (err error) {
				begun = time.Now()
				message, p.Prints, err = b.Prompter.Prompt(ctx, to, v)
				return err
			})
			b.reach(p.ChatID, begun, err)
			switch {
			case err == nil:
				p.MessageID, p.Shown = message, v.Version()
				b.keepPrompt(p)
				b.shown(v, to)
				b.repaint(p.Approval) // it may have changed meanwhile
				return
			case b.unreachable(p.ChatID, err):
				b.log.Warn("approver cannot be reached", "chat", p.ChatID, "err", err)
				p.MessageID = gone
				b.keepPrompt(p)
				b.checkReached(p.Approval)
				return
			}
			b.log.Warn("prompt not sent, trying again", "chat", p.ChatID, "after", wait, "err", err)
			if !b.sleep(wait) {
				return
			}
		}
	})
}

// unreachable reports whether err says that nobody can be asked in a chat, and
// remembers a group that has another number: nobody may decide there until it is
// configured.
func (b *Broker) unreachable(chat int64, err error) bool {
	var moved *MovedError
	if errors.As(err, &moved) {
		b.mu.Lock()
		known := b.moved[chat] == moved.Chat
		b.moved[chat] = moved.Chat
		b.mu.Unlock()
		if !known && b.Moved != nil {
			b.Moved(chat, moved.Chat)
		}
		return true
	}
	return errors.Is(err, ErrUnreachable)
}

// reach remembers since when nothing can be sent to a chat. That it has to wait for
// its turn is no outage.
func (b *Broker) reach(chat int64, begun time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since := b.outages[chat]
	switch {
	case err == nil:
		delete(b.outages, chat)
	case since.IsZero() && !begun.IsZero() && !errors.Is(err, ErrLimited):
		b.outages[chat] = begun
		signal(b.tick)
	}
}

// outage returns since when nobody can be asked about the cases of a leader; zero:
// somebody can, as far as we know.
func (b *Broker) outage(leader string) (since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.prompts[leader] {
		at := b.outages[p.ChatID]
		switch {
		case p.MessageID == gone:
		case at.IsZero():
			return at
		case at.After(since):
			since = at
		}
	}
	return since
}

func (b *Broker) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// keepPrompt stores p and remembers where it is.
func (b *Broker) keepPrompt(p state.Prompt) {
	b.mu.Lock()
	b.enterPrompts(p)
	b.mu.Unlock()
	b.savePrompt(p)
}

// changePrompt changes what is known of the prompt that p is, and reports whether it
// still is that message.
func (b *Broker) changePrompt(p state.Prompt, f func(*state.Prompt)) bool {
	b.mu.Lock()
	i := slices.IndexFunc(b.prompts[p.Approval], func(q state.Prompt) bool {
		return q.ChatID == p.ChatID && q.TopicID == p.TopicID && q.MessageID == p.MessageID
	})
	if i < 0 {
		b.mu.Unlock()
		return false
	}
	p = b.prompts[p.Approval][i]
	f(&p)
	b.enterPrompts(p)
	b.mu.Unlock()
	b.savePrompt(p)
	return true
}

func (b *Broker) savePrompt(p state.Prompt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), writeTimeout)
	defer cancel()
	if err := b.Ledger.SavePrompt(ctx, p); err != nil {
		b.note("ledger", err)
	}
}

// shown remembers and records that somebody could see v.
func (b *Broker) shown(v View, to Place) {
	for _, seen := range v {
		if !seen.ShownAt.IsZero() {
			continue
		}
		first := false
		c, err := b.apply(seen.Key, noted(func(c *Case) {
			first = c.ShownAt.IsZero() && c.Digest == seen.Digest
			if first {
				c.ShownAt = time.Now()
			}
		}))
		if err != nil || !first {
			continue
		}
		if err := b.Record(b.ctx, Record{Event: audit.ApprovalPrompted, Case: c, Place: to, Result: "shown"}); err != nil && b.ctx.Err() == nil {
			b.log.Error("prompt not recorded", "approval", c.Approval.ID, "err", err)
		}
	}
}

// checkReached gives a case up if none of its prompts can be delivered.
func (b *Broker) checkReached(leader string) {
	for _, p := range b.promptsOf(leader) {
		if p.MessageID != gone {
			return
		}
	}
	for _, c := range b.view(leader) {
		b.undeliverable(c.Key, "every approver is out of reach")
	}
}

func (b *Broker) undeliverable(key, why string) {
	b.log.Warn("nobody can be asked", "approval", key, "why", why)
	if _, err := b.apply(key, unreached{time.Now()}); err != nil && !errors.Is(err, ErrEnded) {
		b.log.Error("approval not given up", "approval", key, "err", err)
	}
}

// repaint makes the prompts of a leader show the newest. One goroutine does that
// for all that changes meanwhile.
func (b *Broker) repaint(leader string) {
	b.mu.Lock()
	_, busy := b.painting[leader]
	b.painting[leader] = busy
	b.mu.Unlock()
	if busy {
		return
	}
	b.spawn(func() {
		for {
			wait := b.paint(leader)
			if wait > 0 && b.sleep(wait) {
				continue
			}
			b.mu.Lock()
			if b.painting[leader] && b.ctx.Err() == nil {
				b.painting[leader] = false
				b.mu.Unlock()
				continue
			}
			delete(b.painting, leader)
			b.mu.Unlock()
			return
		}
	})
}

// paint edits every prompt that shows something old, each without waiting for the
// others. It returns how long to wait before another try, or 0.
func (b *Broker) paint(leader string) (wait time.Duration) {
	v := b.view(leader)
	if len(v) == 0 {
		return 0
	}
	var wg sync.WaitGroup
	var old atomic.Bool
	for _, p := range b.promptsOf(leader) {
		if p.MessageID > 0 && p.Shown != v.Version() {
			wg.Go(func() {
				if !b.paintOne(p, v) {
					old.Store(true)
				}
			})
		}
	}
	wg.Wait()
	switch {
	case old.Load() && b.ctx.Err() == nil:
		return 2 * time.Second
	case !old.Load() && v.Over():
		b.painted(v)
	}
	return 0
}

// paintOne makes one prompt show v. It reports false if that is worth another try.
func (b *Broker) paintOne(p state.Prompt, v View) bool {
	to := Place{p.ChatID, p.TopicID}
	var print string
	err := b.prompting(p.ChatID, func(ctx context.Context) (err error) {
		print, err = b.Prompter.Repaint(ctx, to, p.MessageID, v)
		return err
	})
	switch {
	case err == nil:
		b.changePrompt(p, func(p *state.Prompt) { p.Shown, p.Prints = v.Version(), printed(p.Prints, print) })
		b.shown(v, to)
	case errors.Is(err, ErrGone) && !v.Over():
		if b.changePrompt(p, func(p *state.Prompt) { p.MessageID = 0 }) {
			// Somebody has deleted it while it was needed.
			b.log.Info("prompt was deleted, sending another", "chat", p.ChatID)
			p.MessageID = 0
			b.deliver(p)
		}
	case errors.Is(err, ErrGone), b.unreachable(p.ChatID, err):
		if b.changePrompt(p, func(p *state.Prompt) { p.MessageID = gone }) && !v.Over() {
			b.checkReached(p.Approval)
		}
	default:
		if b.ctx.Err() == nil {
			b.log.Warn("prompt not edited, trying again", "chat", p.ChatID, "err", err)
		}
		return false
	}
	return true
}

// printed adds what a prompt says now to what it has said: a press may have been made
// before. What it said then goes with the buttons it had then.
func printed(prints, print string) string {
	const kept = 4
	all := strings.Fields(prints)
	if print != "" && !slices.Contains(all, print) {
		all = append([]string{print}, all...)
	}
	return strings.Join(all[:min(len(all), kept)], " ")
}

// painted remembers that all prompts of v show how it has ended.
func (b *Broker) painted(v View) {
	for _, c := range v {
		if _, err := b.apply(c.Key, noted(func(c *Case) { c.Painted = true })); err != nil {
			b.log.Warn("approval not closed", "approval", c.Approval.ID, "err", err)
		}
	}
}

// Show sends the prompt of a case once more, to a place where somebody wants to see
// it, instead of the one that is there. Errors: ErrUnknown, ErrEnded.
func (b *Broker) Show(key string, to Place) error {
	<-b.ready
	c, ok := b.get(key)
	switch {
	case !ok:
		return ErrUnknown
	case c.State.Final():
		return ErrEnded
	}
	p := state.Prompt{Approval: c.Leader, ChatID: to.Chat, TopicID: to.Topic}
	for _, old := range b.promptsOf(c.Leader) {
		if old.ChatID != to.Chat || old.TopicID != to.Topic {
			continue
		}
		if old.MessageID == 0 {
			return nil // it is on its way
		}
		if old.MessageID > 0 {
			b.spawn(func() { b.withdraw(to, old.MessageID) })
		}
		p.Extra = old.Extra
	}
	b.keepPrompt(p)
	b.deliver(p)
	return nil
}

// withdraw removes a message of ours.
func (b *Broker) withdraw(from Place, message int64) {
	_ = b.prompting(from.Chat, func(ctx context.Context) error {
		b.Prompter.Retract(ctx, from, message)
		return nil
	})
}

// nudge reminds of the open cases of a leader, once.
func (b *Broker) nudge(leader string) {
	did := false
	for _, c := range b.view(leader).Live() {
		first := false
		if _, err := b.apply(c.Key, noted(func(c *Case) { first = !c.Nudged; c.Nudged = true })); err != nil {
			return
		}
		did = did || first
	}
	if !did {
		return
	}
	for _, p := range b.promptsOf(leader) {
		if p.MessageID > 0 && p.Extra == 0 {
			b.spawn(func() { b.remind(p) })
		}
	}
}

// remind sends a reminder under a prompt, until it has arrived, cannot arrive, or is
// no longer needed.
func (b *Broker) remind(p state.Prompt) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		v := b.view(p.Approval)
		if len(v.Live()) == 0 {
			return
		}
		var message int64
		err := b.prompting(p.ChatID, func(ctx context.Context) (err error) {
			message, err = b.Prompter.Nudge(ctx, Place{p.ChatID, p.TopicID}, p.MessageID, v)
			return err
		})
		if err == nil {
			b.keepReminder(p, message)
			b.retract(p.Approval) // it may be over meanwhile
			return
		}
		b.log.Warn("reminder not sent", "chat", p.ChatID, "err", err)
		if b.unreachable(p.ChatID, err) || !b.sleep(wait) {
			return
		}
	}
}

// keepReminder stores which message reminds of a prompt, as the prompt is now.
func (b *Broker) keepReminder(p state.Prompt, message int64) {
	for _, now := range b.promptsOf(p.Approval) {
		if now.ChatID == p.ChatID && now.TopicID == p.TopicID {
			now.Extra = message
			b.keepPrompt(now)
		}
	}
}

// retract removes the reminders of a group that is over.
func (b *Broker) retract(leader string) {
	if !b.view(leader).Over() {
		return
	}
	for _, p := range b.promptsOf(leader) {
		if p.Extra > 0 {
			b.withdraw(Place{p.ChatID, p.TopicID}, p.Extra)
			b.keepReminder(p, 0)
		}
	}
}

// timing does what is due at its time.
func (b *Broker) timing(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.tick:
		case <-t.C:
		}
		next := b.due(time.Now())
		if next.IsZero() {
			t.Reset(time.Minute)
		} else {
			t.Reset(max(0, time.Until(next)))
		}
	}
}

// due does what is due and returns when the next thing is.
func (b *Broker) due(now time.Time) (next time.Time) {
	at := func(when time.Time, do func()) {
		switch {
		case when.IsZero():
		case !now.Before(when):
			b.spawn(do)
		case next.IsZero() || when.Before(next):
			next = when
		}
	}
	b.mu.Lock()
	compared := b.compared // else we may remind of what has long been decided
	b.mu.Unlock()
	for _, c := range b.all() {
		key := c.Key
		expires := c.Approval.ExpiresAt
		switch {
		case c.State.Final():
			if c.closed() {
				at(c.forgetAt(), func() { b.forget(c.Leader) })
			}
		case c.Step == Asking:
			at(c.Until, func() {
				if c, err := b.apply(key, lapsed{time.Now()}); err == nil && c.Step == Sending {
					b.send(key, false)
				}
			})
		case c.Step == Overdue, c.Step == Sending:
			// The gateway says how it ended: to the sender, by event, at the next
			// connection, or when we look, within a minute.
		case c.Step == Open:
			at(expires, func() {
				if _, err := b.apply(key, lapsed{time.Now()}); err == nil {
					b.sleep(time.Second) // the gateway's own timer first
					signal(b.look)
				}
			})
			if c.ShownAt.IsZero() {
				if since := b.outage(c.Leader); !since.IsZero() {
					at(later(since, c.SeenAt, b.started).Add(undeliveredAfter), func() { b.giveUp(key) })
				}
			} else if compared && !c.Nudged && now.Before(expires) {
				at(c.ShownAt.Add(expires.Sub(c.ShownAt)/2), func() { b.nudge(c.Leader) })
			}
		}
	}
	return next
}

// later is the last of some instants.
func later(first time.Time, more ...time.Time) time.Time {
	for _, t := range more {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// giveUp ends a case of which nobody could be asked for too long, unless somebody
// can be just now.
func (b *Broker) giveUp(key string) {
	if c, ok := b.get(key); ok && c.ShownAt.IsZero() && !b.outage(c.Leader).IsZero() {
		b.undeliverable(key, "the chat could not be reached")
	}
}

// forget drops a group that is over from memory. The ledger still knows it.
func (b *Broker) forget(leader string) {
	b.mu.Lock()
	keys := b.groups[leader]
	for _, key := range keys {
		if c := b.cases[key]; !c.closed() || time.Now().Before(c.forgetAt()) {
			b.mu.Unlock()
			return
		}
	}
	var stops []func()
	for _, key := range keys {
		if b.keys[b.cases[key].Approval.ID] == key {
			delete(b.keys, b.cases[key].Approval.ID)
		}
		delete(b.cases, key)
		if stop := b.follows[key]; stop != nil {
			stops = append(stops, stop)
			delete(b.follows, key)
		}
	}
	for _, p := range b.prompts[leader] {
		delete(b.spots, Spot{p.ChatID, p.MessageID})
	}
	delete(b.prompts, leader)
	delete(b.groups, leader)
	b.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

// follow has the gateway send what becomes of a call, if it can.
func (b *Broker) follow(c Case) {
	if c.Approval.SessionKey == "" || c.Approval.ToolCallID == "" || c.State.Final() && c.State != Approved {
		return
	}
	b.mu.Lock()
	followed := b.follows[c.Key] != nil
	b.mu.Unlock()
	if followed {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	stop, err := b.Gateway.Follow(ctx, c.Approval.SessionKey)
	if err != nil {
		return // the outcome is not shown then
	}
	b.mu.Lock()
	_, known := b.cases[c.Key]
	if known && b.follows[c.Key] == nil {
		b.follows[c.Key] = stop
		stop = nil
	}
	b.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// outcome hears how a command went.
func (b *Broker) outcome(e openclaw.AgentEvent) {
	var out struct {
		Phase      string `json:"phase"`
		ToolCallID string `json:"toolCallId"`
		Status     string `json:"status"`
		ExitCode   *int   `json:"exitCode"`
		DurationMs int64  `json:"durationMs"`
		Output     string `json:"output"`
	}
	if json.Unmarshal(e.Data, &out) != nil || out.Phase != "end" || out.ToolCallID == "" {
		return
	}
	for _, c := range b.all() {
		a := c.Approval
		if a.ToolCallID != out.ToolCallID || a.SessionKey != e.SessionKey || a.RunID != "" && e.RunID != "" && a.RunID != e.RunID {
			continue
		}
		failed := out.Status != "completed" || out.ExitCode != nil && *out.ExitCode != 0
		var words []string
		switch {
		case out.ExitCode != nil:
			words = append(words, fmt.Sprintf("exit code %d", *out.ExitCode))
		default:
			words = append(words, out.Status)
		}
		if out.DurationMs < 10_000 {
			words = append(words, fmt.Sprintf("after %d ms", out.DurationMs))
		} else {
			words = append(words, fmt.Sprintf("after %d s", out.DurationMs/1000))
		}
		text := strings.Join(words, " ")
		if o := strings.TrimSpace(out.Output); o != "" {
			text += "\n" + clip(o)
		}
		b.spawn(func() {
			// The gateway's record may come after the command has ended.
			ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
			defer cancel()
			if c, err := b.Wait(ctx, a.ID, func(c Case) bool { return c.State.Final() }); err != nil || c.State != Approved {
				return
			}
			if _, err := b.apply(c.Key, came{outcome: text, failed: failed}); err != nil {
				b.log.Warn("outcome not kept", "approval", a.ID, "err", err)
			}
		})
	}
}
