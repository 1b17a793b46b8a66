package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"clawconsole/openclaw"
)

// Session does /session: it sends a message into a session and shows the reply.
type Session struct {
	Key     string        `arg:"" name:"key"`
	Timeout time.Duration `placeholder:"s" default:"10m" min:"1s" max:"60m" help:"how long to wait for the reply, default 10m"`
	Again   string        `placeholder:"run" help:"send nothing, wait again for this run's reply"`
	Message Raw           `arg:"" optional:"" name:"message"`
}

// check demands what there is to send, or nothing to send.
func (s *Session) check() error {
	switch {
	case s.Again == "" && s.Message == "":
		return wrong("/session needs a message")
	case s.Again != "" && s.Message != "":
		return wrong("--again sends no message")
	}
	return nil
}

func (s *Session) run(ctx context.Context, c *call) (Result, error) {
	to, err := c.session(ctx, s.Key)
	if err != nil {
		return Result{}, err
	}
	if s.Again != "" {
		return c.talkAgain(ctx, to, s.Again, s.Timeout)
	}
	return c.talk(ctx, to, s.Message, s.Timeout)
}

// Agent does /agent: it sends a message to an agent and shows the reply.
type Agent struct {
	Label   string        `arg:"" name:"label"`
	Timeout time.Duration `placeholder:"s" default:"10m" min:"1s" max:"60m" help:"how long to wait for the reply, default 10m"`
	Message Raw           `arg:"" name:"message"`
}

func (a *Agent) run(ctx context.Context, c *call) (Result, error) {
	to, err := c.agent(ctx, a.Label)
	if err != nil {
		return Result{}, err
	}
	return c.talk(ctx, to, a.Message, a.Timeout)
}

// A target is where a message goes: a session, or the main session of an agent.
type target struct {
	label   string // as the operator calls it
	key     string // of the session; of an agent's main session it may be empty
	agentID string
}

// session is the key of the session that a message to t goes to.
// Source: an agent's main session is agent:<id>:main.
func (t target) session() string {
	if t.key == "" {
		return "agent:" + t.agentID + ":main"
	}
	return t.key
}

// session finds the session that ref means, exactly.
func (c *call) session(ctx context.Context, ref string) (target, error) {
	type answer struct{ key, agentID string }
	found, err, _ := ask(ctx, c, func(ctx context.Context) (answer, error) {
		key, agentID, err := c.Gateway.ResolveSession(ctx, ref)
		return answer{key, agentID}, err
	}, nil)
	switch {
	case err == nil:
		return target{label: ref, key: found.key, agentID: found.agentID}, nil
	case !errors.Is(err, openclaw.ErrNotFound):
		return target{}, c.notSent(err)
	case c.Agents[ref] != "":
		return target{label: ref, key: c.Agents[ref]}, nil
	}
	var names []string
	for _, x := range c.known(ctx) {
		names = append(names, x.Label, x.Key, shortKey(x.Key))
	}
	return target{}, &Failure{
		Message: "no session " + quote(ref) + ", nothing sent",
		Hint:    didYouMean(nearest(ref, names, 3), "", "/sessions lists them"),
	}
}

// known lists the sessions used last; none if the gateway does not tell.
func (c *call) known(ctx context.Context) []openclaw.Session {
	ctx, cancel := context.WithTimeout(ctx, socketBudget)
	defer cancel()
	l, err := c.Gateway.Sessions(ctx, openclaw.SessionsParams{Limit: 100})
	if err != nil {
		return nil // only suggestions are lost
	}
	return l.Sessions
}

// shortKey is what people type for "agent:main:ops".
func shortKey(key string) string {
	if parts := strings.SplitN(key, ":", 3); len(parts) == 3 && parts[0] == "agent" {
		return parts[2]
	}
	return key
}

