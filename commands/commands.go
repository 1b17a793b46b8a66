// Package commands says what can be asked of clawconsole: the grammar of its
// chat commands, the class of each, and how each is done.
//
// The interface, in one place:
//
//   - A message is command word, head, payload: /session ops --timeout 60 hello.
//     The head is ours, the payload is the operator's, byte for byte.
//   - [Parse] turns a message into a [Request] with a class. It does nothing else.
//   - [Env.Do] does a request. It takes a grant, which only auth.Gate.Admit makes,
//     and refuses one that does not cover the request's class.
//   - A [Result] says what happened, in plain text and for 36 columns. It is not yet
//     redacted, cut or escaped: that is the console's work, in that order.
//
// The package does not know who asks or how an answer looks.
package commands

import (
	"context"
	"errors"
	"fmt"

	"clawconsole/auth"
)

// Raw is a payload: the message from the payload's first byte to the message's
// last, exactly as typed.
type Raw string

// A Command is one typed command, for example *[Logs]. Only this package has
// commands, because only it can do them.
type Command interface {
	run(ctx context.Context, c *call) (Result, error)
}

// A Request is a parsed message: one command, ready to be admitted and done.
type Request struct {
	Name    string     // of the command in [Table]: "gateway restart"
	Class   auth.Class // what it needs; see [Env.Class] for classes raised by configuration
	Command Command

	// Line is the command as typed, its secrets replaced by [redacted]: for the
	// answer's header, for a confirmation and for the record.
	Line string

	// Key is the idempotency key of what the request starts elsewhere. Parse leaves
	// it empty; the console sets it from the update's ID, so that a repeated update
	// gives the same key. /session and /agent refuse to send without it.
	Key string

	Secret string // of --secret: proves the second factor for this request alone
	Yes    bool   // --yes was given
}

// ErrNotCommand means that a message is not addressed to us as a command.
var ErrNotCommand = errors.New("not a command")

// ErrOtherBot means that a command names another bot: /status@otherbot.
var ErrOtherBot = errors.New("command of another bot")

// A UsageError says what is wrong with a command as typed. It is shown to the
// operator as it is and never holds a secret that was in the message.
type UsageError struct {
	Message string // one line: `--tail: "lots" is not a whole number`
	Usage   string // one line: "/logs [--tail n] [--grep pattern]"; may be empty
	Hint    string // one line: "did you mean /status?"; may be empty
}

func (e *UsageError) Error() string { return e.Message }

// A Failure is a command that did not work, in words for the operator. [Env.Do]
// turns one into a [Result] that is Failed; it does not return it.
type Failure struct {
	Message string // one line
	Hint    string // one line: what to do; may be empty
	Err     error  // the cause, for the log; may be nil
}

func (f *Failure) Error() string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %v", f.Message, f.Err)
	}
	return f.Message
}

func (f *Failure) Unwrap() error { return f.Err }
