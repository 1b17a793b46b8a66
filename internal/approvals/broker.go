package approvals

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/audit"
	"clawconsole/internal/state"
	"clawconsole/openclaw"
)

// Gateway is the subset of *[openclaw.Gateway] that a Broker uses.
type Gateway interface {
	Name() string
	State() openclaw.State
	ListApprovals(ctx context.Context) ([]openclaw.Approval, error)
	ListedApproval(ctx context.Context, kind openclaw.ApprovalKind, id string) (openclaw.Approval, error)
	GetApproval(ctx context.Context, id string) (openclaw.ApprovalRecord, error)
	ResolveApproval(ctx context.Context, person, id string, kind openclaw.ApprovalKind, d openclaw.Decision) (openclaw.Resolution, error)
	Tell(ctx context.Context, sessionKey, message, key string) error
	Follow(ctx context.Context, sessionKey string) (stop func(), err error)
}

// Ledger is the subset of *[state.Store] that a Broker uses.
type Ledger interface {
	AddApproval(ctx context.Context, a state.Approval, prompts []state.Prompt) error
	SwapApproval(ctx context.Context, was int64, a state.Approval) error
	Approval(ctx context.Context, key string) (state.Approval, error)
	OpenApprovals(ctx context.Context) ([]state.Approval, error)
	ApprovalsLedBy(ctx context.Context, leader string) ([]state.Approval, error)
	RecentApprovals(ctx context.Context, limit int) ([]state.Approval, error)
	SavePrompt(ctx context.Context, p state.Prompt) error
	Prompts(ctx context.Context, approval string) ([]state.Prompt, error)
	PromptAt(ctx context.Context, chat, message int64) (state.Prompt, error)
	PruneApprovals(ctx context.Context, before time.Time) (int64, error)
}

// Prompter shows cases to people. Its methods block until the message is where it
// belongs or cannot get there; any error that is not one of those named is worth
// another try.
type Prompter interface {
	// Prompt sends a message that shows v, with a sound, and returns a hash of what it
	// says, for Press; empty: not known. Errors: ErrUnreachable, ErrLimited,
	// *MovedError.
	Prompt(ctx context.Context, to Place, v View) (message int64, print string, err error)

	// Repaint makes an earlier message show v, and returns what Prompt does. Errors:
	// ErrUnreachable, ErrGone, *MovedError.
	Repaint(ctx context.Context, to Place, message int64, v View) (print string, err error)

	// Nudge reminds of a message, with a sound. Errors as of Prompt.
	Nudge(ctx context.Context, to Place, message int64, v View) (reminder int64, err error)

	// Retract removes a reminder, as far as that is possible.
	Retract(ctx context.Context, to Place, message int64)
}

var (
	// ErrUnreachable means that nobody can be asked in that place.
	ErrUnreachable = errors.New("place cannot be reached")
	// ErrLimited means that the place takes nothing for now: people are there, and
	// will see it.
	ErrLimited = errors.New("place takes no more messages for now")
	// ErrGone means that the message is no longer there.
	ErrGone = errors.New("prompt is gone")
)

// ErrUnrecorded means that the ledger could not be written, so that nothing has
// happened.
var ErrUnrecorded = errors.New("the ledger cannot be written")

// A MovedError means that a place has another number now, under which the console
// does not know it: nobody there may decide before it is configured.
type MovedError struct{ Chat int64 }

func (e *MovedError) Error() string { return fmt.Sprintf("chat is now %d", e.Chat) }

// A Record is what goes on record about an approval. Its strings are not
// redacted.
type Record struct {
	Event  audit.Event // approval.prompted or approval.decided
	Case   Case
	By     Person
	Place  Place
	Result string
	Reason string
}

// A Route says who is asked about which approvals. Its patterns are globs in
// which * stands for anything and ? for one character; an empty one matches all.
type Route struct {
	Source  string // exec, plugin, system-agent
	Agent   string
	Session string
	Tool    string
	Places  []Place
}

// Config is what a Broker works with. All but the fields marked optional are
// needed.
type Config struct {
	Gateway  Gateway
	Ledger   Ledger
	Prompter Prompter

	// Record puts r on record and returns when it is on disk. An approval whose
	// decision cannot be recorded is not sent.
	Record func(ctx context.Context, r Record) error

	// Default is who is asked when no route matches.
	Default func() []Place

	// Hide replaces the secrets in a text before it is written to the ledger. Nil:
	// there are none.
	Hide func(string) string

	// Read finds out how a call, which is as the gateway announces it, can be shown:
	// how many of its parts are hidden, and whether it can only be denied for that.
	// Nil: all of every call is shown.
	Read func(Case) (hidden int, bar Bar)

	// Moved hears, once for each, that a group has another number, and that nobody is
	// asked there any more. It must not block. Nil: nobody needs to.
	Moved func(old, now int64)

	Routes      []Route      // the first that matches counts
	AllowAlways bool         // "allow always" may be decided
	Log         *slog.Logger // optional
}

