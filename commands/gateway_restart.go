package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clawconsole/openclaw"
)

// GatewayRestart does /gateway restart and proves it: another boot id, and what
// process, version and uptime were before and are after.
type GatewayRestart struct {
	Reason string `placeholder:"text" help:"why, for the gateway's log"`
	Now    bool   `help:"do not wait for work in flight"`
}

const (
	restartWithin  = 60 * time.Second       // until the gateway must be back
	identifyWithin = 5 * time.Second        // longer than a hang goes unnoticed once the gateway is asked something
	lookEvery      = 100 * time.Millisecond // at the gateway's state
	tellEvery      = 3 * time.Second        // how far a slow command is
)

// An identity tells one life of the gateway from the next.
type identity struct {
	bootID, version string
	pid             int
	uptime          time.Duration
}

// identify asks who the gateway is now. What it does not say stays zero.
func (c *call) identify(ctx context.Context) identity {
	st := c.Gateway.State()
	id := identity{bootID: st.Hello.BootID, version: st.Hello.Version}
	if st.Phase != openclaw.Connected {
		return id
	}
	id.uptime = uptime(st, time.Now())
	ctx, cancel := context.WithTimeout(ctx, identifyWithin)
	defer cancel()
	for ctx.Err() == nil {
		info, err := c.Gateway.SystemInfo(ctx)
		if err == nil {
			id.pid = info.PID
			break
		}
		wait(ctx, lookEvery) // just started, it may refuse for a moment
	}
	return id
}

// uptime is how long the gateway that we are connected to has been up, or rather
// its process: a restart in place does not begin it anew.
func uptime(st openclaw.State, now time.Time) time.Duration {
	if st.Hello.Uptime <= 0 {
		return 0
	}
	return st.Hello.Uptime + now.Sub(st.Hello.At)
}

// wait blocks for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A request is a restart that was asked for. All that may be done about it from then
// on is to wait for its proof: a second one could restart the gateway twice.
type request struct {
	answer openclaw.RestartAnswer // of the gateway; zero: it gave none
	how    string                 // a sentence on what was unusual; empty: nothing
	open   bool                   // nobody said whether it will be done
}

func (g *GatewayRestart) run(ctx context.Context, c *call) (Result, error) {
	why := c.ready(ctx)
	before := c.identify(ctx)
	if why == nil {
		why = phaseError(c.Gateway.State()) // one that hangs was found out by being asked who it is
	}
	var answer openclaw.RestartAnswer
	if why == nil {
		short, cancel := context.WithTimeout(ctx, socketBudget)
		answer, why = c.Gateway.Restart(short, g.reason(c), g.Now)
		cancel()
	}
	switch {
	case why == nil:
		if answer.Status == "deferred" {
			c.progress(busy(answer.Preflight))
		} else {
			c.progress(Result{Blocks: []Block{prose("The gateway restarts now.")}})
		}
		return c.prove(ctx, before, request{answer: answer})
	case openclaw.Unsettled(why):
		return c.prove(ctx, before, request{how: "The request was sent, and no answer came.", open: true})
	case errors.Is(why, openclaw.ErrDraining):
		return c.prove(ctx, before, request{how: "It was restarting already."})
	case c.CLI != nil && (errors.Is(why, openclaw.ErrDown) || errors.Is(why, openclaw.ErrHanging)):
		return c.restartByCLI(ctx, before, why)
	}
	return Result{}, c.failed("restart", why)
}

// restartByCLI has the command line restart a gateway whose socket is dead, which why
// says, though its process may not be: it is found by its lock file or its service.
func (c *call) restartByCLI(ctx context.Context, before identity, why error) (Result, error) {
	c.progress(Result{Blocks: []Block{prose(c.gatewayLine(why) + " Asking its command line to restart it.")}})
	short, cancel := context.WithTimeout(ctx, restartWithin)
	defer cancel()
	report, err := c.CLI.Restart(short)
	switch {
	case err == nil && report.OK:
		return c.prove(ctx, before, request{how: "Its socket was dead, so the command line restarted it."})
	case err != nil && report.Asked:
		return c.prove(ctx, before, request{how: "Its command line was asked to restart it, and did not say how it went.", open: true})
	}
	return c.notRestarted(ctx, why, report, err), nil
}

