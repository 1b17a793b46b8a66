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
	queueLength = 256              // parcels of one queue kept in memory; the others wait on disk
	sendTimeout = 2 * time.Minute  // of one attempt, the waiting that Telegram asks for included
	refillEvery = 30 * time.Second // looks on disk for what is not in memory
	retryMax    = time.Minute
	attemptsMax = 500 // about eight hours; then something else is said instead
)

// A queue is what is sent in order: the messages of one chat. Its deletions are
// another, for a secret goes at once, and no answer waits until it may.
type queue struct {
	chat      int64
	deletions bool
}

// An outbox sends what the ledger keeps until it is sent. Queues do not wait for
// each other.
type outbox struct {
	*Router
	refill chan struct{} // holds one signal
	done   chan struct{} // holds one signal: something was sent

	mu     sync.Mutex
	wg     sync.WaitGroup
	ctx    context.Context // of the sending; nil before run
	stop   bool
	queues map[queue][]consignment // one that is there has a goroutine
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

func (c consignment) queue() queue { return queue{c.To.ChatID, c.out.Delete != 0} }

func newOutbox(r *Router) *outbox {
	return &outbox{
		Router: r, refill: make(chan struct{}, 1), done: make(chan struct{}, 1),
		queues: make(map[queue][]consignment), known: make(map[int64]bool), spilled: make(map[int64]bool),
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

// add puts c at the end of its queue, or leaves it in the ledger if that is full.
// o.mu is held.
func (o *outbox) add(c consignment) {
	if o.ctx == nil || o.stop || o.known[c.ID] {
		return // run finds it in the ledger
	}
	q := c.queue()
	waiting, busy := o.queues[q]
	if o.spilled[q.chat] || len(waiting) >= queueLength {
		o.spilled[q.chat] = true
		return
	}
	o.known[c.ID] = true
	o.queues[q] = append(waiting, c)
	if !busy {
		o.wg.Go(func() { o.serve(q) })
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
	o.confirm() // what is sent is not due
	o.mu.Lock()
	o.filling, o.missed = true, false
	clear(o.spilled)
	o.mu.Unlock()

	due, err := o.cfg.Ledger.Due(ctx, time.Now(), queueLength)
	if err != nil {
		o.note("ledger", err) // that it can be read does not mean that it can be written
	}
	var all []consignment
	var newest int64
	found := make(map[int64]int) // by chat
	for _, p := range due {
		newest = max(newest, p.ID)
		found[p.To.ChatID]++
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
	for chat, n := range found {
		if n == queueLength {
			o.spilled[chat] = true // there may be more
		}
	}
	o.filling, o.filled = false, max(o.filled, newest)
	if o.missed && err == nil {
		signal(o.refill)
	}
}

// serve sends what is in q, and ends when that is nothing.
func (o *outbox) serve(q queue) {
	for {
		o.mu.Lock()
		waiting := o.queues[q]
		if len(waiting) == 0 || o.ctx.Err() != nil {
			delete(o.queues, q)
			if o.spilled[q.chat] {
				signal(o.refill)
			}
			o.mu.Unlock()
			return
		}
		c := waiting[0]
		o.mu.Unlock()

		over := o.deliver(&c)
		o.mu.Lock()
		if over {
			o.queues[q] = slices.Delete(o.queues[q], 0, 1)
		} else {
			o.queues[q][0] = c // the same again
		}
		o.mu.Unlock()
		if over {
			o.finished(c.ID)
		}
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

// deliver tries c once and reports whether that is the end of it. If not, c is what
// to try next, and it has waited as long as it should.
func (o *outbox) deliver(c *consignment) (over bool) {
	err := o.attempt(c.out)
	switch {
	case err == nil:
		return true
	case o.ctx.Err() != nil:
		return false // stays in the ledger
	case errors.Is(err, ErrBlocked), errors.Is(err, ErrRejected) && c.out.final:
		o.log.Error("message given up", "chat", c.To.ChatID, "parcel", c.ID, "err", err)
		return true
	case errors.Is(err, ErrRejected), c.Attempts >= attemptsMax && !c.out.final:
		o.log.Error("message given up, saying so", "chat", c.To.ChatID, "parcel", c.ID, "err", err)
		c.out = c.out.instead()
		return false
	}
	c.Attempts++
	pause := min(time.Second<<min(c.Attempts-1, 6), retryMax)
	o.log.Warn("message not sent, trying again", "chat", c.To.ChatID, "parcel", c.ID, "attempt", c.Attempts, "after", pause, "err", err)
	o.hold(c.ID, time.Now().Add(pause))
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-o.ctx.Done():
	case <-t.C:
	}
	return false
}

func (o *outbox) attempt(out Outgoing) error {
	ctx, cancel := context.WithTimeout(o.ctx, sendTimeout)
	defer cancel()
	return o.send(ctx, out)
}

// hold tells the ledger that a parcel waits. After a restart it is tried again no
// earlier.
func (o *outbox) hold(id int64, until time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), recordTimeout)
	defer cancel()
	o.note("ledger", o.cfg.Ledger.Retry(ctx, id, until))
}

// send sends out. A message that was to be edited and is gone is sent anew; a
// group that has moved is followed.
func (o *outbox) send(ctx context.Context, out Outgoing) error {
	err := o.sendTo(ctx, out)
	var moved *MigratedError
	switch {
	case !errors.As(err, &moved):
	case out.Delete != 0:
		return fmt.Errorf("%w: %w", ErrRejected, err) // there it has another number
	default:
		o.log.Warn("group has a new id; put it into [[telegram.group]]", "chat", out.To.ChatID, "new", moved.ChatID)
		out.To, out.Edit = Address{ChatID: moved.ChatID}, 0
		err = o.sendTo(ctx, out)
	}
	return err
}

func (o *outbox) sendTo(ctx context.Context, out Outgoing) (err error) {
	defer o.defuse(&err)
	if out.Delete != 0 {
		return o.cfg.Chat.Delete(ctx, out.To, out.Delete)
	}
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
		err := o.send(ctx, out)
		if errors.Is(err, ErrRejected) {
			err = o.send(ctx, out.instead())
		}
		if err != nil {
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
