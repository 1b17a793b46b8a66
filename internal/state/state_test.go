package state_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/internal/state"
)

var at = time.Date(2026, 3, 1, 3, 12, 0, 0, time.UTC)

func open(t testing.TB, path string) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "state", "ledger.db") }

func receive(t testing.TB, s *state.Store, ids ...int64) []bool {
	t.Helper()
	var us []state.Update
	for _, id := range ids {
		us = append(us, state.Update{ID: id, ChatID: 7, UserID: 8, MessageID: 9, SentAt: at, ReceivedAt: at.Add(time.Second), Body: fmt.Appendf(nil, "body of %d", id)})
	}
	fresh, err := s.Receive(t.Context(), us)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestReceiveIsFreshOnce(t *testing.T) {
	path := newPath(t)
	fresh := 0
	for range 4 {
		s, err := state.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for range 25 {
			if receive(t, s, 1)[0] {
				fresh++
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if fresh != 1 {
		t.Errorf("100 deliveries of one update were fresh %d times, want once", fresh)
	}
	s := open(t, path)
	if got, want := receive(t, s, 1, 2, 2, 3), []bool{false, true, false, true}; !reflect.DeepEqual(got, want) {
		t.Errorf("Receive(1, 2, 2, 3) = %v, want %v", got, want)
	}
	if got, err := s.Receive(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("Receive() = %v, %v", got, err)
	}
}

// TestTransitions has every way from one status to another.
func TestTransitions(t *testing.T) {
	outcomes := []state.Status{state.Done, state.Refused, state.Ignored, state.Interrupted, state.Unknown}
	s := open(t, newPath(t))
	var id int64
	claim := func(id int64) error { return s.Claim(t.Context(), state.Claim{UpdateID: id}) }
	finish := func(id int64, st state.Status) error { return s.Finish(t.Context(), id, st, nil) }
	want := func(id int64, want state.Status) {
		t.Helper()
		if got, err := s.Status(t.Context(), id); err != nil || got != want {
			t.Errorf("Status = %v, %v, want %v", got, err, want)
		}
	}
	for _, claimFirst := range []bool{true, false} {
		for _, outcome := range outcomes {
			id++
			receive(t, s, id)
			want(id, state.Received)
			if claimFirst {
				if err := claim(id); err != nil {
					t.Fatal(err)
				}
				want(id, state.Claimed)
				if err := claim(id); !errors.Is(err, state.ErrClaimed) {
					t.Errorf("second Claim = %v, want ErrClaimed", err)
				}
			}
			if err := finish(id, outcome); err != nil {
				t.Fatal(err)
			}
			want(id, outcome)
			if err := claim(id); !errors.Is(err, state.ErrClaimed) {
				t.Errorf("Claim after %v = %v, want ErrClaimed", outcome, err)
			}
			for _, other := range outcomes {
				if err := finish(id, other); !errors.Is(err, state.ErrFinished) {
					t.Errorf("Finish(%v) after %v = %v, want ErrFinished", other, outcome, err)
				}
			}
			want(id, outcome)
			if receive(t, s, id)[0] {
				t.Errorf("an update that is %v was fresh", outcome)
			}
		}
	}
	if err := claim(999); !errors.Is(err, state.ErrMissing) {
		t.Errorf("Claim of what was not received = %v, want ErrMissing", err)
	}
	if err := finish(999, state.Done); !errors.Is(err, state.ErrMissing) {
		t.Errorf("Finish of what was not received = %v, want ErrMissing", err)
	}
	if _, err := s.Status(t.Context(), 999); !errors.Is(err, state.ErrMissing) {
		t.Errorf("Status of what was not received = %v, want ErrMissing", err)
	}
	receive(t, s, 1000)
	for _, no := range []state.Status{state.Received, state.Claimed, -1, state.Unknown + 1} {
		if err := finish(1000, no); err == nil {
			t.Errorf("Finish(%v) = nil", no)
		}
		want(1000, state.Received)
	}
}

func TestClaimHasOneWinner(t *testing.T) {
	s := open(t, newPath(t))
	for id := range int64(20) {
		receive(t, s, id)
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 32 {
			wg.Go(func() {
				err := s.Claim(t.Context(), state.Claim{UpdateID: id})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case !errors.Is(err, state.ErrClaimed):
					t.Errorf("Claim = %v", err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d claims of update %d succeeded, want 1", won, id)
		}
	}
}

func TestRecover(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	receive(t, s, 5, 3, 4, 1, 2)
	if _, err := s.Receive(t.Context(), []state.Update{{ID: 6, ReceivedAt: at}}); err != nil {
		t.Fatal(err)
	}
	claim := state.Claim{UpdateID: 3, ChatID: -100, TopicID: 2, UserID: 8, Command: "/gateway restart", Class: "moderate", At: at.Add(2 * time.Second)}
	for _, c := range []state.Claim{claim, {UpdateID: 4}} {
		if err := s.Claim(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for id, st := range map[int64]state.Status{4: state.Done, 1: state.Refused} {
		if err := s.Finish(t.Context(), id, st, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	received, claimed, err := s.Recover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	update := func(id int64) state.Update {
		return state.Update{ID: id, ChatID: 7, UserID: 8, MessageID: 9, SentAt: at, ReceivedAt: at.Add(time.Second), Body: fmt.Appendf(nil, "body of %d", id)}
	}
	if want := []state.Update{update(5), update(2), {ID: 6, ReceivedAt: at}}; !reflect.DeepEqual(received, want) {
		t.Errorf("received:\n%+v, want\n%+v", received, want)
	}
	if want := []state.Claim{claim}; !reflect.DeepEqual(claimed, want) {
		t.Errorf("claimed:\n%+v, want\n%+v", claimed, want)
	}

	// The notice and the outcome come together.
	if err := s.Finish(t.Context(), 3, state.Unknown, []state.Outgoing{{ChatID: -100, Body: []byte("outcome unknown")}}); err != nil {
		t.Fatal(err)
	}
	if _, claimed, err = s.Recover(t.Context()); err != nil || len(claimed) != 0 {
		t.Errorf("claimed after Finish: %+v, %v", claimed, err)
	}
	if err := s.Finish(t.Context(), 3, state.Unknown, []state.Outgoing{{ChatID: -100, Body: []byte("outcome unknown")}}); !errors.Is(err, state.ErrFinished) {
		t.Errorf("second Finish = %v, want ErrFinished", err)
	}
	if due, err := s.Due(t.Context(), at, 10); err != nil || len(due) != 1 {
		t.Errorf("Due = %+v, %v, want one notice", due, err)
	}
}

// texts returns which of the ledger's files hold what.
func texts(t *testing.T, path, what string) (in []string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files of the ledger: %q, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(what)) {
			in = append(in, filepath.Base(f))
		}
	}
	return in
}

func TestTextIsErased(t *testing.T) {
	const short = "zebra-in-the-night"
	long := strings.Repeat("quagga over the hills ", 1000) // overflow pages
	for _, body := range []string{short, long} {
		mark := body[:18]
		for name, erase := range map[string]func(context.Context, *state.Store) error{
			"claimed": func(ctx context.Context, s *state.Store) error { return s.Claim(ctx, state.Claim{UpdateID: 1}) },
			"done": func(ctx context.Context, s *state.Store) error { // what ran is on record, not here
				if err := s.Claim(ctx, state.Claim{UpdateID: 1, Command: body}); err != nil {
					return err
				}
				return s.Finish(ctx, 1, state.Done, nil)
			},
			"refused": func(ctx context.Context, s *state.Store) error { return s.Finish(ctx, 1, state.Refused, nil) },
			"ignored": func(ctx context.Context, s *state.Store) error { return s.Finish(ctx, 1, state.Ignored, nil) },
			"sent": func(ctx context.Context, s *state.Store) error {
				if err := s.Claim(ctx, state.Claim{UpdateID: 1}); err != nil {
					return err
				}
				if err := s.Finish(ctx, 1, state.Done, []state.Outgoing{{Body: []byte(body)}}); err != nil {
					return err
				}
				return s.Sent(ctx, 1)
			},
		} {
			synctestRun(t, fmt.Sprintf("%s/%d", name, len(body)), func(t *testing.T) {
				path := newPath(t)
				s := open(t, path)
				if _, err := s.Receive(t.Context(), []state.Update{{ID: 1, Body: []byte(body)}}); err != nil {
					t.Fatal(err)
				}
				if len(texts(t, path, mark)) == 0 {
					t.Fatal("the text is in no file, so this test cannot fail")
				}
				if err := erase(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				if in := texts(t, path, mark); len(in) != 0 {
					t.Errorf("after 1.1 s the text is still in %q", in)
				}
			})
		}
	}
}

func synctestRun(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestTextIsErasedByClose does not wait for the writer to do it by itself.
func TestTextIsErasedByClose(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	if _, err := s.Receive(t.Context(), []state.Update{{ID: 1, Body: []byte("zebra-in-the-night")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(t.Context(), state.Claim{UpdateID: 1}); err != nil {
		t.Fatal(err)
	}
	if len(texts(t, path, "zebra-in-the-night")) == 0 {
		t.Error("the text is in no file, so this test cannot fail")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if in := texts(t, path, "zebra-in-the-night"); len(in) != 0 {
		t.Errorf("after Close the text is in %q", in)
	}
}

// TestReaderInTheWay has somebody look into the ledger with sqlite3 while text is
// to be erased: that waits for the reader, claims do not.
func TestReaderInTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		s := open(t, path)
		if _, err := s.Receive(t.Context(), []state.Update{{ID: 1, Body: []byte("zebra-in-the-night")}}); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM updates").Scan(&n); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		start := time.Now()
		if err := s.Claim(t.Context(), state.Claim{UpdateID: 1}); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("a reader held up a claim for %v", waited)
		}
		time.Sleep(10 * time.Second)
		receive(t, s, 2)
		if len(texts(t, path, "zebra-in-the-night")) == 0 {
			t.Error("the reader was not in the way, so this test cannot fail")
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if in := texts(t, path, "zebra-in-the-night"); len(in) != 0 {
			t.Errorf("1.1 s after the reader has gone the text is still in %q", in)
		}
	})
}

func TestFileModes(t *testing.T) {
	path := newPath(t)
	modes := func() {
		t.Helper()
		for name, want := range map[string]os.FileMode{
			filepath.Dir(path): 0o700 | os.ModeDir, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
		} {
			info, err := os.Stat(name)
			if err != nil {
				t.Error(err)
			} else if info.Mode() != want {
				t.Errorf("%s has mode %v, want %v", filepath.Base(name), info.Mode(), want)
			}
		}
	}
	s := open(t, path)
	receive(t, s, 1)
	modes()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	receive(t, open(t, path), 2)
	modes()
}

func TestOpenRefuses(t *testing.T) {
	sqlExec := func(t *testing.T, path string, statements ...string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, q := range statements {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  error
		says  string
	}{
		{"text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, state.ErrCorrupt, "damaged"},
		{"damaged page", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), 4096); err != nil {
				t.Fatal(err)
			}
		}, state.ErrCorrupt, "damaged"},
		{"cut file", func(t *testing.T, path string) {
			if err := os.Truncate(path, 5000); err != nil {
				t.Fatal(err)
			}
		}, state.ErrCorrupt, "damaged"},
		{"another program's", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			sqlExec(t, path, "CREATE TABLE contacts (name TEXT)")
		}, state.ErrCorrupt, "another program"},
		{"newer", func(t *testing.T, path string) { sqlExec(t, path, "PRAGMA user_version = 99") }, state.ErrNewer, "its schema is 99"},
		{"folder", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, nil, "not a regular file"},
		{"link", func(t *testing.T, path string) {
			if err := errors.Join(os.Rename(path, path+".away"), os.Symlink(path+".away", path)); err != nil {
				t.Fatal(err)
			}
		}, nil, "not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			for id := range int64(200) {
				receive(t, s, id)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, path)
			before, _ := os.ReadFile(path)
			for range 2 { // a refusal leaves nothing open
				s, err := state.Open(t.Context(), path)
				if err == nil {
					_ = s.Close()
					t.Fatal("opened")
				}
				if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
					t.Errorf("Open = %v, want %v", err, tt.want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the refused file was changed")
			}
		})
	}
}

func TestOpenTwice(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	_, err := state.Open(t.Context(), path)
	if !errors.Is(err, state.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("second Open = %v, want ErrInUse with the process", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestClosed(t *testing.T) {
	s := open(t, newPath(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"Receive":     func() error { _, err := s.Receive(ctx, nil); return err },
		"Claim":       func() error { return s.Claim(ctx, state.Claim{}) },
		"Finish":      func() error { return s.Finish(ctx, 1, state.Done, nil) },
		"Recover":     func() error { _, _, err := s.Recover(ctx); return err },
		"Status":      func() error { _, err := s.Status(ctx, 1); return err },
		"Enqueue":     func() error { _, err := s.Enqueue(ctx, nil); return err },
		"Due":         func() error { _, err := s.Due(ctx, at, 1); return err },
		"Sent":        func() error { return s.Sent(ctx, 1) },
		"Retry":       func() error { return s.Retry(ctx, 1, at) },
		"SaveLockout": func() error { return s.SaveLockout(ctx, state.Lockout{}) },
		"Lockouts":    func() error { _, err := s.Lockouts(ctx); return err },
		"Meta":        func() error { _, err := s.Meta(ctx, "k"); return err },
		"SetMeta":     func() error { return s.SetMeta(ctx, "k", "v") },
		"Prune":       func() error { _, err := s.Prune(ctx, at); return err },
		"Check":       func() error { return s.Check(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
}

func TestCanceledWriteDidNotHappen(t *testing.T) {
	s := open(t, newPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Receive(ctx, []state.Update{{ID: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Receive = %v, want context.Canceled", err)
	}
	if !receive(t, s, 1)[0] {
		t.Error("a canceled Receive stored its update")
	}

	// Canceled in the middle: whatever the answer is, it is true.
	for id := int64(100); id < 200; id++ {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _ = s.SetMeta(t.Context(), "k", "v") })
		}
		wg.Go(cancel)
		_, err := s.Receive(ctx, []state.Update{{ID: id}})
		wg.Wait()
		if fresh := receive(t, s, id)[0]; fresh != (err != nil) {
			t.Fatalf("Receive = %v, but the update was fresh afterwards: %v", err, fresh)
		}
	}
}

func TestOutbox(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	receive(t, s, 1)
	replies := []state.Outgoing{
		{ChatID: 1, TopicID: 3, Edit: 4, Body: []byte("a")},
		{ChatID: 1, Body: []byte("b")},
		{ChatID: 2, Body: []byte("c"), NotBefore: at.Add(time.Minute)},
	}
	if err := s.Finish(t.Context(), 1, state.Done, replies); err != nil {
		t.Fatal(err)
	}
	more := []state.Outgoing{{ChatID: 2, Body: []byte("d")}, {ChatID: 3}}
	ids, err := s.Enqueue(t.Context(), more)
	if err != nil || len(ids) != 2 || ids[0] != more[0].ID || ids[0] <= replies[2].ID || ids[1] <= ids[0] {
		t.Fatalf("Enqueue = %v, %v", ids, err)
	}
	due := func(now time.Time, limit int) string {
		t.Helper()
		out, err := s.Due(t.Context(), now, limit)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, o := range out {
			fmt.Fprintf(&b, "%d:%s/%d ", o.ChatID, o.Body, o.Attempts)
		}
		return strings.TrimSpace(b.String())
	}
	check := func(now time.Time, want string) {
		t.Helper()
		if got := due(now, 10); got != want {
			t.Errorf("Due = %s, want %s", got, want)
		}
	}
	check(at, "1:a/0 1:b/0 3:/0") // d waits behind c
	check(at.Add(time.Minute), "1:a/0 1:b/0 2:c/0 2:d/0 3:/0")
	if got, want := due(at, 1), "1:a/0 3:/0"; got != want { // of each chat
		t.Errorf("Due with limit 1 = %s, want %s", got, want)
	}
	if err := s.Retry(t.Context(), replies[0].ID, at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	check(at, "3:/0")
	check(at.Add(time.Second), "1:a/1 1:b/0 3:/0")
	if out, err := s.Due(t.Context(), at.Add(time.Second), 1); err != nil || !reflect.DeepEqual(out[0], state.Outgoing{
		ID: replies[0].ID, ChatID: 1, TopicID: 3, Edit: 4, Body: []byte("a"), Attempts: 1, NotBefore: at.Add(time.Second),
	}) {
		t.Errorf("Due = %+v, %v", out, err)
	}

	// Nothing is lost by a restart, and what was sent does not come back.
	if err := s.Sent(t.Context(), replies[0].ID, replies[1].ID, 12345); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	check(at.Add(time.Hour), "2:c/0 2:d/0 3:/0")
	if err := s.Sent(t.Context(), replies[2].ID, ids[0], ids[1]); err != nil {
		t.Fatal(err)
	}
	again, err := s.Enqueue(t.Context(), []state.Outgoing{{ChatID: 1}})
	if err != nil || again[0] <= ids[1] {
		t.Errorf("Enqueue gave ID %v after %v, %v", again, ids, err)
	}
}

func TestLockoutsAndMeta(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	for _, l := range []state.Lockout{{Operator: 9, Failures: 2}, {Operator: 4, Failures: 5, Until: at}, {Operator: 9, Failures: 3}, {Operator: 5, Failures: 1}, {Operator: 5}} {
		if err := s.SaveLockout(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.SetMeta(t.Context(), "menu", "1"), s.SetMeta(t.Context(), "menu", "2"), s.Check(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	all, err := s.Lockouts(t.Context())
	if want := []state.Lockout{{4, 5, at}, {9, 3, time.Time{}}}; err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("Lockouts = %v, %v, want %v", all, err, want)
	}
	if v, err := s.Meta(t.Context(), "menu"); v != "2" || err != nil {
		t.Errorf("Meta = %q, %v", v, err)
	}
	if v, err := s.Meta(t.Context(), "none"); v != "" || err != nil {
		t.Errorf("Meta of nothing = %q, %v", v, err)
	}
}

func TestPrune(t *testing.T) {
	s := open(t, newPath(t))
	add := func(first, n int64, received time.Time, st state.Status) {
		t.Helper()
		us := make([]state.Update, n)
		for i := range us {
			us[i] = state.Update{ID: first + int64(i), ReceivedAt: received}
		}
		if _, err := s.Receive(t.Context(), us); err != nil {
			t.Fatal(err)
		}
		if st == state.Received {
			return
		}
		var wg sync.WaitGroup
		for part := range int64(64) {
			wg.Go(func() {
				for i := part; i < n; i += 64 {
					if err := s.Finish(t.Context(), first+i, st, nil); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	prune := func(now time.Time, want int64) {
		t.Helper()
		if n, err := s.Prune(t.Context(), now); err != nil || n != want {
			t.Errorf("Prune = %d, %v, want %d", n, err, want)
		}
	}
	// IDs fall here, as after Telegram has drawn a new one: arrival counts.
	add(1_000_000, 1500, at, state.Done)
	add(900_000, 1, at, state.Received)
	add(800_000, state.KeepLast-1, at, state.Ignored)
	prune(at.Add(state.KeepFor), 0)                       // too young
	prune(at.Add(state.KeepFor+time.Millisecond), 1500)   // the open one and the last 9,999 stay
	prune(at.Add(state.KeepFor+time.Hour), 0)             // nothing but the last 10,000 left
	add(700_000, 10, at.Add(48*time.Hour), state.Refused) // pushes 10 out, of which one is open
	prune(at.Add(49*time.Hour), 9)
	if st, err := s.Status(t.Context(), 900_000); err != nil || st != state.Received {
		t.Errorf("an update without outcome: %v, %v", st, err)
	}
	if _, err := s.Status(t.Context(), 1_000_000); !errors.Is(err, state.ErrMissing) {
		t.Errorf("a pruned update: %v, want ErrMissing", err)
	}
}

// Attack: another user of the host, who may write to the folder, puts an empty
// ledger in place of ours, and with it go the lockouts and what was claimed.
func TestOpenFolder(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o707, 0o702, 0o770, 0o720} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		s, err := state.Open(t.Context(), filepath.Join(dir, "ledger.db"))
		if !errors.Is(err, state.ErrOpenFolder) {
			t.Errorf("mode %#o: Open = %v", mode, err)
		}
		if err == nil {
			s.Close()
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
	for _, mode := range []os.FileMode{0o700, 0o750, 0o755} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := state.CheckFolder(dir, os.Geteuid()); err != nil {
			t.Errorf("mode %#o: CheckFolder = %v", mode, err)
		}
	}
}

// Attack: as above, by the user who owns the folder.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	if err := state.CheckFolder(dir, os.Geteuid()+1); !errors.Is(err, state.ErrForeignFolder) {
		t.Errorf("CheckFolder = %v", err)
	}
	if err := state.CheckFolder(dir, -1); err != nil {
		t.Errorf("CheckFolder for whoever owns it = %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	s, err := state.Open(t.Context(), filepath.Join(dir, "ledger.db"))
	if !errors.Is(err, state.ErrForeignFolder) {
		t.Errorf("Open = %v", err)
	}
	if err == nil {
		s.Close()
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
