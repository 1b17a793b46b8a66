package commands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
)

// Selftest does /selftest: it checks what the console stands on, raises a harmless
// approval through the gateway, waits for a press, and says how long each leg took.
type Selftest struct {
	Timeout time.Duration `placeholder:"s" default:"60s" min:"10s" max:"5m" help:"how long to wait for your press, default 60"`
}

// A Check is one thing that the console stands on.
type Check struct {
	Name string
	Err  error  // nil: good; a *Failure says it to the operator, another only to the log
	Note string // a figure; may be empty
}

func (s *Selftest) run(ctx context.Context, c *call) (Result, error) {
	var (
		checks []Item
		failed []error
	)
	say := func(name string, err error, note string) {
		var f *Failure
		switch {
		case errors.As(err, &f):
			note = "FAILED: " + f.Message
		case err != nil:
			note = "FAILED: the console's log says why"
		case note == "":
			note = "good"
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
		checks = append(checks, Item{name, note})
	}
	if c.Checks != nil {
		for _, ch := range c.Checks(ctx) {
			say(ch.Name, ch.Err, ch.Note)
		}
	}
	st := c.Gateway.State()
	switch {
	case st.Phase != openclaw.Connected:
		say("Gateway", &Failure{Message: st.Phase.String()}, "")
	case len(st.Missing) > 0:
		say("Scopes", &Failure{Message: st.Advice}, "")
	default:
		say("Scopes", nil, "all")
		skew := st.Skew.Round(10 * time.Millisecond)
		if skew.Abs() > 2*time.Second {
			say("Clock", &Failure{Message: longDuration(skew.Abs()) + " apart from the gateway's"}, "")
		} else {
			say("Clock", nil, longDuration(skew.Abs())+" apart from the gateway's")
		}
	}
	result := func(summary string, legs []Item) Result {
		res := Result{Summary: summary, Blocks: []Block{{Kind: Fields, Title: "Checks", Items: checks}}}
		if len(legs) > 0 {
			res.Blocks = append(res.Blocks, Block{Kind: Fields, Title: "Approval, leg by leg", Items: legs})
		}
		return res
	}
	raiser, ok := c.Gateway.(simulator)
	if c.Approvals == nil || !ok || st.Phase != openclaw.Connected {
		return result("", nil), &Failure{Message: "no approval could be raised", Hint: "/gateway status says more.", Err: errors.Join(failed...)}
	}

	id := "selftest-" + strings.ToLower(rand.Text()[:10])
	caller := c.grant.Caller()
	c.Approvals.Direct(id, approvals.Place{Chat: caller.ChatID, Topic: caller.TopicID})
	begun := time.Now()
	sim, err := raiser.RequestSimulatedApproval(ctx, id, "echo this is a test, nothing runs", s.Timeout)
	if err != nil {
		return result("", nil), &Failure{Message: "the gateway did not raise an approval", Hint: "/gateway status says more.", Err: err}
	}
	defer sim.Close()
	accepted := time.Now()
	legs := []Item{{"Raised", took(accepted.Sub(begun))}}
	c.progress(Result{Summary: "press a button of the test approval", Blocks: result("", legs).Blocks})

	wait, cancel := context.WithTimeout(ctx, s.Timeout+5*time.Second)
	defer cancel()
	a, err := c.Approvals.Wait(wait, id, func(a approvals.Case) bool { return !a.ShownAt.IsZero() || a.State.Final() })
	if err != nil || a.ShownAt.IsZero() {
		return result("", legs), &Failure{Message: "the test approval did not come back to this chat", Err: err}
	}
	legs = append(legs, Item{"Heard", took(a.SeenAt.Sub(begun))}, Item{"Shown", took(a.ShownAt.Sub(a.SeenAt))})

	a, err = c.Approvals.Wait(wait, id, func(a approvals.Case) bool { return a.State.Final() })
	if err != nil {
		return result("", legs), &Failure{Message: "the test approval has no end", Err: err}
	}
	if !a.End.Ours {
		return result("", legs), &Failure{Message: fmt.Sprintf("the test approval is %s", a.State), Hint: "Nobody pressed a button in time? Run it again."}
	}
	seen := time.Now()
	legs = append(legs, Item{"Pressed", "after " + took(a.Claim.At.Sub(a.ShownAt)) + " by " + a.Claim.By.Name},
		Item{"Confirmed", took(seen.Sub(a.Claim.At)) + " after the press"})
	d, err := sim.Wait(wait)
	if err != nil || d != a.Claim.Decision {
		return result("", legs), &Failure{Message: "the one who asked was not told", Err: err}
	}
	legs = append(legs, Item{"Asker told", string(d)})
	if len(failed) > 0 {
		return result("", legs), &Failure{Message: fmt.Sprintf("%d of %d checks failed", len(failed), len(checks)), Err: errors.Join(failed...)}
	}
	return result("everything works", legs), nil
}

// simulator is the part of *[openclaw.Gateway] that raises test approvals.
type simulator interface {
	RequestSimulatedApproval(ctx context.Context, id, command string, ttl time.Duration) (*openclaw.Simulation, error)
}

// took says how long a leg took, to the millisecond where that matters.
func took(d time.Duration) string {
	if d = max(d, 0); d < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return longDuration(d)
}
