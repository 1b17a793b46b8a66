package main

import (
	"context"
	"time"

	"clawconsole/console"
	"clawconsole/redact"
)

// anchorEvery is how often the head of the record is posted.
const anchorEvery = 24 * time.Hour

// anchor posts the head of the record to the chat of audit.anchor, now and every day
// until ctx ends. Lines that are cut off the end of the record are missed by nobody else:
// the file alone does not tell.
func (i *instance) anchor(ctx context.Context) {
	to := console.Address{ChatID: i.config.Audit.Anchor}
	if to.ChatID == 0 {
		return
	}
	daily(ctx, func() {
		head := i.record.Head().String()
		err := i.router.Notify(ctx, console.Outgoing{To: to, Reply: &console.Reply{
			Header: redact.Literal("Head of the record"),
			Blocks: []console.Block{{Kind: console.Pre, Text: i.redactor.Text(head)}},
			Hint:   redact.Literal("clawconsole audit verify --anchor with this line finds what is cut off"),
		}})
		if err != nil {
			i.log.Error("head of the record not posted", "err", err)
		}
	})
}

// daily calls f now and every anchorEvery, until ctx ends.
func daily(ctx context.Context, f func()) {
	t := time.NewTicker(anchorEvery)
	defer t.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
