package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"clawconsole/redact"
)

const (
	faultEvery   = 10 * time.Second // looks for what is to be told
	faultSettles = time.Minute      // what lasts, or is gone, for less is not told
)

// A Fault is something the console needs that does not work, or did not.
type Fault struct {
	What  string // "ledger", "record" or "poll"
	Err   error  // the newest
	Since time.Time
	Until time.Time // zero: it lasts
}

// String gives f as one line: "ledger: disk full (since 2 Jan 03:10 UTC)".
func (f Fault) String() string {
	if f.Until.IsZero() {
		return fmt.Sprintf("%s: %v (since %s)", f.What, f.Err, day(f.Since))
	}
	return fmt.Sprintf("%s: %v (%s to %s)", f.What, f.Err, day(f.Since), day(f.Until))
}

// faults keeps the last fault of each thing. One that comes back within
// faultSettles is the same: two programs that poll with one token take turns.
type faults struct {
	mu   sync.Mutex
	last map[string]*toldFault
}

type toldFault struct {
	Fault
	begun, ended bool // the operators know
}

// note takes how what has just fared, and reports whether that is new.
func (f *faults) note(what string, err error) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, last := time.Now(), f.last[what]
	lasts := last != nil && last.Until.IsZero()
	switch {
	case err == nil && lasts:
		last.Until = now
	case err == nil:
		return false
	case last != nil && (lasts || now.Sub(last.Until) < faultSettles):
		last.Err, last.Until = err, time.Time{}
	default:
		if f.last == nil {
			f.last = make(map[string]*toldFault)
		}
		f.last[what] = &toldFault{Fault: Fault{What: what, Err: err, Since: now}}
	}
	return lasts != (err != nil)
}

// all returns every fault that is known, the newest first.
func (f *faults) all() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Fault
	for _, last := range f.last {
		all = append(all, last.Fault)
	}
	slices.SortFunc(all, func(a, b Fault) int { return b.Since.Compare(a.Since) })
	return all
}

// untold returns the faults whose beginning or end the operators are to be told, and
// takes them for told.
func (f *faults) untold() (all []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, last := range f.last {
		switch {
		case last.Until.IsZero() && !last.begun && now.Sub(last.Since) >= faultSettles:
			last.begun = true
		case !last.Until.IsZero() && last.begun && !last.ended && now.Sub(last.Until) >= faultSettles:
			last.ended = true
		default:
			continue
		}
		all = append(all, last.Fault)
	}
	return all
}

// note keeps the health of what, and says in the log when it changes.
func (r *Router) note(what string, err error) {
	if errors.Is(err, context.Canceled) || !r.faults.note(what, err) {
		return
	}
	if err != nil {
		r.log.Error(what+" does not work", "err", err)
	} else {
		r.log.Info(what + " works again")
	}
}

// watch tells the operators what begins not to work, and what works again, until ctx
// ends.
func (r *Router) watch(ctx context.Context) {
	tick := time.NewTicker(faultEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.notePoll()
			for _, f := range r.faults.untold() {
				r.tell(ctx, f)
			}
		}
	}
}

// notePoll notes how the poll fares. What it could not store is the ledger's fault.
func (r *Router) notePoll() {
	if err := r.cfg.Poll(); !errors.Is(err, errNotStored) {
		r.note("poll", err)
	}
}

// errNotStored is why Receive fails.
var errNotStored = errors.New("not stored")

// tell says to every operator that f has begun, with sound, or that it has ended.
func (r *Router) tell(ctx context.Context, f Fault) {
	reply := Reply{Kind: Error, Sound: true,
		Header: r.cfg.Redactor.Text(fmt.Sprintf("the console's %s does not work since %s", f.What, day(f.Since))),
		Blocks: []Block{{Kind: Prose, Text: r.cfg.Redactor.Text(f.Err.Error())}},
		Hint:   redact.Literal("Until it does, commands may not run and approvals may not arrive."),
	}
	if !f.Until.IsZero() {
		reply = Reply{Kind: OK, Header: r.cfg.Redactor.Text(fmt.Sprintf("the console's %s works again since %s, after %s", f.What, day(f.Until), ago(f.Until.Sub(f.Since))))}
	}
	out := r.toOperators(0, reply)
	if err := r.Notify(ctx, out...); err != nil {
		r.out.sendOnce(out)
	}
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 15:04 UTC") }