const (
	undeliveredAfter = 30 * time.Second // without anybody reached
	forgetAfter      = 10 * time.Minute // the end
	outcomeWindow    = 6 * time.Hour    // after an approval, for what became of the call
	tellFor          = 10 * time.Minute // the agent is told until then
	lookEvery        = time.Minute      // at the gateway's list, in case an event was lost
	keepFor          = 7 * 24 * time.Hour
	pruneEvery       = time.Hour
	writeTimeout     = 5 * time.Second
	promptTimeout    = 25 * time.Second // of one attempt to send or edit a prompt
	sendsAtOnce      = 4                // for each chat: one that is slow must not delay another
	maxReason        = 500              // characters
)

// A Broker keeps the open approvals. Run makes it work.
type Broker struct {
	Config
	log   *slog.Logger
	ready chan struct{} // closed when Run has read the ledger; nothing is done before
	look  chan struct{} // holds one signal: compare with the gateway's list
	tick  chan struct{} // holds one signal: deadlines have changed

	ctx context.Context // of Run's; set before ready is closed
	wg  sync.WaitGroup

	mu       sync.Mutex
	stopped  bool
	slots    map[int64]chan struct{} // by chat: semaphore of calls to the Prompter
	outages  map[int64]time.Time     // by chat: since when nothing can be sent there
	moved    map[int64]int64         // groups that have another number, which nobody has configured
	compared bool                    // with the gateway's list, since the start
	cases    map[string]*Case        // open, and ended a short while ago; what is pointed to never changes
	keys     map[string]string       // approval ID to the key of the newest case
	groups   map[string][]string     // leader to all of its group, the leader first
	prompts  map[string][]state.Prompt
	spots    map[Spot]string // message to leader
	painting map[string]bool // leader; true: paint again
	sending  map[string]bool
	joining  map[string]chan struct{} // identical calls come in one after the other
	direct   map[string]Place         // approval ID that is about to be raised, and who is asked
	follows  map[string]func()
	watch    chan struct{} // closed and replaced at every change
	up       chan struct{} // closed and replaced at every connection
	started  time.Time
	faults   map[string]error
	lost     tally // undeliverable ones
	unheard  tally // of which no agent could be told the end
}

// A tally counts since the start.
type tally struct {
	n    int
	last time.Time
}

func (t *tally) add() { t.n, t.last = t.n+1, time.Now() }

// New returns a Broker.
func New(c Config) *Broker {
	return &Broker{
		Config: c, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		ready: make(chan struct{}),
		look:  make(chan struct{}, 1), tick: make(chan struct{}, 1),
		cases: make(map[string]*Case), keys: make(map[string]string), groups: make(map[string][]string),
		prompts: make(map[string][]state.Prompt), spots: make(map[Spot]string),
		painting: make(map[string]bool), sending: make(map[string]bool), direct: make(map[string]Place), joining: make(map[string]chan struct{}),
		follows: make(map[string]func()), slots: make(map[int64]chan struct{}), outages: make(map[int64]time.Time), moved: make(map[int64]int64), watch: make(chan struct{}), up: make(chan struct{}), faults: make(map[string]error),
	}
}

// Wanted selects the events that Run needs, for [openclaw.Gateway.Events].
func Wanted(e openclaw.Event) bool {
	switch e := e.(type) {
	case openclaw.StateChanged, openclaw.Rebooted, openclaw.Resync, openclaw.ApprovalRequested, openclaw.ApprovalResolved:
		return true
	case openclaw.AgentEvent:
		return e.Stream == "command_output"
	}
	return false
}

// Run loads what is open, then works until ctx ends, and returns nil when all it
// has started has ended. events are those that Wanted selects.
func (b *Broker) Run(ctx context.Context, events <-chan openclaw.Event) error {
	b.ctx, b.started = ctx, time.Now()
	if err := b.load(ctx); err != nil {
		b.mu.Lock()
		b.stopped = true
		b.mu.Unlock()
		close(b.ready)
		return fmt.Errorf("approvals: %w", err)
	}
	b.spawn(func() { b.comparing(ctx) })
	b.spawn(func() { b.timing(ctx) })
	close(b.ready)
	b.resume()
	for {
		select {
		case <-ctx.Done():
			b.mu.Lock()
			b.stopped = true
			b.mu.Unlock()
			b.wg.Wait()
			return nil
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			b.event(e)
		}
	}
}

// spawn runs f, unless Run has ended.
func (b *Broker) spawn(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.wg.Go(f)
	}
}

// load reads what is open from the ledger, and all that is shown with it.
func (b *Broker) load(ctx context.Context) error {
	rows, err := b.Ledger.OpenApprovals(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, ok := b.get(row.Key); ok {
			continue // with its group
		}
		group, err := b.group(ctx, row.Leader)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(group, func(c Case) bool { return c.Key == row.Key }) { // of an older version of ours
			if c, err := b.decode(row); err == nil {
				group = append(group, c)
			}
		}
		for _, c := range group {
			prompts, err := b.Ledger.Prompts(ctx, c.Key)
			if err != nil {
				return err
			}
			b.mu.Lock()
			b.enter(c, prompts)
			b.mu.Unlock()
		}
	}
	return nil
}

