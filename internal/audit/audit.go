// Package audit keeps the record: what was asked, decided and done, by whom and
// when, one JSON object a line, each bound to the one before by its hash.
//
// # Form
//
// A line is the RFC 8785 canonical form of the record, with "hash" appended as its
// last member. The hash is the SHA-256, in hex, of the line without that member,
// and "prev" is the hash of the line before, or 64 zeros in the first. So a line is
// checked with nothing but
//
//	sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\n' | sha256sum
//
// and any change, removal, insertion or reordering of lines is found, byte for
// byte ([Verify]). Two things are not: the removal of lines from the end, and a
// record that was written anew from some line on. Both need an [Anchor] that was
// kept elsewhere. The record is evidence for people; the program never reads it to
// decide anything.
//
// # Files
//
// The newest records are in the file that was opened, audit.jsonl. When it has
// reached 64 MiB it is renamed to audit-000000000001.jsonl, after the first record
// in it, and the chain goes on in a new audit.jsonl. No file is ever deleted.
package audit

import (
	"time"

	"clawconsole/redact"
)

// An Event says what a record is about.
type Event string

const (
	CommandClaimed   Event = "command.claimed" // before the effect
	CommandDone      Event = "command.done"
	CommandRefused   Event = "command.refused"
	CommandUnknown   Event = "command.unknown" // claimed before a crash, outcome not known
	ApprovalPrompted Event = "approval.prompted"
	ApprovalDecided  Event = "approval.decided"
	AuthUnlocked     Event = "auth.unlocked"
	AuthLocked       Event = "auth.locked"
	AuthFailed       Event = "auth.failed"
	AuthLockout      Event = "auth.lockout"
	Start            Event = "start"
	Stop             Event = "stop"
	Repaired         Event = "audit.repaired" // written by Open itself
)

// A Record is what a caller has to say. Event is needed; a zero field is left out.
// The strings are words of ours (a class, a result, a configured name, an ID), what
// people or programs wrote is a redact.Text.
type Record struct {
	Event      Event
	OperatorID int64
	Operator   string // configured name
	ChatID     int64
	TopicID    int64
	Update     int64  // Telegram's update_id
	Approval   string // OpenClaw's ID
	Command    redact.Text
	Class      string
	Result     string
	Reason     redact.Text
	Digest     string        // of what was approved, hex
	Duration   time.Duration // written as whole milliseconds, "ms"
}

// An Operator is the person of an [Entry].
type Operator struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// An Entry is a record as it is in the file. Its strings were redacted when they
// were written, but are strings: what leaves the program goes through a Redactor
// again.
type Entry struct {
	Seq      int64     `json:"seq"`  // 1, 2, 3, …
	Time     time.Time `json:"time"` // UTC, to the millisecond
	Event    Event     `json:"event"`
	Operator *Operator `json:"operator"` // nil: nobody
	Chat     int64     `json:"chat"`
	Topic    int64     `json:"topic"`
	Update   int64     `json:"update"`
	Approval string    `json:"approval"`
	Command  string    `json:"command"`
	Class    string    `json:"class"`
	Result   string    `json:"result"`
	Reason   string    `json:"reason"`
	Digest   string    `json:"digest"`
	MS       int64     `json:"ms"`
	Prev     string    `json:"prev"`
	Hash     string    `json:"hash"`
}

// An Anchor is the place and hash of one record. Kept where the record cannot be
// changed, it proves that everything up to it is still there.
type Anchor struct {
	Seq  int64
	Hash string // 64 hex digits; Seq 0 has 64 zeros
}
