package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"clawconsole/openclaw"
)

// Status answers /status: is the gateway up, and what is going on. It answers
// with the gateway down, from the CLI's local files.
type Status struct {
	Verbose bool `help:"process, host, tasks, channels, connection"`
}

// facts are what /status found out, from the socket or from the CLI. A part whose
// error is set is not known.
type facts struct {
	status    openclaw.Status
	info      openclaw.SystemInfo
	sessions  openclaw.SessionList
	approvals []openclaw.Approval
	channels  []openclaw.Channel
	logs      logErrors
	report    openclaw.GatewayReport // by the CLI only

	statusErr, infoErr, sessionsErr, approvalsErr, channelsErr, logsErr, reportErr error
}

// together runs fs at once and waits for all of them.
func together(fs ...func()) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
}

func (s *Status) run(ctx context.Context, c *call) (Result, error) {
	f, err, why := ask(ctx, c, c.factsBySocket, c.factsByCLI)
	if err != nil { // nobody knows anything: what we know ourselves is shown
		f = facts{sessionsErr: err, logsErr: err, reportErr: err}
		if c.CLI == nil {
			f.reportErr = openclaw.ErrNoCLI
		}
	}
	return s.show(c, f, why), nil
}

// factsBySocket fails only if the gateway answers nothing at all: one answer proves
// that it works.
func (c *call) factsBySocket(ctx context.Context) (f facts, err error) {
	together(
		func() { f.status, f.statusErr = c.Gateway.Status(ctx) },
		func() { f.info, f.infoErr = c.Gateway.SystemInfo(ctx) },
		func() { f.sessions, f.sessionsErr = c.Gateway.Sessions(ctx, openclaw.SessionsParams{Limit: 50}) },
		func() { f.approvals, f.approvalsErr = c.Gateway.ListApprovals(ctx) },
		func() { f.channels, f.channelsErr = c.Gateway.Channels(ctx, false) },
		func() { f.logs, f.logsErr = c.errors.look(ctx, c.Gateway) },
	)
	for _, err = range []error{f.statusErr, f.infoErr, f.sessionsErr, f.approvalsErr, f.channelsErr, f.logsErr} {
		if !away(err) {
			return f, nil
		}
	}
	return f, err
}

// factsByCLI asks for what the program can find out without the gateway. It
// gives what it has when ctx ends.
func (c *call) factsByCLI(ctx context.Context) (f facts, err error) {
	together(
		func() { f.report, f.reportErr = c.CLI.GatewayStatus(ctx) },
		func() { f.sessions, f.sessionsErr = c.CLI.Sessions(ctx, openclaw.SessionsParams{Limit: 50}) },
		func() {
			page, err := c.CLI.Logs(ctx, lastErrorLines)
			f.logs, f.logsErr = errorsIn(page), err
		},
	)
	return f, nil
}