// group reads a leader and those that it leads from the ledger.
func (b *Broker) group(ctx context.Context, leader string) (group []Case, err error) {
	if leader == "" {
		return nil, nil
	}
	rows, err := b.Ledger.ApprovalsLedBy(ctx, leader)
	for _, row := range rows {
		if c, err := b.decode(row); err == nil {
			group = append(group, c)
		}
	}
	return group, err
}

// decode is decodeCase that says in the log what it cannot read.
func (b *Broker) decode(row state.Approval) (Case, error) {
	c, err := decodeCase(row)
	if err != nil {
		b.log.Error("approval in the ledger not understood, left out", "approval", row.Key, "err", err)
	}
	return c, err
}

// enter puts a case into memory. b.mu is held.
func (b *Broker) enter(c Case, prompts []state.Prompt) {
	b.cases[c.Key] = &c
	if old, ok := b.cases[b.keys[c.Approval.ID]]; !ok || !old.Approval.CreatedAt.After(c.Approval.CreatedAt) {
		b.keys[c.Approval.ID] = c.Key
	}
	if !slices.Contains(b.groups[c.Leader], c.Key) {
		b.groups[c.Leader] = append(b.groups[c.Leader], c.Key)
	}
	b.enterPrompts(prompts...)
}

// enterPrompts puts prompts into memory. b.mu is held.
func (b *Broker) enterPrompts(prompts ...state.Prompt) {
	for _, p := range prompts {
		same := func(q state.Prompt) bool { return q.ChatID == p.ChatID && q.TopicID == p.TopicID }
		if i := slices.IndexFunc(b.prompts[p.Approval], same); i >= 0 {
			b.prompts[p.Approval][i] = p
		} else {
			b.prompts[p.Approval] = append(b.prompts[p.Approval], p)
		}
		if p.MessageID > 0 {
			b.spots[Spot{p.ChatID, p.MessageID}] = p.Approval
		}
	}
}

// resume goes on where the last process has left off.
func (b *Broker) resume() {
	for _, c := range b.sorted() {
		switch {
		case c.State.Final() && !c.Told:
			b.finish(*c)
		case c.Step == Sending:
			b.send(c.Key, true)
		}
		b.follow(*c)
	}
	for _, leader := range b.leaders() {
		for _, p := range b.promptsOf(leader) {
			if p.MessageID == 0 && !b.view(leader).Over() {
				b.deliver(p)
			}
		}
		b.part(leader)
		b.repaint(leader)
		b.spawn(func() { b.retract(leader) })
	}
}

func (b *Broker) event(e openclaw.Event) {
	switch e := e.(type) {
	case openclaw.StateChanged:
		if e.State.Phase == openclaw.Connected {
			b.connected(e.State)
		}
	case openclaw.Rebooted, openclaw.Resync:
		signal(b.look)
	case openclaw.ApprovalRequested:
		b.spawn(func() { b.requested(e.Approval) })
	case openclaw.ApprovalResolved:
		b.spawn(func() { b.resolved(e) })
	case openclaw.AgentEvent:
		b.outcome(e)
	}
}

// connected says what this connection cannot see, and has everything compared.
func (b *Broker) connected(s openclaw.State) {
	if len(s.Missing) > 0 {
		b.log.Warn("approvals are seen in part only", "advice", s.Advice)
	}
	b.mu.Lock()
	close(b.up)
	b.up = make(chan struct{})
	b.mu.Unlock()
	signal(b.look)
	for _, c := range b.open() {
		b.spawn(func() { b.follow(c) })
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// comparing compares with the gateway's list after every connection, now and
// then, and whenever somebody wants it.
func (b *Broker) comparing(ctx context.Context) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	again := time.NewTimer(0)
	again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			if _, err := b.Ledger.PruneApprovals(ctx, time.Now().Add(-keepFor)); err != nil {
				b.note("ledger", err)
			}
			continue
		case <-b.look:
		case <-every.C:
		case <-again.C:
		}
		if err := b.compare(ctx); err != nil && ctx.Err() == nil && b.Gateway.State().Phase == openclaw.Connected {
			b.log.Warn("open approvals not compared with the gateway's", "err", err)
			again.Reset(time.Second)
		}
	}
}

