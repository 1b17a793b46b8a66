package console

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/audit"
	"clawconsole/redact"
)

// recover goes on where a crash, or an orderly stop, has left off. What was
// claimed may have run: its operator is told, and it is never repeated. What was
// received and not admitted is returned, for resume.
func (r *Router) recover(ctx context.Context) (received []Update, err error) {
	received, claimed, err := r.cfg.Ledger.Recover(ctx)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	for _, c := range claimed {
		line := r.cfg.Redactor.Text(c.Command)
		if err := r.append(ctx, audit.Record{
			Event: audit.CommandUnknown, OperatorID: c.UserID, ChatID: c.ChatID, TopicID: c.TopicID,
			Update: c.UpdateID, Command: line, Class: c.Class, Result: "unknown",
		}); err != nil {
			return nil, fmt.Errorf("recover update %d: %w", c.UpdateID, err)
		}
		reply := Reply{
			Kind:   Error,
			Header: redact.Concat(head(line), r.cfg.Redactor.Text(", "+c.At.UTC().Format("15:04")+": outcome unknown, "+r.cfg.Commands.Aftermath(c.Command, r.key(c.ChatID, c.UpdateID)))),
			Hint:   redact.Literal("The console stopped while it ran. It was not run again."),
			Sound:  c.Class != auth.Safe.String(),
		}
		parcels := pack([]Outgoing{{To: Address{ChatID: c.ChatID, TopicID: c.TopicID}, Reply: &reply}})
		if err := r.cfg.Ledger.Finish(ctx, c.UpdateID, Unknown, parcels); err != nil {
			return nil, fmt.Errorf("recover: %w", err)
		}
	}
	if n := len(received) + len(claimed); n > 0 {
		r.log.Warn("recovered after a stop", "received", len(received), "unknown", len(claimed))
	}
	return received, nil
}

// resume admits what recover has returned; a command that is old by now is stale.
// It first waits until our name is known, without which "/status@ourbot" would
// be another bot's.
func (r *Router) resume(ctx context.Context, received []Update) {
	if len(received) == 0 {
		return
	}
	for tick := time.NewTicker(20 * time.Millisecond); r.cfg.Bot() == ""; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
	for _, u := range received {
		in := Incoming{UpdateID: u.ID}
		if err := json.Unmarshal(u.Body, &in); err != nil {
			r.log.Error("update not understood, left out", "update", u.ID, "err", err)
			in = Incoming{UpdateID: u.ID}
		}
		r.dispatch(in)
	}
}
