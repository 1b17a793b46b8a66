package console_test

import (
	"context"
	"testing"
	"time"

	"clawconsole/console"
)

// A reply is in the ledger a moment before the outbox is told of it. If the outbox
// reads the ledger in that moment it has sent the reply by the time it is told, and
// must not send it again.
func TestOutboxReadsBeforeItIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.config.Ledger = slowToTell{g.ledger}
		g.start()
		g.send(g.message("/whoami"))
		time.Sleep(3 * time.Minute)
		if got := len(g.chat.all()); got != 1 {
			t.Errorf("%d messages, want the one reply", got)
		}
		g.send(g.message("/whoami"))
		time.Sleep(3 * time.Minute)
		if got := len(g.chat.all()); got != 2 {
			t.Errorf("%d messages, want two replies", got)
		}
		if n := g.ledger.waiting(); n != 0 {
			t.Errorf("%d left in the outbox", n)
		}
	})
}

// slowToTell is a ledger whose Finish takes longer to return than the outbox's
// reading of the ledger takes to come round.
type slowToTell struct{ *memLedger }

func (l slowToTell) Finish(ctx context.Context, update int64, o console.Outcome, out []console.Parcel) error {
	err := l.memLedger.Finish(context.WithoutCancel(ctx), update, o, out)
	time.Sleep(time.Minute)
	return err
}