// agent finds what label means: a label of the configuration; else the agents
// and the labels of sessions on the gateway, if only one is meant.
func (c *call) agent(ctx context.Context, label string) (target, error) {
	var names []string
	for name, key := range c.Agents {
		if strings.EqualFold(name, label) {
			return target{label: name, key: key}, nil
		}
		names = append(names, name)
	}
	slices.Sort(names)
	type lists struct {
		agents   []openclaw.Agent
		sessions []openclaw.Session
	}
	got, err, _ := ask(ctx, c, func(ctx context.Context) (lists, error) {
		agents, err := c.Gateway.Agents(ctx)
		if err != nil {
			return lists{}, err
		}
		l, err := c.Gateway.Sessions(ctx, openclaw.SessionsParams{Limit: 100})
		return lists{agents, l.Sessions}, err
	}, nil)
	if err != nil {
		return target{}, c.notSent(err)
	}
	var found []target
	for _, a := range got.agents {
		names = append(names, a.ID, a.Name)
		if strings.EqualFold(a.ID, label) || a.Name != "" && strings.EqualFold(a.Name, label) {
			found = append(found, target{label: a.ID, agentID: a.ID})
		}
	}
	for _, x := range got.sessions {
		names = append(names, x.Label)
		if x.Label != "" && strings.EqualFold(x.Label, label) {
			found = append(found, target{label: x.Label, key: x.Key, agentID: x.AgentID})
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return target{}, &Failure{
			Message: "no agent " + quote(label) + ", nothing sent",
			Hint:    didYouMean(nearest(label, names, 3), "", "there are "+join(firsts(names, 5), "and")),
		}
	}
	var is []string
	for _, t := range found {
		if t.key == "" {
			is = append(is, "the agent "+t.agentID)
		} else {
			is = append(is, "the session "+t.key)
		}
	}
	return target{}, &Failure{
		Message: quote(label) + " could be " + or(atMost(is, 4)) + ", nothing sent",
		Hint:    "send to the key: /session <key> <message…>",
	}
}

// firsts returns the first n different non-empty words.
func firsts(words []string, n int) []string {
	var out []string
	for _, w := range words {
		if w != "" && !slices.Contains(out, w) && len(out) < n {
			out = append(out, w)
		}
	}
	return out
}

// atMost returns words, those beyond the first n as a number.
func atMost(words []string, n int) []string {
	if len(words) <= n {
		return words
	}
	return append(words[:n:n], fmt.Sprintf("%d more", len(words)-n))
}

// talk sends message to its target once, whatever happens, and waits for the
// reply. The key that makes it once comes from the update.
func (c *call) talk(ctx context.Context, to target, message Raw, timeout time.Duration) (Result, error) {
	if c.request.Key == "" {
		return Result{}, fmt.Errorf("send to %s: request has no idempotency key", to.label)
	}
	if err := c.ready(ctx); err != nil {
		return Result{}, c.notSent(err)
	}
	p := openclaw.AgentParams{Message: string(message), SessionKey: to.key, IdempotencyKey: c.request.Key}
	if to.key == "" {
		p.AgentID = to.agentID
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	w := newWatch(c, to, "Sent to ")
	defer w.stop()
	out, err := c.Gateway.RunAgent(waiting, p, w.step)
	w.stop()
	if out.SessionKey != "" {
		to.key = out.SessionKey
	}
	return c.spoken(ctx, to, out, err, w.began)
}

// notSent says why a message was not sent, or was not taken.
func (c *call) notSent(err error) error {
	var rpc *openclaw.RPCError
	if errors.As(err, &rpc) && !away(err) && !errors.Is(err, openclaw.ErrScope) {
		return &Failure{Message: "the gateway did not take the message: " + firstLine(rpc.Message, 200), Err: err}
	}
	err = c.failed("send messages", err)
	var f *Failure
	if errors.As(err, &f) {
		f.Message += ", nothing sent"
	}
	return err
}

// talkAgain waits for the end of a run that was started before.
func (c *call) talkAgain(ctx context.Context, to target, runID string, timeout time.Duration) (Result, error) {
	if err := c.ready(ctx); err != nil {
		return Result{}, c.failed("look up runs", err)
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c.progress(Result{Blocks: []Block{prose("Waiting for " + clip(to.label, 40) + ".")}}) // it sends nothing
	w := newWatch(c, to, "Waiting for ")
	defer w.stop()
	out, err := c.Gateway.AwaitAgent(waiting, runID, to.session(), w.step)
	w.stop()
	if err == nil && out.Status == openclaw.AgentLost {
		return Result{
			Failed: true, Summary: "the gateway does not know this run",
			Blocks: []Block{prose("Nothing runs in " + clip(to.label, 40) + ", and there is no reply to this run. It ended without one, or there was none.")},
			Hint:   "see the session before sending it again",
		}, nil
	}
	return c.spoken(ctx, to, out, err, w.began)
}

// replyShown is how many letters of a reply are in the message; a longer one
// comes as a document, too. A message of Telegram has 4096.
const replyShown = 2800

// spoken says how a run ended.
func (c *call) spoken(ctx context.Context, to target, out openclaw.AgentResult, err error, began time.Time) (Result, error) {
	name := clip(to.label, 40)
	to.key = to.session()
	again := [][]Button{{
		{Label: "Look again", Line: "/session " + quoteWord(to.key) + " --again " + quoteWord(out.RunID), Repeatable: true},
		{Label: "Stop it", Line: "/stop " + quoteWord(to.key), Style: Serious},
	}}
	if err != nil {
		if out.RunID == "" {
			return Result{}, c.notSent(err)
		}
		if errors.Is(err, openclaw.ErrLost) {
			return Result{
				Failed: true, Summary: "not known whether " + name + " got the message",
				Blocks: []Block{prose("The connection broke while it was sent, and nothing runs in " + to.key + ".")},
				Hint:   "see the session before sending it again", Cause: err,
			}, nil
		}
		res := Result{
			Summary: "no reply yet, " + name + " works on",
			Hint:    "to " + lookAgain(to.key, out.RunID),
			Buttons: again,
		}
		how := "No reply within " + longDuration(time.Since(began).Round(time.Second)) + ". The run goes on."
		switch {
		case ctx.Err() != nil:
			how = "No longer waiting. The run goes on."
		case !errors.Is(err, openclaw.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded):
			res.Summary = "no reply yet from " + name
			how = "The message was sent; how the run ends is not known yet."
			if away(err) {
				how = c.gatewayLine(err) + " " + how
			} else {
				res.Cause = err
			}
		}
		res.Blocks = []Block{prose(how)}
		return res, nil
	}
	switch out.Status {
	case openclaw.AgentOK:
	case openclaw.AgentAborted:
		return Result{Failed: true, Summary: name + " was stopped", Blocks: replyBlocks(out.Text)}, nil
	case openclaw.AgentLost:
		return Result{
			Failed: true, Summary: name + " lost the run", Blocks: append([]Block{prose("The message was taken, then the gateway restarted. It does not know how the run ended.")}, replyBlocks(out.Text)...),
			Hint: "see what was done before sending it again",
		}, nil
	default:
		why := firstLine(out.Error, 300)
		if out.Status == openclaw.AgentTimeout {
			why = "the run took longer than the gateway allows"
		}
		if why == "" {
			why = "the gateway gives no reason"
		}
		return Result{Failed: true, Summary: name + " failed", Blocks: append([]Block{prose(title(why) + ".")}, replyBlocks(out.Text)...)}, nil
	}
	// Not the whole line: the message would fill the header.
	res := Result{Summary: "/" + c.request.Name + " " + name + c.at()}
	if strings.TrimSpace(out.Text) == "" {
		res.Blocks = []Block{prose("It ended without a reply.")}
	} else {
		res.Blocks = replyBlocks(out.Text)
		if utf8.RuneCountInString(out.Text) > replyShown {
			res.Document = &Document{Name: "reply.txt", Caption: "the whole reply, " + size(int64(len(out.Text))), Text: out.Text}
		}
	}
	took := out.Duration
	if took <= 0 {
		took = time.Since(began)
	}
	res.Blocks = append(res.Blocks, prose(strings.Join(firsts([]string{to.key, out.Model, longDuration(took)}, 3), " · ")))
	return res, nil
}

// replyBlocks shows the first part of a reply.
func replyBlocks(text string) []Block {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	r := []rune(text)
	if len(r) <= replyShown {
		return []Block{prose(text)}
	}
	ahead := string(r[replyShown:min(len(r), replyShown+Lookahead)])
	more := int64(len(text) - len(string(r[:replyShown])))
	return []Block{
		{Kind: Prose, Text: string(r[:replyShown]) + ahead, Lookahead: len(ahead)},
		prose("… " + size(more) + " more in the document"),
	}
}

// A watch tells the operator how a run goes on: at each step and now and then
// in between.
type watch struct {
	c     *call
	to    target
	line  string // what is happening
	began time.Time
	steps chan openclaw.AgentProgress
	quit  chan struct{}
	done  chan struct{}
}

// newWatch returns a watch whose first line is doing and the target's label.
func newWatch(c *call, to target, doing string) *watch {
	w := &watch{
		c: c, to: to, line: doing + clip(to.label, 40), began: time.Now(),
		steps: make(chan openclaw.AgentProgress, 16), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// step takes one step of the run; a step too many is dropped, never waited for.
func (w *watch) step(p openclaw.AgentProgress) {
	select {
	case w.steps <- p:
	default:
	}
}

// stop ends the watch and waits for that. It may be called twice.
func (w *watch) stop() {
	select {
	case <-w.quit:
	default:
		close(w.quit)
	}
	<-w.done
}

func (w *watch) run() {
	defer close(w.done)
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	key := w.to.session()
	for {
		select {
		case <-w.quit:
			return
		case p := <-w.steps:
			if p.Kind == openclaw.ProgressAccepted && p.Text != "" {
				key = p.Text
			}
			w.line = stepLine(p, w.line)
		case <-tick.C:
		}
		res := Result{Blocks: []Block{prose(w.line + soFar(w.began))}}
		res.Buttons = [][]Button{{{Label: "Stop it", Line: "/stop " + quoteWord(key), Style: Serious}}}
		w.c.progress(res)
	}
}

// soFar ends a line about something that began then.
func soFar(began time.Time) string {
	if d := time.Since(began).Truncate(time.Second); d > 0 {
		return ", " + longDuration(d) + " so far."
	}
	return "."
}

// stepLine says a step; one that says nothing leaves line.
func stepLine(p openclaw.AgentProgress, line string) string {
	text := firstLine(p.Text, 100)
	switch p.Kind {
	case openclaw.ProgressStarted:
		return "The model works"
	case openclaw.ProgressTool:
		return "Uses a tool: " + text
	case openclaw.ProgressApproval:
		return "Waits for an approval (/pending)"
	case openclaw.ProgressDecided:
		return "The approval was decided"
	case openclaw.ProgressRetrying:
		return "The model failed. " + strings.TrimSuffix(text, ".")
	case openclaw.ProgressLost:
		return "The connection is lost, the run goes on"
	case openclaw.ProgressReattach:
		return "Connected again, waiting for the reply"
	case openclaw.ProgressFinishing:
		return "Finishing"
	}
	return line
}

// Stop does /stop: it ends the active run of a session.
type Stop struct {
	Session string `arg:"" name:"session"`
}

func (s *Stop) run(ctx context.Context, c *call) (Result, error) {
	to, err := c.session(ctx, s.Session)
	if err != nil {
		return Result{}, stopWords(err)
	}
	short, cancel := context.WithTimeout(ctx, socketBudget)
	defer cancel()
	runs, err := c.Gateway.Abort(short, to.key)
	switch {
	case err != nil:
		return Result{}, c.failed("stop runs", err)
	case len(runs) == 0:
		return Result{Summary: clip(to.label, 40) + " was idle, nothing to stop"}, nil
	}
	return Result{Summary: fmt.Sprintf("%s: %s stopped", clip(to.label, 40), count(len(runs), "run"))}, nil
}

// stopWords is err without the words about sending.
func stopWords(err error) error {
	var f *Failure
	if errors.As(err, &f) {
		g := *f
		g.Message = strings.TrimSuffix(f.Message, ", nothing sent")
		return &g
	}
	return err
}