// compare takes in what the gateway lists and we do not know, and asks for the
// record of what we think is open and it does not list.
func (b *Broker) compare(ctx context.Context) error {
	if b.Gateway.State().Phase != openclaw.Connected {
		return nil
	}
	open := b.open() // before the list: what comes after it is not missing
	list, err := b.Gateway.ListApprovals(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]bool)
	for _, a := range list {
		listed[keyOf(a)] = true
		b.requested(a)
	}
	var errs []error
	for _, c := range open {
		if !listed[c.Key] && !b.beingSent(c.Key) {
			errs = append(errs, b.settle(ctx, c.Key))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	b.mu.Lock()
	b.compared = true
	b.mu.Unlock()
	signal(b.tick)
	return nil
}

// settle asks for the gateway's record and applies it.
func (b *Broker) settle(ctx context.Context, key string) error {
	c, ok := b.get(key)
	if !ok || c.State.Final() {
		return nil
	}
	r, err := b.Gateway.GetApproval(ctx, c.Approval.ID)
	switch {
	case errors.Is(err, openclaw.ErrNotFound):
		r = openclaw.ApprovalRecord{Status: openclaw.ApprovalCancelled, Reason: "gone"}
	case err != nil:
		return fmt.Errorf("record of approval %s: %w", c.Approval.ID, err)
	case !r.CreatedAt.IsZero() && !c.Approval.CreatedAt.IsZero() && !r.CreatedAt.Equal(c.Approval.CreatedAt):
		r = openclaw.ApprovalRecord{Status: openclaw.ApprovalCancelled, Reason: "replaced"}
	}
	return b.recordedAs(key, r, false)
}

// recordedAs applies the gateway's record. applied says that our decision is surely
// what it records; else that goes by the resolver's name.
func (b *Broker) recordedAs(key string, r openclaw.ApprovalRecord, applied bool) error {
	c, _ := b.get(key)
	_, err := b.apply(key, recorded{record: r, ours: applied || b.ours(r.Resolver, c.Claim.By), at: time.Now()})
	if errors.Is(err, ErrEnded) {
		return nil
	}
	return err
}

// ours reports whether a resolver's name is that of our connection for p. While
// the gateway drains, decisions go over the shared connection, which bears the
// console's name alone.
func (b *Broker) ours(resolver string, p Person) bool {
	if p == (Person{}) || resolver == "" {
		return false
	}
	name := b.Gateway.Name()
	return resolver == name || resolver == openclaw.DisplayName(name, p.Name)
}

// requested takes in an approval that waits.
func (b *Broker) requested(a openclaw.Approval) {
	sum := digest(a)
	key := keyOf(a)
	if skew := b.Gateway.State().Skew; skew.Abs() > time.Second && !a.ExpiresAt.IsZero() {
		a.ExpiresAt = a.ExpiresAt.Add(-skew) // by our clock, which everything here goes by
	}
	b.mu.Lock()
	known, ok := b.cases[key]
	to, alone := b.direct[a.ID]
	b.mu.Unlock()
	if ok {
		b.again(*known, a, sum)
		return
	}
	if !a.ExpiresAt.IsZero() && !time.Now().Before(a.ExpiresAt) {
		return
	}
	c := Case{
		Key: key, Version: 1, Shows: 1, Token: rand.Text(), Approval: a, Digest: sum, Leader: key, Alone: alone,
		State: Pending, Step: Open, SeenAt: time.Now(),
	}
	c.Digits = b.digits(sum)
	c = b.inspect(c)
	places := b.places(a)
	if alone {
		places = []Place{to}
	}

	defer b.join(sum + a.SessionKey)()
	if leader := b.leader(c); leader != "" {
		c.Leader, places = leader, nil
	}
	prompts := promptsAt(key, places)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), writeTimeout)
	err := b.Ledger.AddApproval(ctx, b.hidden(c).row(), prompts)
	cancel()
	if errors.Is(err, state.ErrKnown) {
		return // two announcements at once, or one that ended long ago
	}
	b.note("ledger", err)
	if err != nil {
		// People can be asked all the same, but a decision cannot be claimed. The
		// next comparison tries again.
		b.log.Error("approval not stored, nobody is asked", "approval", a.ID, "err", err)
		return
	}

	b.mu.Lock()
	delete(b.direct, a.ID)
	b.enter(c, prompts)
	b.changedNow()
	b.mu.Unlock()
	b.log.Info("approval requested", "approval", a.ID, "kind", string(a.Kind), "agent", a.AgentID)
	signal(b.tick)
	switch {
	case c.Leader != c.Key:
		b.repaint(c.Leader)
	case len(prompts) == 0:
		b.undeliverable(c.Key, "no route reaches anybody")
	default:
		for _, p := range prompts {
			b.deliver(p)
		}
	}
	b.spawn(func() { b.follow(c) })
}

// promptsAt returns the prompts of a leader, not sent yet.
func promptsAt(leader string, places []Place) (prompts []state.Prompt) {
	for _, p := range places {
		prompts = append(prompts, state.Prompt{Approval: leader, ChatID: p.Chat, TopicID: p.Topic})
	}
	return prompts
}

