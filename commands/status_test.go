package commands_test

import (
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/commands"
)

// A rival polls with our token, or the disk was full a moment ago: /status said
// "Console: ok".
func TestStatusSaysWhatAilsTheConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, tt := range []struct {
			state commands.ConsoleState
			want  string
		}{
			{commands.ConsoleState{PolledAt: now}, "Console: ok\n"},
			{commands.ConsoleState{}, "Console: Telegram not reached yet\n"},
			{commands.ConsoleState{PolledAt: now.Add(-2 * time.Minute)}, "Console: Telegram last reached 2 min ago\n"},
			{commands.ConsoleState{PolledAt: now, Faults: []string{"poll: another process polls", "record: disk full"}}, "Console: poll: another process polls; record: disk full\n"},
			{commands.ConsoleState{PolledAt: now, LastFault: "record: disk full (03:10 to 03:12)"}, "Console: ok; last fault record: disk full (03:10 to 03:12)\n"},
		} {
			s := newStory(t, busyGateway())
			s.Console = func() commands.ConsoleState { return tt.state }
			wants(t, s.do("/status")+"\n", tt.want)
		}
	})
}
