package state_test

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/internal/state"
)

// TestSwapHasOneWinner is the compare-and-swap that the first decision wins by.
func TestSwapHasOneWinner(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	a := state.Approval{Key: "a", Open: true, Body: []byte("1"), At: at}
	if err := s.AddApproval(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.AddApproval(t.Context(), a, nil); !errors.Is(err, state.ErrKnown) {
		t.Errorf("second AddApproval = %v, want ErrKnown", err)
	}
	for version := int64(1); version <= 20; version++ {
		var wg sync.WaitGroup
		var won atomic.Int64
		for range 16 {
			wg.Go(func() {
				switch err := s.SwapApproval(t.Context(), version, a); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, state.ErrStale):
					t.Errorf("SwapApproval = %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d writers won at version %d, want 1", won.Load(), version)
		}
	}
	got, err := s.Approval(t.Context(), "a")
	if err != nil || got.Version != 21 || !got.Open {
		t.Errorf("Approval = %+v, %v, want version 21", got, err)
	}
	if _, err := s.Approval(t.Context(), "b"); !errors.Is(err, state.ErrMissing) {
		t.Errorf("Approval of nothing = %v, want ErrMissing", err)
	}
}

func TestPrompts(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	ctx := t.Context()
	first := state.Prompt{Approval: "a", ChatID: -7}
	if err := s.AddApproval(ctx, state.Approval{Key: "a", Open: true, Body: []byte("x"), At: at}, []state.Prompt{first, {Approval: "a", ChatID: 8}}); err != nil {
		t.Fatal(err)
	}
	sent := state.Prompt{Approval: "a", ChatID: -7, MessageID: 5, Extra: 6, Shown: 1}
	if err := s.SavePrompt(ctx, sent); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if got, err := s.Prompts(ctx, "a"); err != nil || !reflect.DeepEqual(got, []state.Prompt{sent, {Approval: "a", ChatID: 8}}) {
		t.Errorf("Prompts = %+v, %v", got, err)
	}
	if got, err := s.PromptAt(ctx, -7, 5); err != nil || got != sent {
		t.Errorf("PromptAt = %+v, %v", got, err)
	}
	if _, err := s.PromptAt(ctx, 8, 5); !errors.Is(err, state.ErrMissing) {
		t.Errorf("PromptAt of another chat = %v, want ErrMissing", err)
	}

	// What is open is not forgotten, however old.
	if n, err := s.PruneApprovals(ctx, at.Add(time.Hour)); err != nil || n != 0 {
		t.Errorf("PruneApprovals forgot %d that are open, %v", n, err)
	}
	if err := s.SwapApproval(ctx, 1, state.Approval{Key: "a", Body: []byte("x"), At: at}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.OpenApprovals(ctx); err != nil || len(all) != 0 {
		t.Errorf("OpenApprovals = %+v, %v", all, err)
	}
	if all, err := s.RecentApprovals(ctx, 3); err != nil || len(all) != 1 {
		t.Errorf("RecentApprovals = %+v, %v", all, err)
	}
	if n, err := s.PruneApprovals(ctx, at.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("PruneApprovals = %d, %v, want 1", n, err)
	}
	if got, err := s.Prompts(ctx, "a"); err != nil || len(got) != 0 {
		t.Errorf("Prompts after that = %+v, %v", got, err)
	}
}

// TestGroupStaysWhole: what is shown together is read and forgotten together.
func TestGroupStaysWhole(t *testing.T) {
	s := open(t, newPath(t))
	ctx := t.Context()
	for _, a := range []state.Approval{{Key: "a", Leader: "a"}, {Key: "x", Leader: "x"}, {Key: "b", Leader: "a", Open: true}} {
		a.Body, a.At = []byte("{}"), at
		if err := s.AddApproval(ctx, a, nil); err != nil {
			t.Fatal(err)
		}
	}
	led := func(leader string) (keys string) {
		all, err := s.ApprovalsLedBy(ctx, leader)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			keys += a.Key
		}
		return keys
	}
	if n, err := s.PruneApprovals(ctx, at.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("PruneApprovals = %d, %v, want 1", n, err)
	}
	if a, x := led("a"), led("x"); a != "ab" || x != "" {
		t.Errorf("led by a: %q, by x: %q, want the group that is open", a, x)
	}
	if err := s.SwapApproval(ctx, 1, state.Approval{Key: "b", Leader: "b", Body: []byte("{}"), At: at}); err != nil {
		t.Fatal(err)
	}
	if a, b := led("a"), led("b"); a != "a" || b != "b" {
		t.Errorf("led by a: %q, by b: %q after b has left", a, b)
	}
}
