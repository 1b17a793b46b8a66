package commands

import (
	"context"
	"strconv"
	"strings"
)

// Whoami answers /whoami: what the gate knows about the one who asks.
type Whoami struct{}

func (*Whoami) run(_ context.Context, c *call) (Result, error) {
	op, caller := c.grant.Operator(), c.grant.Caller()
	var may []string
	for _, class := range op.May {
		may = append(may, class.String())
	}
	items := []Item{
		{"Name", op.Name},
		{"User id", strconv.FormatInt(caller.UserID, 10)},
		{"Chat id", strconv.FormatInt(caller.ChatID, 10)},
	}
	if caller.TopicID != 0 {
		items = append(items, Item{"Topic id", strconv.FormatInt(caller.TopicID, 10)})
	}
	items = append(items, Item{"Rights", strings.Join(may, ", ")}, Item{"Lock", c.lockState(caller.UserID)})
	return Result{Blocks: []Block{{Kind: Fields, Items: items}}}, nil
}

func (c *call) lockState(userID int64) string {
	if until, ok := c.Gate.UnlockedUntil(userID); ok {
		return "unlocked until " + until.UTC().Format("15:04 UTC")
	}
	if !c.Gate.HasFactor() {
		return "no second factor configured"
	}
	return "locked"
}
