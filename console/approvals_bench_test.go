package console_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/console"
	"clawconsole/internal/approvals"
	"clawconsole/internal/audit"
	"clawconsole/openclaw"
)

const pendingAtOnce = 1000

// benchDesk is a desk with ledger and record on disk, one approver, and a thousand
// prompts before him.
func benchDesk(b *testing.B) *deskRig {
	b.Helper()
	r := newDeskRig(b)
	r.config.Log = nil
	r.gate = newGate(b, func(c *auth.Config) { c.Operators = c.Operators[:1] })
	record, err := audit.Open(filepath.Join(b.TempDir(), "audit.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	r.deskConf.Record = record
	r.open()
	b.Cleanup(func() {
		r.close()
		if err := record.Close(); err != nil {
			b.Error(err)
		}
	})
	for i := range pendingAtOnce {
		r.gw.raise(openclaw.Approval{Command: fmt.Sprintf("systemctl restart app-%d", i)})
	}
	r.waitFor(func() bool {
		open := r.desk.Broker().Open()
		return len(open) == pendingAtOnce && !slices.ContainsFunc(open, func(c approvals.Case) bool { return c.ShownAt.IsZero() })
	})
	return r
}

// waitFor polls, outside of what is measured.
func (r *deskRig) waitFor(done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal("timed out")
		}
	}
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
}

// BenchmarkApprovalPrompt measures what a prompt costs: from the gateway's event to the
// prompt handed to Telegram, with a thousand pending.
func BenchmarkApprovalPrompt(b *testing.B) {
	r := benchDesk(b)
	called := make(chan time.Time, 1)
	r.chat.mu.Lock()
	r.chat.failSend = func(s sent) error {
		if strings.HasPrefix(s.reply.Header.String(), "Allow") {
			called <- time.Now()
		}
		return nil
	}
	r.chat.mu.Unlock()
	var took []time.Duration
	i := 0
	for b.Loop() {
		i++
		begun := time.Now()
		a := r.gw.raise(openclaw.Approval{Command: fmt.Sprintf("systemctl restart db-%d", i)})
		took = append(took, (<-called).Sub(begun))
		b.StopTimer()
		r.gw.end(a.ID, openclaw.ApprovalAllowed, "x", "user", false)
		r.waitFor(func() bool { return len(r.desk.Broker().Open()) == pendingAtOnce })
		b.StartTimer()
	}
	percentiles(b, took)
}

// BenchmarkApprovalPress is the same for a press: from its update to the decision
// handed to the gateway, and to the answer handed to Telegram, with a thousand
// pending, claim and record on disk before.
func BenchmarkApprovalPress(b *testing.B) {
	r := benchDesk(b)
	called, answered := make(chan time.Time, 1), make(chan time.Time, 1)
	r.gw.resolving = func(string, openclaw.Decision) (bool, error) { called <- time.Now(); return true, nil }
	r.chat.change(func() { r.chat.answered = func() { answered <- time.Now() } })
	var took, answer []time.Duration
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		a := r.gw.raise(openclaw.Approval{Command: fmt.Sprintf("systemctl restart db-%d", i)})
		if _, err := r.desk.Broker().Wait(b.Context(), a.ID, func(c approvals.Case) bool { return !c.ShownAt.IsZero() }); err != nil {
			b.Fatal(err)
		}
		p := r.prompt(alice)
		r.next++
		// Straight to the desk: the budget of presses is not what is measured.
		press := console.Press{UpdateID: r.next, ID: "p", ChatID: alice, MessageID: p.id, UserID: alice, Private: true, Data: p.button("Allow once"), ReceivedAt: time.Now()}
		b.StartTimer()
		begun := time.Now()
		r.desk.Press(context.Background(), auth.Operator{ID: alice, Name: "alice", May: []auth.Class{auth.Approve}}, press)
		took = append(took, (<-called).Sub(begun))
		answer = append(answer, (<-answered).Sub(begun))
		b.StopTimer()
		if _, err := r.desk.Broker().Wait(b.Context(), a.ID, func(c approvals.Case) bool { return c.State.Final() }); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	percentiles(b, took)
	slices.Sort(answer)
	b.ReportMetric(float64(answer[len(answer)*99/100].Microseconds()), "µs/p99-answer")
}
