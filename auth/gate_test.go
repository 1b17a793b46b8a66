package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
)

const (
	secret = "correct horse battery staple 0123456789"
	group  = int64(-100)
	topic  = int64(7)
)

// People. Each may what the name says.
const (
	alice = int64(1) // everything
	bob   = int64(2) // safe, moderate
	carol = int64(3) // approve
	eve   = int64(9) // nobody
)

// disk keeps lockouts as the ledger does.
type disk struct {
	mu     sync.Mutex
	kept   map[int64]auth.Lockout
	saves  int
	broken error
	onSave func()
}

func (d *disk) Load(context.Context) ([]auth.Lockout, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []auth.Lockout
	for _, l := range d.kept {
		all = append(all, l)
	}
	return all, d.broken
}

func (d *disk) Save(ctx context.Context, operator int64, failures int, until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saves++
	if d.onSave != nil {
		d.onSave()
	}
	if d.broken != nil {
		return d.broken
	}
	if d.kept == nil {
		d.kept = make(map[int64]auth.Lockout)
	}
	d.kept[operator] = auth.Lockout{Operator: operator, Failures: failures, Until: until}
	return ctx.Err()
}

func (d *disk) set(broken error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = broken
}

func config(t testing.TB, d *disk) auth.Config {
	t.Helper()
	hash, err := auth.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Config{
		Operators: []auth.Operator{
			{ID: alice, Name: "alice", May: []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous, auth.Approve}},
			{ID: bob, Name: "bob", May: []auth.Class{auth.Safe, auth.Moderate}},
			{ID: carol, Name: "carol", May: []auth.Class{auth.Approve}},
		},
		Groups:       []auth.Group{{ID: group, Topics: []int64{topic}}, {ID: group - 1}},
		SecretSHA256: hash,
		Lockouts:     d,
	}
}

