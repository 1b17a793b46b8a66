package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
)

// Approve does /approve: it allows one call, once.
type Approve struct {
	ID string `arg:"" name:"id"`
}

func (a *Approve) run(ctx context.Context, c *call) (Result, error) {
	return c.decide(ctx, a.ID, openclaw.AllowOnce, "")
}

// decideTimeout is how long a command waits for the gateway's word.
const decideTimeout = 20 * time.Second

// decide decides the one approval whose ID begins with id.
func (c *call) decide(ctx context.Context, id string, d openclaw.Decision, reason string) (Result, error) {
	if c.Approvals == nil {
		return Result{}, &Failure{Message: "this console takes no approvals"}
	}
	found := c.Approvals.Find(ctx, id)
	switch {
	case len(found) == 0:
		return Result{}, &Failure{Message: fmt.Sprintf("no approval begins with %q", id), Hint: "/pending lists those that wait."}
	case len(found) > 1:
		res := Result{Hint: "Nothing was decided. Type more of the id."}
		block := Block{Kind: Given}
		for i, a := range found {
			if i == pendingMost {
				break
			}
			block.Items = append(block.Items, Item{Label: a.Approval.ID, Value: oneCall(a)})
		}
		res.Blocks = []Block{block}
		return res, &Failure{Message: fmt.Sprintf("%d approvals begin with %q", len(found), id), Hint: res.Hint}
	}
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	was := found[0]
	a, err := c.Approvals.Decide(ctx, c.grant, was.Key, d, reason)
	var refusal *auth.Refusal
	switch {
	case errors.As(err, &refusal):
		return Result{}, err
	case errors.Is(err, approvals.ErrUnknown):
		a = was // it ended long ago
	case errors.Is(err, approvals.ErrHeld):
		return Result{}, &Failure{Message: a.Claim.By.Name + " is denying it", Hint: "Nobody else can decide it now."}
	case errors.Is(err, approvals.ErrSending):
		return Result{}, &Failure{Message: "the decision of " + a.Claim.By.Name + " is being sent", Hint: "The prompt shows what comes of it."}
	case errors.Is(err, approvals.ErrOverdue):
		return Result{}, &Failure{Message: "too late: its time is up"}
	case errors.Is(err, approvals.ErrOffered):
		return Result{}, &Failure{Message: fmt.Sprintf("the gateway does not offer %q for it", d)}
	case errors.Is(err, context.DeadlineExceeded):
		return Result{}, &Failure{Message: "not confirmed yet", Hint: "It is sent until the gateway answers; the prompt shows what comes of it.", Err: err}
	case errors.Is(err, approvals.ErrEnded):
	case err != nil:
		return Result{}, &Failure{Message: "cannot record it, nothing was sent", Hint: "The console's disk needs a look.", Err: err}
	}
	call := Block{Kind: Given, Items: []Item{{Value: oneCall(a)}}}
	if !a.State.Final() {
		return Result{Blocks: []Block{call}}, &Failure{Message: "not decided", Hint: a.Note}
	}
	if err == nil && a.End.Ours && a.Claim.Decision == d {
		res := Result{Summary: fmt.Sprintf("%s at %s", a.State, a.End.At.UTC().Format("15:04:05 UTC")), Blocks: []Block{call}}
		if reason != "" {
			res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: []Item{{"Reason", reason}}})
		}
		return res, nil
	}
	who := "elsewhere"
	if a.End.Ours {
		who = "by " + a.Claim.By.Name
	} else if a.State != approvals.Approved && a.State != approvals.Denied {
		who = ""
	}
	return Result{Blocks: []Block{call}}, &Failure{Message: fmt.Sprintf("too late: %s %s at %s", a.State, who, a.End.At.UTC().Format("15:04:05 UTC"))}
}
