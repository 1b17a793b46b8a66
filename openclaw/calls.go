package openclaw

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Health is the gateway's view of itself.
// Source: health.
type Health struct {
	OK             bool
	At             time.Time // when the gateway looked; it caches
	DefaultAgentID string
	PluginErrors   []string
	Channels       map[string]json.RawMessage
	EventLoop      EventLoop
}

// EventLoop says how busy the gateway's one thread is. Degraded with reason
// "cpu" is common on a small host and no outage.
type EventLoop struct {
	Degraded    bool
	Reasons     []string
	DelayP99    time.Duration
	Utilization float64 // 0 to 1
}

// Status is the gateway's summary.
// Source: status.
type Status struct {
	Version        string
	PID            int
	Sessions       int      // all that are known
	ChannelSummary []string // "Telegram: configured"; untrusted
	SystemEvents   int      // queued
	TasksActive    int
	TasksTotal     int
	TasksFailed    int
	RSSBytes       int64
	EventLoop      EventLoop
}

// SystemInfo is about the gateway's process and host.
// Source: system.info.
type SystemInfo struct {
	Hostname    string
	PID         int
	InstanceID  string
	Uptime      time.Duration
	Port        int
	NodeVersion string
	CPUs        int
	Load        [3]float64 // 1, 5 and 15 minutes
	MemoryTotal int64      // bytes
	MemoryFree  int64      // bytes
	Disks       []Disk
}

// A Disk is a file system of the gateway's host.
type Disk struct {
	Path      string
	TotalByte int64
	FreeByte  int64
}

// SessionsParams narrows a list of sessions. The zero value means the newest 10.
type SessionsParams struct {
	Limit   int           // rows; default 10
	Offset  int           // rows to skip
	Active  time.Duration // only those used within; whole minutes; zero: all
	AgentID string        // only that agent's
	Search  string
	Label   string
}

// SessionList is one page of sessions.
type SessionList struct {
	Sessions   []Session
	Total      int // of all pages; -1: not said
	More       bool
	NextOffset int
	Source     string // "gateway", or "local database" by the CLI
}

// A Session is a conversation with an agent. Label and Title are untrusted.
// Source: a row of sessions.list.
type Session struct {
	Key            string
	ID             string
	AgentID        string
	Kind           string // direct, group, cron, ...
	Classification string // main, direct, custom, ...
	Main           bool
	Background     bool
	Label          string
	Title          string // display name
	Status         string // running, done, ...; empty before the first turn
	Busy           bool   // has an active run
	ActiveRunIDs   []string
	UpdatedAt      time.Time
	CreatedAt      time.Time
	Model          string
	Provider       string
	TotalTokens    int64 // in the context now; 0: unknown
	ContextTokens  int64 // size of the context; 0: unknown
	CostUSD        float64
	Unread         bool
	LastMessage    string // only if asked for
}

// ContextUsed is the share of the context in use, 0 to 1, or -1 if unknown.
func (s Session) ContextUsed() float64 {
	if s.ContextTokens <= 0 || s.TotalTokens <= 0 {
		return -1
	}
	return float64(s.TotalTokens) / float64(s.ContextTokens)
}

// An Agent is one of the gateway's agents.
type Agent struct {
	ID      string
	Name    string
	Model   string
	Default bool
}

// A LogLine is one line of the gateway's log. Message is untrusted; the gateway
// has masked some secrets in it, not all.
type LogLine struct {
	At        time.Time // zero: the line is not in the gateway's format
	Level     string    // debug, info, warn, error; empty: unknown
	Subsystem string    // gateway/ws
	Message   string
}

// LogsParams asks for the end of the log, or for what came after Cursor.
type LogsParams struct {
	Limit    int   // lines, at most 5000; default 100
	MaxBytes int   // default and at most 1,000,000
	Cursor   int64 // of the page before; 0: the end of the log
}

// LogPage is a piece of the log, oldest line first.
type LogPage struct {
	Lines     []LogLine
	File      string // on the gateway's host
	Cursor    int64  // for the next page
	Truncated bool   // lines before were left out
	Reset     bool   // the cursor was of another file: this is the end of the new one
	Source    string // "gateway", or "log file" by the CLI when the gateway is down
}

// A CronJob is an automation. Name is untrusted.
// Source: cron.list.
type CronJob struct {
	ID           string
	Name         string
	Description  string
	Enabled      bool
	AgentID      string
	Schedule     Schedule
	Payload      string // agentTurn, systemEvent, command, script
	Builtin      bool   // declared by OpenClaw itself
	Running      bool
	NextRunAt    time.Time     // zero: none
	LastRunAt    time.Time     // zero: never
	LastStatus   string        // ok, error, skipped; empty: never ran
	LastDuration time.Duration //
	LastError    string        // untrusted
	Errors       int           // in a row
}

// A Schedule says when a job runs.
type Schedule struct {
	Kind  string        // cron, every, at, on-exit, stream
	Expr  string        // of cron: "0 6 * * *"
	Zone  string        // of cron: "Europe/Berlin"; empty: the gateway's
	Every time.Duration // of every
	At    time.Time     // of at
}

