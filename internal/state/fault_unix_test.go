//go:build unix

package state_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"clawconsole/internal/state"
)

// TestFullDisk runs fillDisk in a process of its own, because the limit on the size
// of files that plays the full disk is the whole process's.
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STATE_TEST_LEDGER="+newPath(t), "STATE_TEST_FULL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(path string) error {
	ctx := context.Background()
	signal.Ignore(syscall.SIGXFSZ)
	s, err := state.Open(ctx, path)
	if err != nil {
		return err
	}
	const n = 2000
	us := make([]state.Update, n)
	for i := range us {
		us[i] = state.Update{ID: int64(i), Body: make([]byte, 100)}
	}
	if _, err := s.Receive(ctx, us); err != nil {
		return err
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	full := limit
	full.Cur = uint64(info.Size()) + 300_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	claimed := make([]bool, n)
	var failures, fine atomic.Int64
	claim := func(id int64) error {
		return s.Claim(ctx, state.Claim{UpdateID: id, Command: "/status"})
	}
	var wg sync.WaitGroup
	for lane := range 8 {
		wg.Go(func() {
			for id := lane; id < n; id += 8 {
				if err := claim(int64(id)); err == nil {
					claimed[id] = true
					fine.Add(1)
				} else if errors.Is(err, state.ErrClaimed) {
					fmt.Println("a claim that was not given is taken:", err)
					failures.Add(n)
				} else {
					failures.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if fine.Load() == 0 || failures.Load() == 0 || failures.Load() >= n {
		return fmt.Errorf("%d claims were fine and %d failed; want some of both", fine.Load(), failures.Load())
	}
	full.Cur = 1 // not even what is freed by a checkpoint
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	if err := s.Check(ctx); err == nil {
		return errors.New("Check says that a full disk can be written")
	}
	for id, want := range claimed {
		st, err := s.Status(ctx, int64(id))
		if err != nil || (st == state.Claimed) != want {
			return fmt.Errorf("update %d is %v, %v; Claim had succeeded: %v", id, st, err, want)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	// There is room again.
	if err := s.Check(ctx); err != nil {
		return err
	}
	for id, was := range claimed {
		if err := claim(int64(id)); was != errors.Is(err, state.ErrClaimed) || !was && err != nil {
			return fmt.Errorf("update %d with room again: %v; claimed before: %v", id, err, was)
		}
	}
	return s.Close()
}
