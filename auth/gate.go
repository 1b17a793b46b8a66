package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

const (
	minSecret   = 32 // characters: a generated secret has them, one that somebody made up does not
	failuresMax = 5  // wrong secrets before a lockout
	lockoutMin  = 5 * time.Minute
	lockoutMax  = time.Hour
	saveTimeout = 5 * time.Second // an attempt that cannot be saved by then is refused

	// Presses are small and come in bursts, when ten approvals wait. The budget
	// is there to stop a script, not a thumb.
	pressesPerMinute = 60
	pressesBurst     = 20

	strangersMax  = 1024 // strangers remembered as answered; more get silence
	strangerEvery = time.Hour
)

// Lockout is what must outlive a restart: how often in a row an operator's
// secret was wrong, and until when no secret of theirs is looked at.
type Lockout struct {
	Operator int64
	Failures int
	Until    time.Time // zero: not locked out
}

// Lockouts keeps lockouts on disk. Both methods may be called from any goroutine.
// If Save fails the attempt is refused, right secret or not.
type Lockouts interface {
	Load(ctx context.Context) ([]Lockout, error)
	// Save replaces what is kept for operator and returns when it is on disk.
	// Failures 0 with a zero until clears it.
	Save(ctx context.Context, operator int64, failures int, until time.Time) error
}

// Config is what a [Gate] decides by.
type Config struct {
	Operators []Operator
	Groups    []Group

	// SecretSHA256 is the hash of the static secret, from [HashSecret]. Zero means
	// that there is no second factor: moderate commands need the right only, and
	// dangerous ones are refused.
	SecretSHA256 [32]byte

	UnlockTTL     time.Duration // how long an unlock lasts; default 10 min
	RatePerMinute int           // commands per operator; default 10
	RateBurst     int           // default 3

	// StepUp asks for an unlock on every approval. It needs a second factor.
	StepUp bool

	// AnswerStrangers lets [Gate.AnswerStranger] say yes, once per stranger and hour.
	AnswerStrangers bool

	// Lockouts is required if there is a second factor.
	Lockouts Lockouts

	// OnLockout, if set, is called when op is locked out, so that the others can be
	// told. It runs in the goroutine of the failed attempt, without a lock held.
	OnLockout func(op Operator, until time.Time)
}

// HashSecret returns what [Config.SecretSHA256] holds for secret. A secret
// shorter than 32 characters is an error: one that a person can remember can be
// guessed.
func HashSecret(secret string) ([32]byte, error) {
	if n := utf8.RuneCountInString(secret); n < minSecret {
		return [32]byte{}, fmt.Errorf("secret has %d characters, %d are needed", n, minSecret)
	}
	return sha256.Sum256([]byte(secret)), nil
}

// Budget is a token bucket that something draws on. The zero Budget is empty.
type Budget int

const (
	_        Budget = iota
	Commands        // per operator, [Config.RatePerMinute] and [Config.RateBurst]
	Presses         // buttons, per operator, 60 a minute and 20 at once
	Free            // /lock and denials: whoever wants to stop something never waits
)

// Ask is a request for admission.
type Ask struct {
	Class  Class
	Secret string // of an inline --secret; a secret that is given is always checked, and counts
	Yes    bool   // --yes, or the button that stands for it
	StepUp bool   // needs an unlock although the class alone would not, as for "allow always"
	Denial bool   // of an approval: needs none, for whoever wants to stop something never waits
}

// Gate decides. All methods may be called from any goroutine. Those that take a
// secret block while the attempt is saved, 5 s at most; the others never block.
type Gate struct {
	attempts sync.Mutex // one secret at a time and no reload between; held while an attempt is saved

	mu        sync.Mutex
	cfg       Config
	operators map[int64]*operator
	groups    map[int64]Group
	lockouts  map[int64]Lockout // of former operators too: coming back does not clear it
	strangers map[int64]time.Time
}

type operator struct {
	Operator
	until    time.Time // unlocked until
	commands *rate.Limiter
	presses  *rate.Limiter
}

// New returns a Gate with every operator locked. It reads the lockouts, and
// reports everything that is wrong with c at once.
func New(c Config) (*Gate, error) {
	g := &Gate{strangers: make(map[int64]time.Time)}
	if err := g.Configure(c); err != nil {
		return nil, err
	}
	return g, nil
}

