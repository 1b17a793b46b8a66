package openclaw

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

// How runs end. AgentRunning is no end: the wait was over first. AgentLost is the
// end of a run that the gateway forgot when it was restarted: whether and how far
// it came is unknown, the session's transcript may tell.
const (
	AgentOK      AgentStatus = "ok"
	AgentError   AgentStatus = "error"
	AgentAborted AgentStatus = "aborted"
	AgentTimeout AgentStatus = "timeout" // the run's own timeout
	AgentLost    AgentStatus = "lost"
	AgentRunning AgentStatus = "running" // still running, or unknown to the gateway
)

// An AgentResult is the end of a run.
type AgentResult struct {
	RunID      string
	SessionKey string
	AgentID    string
	Status     AgentStatus
	Text       string // the reply, all its parts; untrusted
	Error      string // of a run that failed; untrusted
	Duration   time.Duration
	Model      string
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
// socket and a restart of the gateway: it takes up the wait by the run id. A run
// that failed is a result with status AgentError, not an error. When ctx ends the
// run goes on: the status is AgentRunning, and the error wraps [ErrTimeout] or
// context.Canceled. Any other error with an empty RunID in the result means that
// nothing was sent or the gateway refused it; with a RunID ([ErrLost]), that the
// message may or may not have arrived. onProgress, if not nil, is called by one
// goroutine at a time, in order, must be quick, and is not called after RunAgent
// has returned.
// Source: agent, agent.wait.
func (g *Gateway) RunAgent(ctx context.Context, p AgentParams, onProgress func(AgentProgress)) (AgentResult, error) {
	switch {
	case p.IdempotencyKey == "":
		return AgentResult{}, errors.New("agent: no idempotency key")
	case (p.SessionKey == "") == (p.AgentID == ""):
		return AgentResult{}, errors.New("agent: want a session key or an agent id")
	}
	r := &agentRun{g: g, p: p, report: onProgress, result: AgentResult{RunID: p.IdempotencyKey, SessionKey: p.SessionKey, AgentID: p.AgentID}}
	defer r.watch()()
	defer func() {
		if r.unfollow != nil {
			r.unfollow()
		}
	}()
	res, err := r.do(ctx)
	if err != nil {
		err = fmt.Errorf("agent: %w", err)
	}
	return res, err
}

// An agentRun is one call of RunAgent.
type agentRun struct {
	g      *Gateway
	p      AgentParams
	result AgentResult // what is known so far
	boot   string      // of the gateway that got the message
	sentAt time.Time   // first

	accepted bool
	unfollow func()

	mu     sync.Mutex
	report func(AgentProgress) // nil: nobody wants to know
	begun  bool                // the acceptance was reported
	early  []AgentProgress     // what came before it

	asked map[string]bool // approvals already reported as waiting; watcher only
	done  map[string]bool // and as decided; watcher only
}

func (r *agentRun) emit(kind ProgressKind, at time.Time, text, approval string) {
	if at.IsZero() {
		at = time.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report == nil {
		return
	}
	// The answer and the events take two ways to us; what comes of the run is
	// told after the run was.
	p := AgentProgress{Kind: kind, At: at, Text: text, ApprovalID: approval}
	switch {
	case kind == ProgressAccepted:
		r.begun = true
		r.report(p)
		for _, p := range r.early {
			r.report(p)
		}
		r.early = nil
	case !r.begun && kind != ProgressLost && kind != ProgressReattach:
		r.early = append(r.early, p)
	default:
		r.report(p)
	}
}

// watch reports the gateway's events about the run until the returned function
// is called.
func (r *agentRun) watch() (stop func()) {
	if r.report == nil {
		return func() {}
	}
	id := r.p.IdempotencyKey
	sub := r.g.Events(0, func(e Event) bool {
		switch e := e.(type) {
		case AgentEvent:
			return e.RunID == id && e.Stream != "assistant"
		case ApprovalRequested:
			return e.Approval.RunID == id
		case ApprovalResolved:
			return true
		}
		return false
	})
	r.asked, r.done = make(map[string]bool), make(map[string]bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for e := range sub.C {
			switch e := e.(type) {
			case AgentEvent:
				r.step(e)
			case ApprovalRequested:
				r.waits(e.Approval.ID, e.Approval.CreatedAt)
			case ApprovalResolved:
				r.decided(e.ID, e.At)
			}
		}
	})
	return func() {
		sub.Close() // what is queued is still reported
		wg.Wait()
	}
}

// waits and decided report an approval once, whoever tells of it first. They are
// called by the watcher only.
func (r *agentRun) waits(id string, at time.Time) {
	if !r.asked[id] {
		r.asked[id] = true
		r.emit(ProgressApproval, at, "", id)
	}
}

func (r *agentRun) decided(id string, at time.Time) {
	if r.asked[id] && !r.done[id] {
		r.done[id] = true
		r.emit(ProgressDecided, at, "", id)
	}
}

// step turns an event into progress.
func (r *agentRun) step(e AgentEvent) {
	var d struct {
		Phase      string `json:"phase"`
		ApprovalID string `json:"approvalId"`
		Title      string `json:"title"`
		Name       string `json:"name"`
		Message    string `json:"message"`
		Text       string `json:"text"`
		Status     string `json:"status"`
		Summary    string `json:"summary"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	switch {
	case e.Stream == "lifecycle" && d.Phase == "start":
		r.emit(ProgressStarted, e.At, "", "")
	case e.Stream == "lifecycle" && d.Phase == "waiting-approval":
		r.waits(d.ApprovalID, e.At)
	case e.Stream == "lifecycle" && d.Phase == "approval-resolved":
		r.decided(d.ApprovalID, e.At)
	case e.Stream == "lifecycle" && d.Phase == "finishing":
		r.emit(ProgressFinishing, e.At, "", "")
	case e.Stream == "run_status" && d.Phase == "retrying":
		r.emit(ProgressRetrying, e.At, cmp.Or(d.Message, d.Text, d.Summary, d.Title, d.Status), "")
	case e.Stream == "item" && d.Phase == "start":
		r.emit(ProgressTool, e.At, cmp.Or(d.Title, d.Name), "")
	}
}

// resendWithin is how long after the first time a message may be sent again with
// the same key. The gateway forgets a key 5 minutes after its run has ended, and
// would run the message once more.
// Source: openclaw 2026.9.6, the maintenance of its deduplication keys.
const resendWithin = 2 * time.Minute

// do sends the message, and again with the same key only where the gateway is
// sure to know the key: while it is the same process, and not too late.
func (r *agentRun) do(ctx context.Context) (AgentResult, error) {
	for {
		c, err := r.g.current()
		if err != nil && r.sentAt.IsZero() {
			return AgentResult{}, err // nothing was sent
		}
		if err == nil {
			begun := time.Now()
			end, err := r.send(ctx, c)
			switch {
			case end:
				return r.result, err
			case errors.Is(err, errNotSent) && r.sentAt.IsZero():
				return AgentResult{}, err
			case r.sentAt.IsZero():
				r.sentAt = begun
			}
		}
		if ctx.Err() != nil {
			return r.stillRunning(ctx)
		}
		r.emit(ProgressLost, time.Time{}, "", "")
		s, err := r.g.Await(ctx)
		if err != nil {
			return r.stillRunning(ctx)
		}
		r.emit(ProgressReattach, time.Time{}, "", "")
		if r.accepted || s.Hello.BootID != r.boot || time.Since(r.sentAt) > resendWithin {
			return r.attach(ctx)
		}
	}
}

// AwaitAgent waits for the end of run runID, which was started earlier in the
// session with the given key. It survives what RunAgent does, and ends as it does.
// AgentLost means that the gateway does not know the run, its session is idle and
// the transcript has no reply to it: the gateway forgets a run 10 minutes after its
// end, and with its process.
// Source: agent.wait.
func (g *Gateway) AwaitAgent(ctx context.Context, runID, sessionKey string, onProgress func(AgentProgress)) (AgentResult, error) {
	r := &agentRun{
		g: g, p: AgentParams{IdempotencyKey: runID, SessionKey: sessionKey}, report: onProgress, begun: true,
		result: AgentResult{RunID: runID, SessionKey: sessionKey}, accepted: true,
	}
	defer r.watch()()
	r.follow(ctx)
	defer func() {
		if r.unfollow != nil {
			r.unfollow()
		}
	}()
	res, err := r.attach(ctx)
	if err != nil {
		err = fmt.Errorf("await agent: %w", err)
	}
	return res, err
}

func (r *agentRun) stillRunning(ctx context.Context) (AgentResult, error) {
	r.result.Status = AgentRunning
	return r.result, contextError(ctx)
}

// send makes the request over c and stays for both answers. It returns false if
// the connection broke first.
func (r *agentRun) send(ctx context.Context, c *conn) (end bool, err error) {
	const method = "agent"
	params := map[string]any{"message": r.p.Message, "idempotencyKey": r.p.IdempotencyKey}
	if r.p.SessionKey != "" {
		params["sessionKey"] = r.p.SessionKey
	} else {
		params["agentId"] = r.p.AgentID
	}
	if r.p.Timeout > 0 {
		params["timeout"] = int((r.p.Timeout + time.Second - 1) / time.Second)
	}
	w := &waiter{slow: true, last: func(f frame) bool { return !f.OK || !isAccepted(f.Payload) }}
	id, err := c.send(ctx, method, params, w)
	if err != nil {
		if ctx.Err() != nil {
			r.result = AgentResult{} // it did not leave
			return true, contextError(ctx)
		}
		return false, err
	}
	defer c.forget(id)
	r.boot = c.hello.BootID
	for {
		f, err := c.await(ctx, w)
		switch {
		case ctx.Err() != nil && err != nil:
			r.result.Status = AgentRunning
			return true, err
		case err != nil:
			return false, err
		case !f.OK && !r.accepted:
			r.result = AgentResult{}
			err := f.into(method, nil)
			r.g.draining(method, err)
			return true, err
		case !f.OK:
			r.result.Status, r.result.Error = AgentError, "unknown error"
			if f.Error != nil {
				r.result.Error = f.Error.Message
			}
			return true, nil
		}
		var a wireAgent
		if err := f.into(method, &a); err != nil {
			return true, err
		}
		r.result.SessionKey = cmp.Or(a.SessionKey, r.result.SessionKey)
		r.result.AgentID = cmp.Or(a.AgentID, r.result.AgentID)
		switch a.Status {
		case "accepted":
			r.accept(ctx)
		case "in_flight": // it got the message from us before
			r.accept(ctx)
			_, err := r.attach(ctx)
			return true, err
		default:
			a.fill(&r.result)
			return true, nil
		}
	}
}

func (r *agentRun) accept(ctx context.Context) {
	if !r.accepted {
		r.accepted = true
		r.emit(ProgressAccepted, time.Time{}, r.result.SessionKey, "")
	}
	r.follow(ctx)
}

// follow asks for the events of the run's session, once it is known.
func (r *agentRun) follow(ctx context.Context) {
	if r.unfollow == nil && r.report != nil && r.result.SessionKey != "" {
		if stop, err := r.g.Follow(ctx, r.result.SessionKey); err == nil {
			r.unfollow = stop // without it there is less progress to see
		}
	}
}

// How long to wait for a run after a lost connection.
const (
	waitFor   = 20 * time.Second // one agent.wait
	waitGrace = 25 * time.Second // what a struggling gateway was seen to overrun it by, doubled
	lostAfter = 3                // idle looks at the session before a run of a dead process is given up
	lookEvery = 2 * time.Second  // between them
)

// known reports whether the gateway is sure to know the run: it is the process
// that took it.
func (r *agentRun) known() bool { return r.accepted && r.g.State().Hello.BootID == r.boot }

// attach waits for a run that the gateway has, or had.
func (r *agentRun) attach(ctx context.Context) (AgentResult, error) {
	idle := 0
	for {
		wait := waitFor
		if !r.known() {
			wait = lookEvery
		}
		a, err := r.g.agentWait(ctx, r.p.IdempotencyKey, wait)
		switch {
		case ctx.Err() != nil:
			return r.stillRunning(ctx)
		case passing(err):
			lost := !errors.Is(err, ErrDraining)
			if lost {
				r.emit(ProgressLost, time.Time{}, "", "")
			}
			if _, err := r.g.Await(ctx); err != nil {
				return r.stillRunning(ctx)
			}
			if lost {
				r.emit(ProgressReattach, time.Time{}, "", "")
			}
			continue
		case err != nil:
			return r.result, err
		case !a.running():
			a.fill(&r.result)
			return r.result, nil
		}
		if r.known() {
			continue
		}
		ended, err := r.look(ctx)
		switch {
		case err != nil && !passing(err) && ctx.Err() == nil && !errors.Is(err, ErrNotFound):
			return r.result, err
		case ended:
			return r.result, nil
		case err == nil || errors.Is(err, ErrNotFound):
			if idle++; idle < lostAfter {
				continue
			}
			r.result.Status = AgentLost
			if !r.accepted {
				return r.result, ErrLost
			}
			return r.result, nil
		default:
			idle = 0 // busy, or away again
		}
	}
}

// passing reports whether err is of a gateway that is away and comes back by itself,
// which one that does not let us in does not.
func passing(err error) bool { return Away(err) && !isAny(err, ErrRefused, ErrPairing) }

// errBusy says that the session runs something: perhaps our run, taken up again.
var errBusy = fmt.Errorf("session is busy: %w", ErrTimeout)

// look asks the session of a run that the gateway may not know whether it has
// ended: then the transcript has its reply.
func (r *agentRun) look(ctx context.Context) (ended bool, err error) {
	key := cmp.Or(r.result.SessionKey, "agent:"+r.p.AgentID+":main")
	s, err := r.g.Session(ctx, key)
	if err != nil {
		return false, err
	}
	if s.Busy {
		return false, errBusy
	}
	text, found, err := r.g.replyOf(ctx, s.Key, r.p.IdempotencyKey)
	if err != nil || !found {
		return false, err
	}
	r.result.Status, r.result.Text = AgentOK, text
	return true, nil
}

// replyOf finds in a session's transcript what the run answered: the text of the
// assistant's messages after the one that our key sent.
// Source: chat.history.
func (g *Gateway) replyOf(ctx context.Context, sessionKey, runID string) (text string, found bool, err error) {
	var w struct {
		Messages []struct {
			Role           string          `json:"role"`
			Content        json.RawMessage `json:"content"`
			IdempotencyKey string          `json:"idempotencyKey"`
			Own            struct {
				RunID string `json:"runId"`
			} `json:"__openclaw"`
		} `json:"messages"`
	}
	if err := g.Call(ctx, "chat.history", map[string]any{"sessionKey": sessionKey, "limit": 50}, &w); err != nil {
		return "", false, err
	}
	for i, m := range slices.Backward(w.Messages) {
		ours := strings.HasPrefix(m.IdempotencyKey, runID+":") || m.Own.RunID == runID
		if m.Role == "assistant" && ours {
			if text = contentText(m.Content); text != "" {
				return text, true, nil
			}
		}
		if m.Role != "user" || !ours {
			continue
		}
		for _, later := range w.Messages[i+1:] {
			if later.Role == "user" {
				break
			}
			if later.Role == "assistant" {
				text = cmp.Or(contentText(later.Content), text)
			}
		}
		return text, text != "", nil
	}
	return "", false, nil
}

// contentText joins the text parts of a message.
func contentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	var texts []string
	for _, p := range parts {
		if p.Type == "text" && p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// wireAgent is the last answer of agent, and that of agent.wait.
type wireAgent struct {
	RunID      string  `json:"runId"`
	SessionKey string  `json:"sessionKey"`
	AgentID    string  `json:"agentId"`
	Status     string  `json:"status"`
	Summary    string  `json:"summary"`
	StopReason string  `json:"stopReason"`
	Error      string  `json:"error"`
	StartedAt  instant `json:"startedAt"`
	EndedAt    instant `json:"endedAt"`
	Result     struct {
		Payloads []struct {
			Text string `json:"text"`
		} `json:"payloads"`
		Meta struct {
			DurationMs ms   `json:"durationMs"`
			Aborted    bool `json:"aborted"`
			AgentMeta  struct {
				Model string `json:"model"`
			} `json:"agentMeta"`
		} `json:"meta"`
	} `json:"result"`
	TerminalReply struct {
		Text string `json:"text"`
	} `json:"terminalReply"`
	TerminalReceipt struct {
		Effective struct {
			Model string `json:"model"`
		} `json:"effective"`
	} `json:"terminalReceipt"`
}

// running reports whether an answer of agent.wait says only that its time was up.
func (a wireAgent) running() bool {
	return a.Status == "timeout" && a.EndedAt.IsZero() && a.StopReason == "" && a.Summary == ""
}

// fill puts the end of a run into r.
func (a wireAgent) fill(r *AgentResult) {
	r.RunID = cmp.Or(a.RunID, r.RunID)
	r.SessionKey = cmp.Or(a.SessionKey, r.SessionKey)
	r.AgentID = cmp.Or(a.AgentID, r.AgentID)
	var texts []string
	for _, p := range a.Result.Payloads {
		if p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	r.Text = cmp.Or(strings.Join(texts, "\n\n"), a.TerminalReply.Text)
	m := a.Result.Meta
	r.Error = a.Error
	r.Duration = m.DurationMs.duration()
	if r.Duration == 0 && !a.StartedAt.IsZero() && a.EndedAt.After(a.StartedAt.Time) {
		r.Duration = a.EndedAt.Sub(a.StartedAt.Time)
	}
	r.Model = cmp.Or(m.AgentMeta.Model, a.TerminalReceipt.Effective.Model)
	switch {
	// An abort calls itself timeout in agent and error in agent.wait; the stop
	// reason tells: "rpc" is chat.abort, "stop" and "user" are people.
	case m.Aborted, a.Summary == "aborted", a.Status == "aborted", a.StopReason == "rpc" && a.Status != "ok", a.StopReason == "aborted":
		r.Status = AgentAborted
	case a.Status == "ok":
		r.Status = AgentOK
	case a.Status == "timeout":
		r.Status = AgentTimeout
	default:
		r.Status = AgentError
		r.Error = cmp.Or(r.Error, a.Summary, a.StopReason, a.Status)
	}
}

func (g *Gateway) agentWait(ctx context.Context, runID string, d time.Duration) (a wireAgent, err error) {
	ctx, cancel := context.WithTimeout(ctx, d+waitGrace)
	defer cancel()
	err = g.call(ctx, "agent.wait", map[string]any{"runId": runID, "timeoutMs": d.Milliseconds()}, &a, true)
	return a, err
}

// Abort ends the active runs of a session and returns their ids; none if it was
// idle.
// Source: chat.abort.
func (g *Gateway) Abort(ctx context.Context, sessionKey string) ([]string, error) {
	var w struct {
		Aborted bool     `json:"aborted"`
		RunIDs  []string `json:"runIds"`
	}
	if err := g.Call(ctx, "chat.abort", map[string]any{"sessionKey": sessionKey}, &w); err != nil {
		return nil, err
	}
	if !w.Aborted {
		return nil, nil
	}
	return w.RunIDs, nil
}
