package state

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
)

// together starts writes so that they share one transaction, and waits for them.
func together(t *testing.T, s *Store, writes ...func() error) []error {
	t.Helper()
	hold := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.write(t.Context(), "hold", func(*writer) error { <-hold; return nil })
	})
	synctest.Wait()
	errs := make([]error, len(writes))
	for i, w := range writes {
		wg.Go(func() { errs[i] = w() })
	}
	synctest.Wait() // all of them wait for the writer
	close(hold)
	wg.Wait()
	return errs
}

func openBubble(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFaultHitsOnlyItsOwner(t *testing.T) {
	faults := map[string]string{
		"statement":    "INSERT INTO meta (key, value) VALUES ('k', NULL)",
		"syntax":       "INSERT nothing",
		"whole of it":  "INSERT OR ROLLBACK INTO meta (key, value) VALUES ('k', NULL)", // as SQLite does on some errors
		"own rollback": "ROLLBACK",
	}
	for name, statement := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openBubble(t)
				runs := 0
				fault := func() error {
					return s.write(t.Context(), "fault", func(w *writer) error {
						runs++
						if _, err := w.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('half', 'done')"); err != nil {
							return err
						}
						if _, err := w.exec(statement); err != nil {
							return err
						}
						return errors.New("a fault that is not SQLite's")
					})
				}
				receive := func(id int64) func() error {
					return func() error {
						fresh, err := s.Receive(t.Context(), []Update{{ID: id}})
						if err == nil && !fresh[0] {
							err = errors.New("not fresh")
						}
						return err
					}
				}
				errs := together(t, s, receive(1), receive(2), fault, receive(3), fault, receive(4))
				for i, err := range errs {
					if isFault := i == 2 || i == 4; isFault != (err != nil) {
						t.Errorf("write %d: %v", i, err)
					}
				}
				for id := range int64(4) {
					if _, err := s.Status(t.Context(), id+1); err != nil {
						t.Errorf("update %d: %v", id+1, err)
					}
				}
				if v, err := s.Meta(t.Context(), "half"); v != "" || err != nil {
					t.Errorf("the write with the fault left %q, %v", v, err)
				}
				if runs < 2 {
					t.Errorf("the faults ran %d times", runs)
				}
			})
		})
	}
}

// TestVerdictHitsOnlyItsOwner has two claims of one update in one transaction.
func TestVerdictHitsOnlyItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openBubble(t)
		if _, err := s.Receive(t.Context(), []Update{{ID: 1}, {ID: 2}}); err != nil {
			t.Fatal(err)
		}
		claim := func(id int64) func() error {
			return func() error { return s.Claim(t.Context(), Claim{UpdateID: id}) }
		}
		var got []string
		won := 0
		for _, err := range together(t, s, claim(1), claim(9), claim(1), claim(2)) {
			got = append(got, fmt.Sprint(err))
			if err == nil {
				won++
			} else if !errors.Is(err, ErrClaimed) && !errors.Is(err, ErrMissing) {
				t.Errorf("Claim = %v", err)
			}
		}
		if won != 2 {
			t.Errorf("claims of 1, 9, 1 and 2: %q, want two to succeed", got)
		}
	})
}

func TestWritesShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openBubble(t)
		writes := make([]func() error, 50)
		for i := range writes {
			writes[i] = func() error {
				return s.write(t.Context(), "count", func(w *writer) error {
					var committed int // what another connection sees
					if err := s.db.QueryRow("SELECT count(*) FROM meta").Scan(&committed); err != nil {
						return err
					}
					if committed != 0 {
						t.Errorf("%d of 50 waiting writes were committed before another one", committed)
					}
					_, err := w.exec("INSERT INTO meta (key, value) VALUES (?, 'x')", fmt.Sprint("k", i))
					return err
				})
			}
		}
		for _, err := range together(t, s, writes...) {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSettings holds what no test without a power cut can see.
func TestSettings(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "busy_timeout": "5000"} {
		var writing, reading string
		err := s.write(t.Context(), "ask", func(w *writer) error { return w.row("PRAGMA "+name, nil, &writing) })
		if err := errors.Join(err, s.db.QueryRow("PRAGMA "+name).Scan(&reading)); err != nil {
			t.Fatal(err)
		}
		if writing != want || reading != want {
			t.Errorf("%s is %s and %s, want %s", name, writing, reading, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