// prove waits until the gateway is back from the restart that r asked for, and
// compares it with what it was before.
func (c *call) prove(ctx context.Context, before identity, r request) (Result, error) {
	deferred := func() bool {
		return r.answer.Status == "deferred" && c.Gateway.State().Phase == openclaw.Connected
	}
	end, cancel := context.WithTimeout(ctx, restartWithin)
	defer cancel()
	gone, back := c.awaitReboot(end, before.bootID, func(waited time.Duration, phase openclaw.Phase) {
		if deferred() {
			c.progress(busy(r.answer.Preflight))
			return
		}
		c.progress(Result{Blocks: []Block{prose(fmt.Sprintf("The gateway is %s, %s since the request.", phase, longDuration(waited.Truncate(time.Second))))}})
	})
	switch {
	case !back.IsZero():
		return c.restarted(ctx, before, r.how, gone, back), nil
	case ctx.Err() != nil && r.open:
		return Result{Summary: "no longer waiting, the restart may have been asked for", Hint: "see /gateway status"}, nil
	case ctx.Err() != nil:
		return Result{Summary: "no longer waiting, the restart was asked for", Hint: "see /gateway status"}, nil
	case r.open:
		return c.outcomeUnknown(ctx, r.how), nil
	case deferred():
		res := busy(r.answer.Preflight)
		res.Summary = "restart waits for work in flight"
		return res, nil
	}
	return c.notBack(ctx, r.how), nil
}

// restarted shows the proof of a restart.
func (c *call) restarted(ctx context.Context, before identity, how string, gone, back time.Time) Result {
	after := c.identify(ctx)
	res := Result{Summary: "gateway restarted"}
	if !gone.IsZero() {
		res.Summary += ", away " + longDuration(back.Sub(gone))
	}
	if how != "" {
		res.Blocks = append(res.Blocks, prose(how))
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: proof(before, after)})
	return res
}

// outcomeUnknown says that a restart may have been asked for, and that none was seen.
// To ask again is for the operator to decide.
func (c *call) outcomeUnknown(ctx context.Context, how string) Result {
	line := how + " It may still restart."
	if why := phaseError(c.Gateway.State()); why != nil {
		line = c.gatewayLine(why) + " " + line
	}
	res := Result{Failed: true, Summary: "outcome unknown", Blocks: []Block{prose(line)}, Hint: "see /gateway status"}
	c.lastLog(ctx, &res)
	res.Buttons = [][]Button{{{Label: "Restart", Line: "/gateway restart", Style: Serious}}}
	return res
}

// reason names who asked, for the gateway's own log.
func (g *GatewayRestart) reason(c *call) string {
	s := "clawconsole: " + c.grant.Operator().Name
	if g.Reason != "" {
		s += ": " + g.Reason
	}
	return s
}

// busy says what a restart waits for, and offers not to.
func busy(p openclaw.Preflight) Result {
	var items []Item
	for _, b := range p.Blockers {
		items = append(items, Item{Value: blockerText(b)})
	}
	res := Result{
		Blocks:  []Block{prose("The gateway is busy. It restarts when this is done:")},
		Buttons: [][]Button{{{Label: "Restart now", Line: "/gateway restart --now", Style: Serious}}},
	}
	if len(items) == 0 {
		res.Blocks = []Block{prose("The gateway is busy and restarts when its work is done.")}
	} else {
		res.Blocks = append(res.Blocks, Block{Kind: List, Items: items})
	}
	return res
}