// again takes in what is announced once more. What memory has of it may have come
// from the ledger, without its secrets.
func (b *Broker) again(c Case, a openclaw.Approval, sum string) {
	if c.State.Final() {
		return
	}
	if c.Digest == sum {
		if !c.Look.Taken { // it is from the ledger of an older version
			fresh := c
			fresh.Approval = a
			if _, err := b.apply(c.Key, looked(b.inspect(fresh).Look)); err != nil {
				b.log.Error("look at an approval not kept", "approval", a.ID, "err", err)
				return
			}
		}
		if bytesOf(a) > largest {
			a = emptied(a)
		}
		b.mu.Lock()
		if now := b.cases[c.Key]; now != nil && now.Digest == sum && !now.State.Final() {
			fresh := *now
			fresh.Approval = a
			b.cases[c.Key] = &fresh
		}
		b.mu.Unlock()
		return
	}
	fresh := c
	fresh.Approval, fresh.Digest = a, sum
	fresh = b.inspect(fresh)
	b.log.Warn("an open approval was announced with other arguments", "approval", a.ID)
	if _, err := b.apply(c.Key, changed{approval: fresh.Approval, digest: sum, look: fresh.Look, digits: b.digits(sum), at: time.Now()}); err != nil {
		b.log.Error("change of an approval not taken in", "approval", a.ID, "err", err)
		return
	}
	b.part(c.Leader)
}

// part has what is no longer the same call as its leader asked by itself.
func (b *Broker) part(leader string) {
	for _, c := range b.strays(leader) {
		if _, err := b.apply(leader, noted(func(l *Case) { l.Changed = true })); err != nil {
			b.log.Error("leader of a group not changed", "approval", leader, "err", err)
		}
		prompts := promptsAt(c.Key, b.places(c.Approval))
		for _, p := range prompts {
			b.keepPrompt(p) // first: what is asked by itself has somewhere to be asked
		}
		if _, err := b.apply(c.Key, parted{}); err != nil {
			b.log.Error("call not asked by itself", "approval", c.Approval.ID, "err", err)
			continue
		}
		if len(prompts) == 0 {
			b.undeliverable(c.Key, "no route reaches anybody")
		}
		for _, p := range prompts {
			b.deliver(p)
		}
	}
	b.repaint(leader)
}

// strays are the cases of a group that have not ended and are not the call that its
// prompts show.
func (b *Broker) strays(leader string) (strays []Case) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.viewed(leader)
	for _, key := range b.groups[leader] {
		if c := b.cases[key]; c != nil && !c.State.Final() && c.Digest != v[0].Digest {
			strays = append(strays, *c)
		}
	}
	return strays
}

// join waits until nobody else takes in a call of the same kind, and returns what
// lets the next one.
func (b *Broker) join(kind string) (done func()) {
	for {
		b.mu.Lock()
		busy := b.joining[kind]
		if busy == nil {
			mine := make(chan struct{})
			b.joining[kind] = mine
			b.mu.Unlock()
			return func() {
				b.mu.Lock()
				delete(b.joining, kind)
				b.mu.Unlock()
				close(mine)
			}
		}
		b.mu.Unlock()
		<-busy
	}
}

// leader returns the key of a case that is identical to c, asked by the same
// session and still open to everybody, or "".
func (b *Broker) leader(c Case) string {
	if c.Approval.SessionKey == "" || c.Alone {
		return ""
	}
	const most = 20 // calls in one prompt
	b.mu.Lock()
	defer b.mu.Unlock()
	for leader, keys := range b.groups {
		l := b.cases[leader]
		if l != nil && l.Live() && !l.Alone && l.Digest == c.Digest && l.Approval.SessionKey == c.Approval.SessionKey &&
			l.Approval.Kind == c.Approval.Kind && len(keys) < most {
			return leader
		}
	}
	return ""
}

// places returns who is asked about a.
func (b *Broker) places(a openclaw.Approval) []Place {
	for _, r := range b.Routes {
		if Match(r.Source, string(a.Kind)) && Match(r.Agent, a.AgentID) && Match(r.Session, a.SessionKey) && Match(r.Tool, a.Tool) {
			return dedupe(r.Places)
		}
	}
	return dedupe(b.Default())
}

