package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/shlex"

	"clawconsole/exec"
)

// Shell says whether and how /run runs commands.
type Shell struct {
	Enabled    bool
	Direct     bool          // without a shell: the payload is split by shlex and executed
	Policy     *exec.Policy  // the seat belt; required
	Timeout    time.Duration // default 30 s
	MaxTimeout time.Duration // the most that --timeout may ask for; default 120 s
	MaxOutput  int           // bytes shown; default 8192
	Dir        string        // empty: the console's own
	Env        []string      // exactly this
}

// Run does /run: one command on the console's host.
type Run struct {
	Timeout time.Duration `placeholder:"s" min:"1s" max:"1h" help:"how long it may take: 30 s by default, up to 120 s"`
	Command Raw           `arg:"" name:"command"`
}

// argv returns what would be executed, or why nothing would be.
func (r *Run) argv(e *Env) (argv []string, timeout time.Duration, err error) {
	sh := e.Shell
	if !sh.Enabled || sh.Policy == nil {
		return nil, 0, &Failure{Message: "/run is switched off", Hint: "run.enabled in the configuration"}
	}
	timeout = cmp.Or(r.Timeout, sh.Timeout, 30*time.Second)
	if most := cmp.Or(sh.MaxTimeout, 120*time.Second); timeout > most {
		return nil, 0, &Failure{Message: fmt.Sprintf("--timeout: %s is too long, the most is %s", shortDuration(timeout), shortDuration(most))}
	}
	payload := string(r.Command)
	if straight, changed := exec.Straighten(payload); changed {
		return nil, 0, curly(straight)
	}
	if sh.Direct {
		words, err := shlex.Split(payload)
		if err != nil || len(words) == 0 {
			return nil, 0, &Failure{Message: "the command has an open quote or nothing in it", Err: err}
		}
		argv, err = sh.Policy.CheckArgv(words)
		return argv, timeout, refused(err)
	}
	argv, err = sh.Policy.Check(payload)
	return argv, timeout, refused(err)
}

// curly refuses what a phone wrote and the shell would misread. The line is shown
// for copying; it is not run.
func curly(straight string) error {
	return &straightFailure{Failure: Failure{Message: "not run: it has quotes or dashes that a phone put in"}, line: straight}
}

// A straightFailure carries the line to copy instead.
type straightFailure struct {
	Failure
	line string
}

func (f *straightFailure) Unwrap() error { return &f.Failure }

// toCopy is the command of request q with the payload as it should be: its flags as
// typed, but for their dashes. A secret is not among them.
func (f *straightFailure) toCopy(q Request) Block {
	words := strings.Fields(strings.TrimSuffix(q.Line, string(q.Command.(*Run).Command)))
	for i := range words {
		words[i], _ = exec.Straighten(straightDashes(words[i]))
	}
	head := strings.Join(words, " ") + " "
	head = strings.NewReplacer("--secret "+redacted+" ", "", "--secret="+redacted+" ", "").Replace(head)
	return Block{Kind: Pre, Title: "to copy", Text: head + f.line}
}

// refused turns a refusal of the policy into words.
func refused(err error) error {
	var r *exec.Refused
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &r):
		return err
	case r.Straight != "":
		return curly(r.Straight)
	}
	return &Failure{Message: fmt.Sprintf("refused: %s: %s", r.Why, clip(strings.TrimSpace(r.Part), 120))}
}

func (r *Run) run(ctx context.Context, c *call) (Result, error) {
	argv, timeout, err := r.argv(c.Env)
	if err != nil {
		var s *straightFailure
		if errors.As(err, &s) {
			return Result{Blocks: []Block{s.toCopy(c.request)}}, err
		}
		return Result{}, err
	}
	c.progress(running(0, timeout))
	stop := c.every(tellEvery, func(waited time.Duration) { c.progress(running(waited, timeout)) })
	most := cmp.Or(c.Shell.MaxOutput, 8192)
	out, err := exec.Run(ctx, exec.Spec{
		Argv: argv, Dir: c.Shell.Dir, Env: c.Shell.Env, Timeout: timeout, MaxOutput: most + Lookahead,
	})
	stop()
	if err != nil && ctx.Err() != nil {
		return Result{}, &Failure{Message: "stopped before it began", Err: err}
	}
	if err != nil {
		return Result{}, &Failure{Message: fmt.Sprintf("%s cannot be started", quote(argv[0])), Err: err}
	}
	res := Result{
		Summary: fmt.Sprintf("/run: %s, %s, %s of output", ending(out), longDuration(out.Duration), size(out.OutputBytes)) + c.at(),
		Failed:  out.ExitCode != 0 || out.TimedOut || out.Canceled || out.Signal != "",
	}
	res.Blocks = append(res.Blocks, output(out, most))
	if out.Survivors > 0 {
		res.Hint = count(out.Survivors, "process") + " of it could not be ended"
	}
	return res, nil
}

// output shows the first most bytes of what a command has printed.
func output(out exec.Result, most int) Block {
	shown, ahead := out.Output, []byte(nil)
	if len(shown) > most {
		shown, ahead = shown[:most], shown[most:]
	}
	text, rest := validUTF8(shown), validUTF8(ahead)
	switch {
	case len(ahead) > 0:
		return Block{
			Kind: Pre, Title: fmt.Sprintf("the first %s of %s", size(int64(most)), size(out.OutputBytes)),
			Text: text + rest, Lookahead: len(rest),
		}
	case strings.Trim(text, "\n") == "":
		return prose("No output.")
	}
	return Block{Kind: Pre, Text: strings.TrimRight(text, "\n")}
}

func validUTF8(b []byte) string { return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))) }

func running(waited, timeout time.Duration) Result {
	return Result{
		Blocks:  []Block{prose(fmt.Sprintf("Running, %s of %s.", longDuration(waited.Truncate(time.Second)), longDuration(timeout)))},
		Buttons: [][]Button{{{Label: "Cancel", Cancel: true, Style: Serious}}},
	}
}

// every calls tell every d until the returned function is called, which waits
// for it.
func (c *call) every(d time.Duration, tell func(waited time.Duration)) (stop func()) {
	began, quit, done := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				tell(time.Since(began))
			}
		}
	}()
	return func() { close(quit); <-done }
}

// Check reports what would keep r from being done whoever confirms it: to be
// asked before a confirmation is offered. The result is Failed and to be shown;
// ok means that nothing is known against r.
func (e *Env) Check(r Request) (res Result, ok bool) {
	cmd, isRun := r.Command.(*Run)
	if !isRun {
		return Result{}, true
	}
	_, _, err := cmd.argv(e)
	if err == nil {
		return Result{}, true
	}
	var s *straightFailure
	if errors.As(err, &s) {
		res.Blocks = []Block{s.toCopy(r)}
	}
	return failedResult(res, err), false
}
