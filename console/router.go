package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/redact"
)

const (
	maxLeft        = 1000
	laneLength     = 256 // messages of one chat that wait for admission; more are refused as busy
	pressesAtOnce  = 256 // beyond that Telegram keeps them until there is room
	grace          = 10 * time.Second
	killGrace      = 5 * time.Second // for what was cancelled to end: exec needs 2 s to kill a group
	flushGrace     = 3 * time.Second // for the last replies
	defaultStale   = 120 * time.Second
	pruneEvery     = time.Hour
	callTimeout    = 10 * time.Second // of a call to Telegram that is no reply
	recordTimeout  = 5 * time.Second  // of a write to the ledger or the record
	maxMessageSize = 4096             // UTF-16 units; source: Bot API, sendMessage
)

// Commands asks nobody: it does. *commands.Env is one.
type Commands interface {
	Class(name string) auth.Class
	Aftermath(line, key string) string                       // how to learn what came of a command whose outcome is unknown
	Check(r commands.Request) (res commands.Result, ok bool) // what is known against r, before a confirmation is offered
	Do(ctx context.Context, g auth.Grant, r commands.Request, progress func(commands.Result)) (commands.Result, error)
}

// Approvals takes the presses and the replies that belong to approvals. It is
// asked first, about operators only, and says whether a press or message was its
// own. It must not wait for the gateway: presses and admission wait for it. Its
// update is then done; one that was taken and not yet done in a crash comes again.
type Approvals interface {
	Press(ctx context.Context, op auth.Operator, p Press) (taken bool)
	Message(ctx context.Context, op auth.Operator, m Message) (taken bool) // replies to our messages only
}

// Config is what a Router works with. All but the fields marked optional are
// needed.
type Config struct {
	Chat     Chat
	Gate     *auth.Gate
	Commands Commands
	Ledger   Ledger
	Record   Recorder
	Redactor *redact.Redactor

	Approvals Approvals            // optional
	Bot       func() string        // our username without @; "" while it is not known
	Skew      func() time.Duration // Telegram's clock minus ours; optional
	Poll      func() error         // why Telegram cannot be polled; optional
	Gateway   string               // name shown after "@": "local"
	Instance  string               // makes idempotency keys differ from those of other consoles; optional
	Log       *slog.Logger         // optional

	Groups     []Group
	StaleAfter time.Duration // 0: 120 s
}

// Group is a group chat that the bot belongs in.
type Group struct {
	ID             int64
	RequireMention bool // bare commands are not for us: @ourbot or a reply to us is needed
}

// A Router takes messages and presses through all checks, has commands done and
// replies.
type Router struct {
	cfg     Config
	log     *slog.Logger
	out     *outbox
	buttons *registry
	slots   *slots
	edits   turns
	spoken  spoken // for what is beyond a budget
	faults  faults
	presses chan struct{} // semaphore

	ready   chan struct{} // closed when Run has recovered
	closing chan struct{} // closed when no new command may begin
	work    context.Context
	abandon context.CancelCauseFunc
	admits  sync.WaitGroup // lanes, presses and other work that is never long
	runs    sync.WaitGroup // commands

	mu      sync.Mutex
	stopped bool
	lanes   map[int64]*lane
	left    map[int64]bool // unknown groups
}

// New returns a Router. Run makes it work.
func New(c Config) *Router {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.StaleAfter = cmp.Or(c.StaleAfter, defaultStale)
	if c.Skew == nil {
		c.Skew = func() time.Duration { return 0 }
	}
	if c.Poll == nil {
		c.Poll = func() error { return nil }
	}
	r := &Router{
		cfg:     c,
		log:     c.Log,
		buttons: newRegistry(),
		slots:   newSlots(),
		presses: make(chan struct{}, pressesAtOnce),
		ready:   make(chan struct{}),
		closing: make(chan struct{}),
		lanes:   make(map[int64]*lane),
		left:    make(map[int64]bool),
	}
	r.work, r.abandon = context.WithCancelCause(context.Background())
	r.out = newOutbox(r)
	return r
}

func (r *Router) group(id int64) (Group, bool) {
	i := slices.IndexFunc(r.cfg.Groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		return Group{}, false
	}
	return r.cfg.Groups[i], true
}

func (r *Router) staleAfter() time.Duration { return r.cfg.StaleAfter }

// errClosing is why an update is not taken, or a command ended.
var errClosing = errors.New("the console is stopping")

