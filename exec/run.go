package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	defaultTimeout   = 30 * time.Second
	defaultGrace     = 2 * time.Second
	defaultMaxOutput = 64 << 10

	killTimeout = 5 * time.Second // from the first SIGKILL to giving up on what is left
)

// ErrUnsupervised is returned by [Run] in a program that does not call [Supervise].
var ErrUnsupervised = errors.New("exec.Supervise was not called at the top of main")

// Spec says what to run and within which limits.
type Spec struct {
	// Argv is the program and its arguments. A program without a slash is looked
	// up in the PATH of Env. Standard input is /dev/null, so that reading it gives
	// the end of input at once; a closed descriptor 0 would be given to the first file
	// that the program opens. There is no controlling terminal.
	Argv []string

	Dir string   // working directory; empty: the one of this process
	Env []string // exactly the environment, as "NAME=value"; empty: none

	Timeout time.Duration // default 30 s
	Grace   time.Duration // between SIGTERM and SIGKILL; default 2 s

	// MaxOutput is how many bytes of Output, and of Stderr, are kept, from the
	// start. The rest is read, counted and dropped. Default 64 KiB.
	MaxOutput int

	Separate bool // keep standard error apart from standard output

	// KeepDaemons leaves alone what outlives the program, for a program whose job is
	// to start something. On timeout or cancel its process group is ended, what has
	// left the group is not. Without it all that came from the program is ended
	// when the program ends, which needs Linux and [Supervise].
	KeepDaemons bool

	// OnStart, if set, is called with the program's process id once it runs.
	OnStart func(pid int)
}

// Result says how a program ended.
type Result struct {
	ExitCode int    // -1 if a signal ended it
	Signal   string // such as "SIGKILL"; empty if it exited

	Output []byte // standard output and, unless Separate, standard error, as they came
	Stderr []byte // only if Separate

	OutputBytes int64 // how many there were of Output, kept or not

	TimedOut bool
	Canceled bool // ctx ended

	Duration  time.Duration // from start to the end of the program itself
	Survivors int           // processes that could not be ended
}

// Run runs s to its end. It blocks until the program, and without
// [Spec.KeepDaemons] all that came from it, has ended: at most the timeout, the
// grace and a few seconds for the kernel. The error says that it could not be
// started, and matches fs.ErrNotExist or fs.ErrPermission where that is why; how
// it ended, badly or not, is in the Result.
func Run(ctx context.Context, s Spec) (Result, error) {
	if len(s.Argv) == 0 {
		return Result{}, errors.New("start: no program given")
	}
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.Grace <= 0 {
		s.Grace = defaultGrace
	}
	if s.MaxOutput <= 0 {
		s.MaxOutput = defaultMaxOutput
	}
	r, err := run(ctx, s)
	if err != nil {
		return Result{}, fmt.Errorf("start %q: %w", s.Argv[0], err)
	}
	return r, nil
}

func run(ctx context.Context, s Spec) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	o, err := s.order()
	if err != nil {
		return Result{}, err
	}

	stdout, err := newCapture(s.MaxOutput)
	if err != nil {
		return Result{}, err
	}
	defer stdout.close()
	stderr := stdout
	if s.Separate {
		if stderr, err = newCapture(s.MaxOutput); err != nil {
			return Result{}, err
		}
		defer stderr.close()
	}

	start := supervised
	if s.KeepDaemons {
		start = direct
	}
	p, err := start(o, stdout.w, stderr.w)
	if err != nil {
		return Result{}, err
	}
	stdout.start()
	if s.Separate {
		stderr.start()
	}
	if s.OnStart != nil {
		s.OnStart(p.pid)
	}

	var r Result
	timeout := time.NewTimer(s.Timeout)
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-timeout.C:
		r.TimedOut = true
	case <-ctx.Done():
		r.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
		r.Canceled = !r.TimedOut
	}
	if r.TimedOut || r.Canceled {
		p.stop()
	}
	e := <-p.ended
	stdout.finish()
	r.Output, r.OutputBytes = stdout.kept, stdout.n
	if s.Separate {
		stderr.finish()
		r.Stderr = stderr.kept
	}
	r.Duration, r.Survivors = e.duration, e.survivors
	r.ExitCode = -1
	switch {
	case e.status.Exited():
		r.ExitCode = e.status.ExitStatus()
	case e.status.Signaled():
		r.Signal = signalName(e.status.Signal())
	}
	return r, nil
}