func dedupe(ps []Place) []Place {
	var out []Place
	for _, p := range ps {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Match reports whether s matches a pattern of a [Route].
func Match(pattern, s string) bool {
	if pattern == "" || pattern == "*" {
		return true
	}
	p, rest := []rune(pattern), []rune(s)
	star, mark := -1, 0 // where to go back to
	i, j := 0, 0
	for j < len(rest) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == rest[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// resolved hears that an approval has ended. The event tells an expiry from a
// denial no better than by its resolver, so the record is asked.
func (b *Broker) resolved(e openclaw.ApprovalResolved) {
	b.mu.Lock()
	key := b.keys[e.ID]
	b.mu.Unlock()
	c, ok := b.get(key)
	if !ok || c.State.Final() || b.beingSent(key) {
		return
	}
	err := b.settle(b.ctx, key)
	if errors.Is(err, openclaw.ErrDraining) && e.By != "" {
		r := openclaw.ApprovalRecord{Status: openclaw.ApprovalAllowed, Decision: e.Decision, Resolver: e.By, Reason: "user", ResolvedAt: e.At}
		if e.Decision == openclaw.Deny {
			r.Status = openclaw.ApprovalDenied
		}
		err = b.recordedAs(key, r, false)
	}
	if err != nil && b.ctx.Err() == nil {
		b.log.Warn("end of an approval not known yet", "approval", e.ID, "err", err)
		signal(b.look)
	}
}

// apply changes a case by what has happened, in the ledger first. Whoever loses
// the swap looks again at what it is now.
func (b *Broker) apply(key string, in input) (Case, error) {
	old, ok := b.get(key)
	if !ok {
		return Case{}, ErrUnknown
	}
	for {
		c, err := old.apply(in)
		if err != nil {
			return old, err
		}
		if same(old, c) {
			return old, nil
		}
		c.Version = old.Version + 1
		_, quiet := in.(noted)
		if !quiet {
			c.Shows++
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), writeTimeout)
		err = b.Ledger.SwapApproval(ctx, old.Version, b.hidden(c).row())
		if errors.Is(err, state.ErrStale) {
			var row state.Approval
			if row, err = b.Ledger.Approval(ctx, key); err == nil {
				if old, err = b.merge(row); err == nil {
					cancel()
					continue
				}
			}
		}
		cancel()
		b.note("ledger", err)
		if err != nil {
			return old, fmt.Errorf("%w: %w", ErrUnrecorded, err)
		}
		b.keep(c)
		signal(b.tick)
		if c.State.Final() && !old.State.Final() {
			b.finish(c)
		}
		if !quiet {
			b.repaint(c.Leader)
		}
		return c, nil
	}
}

// merge reads a row of the ledger, which has no secrets, and leaves the call as
// memory has it if it is the same.
func (b *Broker) merge(row state.Approval) (Case, error) {
	c, err := decodeCase(row)
	if now, ok := b.get(row.Key); ok && err == nil && now.Digest == c.Digest && !c.State.Final() {
		c.Approval = now.Approval
	}
	return c, err
}

// keep puts what is in the ledger now into memory.
func (b *Broker) keep(c Case) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, ok := b.cases[c.Key]
	if !ok || now.Version >= c.Version {
		return
	}
	if now.Leader != c.Leader {
		b.groups[now.Leader] = slices.DeleteFunc(b.groups[now.Leader], func(key string) bool { return key == c.Key })
		b.groups[c.Leader] = append(b.groups[c.Leader], c.Key)
	}
	b.cases[c.Key] = &c
	b.changedNow()
}

// same reports whether nothing has changed that is worth a new version.
func same(a, b Case) bool {
	x, y := a.row(), b.row()
	return x.Open == y.Open && string(x.Body) == string(y.Body)
}

// changedNow wakes whoever waits for a change. b.mu is held.
func (b *Broker) changedNow() {
	close(b.watch)
	b.watch = make(chan struct{})
}

// finish does what is to be done at the end of a case: it goes on record, and
// the agent is told.
func (b *Broker) finish(c Case) {
	b.spawn(func() {
		if c.State == Undeliverable {
			b.mu.Lock()
			b.lost.add()
			b.mu.Unlock()
			b.log.Error("approval undeliverable: no approver could be reached; the gateway's own fallback decides", "approval", c.Approval.ID)
		} else {
			b.log.Info("approval "+string(c.State), "approval", c.Approval.ID, "operator", c.End.by(c).Name)
		}
		if !c.Told {
			err := b.Record(b.ctx, Record{Event: audit.ApprovalDecided, Case: c, By: c.End.by(c), Result: string(c.State), Reason: c.reason()})
			if err != nil {
				b.log.Error("end of an approval not recorded", "approval", c.Approval.ID, "err", err)
			}
			b.tell(c)
		}
		b.retract(c.Leader)
	})
}

// by is who ended c, if that was one of us.
func (e End) by(c Case) Person {
	if e.Ours {
		return c.Claim.By
	}
	return Person{}
}

// reason is why c ended as it did, for the record.
func (c Case) reason() string {
	switch {
	case c.End.Ours:
		return c.Claim.Reason
	case c.End.Resolver != "":
		return "decided elsewhere by " + c.End.Resolver
	}
	return c.End.Why
}

// tell tells the agent's session how it ended, in so far as the gateway does not,
// and remembers that. What cannot be told before Run ends is told at the next start.
func (b *Broker) tell(c Case) {
	heard := true
	if text := c.message(); text != "" && c.Approval.SessionKey != "" {
		for until := time.Now().Add(tellFor); ; {
			ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
			err := b.Gateway.Tell(ctx, c.Approval.SessionKey, text, c.tellKey())
			cancel()
			if err == nil {
				break
			}
			if b.ctx.Err() != nil {
				return
			}
			if heard = time.Now().Before(until); !heard {
				b.log.Error("agent not told how its approval ended", "approval", c.Approval.ID, "err", err)
				b.mu.Lock()
				b.unheard.add()
				b.mu.Unlock()
				break
			}
			if !b.pause(2 * time.Second) {
				return
			}
		}
	}
	if _, err := b.apply(c.Key, told{unheard: !heard}); err != nil && b.ctx.Err() == nil {
		b.log.Warn("approval not closed", "approval", c.Approval.ID, "err", err)
	}
}

// message is what the agent is told; empty: nothing that it would not hear from
// the gateway.
func (c Case) message() string {
	if c.Claim.Decision == openclaw.Deny && !c.End.Ours && (c.State != Denied || c.Claim.Reason != "") {
		return c.overtaken()
	}
	id, call := c.ShortID(), c.call()
	switch c.State {
	case Denied:
		if c.End.Ours && c.Claim.Reason != "" {
			// The gateway's own record has no place for a reason.
			return fmt.Sprintf("Approval %s was denied by the operator %s. Reason: %s\nIt was about: %s", id, c.Claim.By.Name, c.Claim.Reason, call)
		}
	case Expired:
		return fmt.Sprintf("Approval %s expired: no operator decided in time. That is not a refusal; ask again if it is still needed.\nIt was about: %s", id, call)
	case Undeliverable:
		return fmt.Sprintf("Approval %s is undeliverable: no operator could be reached. That is not a refusal; nobody has seen it.\nIt is about: %s", id, call)
	case Cancelled:
		if c.End.Why == "gateway-restart" {
			return fmt.Sprintf("Approval %s was cancelled: the gateway was restarted before anybody decided. That is not a refusal.\nIt was about: %s", id, call)
		}
	}
	return ""
}

// overtaken is what the agent is told of a denial that the gateway has not got in
// time: somebody has refused all the same.
func (c Case) overtaken() string {
	text := fmt.Sprintf("Approval %s is %s, but the operator %s had denied it.", c.ShortID(), c.State, c.Claim.By.Name)
	if c.Claim.Reason != "" {
		text += " Reason: " + c.Claim.Reason
	}
	return text + "\nThe denial did not reach the gateway in time; treat it as a refusal.\nIt was about: " + c.call()
}

// tellKey makes sure that nothing is told twice.
func (c Case) tellKey() string { return "clawconsole-" + string(c.State) + "-" + c.Key }

// call is the call in one short line.
func (c Case) call() string {
	s := cmp.Or(c.Approval.Command, c.Approval.Title, c.Approval.Tool)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + " …"
	}
	return s
}

// ShortID is the start of the approval's ID, for people: enough to type after
// /approve when few are open.
func (c Case) ShortID() string {
	id := c.Approval.ID
	kind, rest, ok := strings.Cut(id, ":")
	if !ok || len(rest) < 8 {
		kind, rest = "", id
	} else {
		kind += ":"
	}
	if len(rest) > 8 {
		rest = rest[:8]
	}
	return kind + rest
}

// ShortDigest is the start of the digest, for people: with it, they say which call
// they have read. It is not the start of the digest of another call that they were
// shown lately.
func (c Case) ShortDigest() string { return c.Digest[:min(max(shortDigest, c.Digits), len(c.Digest))] }

const shortDigest = 8

// digits returns how many digits of a digest are needed to tell it from those of all
// other calls in memory, and from what those were before they changed. Two calls with the same first eight are made in seconds, on purpose.
func (b *Broker) digits(sum string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := shortDigest
	for _, c := range b.cases {
		for _, other := range append([]string{c.Digest}, c.Former...) {
			same := 0
			for same < min(len(sum), len(other)) && sum[same] == other[same] {
				same++
			}
			if other != sum && same >= n {
				n = len(sum) // they are twins: nothing less than all of it is sure
			}
		}
	}
	return n
}

// pause waits for d or the next connection, and reports false when Run ends.
func (b *Broker) pause(d time.Duration) bool {
	b.mu.Lock()
	up := b.up
	b.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.ctx.Done():
		return false
	case <-up:
	case <-t.C:
	}
	return true
}

