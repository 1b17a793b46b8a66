package state

import (
	"context"
	"fmt"
	"time"
)

// An Outgoing is a message that waits to be sent.
type Outgoing struct {
	ID        int64 // given by the ledger, ascending, never used twice
	ChatID    int64
	TopicID   int64
	Edit      int64     // the message to edit; 0: a new one
	Body      []byte    // erased by Sent
	Attempts  int       // how often Retry was called
	NotBefore time.Time // kept to the millisecond; zero: at once
}

// Enqueue puts messages into the outbox, all or nothing, and returns their IDs,
// which it also sets in out.
func (s *Store) Enqueue(ctx context.Context, out []Outgoing) (ids []int64, err error) {
	err = s.write(ctx, "put into outbox", func(w *writer) error { return w.enqueue(out) })
	if err != nil {
		return nil, err
	}
	ids = make([]int64, len(out))
	for i := range out {
		ids[i] = out[i].ID
	}
	return ids, nil
}

func (w *writer) enqueue(out []Outgoing) error {
	for i, o := range out {
		if o.Body == nil {
			o.Body = []byte{}
		}
		err := w.row(`INSERT INTO outbox (chat, topic, edit, body, attempts, not_before) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
			[]any{o.ChatID, o.TopicID, o.Edit, o.Body, o.Attempts, millis(o.NotBefore)}, &out[i].ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// Due returns of every chat up to limit messages to send now, in the order they were
// put in: a chat that takes nothing keeps no other waiting. A message waits until
// those before it in the same chat are due too, so that a chat stays in order. It
// returns the same ones again until Sent or Retry.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (due []Outgoing, err error) {
	defer s.wrap(&err, "read outbox")
	return query(ctx, s, func(scan func(...any) error) (o Outgoing, err error) {
		var notBefore int64
		err = scan(&o.ID, &o.ChatID, &o.TopicID, &o.Edit, &o.Body, &o.Attempts, &notBefore)
		o.NotBefore = instant(notBefore)
		return o, err
	}, `WITH held AS (SELECT chat, min(id) AS id FROM outbox WHERE not_before > ?1 GROUP BY chat)
		SELECT o.id, o.chat, o.topic, o.edit, o.body, o.attempts, o.not_before
		FROM outbox o LEFT JOIN held USING (chat)
		JOIN (SELECT id, row_number() OVER (PARTITION BY chat ORDER BY id) AS place FROM outbox) n ON n.id = o.id
		WHERE (held.id IS NULL OR o.id < held.id) AND n.place <= ?2
		ORDER BY o.id`, millis(now), limit)
}

// Sent erases messages that were sent, or given up. Unknown IDs are no error.
func (s *Store) Sent(ctx context.Context, ids ...int64) error {
	return s.write(ctx, "erase from outbox", func(w *writer) error {
		for _, id := range ids {
			if _, err := w.exec("DELETE FROM outbox WHERE id = ?", id); err != nil {
				return err
			}
			w.erased = true
		}
		return nil
	})
}

// Retry counts an attempt at message id and holds it, and those after it in the
// same chat, back until notBefore.
func (s *Store) Retry(ctx context.Context, id int64, notBefore time.Time) error {
	return s.write(ctx, fmt.Sprintf("hold back message %d", id), func(w *writer) error {
		_, err := w.exec("UPDATE outbox SET attempts = attempts + 1, not_before = ? WHERE id = ?", millis(notBefore), id)
		return err
	})
}
