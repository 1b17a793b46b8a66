package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clawconsole/openclaw"
)

// Gateway is the subset of *[openclaw.Gateway] that commands use.
type Gateway interface {
	State() openclaw.State
	Await(ctx context.Context) (openclaw.State, error)
	Events(n int, want func(openclaw.Event) bool) *openclaw.Subscription

	Status(ctx context.Context) (openclaw.Status, error)
	SystemInfo(ctx context.Context) (openclaw.SystemInfo, error)
	Channels(ctx context.Context, probe bool) ([]openclaw.Channel, error)
	Sessions(ctx context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error)
	ResolveSession(ctx context.Context, ref string) (key, agentID string, err error)
	Agents(ctx context.Context) ([]openclaw.Agent, error)
	Logs(ctx context.Context, p openclaw.LogsParams) (openclaw.LogPage, error)
	CronJobs(ctx context.Context) ([]openclaw.CronJob, error)
	CronRuns(ctx context.Context, p openclaw.CronRunsParams) ([]openclaw.CronRun, error)
	CronRun(ctx context.Context, id string) (openclaw.CronStart, error)
	ListApprovals(ctx context.Context) ([]openclaw.Approval, error)
	Preflight(ctx context.Context) (openclaw.Preflight, error)
	Restart(ctx context.Context, reason string, now bool) (openclaw.RestartAnswer, error)
	RunAgent(ctx context.Context, p openclaw.AgentParams, onProgress func(openclaw.AgentProgress)) (openclaw.AgentResult, error)
	AwaitAgent(ctx context.Context, runID, sessionKey string, onProgress func(openclaw.AgentProgress)) (openclaw.AgentResult, error)
	Abort(ctx context.Context, sessionKey string) ([]string, error)
}

// CLI is the subset of *[openclaw.CLI] that commands fall back to.
type CLI interface {
	GatewayStatus(ctx context.Context) (openclaw.GatewayReport, error)
	Sessions(ctx context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error)
	Logs(ctx context.Context, limit int) (openclaw.LogPage, error)
	Restart(ctx context.Context) (openclaw.RestartReport, error)
}

// What a read may take: it answers within 10 s whatever the gateway does. The
// CLI starts a node process for each call, 1 to 4 s of its time and more on a busy
// host, so it is started before the gateway's time is over.
const (
	readWithin     = 9 * time.Second         // a whole read; ending a program takes up to 1 s more
	socketBudget   = 3 * time.Second         // one call, or some at once, on the socket
	socketPatience = 1500 * time.Millisecond // before the CLI is asked as well
)

// ready waits for a gateway that is about to be there; for one that is down it
// does not. It returns nil if calls work.
func (c *call) ready(ctx context.Context) error {
	st := c.Gateway.State()
	switch st.Phase {
	case openclaw.Connected:
		return nil
	case openclaw.Connecting, openclaw.Starting:
		ctx, cancel := context.WithTimeout(ctx, socketBudget)
		defer cancel()
		if _, err := c.Gateway.Await(ctx); err == nil {
			return nil
		}
		st = c.Gateway.State()
	}
	return phaseError(st)
}

// phaseError says why calls fail in st.
func phaseError(st openclaw.State) error {
	switch st.Phase {
	case openclaw.Connected:
		return nil
	case openclaw.Starting:
		return openclaw.ErrStarting
	case openclaw.Draining:
		return openclaw.ErrDraining
	case openclaw.Hanging:
		return openclaw.ErrHanging
	case openclaw.Pairing:
		if st.Err != nil {
			return fmt.Errorf("%w: %w", openclaw.ErrPairing, st.Err)
		}
		return openclaw.ErrPairing
	case openclaw.Refused:
		return openclaw.ErrRefused
	}
	return openclaw.ErrDown
}

// away reports whether err means that the gateway cannot answer now, or did not
// within the time that we give it, so that another source may know.
func away(err error) bool { return openclaw.Away(err) || errors.Is(err, context.DeadlineExceeded) }

