//go:build unix

package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"clawconsole/internal/leaktest"
	"clawconsole/internal/state"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("STATE_TEST_LEDGER"); path != "" {
		if os.Getenv("STATE_TEST_FULL") != "" {
			if err := fillDisk(path); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		}
		first, _ := strconv.ParseInt(os.Getenv("STATE_TEST_FIRST"), 10, 64)
		fmt.Fprintln(os.Stderr, claimForever(path, first))
		os.Exit(1)
	}
	os.Exit(leaktest.Wrap(m).Run())
}

// claimForever is the process that TestKill kills. It prints "<update> <status>."
// for each step after it was told that it is on disk.
func claimForever(path string, first int64) error {
	ctx := context.Background()
	s, err := state.Open(ctx, path)
	if err != nil {
		return err
	}
	failed := make(chan error)
	var mu sync.Mutex
	say := func(id int64, st state.Status) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%d %d.\n", id, int(st))
	}
	for lane := range int64(8) {
		go func() {
			for id := first + lane; id < first+100_000; id += 8 {
				if _, err := s.Receive(ctx, []state.Update{{ID: id, Body: []byte("text")}}); err != nil {
					failed <- err
				}
				say(id, state.Received)
				if err := s.Claim(ctx, state.Claim{UpdateID: id}); err != nil {
					failed <- err
				}
				say(id, state.Claimed)
				if err := s.Finish(ctx, id, state.Done, []state.Outgoing{{Body: fmt.Append(nil, "reply to ", id)}}); err != nil {
					failed <- err
				}
				say(id, state.Done)
			}
			failed <- io.EOF
		}()
	}
	return <-failed
}

// A counter passes on what is written and closes full after so many lines.
type counter struct {
	w     io.Writer
	lines int
	full  chan struct{}
}

func (c *counter) Write(p []byte) (int, error) {
	if had := c.lines; had > 0 {
		if c.lines -= bytes.Count(p, []byte{'\n'}); c.lines <= 0 {
			close(c.full)
		}
	}
	return c.w.Write(p)
}

// TestKill kills a process that claims as fast as it can, several times on one
// ledger. Whatever it had been told was on disk has to be there.
func TestKill(t *testing.T) {
	path := newPath(t)
	said := make(map[int64]state.Status)
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STATE_TEST_LEDGER="+path, fmt.Sprintf("STATE_TEST_FIRST=%d", (round+1)*1_000_000))
		var out, complaints bytes.Buffer
		enough := make(chan struct{})
		cmd.Stdout = &counter{w: &out, lines: 150 + 70*round, full: enough}
		cmd.Stderr = &complaints
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-enough:
		case err := <-ended:
			t.Fatalf("the writer ended by itself: %v\n%s", err, &complaints)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		// The last line may be cut.
		for line := range strings.Lines(out.String()) {
			var id int64
			var st state.Status
			if _, err := fmt.Sscanf(line, "%d %d.\n", &id, &st); err == nil {
				said[id] = st
			}
		}

		s, err := state.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		due, err := s.Due(t.Context(), at, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		replies := make(map[string]bool)
		for _, o := range due {
			replies[string(o.Body)] = true
		}
		count := make(map[state.Status]int)
		for id, st := range said {
			got, err := s.Status(t.Context(), id)
			if err != nil || got < st {
				t.Fatalf("update %d was acknowledged as %v, is %v, %v", id, st, got, err)
			}
			if got == state.Done && !replies[fmt.Sprint("reply to ", id)] {
				t.Fatalf("update %d is done, but its reply is not in the outbox", id)
			}
			if err := s.Claim(t.Context(), state.Claim{UpdateID: id}); got >= state.Claimed && !errors.Is(err, state.ErrClaimed) {
				t.Fatalf("update %d could be claimed a second time: %v", id, err)
			}
			count[st]++
		}
		if count[state.Done] == 0 {
			t.Fatalf("nothing was done in %d acknowledged steps: %v", len(said), count)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
