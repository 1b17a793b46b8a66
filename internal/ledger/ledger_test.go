package ledger_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"clawconsole/console"
	"clawconsole/internal/ledger"
	"clawconsole/internal/state"
)

// Every outcome of the console is the one of that name in the store.
func TestOutcomes(t *testing.T) {
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	l := ledger.Of(s)
	for o := console.Done; o <= console.Unknown; o++ {
		id := int64(o)
		if _, err := l.Receive(t.Context(), []console.Update{{ID: id, ChatID: 5, ReceivedAt: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Claim(t.Context(), console.Claim{UpdateID: id, ChatID: 5, Command: "/status", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if err := l.Claim(t.Context(), console.Claim{UpdateID: id}); !errors.Is(err, console.ErrClaimed) {
			t.Errorf("second Claim = %v, want ErrClaimed", err)
		}
		out := []console.Parcel{{To: console.Address{ChatID: 5, TopicID: 7}, Body: []byte("{}")}}
		if err := l.Finish(t.Context(), id, o, out); err != nil || out[0].ID == 0 {
			t.Errorf("Finish(%v) = %v, parcel %d", o, err, out[0].ID)
		}
		if got, err := s.Status(t.Context(), id); err != nil || got.String() != o.String() {
			t.Errorf("the store has %v, %v for %v", got, err, o)
		}
	}
	due, err := l.Due(t.Context(), time.Now(), 10)
	if err != nil || len(due) != int(console.Unknown) || due[0].To != (console.Address{ChatID: 5, TopicID: 7}) {
		t.Errorf("Due = %+v, %v", due, err)
	}
}
