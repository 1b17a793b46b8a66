package exec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// How the supervisor is told from the program that it is a copy of.
const (
	supervisorName = "clawconsole-exec"
	supervisorArg  = "supervise one program"
)

// Of linux/prctl.h.
const (
	prSetDumpable       = 4
	prSetChildSubreaper = 36
)

// Descriptors of the supervisor besides 0, 1 and 2, which are those of the program.
const (
	ordersFD  = 3 // JSON order; its end means: end the program
	reportsFD = 4 // JSON reports
)

const (
	startTimeout = 30 * time.Second // for the supervisor to say that the program runs
	killEvery    = 10 * time.Millisecond
	maxFreezes   = 100 // looks for processes that are new since the last look
)

// report is what the supervisor says, in this order: that the program runs or why
// not, how it ended, and that nothing of it is left.
type report struct {
	PID    int
	Errno  syscall.Errno // of starting it
	Failed string        // the same, where there is no number

	Exited   bool
	Status   uint32 // as of wait(2)
	Duration time.Duration

	Done      bool
	Survivors int
}

var superviseCalled atomic.Bool

// Supervise is to be called at the top of main, and of TestMain where tests call
// [Run]. It returns at once, except in the copies of the program that Run starts as
// supervisors: there it does their work and exits.
//
// It also closes to all later children what this process was itself given open,
// besides descriptors 0, 1 and 2.
func Supervise() {
	closeOnExec()
	if len(os.Args) == 2 && os.Args[0] == supervisorName && os.Args[1] == supervisorArg {
		supervise()
		syscall.Exit(0) // os.Exit waits a second for the race detector
	}
	superviseCalled.Store(true)
}