// Configure replaces the configuration. Operators who stay keep their unlock, for an
// UnlockTTL from now at most, and what they spent of their budgets, unless the secret changed: then everybody is
// locked, as it may have changed because somebody else knew it. If c is faulty
// or its lockouts cannot be read, nothing changes.
func (g *Gate) Configure(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	c.UnlockTTL = cmp.Or(c.UnlockTTL, 10*time.Minute)
	c.RatePerMinute = cmp.Or(c.RatePerMinute, 10)
	c.RateBurst = cmp.Or(c.RateBurst, 3)

	g.attempts.Lock() // no attempt between Load and its use
	defer g.attempts.Unlock()
	var saved []Lockout
	if c.Lockouts != nil {
		ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
		defer cancel()
		var err error
		if saved, err = c.Lockouts.Load(ctx); err != nil {
			return fmt.Errorf("load lockouts: %w", err)
		}
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	sameSecret := c.SecretSHA256 == g.cfg.SecretSHA256
	operators := make(map[int64]*operator, len(c.Operators))
	for _, o := range c.Operators {
		op := &operator{Operator: o.clone()}
		if old := g.operators[o.ID]; old != nil {
			op.commands, op.presses = old.commands, old.presses
			if sameSecret {
				op.until = earlier(old.until, time.Now().Add(c.UnlockTTL))
			}
			op.commands.SetLimit(perMinute(c.RatePerMinute))
			op.commands.SetBurst(c.RateBurst)
		} else {
			op.commands = rate.NewLimiter(perMinute(c.RatePerMinute), c.RateBurst)
			op.presses = rate.NewLimiter(perMinute(pressesPerMinute), pressesBurst)
		}
		operators[o.ID] = op
	}
	groups := make(map[int64]Group, len(c.Groups))
	for _, gr := range c.Groups {
		groups[gr.ID] = Group{ID: gr.ID, Topics: slices.Clone(gr.Topics)}
	}
	c.Operators, c.Groups = nil, nil // the maps are what counts
	g.cfg, g.operators, g.groups = c, operators, groups
	g.merge(saved)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func perMinute(n int) rate.Limit { return rate.Limit(float64(n) / 60) }

// merge takes over what is on disk where it is stricter than what is in memory,
// which happens when an attempt could not be saved.
func (g *Gate) merge(saved []Lockout) {
	if g.lockouts == nil {
		g.lockouts = make(map[int64]Lockout, len(saved))
	}
	latest := time.Now().Add(lockoutMax).Round(0)
	for _, l := range saved {
		// Saved under a clock that was ahead: nobody is locked out for years.
		if l.Until.After(latest) {
			l.Until = latest
		}
		if l.Failures >= g.lockouts[l.Operator].Failures {
			g.lockouts[l.Operator] = l
		}
	}
}

func (c Config) check() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Operators) == 0 {
		fault("no operators")
	}
	seen := make(map[int64]bool)
	for _, o := range c.Operators {
		if o.ID <= 0 {
			fault("operator %q: %d is not a user id", o.Name, o.ID)
		} else if seen[o.ID] {
			fault("operator %q: id %d is listed twice", o.Name, o.ID)
		}
		seen[o.ID] = true
		for _, m := range o.May {
			if !m.known() {
				fault("operator %q: class %d is unknown", o.Name, int(m))
			}
		}
	}
	for _, gr := range c.Groups {
		if gr.ID >= 0 {
			fault("group %d: ids of groups are negative", gr.ID)
		} else if seen[gr.ID] {
			fault("group %d is listed twice", gr.ID)
		}
		seen[gr.ID] = true
	}
	if c.UnlockTTL < 0 {
		fault("unlock time %v is negative", c.UnlockTTL)
	}
	if c.RatePerMinute < 0 || c.RateBurst < 0 {
		fault("rate %d per minute, burst %d: neither may be negative", c.RatePerMinute, c.RateBurst)
	}
	if c.StepUp && !c.factor() {
		fault("step-up for approvals needs a second factor")
	}
	if c.factor() && c.Lockouts == nil {
		fault("a second factor needs a place to keep lockouts")
	}
	return errors.Join(errs...)
}

func (c Config) factor() bool { return c.SecretSHA256 != [32]byte{} }

// Identify returns the operator behind c: somebody on the allowlist who speaks
// in an allowed chat. Everybody else is a stranger.
func (g *Gate) Identify(c Caller) (Operator, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	op := g.identify(c)
	if op == nil {
		return Operator{}, false
	}
	return op.clone(), true
}

// identify returns nil for a stranger. g.mu is held.
func (g *Gate) identify(c Caller) *operator {
	if !g.chatAllowed(c) {
		return nil
	}
	return g.operators[c.UserID]
}

// chatAllowed reports whether c's chat is the private chat of an operator or a
// configured group and topic. In a group that says nothing about who speaks.
// g.mu is held.
func (g *Gate) chatAllowed(c Caller) bool {
	if c.Private {
		return c.ChatID == c.UserID && g.operators[c.UserID] != nil
	}
	gr, ok := g.groups[c.ChatID]
	return ok && gr.has(c.TopicID)
}

