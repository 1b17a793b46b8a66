package exec

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// direct starts o as our own child, in a session and a process group of its own.
// Nothing is done about what outlives it; stop ends its process group.
func direct(o order, stdout, stderr *os.File) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	began := time.Now()
	p, err := os.StartProcess(o.Path, o.Argv, &os.ProcAttr{
		Dir: o.Dir, Env: o.Env,
		Files: []*os.File{null, stdout, stderr},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, err
	}

	exited, ended, stop := make(chan struct{}), make(chan ending, 1), make(chan struct{})
	var took time.Duration // readable once exited is closed
	go func() {
		awaitExit(p.Pid)
		took = time.Since(began)
		close(exited)
	}()
	go func() {
		select {
		case <-exited:
		case <-stop:
			endGroup(p.Pid, o.Grace)
			<-exited
		}
		// Only now is the program reaped. Until then its id, and that of its group, can
		// belong to nobody else, so that a signal reaches no stranger.
		e := ending{duration: took}
		if st, err := p.Wait(); err == nil {
			e.status = st.Sys().(syscall.WaitStatus)
		}
		ended <- e
	}()
	return &process{pid: p.Pid, exited: exited, ended: ended, stop: sync.OnceFunc(func() { close(stop) })}, nil
}

// endGroup ends the process group pgid, whose leader is our child and not reaped.
func endGroup(pgid int, grace time.Duration) {
	syscall.Kill(-pgid, syscall.SIGTERM)
	over := time.NewTimer(grace)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for groupAlive(pgid) {
		select {
		case <-over.C:
			syscall.Kill(-pgid, syscall.SIGKILL)
			return
		case <-tick.C:
		}
	}
}
