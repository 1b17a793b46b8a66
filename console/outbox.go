package console

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	queueLength  = 256              // parcels of one chat kept in memory; the others wait on disk
	sendTimeout  = 2 * time.Minute  // of one attempt, the waiting that Telegram asks for included
	refillEvery  = 30 * time.Second // looks on disk for what is not in memory
	refillAtOnce = 1000
	retryMax     = time.Minute
	attemptsMax  = 500 // about eight hours
)

// An outbox sends what the ledger keeps until it is sent. What belongs to one
// chat is sent in order; chats do not wait for each other.
type outbox struct {
	*Router
	refill chan struct{} // holds one signal
	done   chan struct{} // holds one signal: something was sent

	mu     sync.Mutex
	wg     sync.WaitGroup
	ctx    context.Context // of the sending; nil before run
	stop   bool
	queues map[int64][]consignment // by chat; a chat that is there has a goroutine
	known  map[int64]bool          // parcels in memory
	sent   []int64                 // to be told to the ledger

	// A chat has spilled when its queue was full: what follows stays in the ledger
	// too, so that it is not sent before what is older.
	spilled map[int64]bool
	filling bool  // the ledger is being read
	filled  int64 // newest parcel that was found in the ledger
	missed  bool  // something was left to fill
}

type consignment struct {
	Parcel
	out Outgoing
}

func newOutbox(r *Router) *outbox {
	return &outbox{
		Router: r, refill: make(chan struct{}, 1), done: make(chan struct{}, 1),
		queues: make(map[int64][]consignment), known: make(map[int64]bool), spilled: make(map[int64]bool),
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take queues what was just put into the ledger.
func (o *outbox) take(parcels []Parcel, out []Outgoing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, p := range parcels {
		if o.filling {
			o.missed = true // the next fill brings it, after those that are older
			continue
		}
		if p.ID <= o.filled {
			// The ledger was read after this was put there and before we were told: it
			// may be sent by now, which the ledger knows.
			signal(o.refill)
			continue
		}
		o.add(consignment{p, out[i]})
	}
}

// add puts c at the end of its chat's queue, or leaves it in the ledger if that
// is full. o.mu is held.
func (o *outbox) add(c consignment) {
	if o.ctx == nil || o.stop || o.known[c.ID] {
		return // run finds it in the ledger
	}
	chat := c.To.ChatID
	queue, busy := o.queues[chat]
	if o.spilled[chat] || len(queue) >= queueLength {
		o.spilled[chat] = true
		return
	}
	o.known[c.ID] = true
	o.queues[chat] = append(queue, c)
	if !busy {
		o.wg.Go(func() { o.serve(chat) })
	}
}

// run sends until ctx ends.
func (o *outbox) run(ctx context.Context) {
	o.mu.Lock()
	o.ctx, o.filling = ctx, true // first what is older
	o.mu.Unlock()
	tick := time.NewTicker(refillEvery)
	defer tick.Stop()
	o.fill(ctx)
	for {
		select {
		case <-ctx.Done():
			o.mu.Lock()
			o.stop = true
			o.mu.Unlock()
			o.wg.Wait()
			o.confirm()
			return
		case <-tick.C:
			o.fill(ctx)
		case <-o.refill:
			o.fill(ctx)
		case <-o.done:
			o.confirm()
		}
	}
}

// fill queues what is due and not in memory.
func (o *outbox) fill(ctx context.Context) {
	o.mu.Lock()
	o.filling, o.missed = true, false
	clear(o.spilled)
	o.mu.Unlock()

	due, err := o.cfg.Ledger.Due(ctx, time.Now(), refillAtOnce)
	if err != nil {
		o.note("ledger", err) // that it can be read does not mean that it can be written
	}
	var all []consignment
	var newest int64
	for _, p := range due {
		newest = max(newest, p.ID)
		out, err := o.decode(p.Body)
		if err != nil {
			o.log.Error("parcel not understood, left out", "parcel", p.ID, "err", err)
			o.finished(p.ID)
			continue
		}
		out.To, out.Edit = p.To, p.Edit
		all = append(all, consignment{p, out})
	}

	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range all {
		o.add(c)
	}
	o.filling, o.filled = false, max(o.filled, newest)
	if o.missed && err == nil {
		signal(o.refill)
	}
}

// serve sends what is queued for one chat, and ends when there is nothing.
func (o *outbox) serve(chat int64) {
	for {
		o.mu.Lock()
		queue := o.queues[chat]
		if len(queue) == 0 || o.ctx.Err() != nil {
			delete(o.queues, chat)
			if o.spilled[chat] {
				signal(o.refill)
			}
			o.mu.Unlock()
			return
		}
		c := queue[0]
		o.mu.Unlock()

		if !o.deliver(c) {
			continue // the same again
		}
		o.mu.Lock()
		o.queues[chat] = slices.Delete(o.queues[chat], 0, 1)
		o.mu.Unlock()
		o.finished(c.ID)
	}
}

// finished takes a parcel out of the ledger, together with others.
func (o *outbox) finished(id int64) {
	o.mu.Lock()
	o.sent = append(o.sent, id)
	o.mu.Unlock()
	signal(o.done)
}

// confirm tells the ledger what was sent. What it cannot be told will be sent
// again after a restart.
func (o *outbox) confirm() {
	o.mu.Lock()
	ids := o.sent
	o.sent = nil
	o.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	err := o.cfg.Ledger.Sent(ctx, ids...)
	o.note("ledger", err)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.sent = append(o.sent, ids...) // with the next one; known keeps it from being sent again
		return
	}
	for _, id := range ids {
		delete(o.known, id)
	}
}

// deliver tries c once and reports whether that is the end of it. If not, it
// waits before it returns.
func (o *outbox) deliver(c consignment) bool {
	ctx, cancel := context.WithTimeout(o.ctx, sendTimeout)
	defer cancel()
	err := o.send(ctx, c.out)
	switch {
	case err == nil:
		return true
	case o.ctx.Err() != nil:
		return false // stays in the ledger
	case errors.Is(err, ErrBlocked), errors.Is(err, ErrRejected), c.Attempts >= attemptsMax:
		o.log.Error("message given up", "chat", c.To.ChatID, "parcel", c.ID, "err", err)
		return true
	}
	c.Attempts++
	pause := min(time.Second<<min(c.Attempts-1, 6), retryMax)
	o.log.Warn("message not sent, trying again", "chat", c.To.ChatID, "parcel", c.ID, "attempt", c.Attempts, "after", pause, "err", err)
	if err := o.cfg.Ledger.Retry(ctx, c.ID, time.Now().Add(pause)); err != nil {
		o.note("ledger", err)
	}
	o.mu.Lock()
	if q := o.queues[c.To.ChatID]; len(q) > 0 {
		q[0].Attempts = c.Attempts
	}
	o.mu.Unlock()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-o.ctx.Done():
	case <-t.C:
	}
	return false
}