// AnswerStranger reports whether the stranger c is to be told that they are
// unauthorized: in their private chat or an allowed group, once an hour, and only
// if the configuration says so. True counts as the answer.
func (g *Gate) AnswerStranger(c Caller) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.cfg.AnswerStrangers || g.operators[c.UserID] != nil || !c.Private && !g.chatAllowed(c) {
		return false
	}
	now := time.Now()
	if at, ok := g.strangers[c.UserID]; ok && now.Sub(at) < strangerEvery {
		return false
	}
	if len(g.strangers) >= strangersMax {
		for id, at := range g.strangers {
			if now.Sub(at) >= strangerEvery {
				delete(g.strangers, id)
			}
		}
		if len(g.strangers) >= strangersMax {
			return false
		}
	}
	g.strangers[c.UserID] = now
	return true
}

// Spend draws one token of b for c. The error is a *[Refusal] with ErrStranger or
// ErrRateLimited. Admission does not draw; whoever takes in a message does, once.
func (g *Gate) Spend(c Caller, b Budget) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	op := g.identify(c)
	switch {
	case op == nil:
		return &Refusal{Reason: ErrStranger}
	case b == Free,
		b == Commands && op.commands.Allow(),
		b == Presses && op.presses.Allow():
		return nil
	}
	return &Refusal{Reason: ErrRateLimited}
}

// Admit grants or refuses. The error is a *[Refusal] with the first of these
// reasons that applies; this order is the whole precedence:
//
//  1. ErrStranger      c is nobody we know, or not in an allowed chat
//  2. ErrNotPrivate    a secret was given where others can read it
//  3. ErrUnknownClass  nobody said what it takes, so nothing suffices
//  4. ErrRight         the operator's rights do not hold the class
//  5. ErrNoFactor      a second factor is needed, or a secret was given, and none is configured
//  6. ErrLockedOut     a secret was given, too many before it were wrong
//  7. ErrUnsaved       a secret was given, and the attempt could not be put on record
//  8. ErrWrongSecret   a secret was given, and it is wrong, even if c is unlocked
//  9. ErrLocked        the second factor is needed and c is not unlocked
//  10. ErrUnconfirmed  dangerous, and all is in order but the yes
//
// So a guess is counted before anything is said about it, and ErrUnconfirmed is
// said only to those who could run the command by saying yes.
func (g *Gate) Admit(c Caller, a Ask) (Grant, error) {
	refuse := func(reason, cause error) (Grant, error) {
		return Grant{}, &Refusal{Reason: reason, Class: a.Class, Cause: cause}
	}

	g.mu.Lock()
	op, cfg := g.identify(c), g.cfg
	g.mu.Unlock()

	needsUnlock := a.StepUp ||
		a.Class == Dangerous ||
		a.Class == Moderate && cfg.factor() ||
		a.Class == Approve && cfg.StepUp && !a.Denial
	given := a.Secret != ""

	switch {
	case op == nil:
		return refuse(ErrStranger, nil)
	case given && !c.Private:
		return refuse(ErrNotPrivate, nil)
	case !a.Class.known():
		return refuse(ErrUnknownClass, nil)
	case !op.Can(a.Class):
		return refuse(ErrRight, nil)
	case (needsUnlock || given) && !cfg.factor():
		return refuse(ErrNoFactor, nil)
	}
	if given {
		if reason, cause := g.attempt(op.Operator, a.Secret, nil); reason != nil {
			return refuse(reason, cause)
		}
	}
	if needsUnlock && !given {
		if _, ok := g.UnlockedUntil(op.ID); !ok {
			return refuse(ErrLocked, nil)
		}
	}
	if a.Class == Dangerous && !a.Yes {
		return refuse(ErrUnconfirmed, nil)
	}
	return Grant{class: a.Class, operator: op.clone(), caller: c}, nil
}

// Unlock admits c's operator to what needs the second factor until the returned
// instant, in memory only. The error is a *[Refusal]: ErrStranger, ErrNotPrivate,
// ErrNoFactor, ErrLockedOut, ErrUnsaved or ErrWrongSecret, in that order.
func (g *Gate) Unlock(c Caller, code string) (until time.Time, err error) {
	g.mu.Lock()
	op, cfg := g.identify(c), g.cfg
	g.mu.Unlock()
	switch {
	case op == nil:
		return time.Time{}, &Refusal{Reason: ErrStranger}
	case !c.Private:
		return time.Time{}, &Refusal{Reason: ErrNotPrivate}
	case !cfg.factor():
		return time.Time{}, &Refusal{Reason: ErrNoFactor}
	}
	reason, cause := g.attempt(op.Operator, code, func(op *operator, now time.Time) {
		until = now.Add(g.cfg.UnlockTTL)
		op.until = until
	})
	if reason != nil {
		return time.Time{}, &Refusal{Reason: reason, Cause: cause}
	}
	return until, nil
}

