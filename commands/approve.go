package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
)

// Approve does /approve: it allows one call, once, if it is the one that the person
// has read: the digest says so. Without it the call is shown, to be decided there.
type Approve struct {
	ID     string `arg:"" name:"id"`
	Digest string `arg:"" optional:"" name:"digest"`
}

// idTyped is how much is typed of an id to allow a call; one that is shorter as a whole
// is enough. Of the digest all that is shown is typed, or more.
const idTyped = 6

func (a *Approve) run(ctx context.Context, c *call) (Result, error) {
	found, res, err := c.find(ctx, a.ID)
	if err != nil {
		return res, err
	}
	switch {
	case len(a.ID) < idTyped && a.ID != found.Approval.ID:
		return Result{}, &Failure{Message: fmt.Sprintf("%q is too short for an id", a.ID), Hint: "Nothing was decided. Type more of it: " + found.ShortID()}
	case a.Digest == "" || found.State.Final():
		return c.show(found)
	case len(a.Digest) < len(found.ShortDigest()) || !strings.HasPrefix(found.Digest, strings.ToLower(a.Digest)):
		return Result{}, &Failure{Message: fmt.Sprintf("the digest of this call is not %q", a.Digest), Hint: "Nothing was decided. Look at it again: /approve " + found.ShortID()}
	}
	return c.decide(ctx, found, openclaw.AllowOnce, "")
}

// show has the prompt of a call sent to where the command came from.
func (c *call) show(a approvals.Case) (Result, error) {
	caller := c.grant.Caller()
	switch err := c.Approvals.Show(a.Key, approvals.Place{Chat: caller.ChatID, Topic: caller.TopicID}); {
	case err == nil:
		return Result{Summary: "nothing is decided yet: read the call, then press its button"}, nil
	case a.State.Final():
		return about(a), &Failure{Message: lateBy(a)}
	default:
		return Result{}, &Failure{Message: "it has ended", Err: err}
	}
}

// decideTimeout is how long a command waits for the gateway's word.
const decideTimeout = 20 * time.Second

// find returns the one approval whose ID begins with id.
func (c *call) find(ctx context.Context, id string) (approvals.Case, Result, error) {
	if c.Approvals == nil {
		return approvals.Case{}, Result{}, &Failure{Message: "this console takes no approvals"}
	}
	found := c.Approvals.Find(ctx, id)
	switch {
	case len(found) == 0:
		return approvals.Case{}, Result{}, &Failure{Message: fmt.Sprintf("no approval begins with %q", id), Hint: "/pending lists those that wait."}
	case len(found) == 1:
		return found[0], Result{}, nil
	}
	block := Block{Kind: Given}
	for _, a := range found[:min(len(found), pendingMost)] {
		block.Items = append(block.Items, Item{Label: a.Approval.ID, Value: oneCall(a)})
	}
	return approvals.Case{}, Result{Blocks: []Block{block}},
		&Failure{Message: fmt.Sprintf("%d approvals begin with %q", len(found), id), Hint: "Nothing was decided. Type more of the id."}
}

// decide decides a call as it was found.
func (c *call) decide(ctx context.Context, was approvals.Case, d openclaw.Decision, reason string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	a, err := c.Approvals.Decide(ctx, c.grant, was, d, reason)
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
	case errors.Is(err, approvals.ErrChanged):
		return Result{}, &Failure{Message: "the call has changed", Hint: "Nothing was decided. Look at it again: /approve " + a.ShortID()}
	case errors.Is(err, approvals.ErrTooLong):
		return Result{}, &Failure{Message: "this call is too large to be shown", Hint: "It can only be denied here: /deny " + a.ShortID()}
	case errors.Is(err, approvals.ErrObscured):
		return Result{}, &Failure{Message: "this call has a part that cannot be shown", Hint: "It can only be denied here: /deny " + a.ShortID()}
	case errors.Is(err, approvals.ErrUnrecorded):
		return Result{}, &Failure{Message: "cannot record it, nothing was sent", Hint: "The console's disk needs a look.", Err: err}
	case errors.Is(err, approvals.ErrEnded):
	case err != nil:
		// Whatever ended the wait: the decision is made, and on its way.
		return Result{}, &Failure{Message: "not confirmed yet", Hint: "It is sent until the gateway answers; the prompt shows what comes of it.", Err: err}
	}
	if !a.State.Final() {
		return about(a), &Failure{Message: "not decided", Hint: a.Note}
	}
	if err == nil && a.End.Ours && a.Claim.Decision == d {
		res := about(a)
		res.Summary = fmt.Sprintf("%s at %s", a.State, a.End.At.UTC().Format("15:04:05 UTC"))
		if reason != "" {
			res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: []Item{{"Reason", reason}}})
		}
		return res, nil
	}
	return about(a), &Failure{Message: lateBy(a)}
}

// about says which call a message is about.
func about(a approvals.Case) Result {
	return Result{Blocks: []Block{{Kind: Given, Items: []Item{{Value: oneCall(a)}}}}}
}

// lateBy says how a call ended for which a decision came too late.
func lateBy(a approvals.Case) string {
	who := "elsewhere "
	if a.End.Ours {
		who = "by " + a.Claim.By.Name + " "
	} else if a.State != approvals.Approved && a.State != approvals.Denied {
		who = ""
	}
	return fmt.Sprintf("too late: %s %sat %s", a.State, who, a.End.At.UTC().Format("15:04:05 UTC"))
}
