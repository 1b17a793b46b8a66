//go:build unix

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"clawconsole/internal/leaktest"
)

func TestMain(m *testing.M) {
	path := os.Getenv("AUDIT_TEST_RECORD")
	if path == "" {
		os.Exit(leaktest.Wrap(m).Run())
	}
	run := recordForever
	if os.Getenv("AUDIT_TEST_FULL") != "" {
		run = fillDisk
	}
	if err := run(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// recordForever is the process that TestKill kills. It prints each record that it
// was told is on disk.
func recordForever(path string) error {
	l, err := open(path, 20_000)
	if err != nil {
		return err
	}
	failed := make(chan error)
	var mu sync.Mutex
	for range 8 {
		go func() {
			for range 5000 {
				e, err := l.Append(context.Background(), full())
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Printf("%s.\n", e.anchor())
				mu.Unlock()
			}
			failed <- errors.New("nobody has killed the process")
		}()
	}
	return <-failed
}

// TestKill kills a process that records as fast as it can, several times on one
// record. Whatever it had been told was on disk has to be there, unchanged.
func TestKill(t *testing.T) {
	path := newPath(t)
	var said []Anchor
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "AUDIT_TEST_RECORD="+path)
		out := &countingBuffer{lines: 100 + 73*round, full: make(chan struct{})}
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-out.full:
		case err := <-ended:
			t.Fatalf("the process ended by itself: %v\n%s", err, &out.b)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		for line := range strings.Lines(out.b.String()) {
			if a, err := ParseAnchor(strings.TrimSuffix(line, ".\n")); err == nil && strings.HasSuffix(line, ".\n") {
				said = append(said, a)
			}
		}
		l := openLog(t, path, 20_000)
		r, err := Verify(t.Context(), path, said...)
		if err != nil || r.Files < 2 {
			t.Fatalf("after kill %d: %+v, %v", round+1, r, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A countingBuffer closes full after so many lines.
type countingBuffer struct {
	b     bytes.Buffer // not embedded: its ReadFrom would pass Write by
	lines int
	full  chan struct{}
}

func (c *countingBuffer) Write(p []byte) (int, error) {
	if c.lines > 0 {
		if c.lines -= bytes.Count(p, []byte{'\n'}); c.lines <= 0 {
			close(c.full)
		}
	}
	return c.b.Write(p)
}

// TestFullDisk runs fillDisk in a process of its own, because the limit on the size
// of files that plays the full disk is the whole process's.
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AUDIT_TEST_RECORD="+newPath(t), "AUDIT_TEST_FULL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(path string) error {
	ctx := context.Background()
	signal.Ignore(syscall.SIGXFSZ)
	l, err := Open(path)
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	small := limit
	small.Cur = 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	var fine int64
	for {
		if _, err := l.Append(ctx, full()); err != nil {
			break
		}
		if fine++; fine > 1000 {
			return errors.New("the disk is never full")
		}
	}
	check := func() error {
		if r, err := Verify(ctx, path); err != nil || r.Records != fine || r.Head != l.Head() {
			return fmt.Errorf("after %d records: %+v, %w", fine, r, err)
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	if _, err := l.Append(ctx, full()); err == nil || errors.Is(err, ErrStuck) {
		return fmt.Errorf("a second record on a full disk: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if _, err := l.Append(ctx, full()); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	fine++
	return errors.Join(check(), l.Close())
}
