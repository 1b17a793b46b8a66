package approvals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// prompting calls the Prompter, of which there is only so much at once.
func (b *Broker) prompting(f func(ctx context.Context) error) error {
	select {
	case b.sends <- struct{}{}:
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	defer func() { <-b.sends }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), promptTimeout)
	defer cancel()
	defer context.AfterFunc(b.ctx, func() { time.AfterFunc(finishWithin, cancel) })()
	return f(ctx)
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
			err := b.prompting(func(ctx context.Context) (err error) {
				message, err = b.Prompter.Prompt(ctx, to, v)
				return err
			})
			var moved *MovedError
			switch {
			case err == nil:
				p.MessageID, p.Shown = message, v.Version()
				b.keepPrompt(p)
				b.shown(v, to)
				b.repaint(p.Approval) // it may have changed meanwhile
				return
			case errors.Is(err, ErrUnreachable):
				b.log.Warn("approver cannot be reached", "chat", p.ChatID, "err", err)
				p.MessageID = gone
				b.keepPrompt(p)
				b.checkReached(p.Approval)
				return
			case errors.As(err, &moved):
				b.log.Warn("group has a new id; put it into [[telegram.group]] and [[approvals.route]]", "chat", p.ChatID, "new", moved.Chat)
				if err := b.Ledger.MovePrompt(b.ctx, p, moved.Chat); err != nil {
					b.note("ledger", err)
				}
				b.mu.Lock()
				for i, q := range b.prompts[p.Approval] {
					if q.ChatID == p.ChatID && q.TopicID == p.TopicID {
						b.prompts[p.Approval][i].ChatID, b.prompts[p.Approval][i].TopicID = moved.Chat, 0
					}
				}
				b.mu.Unlock()
				p.ChatID, p.TopicID = moved.Chat, 0
				continue
			}
			b.log.Warn("prompt not sent, trying again", "chat", p.ChatID, "after", wait, "err", err)
			if !b.sleep(wait) {
				return
			}
		}
	})
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), writeTimeout)
	defer cancel()
	b.mu.Lock()
	for i, q := range b.prompts[p.Approval] {
		if q.ChatID == p.ChatID && q.TopicID == p.TopicID {
			b.prompts[p.Approval][i] = p
		}
	}
	if p.MessageID > 0 {
		b.spots[Spot{p.ChatID, p.MessageID}] = p.Approval
	}
	b.mu.Unlock()
	if err := b.Ledger.SavePrompt(ctx, p); err != nil {
		b.note("ledger", err)
	}
}

