package console_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/audit"
	"clawconsole/internal/faketelegram"
	"clawconsole/internal/ledger"
	"clawconsole/internal/state"
)

// newBench returns a wired rig on a real disk, for operators people.
func newBench(b *testing.B, operators int) *wired {
	b.Helper()
	var cfg faketelegram.Config
	var ops []auth.Operator
	for i := range operators {
		id := int64(5000 + i)
		cfg.People = append(cfg.People, faketelegram.Person{ID: id, Name: fmt.Sprint("op", i)})
		ops = append(ops, auth.Operator{ID: id, Name: fmt.Sprint("op", i), May: []auth.Class{auth.Safe}})
	}
	w := newWired(b, cfg)
	w.config.Log = nil
	w.gate = newGate(b, func(c *auth.Config) { c.Operators = ops })
	dir := b.TempDir()
	store, err := state.Open(b.Context(), filepath.Join(dir, "ledger"))
	if err != nil {
		b.Fatal(err)
	}
	record, err := audit.Open(filepath.Join(dir, "audit.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	w.config.Ledger, w.config.Record = ledger.Of(store), record
	stop := w.run()
	b.Cleanup(func() {
		stop()
		if err := errors.Join(store.Close(), record.Close()); err != nil {
			b.Error(err)
		}
	})
	return w
}

// BenchmarkOwnTime measures what a command costs in the console itself: from an
// update sent to sendMessage called, with ledger and record on disk, one command at a time.
func BenchmarkOwnTime(b *testing.B) {
	w := newBench(b, 1)
	w.ctx = b.Context()
	called := make(chan time.Time, 1)
	w.server.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method == "sendMessage" {
			called <- time.Now()
		}
		return nil
	})
	w.until("the bot polls", w.server.Polling)
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		w.server.Send(faketelegram.Post{Chat: 5000, Text: "/status"})
		took = append(took, (<-called).Sub(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
}

// BenchmarkSustained is 50 operators who send as fast as they are answered.
func BenchmarkSustained(b *testing.B) {
	const operators = 50
	w := newBench(b, operators)
	w.ctx = b.Context()
	var answered atomic.Int64
	next := make(chan int64, operators)
	w.server.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method == "sendMessage" {
			answered.Add(1)
			var chat int64
			if _, err := fmt.Sscan(c.Params["chat_id"], &chat); err != nil {
				b.Error(err)
			}
			next <- chat
		}
		return nil
	})
	w.until("the bot polls", w.server.Polling)
	for i := range operators {
		next <- int64(5000 + i)
	}
	sent := 0
	for b.Loop() {
		w.server.Send(faketelegram.Post{Chat: <-next, Text: "/status"})
		sent++
	}
	w.until("all is answered", func() bool { return answered.Load() == int64(sent) })
	if got := len(w.lines()); got != sent {
		b.Errorf("%d ran of %d", got, sent)
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "commands/s")
}
