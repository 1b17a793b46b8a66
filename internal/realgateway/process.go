package realgateway

import (
	"bytes"
	"context"
	"errors"
	"os"
	osexec "os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	ExitCode       int // -1 if a signal ended it
}

// run runs cmd to its end, or kills its process group when ctx ends. A command that ran and
// was not successful is no error.
func run(ctx context.Context, cmd *osexec.Cmd) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 2 * time.Second // for children that hold its output open
	p, err := start(cmd)
	if err != nil {
		return Result{}, err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return Result{stdout.String(), stderr.String(), -1}, context.Cause(ctx)
	}
	var exit *osexec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) && !errors.Is(p.err, osexec.ErrWaitDelay) {
		return Result{}, p.err
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, nil
}

// A process is a running command that leads a process group.
type process struct {
	pid   int
	ended chan struct{} // closed when it has ended and was waited for
	err   error         // of Wait; may be read after ended is closed
}

// start starts cmd as the leader of a new process group, so that a terminal's Ctrl-C does not
// reach it and its children can be signalled with it. On Linux the kernel kills it when we die,
// however we die. Linux ties that to the thread that started the process, not to us, so the
// goroutine that starts it keeps its thread until the process has ended.
func start(cmd *osexec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// signalGroup sends sig to the process and to what it started and is in its group. When it has
// ended, its ID may be another's, and the error is os.ErrProcessDone.
func (p *process) signalGroup(sig syscall.Signal) error {
	if !p.alive() {
		return os.ErrProcessDone
	}
	return syscall.Kill(-p.pid, sig)
}

// kill kills the process and all that it started, and blocks until the process has ended.
func (p *process) kill() {
	rest := p.descendants()
	p.signalGroup(syscall.SIGKILL)
	<-p.ended
	killAll(rest)
}

// stop asks the process to end, and blocks until it has, with what it had started, or ctx ends.
func (p *process) stop(ctx context.Context) error {
	rest := p.descendants()
	syscall.Kill(p.pid, syscall.SIGTERM)
	p.signalGroup(syscall.SIGCONT) // a paused process would not see the other signal
	select {
	case <-p.ended:
		killAll(rest)
		return nil
	case <-ctx.Done():
		for _, d := range rest {
			d.Release()
		}
		return context.Cause(ctx)
	}
}

// descendants returns what the process has started, directly or not, also in other groups. The
// handles stay those of these processes when others get their IDs.
func (p *process) descendants() []*os.Process {
	children := childrenByParent()
	var found []*os.Process
	for queue := children[p.pid]; len(queue) > 0; queue = queue[1:] {
		if d, err := os.FindProcess(queue[0]); err == nil {
			found = append(found, d)
		}
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

func killAll(processes []*os.Process) {
	for _, p := range processes {
		p.Kill()
		p.Release()
	}
}