// shown remembers and records that somebody could see v.
func (b *Broker) shown(v View, to Place) {
	for _, c := range v {
		first := false
		c, err := b.apply(c.Key, noted(func(c *Case) {
			first = c.ShownAt.IsZero()
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

// paint edits every prompt that shows something old. It returns how long to wait
// before another try, or 0.
func (b *Broker) paint(leader string) (wait time.Duration) {
	v := b.view(leader)
	if len(v) == 0 {
		return 0
	}
	version := v.Version()
	over := v.Over()
	for _, p := range b.promptsOf(leader) {
		if p.MessageID <= 0 || p.Shown == version {
			continue
		}
		err := b.prompting(func(ctx context.Context) error {
			return b.Prompter.Repaint(ctx, Place{p.ChatID, p.TopicID}, p.MessageID, v)
		})
		switch {
		case err == nil:
			p.Shown = version
			b.keepPrompt(p)
		case errors.Is(err, ErrGone) && !over:
			// Somebody has deleted it while it was needed.
			b.log.Info("prompt was deleted, sending another", "chat", p.ChatID)
			p.MessageID = 0
			b.keepPrompt(p)
			b.deliver(p)
		case errors.Is(err, ErrGone), errors.Is(err, ErrUnreachable):
			p.MessageID = gone
			b.keepPrompt(p)
			if !over {
				b.checkReached(leader)
			}
		case b.ctx.Err() != nil:
			return 0
		default:
			b.log.Warn("prompt not edited, trying again", "chat", p.ChatID, "err", err)
			wait = 2 * time.Second
		}
	}
	if wait == 0 && over {
		for _, c := range v {
			if _, err := b.apply(c.Key, noted(func(c *Case) { c.Painted = true })); err != nil {
				b.log.Warn("approval not closed", "approval", c.Approval.ID, "err", err)
			}
		}
	}
	return wait
}

// nudge reminds of an open case, once.
func (b *Broker) nudge(c Case) {
	did := false
	if _, err := b.apply(c.Key, noted(func(c *Case) { did = !c.Nudged; c.Nudged = true })); err != nil || !did {
		return
	}
	for _, p := range b.promptsOf(c.Leader) {
		if p.MessageID <= 0 || p.Extra != 0 {
			continue
		}
		b.spawn(func() {
			v := b.view(c.Leader)
			if len(v.Live()) == 0 {
				return
			}
			to := Place{p.ChatID, p.TopicID}
			err := b.prompting(func(ctx context.Context) (err error) {
				p.Extra, err = b.Prompter.Nudge(ctx, to, p.MessageID, v)
				return err
			})
			if err != nil {
				b.log.Warn("reminder not sent", "chat", p.ChatID, "err", err)
				return
			}
			b.mu.Lock()
			for _, q := range b.prompts[c.Leader] {
				if q.ChatID == p.ChatID && q.TopicID == p.TopicID {
					p.MessageID, p.Shown = q.MessageID, q.Shown
				}
			}
			b.mu.Unlock()
			b.keepPrompt(p)
			if b.view(c.Leader).Over() {
				b.retract(c.Leader)
			}
		})
	}
}

// retract removes the reminders of a group that is over.
func (b *Broker) retract(leader string) {
	if !b.view(leader).Over() {
		return
	}
	for _, p := range b.promptsOf(leader) {
		if p.Extra <= 0 {
			continue
		}
		_ = b.prompting(func(ctx context.Context) error {
			b.Prompter.Retract(ctx, Place{p.ChatID, p.TopicID}, p.Extra)
			return nil
		})
		b.mu.Lock()
		for _, q := range b.prompts[leader] {
			if q.ChatID == p.ChatID && q.TopicID == p.TopicID {
				p = q
			}
		}
		b.mu.Unlock()
		p.Extra = 0
		b.keepPrompt(p)
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
				at(c.End.At.Add(outcomeWindow), func() { b.forget(c.Leader) })
			}
		case c.Step == Asking:
			at(c.Until, func() {
				if c, err := b.apply(key, lapsed{time.Now()}); err == nil && c.Step == Sending {
					b.send(key, false)
				}
			})
		case c.Step == Overdue, c.Step == Sending:
			// The gateway says how it ended: by event, at the next connection, or
			// when we look, within a minute.
		case c.Step == Open:
			at(expires, func() {
				if _, err := b.apply(key, lapsed{time.Now()}); err == nil {
					b.sleep(time.Second) // the gateway's own timer first
					signal(b.look)
				}
			})
			if c.ShownAt.IsZero() {
				since := c.SeenAt
				if since.Before(b.started) {
					since = b.started
				}
				at(since.Add(undeliveredAfter), func() { b.undeliverable(key, "the chat could not be reached") })
			} else if compared && !c.Nudged && c.Leader == c.Key && now.Before(expires) {
				at(c.ShownAt.Add(expires.Sub(c.ShownAt)/2), func() { b.nudge(*c) })
			}
		}
	}
	return next
}

// forget drops a group that is over from memory. The ledger still knows it.
func (b *Broker) forget(leader string) {
	b.mu.Lock()
	keys := b.groups[leader]
	for _, key := range keys {
		if c := b.cases[key]; !c.closed() || time.Since(c.End.At) < outcomeWindow {
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