// send sends out. A message that was to be edited and is gone is sent anew; a
// group that has moved is followed.
func (o *outbox) send(ctx context.Context, out Outgoing) error {
	err := o.sendTo(ctx, out)
	var moved *MigratedError
	if errors.As(err, &moved) {
		o.log.Warn("group has a new id; put it into [[telegram.group]]", "chat", out.To.ChatID, "new", moved.ChatID)
		out.To, out.Edit = Address{ChatID: moved.ChatID}, 0
		err = o.sendTo(ctx, out)
	}
	return err
}

func (o *outbox) sendTo(ctx context.Context, out Outgoing) (err error) {
	defer o.defuse(&err)
	if out.Document != nil {
		_, err := o.cfg.Chat.Document(ctx, out.To, *out.Document)
		return err
	}
	if out.Edit != 0 {
		err := o.cfg.Chat.Edit(ctx, out.To, out.Edit, *out.Reply)
		if !errors.Is(err, ErrGone) && !errors.Is(err, ErrRejected) {
			return err
		}
	}
	_, err = o.cfg.Chat.Send(ctx, out.To, *out.Reply)
	return err
}

func (o *outbox) decode(body []byte) (out Outgoing, err error) {
	defer o.defuse(&err)
	return decodeOutgoing(body, o.cfg.Redactor)
}

// defuse makes a refusal of a panic. A parcel that cannot be shown would else end
// the process, and again at every start.
func (o *outbox) defuse(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%w: panic: %v\n%s", ErrRejected, v, debug.Stack())
	}
}

// sendOnce sends what the ledger cannot keep.
func (o *outbox) sendOnce(outs []Outgoing) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.work), callTimeout)
	defer cancel()
	for _, out := range outs {
		if err := o.send(ctx, out); err != nil {
			o.log.Error("message lost", "chat", out.To.ChatID, "err", err)
		}
	}
}

// flush waits until everything in memory is sent, for at most d.
func (o *outbox) flush(d time.Duration) {
	limit := time.Now().Add(d)
	for time.Now().Before(limit) && o.length() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
}

func (o *outbox) length() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, q := range o.queues {
		n += len(q)
	}
	return n
}
