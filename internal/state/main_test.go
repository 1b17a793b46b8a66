package state_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"

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
	os.Exit(m.Run())
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