// process is a started program.
type process struct {
	pid    int
	exited <-chan struct{} // closed when the program itself has ended
	ended  <-chan ending   // one value, when Run is over
	stop   func()          // end it: SIGTERM, then SIGKILL after the grace; does not block
}

type ending struct {
	status    syscall.WaitStatus
	duration  time.Duration
	survivors int
}

// order is what it takes to start a program, with nothing left to look up. It
// crosses to the supervisor as JSON.
type order struct {
	Path  string
	Argv  []string
	Dir   string
	Env   []string
	Grace time.Duration
}

func (s Spec) order() (order, error) {
	o := order{Argv: slices.Clone(s.Argv), Dir: s.Dir, Env: append([]string{}, s.Env...), Grace: s.Grace}
	for _, w := range slices.Concat(s.Argv, s.Env, []string{s.Dir}) {
		if strings.ContainsRune(w, 0) {
			return order{}, fmt.Errorf("%q holds a NUL byte: %w", w, syscall.EINVAL)
		}
	}
	var err error
	if o.Dir, err = filepath.Abs(s.Dir); err != nil {
		return order{}, err
	}
	if fi, err := os.Stat(o.Dir); err != nil {
		return order{}, err
	} else if !fi.IsDir() {
		return order{}, &os.PathError{Op: "chdir", Path: o.Dir, Err: syscall.ENOTDIR}
	}
	o.Path, err = lookPath(s.Argv[0], o.Env)
	return o, err
}

// lookPath finds file as execvp does, in the PATH that the program will have
// rather than in ours. Relative entries of PATH are skipped.
func lookPath(file string, env []string) (string, error) {
	if strings.Contains(file, "/") {
		return file, nil
	}
	var path string
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
		}
	}
	why := error(syscall.ENOENT)
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		name := filepath.Join(dir, file)
		if fi, err := os.Stat(name); err != nil || fi.IsDir() {
			continue
		} else if fi.Mode()&0o111 == 0 {
			why = syscall.EACCES
			continue
		}
		return name, nil
	}
	return "", &os.PathError{Op: "find in PATH", Path: file, Err: why}
}

// Pick returns the entries of environ, in their order, whose names are in names.
// Use it to choose what a child may see of our own environment.
func Pick(environ []string, names []string) []string {
	var picked []string
	for _, e := range environ {
		if name, _, ok := strings.Cut(e, "="); ok && slices.Contains(names, name) {
			picked = append(picked, e)
		}
	}
	return picked
}

func signalName(s syscall.Signal) string {
	if name, ok := signalNames[s]; ok {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGABRT: "SIGABRT", syscall.SIGALRM: "SIGALRM", syscall.SIGBUS: "SIGBUS",
	syscall.SIGFPE: "SIGFPE", syscall.SIGHUP: "SIGHUP", syscall.SIGILL: "SIGILL",
	syscall.SIGINT: "SIGINT", syscall.SIGKILL: "SIGKILL", syscall.SIGPIPE: "SIGPIPE",
	syscall.SIGQUIT: "SIGQUIT", syscall.SIGSEGV: "SIGSEGV", syscall.SIGSYS: "SIGSYS",
	syscall.SIGTERM: "SIGTERM", syscall.SIGTRAP: "SIGTRAP", syscall.SIGUSR1: "SIGUSR1",
	syscall.SIGUSR2: "SIGUSR2", syscall.SIGXCPU: "SIGXCPU", syscall.SIGXFSZ: "SIGXFSZ",
}
