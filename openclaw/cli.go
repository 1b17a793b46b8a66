package openclaw

import (
	"context"
	"errors"
	"time"
)

// A CLI runs the openclaw program. It is slow (a node process for each call) and
// works when the socket does not: some answers come from files of the gateway's
// host. Its exit code is not trusted: it is 0 for a gateway that is down.
type CLI struct {
	Command []string      // program and first arguments: ["openclaw"]; empty: every call fails with ErrNoCLI
	Env     []string      // environment of the program, exactly this; with PATH, HOME and what finds the gateway
	Dir     string        // working directory; empty: ours
	Timeout time.Duration // of one call; default 9 s
}

// ErrNoCLI is returned when no openclaw program is configured or it cannot be
// started.
var ErrNoCLI = errors.New("no openclaw program")

// GatewayReport is what the CLI finds out about the gateway.
// Source: openclaw gateway status --json.
type GatewayReport struct {
	Reachable      bool // rpc.ok
	Version        string
	Error          string // why not reachable
	Port           int
	PortStatus     string // busy, free
	Listeners      []Listener
	Bind           string
	ServiceKind    string // systemd, launchd, ...; empty: none
	ServiceLoaded  bool
	ServiceRunning bool
	ConfigPath     string
}

// A Listener is a process that listens on the gateway's port.
type Listener struct {
	PID     int
	Command string
}

// StatusReport is the CLI's summary.
// Source: openclaw status --json.
type StatusReport struct {
	Status
	Reachable bool // gateway.reachable
	URL       string
	Latency   time.Duration
	Error     string // why not reachable
}

// RestartReport is the CLI's account of a restart, which it waits for.
// Source: openclaw gateway restart --json.
type RestartReport struct {
	OK      bool
	Result  string // restarted, ...
	Message string // why not
}

// GatewayStatus reports on the gateway's process, port and service manager.
func (c *CLI) GatewayStatus(ctx context.Context) (GatewayReport, error) {
	return GatewayReport{}, errors.ErrUnsupported
}

// Status reports the summary; what Reachable false leaves is from local files.
func (c *CLI) Status(ctx context.Context) (StatusReport, error) {
	return StatusReport{}, errors.ErrUnsupported
}

// Sessions lists sessions of all agents from the local database, which works on
// the gateway's host only, also when the gateway is down. Offset and Search are
// ignored.
func (c *CLI) Sessions(ctx context.Context, p SessionsParams) (SessionList, error) {
	return SessionList{}, errors.ErrUnsupported
}

// Logs returns the end of the log; Source says where from.
func (c *CLI) Logs(ctx context.Context, limit int) (LogPage, error) {
	return LogPage{}, errors.ErrUnsupported
}

// CronJobs lists all jobs; it needs the gateway.
func (c *CLI) CronJobs(ctx context.Context) ([]CronJob, error) { return nil, errors.ErrUnsupported }

// CronRuns returns runs of a job, newest first; it needs the gateway.
func (c *CLI) CronRuns(ctx context.Context, id string, limit int) ([]CronRun, error) {
	return nil, errors.ErrUnsupported
}

// Restart restarts a gateway on this host through its lock file or service
// manager and waits until it is healthy (about 10 s). Without a deadline in ctx
// it has 60 s.
func (c *CLI) Restart(ctx context.Context) (RestartReport, error) {
	return RestartReport{}, errors.ErrUnsupported
}

// Version returns the program's version.
func (c *CLI) Version(ctx context.Context) (string, error) { return "", errors.ErrUnsupported }
