package console_test

import (
	"context"
	"testing"

	"clawconsole/console"
)

// stoppedLedger is asked what a crash has left when the console is stopped.
type stoppedLedger struct {
	console.Ledger
	stop context.CancelFunc
}

func (l stoppedLedger) Recover(ctx context.Context) ([]console.Update, []console.Claim, error) {
	l.stop()
	return nil, nil, ctx.Err()
}

// A console that is stopped just after its start has not failed: systemd would start it
// again.
func TestStoppedWhileItRecovers(t *testing.T) {
	g := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	g.config.Gate, g.config.Ledger = g.gate, stoppedLedger{g.ledger, stop}
	if err := console.New(g.config).Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}
