package state

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Errors of [Store.AddApproval] and [Store.SwapApproval].
const (
	// ErrKnown means that there is an approval with that key already.
	ErrKnown = verdict("approval is known already")
	// ErrStale means that the approval is no longer at the version that the
	// caller has seen: somebody else was first.
	ErrStale = verdict("approval has changed meanwhile")
)

// An Approval is a tool call that waits, or waited, for a person. What it says is
// the caller's; the ledger sees to it that of two writers who saw the same version
// one loses.
type Approval struct {
	Key     string
	Leader  string // key of the approval with whose prompts this one is shown
	Version int64  // 1 after AddApproval
	Open    bool   // there is still something to do about it
	Body    []byte // replaced as a whole
	At      time.Time
}

// A Prompt is a message that shows an approval.
type Prompt struct {
	Approval  string // key
	ChatID    int64
	TopicID   int64
	MessageID int64  // 0: not sent yet
	Extra     int64  // a second message that goes with it (a reminder); 0: none
	Shown     int64  // version of what it says
	Prints    string // what its text and buttons were each time we sent them; the caller's form
}

// AddApproval stores an approval with version 1, together with the prompts that
// are to be sent for it, or returns ErrKnown.
func (s *Store) AddApproval(ctx context.Context, a Approval, prompts []Prompt) error {
	return s.write(ctx, "store approval", func(w *writer) error {
		n, err := w.changed(`INSERT INTO approvals (key, leader, version, open, body, at) VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
			a.Key, a.Leader, a.Open, a.Body, millis(a.At))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrKnown
		}
		for _, p := range prompts {
			if _, err := w.exec("INSERT INTO prompts (approval, chat, topic, message, extra, shown, prints) VALUES (?, ?, ?, ?, ?, ?, ?)",
				p.Approval, p.ChatID, p.TopicID, p.MessageID, p.Extra, p.Shown, p.Prints); err != nil {
				return err
			}
		}
		return nil
	})
}

// SwapApproval replaces the approval that is at version was by a, which gets the
// next version. It returns ErrStale if it is at another one.
func (s *Store) SwapApproval(ctx context.Context, was int64, a Approval) error {
	return s.write(ctx, "change approval", func(w *writer) error {
		n, err := w.changed("UPDATE approvals SET leader = ?, version = ?, open = ?, body = ?, at = ? WHERE key = ? AND version = ?",
			a.Leader, was+1, a.Open, a.Body, millis(a.At), a.Key, was)
		if err == nil && n == 0 {
			err = ErrStale
		}
		w.erased = true
		return err
	})
}

// Approval returns one approval, or ErrMissing.
func (s *Store) Approval(ctx context.Context, key string) (a Approval, err error) {
	defer s.wrap(&err, "read approval")
	a, err = scanApproval(s.db.QueryRowContext(ctx, "SELECT key, leader, version, open, body, at FROM approvals WHERE key = ?", key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrMissing
	}
	return a, err
}

// OpenApprovals returns those with something to do, oldest first.
func (s *Store) OpenApprovals(ctx context.Context) (all []Approval, err error) {
	defer s.wrap(&err, "read approvals")
	return query(ctx, s, scanApproval, "SELECT key, leader, version, open, body, at FROM approvals WHERE open ORDER BY rowid")
}

// ApprovalsLedBy returns a leader and those that are shown with its prompts, oldest
// first.
func (s *Store) ApprovalsLedBy(ctx context.Context, leader string) (all []Approval, err error) {
	defer s.wrap(&err, "read approvals")
	return query(ctx, s, scanApproval, "SELECT key, leader, version, open, body, at FROM approvals WHERE leader = ? ORDER BY rowid", leader)
}

// RecentApprovals returns the last of all, newest first.
func (s *Store) RecentApprovals(ctx context.Context, limit int) (all []Approval, err error) {
	defer s.wrap(&err, "read approvals")
	return query(ctx, s, scanApproval, "SELECT key, leader, version, open, body, at FROM approvals ORDER BY rowid DESC LIMIT ?", limit)
}

func scanApproval(scan func(...any) error) (a Approval, err error) {
	var at int64
	err = scan(&a.Key, &a.Leader, &a.Version, &a.Open, &a.Body, &at)
	a.At = instant(at)
	return a, err
}

// SavePrompt stores what is known of a prompt, which is identified by approval,
// chat and topic.
func (s *Store) SavePrompt(ctx context.Context, p Prompt) error {
	return s.write(ctx, "store prompt", func(w *writer) error {
		_, err := w.exec(`INSERT INTO prompts (approval, chat, topic, message, extra, shown, prints) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (approval, chat, topic) DO UPDATE SET message = excluded.message, extra = excluded.extra, shown = excluded.shown, prints = excluded.prints`,
			p.Approval, p.ChatID, p.TopicID, p.MessageID, p.Extra, p.Shown, p.Prints)
		return err
	})
}

// Prompts returns the prompts of an approval.
func (s *Store) Prompts(ctx context.Context, approval string) (all []Prompt, err error) {
	defer s.wrap(&err, "read prompts")
	return query(ctx, s, scanPrompt, "SELECT approval, chat, topic, message, extra, shown, prints FROM prompts WHERE approval = ? ORDER BY rowid", approval)
}

// PromptAt returns the prompt that a message is, or ErrMissing.
func (s *Store) PromptAt(ctx context.Context, chat, message int64) (p Prompt, err error) {
	defer s.wrap(&err, "read prompt")
	p, err = scanPrompt(s.db.QueryRowContext(ctx, "SELECT approval, chat, topic, message, extra, shown, prints FROM prompts WHERE chat = ? AND message = ?", chat, message).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrMissing
	}
	return p, err
}

func scanPrompt(scan func(...any) error) (p Prompt, err error) {
	err = scan(&p.Approval, &p.ChatID, &p.TopicID, &p.MessageID, &p.Extra, &p.Shown, &p.Prints)
	return p, err
}

// PruneApprovals forgets approvals with nothing left to do, by themselves or by
// others that are shown with them, that were last changed before an instant, and
// their prompts.
func (s *Store) PruneApprovals(ctx context.Context, before time.Time) (forgotten int64, err error) {
	err = s.write(ctx, "prune approvals", func(w *writer) error {
		const old = "NOT open AND at < ? AND leader NOT IN (SELECT leader FROM approvals WHERE open)"
		if _, err := w.exec("DELETE FROM prompts WHERE approval IN (SELECT key FROM approvals WHERE "+old+")", millis(before)); err != nil {
			return err
		}
		forgotten, err = w.changed("DELETE FROM approvals WHERE "+old, millis(before))
		return err
	})
	return forgotten, err
}
