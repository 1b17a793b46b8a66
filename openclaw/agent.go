package openclaw

import (
	"context"
	"errors"
	"time"
)

// AgentParams is one message to an agent.
type AgentParams struct {
	Message        string        // reaches the agent byte for byte
	SessionKey     string        // the session to send into; it is created if it does not exist
	AgentID        string        // instead of SessionKey: that agent's main session
	IdempotencyKey string        // required; becomes the run id; the same key never runs twice
	Timeout        time.Duration // of the run, for the gateway; whole seconds; zero: the gateway's own
}

// AgentStatus is how a run ended.
type AgentStatus string

// How runs end. AgentRunning is no end: the wait was over first.
const (
	AgentOK      AgentStatus = "ok"
	AgentError   AgentStatus = "error"
	AgentAborted AgentStatus = "aborted"
	AgentTimeout AgentStatus = "timeout" // the run's own timeout
	AgentRunning AgentStatus = "running" // still running, or unknown to the gateway
)

// An AgentResult is the end of a run.
type AgentResult struct {
	RunID        string
	SessionKey   string
	AgentID      string
	Status       AgentStatus
	Text         string // the reply, all its parts; untrusted
	Error        string // of a run that failed; untrusted
	Duration     time.Duration
	Provider     string
	Model        string
	InputTokens  int64
	OutputTokens int64
	CostUSD      float64
}

// AgentProgress is a step of a run, for the person who waits.
type AgentProgress struct {
	Kind       ProgressKind
	At         time.Time
	Text       string // what to add: tool title, retry message, reason; untrusted
	ApprovalID string // of ProgressApproval and ProgressDecided
}

// ProgressKind is the kind of a step.
type ProgressKind string

// The steps.
const (
	ProgressAccepted  ProgressKind = "accepted"         // the gateway has it; Text is the session key
	ProgressStarted   ProgressKind = "started"          // the model was asked
	ProgressTool      ProgressKind = "tool"             // a tool is called
	ProgressApproval  ProgressKind = "waiting approval" // it waits for a person
	ProgressDecided   ProgressKind = "approval decided"
	ProgressRetrying  ProgressKind = "retrying"     // the model failed, the gateway tries again
	ProgressLost      ProgressKind = "disconnected" // the socket is gone, the run goes on
	ProgressReattach  ProgressKind = "reconnected"  // we wait for the run again
	ProgressFinishing ProgressKind = "finishing"
)

// RunAgent sends p to its agent and waits for the reply. It survives a lost
// socket and a restart of the gateway: it takes up the wait by the run id. When
// ctx ends the run goes on, and the error wraps [ErrTimeout] or
// context.Canceled; the result then holds the RunID for AgentWait. onProgress,
// if not nil, is called from one goroutine, in order, and not after RunAgent
// returned. An error that wraps neither and has an empty RunID in the result
// means that nothing was sent.
// Source: agent, agent.wait.
func (g *Gateway) RunAgent(ctx context.Context, p AgentParams, onProgress func(AgentProgress)) (AgentResult, error) {
	return AgentResult{}, errors.ErrUnsupported
}

// AgentWait waits up to d for the end of run runID. Status AgentRunning means
// that it has not ended, or that the gateway does not know it.
// Source: agent.wait.
func (g *Gateway) AgentWait(ctx context.Context, runID string, d time.Duration) (AgentResult, error) {
	return AgentResult{}, errors.ErrUnsupported
}

// Abort ends the active runs of a session and returns their ids; none if it was
// idle.
// Source: chat.abort.
func (g *Gateway) Abort(ctx context.Context, sessionKey string) ([]string, error) {
	return nil, errors.ErrUnsupported
}
