package realgateway

import (
	"bufio"
	"context"
	"errors"
	"os"
	osexec "os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gone waits until the process with that ID has ended. One that nobody waited for counts.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Second)
	for {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d has not ended: %s", pid, stat)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestStarterThatIsKilled is the other process of TestProcessDiesWithUs: it starts a process,
// prints its ID and waits to be killed. As a test of its own it does nothing.
func TestStarterThatIsKilled(t *testing.T) {
	if os.Getenv("REALGATEWAY_STARTER") == "" {
		return
	}
	p, err := start(osexec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("started " + strconv.Itoa(p.pid) + "\n")
	<-p.ended
}

func TestProcessDiesWithUs(t *testing.T) {
	starter := osexec.Command(os.Args[0], "-test.run=^TestStarterThatIsKilled$")
	starter.Env = append(os.Environ(), "REALGATEWAY_STARTER=1")
	stdout, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "started ")))
	if err != nil {
		t.Fatalf("the starter printed %q", line)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the process does not run: %v", err)
	}
	starter.Process.Kill()
	starter.Wait()
	gone(t, pid)
}

// Linux kills a process with Pdeathsig when the thread that started it ends, and Go ends threads.
func TestProcessOutlivesThreads(t *testing.T) {
	p, err := start(osexec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	for range 200 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and the thread ends with the goroutine
		}()
		<-done
	}
	select {
	case <-p.ended:
		t.Fatal("the process was killed with a thread")
	case <-time.After(50 * time.Millisecond):
	}
}

func TestKillReachesOtherSessions(t *testing.T) {
	p, err := start(osexec.Command("sh", "-c", "setsid sh -c 'sleep 60 & sleep 61' & sleep 62"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for deadline := time.Now().Add(3 * time.Second); len(pids) < 4; {
		if time.Now().After(deadline) {
			t.Fatalf("descendants %v, want four", pids)
		}
		pids = nil
		for _, d := range p.descendants() {
			pids = append(pids, d.Pid)
			d.Release()
		}
	}
	p.kill()
	for _, pid := range append(pids, p.pid) {
		gone(t, pid)
	}
	if err := p.signalGroup(0); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
}

func TestRun(t *testing.T) {
	r, err := run(t.Context(), osexec.Command("sh", "-c", "echo out; echo err >&2; exit 3"))
	if want := (Result{"out\n", "err\n", 3}); r != want || err != nil {
		t.Errorf("run = %+v, %v, want %+v", r, err, want)
	}
	// A child that keeps the output open does not keep us.
	r, err = run(t.Context(), osexec.Command("sh", "-c", "sleep 60 & echo $!"))
	if err != nil || r.ExitCode != 0 {
		t.Errorf("run = %+v, %v", r, err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(r.Stdout)); err != nil {
		t.Error(err)
	} else {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("enough"))
	defer cancel()
	r, err = run(ctx, osexec.Command("sh", "-c", "echo out; sleep 60"))
	if err == nil || err.Error() != "enough" || r.ExitCode != -1 {
		t.Errorf("run = %+v, %v, want the cause of the context", r, err)
	}
	if _, err := run(t.Context(), osexec.Command("/no/such/program")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run of what does not exist: %v", err)
	}
}
