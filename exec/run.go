package exec

import (
	"context"
	"errors"
	"time"
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
	StderrBytes int64
	Truncated   bool // something was dropped of either

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
	return Result{}, errors.New("not implemented")
}

// Supervise is to be called at the top of main, and of TestMain where tests call
// [Run]. It returns at once, except in the copies of the program that Run starts as
// supervisors: there it does their work and exits.
func Supervise() {}

// Pick returns the entries of environ, in their order, whose names are in names.
// Use it to choose what a child may see of our own environment.
func Pick(environ []string, names []string) []string {
	return nil
}
