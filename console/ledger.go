package console

import (
	"context"
	"errors"
	"time"

	"clawconsole/internal/audit"
)

// An Update is one Incoming at rest.
type Update struct {
	ID, ChatID, UserID, MessageID int64
	SentAt, ReceivedAt            time.Time
	Body                          []byte // JSON; without the text if that may hold a secret
}

// A Claim is taken on an update before its command runs.
type Claim struct {
	UpdateID, ChatID, TopicID, UserID int64
	Command                           string // redacted
	Class                             string
	At                                time.Time
}

// An Outcome is how an update ended.
type Outcome int

// Outcomes of an update.
const (
	Done        Outcome = iota + 1 // ran, whatever it answered
	Refused                        // answered with a refusal; did not run
	Ignored                        // not for us, or from nobody we answer
	Interrupted                    // ended before it was complete, and the operator told
	Unknown                        // claimed before a crash: may have run or not
)

func (o Outcome) String() string {
	if o < Done || o > Unknown {
		return "none"
	}
	return [...]string{Done: "done", Refused: "refused", Ignored: "ignored", Interrupted: "interrupted", Unknown: "unknown"}[o]
}

// A Parcel is an Outgoing at rest in the outbox.
type Parcel struct {
	ID       int64 // given by the ledger, ascending
	To       Address
	Edit     int64 // message to edit; 0: a new one
	Body     []byte
	Attempts int
}

// ErrClaimed means that an update was claimed before, or has an outcome.
var ErrClaimed = errors.New("update is claimed already")

// Ledger is what the console must remember over a crash. Every method that
// writes returns when the change is on disk, and may be called concurrently.
type Ledger interface {
	// Receive stores updates, all or none, and reports which were not known.
	Receive(ctx context.Context, updates []Update) (fresh []bool, err error)

	// Claim takes a received update and erases its body. It succeeds once for each
	// update, ever; after that it returns ErrClaimed.
	Claim(ctx context.Context, c Claim) error

	// Finish gives an update its outcome, erases its body and puts out into the
	// outbox, all or none. It sets the parcels' IDs.
	Finish(ctx context.Context, updateID int64, o Outcome, out []Parcel) error

	// Recover returns what a crash has left: received and not claimed, and claimed
	// without an outcome, oldest first.
	Recover(ctx context.Context) (received []Update, claimed []Claim, err error)

	// Enqueue puts parcels into the outbox, all or none, and sets their IDs.
	Enqueue(ctx context.Context, out []Parcel) error

	// Due returns of every chat up to limit parcels that may be sent now, oldest
	// first.
	Due(ctx context.Context, now time.Time, limit int) ([]Parcel, error)

	// Sent takes parcels out of the outbox.
	Sent(ctx context.Context, ids ...int64) error

	// Retry counts an attempt at a parcel and holds it back.
	Retry(ctx context.Context, id int64, notBefore time.Time) error

	// Prune forgets updates that are too old to be delivered again.
	Prune(ctx context.Context, now time.Time) (forgotten int64, err error)
}

// Recorder is the record; *audit.Log is one. Append returns when the record is on
// disk.
type Recorder interface {
	Append(ctx context.Context, r audit.Record) (audit.Entry, error)
}
