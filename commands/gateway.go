package commands

import (
	"context"
	"errors"
	"fmt"
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
	AgentWait(ctx context.Context, runID string, d time.Duration) (openclaw.AgentResult, error)
	Abort(ctx context.Context, sessionKey string) ([]string, error)
}

// CLI is the subset of *[openclaw.CLI] that commands fall back to.
type CLI interface {
	GatewayStatus(ctx context.Context) (openclaw.GatewayReport, error)
	Sessions(ctx context.Context, p openclaw.SessionsParams) (openclaw.SessionList, error)
	Logs(ctx context.Context, limit int) (openclaw.LogPage, error)
	Restart(ctx context.Context) (openclaw.RestartReport, error)
}

// What a read may take: an answer within 10 s whatever the gateway does. The CLI
// starts a node process for each call, 1 to 4 s of its time.
const (
	socketBudget = 3 * time.Second
	cliBudget    = 6 * time.Second
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

// away reports whether err means that the gateway cannot answer now, so that
// another source may know.
func away(err error) bool {
	for _, e := range []error{
		openclaw.ErrDown, openclaw.ErrStarting, openclaw.ErrDraining, openclaw.ErrHanging, openclaw.ErrTimeout,
		openclaw.ErrLost, openclaw.ErrRefused, openclaw.ErrPairing, context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ask calls f on the socket within the budget of a read, and if the gateway is
// away calls instead, which may be nil, within the CLI's. The second error is why
// the gateway did not answer; it is nil if it did.
func ask[T any](ctx context.Context, c *call, f, instead func(context.Context) (T, error)) (v T, err, why error) {
	if why = c.ready(ctx); why == nil {
		short, cancel := context.WithTimeout(ctx, socketBudget)
		v, why = f(short)
		cancel()
		if why == nil {
			return v, nil, nil
		}
	}
	if !away(why) || instead == nil || c.CLI == nil || ctx.Err() != nil {
		return v, why, why
	}
	c.progress(Result{Blocks: []Block{prose(c.gatewayLine(why) + " Asking its command line.")}})
	short, cancel := context.WithTimeout(ctx, cliBudget)
	defer cancel()
	v, err = instead(short)
	if err != nil {
		err = why // what matters is that the gateway is away
	}
	return v, err, why
}

// gatewayLine says in a sentence what keeps the gateway from answering.
func (c *call) gatewayLine(why error) string {
	st, now := c.Gateway.State(), time.Now()
	since := ""
	if st.Phase != openclaw.Connected && !st.Since.IsZero() && now.Sub(st.Since) >= time.Second {
		since = " for " + longDuration(now.Sub(st.Since))
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
	case errors.Is(err, openclaw.ErrStarting):
		f.Message, f.Hint = "the gateway is starting", "try again in some seconds"
	case errors.Is(err, openclaw.ErrDraining):
		f.Message, f.Hint = "the gateway waits for its work before a restart", "see /gateway status"
	case errors.Is(err, openclaw.ErrHanging):
		f.Message, f.Hint = "the gateway hangs", "see /gateway status, then /gateway restart"
	case errors.Is(err, openclaw.ErrPairing):
		f.Message, f.Hint = "the gateway has not paired this console", "on its host: openclaw devices list"
	case errors.Is(err, openclaw.ErrRefused):
		f.Message, f.Hint = "the gateway refuses this console", "check the gateway token, then /gateway status"
	case errors.Is(err, openclaw.ErrDown):
		f.Message, f.Hint = "the gateway is down", c.startHint()
	case errors.Is(err, openclaw.ErrLost):
		f.Message, f.Hint = "the connection to the gateway broke", "see /gateway status"
	case errors.Is(err, openclaw.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		f.Message, f.Hint = "the gateway did not answer in time", "see /gateway status"
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