// closeOnExec marks every open descriptor. Ours are marked already; those that we
// inherited are not, and are nothing that a child should have.
func closeOnExec() {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// Conceal keeps programs that run as the same user from reading this process's
// environment and memory under /proc, and from tracing it. Core dumps end with it.
// Supervisors are always concealed.
func Conceal() error { return prctl(prSetDumpable, 0) }

func prctl(option, value uintptr) error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, option, value, 0, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

// supervised starts a supervisor, and o below it.
func supervised(o order, stdout, stderr *os.File) (*process, error) {
	if !superviseCalled.Load() {
		return nil, ErrUnsupervised
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	ordersR, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ordersR.Close()
	reports, reportsW, err := os.Pipe()
	if err != nil {
		orders.Close()
		return nil, err
	}
	defer reportsW.Close()

	// The link works also when the file was replaced by a newer version.
	sup, err := os.StartProcess("/proc/self/exe", []string{supervisorName, supervisorArg}, &os.ProcAttr{
		Dir: "/", Env: []string{},
		Files: []*os.File{null, stdout, stderr, ordersFD: ordersR, reportsFD: reportsW},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		orders.Close()
		reports.Close()
		return nil, fmt.Errorf("supervisor: %w", err)
	}
	ordersR.Close()
	reportsW.Close()
	abandon := func(err error) (*process, error) {
		orders.Close()
		reports.Close()
		sup.Kill()
		sup.Wait()
		return nil, err
	}

	if err := json.NewEncoder(orders).Encode(o); err != nil {
		return abandon(fmt.Errorf("supervisor: %w", err))
	}
	reports.SetReadDeadline(time.Now().Add(startTimeout))
	dec := json.NewDecoder(reports)
	var first report
	switch err := dec.Decode(&first); {
	case err != nil:
		return abandon(fmt.Errorf("supervisor: %w", err))
	case first.Errno != 0:
		return abandon(&os.PathError{Op: "exec", Path: o.Path, Err: first.Errno})
	case first.Failed != "":
		return abandon(errors.New(first.Failed))
	}
	reports.SetReadDeadline(time.Time{})

	began := time.Now()
	exited, ended := make(chan struct{}), make(chan ending, 1)
	var watchdog *time.Timer // set before orders is closed, if it ever is before the end
	var mu sync.Mutex
	stop := func() {
		mu.Lock()
		defer mu.Unlock()
		orders.Close()
		if watchdog == nil {
			// A supervisor that the program has stopped ends nobody any more.
			watchdog = time.AfterFunc(o.Grace+2*killTimeout, func() { sup.Kill() })
		}
	}
	go func() {
		defer reports.Close()
		// Killed means: the program killed its supervisor.
		e := ending{status: syscall.WaitStatus(syscall.SIGKILL), survivors: 1}
		over := sync.OnceFunc(func() { close(exited) })
		var r report
		for {
			if r = (report{}); dec.Decode(&r) != nil {
				break
			}
			if r.Exited {
				e.status, e.duration = syscall.WaitStatus(r.Status), r.Duration
				over()
				// From here on it takes the grace and the killing, no longer.
				mu.Lock()
				if watchdog == nil {
					watchdog = time.AfterFunc(o.Grace+2*killTimeout, func() { sup.Kill() })
				}
				mu.Unlock()
			}
			if r.Done {
				e.survivors = r.Survivors
				break
			}
		}
		if e.duration == 0 {
			e.duration = time.Since(began)
		}
		mu.Lock()
		orders.Close()
		mu.Unlock()
		sup.Wait()
		mu.Lock()
		if watchdog != nil {
			watchdog.Stop()
		}
		mu.Unlock()
		over()
		ended <- e
	}()
	return &process{pid: first.PID, exited: exited, ended: ended, stop: stop}, nil
}

// supervise is the whole life of a supervisor.
func supervise() {
	orders, reports := os.NewFile(ordersFD, "orders"), os.NewFile(reportsFD, "reports")
	if orders == nil || reports == nil {
		fmt.Fprintln(os.Stderr, "this is started by clawconsole itself")
		os.Exit(2)
	}
	enc := json.NewEncoder(reports)
	fail := func(err error) {
		r := report{Failed: err.Error()}
		errors.As(err, &r.Errno)
		enc.Encode(r)
	}

	// The program gets SIGKILL if the thread that started it dies, so that thread
	// must be there to the end.
	runtime.LockOSThread()
	var o order
	if err := json.NewDecoder(orders).Decode(&o); err != nil {
		fail(err)
		return
	}
	if err := errors.Join(prctl(prSetChildSubreaper, 1), prctl(prSetDumpable, 0)); err != nil {
		fail(err)
		return
	}
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, orders)
		close(stop)
	}()
	// Signals that would end the supervisor are taken and dropped. They are not
	// ignored: that would be handed down to the program.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	t := tree{children: make(chan os.Signal, 1), began: time.Now(), report: func(r report) { enc.Encode(r) }}
	signal.Notify(t.children, syscall.SIGCHLD)

	var err error
	t.program, err = syscall.ForkExec(o.Path, o.Argv, &syscall.ProcAttr{
		Dir: o.Dir, Env: o.Env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	// The pipes end when the last of the program's processes has closed them.
	syscall.Dup3(0, 1, 0)
	syscall.Dup3(0, 2, 0)
	if err != nil {
		fail(err)
		return
	}
	t.report(report{PID: t.program})

	t.wait(stop)
	t.end(o.Grace)
	t.report(report{Done: true, Survivors: len(descendants(os.Getpid()))})
}

// tree is the program and all that came from it.
type tree struct {
	program  int
	exited   bool
	began    time.Time
	children chan os.Signal
	report   func(report)
}

// wait returns when the program has ended or stop is closed.
func (t *tree) wait(stop <-chan struct{}) {
	for !t.reap() && !t.exited {
		select {
		case <-t.children:
		case <-stop:
			return
		}
	}
}

// reap takes the dead off the list and reports whether nobody is left, here or
// anywhere below: orphans become our children.
func (t *tree) reap() (none bool) {
	for {
		var st syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &st, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return true // ECHILD
		case pid == 0:
			return false
		case pid == t.program:
			t.exited = true
			t.report(report{Exited: true, Status: uint32(st), Duration: time.Since(t.began)})
		}
	}
}

// end ends the tree: SIGTERM, and SIGKILL to what is there after the grace.
func (t *tree) end(grace time.Duration) {
	if t.reap() {
		return
	}
	for _, p := range descendants(os.Getpid()) {
		p.signal(syscall.SIGTERM)
	}
	over := time.After(grace)
	for waiting := true; waiting; {
		if t.reap() {
			return
		}
		select {
		case <-t.children:
		case <-over:
			waiting = false
		}
	}
	for giveUp := time.Now().Add(killTimeout); !t.reap() && time.Now().Before(giveUp); {
		t.kill()
		select {
		case <-t.children:
		case <-time.After(killEvery):
		}
	}
}

// kill stops everybody before it kills anybody. Killed one by one, processes that
// fork would multiply faster than they are found; stopped ones do not.
func (t *tree) kill() {
	type id struct {
		pid   int
		start uint64
	}
	stopped := make(map[id]bool)
	var found []proc
	for range maxFreezes {
		fresh := false
		// A process that forks and ends at once lives too shortly for the long way below.
		// It is an orphan, so ours, and no id of ours is free again before reap.
		for _, pid := range children() {
			syscall.Kill(pid, syscall.SIGSTOP)
		}
		found = descendants(os.Getpid())
		for _, p := range found {
			if k := (id{p.pid, p.start}); !stopped[k] {
				p.signal(syscall.SIGSTOP)
				stopped[k], fresh = true, true
			}
		}
		if !fresh {
			break
		}
	}
	for _, p := range found {
		p.signal(syscall.SIGKILL)
	}
}
