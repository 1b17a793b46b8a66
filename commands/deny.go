package commands

import (
	"context"
	"strings"

	"clawconsole/openclaw"
)

// Deny does /deny: it denies one call, with a reason that the agent is told.
type Deny struct {
	ID     string `arg:"" name:"id"`
	Reason Raw    `arg:"" optional:"" name:"reason"`
}

func (d *Deny) run(ctx context.Context, c *call) (Result, error) {
	found, res, err := c.find(ctx, d.ID)
	if err != nil {
		return res, err
	}
	return c.decide(ctx, found, openclaw.Deny, strings.TrimSpace(string(d.Reason)))
}
