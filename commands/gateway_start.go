package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clawconsole/exec"
	"clawconsole/openclaw"
)

// GatewayStart does /gateway start: it runs the configured command for a gateway
// that is dead, and waits until it answers.
type GatewayStart struct{}

// startWithin is how long the configured command may take; what it started may
// stay.
const startWithin = 30 * time.Second

func (*GatewayStart) run(ctx context.Context, c *call) (Result, error) {
	if len(c.Start) == 0 {
		return Result{}, &Failure{Message: "openclaw.start is not configured", Hint: "set it, for example to systemctl --user start openclaw-gateway"}
	}
	switch why := c.ready(ctx); {
	case why == nil:
		return Result{}, &Failure{Message: "the gateway is up", Hint: "/gateway restart restarts it"}
	case errors.Is(why, openclaw.ErrHanging), errors.Is(why, openclaw.ErrDraining):
		return Result{}, &Failure{Message: "the gateway is not dead: " + lowerFirst(strings.TrimSuffix(c.gatewayLine(why), ".")), Hint: "/gateway restart restarts it"}
	case !errors.Is(why, openclaw.ErrDown):
		return Result{}, c.failed("start", why)
	}
	before := c.identify(ctx)
	began := time.Now()
	out, err := exec.Run(ctx, exec.Spec{
		Argv: c.Start, Env: c.StartEnv, Timeout: startWithin, MaxOutput: 4096, KeepDaemons: true,
	})
	line := strings.Join(c.Start, " ")
	if err != nil {
		return Result{}, &Failure{Message: fmt.Sprintf("cannot run %s", quote(line)), Hint: "check openclaw.start", Err: err}
	}
	if out.ExitCode != 0 {
		res := Result{Failed: true, Summary: fmt.Sprintf("%s: %s", clip(line, 60), ending(out))}
		if text := strings.TrimSpace(string(out.Output)); text != "" {
			res.Blocks = append(res.Blocks, Block{Kind: Pre, Text: text, Oldest: true})
		}
		return res, nil
	}
	end, cancel := context.WithDeadline(ctx, began.Add(restartWithin))
	defer cancel()
	_, back := c.awaitReboot(end, before.bootID, func(waited time.Duration, phase openclaw.Phase) {
		c.progress(Result{Blocks: []Block{prose(fmt.Sprintf("The gateway is %s, %s since the start.", phase, longDuration(waited.Truncate(time.Second))))}})
	})
	if back.IsZero() {
		res := c.notBack(ctx, "")
		res.Summary = "started, but " + res.Summary
		res.Hint = "see /gateway status"
		return res, nil
	}
	after := c.identify(ctx)
	return Result{
		Summary: "gateway started, ready after " + longDuration(back.Sub(began)),
		Blocks:  []Block{{Kind: Fields, Items: proof(before, after)}},
	}, nil
}

// ending says how a program ended: "exit code 3", "timed out".
func ending(r exec.Result) string {
	switch {
	case r.TimedOut:
		return "timed out, killed"
	case r.Canceled:
		return "stopped"
	case r.Signal != "":
		return "ended by " + r.Signal
	}
	return fmt.Sprintf("exit code %d", r.ExitCode)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
