package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Status is where an update is on its way. It goes from Received to Claimed to
// one of the outcomes, or from Received to an outcome, and never back.
type Status int

const (
	Received    Status = iota // stored, not acted on
	Claimed                   // its command may have begun
	Done                      // the command ran, whatever it answered
	Refused                   // it was answered with a refusal and did not run
	Ignored                   // no command of ours, or nobody we answer
	Interrupted               // it was ended before it was complete, and the operator knows
	Unknown                   // claimed before a crash: may have run or not
)

var statusNames = [...]string{"received", "claimed", "done", "refused", "ignored", "interrupted", "unknown"}

func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return fmt.Sprintf("Status(%d)", int(s))
	}
	return statusNames[s]
}

// Errors of [Store.Claim] and [Store.Finish].
const (
	// ErrClaimed means that the update was claimed before or has an outcome.
	ErrClaimed = verdict("update is claimed already")
	// ErrFinished means that the update has an outcome, which stays.
	ErrFinished = verdict("update has an outcome already")
	// ErrMissing means that the update was never received, or is forgotten.
	ErrMissing = verdict("update is not in the ledger")
)

// An Update is one update of Telegram as it arrived.
type Update struct {
	ID         int64 // Telegram's update_id
	ChatID     int64
	UserID     int64
	MessageID  int64
	SentAt     time.Time // Telegram's date; instants are kept to the millisecond
	ReceivedAt time.Time // ours
	// Body is what the caller needs to go on with the update after a crash. It is
	// erased when the update is claimed or ends. Nil for a message with a secret,
	// which must not reach the disk.
	Body []byte
}

// A Claim is taken on an update before its command begins.
type Claim struct {
	UpdateID int64
	ChatID   int64
	TopicID  int64
	UserID   int64
	Command  string // for the notice after a crash: redacted by the caller
	Class    string
	At       time.Time // zero: now
}

// Receive stores updates in one transaction and reports which of them are new.
// When it returns nil, all of them may be confirmed to Telegram; when it returns
// an error, none. An update that is known is left as it is, whatever it holds.
func (s *Store) Receive(ctx context.Context, updates []Update) (fresh []bool, err error) {
	err = s.write(ctx, "store updates", func(w *writer) error {
		fresh = make([]bool, len(updates))
		for i, u := range updates {
			n, err := w.changed(`INSERT INTO updates (id, chat, user, message, sent_at, received_at, body)
				VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
				u.ID, u.ChatID, u.UserID, u.MessageID, millis(u.SentAt), millis(u.ReceivedAt), u.Body)
			if err != nil {
				return err
			}
			fresh[i] = n == 1
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fresh, nil
}

// Claim takes a received update, erases its body and returns when that is on disk.
// For one update it returns nil once, ever. Otherwise it returns ErrClaimed,
// ErrMissing or, if nothing could be written, the cause: the command must not run.
func (s *Store) Claim(ctx context.Context, c Claim) error {
	if c.At.IsZero() {
		c.At = time.Now()
	}
	return s.write(ctx, fmt.Sprintf("claim update %d", c.UpdateID), func(w *writer) error {
		n, err := w.changed(`UPDATE updates SET status = 1, body = NULL, chat = ?, topic = ?, user = ?, command = ?, class = ?, claimed_at = ?
			WHERE id = ? AND status = 0`,
			c.ChatID, c.TopicID, c.UserID, c.Command, c.Class, millis(c.At), c.UpdateID)
		if err == nil && n == 0 {
			err = w.why(c.UpdateID, ErrClaimed)
		}
		if err == nil {
			w.erased = true
		}
		return err
	})
}

// Finish gives an update its outcome, erases its body and its claim's command, and
// puts out into the outbox, all or nothing. It sets the ID of each Outgoing. It returns ErrFinished
// if there is an outcome already, and ErrMissing; then out is not sent.
func (s *Store) Finish(ctx context.Context, updateID int64, outcome Status, out []Outgoing) error {
	if outcome <= Claimed || outcome > Unknown {
		return fmt.Errorf("finish update %d: %v is not an outcome", updateID, outcome)
	}
	now := millis(time.Now())
	return s.write(ctx, fmt.Sprintf("finish update %d", updateID), func(w *writer) error {
		n, err := w.changed(`UPDATE updates SET status = ?, body = NULL, command = '', finished_at = ? WHERE id = ? AND status IN (0, 1)`,
			int(outcome), now, updateID)
		if err == nil && n == 0 {
			err = w.why(updateID, ErrFinished)
		}
		if err != nil {
			return err
		}
		w.erased = true
		return w.enqueue(out)
	})
}

// why is the reason that update id was not in the state it had to be in.
func (w *writer) why(id int64, otherwise error) error {
	var one int
	err := w.row("SELECT 1 FROM updates WHERE id = ?", []any{id}, &one)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrMissing
	case err != nil:
		return err
	}
	return otherwise
}

// Recover returns what a crash has left, oldest first: updates received and not
// claimed, and claims without outcome. It changes nothing. Call it before the
// first Receive.
func (s *Store) Recover(ctx context.Context) (received []Update, claimed []Claim, err error) {
	defer s.wrap(&err, "recover")
	received, err = query(ctx, s, func(scan func(...any) error) (u Update, err error) {
		var sent, recv int64
		err = scan(&u.ID, &u.ChatID, &u.UserID, &u.MessageID, &sent, &recv, &u.Body)
		u.SentAt, u.ReceivedAt = instant(sent), instant(recv)
		return u, err
	}, `SELECT id, chat, user, message, sent_at, received_at, body FROM updates WHERE status = 0 ORDER BY seq`)
	if err != nil {
		return nil, nil, err
	}
	claimed, err = query(ctx, s, func(scan func(...any) error) (c Claim, err error) {
		var at int64
		err = scan(&c.UpdateID, &c.ChatID, &c.TopicID, &c.UserID, &c.Command, &c.Class, &at)
		c.At = instant(at)
		return c, err
	}, `SELECT id, chat, topic, user, command, class, claimed_at FROM updates WHERE status = 1 ORDER BY seq`)
	return received, claimed, err
}

// Status returns where update id is, or ErrMissing.
func (s *Store) Status(ctx context.Context, id int64) (st Status, err error) {
	defer s.wrap(&err, "look up update %d", id)
	err = s.db.QueryRowContext(ctx, "SELECT status FROM updates WHERE id = ?", id).Scan(&st)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrMissing
	}
	return st, err
}

// Kept at least, whichever is more: the age of updates and how many.
const (
	KeepFor  = 24 * time.Hour
	KeepLast = 10_000
)

// Prune forgets updates that have an outcome, are older than KeepFor and not
// among the last KeepLast, and returns how many. Those without an outcome stay
// whatever their age.
func (s *Store) Prune(ctx context.Context, now time.Time) (forgotten int64, err error) {
	const portion = 1000 // so that claims need not wait
	for {
		var n int64
		err := s.write(ctx, "prune", func(w *writer) (err error) {
			n, err = w.changed(`DELETE FROM updates WHERE seq IN (
				SELECT seq FROM updates
				WHERE seq <= (SELECT seq FROM updates ORDER BY seq DESC LIMIT 1 OFFSET ?)
					AND received_at < ? AND status NOT IN (0, 1)
				ORDER BY seq LIMIT ?)`,
				KeepLast, millis(now.Add(-KeepFor)), portion)
			return err
		})
		if err != nil {
			return forgotten, err
		}
		forgotten += n
		if n < portion {
			return forgotten, nil
		}
	}
}
