package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Lockout is what is remembered of an operator's wrong codes.
type Lockout struct {
	Operator int64 // Telegram user ID
	Failures int   // in a row
	Until    time.Time
}

// SaveLockout stores l in place of what was known of the operator. One without
// failures is forgotten.
func (s *Store) SaveLockout(ctx context.Context, l Lockout) error {
	return s.write(ctx, fmt.Sprintf("save lockout of %d", l.Operator), func(w *writer) error {
		if l.Failures == 0 && l.Until.IsZero() {
			_, err := w.exec("DELETE FROM lockouts WHERE operator = ?", l.Operator)
			return err
		}
		_, err := w.exec("INSERT OR REPLACE INTO lockouts (operator, failures, until) VALUES (?, ?, ?)", l.Operator, l.Failures, millis(l.Until))
		return err
	})
}

// Lockouts returns all that is remembered, by operator.
func (s *Store) Lockouts(ctx context.Context) (all []Lockout, err error) {
	defer s.wrap(&err, "read lockouts")
	return query(ctx, s, func(scan func(...any) error) (l Lockout, err error) {
		var until int64
		err = scan(&l.Operator, &l.Failures, &until)
		l.Until = instant(until)
		return l, err
	}, "SELECT operator, failures, until FROM lockouts ORDER BY operator")
}

// Meta returns the value stored under key, or "" if there is none.
func (s *Store) Meta(ctx context.Context, key string) (value string, err error) {
	defer s.wrap(&err, "read %q", key)
	err = s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, err
}

// SetMeta stores value under key.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.write(ctx, fmt.Sprintf("set %q", key), func(w *writer) error {
		_, err := w.exec("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)
		return err
	})
}

// query returns the rows that a statement selects, each as get makes it.
func query[T any](ctx context.Context, s *Store, get func(scan func(...any) error) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := get(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// wrap says what a read was for when it has failed.
func (s *Store) wrap(err *error, format string, args ...any) {
	if *err != nil {
		select {
		case <-s.quit: // database/sql has no error of its own for it
			*err = ErrClosed
		default:
		}
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}

// Instants are stored as Unix milliseconds; zero stays zero.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