func newGate(t testing.TB, c auth.Config) *auth.Gate {
	t.Helper()
	g, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func private(id int64) auth.Caller { return auth.Caller{UserID: id, ChatID: id, Private: true} }
func inGroup(id int64) auth.Caller {
	return auth.Caller{UserID: id, ChatID: group, TopicID: topic}
}

// wantRefusal checks that err is a *Refusal for want and for nothing else.
func wantRefusal(t *testing.T, what string, err, want error) {
	t.Helper()
	var r *auth.Refusal
	if !errors.As(err, &r) || r.Reason != want || !errors.Is(err, want) {
		t.Errorf("%s: %v (%v), want %v", what, err, r, want)
		return
	}
	for _, other := range sentinels {
		if other != want && errors.Is(err, other) {
			t.Errorf("%s: is %v as well as %v", what, other, want)
		}
	}
}

var sentinels = []error{
	auth.ErrStranger, auth.ErrNotPrivate, auth.ErrUnknownClass, auth.ErrRight, auth.ErrNoFactor, auth.ErrLockedOut,
	auth.ErrUnsaved, auth.ErrWrongSecret, auth.ErrLocked, auth.ErrUnconfirmed, auth.ErrRateLimited,
}

// One row for each sentinel, in the order of precedence. Each row has every fault that
// comes later in the order too, as far as both are possible, and so shows that
// the earlier one wins.
func TestAdmitRefuses(t *testing.T) {
	fail := errors.New("disk full")
	for _, tt := range []struct {
		want   error
		says   string
		caller auth.Caller
		ask    auth.Ask
		state  func(*auth.Config, *disk) // before
		then   func(*testing.T, *auth.Gate, *disk)
	}{
		{auth.ErrStranger, "unauthorized", inGroup(eve), auth.Ask{Secret: "wrong"}, nil, nil},
		{auth.ErrStranger, "unauthorized", auth.Caller{UserID: alice, ChatID: -5}, auth.Ask{Secret: "wrong"}, nil, nil},
		{auth.ErrNotPrivate, "secrets are taken in a private chat only", inGroup(bob), auth.Ask{Secret: secret}, nil, nil},
		{auth.ErrUnknownClass, "unauthorized", private(bob), auth.Ask{Class: auth.Unknown, Secret: "wrong"}, nil, nil},
		{auth.ErrUnknownClass, "unauthorized", private(alice), auth.Ask{Class: 99, Secret: "wrong"}, nil, nil},
		{auth.ErrUnknownClass, "unauthorized", private(alice), auth.Ask{Class: -1}, nil, nil},
		{auth.ErrRight, "unauthorized", private(bob), auth.Ask{Class: auth.Dangerous, Secret: "wrong"},
			func(c *auth.Config, _ *disk) { c.SecretSHA256 = [32]byte{} }, nil},
		{auth.ErrNoFactor, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous},
			func(c *auth.Config, _ *disk) { c.SecretSHA256 = [32]byte{} }, nil},
		{auth.ErrNoFactor, "unauthorized", private(alice), auth.Ask{Class: auth.Safe, Secret: secret},
			func(c *auth.Config, _ *disk) { c.SecretSHA256 = [32]byte{} }, nil},
		{auth.ErrLockedOut, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous, Secret: "wrong"}, func(_ *auth.Config, d *disk) {
			d.kept = map[int64]auth.Lockout{alice: {Operator: alice, Failures: 5, Until: time.Now().Add(time.Minute)}}
		}, func(_ *testing.T, _ *auth.Gate, d *disk) { d.set(fail) }},
		{auth.ErrUnsaved, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous, Secret: "wrong"}, nil,
			func(_ *testing.T, _ *auth.Gate, d *disk) { d.set(fail) }},
		{auth.ErrUnsaved, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous, Secret: secret, Yes: true}, nil,
			func(_ *testing.T, _ *auth.Gate, d *disk) { d.set(fail) }},
		{auth.ErrWrongSecret, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous, Secret: "wrong"}, nil, nil},
		{auth.ErrWrongSecret, "unauthorized", private(alice), auth.Ask{Class: auth.Safe, Secret: "wrong"}, nil,
			func(t *testing.T, g *auth.Gate, _ *disk) { unlock(t, g, alice) }},
		{auth.ErrLocked, "unauthorized", private(alice), auth.Ask{Class: auth.Dangerous}, nil, nil},
		{auth.ErrLocked, "unauthorized", inGroup(bob), auth.Ask{Class: auth.Moderate, Yes: true}, nil, nil},
		{auth.ErrLocked, "unauthorized", inGroup(carol), auth.Ask{Class: auth.Approve, StepUp: true}, nil, nil},
		{auth.ErrLocked, "unauthorized", inGroup(carol), auth.Ask{Class: auth.Approve}, func(c *auth.Config, _ *disk) { c.StepUp = true }, nil},
		{auth.ErrUnconfirmed, "not confirmed, add --yes", inGroup(alice), auth.Ask{Class: auth.Dangerous}, nil,
			func(t *testing.T, g *auth.Gate, _ *disk) { unlock(t, g, alice) }},
		{auth.ErrUnconfirmed, "not confirmed, add --yes", private(alice), auth.Ask{Class: auth.Dangerous, Secret: secret}, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{}
			c := config(t, d)
			if tt.state != nil {
				tt.state(&c, d)
			}
			g := newGate(t, c)
			if tt.then != nil {
				tt.then(t, g, d)
			}
			grant, err := g.Admit(tt.caller, tt.ask)
			wantRefusal(t, fmt.Sprintf("Admit(%+v, %+v)", tt.caller, tt.ask), err, tt.want)
			if err != nil && err.Error() != tt.says {
				t.Errorf("%v says %q, want %q", tt.want, err, tt.says)
			}
			if grant.Covers(tt.ask.Class) || grant.Operator().ID != 0 {
				t.Errorf("%v: refused with the grant %+v", tt.want, grant)
			}
			var r *auth.Refusal
			if errors.As(err, &r) && (r.Class != tt.ask.Class || (r.Cause != nil) != (tt.want == auth.ErrUnsaved)) {
				t.Errorf("%v: refusal %+v", tt.want, r)
			}
		})
	}
}

func unlock(t *testing.T, g *auth.Gate, id int64) time.Time {
	t.Helper()
	until, err := g.Unlock(private(id), secret)
	if err != nil {
		t.Fatalf("Unlock: %v", err)
	}
	return until
}

func TestAdmitGrants(t *testing.T) {
	d := &disk{}
	noFactor := config(t, d)
	noFactor.SecretSHA256 = [32]byte{}
	for _, tt := range []struct {
		name     string
		config   auth.Config
		unlocked bool
		caller   auth.Caller
		ask      auth.Ask
	}{
		{"safe, locked", config(t, d), false, inGroup(bob), auth.Ask{Class: auth.Safe}},
		{"moderate, unlocked", config(t, d), true, inGroup(bob), auth.Ask{Class: auth.Moderate}},
		{"moderate, no factor", noFactor, false, private(bob), auth.Ask{Class: auth.Moderate}},
		{"moderate, inline", config(t, d), false, private(bob), auth.Ask{Class: auth.Moderate, Secret: secret}},
		{"dangerous, unlocked", config(t, d), true, inGroup(alice), auth.Ask{Class: auth.Dangerous, Yes: true}},
		{"dangerous, inline", config(t, d), false, private(alice), auth.Ask{Class: auth.Dangerous, Yes: true, Secret: secret}},
		{"approve", config(t, d), false, inGroup(carol), auth.Ask{Class: auth.Approve}},
		{"approve always, unlocked", config(t, d), true, inGroup(carol), auth.Ask{Class: auth.Approve, StepUp: true}},
	} {
		g := newGate(t, tt.config)
		if tt.unlocked {
			unlock(t, g, tt.caller.UserID)
		}
		grant, err := g.Admit(tt.caller, tt.ask)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for c := auth.Unknown - 1; c <= auth.Approve+1; c++ {
			if grant.Covers(c) != (c == tt.ask.Class) {
				t.Errorf("%s: Covers(%v) = %v", tt.name, c, grant.Covers(c))
			}
		}
		if grant.Operator().ID != tt.caller.UserID || grant.Caller() != tt.caller {
			t.Errorf("%s: %+v", tt.name, grant)
		}
	}
}