func (s *Status) show(c *call, f facts, why error) Result {
	st, now := c.Gateway.State(), time.Now()
	var res Result
	var items []Item
	add := func(label, format string, args ...any) {
		items = append(items, Item{label, fmt.Sprintf(format, args...)})
	}

	if why == nil {
		switch up := uptime(st, now); {
		case up > 0:
			add("Gateway", "up %s", longDuration(up))
		case f.infoErr == nil:
			add("Gateway", "up %s", longDuration(f.info.Uptime))
		default:
			add("Gateway", "up")
		}
		if st.Phase == openclaw.Draining {
			add("Restart", "waits for work in flight")
		}
	} else {
		res.Blocks = append(res.Blocks, prose(c.gatewayLine(why)))
		if !st.LastUpAt.IsZero() {
			add("Last up", "%s", ago(st.LastUpAt, now))
		}
		if st.Advice != "" {
			res.Hint = st.Advice
		}
		process(f.report, f.reportErr, add)
		if errors.Is(why, openclaw.ErrDown) && len(c.Start) > 0 {
			res.Hint = "/gateway start starts it"
		}
	}
	switch {
	case why == nil && f.statusErr == nil:
		add("Version", "%s", f.status.Version)
	case st.Hello.Version != "":
		add("Version", "%s", st.Hello.Version)
	}
	if f.sessionsErr == nil {
		total := f.sessions.Total
		if total < 0 {
			total = len(f.sessions.Sessions)
		}
		busy := 0
		for _, x := range f.sessions.Sessions {
			if x.Busy {
				busy++
			}
		}
		if why == nil {
			add("Sessions", "%d active of %d", busy, total)
		} else {
			add("Sessions", "%d, by the local files", total)
		}
	}
	switch {
	case errors.Is(why, openclaw.ErrDraining):
		add("Approvals", "can still be decided")
	case why != nil:
		add("Approvals", "not known; while the console is cut off, OpenClaw denies")
	case f.approvalsErr == nil:
		add("Approvals", "%s", waiting(f.approvals, now))
	case errors.Is(f.approvalsErr, openclaw.ErrScope):
		add("Approvals", "not visible: scope operator.approvals is missing")
	default:
		add("Approvals", "not known")
	}
	if why == nil && f.channelsErr == nil {
		add("Channels", "%s", channelsLine(f.channels))
	}
	if f.logsErr == nil {
		add("Last error", "%s", f.logs.text(c.Env, now))
	}
	if c.Console != nil {
		add("Console", "%s", consoleLine(c.Console(), now))
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: items})

	if s.Verbose {
		verbose(c, f, st, why, &res, now)
	} else if res.Hint == "" && why == nil {
		res.Buttons = [][]Button{{{Label: "Details", Line: "/status --verbose"}, {Label: "Sessions", Line: "/sessions"}, {Label: "Logs", Line: "/logs --tail 50"}}}
	}
	if why != nil {
		row := []Button{{Label: "Logs", Line: "/logs --tail 50"}, {Label: "Process", Line: "/gateway status"}}
		res.Buttons = [][]Button{row}
	}
	return res
}

// process says what the CLI saw of a gateway that does not answer.
func process(r openclaw.GatewayReport, err error, add func(label, format string, args ...any)) {
	switch {
	case errors.Is(err, openclaw.ErrNoCLI):
		add("CLI", "not on this host")
		return
	case errors.Is(err, openclaw.ErrOtherGateway):
		add("CLI", "is set up for another gateway")
		return
	case err != nil:
		add("CLI", "did not answer either")
		return
	case r.Reachable:
		add("CLI", "reaches it")
	case len(r.Listeners) > 0:
		add("Process", "pid %d listens on port %d", r.Listeners[0].PID, r.Port)
	case r.PortStatus == "free":
		add("Process", "nothing listens on port %d", r.Port)
	}
	if r.ServiceLoaded {
		add("Service", "%s", serviceLine(r))
	}
}

