package commands

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/audit"
)

// An Env is what commands work on. Its fields are set once, before the first Do.
type Env struct {
	Name string // of the gateway, shown after "@": "local"

	Gateway Gateway
	CLI     CLI // of this gateway, asked when it is away; nil: nothing to fall back to
	Gate    *auth.Gate
	Record  Record // for /audit

	// Hide returns a text with its secrets replaced, as the console does with all that
	// leaves. What is rewritten or searched here goes through it first: the gateway's
	// log. Nil: the log's text is not shown.
	Hide func(string) string

	Approvals Approvals // nil: this console takes none

	// Checks tells how the parts fare that /selftest cannot see. Nil: none.
	Checks func(ctx context.Context) []Check

	// Console tells the state of the console itself, for /status. Nil: not shown.
	Console func() ConsoleState

	Agents   map[string]string     // labels of /agent to session keys
	Start    []string              // argv of /gateway start; empty: it is refused
	StartEnv []string              // its environment, exactly this
	Shell    Shell                 // limits of /run
	Raised   map[string]auth.Class // classes raised by configuration, by name in [Table]

	errors errorWatch // for /status
}

// Record is the subset of *[audit.Log] that commands use.
type Record interface {
	Tail(ctx context.Context, n int) ([]audit.Entry, error) // the newest n, oldest first
}

// ConsoleState is how the console itself fares.
type ConsoleState struct {
	Version  string
	Since    time.Time // start of this process
	PolledAt time.Time // last successful poll of Telegram; zero: never
	Running  int       // commands at work, the asking one included
	Waiting  int       // commands that wait for their turn
	Unsent   int       // messages in the outbox
	Faults   []string  // what is wrong, one line each: "ledger: disk full (since …)"

	LastFault string // what was wrong last, and is no more; "" if nothing was
}

// A call is one command being done.
type call struct {
	*Env
	grant    auth.Grant
	request  Request
	began    time.Time
	progress func(Result) // never nil
}

// at names the gateway at the end of a header: " @local".
func (e *Env) at() string {
	if e.Name == "" {
		return ""
	}
	return " @" + e.Name
}

// Class returns the class that the named command needs here: the grammar's, or a
// higher one that configuration asks for. An unknown name has no class.
func (e *Env) Class(name string) auth.Class {
	entry, ok := lookup(name)
	if !ok {
		return auth.Unknown
	}
	return max(entry.Class, e.Raised[name])
}

// ErrNotAdmitted means that a grant does not cover the request's class.
var ErrNotAdmitted = errors.New("grant does not cover the command's class")

// Do does r. It blocks until the command has ended, its own deadline has passed
// or ctx is done. While a command runs it may report how far it is by progress,
// at any rate it likes; progress may be nil.
//
// A command that did not work is a Result that is Failed. An error is ours: it
// is ErrNotAdmitted, an *auth.Refusal, or a mistake of the program.
func (e *Env) Do(ctx context.Context, g auth.Grant, r Request, progress func(Result)) (Result, error) {
	entry, known := lookup(r.Name)
	if !known || reflect.TypeOf(r.Command) != entry.command || !g.Covers(max(r.Class, e.Class(r.Name))) {
		return Result{}, fmt.Errorf("/%s: %w", r.Name, ErrNotAdmitted)
	}
	if progress == nil {
		progress = func(Result) {}
	}
	res, err := r.Command.run(ctx, &call{Env: e, grant: g, request: r, began: time.Now(), progress: progress})
	var f *Failure
	if errors.As(err, &f) {
		return failedResult(res, err), nil
	}
	return res, err
}

// failedResult is res, failed, in the words of err's Failure.
func failedResult(res Result, err error) Result {
	res.Failed, res.Summary = true, "internal error"
	var f *Failure
	if errors.As(err, &f) {
		res.Summary, res.Hint, res.Cause = f.Message, f.Hint, f.Err
	}
	return res
}