// CronRunsParams asks for the history of a job, of one run, or of all jobs.
type CronRunsParams struct {
	JobID string // empty: all jobs
	RunID string
	Limit int // default 5
}

// A CronRun is one run of a job. Summary and Error are untrusted.
// Source: cron.runs, event cron.
type CronRun struct {
	JobID      string
	JobName    string
	RunID      string
	Status     string // ok, error, skipped
	Completion string // succeeded, failed, ...
	Summary    string
	Error      string
	ExitCode   int       // of commands; -1: unknown
	At         time.Time // when it ended
	StartedAt  time.Time
	Duration   time.Duration
	NextRunAt  time.Time
	SessionKey string
}

// CronStart is the answer to starting a job.
type CronStart struct {
	RunID    string // empty: not started
	Started  bool
	Why      string // why not
	Instance string // process instance of the gateway that has it
}

// A Channel is a chat channel of OpenClaw and its accounts.
// Source: channels.status.
type Channel struct {
	Name       string
	Configured bool
	Running    bool
	Mode       string
	LastError  string // untrusted
	Accounts   []ChannelAccount
}

// A ChannelAccount is one account of a channel.
type ChannelAccount struct {
	ID        string
	Lifecycle string
	Connected bool
	LastError string
	LastInAt  time.Time
}

// Preflight says what a restart would wait for.
// Source: gateway.restart.preflight.
type Preflight struct {
	Safe     bool
	Summary  string
	Blockers []Blocker
}

// A Blocker is work in flight.
type Blocker struct {
	Kind    string // reply, embedded-run, ...
	Count   int
	Message string
}

// RestartAnswer is what the gateway says to a request for a restart.
// Source: gateway.restart.request.
type RestartAnswer struct {
	Status    string // "scheduled", or "deferred" while busy
	PID       int
	Delay     time.Duration
	Coalesced bool // one was under way already
	Preflight Preflight
}

// Health returns the gateway's health; with probe it looks anew instead of
// answering from its cache (read).
func (g *Gateway) Health(ctx context.Context, probe bool) (Health, error) {
	return Health{}, errors.ErrUnsupported
}

// Status returns the gateway's summary (read).
func (g *Gateway) Status(ctx context.Context) (Status, error) {
	return Status{}, errors.ErrUnsupported
}

// SystemInfo returns pid, uptime and host figures (read).
func (g *Gateway) SystemInfo(ctx context.Context) (SystemInfo, error) {
	return SystemInfo{}, errors.ErrUnsupported
}

// Sessions lists sessions, most recently used first (read).
func (g *Gateway) Sessions(ctx context.Context, p SessionsParams) (SessionList, error) {
	return SessionList{}, errors.ErrUnsupported
}

// ResolveSession finds the one session that ref means: a key ("main" and the
// full key work), a label, a session id or a short id. [ErrNotFound] if there is
// none (read).
func (g *Gateway) ResolveSession(ctx context.Context, ref string) (key, agentID string, err error) {
	return "", "", errors.ErrUnsupported
}

// Agents lists the gateway's agents (read).
func (g *Gateway) Agents(ctx context.Context) ([]Agent, error) {
	return nil, errors.ErrUnsupported
}

// Logs returns a piece of the log (read). To follow it, call again with the
// Cursor of the page before.
func (g *Gateway) Logs(ctx context.Context, p LogsParams) (LogPage, error) {
	return LogPage{}, errors.ErrUnsupported
}

// CronJobs lists all jobs, disabled ones too (read).
func (g *Gateway) CronJobs(ctx context.Context) ([]CronJob, error) {
	return nil, errors.ErrUnsupported
}

// CronRuns returns finished runs, newest first (read).
func (g *Gateway) CronRuns(ctx context.Context, p CronRunsParams) ([]CronRun, error) {
	return nil, errors.ErrUnsupported
}

// CronRun starts job id now, due or not, and returns at once; the end is told by
// the event [CronChanged] with the same run id, or asked for with CronRuns.
// [ErrNotFound] if there is no such job (admin).
func (g *Gateway) CronRun(ctx context.Context, id string) (CronStart, error) {
	return CronStart{}, errors.ErrUnsupported
}

// Channels returns OpenClaw's own chat channels in their order; with probe it
// asks them (read).
func (g *Gateway) Channels(ctx context.Context, probe bool) ([]Channel, error) {
	return nil, errors.ErrUnsupported
}

// Preflight says what a restart would wait for (read).
func (g *Gateway) Preflight(ctx context.Context) (Preflight, error) {
	return Preflight{}, errors.ErrUnsupported
}

// Restart asks the gateway to restart itself; with now it closes admission at
// once and does not wait for work in flight to begin draining (admin). The
// answer comes before the restart; [Gateway.AwaitReboot] waits for its end.
func (g *Gateway) Restart(ctx context.Context, reason string, now bool) (RestartAnswer, error) {
	return RestartAnswer{}, errors.ErrUnsupported
}
