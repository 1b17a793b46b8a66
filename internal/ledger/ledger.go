// Package ledger is the state store as the console knows it: the two packages do not
// know each other.
package ledger

import (
	"context"
	"errors"
	"time"

	"clawconsole/console"
	"clawconsole/internal/state"
)

// Of returns what the console remembers in s.
func Of(s *state.Store) console.Ledger { return ledger{s} }

type ledger struct{ *state.Store }

var outcomes = map[console.Outcome]state.Status{
	console.Done:        state.Done,
	console.Refused:     state.Refused,
	console.Ignored:     state.Ignored,
	console.Interrupted: state.Interrupted,
	console.Unknown:     state.Unknown,
}

func (l ledger) Receive(ctx context.Context, updates []console.Update) ([]bool, error) {
	rows := make([]state.Update, len(updates))
	for i, u := range updates {
		rows[i] = state.Update(u)
	}
	return l.Store.Receive(ctx, rows)
}

func (l ledger) Claim(ctx context.Context, c console.Claim) error {
	err := l.Store.Claim(ctx, state.Claim(c))
	if errors.Is(err, state.ErrClaimed) {
		return console.ErrClaimed
	}
	return err
}

func (l ledger) Finish(ctx context.Context, update int64, o console.Outcome, out []console.Parcel) error {
	rows := parcels(out)
	err := l.Store.Finish(ctx, update, outcomes[o], rows)
	number(out, rows)
	return err
}

func (l ledger) Recover(ctx context.Context) ([]console.Update, []console.Claim, error) {
	rows, claims, err := l.Store.Recover(ctx)
	updates := make([]console.Update, len(rows))
	for i, u := range rows {
		updates[i] = console.Update(u)
	}
	claimed := make([]console.Claim, len(claims))
	for i, c := range claims {
		claimed[i] = console.Claim(c)
	}
	return updates, claimed, err
}

func (l ledger) Enqueue(ctx context.Context, out []console.Parcel) error {
	rows := parcels(out)
	_, err := l.Store.Enqueue(ctx, rows)
	number(out, rows)
	return err
}

func (l ledger) Due(ctx context.Context, now time.Time, limit int) ([]console.Parcel, error) {
	rows, err := l.Store.Due(ctx, now, limit)
	out := make([]console.Parcel, len(rows))
	for i, r := range rows {
		out[i] = console.Parcel{ID: r.ID, To: console.Address{ChatID: r.ChatID, TopicID: r.TopicID}, Edit: r.Edit, Body: r.Body, Attempts: r.Attempts}
	}
	return out, err
}

func parcels(out []console.Parcel) []state.Outgoing {
	rows := make([]state.Outgoing, len(out))
	for i, p := range out {
		rows[i] = state.Outgoing{ChatID: p.To.ChatID, TopicID: p.To.TopicID, Edit: p.Edit, Body: p.Body}
	}
	return rows
}

func number(out []console.Parcel, rows []state.Outgoing) {
	for i := range out {
		out[i].ID = rows[i].ID
	}
}
