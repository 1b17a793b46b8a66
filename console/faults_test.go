package console_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/console"
	"clawconsole/internal/audit"
)

// The disk is full at three in the morning. Whoever typed a command read "cannot
// record, not run"; nobody else learned of it, and once there was room again nothing
// told that it had been so.
func TestFaultsAreTold(t *testing.T) {
	for _, tt := range []struct {
		what       string
		begin, end func(g *rig)
	}{
		{"record", func(g *rig) {
			g.record.mu.Lock()
			g.record.fail = func(audit.Record) error { return errDisk }
			g.record.mu.Unlock()
			g.send(g.message("/status"))
		}, func(g *rig) {
			g.record.mu.Lock()
			g.record.fail = nil
			g.record.mu.Unlock()
			g.send(g.message("/status"))
		}},
		{"ledger", func(g *rig) { // the notice goes without it
			for _, method := range []string{"claim", "finish", "enqueue"} {
				g.ledger.broken(method, errDisk)
			}
			g.send(g.message("/status"))
		}, func(g *rig) {
			for _, method := range []string{"claim", "finish", "enqueue"} {
				g.ledger.broken(method, nil)
			}
			g.send(g.message("/status"))
		}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				notices := func() (all []sent) {
					for _, s := range g.chat.all() {
						if s.to.ChatID == bob {
							all = append(all, s)
						}
					}
					return all
				}
				g.start()
				tt.begin(g)
				time.Sleep(59 * time.Second)
				if len(notices()) > 0 {
					t.Errorf("told of what may be over in a moment: %q", texts(notices()))
				}
				time.Sleep(10 * time.Minute)
				all := notices()
				if len(all) != 1 || !strings.HasPrefix(all[0].text(), "ERROR: the console's "+tt.what+" does not work since") ||
					!strings.Contains(all[0].text(), "disk full") || !all[0].reply.Sound {
					t.Fatalf("bob is told %q, want once, with sound", texts(all))
				}
				synctest.Wait()
				tt.end(g)
				time.Sleep(10 * time.Minute)
				if all = notices(); len(all) != 2 || !strings.HasPrefix(all[1].text(), "OK: the console's "+tt.what+" works again since") {
					t.Fatalf("bob is told %q", texts(all))
				}
				faults := g.router.Health().Faults
				if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), tt.what+": disk full (1 Jan 00:00 UTC to 1 Jan 00:1") {
					t.Errorf("the last fault is %v", faults)
				}
			})
		})
	}
}

// Another program polls with the same token, and the two take turns: it is one fault,
// though a poll succeeds now and then.
func TestRivalIsOneFault(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		var rival atomic.Bool
		var calls atomic.Int64
		g.config.Poll = func() error {
			if rival.Load() && calls.Add(1)%3 > 0 {
				return errors.New("another process polls with this bot token")
			}
			return nil
		}
		g.start()
		rival.Store(true)
		time.Sleep(time.Hour)
		if all := texts(g.chat.all()); len(all) != 2 || !strings.Contains(all[0], "poll does not work") || !strings.Contains(all[0], "another process polls") {
			t.Errorf("alice and bob are told %q, want once each", all)
		}
		rival.Store(false)
		time.Sleep(5 * time.Minute)
		if all := texts(g.chat.all()); len(all) != 4 || !strings.Contains(all[3], "poll works again") {
			t.Errorf("alice and bob are told %q", all)
		}
	})
}

// What could not be stored is the ledger's fault, not the poll's.
func TestPollThatCannotStore(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		var failed atomic.Value
		g.config.Poll = func() error {
			err, _ := failed.Load().(error)
			return err
		}
		g.start()
		g.ledger.broken("receive", errDisk)
		m := g.message("/status")
		failed.Store(g.router.Receive(t.Context(), []console.Incoming{{UpdateID: m.UpdateID, Message: &m}}))
		synctest.Wait()
		if got := g.router.Health().Faults; !slices.ContainsFunc(got, func(f console.Fault) bool { return f.What == "ledger" }) || len(got) != 1 {
			t.Errorf("faults %v, want the ledger's", got)
		}
	})
}
