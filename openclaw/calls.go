package openclaw

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// SystemInfo is about the gateway's process and host. PID, InstanceID and Uptime
// outlive a restart in place; Hello.BootID does not.
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
	AgentID        string
	Kind           string // direct, group, cron, ...
	Classification string // main, direct, custom, ...
	Label          string
	Title          string // display name
	Status         string // running, done, ...; empty before the first turn
	Busy           bool   // has an active run
	UpdatedAt      time.Time
	Model          string
	TotalTokens    int64 // in the context now; 0: unknown
	ContextTokens  int64 // size of the context; 0: unknown
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
	var raw json.RawMessage
	if err := g.Call(ctx, "health", withProbe(probe), &raw); err != nil {
		return Health{}, err
	}
	return DecodeHealth(raw)
}

// DecodeHealth decodes the payload of an [OtherEvent] named "health".
func DecodeHealth(raw json.RawMessage) (Health, error) {
	var w struct {
		OK             bool                       `json:"ok"`
		TS             instant                    `json:"ts"`
		DefaultAgentID string                     `json:"defaultAgentId"`
		Channels       map[string]json.RawMessage `json:"channels"`
		EventLoop      wireEventLoop              `json:"eventLoop"`
		Plugins        struct {
			Errors []json.RawMessage `json:"errors"`
		} `json:"plugins"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Health{}, fmt.Errorf("health: read the answer: %w", err)
	}
	h := Health{OK: w.OK, At: w.TS.Time, DefaultAgentID: w.DefaultAgentID, Channels: w.Channels, EventLoop: w.EventLoop.loop()}
	for _, e := range w.Plugins.Errors {
		h.PluginErrors = append(h.PluginErrors, words(e))
	}
	return h, nil
}

func withProbe(probe bool) map[string]any {
	if probe {
		return map[string]any{"probe": true}
	}
	return map[string]any{}
}

// words returns a JSON string's text, an object's message, or the JSON itself.
func words(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var o struct {
		ID, PluginID, Plugin, Message, Error string
	}
	if json.Unmarshal(raw, &o) == nil {
		text := cmp.Or(o.Message, o.Error)
		if id := cmp.Or(o.PluginID, o.Plugin, o.ID); id != "" && text != "" {
			return id + ": " + text
		} else if text != "" {
			return text
		}
	}
	return string(raw)
}

type wireEventLoop struct {
	Degraded    bool     `json:"degraded"`
	Reasons     []string `json:"reasons"`
	DelayP99Ms  ms       `json:"delayP99Ms"`
	Utilization float64  `json:"utilization"`
}

func (w wireEventLoop) loop() EventLoop {
	return EventLoop{w.Degraded, w.Reasons, w.DelayP99Ms.duration(), w.Utilization}
}

type wireStatus struct {
	RuntimeVersion     string            `json:"runtimeVersion"`
	PID                int               `json:"pid"`
	ChannelSummary     []string          `json:"channelSummary"`
	QueuedSystemEvents []json.RawMessage `json:"queuedSystemEvents"`
	Sessions           struct {
		Count int `json:"count"`
	} `json:"sessions"`
	Tasks struct {
		Total    int `json:"total"`
		Active   int `json:"active"`
		Failures int `json:"failures"`
	} `json:"tasks"`
	ProcessMemory struct {
		RSSBytes int64 `json:"rssBytes"`
	} `json:"processMemory"`
	EventLoop wireEventLoop `json:"eventLoop"`
}

func (w wireStatus) status() Status {
	return Status{
		Version: w.RuntimeVersion, PID: w.PID, Sessions: w.Sessions.Count,
		ChannelSummary: w.ChannelSummary, SystemEvents: len(w.QueuedSystemEvents),
		TasksActive: w.Tasks.Active, TasksTotal: w.Tasks.Total, TasksFailed: w.Tasks.Failures,
		RSSBytes: w.ProcessMemory.RSSBytes, EventLoop: w.EventLoop.loop(),
	}
}

// Status returns the gateway's summary (read).
func (g *Gateway) Status(ctx context.Context) (Status, error) {
	var w wireStatus
	err := g.Call(ctx, "status", map[string]any{}, &w)
	return w.status(), err
}

// SystemInfo returns pid, uptime and host figures (read).
func (g *Gateway) SystemInfo(ctx context.Context) (SystemInfo, error) {
	var w struct {
		Hostname          string    `json:"hostname"`
		PID               int       `json:"pid"`
		ProcessInstanceID string    `json:"processInstanceId"`
		UptimeMs          ms        `json:"uptimeMs"`
		Port              int       `json:"port"`
		NodeVersion       string    `json:"nodeVersion"`
		CPUCount          int       `json:"cpuCount"`
		LoadAverage       []float64 `json:"loadAverage"`
		MemoryTotalBytes  int64     `json:"memoryTotalBytes"`
		MemoryFreeBytes   int64     `json:"memoryFreeBytes"`
		Disks             []struct {
			Path           string `json:"path"`
			TotalBytes     int64  `json:"totalBytes"`
			AvailableBytes int64  `json:"availableBytes"`
		} `json:"disks"`
	}
	if err := g.Call(ctx, "system.info", map[string]any{}, &w); err != nil {
		return SystemInfo{}, err
	}
	s := SystemInfo{
		Hostname: w.Hostname, PID: w.PID, InstanceID: w.ProcessInstanceID, Uptime: w.UptimeMs.duration(),
		Port: w.Port, NodeVersion: w.NodeVersion, CPUs: w.CPUCount,
		MemoryTotal: w.MemoryTotalBytes, MemoryFree: w.MemoryFreeBytes,
	}
	copy(s.Load[:], w.LoadAverage)
	for _, d := range w.Disks {
		s.Disks = append(s.Disks, Disk{d.Path, d.TotalBytes, d.AvailableBytes})
	}
	return s, nil
}

// wireSession is a row of sessions.list, sessions.describe and of the CLI's list.
type wireSession struct {
	Key            string  `json:"key"`
	AgentID        string  `json:"agentId"`
	Kind           string  `json:"kind"`
	Classification string  `json:"classification"`
	Label          string  `json:"label"`
	DisplayName    string  `json:"displayName"`
	Status         string  `json:"status"`
	HasActiveRun   bool    `json:"hasActiveRun"`
	UpdatedAt      instant `json:"updatedAt"`
	Model          string  `json:"model"`
	TotalTokens    int64   `json:"totalTokens"`
	ContextTokens  int64   `json:"contextTokens"`
}

func (w wireSession) session() Session {
	return Session{
		Key: w.Key, AgentID: w.AgentID, Kind: w.Kind, Classification: w.Classification,
		Label: w.Label, Title: w.DisplayName, Status: w.Status, Busy: w.HasActiveRun,
		UpdatedAt: w.UpdatedAt.Time, Model: w.Model, TotalTokens: w.TotalTokens, ContextTokens: w.ContextTokens,
	}
}

// Sessions lists sessions, most recently used first (read).
func (g *Gateway) Sessions(ctx context.Context, p SessionsParams) (SessionList, error) {
	q := map[string]any{"limit": cmp.Or(max(p.Limit, 0), 10)}
	if p.Offset > 0 {
		q["offset"] = p.Offset
	}
	if p.Active > 0 {
		q["activeMinutes"] = minutes(p.Active)
	}
	for k, v := range map[string]string{"agentId": p.AgentID, "search": p.Search, "label": p.Label} {
		if v != "" {
			q[k] = v
		}
	}
	var w struct {
		TotalCount *int          `json:"totalCount"`
		NextOffset int           `json:"nextOffset"`
		HasMore    bool          `json:"hasMore"`
		Sessions   []wireSession `json:"sessions"`
	}
	if err := g.Call(ctx, "sessions.list", q, &w); err != nil {
		return SessionList{}, err
	}
	l := SessionList{Total: -1, More: w.HasMore, NextOffset: w.NextOffset, Source: "gateway"}
	if w.TotalCount != nil {
		l.Total = *w.TotalCount
	}
	for _, s := range w.Sessions {
		l.Sessions = append(l.Sessions, s.session())
	}
	return l, nil
}

// minutes rounds d up to whole minutes.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// Session returns one session by its exact key; [ErrNotFound] if there is none
// (read).
// Source: sessions.describe.
func (g *Gateway) Session(ctx context.Context, key string) (Session, error) {
	var w struct {
		Session *wireSession `json:"session"`
	}
	if err := g.Call(ctx, "sessions.describe", map[string]any{"key": key}, &w); err != nil {
		return Session{}, err
	}
	if w.Session == nil {
		return Session{}, fmt.Errorf("session %q: %w", key, ErrNotFound)
	}
	return w.Session.session(), nil
}

// ResolveSession finds the one session that ref means: a key ("main" and the
// full key work), a label or a session id. [ErrNotFound] if there is none, also
// when ref is the key of a session that was never used (read).
// Source: sessions.resolve.
func (g *Gateway) ResolveSession(ctx context.Context, ref string) (key, agentID string, err error) {
	for _, by := range []string{"key", "label", "sessionId"} {
		var w struct {
			OK      bool   `json:"ok"`
			Key     string `json:"key"`
			AgentID string `json:"agentId"`
		}
		if err := g.Call(ctx, "sessions.resolve", map[string]any{by: ref, "allowMissing": true}, &w); err != nil {
			return "", "", err
		}
		if w.OK && w.Key != "" {
			return w.Key, w.AgentID, nil
		}
	}
	return "", "", fmt.Errorf("session %q: %w", ref, ErrNotFound)
}

// Agents lists the gateway's agents (read).
func (g *Gateway) Agents(ctx context.Context) ([]Agent, error) {
	var w struct {
		DefaultID string `json:"defaultId"`
		Agents    []struct {
			ID    string          `json:"id"`
			Name  string          `json:"name"`
			Model json.RawMessage `json:"model"`
		} `json:"agents"`
	}
	if err := g.Call(ctx, "agents.list", map[string]any{}, &w); err != nil {
		return nil, err
	}
	var agents []Agent
	for _, a := range w.Agents {
		var m struct {
			Primary string `json:"primary"`
		}
		if json.Unmarshal(a.Model, &m) != nil {
			_ = json.Unmarshal(a.Model, &m.Primary) // may be a plain string, or nothing
		}
		agents = append(agents, Agent{ID: a.ID, Name: a.Name, Model: m.Primary, Default: a.ID == w.DefaultID})
	}
	return agents, nil
}

// Logs returns a piece of the log (read). To follow it, call again with the
// Cursor of the page before.
// Source: logs.tail.
func (g *Gateway) Logs(ctx context.Context, p LogsParams) (LogPage, error) {
	const mostLines, mostBytes = 5000, 1_000_000 // refused above
	q := map[string]any{
		"limit":    min(cmp.Or(max(p.Limit, 0), 100), mostLines),
		"maxBytes": min(cmp.Or(max(p.MaxBytes, 0), mostBytes), mostBytes),
	}
	if p.Cursor > 0 {
		q["cursor"] = p.Cursor
	}
	var w struct {
		File      string   `json:"file"`
		Cursor    int64    `json:"cursor"`
		Lines     []string `json:"lines"`
		Truncated bool     `json:"truncated"`
		Reset     bool     `json:"reset"`
	}
	if err := g.Call(ctx, "logs.tail", q, &w); err != nil {
		return LogPage{}, err
	}
	page := LogPage{File: w.File, Cursor: w.Cursor, Truncated: w.Truncated, Reset: w.Reset, Source: "gateway"}
	for _, l := range w.Lines {
		page.Lines = append(page.Lines, parseLogLine(l))
	}
	return page, nil
}

// parseLogLine reads one line of the gateway's log: a JSON object, or anything.
// Its subsystem is JSON inside the JSON. What the line says besides its message
// (the other arguments of the log call) is added to it.
func parseLogLine(line string) LogLine {
	if !strings.HasPrefix(line, "{") {
		return LogLine{Message: line}
	}
	var (
		l          LogLine
		at, date   string
		arg0, arg1 json.RawMessage
		message    bool
	)
	err := members([]byte(line), func(name, value []byte) error {
		switch string(name) {
		case "0":
			arg0 = value
		case "1":
			arg1 = value
		case "time":
			at, _ = text(value)
		case "message":
			l.Message, message = text(value)
		case "_meta":
			return members(value, func(name, value []byte) error {
				switch string(name) {
				case "date":
					date, _ = text(value)
				case "logLevelName":
					level, _ := text(value)
					l.Level = strings.ToLower(level)
				case "name":
					l.Subsystem = subsystem(value)
				}
				return nil
			})
		}
		return nil
	})
	if err != nil || !message && arg0 == nil || arg1 != nil && !json.Valid(arg1) {
		return LogLine{Message: line}
	}
	l.At, _ = time.Parse(time.RFC3339, cmp.Or(at, date)) // zero if it is not one
	if !message {
		l.Message = words(arg0)
	}
	if len(arg1) > 0 && arg1[0] == '{' {
		l.Message += " " + string(arg1)
	}
	return l
}

// subsystem reads the name of a logger: JSON inside a JSON string.
func subsystem(name []byte) string {
	inner, _ := text(name)
	var subsystem, module string
	_ = members([]byte(inner), func(name, value []byte) error { // another name is none
		switch string(name) {
		case "subsystem":
			subsystem, _ = text(value)
		case "module":
			module, _ = text(value)
		}
		return nil
	})
	return cmp.Or(subsystem, module)
}

type wireCronJob struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Description    string `json:"description"`
	DeclarationKey string `json:"declarationKey"`
	Enabled        bool   `json:"enabled"`
	AgentID        string `json:"effectiveAgentId"`
	Schedule       struct {
		Kind    string          `json:"kind"`
		Expr    string          `json:"expr"`
		TZ      string          `json:"tz"`
		EveryMs ms              `json:"everyMs"`
		At      json.RawMessage `json:"at"`
		AtMs    instant         `json:"atMs"`
	} `json:"schedule"`
	Payload struct {
		Kind string `json:"kind"`
	} `json:"payload"`
	State struct {
		NextRunAt    instant `json:"nextRunAtMs"`
		RunningAt    instant `json:"runningAtMs"`
		LastRunAt    instant `json:"lastRunAtMs"`
		LastStatus   string  `json:"lastRunStatus"`
		LastDuration ms      `json:"lastDurationMs"`
		LastError    string  `json:"lastError"`
		Errors       int     `json:"consecutiveErrors"`
	} `json:"state"`
}

func (w wireCronJob) job() CronJob {
	j := CronJob{
		ID: w.ID, Name: w.Name, Description: w.Description, Enabled: w.Enabled, AgentID: w.AgentID,
		Schedule: Schedule{Kind: w.Schedule.Kind, Expr: w.Schedule.Expr, Zone: w.Schedule.TZ, Every: w.Schedule.EveryMs.duration(), At: w.Schedule.AtMs.Time},
		Payload:  w.Payload.Kind, Builtin: w.DeclarationKey != "", Running: !w.State.RunningAt.IsZero(),
		NextRunAt: w.State.NextRunAt.Time, LastRunAt: w.State.LastRunAt.Time, LastStatus: w.State.LastStatus,
		LastDuration: w.State.LastDuration.duration(), LastError: w.State.LastError, Errors: w.State.Errors,
	}
	if !j.Enabled {
		j.NextRunAt = time.Time{}
	}
	if j.Schedule.At.IsZero() && len(w.Schedule.At) > 0 {
		var s string
		var t instant
		if json.Unmarshal(w.Schedule.At, &s) == nil {
			j.Schedule.At, _ = time.Parse(time.RFC3339, s)
		} else if json.Unmarshal(w.Schedule.At, &t) == nil {
			j.Schedule.At = t.Time
		}
	}
	return j
}

// CronJobs lists all jobs, disabled ones too (read).
// Source: cron.list.
func (g *Gateway) CronJobs(ctx context.Context) ([]CronJob, error) {
	var jobs []CronJob
	for offset := 0; ; {
		var w wireCronList
		q := map[string]any{"includeDisabled": true, "limit": 200}
		if offset > 0 {
			q["offset"] = offset
		}
		if err := g.Call(ctx, "cron.list", q, &w); err != nil {
			return nil, err
		}
		jobs = append(jobs, w.jobs()...)
		if !w.HasMore || w.NextOffset <= offset {
			return jobs, nil
		}
		offset = w.NextOffset
	}
}

type wireCronList struct {
	Jobs       []wireCronJob `json:"jobs"`
	HasMore    bool          `json:"hasMore"`
	NextOffset int           `json:"nextOffset"`
}

func (w wireCronList) jobs() []CronJob {
	jobs := make([]CronJob, len(w.Jobs))
	for i, j := range w.Jobs {
		jobs[i] = j.job()
	}
	return jobs
}

// wireCronRun is an entry of cron.runs and most of the event cron.
type wireCronRun struct {
	TS               instant `json:"ts"`
	JobID            string  `json:"jobId"`
	JobName          string  `json:"jobName"`
	Action           string  `json:"action"`
	RunID            string  `json:"runId"`
	Status           string  `json:"status"`
	CompletionStatus string  `json:"completionStatus"`
	Summary          string  `json:"summary"`
	Error            string  `json:"error"`
	RunAt            instant `json:"runAtMs"`
	DurationMs       ms      `json:"durationMs"`
	NextRunAt        instant `json:"nextRunAtMs"`
	SessionKey       string  `json:"sessionKey"`
	Diagnostics      struct {
		Entries []struct {
			ExitCode *int `json:"exitCode"`
		} `json:"entries"`
	} `json:"diagnostics"`
}

func (w wireCronRun) run() CronRun {
	r := CronRun{
		JobID: w.JobID, JobName: w.JobName, RunID: w.RunID, Status: w.Status, Completion: w.CompletionStatus,
		Summary: w.Summary, Error: w.Error, ExitCode: -1, At: w.TS.Time, StartedAt: w.RunAt.Time,
		Duration: w.DurationMs.duration(), NextRunAt: w.NextRunAt.Time, SessionKey: w.SessionKey,
	}
	if r.At.IsZero() && !r.StartedAt.IsZero() && w.Action == "finished" {
		r.At = r.StartedAt.Add(r.Duration)
	}
	for _, e := range w.Diagnostics.Entries {
		if e.ExitCode != nil {
			r.ExitCode = *e.ExitCode
		}
	}
	return r
}

type wireCronRuns struct {
	Entries []wireCronRun `json:"entries"`
}

func (w wireCronRuns) runs() []CronRun {
	runs := make([]CronRun, len(w.Entries))
	for i, e := range w.Entries {
		runs[i] = e.run()
	}
	slices.SortStableFunc(runs, func(a, b CronRun) int { return b.At.Compare(a.At) })
	return runs
}

// CronRuns returns finished runs, newest first (read).
// Source: cron.runs.
func (g *Gateway) CronRuns(ctx context.Context, p CronRunsParams) ([]CronRun, error) {
	q := map[string]any{"limit": cmp.Or(max(p.Limit, 0), 5)}
	if p.JobID != "" {
		q["id"] = p.JobID
	} else {
		q["scope"] = "all"
	}
	if p.RunID != "" {
		q["runId"] = p.RunID
	}
	var w wireCronRuns
	if err := g.Call(ctx, "cron.runs", q, &w); err != nil {
		return nil, err
	}
	return w.runs(), nil
}

// CronRun starts job id now, due or not, and returns at once; the end is told by
// the event [CronChanged] with the same run id, or asked for with CronRuns.
// [ErrNotFound] if there is no such job (admin).
// Source: cron.run.
func (g *Gateway) CronRun(ctx context.Context, id string) (CronStart, error) {
	var w struct {
		OK                bool   `json:"ok"`
		Enqueued          bool   `json:"enqueued"`
		Ran               bool   `json:"ran"`
		Reason            string `json:"reason"`
		RunID             string `json:"runId"`
		ProcessInstanceID string `json:"processInstanceId"`
	}
	if err := g.Call(ctx, "cron.run", map[string]any{"id": id, "mode": "force"}, &w); err != nil {
		return CronStart{}, err
	}
	return CronStart{RunID: w.RunID, Started: w.OK && (w.Enqueued || w.Ran), Why: w.Reason, Instance: w.ProcessInstanceID}, nil
}

// Channels returns OpenClaw's own chat channels in their order; with probe it
// asks them (read).
// Source: channels.status.
func (g *Gateway) Channels(ctx context.Context, probe bool) ([]Channel, error) {
	var w wireChannels
	if err := g.Call(ctx, "channels.status", withProbe(probe), &w); err != nil {
		return nil, err
	}
	return w.channels(), nil
}

type wireChannels struct {
	ChannelOrder []string `json:"channelOrder"`
	Channels     map[string]struct {
		Configured bool   `json:"configured"`
		Running    bool   `json:"running"`
		LastError  string `json:"lastError"`
		Mode       string `json:"mode"`
	} `json:"channels"`
	ChannelAccounts map[string][]struct {
		AccountID     string  `json:"accountId"`
		Lifecycle     string  `json:"lifecycle"`
		Connected     bool    `json:"connected"`
		LastError     string  `json:"lastError"`
		LastInboundAt instant `json:"lastInboundAt"`
	} `json:"channelAccounts"`
}

func (w wireChannels) channels() []Channel {
	var channels []Channel
	for _, name := range w.ChannelOrder {
		c, ok := w.Channels[name]
		if !ok {
			continue
		}
		ch := Channel{Name: name, Configured: c.Configured, Running: c.Running, Mode: c.Mode, LastError: c.LastError}
		for _, a := range w.ChannelAccounts[name] {
			ch.Accounts = append(ch.Accounts, ChannelAccount{a.AccountID, a.Lifecycle, a.Connected, a.LastError, a.LastInboundAt.Time})
		}
		channels = append(channels, ch)
	}
	return channels
}

// Preflight says what a restart would wait for (read).
// Source: gateway.restart.preflight.
func (g *Gateway) Preflight(ctx context.Context) (Preflight, error) {
	var p Preflight
	err := g.Call(ctx, "gateway.restart.preflight", map[string]any{}, &p)
	return p, err
}

// Restart asks the gateway to restart itself; with now it closes admission at
// once and begins to drain instead of waiting until it is idle (admin). The
// answer comes before the restart; [Gateway.AwaitReboot] waits for its end.
// Source: gateway.restart.request.
func (g *Gateway) Restart(ctx context.Context, reason string, now bool) (RestartAnswer, error) {
	q := map[string]any{}
	if reason != "" {
		q["reason"] = reason
	}
	if now {
		q["skipDeferral"] = true
	}
	var w struct {
		OK        bool      `json:"ok"`
		Status    string    `json:"status"`
		Preflight Preflight `json:"preflight"`
		Restart   struct {
			PID       int  `json:"pid"`
			DelayMs   ms   `json:"delayMs"`
			Coalesced bool `json:"coalesced"`
		} `json:"restart"`
	}
	if err := g.Call(ctx, "gateway.restart.request", q, &w); err != nil {
		return RestartAnswer{}, err
	}
	return RestartAnswer{Status: w.Status, PID: w.Restart.PID, Delay: w.Restart.DelayMs.duration(), Coalesced: w.Restart.Coalesced, Preflight: w.Preflight}, nil
}
