package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clawconsole/openclaw"
)

// GatewayStatus answers /gateway status: the gateway's process, by its own word
// and by that of the command line, which also sees port and service manager.
type GatewayStatus struct{}

func (*GatewayStatus) run(ctx context.Context, c *call) (Result, error) {
	var info openclaw.SystemInfo
	var flight openclaw.Preflight
	var report openclaw.GatewayReport
	var infoErr, flightErr, reportErr error
	reportErr = openclaw.ErrNoCLI

	why := c.ready(ctx)
	together(
		func() {
			if why != nil {
				return
			}
			short, cancel := context.WithTimeout(ctx, socketBudget)
			defer cancel()
			together(
				func() { info, infoErr = c.Gateway.SystemInfo(short) },
				func() { flight, flightErr = c.Gateway.Preflight(short) },
			)
			if away(infoErr) && away(flightErr) {
				why = infoErr
			}
		},
		func() {
			if c.CLI == nil {
				return
			}
			short, cancel := context.WithDeadline(ctx, c.began.Add(readWithin))
			defer cancel()
			report, reportErr = c.CLI.GatewayStatus(short)
		},
	)

	st, now := c.Gateway.State(), time.Now()
	var res Result
	var items []Item
	add := func(label, format string, args ...any) {
		items = append(items, Item{label, fmt.Sprintf(format, args...)})
	}
	if why != nil {
		res.Blocks = append(res.Blocks, prose(c.gatewayLine(why)))
		if !strings.Contains(st.Advice, "/gateway status") { // which this is
			res.Hint = st.Advice
		}
		if !st.LastUpAt.IsZero() {
			add("Last up", "%s", ago(st.LastUpAt, now))
		}
	} else {
		add("Reachable", "yes, connected %s", ago(st.Since, now))
	}
	switch {
	case st.Hello.Version != "":
		add("Version", "%s", st.Hello.Version)
	case reportErr == nil && report.Version != "":
		add("Version", "%s", report.Version)
	}
	if why == nil {
		if infoErr == nil {
			add("Process", "pid %d on %s", info.PID, info.Hostname)
			up := uptime(st, now)
			if up == 0 {
				up = info.Uptime
			}
			add("Uptime", "%s", longDuration(up))
		}
		if flightErr == nil {
			add("Work", "%s", workLine(flight))
		}
		if len(st.Missing) > 0 {
			add("Missing", "%s", scopeWords(st.Missing))
		}
	}
	switch {
	case errors.Is(reportErr, openclaw.ErrNoCLI):
		add("CLI", "not on this host")
	case errors.Is(reportErr, openclaw.ErrOtherGateway):
		add("CLI", "is set up for another gateway")
	case reportErr != nil:
		add("CLI", "did not answer")
	default:
		if report.Bind != "" {
			add("Bind", "%s, port %d", report.Bind, report.Port)
		}
		switch {
		case report.PortStatus == "free":
			add("Port", "%d is free: nothing listens", report.Port)
		case len(report.Listeners) > 0 && (why != nil || infoErr != nil):
			add("Port", "%d is held by %s, pid %d", report.Port, report.Listeners[0].Command, report.Listeners[0].PID)
		}
		add("Service", "%s", serviceLine(report))
		view := "reaches the gateway"
		if !report.Reachable {
			view = "does not reach the gateway"
		}
		add("CLI", "%s", view)
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: items})
	if why != nil {
		row := []Button{{Label: "Logs", Line: "/logs --tail 50"}}
		switch {
		case reportErr == nil && report.PortStatus == "free" && len(c.Start) > 0:
			row = append(row, Button{Label: "Start", Line: "/gateway start", Style: Good})
			res.Hint = ""
		case errors.Is(why, openclaw.ErrHanging), errors.Is(why, openclaw.ErrTimeout), errors.Is(why, context.DeadlineExceeded):
			row = append(row, Button{Label: "Restart", Line: "/gateway restart", Style: Serious})
		}
		res.Buttons = [][]Button{row}
	}
	return res, nil
}

// workLine says what a restart would wait for.
func workLine(p openclaw.Preflight) string {
	if p.Safe {
		return "idle, safe to restart"
	}
	return blockersLine(p)
}

func blockersLine(p openclaw.Preflight) string {
	var parts []string
	for _, b := range p.Blockers {
		parts = append(parts, blockerText(b))
	}
	if len(parts) == 0 {
		return firstLine(p.Summary, 120)
	}
	return strings.Join(parts, "; ")
}

// blockerText says one thing that a restart waits for. A task comes as "taskId=…
// runId=… status=running runtime=cli title=…", of which the title is for people.
func blockerText(b openclaw.Blocker) string {
	text := firstLine(b.Message, 120)
	if strings.HasPrefix(text, "taskId=") {
		if _, name, ok := strings.Cut(text, " title="); ok && name != "" {
			return "task: " + name
		}
	}
	if text == "" {
		text = count(b.Count, strings.ReplaceAll(b.Kind, "-", " "))
	}
	return text
}