// ask calls f on the socket and, if the gateway is away or slow, instead, which
// asks the CLI and may be nil. The socket's answer is taken if there is one. It
// blocks for at most readWithin from the start of the command. why is what keeps
// the gateway from answering; it is nil if v is its answer.
func ask[T any](ctx context.Context, c *call, f, instead func(context.Context) (T, error)) (v T, err, why error) {
	ctx, cancel := context.WithDeadline(ctx, c.began.Add(readWithin))
	defer cancel()
	if c.CLI == nil {
		instead = nil
	}
	type answer struct {
		v   T
		err error
	}
	socket, cli := make(chan answer, 1), make(chan answer, 1)
	var slow <-chan time.Time // its tick starts the CLI
	go func() {
		short, cancel := context.WithTimeout(ctx, socketBudget)
		defer cancel()
		err := c.ready(short)
		var v T
		if err == nil {
			v, err = f(short)
		}
		socket <- answer{v, err}
	}()
	askCLI := func() {
		if instead == nil {
			return
		}
		ask := instead
		instead = nil
		go func() {
			v, err := ask(ctx)
			cli <- answer{v, err}
		}()
	}
	asked := instead != nil
	if asked {
		t := time.NewTimer(socketPatience)
		defer t.Stop()
		slow = t.C
	}
	var got *answer // of the CLI, while the socket may still answer
	for {
		select {
		case a := <-socket:
			if !away(a.err) {
				return a.v, a.err, a.err
			}
			if why = a.err; !asked {
				return v, why, why
			}
			socket = nil
			c.progress(Result{Blocks: []Block{prose(c.gatewayLine(why) + " Asking its command line.")}})
			askCLI()
		case <-slow:
			askCLI()
		case a := <-cli:
			got, cli = &a, nil
		}
		if socket == nil && got != nil {
			if got.err != nil {
				return v, why, why // what matters is that the gateway is away
			}
			return got.v, nil, why
		}
	}
}

// gatewayLine says in a sentence what keeps the gateway from answering.
func (c *call) gatewayLine(why error) string {
	st, now := c.Gateway.State(), time.Now()
	since := ""
	if st.Phase != openclaw.Connected && !st.Since.IsZero() && now.Sub(st.Since) >= time.Second {
		since = ", " + longDuration(now.Sub(st.Since)) + " so far"
	}
	switch {
	case errors.Is(why, openclaw.ErrStarting):
		return "The gateway is starting" + since + "."
	case errors.Is(why, openclaw.ErrDraining):
		return "The gateway waits for work in flight before a restart" + since + "."
	case errors.Is(why, openclaw.ErrHanging):
		return "The gateway hangs" + since + ": it takes connections and answers nothing."
	case errors.Is(why, openclaw.ErrTimeout), errors.Is(why, context.DeadlineExceeded):
		return "The gateway did not answer within " + longDuration(socketBudget) + ": it hangs or is very busy."
	case errors.Is(why, openclaw.ErrLost):
		return "The connection to the gateway broke."
	case errors.Is(why, openclaw.ErrPairing):
		return "The gateway has not paired this console" + since + "."
	case errors.Is(why, openclaw.ErrRefused):
		return "The gateway refuses this console" + since + "."
	}
	return "The gateway is down" + since + "."
}

// failed turns an error of the gateway into words for the operator. doing is
// what did not happen: "restart the gateway".
func (c *call) failed(doing string, err error) error {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	f = &Failure{Err: err}
	var rpc *openclaw.RPCError
	var pairing *openclaw.PairingError
	switch {
	case errors.As(err, &pairing):
		f.Message, f.Hint = "the gateway has not paired this console", "on its host: "+pairing.Advice()
	case errors.Is(err, openclaw.ErrScope):
		f.Message, f.Hint = "the gateway does not let this console "+doing, "give it the scope that /gateway status misses"
	case errors.Is(err, openclaw.ErrNotFound):
		f.Message = "the gateway knows no such thing"
	case away(err):
		f.Message = lowerFirst(strings.TrimSuffix(c.gatewayLine(err), "."))
		switch {
		case errors.Is(err, openclaw.ErrStarting):
			f.Hint = "try again in some seconds"
		case errors.Is(err, openclaw.ErrHanging) && c.CLI != nil: // else nothing can restart it
			f.Hint = "see /gateway status, then /gateway restart"
		case errors.Is(err, openclaw.ErrPairing):
			f.Hint = "on its host: openclaw devices list"
		case errors.Is(err, openclaw.ErrRefused):
			f.Hint = "check the gateway token, then /gateway status"
		case errors.Is(err, openclaw.ErrDown):
			f.Hint = c.startHint()
		default:
			f.Hint = "see /gateway status"
		}
	case errors.Is(err, context.Canceled):
		f.Message = "stopped"
	case errors.As(err, &rpc):
		f.Message = "the gateway does not " + doing + ": " + firstLine(rpc.Message, 200)
	default:
		return fmt.Errorf("%s: %w", doing, err) // ours: the console says where to look
	}
	return f
}

func (c *call) startHint() string {
	if len(c.Start) > 0 {
		return "/gateway start starts it"
	}
	return "see /gateway status"
}

func prose(s string) Block { return Block{Kind: Prose, Text: s} }
