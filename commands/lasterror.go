package commands

import (
	"context"
	"sync"
	"time"

	"clawconsole/openclaw"
)

// lastErrorLines is how much of the log is looked through for the last error,
// when none of it has been before.
const lastErrorLines = 500

// An errorWatch knows how far the gateway's log was looked through and what the
// last error in it was, so that /status asks for what is new only: the whole piece
// is some 400 KB each time, which takes the gateway longer than all the rest.
type errorWatch struct {
	mu     sync.Mutex
	file   string
	cursor int64 // 0: nothing was looked through yet
	seen   logErrors
}

// logErrors is what a piece of the log says about errors.
type logErrors struct {
	lines int              // looked through
	last  openclaw.LogLine // if found
	found bool
}

func errorsIn(p openclaw.LogPage) logErrors {
	e := logErrors{lines: len(p.Lines)}
	for _, l := range p.Lines {
		if (l.Level == "error" || l.Level == "fatal") && !noise(l) {
			e.last, e.found = l, true
		}
	}
	return e
}

// look reads what is new in the log and returns what is known of all that was
// looked through without a gap.
func (w *errorWatch) look(ctx context.Context, g Gateway) (logErrors, error) {
	w.mu.Lock()
	file, cursor, seen := w.file, w.cursor, w.seen
	w.mu.Unlock()
	page, err := g.Logs(ctx, openclaw.LogsParams{Limit: lastErrorLines, Cursor: cursor})
	if err != nil {
		return logErrors{}, err
	}
	now := errorsIn(page)
	if cursor != 0 && !page.Reset && !page.Truncated && page.File == file {
		now.lines += seen.lines
		if !now.found {
			now.last, now.found = seen.last, seen.found
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cursor == cursor && w.file == file { // else another look was quicker
		w.file, w.cursor, w.seen = page.File, page.Cursor, now
	}
	return now, nil
}

// text says the last error, with its secrets replaced by env.
func (e logErrors) text(env *Env, now time.Time) string {
	if !e.found {
		return "none in the last " + count(e.lines, "log line")
	}
	text := firstLine(readable(env.hidden([]openclaw.LogLine{e.last})[0]), 120)
	if e.last.At.IsZero() {
		return text
	}
	return ago(e.last.At, now) + ": " + text
}