func TestZeroGrantCoversNothing(t *testing.T) {
	for c := auth.Class(-2); c < 10; c++ {
		if (auth.Grant{}).Covers(c) {
			t.Errorf("Grant{}.Covers(%v)", c)
		}
	}
}

// An inline secret admits one command and unlocks nothing.
func TestInlineSecretUnlocksNothing(t *testing.T) {
	g := newGate(t, config(t, &disk{}))
	if _, err := g.Admit(private(bob), auth.Ask{Class: auth.Moderate, Secret: secret}); err != nil {
		t.Fatal(err)
	}
	_, err := g.Admit(private(bob), auth.Ask{Class: auth.Moderate})
	wantRefusal(t, "the next command", err, auth.ErrLocked)
}

func TestUnlockEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, config(t, &disk{}))
		until := unlock(t, g, bob)
		if want := time.Now().Add(10 * time.Minute); !until.Equal(want) {
			t.Errorf("unlocked until %v, want %v", until, want)
		}
		if _, ok := g.UnlockedUntil(alice); ok {
			t.Error("bob's unlock unlocked alice")
		}
		time.Sleep(10*time.Minute - 1)
		if got, ok := g.UnlockedUntil(bob); !ok || !got.Equal(until) {
			t.Errorf("just before: %v, %v", got, ok)
		}
		time.Sleep(time.Nanosecond)
		if _, ok := g.UnlockedUntil(bob); ok {
			t.Error("still unlocked at the end")
		}
		_, err := g.Admit(private(bob), auth.Ask{Class: auth.Moderate})
		wantRefusal(t, "at the end", err, auth.ErrLocked)
	})
}

func TestLock(t *testing.T) {
	g := newGate(t, config(t, &disk{}))
	unlock(t, g, alice)
	unlock(t, g, bob)
	g.Lock(inGroup(bob)) // from anywhere
	g.Lock(inGroup(eve))
	if _, ok := g.UnlockedUntil(bob); ok {
		t.Error("bob is unlocked after Lock")
	}
	if _, ok := g.UnlockedUntil(alice); !ok {
		t.Error("bob's Lock locked alice")
	}
}

func TestUnlockIsInMemoryOnly(t *testing.T) {
	d := &disk{}
	unlock(t, newGate(t, config(t, d)), bob)
	if _, ok := newGate(t, config(t, d)).UnlockedUntil(bob); ok {
		t.Error("unlocked after a restart")
	}
}

func TestUnlockRefuses(t *testing.T) {
	for _, tt := range []struct {
		caller auth.Caller
		factor bool
		code   string
		want   error
	}{
		{private(eve), true, secret, auth.ErrStranger},
		{inGroup(alice), true, secret, auth.ErrNotPrivate},
		{private(alice), false, secret, auth.ErrNoFactor},
		{private(alice), false, "", auth.ErrNoFactor},
		{private(alice), true, "", auth.ErrWrongSecret},
		{private(alice), true, secret + " ", auth.ErrWrongSecret},
		{private(alice), true, secret[:len(secret)-1], auth.ErrWrongSecret},
	} {
		d := &disk{}
		c := config(t, d)
		if !tt.factor {
			c.SecretSHA256 = [32]byte{}
		}
		g := newGate(t, c)
		_, err := g.Unlock(tt.caller, tt.code)
		wantRefusal(t, fmt.Sprintf("Unlock(%+v, %q)", tt.caller, tt.code), err, tt.want)
		if counted := d.saves > 0; counted != (tt.want == auth.ErrWrongSecret) {
			t.Errorf("Unlock(%+v, %q): counted = %v", tt.caller, tt.code, counted)
		}
		if _, ok := g.UnlockedUntil(tt.caller.UserID); ok {
			t.Errorf("Unlock(%+v, %q) unlocked", tt.caller, tt.code)
		}
	}
}

// guess makes n wrong attempts, every second one inline.
func guess(t *testing.T, g *auth.Gate, id int64, n int) {
	t.Helper()
	for i := range n {
		var err error
		if i%2 == 0 {
			_, err = g.Unlock(private(id), "wrong")
		} else {
			_, err = g.Admit(private(id), auth.Ask{Class: auth.Safe, Secret: "wrong"})
		}
		wantRefusal(t, fmt.Sprintf("guess %d", i+1), err, auth.ErrWrongSecret)
	}
}

