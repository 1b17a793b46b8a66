package commands

import (
	"context"
	"strings"
	"time"
)

// Audit answers /audit: the newest records of this console.
type Audit struct {
	Tail int `placeholder:"n" default:"10" min:"1" max:"100" help:"how many, default 10"`
}

func (a *Audit) run(ctx context.Context, c *call) (Result, error) {
	if !c.grant.Caller().Private {
		return Result{}, &Failure{Message: "the record is shown in a private chat only"}
	}
	entries, err := c.Record.Tail(ctx, a.Tail)
	if err != nil {
		return Result{}, &Failure{Message: "the record cannot be read", Hint: "on the host: clawconsole audit verify", Err: err}
	}
	now := time.Now()
	items := make([]Item, 0, len(entries))
	for _, e := range entries {
		var parts []string
		if e.Operator != nil {
			parts = append(parts, e.Operator.Name)
		}
		parts = append(parts, string(e.Event))
		if e.Command != "" {
			parts = append(parts, clip(e.Command, 120))
		}
		if e.Result != "" {
			parts = append(parts, e.Result)
		}
		if e.Reason != "" {
			parts = append(parts, clip(e.Reason, 120))
		}
		if e.MS > 0 {
			parts = append(parts, longDuration(time.Duration(e.MS)*time.Millisecond))
		}
		items = append(items, Item{clock(e.Time, now), strings.Join(parts, " · ")})
	}
	if len(items) == 0 {
		return Result{Blocks: []Block{prose("No records yet.")}}, nil
	}
	return Result{Blocks: []Block{{Kind: List, Items: items, Oldest: true}}}, nil
}