// Run recovers what a crash has left, then works until ctx ends. It returns nil
// then, after at most about 20 s: no command begins any more, those that run get
// 10 s and are ended, their operators are told, and the outbox is emptied as far
// as Telegram lets it. An error means that it could not begin, or that a command
// did not end; its update is then found unknown at the next start.
func (r *Router) Run(ctx context.Context) error {
	sending, stopSending := context.WithCancel(context.Background())
	defer stopSending()
	received, err := r.recover(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // what was not recovered is so at the next start
	case err != nil:
		return err
	}
	var helpers sync.WaitGroup
	helpers.Go(func() { r.out.run(sending) })
	helpers.Go(func() { r.prune(ctx) })
	helpers.Go(func() { r.watch(ctx) })
	r.resume(ctx, received)
	close(r.ready)

	<-ctx.Done()
	err = r.stop()
	r.out.flush(flushGrace)
	stopSending()
	helpers.Wait()
	return err
}

func (r *Router) stop() error {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	close(r.closing)
	r.admits.Wait() // what was received and not admitted is so at the next start
	r.slots.close()
	if within(grace, &r.runs) {
		return nil
	}
	r.abandon(errClosing)
	if within(killGrace, &r.runs) {
		return nil
	}
	return errors.New("a command did not end; its outcome is unknown")
}