func TestLockout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		d := &disk{}
		c := config(t, d)
		var g *auth.Gate
		c.OnLockout = func(op auth.Operator, until time.Time) {
			told = append(told, fmt.Sprint(op.Name, " ", time.Until(until)))
			g.Operators() // no lock is held
		}
		g = newGate(t, c)

		unlock(t, g, bob)
		guess(t, g, bob, 4)
		if _, ok := g.UnlockedUntil(bob); !ok {
			t.Error("four failures ended the unlock")
		}
		if _, err := g.Unlock(private(bob), secret); err != nil {
			t.Fatalf("the fifth attempt is right: %v", err)
		}
		guess(t, g, bob, 4) // counted anew
		if len(told) > 0 {
			t.Errorf("told %q before five in a row", told)
		}
		guess(t, g, bob, 1)
		if _, ok := g.UnlockedUntil(bob); ok {
			t.Error("unlocked while locked out")
		}

		for i, length := range []time.Duration{5, 10, 20, 40, 60, 60} {
			length *= time.Minute
			if want := fmt.Sprint("bob ", length); len(told) != i+1 || told[i] != want {
				t.Fatalf("told %q, want %d, the last %q", told, i+1, want)
			}
			time.Sleep(length - 1)
			saves := d.saves
			_, right := g.Unlock(private(bob), secret)
			wantRefusal(t, "right secret while locked out", right, auth.ErrLockedOut)
			_, wrong := g.Unlock(private(bob), "wrong")
			wantRefusal(t, "wrong secret while locked out", wrong, auth.ErrLockedOut)
			_, inline := g.Admit(private(bob), auth.Ask{Class: auth.Moderate, Secret: secret})
			wantRefusal(t, "inline while locked out", inline, auth.ErrLockedOut)
			if right.Error() != wrong.Error() || right.Error() != inline.Error() || right.Error() != "unauthorized" {
				t.Errorf("said %q, %q and %q", right, wrong, inline)
			}
			if d.saves != saves {
				t.Error("an attempt while locked out was counted")
			}
			if _, err := g.Unlock(private(alice), secret); err != nil {
				t.Errorf("alice, while bob is locked out: %v", err)
			}
			if _, err := g.Admit(private(bob), auth.Ask{Class: auth.Safe}); err != nil {
				t.Errorf("a safe command while locked out: %v", err)
			}
			time.Sleep(time.Nanosecond)
			guess(t, g, bob, 5)
		}
		time.Sleep(time.Hour)
		unlock(t, g, bob)
		guess(t, g, bob, 5)
		if last := told[len(told)-1]; last != "bob 5m0s" {
			t.Errorf("first lockout after success: %q, want 5 min", last)
		}
	})
}

func TestWrongAndRightSoundTheSame(t *testing.T) {
	g := newGate(t, config(t, &disk{}))
	_, wrong := g.Unlock(private(bob), "wrong")
	guess(t, g, bob, 4)
	_, out := g.Unlock(private(bob), secret)
	if wrong.Error() != out.Error() {
		t.Errorf("wrong: %q, locked out: %q", wrong, out)
	}
}

func TestLockoutSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		guess(t, newGate(t, config(t, d)), bob, 3)
		guess(t, newGate(t, config(t, d)), bob, 2)
		g := newGate(t, config(t, d))
		_, err := g.Unlock(private(bob), secret)
		wantRefusal(t, "after a restart", err, auth.ErrLockedOut)
		time.Sleep(5 * time.Minute)
		unlock(t, newGate(t, config(t, d)), bob)
		if l := d.kept[bob]; l.Failures != 0 || !l.Until.IsZero() {
			t.Errorf("kept after success: %+v", l)
		}
	})
}

// The attempt is on disk before it is judged, so a crash gives no free guess.
func TestAttemptIsSavedBeforeItIsJudged(t *testing.T) {
	d := &disk{}
	g := newGate(t, config(t, d))
	d.onSave = func() {
		if d.saves == 1 {
			if _, ok := g.UnlockedUntil(bob); ok {
				t.Error("unlocked before the attempt was saved")
			}
		}
	}
	unlock(t, g, bob)
	if d.saves != 2 {
		t.Errorf("%d saves, want the attempt and its success", d.saves)
	}
}

func TestUnsavedAttemptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		c := config(t, d)
		g := newGate(t, c)
		full := errors.New("disk full")
		d.set(full)
		_, err := g.Unlock(private(bob), secret)
		wantRefusal(t, "unsaved", err, auth.ErrUnsaved)
		if !errors.Is(err, full) || err.Error() != "unauthorized" {
			t.Errorf("%v: want the cause within and not a word of it", err)
		}
		// The success cannot be saved: no unlock either.
		d.set(nil)
		d.onSave = func() {
			if d.saves == 3 {
				d.broken = full
			}
		}
		_, err = g.Unlock(private(bob), secret)
		wantRefusal(t, "success unsaved", err, auth.ErrUnsaved)
		if _, ok := g.UnlockedUntil(bob); ok {
			t.Error("unlocked")
		}
		// Attempts that could not be saved count as long as we run, also after a reload.
		for range 3 {
			_, err = g.Unlock(private(bob), secret)
			wantRefusal(t, "unsaved", err, auth.ErrUnsaved)
		}
		d.onSave = nil
		d.set(nil)
		if err := g.Configure(c); err != nil {
			t.Fatal(err)
		}
		_, err = g.Unlock(private(bob), secret)
		wantRefusal(t, "after five unsaved attempts", err, auth.ErrLockedOut)
	})
}

func TestUnsavedLockoutEndsTheUnlock(t *testing.T) {
	d := &disk{}
	g := newGate(t, config(t, d))
	unlock(t, g, bob)
	guess(t, g, bob, 4)
	d.set(errors.New("disk full"))
	_, err := g.Unlock(private(bob), secret)
	wantRefusal(t, "fifth attempt", err, auth.ErrUnsaved)
	if _, ok := g.UnlockedUntil(bob); ok {
		t.Error("unlocked while locked out")
	}
	_, err = g.Unlock(private(bob), secret)
	wantRefusal(t, "sixth attempt", err, auth.ErrLockedOut)
}

func TestLockoutOfAWrongClockIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{kept: map[int64]auth.Lockout{bob: {Operator: bob, Failures: 5, Until: time.Now().AddDate(10, 0, 0)}}}
		g := newGate(t, config(t, d))
		time.Sleep(time.Hour - 1)
		_, err := g.Unlock(private(bob), secret)
		wantRefusal(t, "within the hour", err, auth.ErrLockedOut)
		time.Sleep(time.Nanosecond)
		unlock(t, g, bob)
	})
}

func TestGuessesAtOnceAreAllCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		g := newGate(t, config(t, d))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { g.Unlock(private(bob), "wrong") })
		}
		wg.Wait()
		if l := d.kept[bob]; d.saves != 5 || l.Failures != 5 || !l.Until.Equal(time.Now().Add(5*time.Minute)) {
			t.Errorf("%d saves, kept %+v: want five guesses looked at", d.saves, l)
		}
	})
}

func TestIdentify(t *testing.T) {
	g := newGate(t, config(t, &disk{}))
	for _, tt := range []struct {
		name  string
		c     auth.Caller
		known bool
	}{
		{"private", private(alice), true},
		{"group and topic", inGroup(alice), true},
		{"group with all topics", auth.Caller{UserID: alice, ChatID: group - 1, TopicID: 99}, true},
		{"stranger, private", private(eve), false},
		{"stranger, group", inGroup(eve), false},
		{"other topic", auth.Caller{UserID: alice, ChatID: group, TopicID: 8}, false},
		{"no topic", auth.Caller{UserID: alice, ChatID: group}, false},
		{"other group", auth.Caller{UserID: alice, ChatID: -5}, false},
		{"private chat of another", auth.Caller{UserID: eve, ChatID: alice, Private: true}, false},
		{"operator in a stranger's chat", auth.Caller{UserID: alice, ChatID: eve, Private: true}, false},
		{"not said to be private", auth.Caller{UserID: alice, ChatID: alice}, false},
		{"group said to be private", auth.Caller{UserID: alice, ChatID: group, TopicID: topic, Private: true}, false},
		{"nobody", auth.Caller{}, false},
	} {
		op, known := g.Identify(tt.c)
		if known != tt.known || known && op.ID != tt.c.UserID {
			t.Errorf("%s: Identify = %v, %v, want %v", tt.name, op, known, tt.known)
		}
	}
}

// Nothing that the gate hands out, or was given, changes a right.
func TestRightsCannotBeWidened(t *testing.T) {
	c := config(t, &disk{})
	g := newGate(t, c)
	widen := func(op auth.Operator) {
		for i := range op.May {
			op.May[i] = auth.Dangerous
		}
	}
	widen(c.Operators[1])
	op, _ := g.Identify(private(bob))
	widen(op)
	for _, op := range g.Operators() {
		widen(op)
	}
	grant, err := g.Admit(private(bob), auth.Ask{Class: auth.Safe})
	if err != nil {
		t.Fatal(err)
	}
	widen(grant.Operator())
	if grant.Operator().Can(auth.Dangerous) {
		t.Error("the grant's operator was changed")
	}
	_, err = g.Admit(private(bob), auth.Ask{Class: auth.Dangerous, Yes: true, Secret: secret})
	wantRefusal(t, "bob", err, auth.ErrRight)
}

