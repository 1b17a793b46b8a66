package realgateway

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"runtime"
	"syscall"
)

// A Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	ExitCode       int // -1 if a signal ended it
}

// run runs cmd to its end, or kills its process group when ctx ends. A command that ran and
// was not successful is no error.
func run(ctx context.Context, cmd *exec.Cmd) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	p, err := start(cmd)
	if err != nil {
		return Result{}, err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.signalGroup(syscall.SIGKILL)
		<-p.ended
		return Result{stdout.String(), stderr.String(), -1}, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
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
func start(cmd *exec.Cmd) (*process, error) {
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

// signal sends sig to the process itself.
func (p *process) signal(sig syscall.Signal) error { return syscall.Kill(p.pid, sig) }

// signalGroup sends sig to the process and all that it started and that stayed in its group. It
// works after the process itself has ended, as long as one of the others has not.
func (p *process) signalGroup(sig syscall.Signal) error { return syscall.Kill(-p.pid, sig) }
