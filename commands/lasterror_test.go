package commands_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"clawconsole/openclaw"
)

// The log is looked through once: what /status asks for later is what is new, and
// what it knows lasts for as long as nothing is missing in between.
func TestStatusLastError(t *testing.T) {
	info, bad := openclaw.LogLine{Level: "info", Message: "chatter"}, func(text string) openclaw.LogLine {
		return openclaw.LogLine{Level: "error", Subsystem: "telegram", Message: text}
	}
	synctest.Test(t, func(t *testing.T) {
		g := busyGateway()
		var asked openclaw.LogsParams
		var page openclaw.LogPage
		var fails error
		g.logs = func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			asked = p
			return page, fails
		}
		s := newStory(t, g)
		for _, step := range []struct {
			what   string
			page   openclaw.LogPage
			fails  error
			cursor int64 // to be asked for
			want   string
		}{
			{"first look", openclaw.LogPage{File: "a", Cursor: 10, Lines: []openclaw.LogLine{info, info}, Truncated: true}, nil, 0, "Last error: none in the last 2 log lines"},
			{"nothing new", openclaw.LogPage{File: "a", Cursor: 10}, nil, 10, "Last error: none in the last 2 log lines"},
			{"an error", openclaw.LogPage{File: "a", Cursor: 20, Lines: []openclaw.LogLine{info, bad("first"), info}}, nil, 10, "Last error: first"},
			{"it stays", openclaw.LogPage{File: "a", Cursor: 30, Lines: []openclaw.LogLine{info}}, nil, 20, "Last error: first"},
			{"not answered", openclaw.LogPage{}, errors.New("no answer"), 30, "Sessions"},
			{"asked again", openclaw.LogPage{File: "a", Cursor: 40, Lines: []openclaw.LogLine{bad("second"), bad("third")}}, nil, 30, "Last error: third"},
			{"some were left out", openclaw.LogPage{File: "a", Cursor: 50, Lines: []openclaw.LogLine{info}, Truncated: true}, nil, 40, "Last error: none in the last 1 log line"},
			{"an error again", openclaw.LogPage{File: "a", Cursor: 60, Lines: []openclaw.LogLine{bad("fourth")}}, nil, 50, "Last error: fourth"},
			{"the file was emptied", openclaw.LogPage{File: "a", Cursor: 5, Lines: []openclaw.LogLine{info}, Reset: true}, nil, 60, "Last error: none in the last 1 log line"},
			{"an error before the next day", openclaw.LogPage{File: "a", Cursor: 9, Lines: []openclaw.LogLine{bad("fifth")}}, nil, 5, "Last error: fifth"},
			{"the next day's file", openclaw.LogPage{File: "b", Cursor: 12, Lines: []openclaw.LogLine{info}}, nil, 9, "Last error: none in the last 1 log line"},
		} {
			page, fails = step.page, step.fails
			got := s.do("/status")
			wants(t, got, step.want)
			if asked.Cursor != step.cursor {
				t.Errorf("%s: asked from %d, want %d", step.what, asked.Cursor, step.cursor)
			}
		}
	})
}
