package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"clawconsole/auth"
	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
)

// Approvals is the subset of *[approvals.Broker] that commands use.
type Approvals interface {
	Open() []approvals.Case
	Find(ctx context.Context, id string) []approvals.Case
	Decide(ctx context.Context, g auth.Grant, shown approvals.Case, d openclaw.Decision, reason string) (approvals.Case, error)
	Show(key string, to approvals.Place) error
	Direct(id string, to approvals.Place)
	Wait(ctx context.Context, id string, done func(approvals.Case) bool) (approvals.Case, error)
}

// Pending does /pending: it lists what waits for a decision.
type Pending struct{}

// pendingMost is how many approvals /pending shows, and offers buttons for.
const pendingMost = 8

func (*Pending) run(_ context.Context, c *call) (Result, error) {
	if c.Approvals == nil {
		return Result{}, &Failure{Message: "this console takes no approvals"}
	}
	open := c.Approvals.Open()
	if len(open) == 0 {
		res := Result{Summary: "nothing waits for a decision"}
		if c.Gateway.State().Phase != openclaw.Connected {
			res.Hint = "The gateway is away: what it asked since is not known, and it denies while nobody listens."
		}
		return res, nil
	}
	now := time.Now()
	res := Result{Summary: waits(len(open))}
	for i, a := range open {
		if i == pendingMost {
			res.Hint = fmt.Sprintf("and %d more", len(open)-i)
			break
		}
		state := ""
		switch a.Step {
		case approvals.Asking:
			state = ", " + a.Claim.By.Name + " is denying it"
		case approvals.Sending:
			state = ", decision of " + a.Claim.By.Name + " being sent"
		case approvals.Overdue:
			state = ", time is up"
		}
		block := Block{Kind: Given, Title: fmt.Sprintf("%s, %s%s", age(a, now), timeLeft(a, now), state)}
		block.Items = append(block.Items, Item{Label: a.ShortID(), Value: oneCall(a)})
		if a.Approval.Cwd != "" {
			block.Items = append(block.Items, Item{Label: "in", Value: clip(a.Approval.Cwd, callShown)})
		}
		if on := strings.TrimSpace(a.Approval.Host + " " + a.Approval.NodeID); on != "" && on != "gateway" {
			block.Items = append(block.Items, Item{Label: "runs on", Value: clip(on, callShown)})
		}
		if p := a.Approval.ResolvedPath; p != "" && !strings.HasPrefix(a.Approval.Command, p) {
			block.Items = append(block.Items, Item{Label: "program", Value: clip(p, callShown)})
		}
		if a.Approval.SessionKey != "" {
			block.Items = append(block.Items, Item{Label: "from", Value: a.Approval.SessionKey})
		}
		block.Items = append(block.Items, Item{Label: "digest", Value: a.ShortDigest()})
		res.Blocks = append(res.Blocks, block)
		if a.Live() && c.grant.Operator().Can(auth.Approve) {
			var row []Button
			switch {
			case !a.Approval.Offers(openclaw.AllowOnce):
			case whole(a):
				row = append(row, Button{Label: "Allow " + a.ShortID(), Line: "/approve " + a.Approval.ID + " " + a.Digest, Style: Good})
			default:
				row = append(row, Button{Label: "Show " + a.ShortID(), Line: "/approve " + a.Approval.ID})
			}
			res.Buttons = append(res.Buttons, append(row, Button{Label: "Deny " + a.ShortID(), Line: "/deny " + a.Approval.ID, Style: Serious}))
		}
	}
	return res, nil
}

func waits(n int) string {
	if n == 1 {
		return "1 call waits for a decision"
	}
	return fmt.Sprintf("%d calls wait for a decision", n)
}

func age(a approvals.Case, now time.Time) string {
	return longDuration(now.Sub(a.Approval.CreatedAt).Truncate(time.Second)) + " old"
}

func timeLeft(a approvals.Case, now time.Time) string {
	left := a.Approval.ExpiresAt.Sub(now)
	if left <= 0 {
		return "no time left"
	}
	return longDuration(left.Truncate(time.Second)) + " left"
}

// callShown is how much of a call the list shows. More than that is allowed at its
// prompt only, where it can be read.
const callShown = 200

// oneCall is a call in one line.
func oneCall(a approvals.Case) string {
	s := strings.Join(strings.Fields(cmp.Or(a.Approval.Command, a.Approval.Title, a.Approval.Tool)), " ")
	if n := utf8.RuneCountInString(s); n > callShown {
		return clip(s, callShown) + fmt.Sprintf(" (%d characters, see its prompt)", n)
	}
	return s
}

// whole reports whether the list says all that there is to know about a call, to the
// letter. Any other is allowed at its prompt only.
func whole(a approvals.Case) bool {
	for _, s := range []string{a.Approval.Cwd, a.Approval.Host + a.Approval.NodeID, a.Approval.ResolvedPath, a.Approval.SessionKey} {
		if len([]rune(s)) >= callShown {
			return false
		}
	}
	return oneCall(a) == a.Approval.Command && a.Note == "" && a.Plain()
}