// within waits for w, for at most d.
func within(d time.Duration, w *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() { w.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// prune prunes the ledger now, for a console may be restarted more often than
// pruneEvery, and from then on.
func (r *Router) prune(ctx context.Context) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		if _, err := r.cfg.Ledger.Prune(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.log.Error("ledger not pruned", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Health is how the router fares.
type Health struct {
	Running int     // commands at work
	Waiting int     // commands that wait for their turn
	Unsent  int     // parcels in memory that Telegram has not taken yet
	Faults  []Fault // the last of each thing, newest first, those that are over too
}

// Health returns how the router fares.
func (r *Router) Health() Health {
	r.notePoll()
	h := Health{Unsent: r.out.length(), Faults: r.faults.all()}
	h.Running, h.Waiting = r.slots.count()
	return h
}

// Receive stores a batch of updates and sees to it that they are handled: the
// messages of one chat in order, presses at once. It blocks until they are on
// disk. When it fails none of them was taken, and they should be given to it
// again.
func (r *Router) Receive(ctx context.Context, batch []Incoming) error {
	select {
	case <-r.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	updates := make([]Update, len(batch))
	for i, in := range batch {
		updates[i] = r.update(in)
	}
	fresh, err := r.cfg.Ledger.Receive(ctx, updates)
	r.note("ledger", err)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotStored, err)
	}
	for i, in := range batch {
		if fresh[i] {
			r.dispatch(in)
		}
	}
	return nil
}

// update gives the form in which in rests in the ledger: everything that is
// needed to go on after a crash, but no text that may hold a secret.
func (r *Router) update(in Incoming) Update {
	u := Update{ID: in.UpdateID}
	switch {
	case in.Message != nil:
		m := *in.Message
		u.ChatID, u.UserID, u.MessageID, u.SentAt, u.ReceivedAt = m.ChatID, m.UserID, m.MessageID, m.SentAt, m.ReceivedAt
		if _, known := r.cfg.Gate.Identify(m.caller()); !known || m.Origin != Person {
			m.Text = "" // nothing will ever be done with it
		}
		if commands.HoldsSecret(m.Text) || r.hides(m.Text) {
			m.Text, m.Withheld = "", true
		}
		in.Message = &m
	case in.Press != nil:
		p := in.Press
		u.ChatID, u.UserID, u.MessageID, u.ReceivedAt = p.ChatID, p.UserID, p.MessageID, p.ReceivedAt
	case in.Joined != nil:
		u.ChatID = in.Joined.ChatID
	}
	b, err := json.Marshal(in)
	if err != nil {
		panic("console: update has no JSON form: " + err.Error()) // a mistake in the types
	}
	u.Body = b
	return u
}

// hides reports whether something in text is for nobody's eyes: our secret behind a
// misspelt command, say.
func (r *Router) hides(text string) (hides bool) {
	defer func() {
		if v := recover(); v != nil { // or the same update would end us again at every start
			r.panicked(v)
			hides = true
		}
	}()
	return r.cfg.Redactor.Text(text).String() != text
}

// dispatch hands in to whoever handles it. It does not wait for that.
func (r *Router) dispatch(in Incoming) {
	switch {
	case in.Message != nil:
		r.enter(*in.Message, pressed{})
	case in.Press != nil:
		select {
		case r.presses <- struct{}{}:
		case <-r.closing:
			return
		}
		r.spawn(func() {
			defer func() { <-r.presses }()
			r.press(*in.Press)
		})
	case in.Joined != nil:
		r.mu.Lock()
		delete(r.left, in.Joined.ChatID)
		r.mu.Unlock()
		// A message without text: it meets the check of its group and no other.
		r.enter(Message{UpdateID: in.UpdateID, ChatID: in.Joined.ChatID}, pressed{})
	default:
		r.spawn(func() { r.ignore(in.UpdateID) })
	}
}

// spawn runs f, unless the router has stopped.
func (r *Router) spawn(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.admits.Go(f)
}

// A lane is the messages of one chat that wait for admission.
type lane struct{ waiting []entrant }

// An entrant is a message, or a press that stands for one.
type entrant struct {
	m Message
	p pressed
}

// enter puts m at the end of its chat's lane.
func (r *Router) enter(m Message, p pressed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	l := r.lanes[m.ChatID]
	if l == nil {
		l = new(lane)
		r.lanes[m.ChatID] = l
		r.admits.Go(func() { r.walk(m.ChatID, l) })
	}
	if len(l.waiting) >= laneLength {
		r.admits.Go(func() { r.overflow(m) })
		return
	}
	l.waiting = append(l.waiting, entrant{m, p})
}

// walk admits the messages of one chat, one after the other, until there is none.
func (r *Router) walk(chat int64, l *lane) {
	for {
		r.mu.Lock()
		if len(l.waiting) == 0 || r.stopped {
			delete(r.lanes, chat)
			r.mu.Unlock()
			return
		}
		e := l.waiting[0]
		l.waiting = l.waiting[1:]
		r.mu.Unlock()
		r.admit(e.m, e.p)
	}
}

// overflow answers a message that its chat's lane had no room for.
func (r *Router) overflow(m Message) {
	if _, ok := r.cfg.Gate.Identify(m.caller()); !ok || m.Origin != Person {
		r.ignore(m.UpdateID)
		return
	}
	r.say(m.UpdateID, Refused, Outgoing{To: m.address(), Reply: &Reply{Kind: Error, Header: busy}})
}

var busy = redact.Literal("busy, not run")

func (m Message) caller() auth.Caller {
	return auth.Caller{UserID: m.UserID, ChatID: m.ChatID, TopicID: m.TopicID, Private: m.Private}
}

func (m Message) address() Address { return Address{ChatID: m.ChatID, TopicID: m.TopicID} }

// leave leaves an unknown group, once, and reports whether it is one.
func (r *Router) leave(chat int64) (unknown bool) {
	if _, ok := r.group(chat); ok {
		return false
	}
	r.mu.Lock()
	again := r.left[chat]
	if len(r.left) >= maxLeft {
		clear(r.left) // leaving twice does no harm
	}
	r.left[chat] = true
	r.mu.Unlock()
	if again {
		return true
	}
	ctx, cancel := context.WithTimeout(r.work, callTimeout)
	defer cancel()
	if err := r.cfg.Chat.Leave(ctx, chat); err != nil && !errors.Is(err, ErrBlocked) {
		r.log.Warn("unknown group not left", "chat", chat, "err", err)
		r.mu.Lock()
		delete(r.left, chat)
		r.mu.Unlock()
		return true
	}
	r.log.Warn("left an unknown group; add a [[telegram.group]] with its id to stay", "chat", chat)
	return true
}

// ignore ends an update that gets no answer.
func (r *Router) ignore(update int64) { _ = r.finish(update, Ignored) } // finish has logged it

// say ends an update with its replies. If the ledger cannot keep them they are
// sent all the same, once.
func (r *Router) say(update int64, o Outcome, out ...Outgoing) {
	if r.finish(update, o, out...) != nil {
		r.out.sendOnce(out)
	}
}

// finish ends an update with its replies, all or nothing.
func (r *Router) finish(update int64, o Outcome, out ...Outgoing) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	parcels := pack(out)
	err := r.cfg.Ledger.Finish(ctx, update, o, parcels)
	r.note("ledger", err)
	if err != nil {
		r.log.Error("outcome not stored", "update", update, "outcome", o.String(), "err", err)
		return err
	}
	r.out.take(parcels, out)
	return nil
}

func pack(out []Outgoing) []Parcel {
	parcels := make([]Parcel, len(out))
	for i, o := range out {
		parcels[i] = Parcel{To: o.To, Edit: o.Edit, Body: o.encode()}
	}
	return parcels
}

// Notify sends replies by the outbox: it returns when they are on disk, and they
// are sent until Telegram takes them or never will.
func (r *Router) Notify(ctx context.Context, out ...Outgoing) error {
	parcels := pack(out)
	if err := r.cfg.Ledger.Enqueue(ctx, parcels); err != nil {
		r.note("ledger", err)
		return fmt.Errorf("put into outbox: %w", err)
	}
	r.out.take(parcels, out)
	return nil
}

// NotifyOperators sends reply to the private chat of every operator but except.
func (r *Router) NotifyOperators(ctx context.Context, except int64, reply Reply) error {
	return r.Notify(ctx, r.toOperators(except, reply)...)
}

func (r *Router) toOperators(except int64, reply Reply) (out []Outgoing) {
	for _, op := range r.cfg.Gate.Operators() {
		if op.ID != except {
			out = append(out, Outgoing{To: Address{ChatID: op.ID}, Reply: &reply})
		}
	}
	return out
}
