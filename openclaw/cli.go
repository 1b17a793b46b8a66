package openclaw

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clawconsole/exec"
)

// A CLI runs the openclaw program. It is slow (a node process for each call) and
// works when the socket does not: some answers come from files of the gateway's
// host. Its exit code is not trusted: it is 0 for a gateway that is down.
//
// It finds its gateway by itself, in its own configuration: one that is told the
// address does not read that gateway's files, and its restart goes by a lock file
// whatever the address. So Port holds it to ours. OPENCLAW_GATEWAY_URL must not be in
// Env. Source: openclaw 2026.9.6, docs/cli/logs.md.
type CLI struct {
	Command []string      // program and first arguments: ["openclaw"]; empty: every call fails with ErrNoCLI
	Env     []string      // environment of the program, exactly this; with PATH, HOME and what finds the gateway
	Dir     string        // working directory; empty: ours
	Timeout time.Duration // of one call whose context has no deadline; default 9 s
	Port    int           // of the gateway that it has to be about, else calls fail with ErrOtherGateway; 0: any

	checking sync.Mutex
	ours     atomic.Bool // it has said that it is about that gateway
}

// ErrNoCLI is returned when no openclaw program is configured or it cannot be
// started.
var ErrNoCLI = errors.New("no openclaw program")

// ErrOtherGateway is returned when the openclaw program is configured for another
// gateway of this host than ours.
var ErrOtherGateway = errors.New("the openclaw program is configured for another gateway")

const (
	cliTimeout     = 9 * time.Second
	cliRestartTime = 60 * time.Second
	cliMaxOutput   = 8 << 20 // of JSON; 5,000 log lines are about 4 MB
	cliGatewayWait = "3000"  // ms that the program waits for the gateway; without it, status takes over 60 s when that is down
)

// A CLIError is the program's own account of a failure.
type CLIError struct {
	Args     []string
	ExitCode int
	Kind     string // error.type: cli_error, gateway_transport_error; empty: it did not say
	Message  string // its words, untrusted, may have several lines
}

// Error names the command and the first line of its message.
func (e *CLIError) Error() string {
	first, _, _ := strings.Cut(strings.TrimSpace(e.Message), "\n")
	return fmt.Sprintf("openclaw %s: %s (exit code %d)", strings.Join(e.Args, " "), oneLine(cmp.Or(first, "no output"), 300), e.ExitCode)
}

// Run runs the program with args to its end and returns how it ended. Output is
// standard output only. It blocks for at most c.Timeout or ctx's deadline, if
// ctx has one. What it started and left behind (a gateway) lives on. The error
// wraps [ErrNoCLI] or [ErrTimeout]; a bad exit code is no error.
func (c *CLI) Run(ctx context.Context, args ...string) (exec.Result, error) {
	if c == nil || len(c.Command) == 0 {
		return exec.Result{}, ErrNoCLI
	}
	timeout := cmp.Or(max(c.Timeout, 0), cliTimeout)
	if end, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(end), time.Millisecond)
	}
	r, err := exec.Run(ctx, exec.Spec{
		Argv: append(append([]string{}, c.Command...), args...), Dir: c.Dir, Env: c.Env,
		Timeout: timeout, Grace: 500 * time.Millisecond, MaxOutput: cliMaxOutput,
		Separate: true, KeepDaemons: true,
	})
	switch {
	case ctx.Err() != nil && err != nil:
		return r, fmt.Errorf("openclaw %s: %w", args[0], contextError(ctx))
	case err != nil:
		return r, fmt.Errorf("%w: %w", ErrNoCLI, err)
	case r.TimedOut:
		return r, fmt.Errorf("openclaw %s: %w after %s", strings.Join(args, " "), ErrTimeout, r.Duration.Round(100*time.Millisecond))
	case r.Canceled:
		return r, fmt.Errorf("openclaw %s: %w", strings.Join(args, " "), contextError(ctx))
	}
	return r, nil
}

// json runs the program and decodes its standard output, whatever its exit code:
// that is 0 for a gateway that is down.
func (c *CLI) json(ctx context.Context, out any, args ...string) error {
	r, err := c.Run(ctx, args...)
	if err != nil {
		return err
	}
	var failure struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	fail := &CLIError{Args: args, ExitCode: r.ExitCode}
	// An error may be an object or a string among other keys; only the former
	// with a type is a failure of the command.
	if json.Unmarshal(r.Output, &failure) == nil && failure.Error.Type != "" {
		fail.Kind, fail.Message = failure.Error.Type, failure.Error.Message
		return fail
	}
	if err := json.Unmarshal(r.Output, out); err != nil {
		fail.Message = cmp.Or(strings.TrimSpace(string(r.Stderr)), strings.TrimSpace(string(r.Output)))
		if r.ExitCode == 0 {
			fail.Message = "its answer is not the JSON that was expected: " + err.Error()
		}
		return fail
	}
	return nil
}

