package faketelegram

import (
	"context"
	"slices"
	"time"
)

// updateAge is how long Telegram keeps an update that nobody fetches.
const updateAge = 24 * time.Hour

var (
	errHookActive  = conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	errOtherPoller = conflict("terminated by other getUpdates request; make sure that only one bot instance is running")
	errHookSet     = conflict("terminated by setWebhook request")
)

// poll is a getUpdates that waits.
type poll struct {
	wake chan struct{} // has room for one
	end  chan *Error   // has room for one
}

// enqueue gives b an update, unless it did not ask for that kind.
func (w *world) enqueue(b *bot, u *Update) {
	if b.allowed != nil && !b.allowed[u.kind()] {
		return
	}
	u.UpdateID = b.nextUpdate
	b.nextUpdate++
	if n := len(b.queue) - w.cfg.MaxUpdates; n >= 0 {
		b.queue = b.queue[n+1:]
	}
	b.queue = append(b.queue, &queued{u, time.Now()})
	b.notify()
	w.wake()
}

// notify tells the poll or the webhook that there is something to fetch.
func (b *bot) notify() {
	var ready chan struct{}
	switch {
	case b.hook != nil:
		ready = b.hook.wake
	case b.poll != nil:
		ready = b.poll.wake
	default:
		return
	}
	select {
	case ready <- struct{}{}:
	default:
	}
}

// confirm forgets the updates before offset, or with a negative one all but the
// last -offset, and the ones that nobody came for.
func (b *bot) confirm(offset int64) {
	n := 0
	switch {
	case offset < 0:
		n = max(0, len(b.queue)+int(max(offset, -int64(len(b.queue)))))
	case offset > 0:
		for n < len(b.queue) && b.queue[n].UpdateID < offset {
			n++
		}
	}
	for n < len(b.queue) && time.Since(b.queue[n].at) > updateAge {
		n++
	}
	for _, q := range b.queue[:n] {
		b.old.add(q.Update)
	}
	b.queue = b.queue[n:]
}

// take gives up to limit updates, which stay in the queue.
func (b *bot) take(limit int) []*Update {
	us := make([]*Update, 0, min(limit, len(b.again)+len(b.queue)))
	n := min(limit, len(b.again))
	us = append(us, b.again[:n]...)
	b.again = b.again[n:]
	for _, q := range b.queue[:min(limit-n, len(b.queue))] {
		us = append(us, q.Update)
	}
	return us
}

// getUpdates follows the Bot API server: what comes before offset is confirmed;
// if there is nothing, the request waits, and ends one that waited before it.
func (w *world) getUpdates(ctx context.Context, b *bot, a args) (any, *Error) {
	offset := a.int("offset", 0)
	limit := int(a.clamp("limit", 100, 1, 100))
	timeout := time.Duration(a.clamp("timeout", 0, 0, 50)) * time.Second
	var kinds []string
	if a.json("allowed_updates", &kinds) != nil {
		return nil, badRequest("can't parse allowed_updates JSON array")
	}

	w.mu.Lock()
	if b.hook != nil {
		w.mu.Unlock()
		return nil, errHookActive
	}
	if a.has("allowed_updates") {
		b.allow(kinds)
	}
	b.confirm(offset)
	us := b.take(limit)
	if len(us) > 0 || timeout == 0 {
		w.mu.Unlock()
		return us, nil
	}
	b.endPoll(errOtherPoller)
	p := &poll{wake: make(chan struct{}, 1), end: make(chan *Error, 1)}
	b.poll = p
	w.wake()
	w.mu.Unlock()

	defer func() {
		w.mu.Lock()
		if b.poll == p {
			b.poll = nil
			w.wake()
		}
		w.mu.Unlock()
	}()
	t := time.NewTimer(timeout)
	defer t.Stop()
	for {
		select {
		case <-p.wake:
			w.mu.Lock()
			if b.poll == p {
				us = b.take(limit)
			}
			w.mu.Unlock()
			if len(us) > 0 {
				return us, nil
			}
		case err := <-p.end:
			return nil, err
		case <-t.C:
			return us, nil
		case <-ctx.Done():
			return nil, aborted
		case <-w.done:
			return nil, aborted
		}
	}
}

// allow sets the kinds of updates that b gets from now on; none means all.
func (b *bot) allow(kinds []string) {
	b.allowed, b.allowedRaw = nil, kinds
	if len(kinds) == 0 {
		return
	}
	b.allowed = map[string]bool{}
	for _, k := range kinds {
		b.allowed[k] = true
	}
}

// endPoll ends the poll that waits, if there is one.
func (b *bot) endPoll(err *Error) {
	if b.poll != nil {
		b.poll.end <- err
		b.poll = nil
	}
}

// Polling reports whether the bot waits for updates at this moment.
func (s *Server) Polling() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.bot.poll != nil
}

// Unconfirmed returns the IDs of the updates that the bot has not confirmed.
func (s *Server) Unconfirmed() []int64 {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	ids := make([]int64, 0, len(s.bot.queue))
	for _, q := range s.bot.queue {
		ids = append(ids, q.UpdateID)
	}
	return ids
}

// LastUpdate returns the ID of the newest update of the bot, 0 if it has none.
func (s *Server) LastUpdate() int64 {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if len(s.bot.queue) == 0 && s.bot.old.n == 0 {
		return 0
	}
	return s.bot.nextUpdate - 1
}

// Redeliver gives the bot an update once more with its next fetch, whatever
// offset that asks for, as Telegram does when it loses a confirmation. It
// reports whether it still knows the update: the unconfirmed and the last 10,000
// confirmed ones.
func (s *Server) Redeliver(updateID int64) bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	b := s.bot
	var u *Update
	for _, q := range b.queue {
		if q.UpdateID == updateID {
			u = q.Update
		}
	}
	old, _ := b.old.since(0)
	if i := slices.IndexFunc(old, func(u *Update) bool { return u.UpdateID == updateID }); u == nil && i >= 0 {
		u = old[i]
	}
	if u == nil {
		return false
	}
	b.again = append(b.again, u)
	b.notify()
	return true
}

// SetNextUpdateID sets the ID of the bot's next update; the ones after it
// count on. Telegram starts anew at a random number after a quiet week.
func (s *Server) SetNextUpdateID(id int64) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.bot.nextUpdate = id
}