// note keeps the health of what, and says in the log when it changes.
func (b *Broker) note(what string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, state.ErrStale) || errors.Is(err, state.ErrKnown) || errors.Is(err, state.ErrMissing) {
		return
	}
	b.mu.Lock()
	was := b.faults[what]
	if err == nil {
		delete(b.faults, what)
	} else {
		b.faults[what] = err
	}
	b.mu.Unlock()
	if err != nil && was == nil {
		b.log.Error(what+" cannot be written", "err", err)
	}
}

// Faults says what does not work, one line each, for /status.
func (b *Broker) Faults() (lines []string) {
	s := b.Gateway.State()
	if s.Phase == openclaw.Connected && !s.Has(openclaw.ScopeAdmin) {
		lines = append(lines, "approvals: without operator.admin those of other people's runs are not seen, and may be denied at once")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for what, err := range b.faults {
		lines = append(lines, "approvals: "+what+": "+err.Error())
	}
	for old, now := range b.moved {
		lines = append(lines, fmt.Sprintf("approvals: group %d is now %d, and nobody is asked there; put that into [[telegram.group]] and [[approvals.route]]", old, now))
	}
	slices.Sort(lines)
	since := func(t tally, what string) {
		if t.n > 0 {
			lines = append(lines, fmt.Sprintf("approvals: %d %s since the start, last at %s", t.n, what, t.last.UTC().Format("15:04 UTC")))
		}
	}
	since(b.lost, "undeliverable")
	since(b.unheard, "ended without the agent being told")
	return lines
}

func keyOf(a openclaw.Approval) string {
	return fmt.Sprintf("%s/%d", a.ID, a.CreatedAt.UnixMilli())
}

// hidden is c without the secrets in what an agent or a person said: the form in
// which it is at rest. The digest goes on telling one call from another.
func (b *Broker) hidden(c Case) Case {
	if b.Hide == nil {
		return c
	}
	a := &c.Approval
	a.Warnings = slices.Clone(a.Warnings)
	c.Look.Risks = slices.Clone(c.Look.Risks)
	said := []*string{&a.Command, &a.Title, &a.Description, &a.Detail, &a.Cwd, &a.ResolvedPath, &a.CronJobName, &c.Claim.Reason, &c.Outcome, &c.Note}
	for i := range a.Warnings {
		said = append(said, &a.Warnings[i])
	}
	for i := range c.Look.Risks {
		said = append(said, &c.Look.Risks[i].Detail)
	}
	for _, s := range said {
		*s = b.Hide(*s)
	}
	a.Request = hideJSON(a.Request, b.Hide)
	return c
}

// row is the case at rest.
func (c Case) row() state.Approval {
	version := c.Version
	c.Version = 0 // the ledger's own
	body, err := json.Marshal(c)
	if err != nil {
		panic("approvals: case has no JSON form: " + err.Error())
	}
	return state.Approval{Key: c.Key, Leader: c.Leader, Version: version, Open: !c.closed(), Body: body, At: time.Now()}
}

// hideJSON is raw with all its strings hidden, each by itself and then by the keys
// that they stand under. What is no JSON, or is none any more, is dropped.
func hideJSON(raw json.RawMessage, hide func(string) string) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			return hide(v)
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for k, x := range v {
				v[k] = walk(x)
			}
		}
		return v
	}
	each, err := json.Marshal(walk(v))
	if err != nil {
		return nil
	}
	if hidden := []byte(hide(string(each))); json.Valid(hidden) {
		return hidden
	}
	return nil
}