// attempt compares code with the secret. It returns no reason if they are equal,
// and has then called ok, if that is not nil, with g.mu held.
//
// The attempt goes on record as a failure before the comparison and is taken off
// after it. So a crash, a full disk or a cut connection never gives a free guess.
func (g *Gate) attempt(who Operator, code string, ok func(*operator, time.Time)) (reason, cause error) {
	given := sha256.Sum256([]byte(code))
	until, reason, cause := g.judge(who.ID, given, ok)
	if reason == ErrWrongSecret && !until.IsZero() {
		g.mu.Lock()
		tell := g.cfg.OnLockout
		g.mu.Unlock()
		if tell != nil {
			tell(who.clone(), until)
		}
	}
	return reason, cause
}

// judge returns in until the end of the lockout that this attempt began, if it did.
func (g *Gate) judge(id int64, given [32]byte, ok func(*operator, time.Time)) (until time.Time, reason, cause error) {
	g.attempts.Lock()
	defer g.attempts.Unlock()

	g.mu.Lock()
	cfg, before := g.cfg, g.lockouts[id]
	g.mu.Unlock()
	if !cfg.factor() { // a reload came before us
		return time.Time{}, ErrNoFactor, nil
	}

	right := subtle.ConstantTimeCompare(given[:], cfg.SecretSHA256[:]) == 1
	now := time.Now()
	if now.Before(before.Until) {
		return time.Time{}, ErrLockedOut, nil
	}
	after := Lockout{Operator: id, Failures: before.Failures + 1}
	if after.Failures%failuresMax == 0 {
		after.Until = now.Add(lockoutFor(after.Failures)).Round(0)
	}
	err := g.keep(cfg, after)
	if (err != nil || !right) && !after.Until.IsZero() {
		g.lock(id)
	}
	switch {
	case err != nil:
		return time.Time{}, ErrUnsaved, err
	case !right:
		return after.Until, ErrWrongSecret, nil
	}
	if err := g.keep(cfg, Lockout{Operator: id}); err != nil {
		return time.Time{}, ErrUnsaved, err
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	op := g.operators[id]
	if op == nil { // a reload came before us
		return time.Time{}, ErrStranger, nil
	}
	if ok != nil {
		ok(op, now)
	}
	return time.Time{}, nil, nil
}

// keep puts l into memory and on disk. A failure is remembered even if it could
// not be saved; a success is not.
func (g *Gate) keep(cfg Config, l Lockout) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	err := cfg.Lockouts.Save(ctx, l.Operator, l.Failures, l.Until)
	if err == nil || l.Failures > 0 {
		g.mu.Lock()
		g.lockouts[l.Operator] = l
		g.mu.Unlock()
	}
	return err
}

// lockoutFor returns how long the lockout lasts that begins with this failure:
// 5 min after the fifth, doubling with every five to 1 h.
func lockoutFor(failures int) time.Duration {
	return min(lockoutMin<<min(failures/failuresMax-1, 10), lockoutMax)
}

// Lock ends the unlock of c's operator, wherever c speaks. It does not stop
// commands that were already admitted.
func (g *Gate) Lock(c Caller) { g.lock(c.UserID) }

func (g *Gate) lock(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if op := g.operators[id]; op != nil {
		op.until = time.Time{}
	}
}

// UnlockedUntil returns until when the operator is unlocked, and whether they are.
func (g *Gate) UnlockedUntil(userID int64) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	op := g.operators[userID]
	if op == nil {
		return time.Time{}, false
	}
	// The monotonic clock stands still while the machine sleeps, the wall clock can
	// be set back: the unlock ends when either has passed it.
	now := time.Now()
	if !now.Before(op.until) || !now.Round(0).Before(op.until.Round(0)) {
		return time.Time{}, false
	}
	return op.until, true
}

// HasFactor reports whether a second factor is configured.
func (g *Gate) HasFactor() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cfg.factor()
}

// Operators returns the allowlist, ordered by id.
func (g *Gate) Operators() []Operator {
	g.mu.Lock()
	defer g.mu.Unlock()
	ops := make([]Operator, 0, len(g.operators))
	for _, op := range g.operators {
		ops = append(ops, op.clone())
	}
	slices.SortFunc(ops, func(a, b Operator) int { return cmp.Compare(a.ID, b.ID) })
	return ops
}