func TestSpend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, config(t, &disk{}))
		spend := func(id int64, b auth.Budget, n int) (spent int) {
			for range n {
				err := g.Spend(private(id), b)
				if err == nil {
					spent++
					continue
				}
				wantRefusal(t, "Spend", err, auth.ErrRateLimited)
				if err.Error() != "rate limited (try again later)" {
					t.Errorf("says %q", err)
				}
			}
			return spent
		}
		for _, tt := range []struct {
			what string
			got  int
			want int
		}{
			{"commands at once", spend(alice, auth.Commands, 10), 3},
			{"bob's", spend(bob, auth.Commands, 10), 3},
			{"presses at once", spend(alice, auth.Presses, 100), 20},
			{"free ones", spend(alice, auth.Free, 1000), 1000},
			{"of no budget", spend(alice, auth.Budget(0), 5), 0},
			{"of an unknown budget", spend(alice, auth.Budget(9), 5), 0},
		} {
			if tt.got != tt.want {
				t.Errorf("%s: %d, want %d", tt.what, tt.got, tt.want)
			}
		}
		minute := 0
		for range 60 {
			time.Sleep(time.Second)
			minute += spend(alice, auth.Commands, 5)
		}
		if minute != 10 {
			t.Errorf("%d commands in a minute, want 10", minute)
		}
		time.Sleep(time.Minute)
		if n := spend(alice, auth.Presses, 100); n != 20 {
			t.Errorf("%d presses after two minutes, want 20", n)
		}
		wantRefusal(t, "a stranger", g.Spend(inGroup(eve), auth.Free), auth.ErrStranger)
	})
}

// Admission does not draw on a budget; whoever takes in the message does.
func TestAdmitDoesNotSpend(t *testing.T) {
	g := newGate(t, config(t, &disk{}))
	for range 50 {
		if _, err := g.Admit(private(bob), auth.Ask{Class: auth.Safe}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Spend(private(bob), auth.Commands); err != nil {
		t.Error(err)
	}
}

func TestAnswerStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, &disk{})
		g := newGate(t, c)
		if g.AnswerStranger(inGroup(eve)) {
			t.Error("answered by default")
		}
		c.AnswerStrangers = true
		if err := g.Configure(c); err != nil {
			t.Fatal(err)
		}
		if !g.AnswerStranger(private(eve)) || g.AnswerStranger(inGroup(eve)) {
			t.Error("want one answer, not two")
		}
		if g.AnswerStranger(private(alice)) || g.AnswerStranger(auth.Caller{UserID: 10, ChatID: -5}) {
			t.Error("an operator, or a foreign group, was answered")
		}
		time.Sleep(time.Hour)
		if !g.AnswerStranger(inGroup(eve)) {
			t.Error("silence after an hour")
		}
		answered := 0
		for id := int64(1000); id < 10000; id++ {
			if g.AnswerStranger(private(id)) {
				answered++
			}
		}
		if answered < 100 || answered > 1024 {
			t.Errorf("%d of 9000 strangers answered", answered)
		}
		time.Sleep(time.Hour)
		if !g.AnswerStranger(private(9999)) {
			t.Error("the list of strangers is full for ever")
		}
	})
}

func TestConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, &disk{})
		g := newGate(t, c)
		unlock(t, g, alice)
		unlock(t, g, bob)
		for range 3 {
			g.Spend(private(alice), auth.Commands)
		}

		without := c
		without.Operators = c.Operators[:1]
		if err := g.Configure(without); err != nil {
			t.Fatal(err)
		}
		if _, ok := g.UnlockedUntil(alice); !ok {
			t.Error("alice stayed and is locked")
		}
		if err := g.Spend(private(alice), auth.Commands); err == nil {
			t.Error("a reload filled the budget")
		}
		if _, ok := g.Identify(private(bob)); ok {
			t.Error("bob is still an operator")
		}
		if err := g.Configure(c); err != nil {
			t.Fatal(err)
		}
		if _, ok := g.UnlockedUntil(bob); ok {
			t.Error("bob came back unlocked")
		}

		// Somebody shortens it because a phone is lost: an open unlock does not outlive that.
		short := c
		short.UnlockTTL = time.Minute
		if err := g.Configure(short); err != nil {
			t.Fatal(err)
		}
		if until, ok := g.UnlockedUntil(alice); !ok || time.Until(until) != time.Minute {
			t.Errorf("alice is unlocked for %v, %v, want a minute", time.Until(until), ok)
		}
		if err := g.Configure(c); err != nil {
			t.Fatal(err)
		}
		if until, ok := g.UnlockedUntil(alice); !ok || time.Until(until) != time.Minute {
			t.Errorf("a longer one made the unlock last %v, %v", time.Until(until), ok)
		}

		faulty := c
		faulty.Operators = nil
		if err := g.Configure(faulty); err == nil || len(g.Operators()) != 3 {
			t.Errorf("Configure without operators: %v, %d left", err, len(g.Operators()))
		}

		changed := c
		changed.SecretSHA256, _ = auth.HashSecret(strings.Repeat("x", 32))
		if err := g.Configure(changed); err != nil {
			t.Fatal(err)
		}
		if _, ok := g.UnlockedUntil(alice); ok {
			t.Error("unlocked by a secret that is no longer one")
		}

		more := c
		more.RatePerMinute, more.RateBurst = 60, 1
		if err := g.Configure(more); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := g.Spend(private(alice), auth.Commands); err != nil {
			t.Errorf("the new rate does not count: %v", err)
		}
		c.SecretSHA256 = [32]byte{}
		if err := g.Configure(c); err != nil || g.HasFactor() {
			t.Errorf("%v, HasFactor %v", err, g.HasFactor())
		}
	})
}