// GatewayReport is what the CLI finds out about the gateway.
// Source: openclaw gateway status --json.
type GatewayReport struct {
	Reachable     bool // rpc.ok
	Version       string
	Error         string // why not reachable
	Port          int
	PortStatus    string // busy, free
	Listeners     []Listener
	Bind          string
	Service       string // service manager in words; may say that there is none
	ServiceLoaded bool
	ServiceStatus string // running, stopped, unknown, ...
	ConfigPath    string
}

// A Listener is a process that listens on the gateway's port.
type Listener struct {
	PID     int
	Command string
}

// RestartReport is the CLI's account of a restart, which it waits for.
// Source: openclaw gateway restart --json.
type RestartReport struct {
	Asked   bool // the program was run to do it; false: certainly nothing was done
	OK      bool
	Result  string // restarted, ...
	Message string // why not
}

// GatewayStatus reports on the gateway's process, port and service manager.
func (c *CLI) GatewayStatus(ctx context.Context) (GatewayReport, error) {
	var w struct {
		RPC struct {
			OK      bool   `json:"ok"`
			Version string `json:"version"`
			Error   string `json:"error"`
		} `json:"rpc"`
		Gateway struct {
			BindMode string `json:"bindMode"`
			BindHost string `json:"bindHost"`
			Version  string `json:"version"`
		} `json:"gateway"`
		Port struct {
			Port      int    `json:"port"`
			Status    string `json:"status"`
			Listeners []struct {
				PID     int    `json:"pid"`
				Command string `json:"command"`
			} `json:"listeners"`
		} `json:"port"`
		Service struct {
			Label   string `json:"label"`
			Loaded  bool   `json:"loaded"`
			Runtime struct {
				Status string `json:"status"`
			} `json:"runtime"`
		} `json:"service"`
		Config struct {
			CLI struct {
				Path string `json:"path"`
			} `json:"cli"`
		} `json:"config"`
	}
	if err := c.json(ctx, &w, "gateway", "status", "--json", "--timeout", cliGatewayWait); err != nil {
		return GatewayReport{}, err
	}
	r := GatewayReport{
		Reachable: w.RPC.OK, Version: cmp.Or(w.RPC.Version, w.Gateway.Version), Error: w.RPC.Error,
		Port: w.Port.Port, PortStatus: w.Port.Status, Bind: cmp.Or(w.Gateway.BindMode, w.Gateway.BindHost),
		Service: w.Service.Label, ServiceLoaded: w.Service.Loaded, ServiceStatus: w.Service.Runtime.Status,
		ConfigPath: w.Config.CLI.Path,
	}
	for _, l := range w.Port.Listeners {
		r.Listeners = append(r.Listeners, Listener{l.PID, l.Command})
	}
	if c.Port != 0 && c.Port != r.Port {
		return GatewayReport{}, fmt.Errorf("%w: on port %d, not %d", ErrOtherGateway, r.Port, c.Port)
	}
	c.ours.Store(true)
	return r, nil
}

// check asks the program which gateway it is about, until it has once said ours.
func (c *CLI) check(ctx context.Context) error {
	if c == nil || c.Port == 0 {
		return nil
	}
	c.checking.Lock() // whoever comes second has the answer of the first
	defer c.checking.Unlock()
	if c.ours.Load() {
		return nil
	}
	_, err := c.GatewayStatus(ctx)
	return err
}

// checked is what read returns, if it is about our gateway. Both are found out at once:
// each takes seconds.
func checked[T any](ctx context.Context, c *CLI, read func() (T, error)) (T, error) {
	about := make(chan error, 1)
	go func() { about <- c.check(ctx) }()
	v, err := read()
	if other := <-about; other != nil {
		var none T
		return none, other
	}
	return v, err
}

// Sessions lists sessions of all agents, or of one, from the local database,
// which works on the gateway's host only, also when the gateway is down or
// hangs. Busy is not known, and Offset, Search and Label are ignored.
func (c *CLI) Sessions(ctx context.Context, p SessionsParams) (SessionList, error) {
	return checked(ctx, c, func() (SessionList, error) { return c.sessions(ctx, p) })
}