// awaitReboot watches until the gateway is connected with another boot id than
// the one given. It returns when it was first seen gone and when it was back; back
// is zero if ctx ended first. tell hears how it goes every few seconds.
func (c *call) awaitReboot(ctx context.Context, bootID string, tell func(waited time.Duration, phase openclaw.Phase)) (gone, back time.Time) {
	began := time.Now()
	told := began
	for ctx.Err() == nil {
		st := c.Gateway.State()
		switch {
		case st.Phase == openclaw.Connected && st.Hello.BootID != bootID:
			if back = st.Since; back.IsZero() || back.Before(began) {
				back = time.Now()
			}
			return gone, back
		case st.Phase != openclaw.Connected && st.Phase != openclaw.Draining && gone.IsZero():
			gone = time.Now()
		}
		if now := time.Now(); now.Sub(told) >= tellEvery {
			told = now
			tell(now.Sub(began), st.Phase)
		}
		wait(ctx, lookEvery)
	}
	return gone, time.Time{}
}

// proof compares two lives of the gateway.
func proof(before, after identity) []Item {
	change := func(a, b string) string {
		switch {
		case a == "" || a == "0":
			return b
		case a == b:
			return b + " as before"
		}
		return a + " → " + b
	}
	items := []Item{{"Boot", change(clip8(before.bootID), clip8(after.bootID))}}
	inPlace := after.pid != 0 && after.pid == before.pid
	switch {
	case inPlace:
		items = append(items, Item{"Process", fmt.Sprintf("pid %d as before: restarted in place", after.pid)})
	case after.pid != 0:
		items = append(items, Item{"Process", "pid " + change(fmt.Sprint(before.pid), fmt.Sprint(after.pid))})
	}
	items = append(items, Item{"Version", change(before.version, after.version)})
	if after.uptime > 0 {
		up := longDuration(after.uptime)
		if before.uptime > 0 {
			up = longDuration(before.uptime) + " → " + up
		}
		if inPlace {
			up += ", of the process"
		}
		items = append(items, Item{"Uptime", up})
	}
	return items
}

// clip8 returns the first 8 characters of an id.
func clip8(id string) string { return id[:min(8, len(id))] }

// notBack says that a restart was asked for and no gateway came of it.
func (c *call) notBack(ctx context.Context, how string) Result {
	res := Result{Failed: true, Summary: "not back after " + longDuration(restartWithin)}
	res.Blocks = append(res.Blocks, prose(c.gatewayLine(phaseErrorOrTimeout(c.Gateway.State()))+" "+how))
	c.lastLog(ctx, &res)
	res.Hint = c.startHint()
	return res
}

func phaseErrorOrTimeout(st openclaw.State) error {
	if err := phaseError(st); err != nil {
		return err
	}
	return openclaw.ErrTimeout
}

// notRestarted says why the command line did not restart a gateway whose socket
// is dead: err was in the way before it could be asked to, or its report says.
func (c *call) notRestarted(ctx context.Context, why error, report openclaw.RestartReport, err error) Result {
	res := Result{Failed: true, Summary: "the gateway was not restarted", Hint: c.startHint()}
	line := c.gatewayLine(why)
	switch {
	case errors.Is(err, openclaw.ErrNoCLI):
		line += " There is no openclaw program on this host to restart it with."
	case errors.Is(err, openclaw.ErrOtherGateway):
		line += " The openclaw program of this host is set up for another gateway, so it was not asked to restart anything."
	case err != nil:
		line += " Its command line does not answer, so it was not asked to restart it."
	default:
		line += " Its command line says: " + firstLine(report.Message, 200)
	}
	res.Blocks = append(res.Blocks, prose(line))
	c.lastLog(ctx, &res)
	return res
}

// lastLog adds the last lines of the log, from wherever they can be had.
func (c *call) lastLog(ctx context.Context, res *Result) {
	const n = 10
	page, err, _ := ask(ctx, &call{Env: c.Env, began: time.Now(), progress: func(Result) {}},
		func(ctx context.Context) (openclaw.LogPage, error) {
			return c.Gateway.Logs(ctx, openclaw.LogsParams{Limit: n})
		},
		func(ctx context.Context) (openclaw.LogPage, error) { return c.CLI.Logs(ctx, n) })
	if err != nil || len(page.Lines) == 0 {
		return
	}
	lines := page.Lines[max(0, len(page.Lines)-n):]
	res.Blocks = append(res.Blocks, Block{Kind: Pre, Title: "its last log lines", Text: renderLog(c.hidden(lines)), Oldest: true})
}
