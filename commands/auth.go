package commands

import "context"

// Auth does /auth: it unlocks its operator. The message is the console's to
// delete, right or wrong.
type Auth struct {
	Code string `arg:"" name:"secret" secret:""`
}

func (a *Auth) run(_ context.Context, c *call) (Result, error) {
	if !c.grant.Caller().Private {
		return Result{}, &Failure{
			Message: "secrets are taken in a private chat only",
			Hint:    "others may have read it: change the secret",
		}
	}
	until, err := c.Gate.Unlock(c.grant.Caller(), a.Code)
	if err != nil {
		return Result{}, err // an *auth.Refusal: its words are the operator's
	}
	return Result{Summary: "unlocked until " + until.UTC().Format("15:04 UTC")}, nil
}

// Lock does /lock: it ends the unlock. Commands that run already go on.
type Lock struct{}

func (*Lock) run(_ context.Context, c *call) (Result, error) {
	c.Gate.Lock(c.grant.Caller())
	return Result{Summary: "locked"}, nil
}
