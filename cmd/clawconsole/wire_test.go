package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/internal/faketelegram"
)

// noLockouts keeps none.
type noLockouts struct{ auth.Lockouts }

func (noLockouts) Load(context.Context) ([]auth.Lockout, error) { return nil, nil }

// The menu offered what /help hides: commands whose class configuration has raised
// above the operator's rights, and /auth where there is no second factor.
func TestMenusOfferWhatHelpDoes(t *testing.T) {
	hash, err := auth.HashSecret(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	safe := auth.Operator{ID: 1, Name: "sam", May: []auth.Class{auth.Safe}}
	for _, tt := range []struct {
		name          string
		factor        [32]byte
		raised        map[string]auth.Class
		offers, lacks []string
	}{
		{"plain", hash, nil, []string{"status", "logs", "cron", "audit", "auth", "lock"}, []string{"run", "session", "approve", "start"}},
		{"raised", hash, map[string]auth.Class{"logs": auth.Dangerous}, []string{"status"}, []string{"logs"}},
		{"no factor", [32]byte{}, nil, []string{"status"}, []string{"auth", "lock"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gate, err := auth.New(auth.Config{Operators: []auth.Operator{safe}, SecretSHA256: tt.factor, Lockouts: noLockouts{}})
			if err != nil {
				t.Fatal(err)
			}
			all := menus(&commands.Env{Gate: gate, Raised: tt.raised})
			if len(all) != 2 || all[0].ChatID != 0 || len(all[0].Commands) != 0 || all[1].ChatID != safe.ID {
				t.Fatalf("menus %+v, want none for strangers and one for sam", all)
			}
			var names []string
			for _, c := range all[1].Commands {
				names = append(names, c.Name)
			}
			for _, name := range tt.offers {
				if !slices.Contains(names, name) {
					t.Errorf("menu %q lacks %q", names, name)
				}
			}
			for _, name := range tt.lacks {
				if slices.Contains(names, name) {
					t.Errorf("menu %q has %q", names, name)
				}
			}
		})
	}
}

// One broken record was two faults in /status: the console's, and the record's own.
func TestFaultLines(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 10, 0, 0, time.UTC)
	full := errors.New("disk full")
	lasts := console.Fault{What: "record", Err: full, Since: at}
	over := console.Fault{What: "record", Err: full, Since: at, Until: at.Add(time.Minute)}
	poll := console.Fault{What: "poll", Err: errors.New("no route"), Since: at, Until: at.Add(2 * time.Minute)}
	for _, tt := range []struct {
		name   string
		faults []console.Fault
		record error
		last   []string
		over   string
	}{
		{"none", nil, nil, nil, ""},
		{"met by the console", []console.Fault{lasts}, full, []string{"record: disk full (since 28 Nov 03:10 UTC)"}, ""},
		{"met by nobody yet", []console.Fault{poll}, full, []string{"record: disk full"}, poll.String()},
		{"met before, and again", []console.Fault{over, poll}, full, []string{"record: disk full"}, over.String()},
	} {
		last, gone := faultLines(tt.faults, tt.record)
		if !slices.Equal(last, tt.last) || gone != tt.over {
			t.Errorf("%s: faultLines = %q, %q; want %q, %q", tt.name, last, gone, tt.last, tt.over)
		}
	}
}

// Five wrong secrets in a row: somebody else has alice's phone. Bob learns of it, and
// the record has it.
func TestLockoutIsTold(t *testing.T) {
	w := newWorld(t, "ws://127.0.0.1:1", "x", "")
	w.start()
	hello := w.ask(faketelegram.Bob, "/whoami", "Name: bob")
	for range 5 {
		w.ask(faketelegram.Alice, "/auth "+strings.Repeat("wrong", 8), "ERROR: unauthorized")
	}
	told := w.answer(faketelegram.Message{MessageID: hello.MessageID, Chat: faketelegram.Chat{ID: faketelegram.Bob}}, "alice is locked out until")
	if told.Silent {
		t.Error("it does not ring")
	}
	record, err := os.ReadFile(filepath.Join(w.dir, "state", auditName))
	if err != nil || strings.Count(string(record), `"auth.lockout"`) != 1 {
		t.Errorf("on record (%v):\n%s", err, record)
	}
	if strings.Contains(w.transcript(faketelegram.Alice), "is locked out") {
		t.Error("alice is told")
	}
}