// A reload does not reset what somebody guessed, not even of an operator who was away.
func TestConfigureKeepsLockouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, &disk{})
		g := newGate(t, c)
		guess(t, g, bob, 5)
		without := c
		without.Operators = c.Operators[:1]
		if err := errors.Join(g.Configure(without), g.Configure(c)); err != nil {
			t.Fatal(err)
		}
		_, err := g.Unlock(private(bob), secret)
		wantRefusal(t, "after two reloads", err, auth.ErrLockedOut)
	})
}

func TestNewRefuses(t *testing.T) {
	_, err := auth.New(auth.Config{
		Operators: []auth.Operator{
			{ID: 0, Name: "zero"}, {ID: -1, Name: "minus"}, {ID: 5, Name: "a"}, {ID: 5, Name: "twin"},
			{ID: 6, Name: "odd", May: []auth.Class{auth.Unknown, 42}},
		},
		Groups:    []auth.Group{{ID: 5}, {ID: -7}, {ID: -7}},
		UnlockTTL: -1, RatePerMinute: -1, StepUp: true,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`operator "zero": 0 is not`, `operator "minus": -1 is not`, `"twin": id 5 is listed twice`, `"odd": class 0`, `"odd": class 42`,
		"group 5: ids", "group -7 is listed twice", "unlock time", "rate -1", "step-up",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in:\n%v", want, err)
		}
	}
	if _, err := auth.New(auth.Config{}); err == nil {
		t.Error("no operators: no error")
	}
	c := config(t, nil)
	c.Lockouts = nil
	if _, err := auth.New(c); err == nil {
		t.Error("nowhere to keep lockouts: no error")
	}
	if _, err := auth.New(config(t, &disk{broken: errors.New("io")})); err == nil {
		t.Error("lockouts cannot be read: no error")
	}
}

func TestHashSecret(t *testing.T) {
	for _, short := range []string{"", "short", strings.Repeat("x", 31), strings.Repeat("é", 31)} {
		if h, err := auth.HashSecret(short); err == nil || h != [32]byte{} {
			t.Errorf("HashSecret(%q) = %x, %v, want an error", short, h, err)
		}
	}
	if h, err := auth.HashSecret(strings.Repeat("é", 32)); err != nil || h == [32]byte{} {
		t.Errorf("32 characters: %x, %v", h, err)
	}
}

func TestClass(t *testing.T) {
	for c := auth.Safe; c <= auth.Approve; c++ {
		if got, err := auth.ParseClass(c.String()); got != c || err != nil {
			t.Errorf("ParseClass(%q) = %v, %v", c, got, err)
		}
	}
	for _, s := range []string{"", "unknown", "Safe", "root", "safe "} {
		if c, err := auth.ParseClass(s); c != auth.Unknown || err == nil {
			t.Errorf("ParseClass(%q) = %v, %v, want an error", s, c, err)
		}
	}
	if s := auth.Class(77).String(); s != "unknown" {
		t.Errorf("Class(77) = %q", s)
	}
	all := auth.Operator{May: []auth.Class{auth.Unknown, 77}}
	if all.Can(auth.Unknown) || all.Can(77) {
		t.Error("somebody can do what is unknown")
	}
}

// FuzzAdmit plays sequences of calls and holds every grant against a model: the right, and
// the second factor at that moment.
func FuzzAdmit(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, 200)
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps int) {
		synctest.Test(t, func(t *testing.T) { play(t, seed, min(max(steps, 0), 500)) })
	})
}

