package state_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"clawconsole/internal/state"
)

// BenchmarkClaim is what one command costs before it may run, alone and with
// others that share the fsync.
func BenchmarkClaim(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, newPath(b))
			us := make([]state.Update, b.N)
			for i := range us {
				us[i] = state.Update{ID: int64(i), ReceivedAt: at, Body: []byte(`{"text":"/status --verbose"}`)}
			}
			if _, err := s.Receive(b.Context(), us); err != nil {
				b.Fatal(err)
			}
			each(b, writers, func(i int64) error {
				return s.Claim(b.Context(), state.Claim{UpdateID: i, ChatID: 1, UserID: 1, Command: "/status --verbose", Class: "safe", At: at})
			})
		})
	}
}

// BenchmarkCommand is all that the ledger does for one command: receive, claim,
// finish with a reply, sent.
func BenchmarkCommand(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, newPath(b))
			each(b, writers, func(i int64) error {
				ctx := b.Context()
				_, err := s.Receive(ctx, []state.Update{{ID: i, ReceivedAt: at, Body: []byte(`{"text":"/status --verbose"}`)}})
				out := []state.Outgoing{{ChatID: i % 50, Body: make([]byte, 500)}}
				return errors.Join(err,
					s.Claim(ctx, state.Claim{UpdateID: i, Command: "/status --verbose", Class: "safe", At: at}),
					s.Finish(ctx, i, state.Done, out),
					s.Sent(ctx, out[0].ID))
			})
		})
	}
}

func BenchmarkReceive100(b *testing.B) {
	s := open(b, newPath(b))
	us := make([]state.Update, 100)
	var id int64
	for b.Loop() {
		for i := range us {
			id++
			us[i] = state.Update{ID: id, ReceivedAt: at, Body: []byte(`{"text":"/status --verbose"}`)}
		}
		if _, err := s.Receive(b.Context(), us); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is what the ledger adds to the start of the program, with the
// 10,000 updates that it keeps.
func BenchmarkOpen(b *testing.B) {
	path := newPath(b)
	s := open(b, path)
	us := make([]state.Update, state.KeepLast)
	for i := range us {
		us[i] = state.Update{ID: int64(i), ReceivedAt: at}
	}
	if _, err := s.Receive(b.Context(), us); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := state.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// each calls do with 0 … b.N-1 from so many goroutines.
func each(b *testing.B, writers int, do func(int64) error) {
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