func (c *CLI) sessions(ctx context.Context, p SessionsParams) (SessionList, error) {
	args := []string{"sessions", "--json", "--limit", strconv.Itoa(cmp.Or(max(p.Limit, 0), 10))}
	if p.AgentID != "" {
		args = append(args, "--agent="+p.AgentID)
	} else {
		args = append(args, "--all-agents")
	}
	if p.Active > 0 {
		args = append(args, "--active", strconv.Itoa(minutes(p.Active)))
	}
	var w struct {
		TotalCount int           `json:"totalCount"`
		HasMore    bool          `json:"hasMore"`
		Sessions   []wireSession `json:"sessions"`
	}
	if err := c.json(ctx, &w, args...); err != nil {
		return SessionList{}, err
	}
	l := SessionList{Total: w.TotalCount, More: w.HasMore, Source: "local database"}
	for _, s := range w.Sessions {
		l.Sessions = append(l.Sessions, s.session())
	}
	return l, nil
}

// Logs returns the end of the log; Source says where from.
func (c *CLI) Logs(ctx context.Context, limit int) (LogPage, error) {
	return checked(ctx, c, func() (LogPage, error) { return c.logs(ctx, limit) })
}

func (c *CLI) logs(ctx context.Context, limit int) (LogPage, error) {
	args := []string{"logs", "--json", "--limit", strconv.Itoa(cmp.Or(max(limit, 0), 100)), "--max-bytes", "1000000", "--timeout", cliGatewayWait}
	r, err := c.Run(ctx, args...)
	if err != nil {
		return LogPage{}, err
	}
	page := LogPage{Source: "gateway"}
	seen := false
	for line := range bytes.Lines(r.Output) {
		var w struct {
			Type          string `json:"type"`
			File          string `json:"file"`
			Cursor        int64  `json:"cursor"`
			LocalFallback bool   `json:"localFallback"`
			Raw           string `json:"raw"`
			Message       string `json:"message"`
		}
		if json.Unmarshal(line, &w) != nil {
			continue
		}
		switch w.Type {
		case "meta":
			seen = true
			page.File, page.Cursor = w.File, w.Cursor
			if w.LocalFallback {
				page.Source = "log file"
			}
		case "log", "raw":
			seen = true
			page.Lines = append(page.Lines, parseLogLine(w.Raw))
		case "notice":
			page.Truncated = page.Truncated || strings.Contains(w.Message, "truncated")
		}
	}
	if !seen {
		return LogPage{}, &CLIError{Args: args, ExitCode: r.ExitCode, Message: string(r.Stderr)}
	}
	return page, nil
}

// Restart restarts a gateway on this host through its lock file or service
// manager and waits until it is healthy (about 10 s). Without a deadline in ctx
// it has 60 s. That it did not is in the report, not an error; with an error and
// Asked it is not known. A program that does not say which gateway it is about is not
// asked.
func (c *CLI) Restart(ctx context.Context) (RestartReport, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cliRestartTime)
		defer cancel()
	}
	if c != nil && c.Port != 0 {
		if _, err := c.GatewayStatus(ctx); err != nil {
			return RestartReport{}, err
		}
	}
	args := []string{"gateway", "restart", "--json"}
	r, err := c.Run(ctx, args...)
	if err != nil {
		return RestartReport{Asked: !errors.Is(err, ErrNoCLI)}, err
	}
	var w struct {
		OK      bool            `json:"ok"`
		Result  string          `json:"result"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(r.Output, &w); err != nil {
		return RestartReport{Asked: true}, &CLIError{Args: args, ExitCode: r.ExitCode, Message: cmp.Or(strings.TrimSpace(string(r.Stderr)), string(r.Output))}
	}
	report := RestartReport{Asked: true, OK: w.OK && r.ExitCode == 0, Result: w.Result, Message: w.Message}
	if len(w.Error) > 0 && report.Message == "" {
		report.Message = words(w.Error)
	}
	return report, nil
}

// Version returns the program's version: "2026.9.6".
func (c *CLI) Version(ctx context.Context) (string, error) {
	r, err := c.Run(ctx, "--version")
	if err != nil {
		return "", err
	}
	f := strings.Fields(string(r.Output)) // OpenClaw 2026.9.6 (eb377ac)
	if r.ExitCode != 0 || len(f) < 2 {
		return "", &CLIError{Args: []string{"--version"}, ExitCode: r.ExitCode, Message: string(r.Stderr)}
	}
	return f[1], nil
}