func verbose(c *call, f facts, st openclaw.State, why error, res *Result, now time.Time) {
	var items []Item
	add := func(label, format string, args ...any) {
		items = append(items, Item{label, fmt.Sprintf(format, args...)})
	}
	if why == nil {
		if f.infoErr == nil {
			add("Process", "pid %d, node %s", f.info.PID, strings.TrimPrefix(f.info.NodeVersion, "v"))
			add("Host", "%s, %s, load %.1f", f.info.Hostname, count(f.info.CPUs, "CPU"), f.info.Load[0])
			if f.info.MemoryTotal > 0 {
				add("Memory", "%s free of %s", size(f.info.MemoryFree), size(f.info.MemoryTotal))
			}
			for _, d := range f.info.Disks {
				if d.TotalByte > 0 {
					add("Disk "+d.Path, "%s free of %s", size(d.FreeByte), size(d.TotalByte))
				}
			}
		}
		if f.statusErr == nil {
			if f.status.RSSBytes > 0 {
				add("Uses", "%s of memory", size(f.status.RSSBytes))
			}
			add("Tasks", "%d active, %d failed of %d", f.status.TasksActive, f.status.TasksFailed, f.status.TasksTotal)
			loop := "fine"
			if f.status.EventLoop.Degraded {
				loop = "slow (" + strings.Join(f.status.EventLoop.Reasons, ", ") + ")"
			}
			add("Event loop", "%s, %.0f%% busy", loop, 100*f.status.EventLoop.Utilization)
		}
		for _, ch := range f.channels {
			for _, a := range ch.Accounts {
				add(title(ch.Name)+" "+a.ID, "%s", accountLine(a, now))
			}
		}
	}
	if st.Phase == openclaw.Connected {
		add("Connected", "%s", ago(st.Since, now))
		add("Scopes", "%s", scopeWords(st.Hello.Scopes))
		if len(st.Missing) > 0 {
			add("Missing", "%s", scopeWords(st.Missing))
		}
		if skew := st.Skew.Abs(); skew > time.Second {
			add("Clocks", "gateway's is off by %s", longDuration(skew))
		}
	}
	if c.Console != nil {
		cs := c.Console()
		add("Console", "%s, up %s", cs.Version, longDuration(now.Sub(cs.Since)))
		add("At work", "%d, %d waiting, %d unsent", cs.Running, cs.Waiting, cs.Unsent)
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Title: "Details", Items: items})
}

// scopeWords lists scopes by what tells them apart: "read, write".
func scopeWords(scopes []openclaw.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = strings.TrimPrefix(string(s), "operator.")
	}
	return strings.Join(words, ", ")
}

// waiting says how many approvals are open, and how long the oldest has left.
func waiting(as []openclaw.Approval, now time.Time) string {
	if len(as) == 0 {
		return "none waiting"
	}
	first := as[0]
	for _, a := range as {
		if a.ExpiresAt.Before(first.ExpiresAt) {
			first = a
		}
	}
	return fmt.Sprintf("%d waiting, first expires %s", len(as), ago(first.ExpiresAt, now))
}

func channelsLine(chs []openclaw.Channel) string {
	var parts []string
	for _, ch := range chs {
		word := "ok"
		switch {
		case !ch.Configured:
			continue
		case ch.LastError != "":
			word = firstLine(ch.LastError, 80)
		case !ch.Running:
			word = "not running"
		}
		parts = append(parts, title(ch.Name)+" "+word)
	}
	if len(parts) == 0 {
		return "none configured"
	}
	return strings.Join(parts, ", ")
}

func accountLine(a openclaw.ChannelAccount, now time.Time) string {
	s := a.Lifecycle
	if s == "" {
		s = "connected"
		if !a.Connected {
			s = "not connected"
		}
	}
	if a.LastError != "" {
		s += ", " + firstLine(a.LastError, 80)
	}
	if !a.LastInAt.IsZero() {
		s += ", heard " + ago(a.LastInAt, now)
	}
	return s
}

// consoleLine says how the console fares, and how it did: to be asked it must be able
// to write again, so what was wrong a moment ago is over by then.
func consoleLine(cs ConsoleState, now time.Time) string {
	line := "ok"
	switch age := now.Sub(cs.PolledAt); {
	case len(cs.Faults) > 0:
		line = strings.Join(cs.Faults, "; ")
	case cs.PolledAt.IsZero():
		line = "Telegram not reached yet"
	case age > 90*time.Second:
		line = "Telegram last reached " + ago(cs.PolledAt, now)
	}
	if cs.LastFault != "" {
		line += "; last fault " + cs.LastFault
	}
	return line
}

// serviceLine says what the service manager knows of the gateway.
func serviceLine(r openclaw.GatewayReport) string {
	switch {
	case r.Service == "" || !r.ServiceLoaded:
		return "not installed as one"
	case r.ServiceStatus == "":
		return r.Service
	}
	return r.Service + ", " + r.ServiceStatus
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