// closed reports whether there is nothing left to do, but to hear what became of
// an approved call.
func (c Case) closed() bool { return c.State.Final() && c.Told && c.Painted }

func decodeCase(row state.Approval) (c Case, err error) {
	if err := json.Unmarshal(row.Body, &c); err != nil {
		return Case{}, fmt.Errorf("decode approval: %w", err)
	}
	c.Version = row.Version
	return c, nil
}

func (b *Broker) get(key string) (Case, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.cases[key]
	if !ok {
		return Case{}, false
	}
	return *c, true
}

// all returns every case in memory.
func (b *Broker) all() []*Case {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*Case, 0, len(b.cases))
	for _, c := range b.cases {
		all = append(all, c)
	}
	return all
}

// sorted returns every case in memory, oldest first.
func (b *Broker) sorted() []*Case {
	all := b.all()
	slices.SortFunc(all, func(x, y *Case) int {
		return cmp.Or(x.Approval.CreatedAt.Compare(y.Approval.CreatedAt), cmp.Compare(x.Key, y.Key))
	})
	return all
}

func (b *Broker) open() (open []Case) {
	for _, c := range b.sorted() {
		if !c.State.Final() {
			open = append(open, *c)
		}
	}
	return open
}

// leaders returns all that lead a group, in no order.
func (b *Broker) leaders() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.groups))
}

// view is what the prompts of a leader show: identical calls, and such as have
// ended. What is another call by now is not among them, see part.
func (b *Broker) view(leader string) View {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.viewed(leader)
}

// viewed is view. b.mu is held.
func (b *Broker) viewed(leader string) (v View) {
	for _, key := range b.groups[leader] {
		if c := b.cases[key]; c != nil && (len(v) == 0 || c.State.Final() || c.Digest == v[0].Digest) {
			v = append(v, *c)
		}
	}
	return v
}

func (b *Broker) promptsOf(leader string) []state.Prompt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.prompts[leader])
}

// grantOf returns whom a grant is for, if it is for approvals.
func grantOf(g auth.Grant) (Person, error) {
	if !g.Covers(auth.Approve) {
		return Person{}, &auth.Refusal{Reason: auth.ErrRight, Class: auth.Approve}
	}
	return Person{ID: g.Operator().ID, Name: g.Operator().Name}, nil
}