func play(t *testing.T, seed uint64, steps int) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	d := &disk{}
	c := config(t, d)
	other, _ := auth.HashSecret(strings.Repeat("z", 40))
	secrets := map[[32]byte]string{c.SecretSHA256: secret, other: strings.Repeat("z", 40), {}: "-"}
	g := newGate(t, c)

	unlocked := map[int64]time.Time{} // the model: until when, at most
	failures, out := map[int64]int{}, map[int64]time.Time{}
	may := func(id int64, cl auth.Class) bool {
		i := slices.IndexFunc(c.Operators, func(o auth.Operator) bool { return o.ID == id })
		return i >= 0 && slices.Contains(c.Operators[i].May, cl) && cl >= auth.Safe && cl <= auth.Approve
	}
	attempt := func(id int64, code string) bool { // whether it can be right at all
		if time.Now().Before(out[id]) {
			return false
		}
		if code == secrets[c.SecretSHA256] {
			if d.broken == nil {
				failures[id] = 0
			}
			return d.broken == nil
		}
		return false
	}
	for range steps {
		id := []int64{alice, bob, carol, eve}[rnd.IntN(4)]
		caller := private(id)
		if rnd.IntN(3) == 0 {
			caller = inGroup(id)
		}
		if rnd.IntN(20) == 0 {
			caller.ChatID--
		}
		code := []string{"", secret, "wrong", strings.Repeat("z", 40)}[rnd.IntN(4)]
		switch rnd.IntN(12) {
		case 0, 1:
			until, err := g.Unlock(caller, code)
			if err == nil {
				if !attempt(id, code) || !caller.Private || c.SecretSHA256 == [32]byte{} {
					t.Fatalf("Unlock(%+v, %q) succeeded", caller, code)
				}
				if until.After(time.Now().Add(10 * time.Minute)) {
					t.Fatalf("unlocked until %v", until)
				}
				unlocked[id] = until
			} else if errors.Is(err, auth.ErrWrongSecret) || errors.Is(err, auth.ErrUnsaved) {
				if failures[id]++; failures[id]%5 == 0 {
					out[id] = time.Now().Add(5 * time.Minute)
					delete(unlocked, id)
				}
			}
		case 2:
			g.Lock(caller)
			delete(unlocked, id)
		case 3:
			time.Sleep(time.Duration(rnd.IntN(400)) * time.Second)
		case 4:
			c.StepUp = rnd.IntN(2) == 0 && c.SecretSHA256 != [32]byte{}
			c.Operators = slices.Clone(c.Operators)
			i := rnd.IntN(len(c.Operators))
			c.Operators[i].May = []auth.Class{auth.Class(1 + rnd.IntN(4)), auth.Class(1 + rnd.IntN(4))}
			if rnd.IntN(4) == 0 {
				before := c.SecretSHA256
				c.SecretSHA256 = [][32]byte{{}, other, config(t, d).SecretSHA256}[rnd.IntN(3)]
				if c.SecretSHA256 != before {
					clear(unlocked)
				}
				c.StepUp = false
			}
			d.set(nil)
			if err := g.Configure(c); err != nil {
				t.Fatal(err)
			}
		case 5:
			d.set([]error{nil, errors.New("disk full")}[rnd.IntN(2)])
		default:
			ask := auth.Ask{Class: auth.Class(rnd.IntN(7) - 1), Yes: rnd.IntN(2) == 0, StepUp: rnd.IntN(5) == 0}
			if rnd.IntN(3) == 0 {
				ask.Secret = code
			}
			grant, err := g.Admit(caller, ask)
			if err != nil {
				if grant.Covers(ask.Class) || grant.Operator().ID != 0 {
					t.Fatalf("refused with a grant: %+v", grant)
				}
				if errors.Is(err, auth.ErrWrongSecret) || errors.Is(err, auth.ErrUnsaved) {
					if failures[id]++; failures[id]%5 == 0 {
						out[id] = time.Now().Add(5 * time.Minute)
						delete(unlocked, id)
					}
				} else if errors.Is(err, auth.ErrUnconfirmed) && ask.Secret != "" {
					attempt(id, ask.Secret)
				}
				continue
			}
			for cl := auth.Class(-1); cl < 7; cl++ {
				if grant.Covers(cl) && (cl != ask.Class || !may(id, cl) || grant.Operator().ID != id) {
					t.Fatalf("Admit(%+v, %+v): the grant covers %v of %v", caller, ask, cl, c.Operators)
				}
			}
			factor := c.SecretSHA256 != [32]byte{}
			needs := ask.StepUp || ask.Class == auth.Dangerous || ask.Class == auth.Moderate && factor || ask.Class == auth.Approve && c.StepUp
			inline := ask.Secret != "" && caller.Private && attempt(id, ask.Secret)
			switch {
			case ask.Secret != "" && !inline:
				t.Fatalf("Admit(%+v, %+v): granted with that secret", caller, ask)
			case needs && !factor, needs && !inline && !time.Now().Before(unlocked[id]):
				t.Fatalf("Admit(%+v, %+v): granted, unlocked until %v", caller, ask, unlocked[id])
			case ask.Class == auth.Dangerous && !ask.Yes:
				t.Fatalf("Admit(%+v, %+v): granted without a yes", caller, ask)
			case caller.ChatID != id && caller.ChatID != group && caller.ChatID != group-1:
				t.Fatalf("Admit(%+v, %+v): granted in that chat", caller, ask)
			}
		}
	}
}
