package main

import (
	"context"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/state"
)

// lockouts is the part of the state store that auth writes.
type lockouts struct{ *state.Store }

var _ auth.Lockouts = lockouts{}

func (l lockouts) Load(ctx context.Context) ([]auth.Lockout, error) {
	rows, err := l.Store.Lockouts(ctx)
	all := make([]auth.Lockout, len(rows))
	for i, r := range rows {
		all[i] = auth.Lockout(r)
	}
	return all, err
}

func (l lockouts) Save(ctx context.Context, operator int64, failures int, until time.Time) error {
	return l.Store.SaveLockout(ctx, state.Lockout{Operator: operator, Failures: failures, Until: until})
}
