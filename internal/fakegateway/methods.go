package fakegateway

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// session is a conversation. Guarded by Server.mu.
type session struct {
	key, agentID, label string
	id                  string
	updatedAt           time.Time
	active              string // run id
	lastRun             string
	messages            []map[string]any
	lane                chan struct{} // holds one: the run whose turn it is
}

// A Session describes one to add.
type Session struct {
	Key       string // agent:main:ops
	Label     string
	UpdatedAt time.Time // default now
}

// AddSession adds a session that was used before.
func (s *Server) AddSession(a Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.session(a.Key)
	ses.label = a.Label
	if !a.UpdatedAt.IsZero() {
		ses.updatedAt = a.UpdatedAt
	}
}

// session finds or makes one. It is called with mu held.
func (s *Server) session(key string) *session {
	if ses := s.sessions[key]; ses != nil {
		return ses
	}
	parts := strings.SplitN(key, ":", 3)
	ses := &session{key: key, agentID: "main", id: newID(), updatedAt: time.Now(), lane: make(chan struct{}, 1)}
	if len(parts) == 3 {
		ses.agentID = parts[1]
	}
	s.sessions[key] = ses
	return ses
}

func (ses *session) row() map[string]any {
	r := map[string]any{
		"key": ses.key, "sessionId": ses.id, "agentId": ses.agentID, "kind": "direct", "classification": "custom",
		"isMain": ses.key == "agent:main:main", "displayName": ses.key[strings.LastIndex(ses.key, ":")+1:],
		"updatedAt": ses.updatedAt.UnixMilli(), "createdAt": ses.updatedAt.UnixMilli(), "status": "done",
		"hasActiveRun": ses.active != "", "activeRunIds": []string{}, "modelProvider": "fake", "model": "fake-1",
		"totalTokens": 10000, "contextTokens": 128000, "estimatedCostUsd": 0.01,
	}
	if ses.label != "" {
		r["label"] = ses.label
	}
	if ses.active != "" {
		r["status"], r["activeRunIds"] = "running", []string{ses.active}
	}
	return r
}

// A Job is an automation: Result is what its runs end with.
type Job struct {
	ID, Name string
	Every    time.Duration
	Disabled bool
	Takes    time.Duration // of a run
	Error    string        // empty: it succeeds
	Summary  string
	runs     int
}

// AddJob adds an automation.
func (s *Server) AddJob(j Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = append(s.jobs, &j)
}

// Log adds a line to the log, as JSON of the gateway's own kind.
func (s *Server) Log(level, subsystem, message string) {
	name := string(marshal(map[string]string{"subsystem": subsystem}))
	s.LogRaw(string(marshal(map[string]any{
		"0": name, "1": message, "time": time.Now().UTC().Format(time.RFC3339Nano), "message": message,
		"_meta": map[string]any{"logLevelName": strings.ToUpper(level), "name": name},
	})))
}

// LogRaw adds a line to the log as it is.
func (s *Server) LogRaw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, line)
}

// RotateLog begins a new log file.
func (s *Server) RotateLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = nil
}

// health is called with mu held.
func (s *Server) health() map[string]any {
	return map[string]any{
		"ok": true, "ts": time.Now().UnixMilli(), "defaultAgentId": "main", "channels": map[string]any{},
		"plugins":   map[string]any{"loaded": []string{}, "errors": []string{}},
		"eventLoop": map[string]any{"degraded": false, "reasons": []string{}, "delayP99Ms": 20.5, "utilization": 0.01},
	}
}

// scopes of the methods.
var scopes = map[string]string{
	"health": "operator.read", "status": "operator.read", "system.info": "operator.read",
	"sessions.list": "operator.read", "sessions.describe": "operator.read", "sessions.resolve": "operator.read",
	"sessions.messages.subscribe": "operator.read", "sessions.messages.unsubscribe": "operator.read",
	"chat.history": "operator.read", "agents.list": "operator.read", "logs.tail": "operator.read",
	"cron.list": "operator.read", "cron.runs": "operator.read", "channels.status": "operator.read",
	"gateway.restart.preflight": "operator.read",
	"agent":                     "operator.write", "agent.wait": "operator.write", "chat.abort": "operator.write",
	"cron.run": "operator.admin", "gateway.restart.request": "operator.admin",
	"exec.approval.list": "operator.approvals", "plugin.approval.list": "operator.approvals", "openclaw.approval.list": "operator.approvals",
	"exec.approval.resolve": "operator.approvals", "plugin.approval.resolve": "operator.approvals",
	"approval.get": "operator.approvals", "approval.resolve": "operator.approvals",
	"exec.approval.request": "operator.approvals", "plugin.approval.request": "operator.approvals",
}

// do does one request and answers it, once or twice.
func (s *Server) do(c *conn, q request, answer func(any, *Error)) {
	scope, known := scopes[q.Method]
	switch {
	case !known:
		answer(nil, invalid("unknown method: %s", q.Method))
		return
	case !c.has(scope):
		answer(nil, &Error{Code: "FORBIDDEN", Message: "missing scope: " + scope, Details: map[string]any{
			"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": []string{scope},
		}})
		return
	}
	switch q.Method {
	case "agent":
		s.agent(c, q, answer)
		return
	case "agent.wait":
		answer(s.agentWait(c, q), nil)
		return
	case "exec.approval.request", "plugin.approval.request":
		s.requestApproval(c, q, answer)
		return
	}
	payload, e := s.quick(c, q)
	answer(payload, e)
}

// quick does what takes no time.
func (s *Server) quick(c *conn, q request) (any, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p struct {
		Key, Label, SessionID, SessionKey, ID, RunID, Reason string
		AllowMissing, SkipDeferral                           bool
		Limit                                                int
		Cursor                                               *int64
	}
	_ = json.Unmarshal(q.Params, &p)
	switch q.Method {
	case "health":
		return s.health(), nil
	case "status":
		return map[string]any{
			"runtimeVersion": s.cfg.Version, "pid": os.Getpid(), "channelSummary": []string{}, "queuedSystemEvents": []string{},
			"sessions": map[string]any{"count": len(s.sessions)}, "tasks": map[string]any{"total": len(s.runs)},
			"processMemory": map[string]any{"rssBytes": 600 << 20},
		}, nil
	case "system.info":
		return map[string]any{
			"hostname": "fake", "pid": os.Getpid(), "processInstanceId": "fake", "uptimeMs": time.Since(s.startedAt).Milliseconds(),
			"port": 18789, "nodeVersion": "v0", "cpuCount": 2, "loadAverage": []float64{0.1, 0.2, 0.3},
			"memoryTotalBytes": 8 << 30, "memoryFreeBytes": 4 << 30, "disks": []any{map[string]any{"path": "/", "totalBytes": 1 << 40, "availableBytes": 1 << 39}},
		}, nil
	case "agents.list":
		return map[string]any{"defaultId": "main", "agents": []any{map[string]any{"id": "main", "model": map[string]any{"primary": "fake/fake-1"}}}}, nil
	case "channels.status":
		return map[string]any{"channelOrder": []string{}, "channels": map[string]any{}, "channelAccounts": map[string]any{}}, nil
	case "sessions.list":
		return s.sessionList(q.Params)
	case "sessions.describe":
		if ses := s.sessions[p.Key]; ses != nil {
			return map[string]any{"session": ses.row()}, nil
		}
		return map[string]any{"session": nil}, nil
	case "sessions.resolve":
		for _, ses := range s.sessions {
			if ses.key == p.Key || p.Key != "" && ses.key == "agent:main:"+p.Key || p.Label != "" && ses.label == p.Label || p.SessionID != "" && ses.id == p.SessionID {
				return map[string]any{"ok": true, "key": ses.key, "agentId": ses.agentID}, nil
			}
		}
		if p.AllowMissing {
			return map[string]any{"ok": false}, nil
		}
		return nil, invalid("No session found: %s", p.Key+p.Label+p.SessionID)
	case "sessions.messages.subscribe", "sessions.messages.unsubscribe":
		on := q.Method == "sessions.messages.subscribe"
		c.mu.Lock()
		defer c.mu.Unlock()
		if on {
			c.subscribed[p.Key] = true
		} else {
			delete(c.subscribed, p.Key)
		}
		return map[string]any{"subscribed": on, "key": p.Key}, nil
	case "chat.history":
		messages := []map[string]any{}
		if ses := s.sessions[p.SessionKey]; ses != nil {
			messages = append(messages, ses.messages...)
		}
		return map[string]any{"sessionKey": p.SessionKey, "messages": messages}, nil
	case "chat.abort":
		ids := []string{}
		if ses := s.sessions[p.SessionKey]; ses != nil && ses.active != "" {
			if r := s.runs[ses.active]; r != nil {
				ids = append(ids, r.id)
				r.abort()
			}
		}
		return map[string]any{"ok": true, "aborted": len(ids) > 0, "runIds": ids}, nil
	case "logs.tail":
		return s.logsTail(p.Limit, p.Cursor), nil
	case "cron.list":
		jobs := []any{}
		for _, j := range s.jobs {
			jobs = append(jobs, s.jobRow(j))
		}
		return map[string]any{"jobs": jobs, "total": len(jobs), "hasMore": false, "nextOffset": nil}, nil
	case "cron.runs":
		entries := []any{}
		for _, e := range slices.Backward(s.jobRuns) {
			if (p.ID == "" || e["jobId"] == p.ID) && (p.RunID == "" || e["runId"] == p.RunID) && (p.Limit <= 0 || len(entries) < p.Limit) {
				entries = append(entries, e)
			}
		}
		return map[string]any{"entries": entries, "total": len(entries), "hasMore": false}, nil
	case "cron.run":
		return s.cronRun(p.ID)
	case "gateway.restart.preflight":
		return s.preflight(), nil
	case "gateway.restart.request":
		return s.restartRequest(p.SkipDeferral), nil
	}
	return s.approvalMethod(c, q.Method, q.Params)
}

func (s *Server) sessionList(raw json.RawMessage) (any, *Error) {
	var p struct {
		Limit, Offset, ActiveMinutes int
		AgentID, Search, Label       string
	}
	_ = json.Unmarshal(raw, &p)
	if p.Limit <= 0 {
		p.Limit = 100
	}
	var all []*session
	for _, ses := range s.sessions {
		if p.ActiveMinutes > 0 && time.Since(ses.updatedAt) > time.Duration(p.ActiveMinutes)*time.Minute ||
			p.AgentID != "" && ses.agentID != p.AgentID || p.Label != "" && ses.label != p.Label ||
			p.Search != "" && !strings.Contains(ses.key+ses.label, p.Search) {
			continue
		}
		all = append(all, ses)
	}
	slices.SortFunc(all, func(a, b *session) int {
		if c := b.updatedAt.Compare(a.updatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	rows := []any{}
	for i := p.Offset; i < len(all) && len(rows) < p.Limit; i++ {
		rows = append(rows, all[i].row())
	}
	l := map[string]any{"count": len(rows), "totalCount": len(all), "limitApplied": p.Limit, "hasMore": false, "nextOffset": nil, "sessions": rows}
	if end := p.Offset + len(rows); end < len(all) {
		l["hasMore"], l["nextOffset"] = true, end
	}
	return l, nil
}

// logsTail counts the cursor in lines, of which a client knows nothing.
func (s *Server) logsTail(limit int, cursor *int64) any {
	if limit <= 0 {
		limit = 200
	}
	size := int64(len(s.logs))
	from, reset, truncated := max(0, size-int64(limit)), false, false
	if cursor != nil {
		if *cursor > size {
			reset = true
		} else {
			truncated = *cursor < from
			from = max(from, *cursor)
		}
	} else {
		truncated = from > 0
	}
	lines := append([]string{}, s.logs[from:]...)
	return map[string]any{"file": "/fake/gateway.jsonl", "cursor": size, "size": size, "lines": lines, "truncated": truncated, "reset": reset}
}

func (s *Server) jobRow(j *Job) map[string]any {
	state := map[string]any{}
	if !j.Disabled {
		state["nextRunAtMs"] = time.Now().Add(j.Every).UnixMilli()
	}
	for _, e := range slices.Backward(s.jobRuns) {
		if e["jobId"] == j.ID {
			state["lastRunAtMs"], state["lastRunStatus"], state["lastDurationMs"], state["lastError"] = e["runAtMs"], e["status"], e["durationMs"], e["error"]
			break
		}
	}
	return map[string]any{
		"id": j.ID, "name": j.Name, "enabled": !j.Disabled, "effectiveAgentId": "main",
		"schedule": map[string]any{"kind": "every", "everyMs": j.Every.Milliseconds()}, "payload": map[string]any{"kind": "command"}, "state": state,
	}
}

func (s *Server) cronRun(id string) (any, *Error) {
	i := slices.IndexFunc(s.jobs, func(j *Job) bool { return j.ID == id })
	if i < 0 {
		return nil, &Error{Code: "INVALID_REQUEST", Message: "Automation not found: " + id, Details: map[string]any{"code": "CRON_JOB_NOT_FOUND", "jobId": id}}
	}
	j := s.jobs[i]
	j.runs++
	began := time.Now()
	runID := fmt.Sprintf("manual:%s:%d:%d", j.ID, began.UnixMilli(), j.runs)
	boot := s.bootID
	go s.Broadcast("cron", map[string]any{"jobId": j.ID, "action": "started", "runAtMs": began.UnixMilli(), "job": s.jobRow(j)})
	time.AfterFunc(j.Takes, func() {
		s.mu.Lock()
		if s.closed || s.bootID != boot {
			s.mu.Unlock()
			return
		}
		e := map[string]any{
			"ts": time.Now().UnixMilli(), "jobId": j.ID, "jobName": j.Name, "action": "finished", "runId": runID,
			"status": "ok", "completionStatus": "succeeded", "summary": j.Summary, "runAtMs": began.UnixMilli(), "durationMs": time.Since(began).Milliseconds(),
		}
		if j.Error != "" {
			e["status"], e["completionStatus"], e["error"] = "error", "failed", j.Error
		}
		s.jobRuns = append(s.jobRuns, e)
		ev := map[string]any{"job": s.jobRow(j)}
		for k, v := range e {
			ev[k] = v
		}
		s.mu.Unlock()
		s.Broadcast("cron", ev)
	})
	return map[string]any{"ok": true, "enqueued": true, "runId": runID, "processInstanceId": "fake"}, nil
}

// JobRuns is how often job id was started.
func (s *Server) JobRuns(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.ID == id {
			return j.runs
		}
	}
	return 0
}

func (s *Server) busy() (n int) {
	for _, r := range s.runs {
		if !r.ended() {
			n++
		}
	}
	return n
}

func (s *Server) preflight() map[string]any {
	blockers, summary := []any{}, "safe to restart now"
	n := s.busy()
	if n > 0 {
		summary = fmt.Sprintf("restart deferred: %d active embedded run(s)", n)
		blockers = append(blockers, map[string]any{"kind": "embedded-run", "count": n, "message": fmt.Sprintf("%d active embedded run(s)", n)})
	}
	return map[string]any{"safe": n == 0, "blockers": blockers, "summary": summary}
}

// restartRequest restarts when idle, at the latest when the last run has ended.
func (s *Server) restartRequest(now bool) map[string]any {
	pf := s.preflight()
	status := "scheduled"
	if n := s.busy(); n > 0 && !now {
		status = "deferred"
	}
	if now && s.busy() > 0 {
		s.phase, s.retry = draining, time.Second
	}
	waiting := []*run{}
	for _, r := range s.runs {
		if !r.ended() {
			waiting = append(waiting, r)
		}
	}
	boot := s.bootID
	go func() {
		for _, r := range waiting {
			<-r.done
		}
		t := time.NewTimer(20 * time.Millisecond) // the answer goes first
		defer t.Stop()
		<-t.C
		s.mu.Lock()
		again := s.bootID != boot || s.closed
		s.mu.Unlock()
		if !again {
			s.Restart()
			s.mu.Lock()
			s.phase = up
			s.mu.Unlock()
		}
	}()
	return map[string]any{"ok": true, "status": status, "preflight": pf, "restart": map[string]any{"ok": true, "pid": os.Getpid(), "delayMs": 0, "coalesced": false}}
}

// run is a turn of an agent. Its fields but done are guarded by Server.mu.
type run struct {
	id, key string
	ctx     context.Context
	cancel  context.CancelFunc
	aborted bool
	gone    bool // its process is
	done    chan struct{}
	final   map[string]any // of agent; nil while it runs
	failed  *Error
	wait    map[string]any // of agent.wait
	endedAt time.Time
}

// How long after its end a run is known: its key to agent, its outcome to
// agent.wait. Source: openclaw 2026.9.6.
const (
	keyKept = 5 * time.Minute
	runKept = 10 * time.Minute
)

// kept reports whether the run still is known d after its end.
func (r *run) kept(d time.Duration) bool { return !r.ended() || time.Since(r.endedAt) < d }

func (r *run) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (r *run) abort() { r.aborted = true; r.cancel() }

// Turns is how often the model was really asked, for whatever key, over all lives
// of the gateway.
func (s *Server) Turns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.effects {
		n += times
	}
	return n
}

// Effects is how often the model was really asked for idempotency key id, over
// all lives of the gateway.
func (s *Server) Effects(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[id]
}

// agent starts a run, or joins the one that has the same key. The message steers
// it: "slow: MS" takes time, "exec: CMD" raises an approval, "fail: TEXT" fails,
// "retry: N" announces N retries first; the reply is "fake reply: " and the last
// line.
func (s *Server) agent(c *conn, q request, answer func(any, *Error)) {
	var p struct{ Message, IdempotencyKey, SessionKey, AgentID string }
	if json.Unmarshal(q.Params, &p) != nil || p.IdempotencyKey == "" || p.Message == "" {
		answer(nil, invalid("invalid agent params"))
		return
	}
	if p.AgentID != "" && p.AgentID != "main" {
		answer(nil, invalid("invalid agent params: unknown agent id %q", p.AgentID))
		return
	}
	key := p.SessionKey
	if key == "" {
		key = "agent:main:main"
	} else if !strings.Contains(key, ":") {
		key = "agent:main:" + key
	}
	s.mu.Lock()
	r := s.runs[p.IdempotencyKey]
	if r != nil && !r.ended() {
		s.mu.Unlock()
		answer(map[string]any{"runId": r.id, "status": "in_flight", "sessionKey": r.key, "agentId": "main"}, nil)
		return
	}
	if r == nil || !r.kept(keyKept) {
		r = &run{id: p.IdempotencyKey, key: key, done: make(chan struct{})}
		r.ctx, r.cancel = context.WithCancel(context.Background())
		s.runs[r.id] = r
		ses := s.session(key)
		s.mu.Unlock()
		answer(map[string]any{"runId": r.id, "sessionKey": key, "agentId": "main", "status": "accepted", "acceptedAt": time.Now().UnixMilli()}, nil)
		go s.turn(ses, r, p.Message)
	} else {
		s.mu.Unlock()
	}
	select {
	case <-r.done:
		if !r.gone {
			answer(r.final, r.failed)
		}
	case <-c.ctx.Done():
	}
}

func (s *Server) agentEvent(r *run, stream string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		wants := c.subscribed[r.key] || !slices.Contains(c.caps, "session-scoped-events")
		c.mu.Unlock()
		if wants {
			c.event("agent", map[string]any{"runId": r.id, "sessionKey": r.key, "agentId": "main", "stream": stream, "ts": time.Now().UnixMilli(), "data": data})
		}
	}
}

// turn is one run from its place in the session's lane to its end.
func (s *Server) turn(ses *session, r *run, message string) {
	began := time.Now()
	text, fail := "", ""
	select {
	case ses.lane <- struct{}{}:
		defer func() { <-ses.lane }()
		text, fail = s.think(ses, r, message)
	case <-r.ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer r.cancel()
	defer close(r.done)
	if s.runs[r.id] != r { // the process that had it is gone
		r.gone = true
		return
	}
	r.endedAt = time.Now()
	ses.active, ses.lastRun, ses.updatedAt = "", r.id, r.endedAt
	times := map[string]any{"startedAt": began.UnixMilli(), "endedAt": time.Now().UnixMilli()}
	with := func(m map[string]any) map[string]any {
		for k, v := range times {
			m[k] = v
		}
		return m
	}
	switch {
	case r.aborted:
		r.final = map[string]any{"runId": r.id, "status": "timeout", "summary": "aborted", "stopReason": "rpc"}
		r.wait = with(map[string]any{"runId": r.id, "status": "error", "stopReason": "rpc"})
	case fail != "":
		r.failed = &Error{Code: "UNAVAILABLE", Message: fail}
		r.wait = map[string]any{"runId": r.id, "status": "error", "error": fail, "endedAt": time.Now().UnixMilli()}
	default:
		ses.messages = append(ses.messages, map[string]any{
			"role": "assistant", "content": []any{map[string]any{"type": "text", "text": text}}, "__openclaw": map[string]any{"runId": r.id},
		})
		r.final = map[string]any{"runId": r.id, "status": "ok", "summary": "completed", "result": map[string]any{
			"payloads": []any{map[string]any{"text": text, "mediaUrl": nil}},
			"meta": map[string]any{"durationMs": time.Since(began).Milliseconds(), "aborted": false, "agentMeta": map[string]any{
				"provider": "fake", "model": "fake-1", "usage": map[string]any{"input": 100, "output": 10, "cost": map[string]any{"total": 0.01}},
			}},
		}}
		r.wait = with(map[string]any{"runId": r.id, "status": "ok", "terminalReply": map[string]any{"disposition": "visible", "text": text}})
	}
}

// think is the model and its tools.
func (s *Server) think(ses *session, r *run, message string) (text, fail string) {
	s.mu.Lock()
	s.effects[r.id]++
	ses.active, ses.updatedAt = r.id, time.Now()
	ses.messages = append(ses.messages, map[string]any{"role": "user", "content": message, "idempotencyKey": r.id + ":user"})
	s.mu.Unlock()
	s.agentEvent(r, "lifecycle", map[string]any{"phase": "start"})
	line := message[strings.LastIndex(message, "\n")+1:]
	text = "fake reply: " + line
	word, rest, _ := strings.Cut(line, ": ")
	n, _ := strconv.Atoi(rest)
	switch word {
	case "slow":
		t := time.NewTimer(time.Duration(n) * time.Millisecond)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.ctx.Done():
		}
	case "fail":
		return "", rest
	case "retry":
		for i := range n {
			s.agentEvent(r, "run_status", map[string]any{"phase": "retrying", "message": fmt.Sprintf("Retrying in 3s (%d/%d)", i+1, n)})
		}
	case "exec":
		s.agentEvent(r, "item", map[string]any{"phase": "start", "name": "exec", "title": "Exec " + rest})
		s.mu.Lock()
		a := s.raise(Approval{Request: map[string]any{"command": rest, "agentId": "main", "sessionKey": r.key, "runId": r.id}}, nil)
		s.mu.Unlock()
		s.agentEvent(r, "lifecycle", map[string]any{"phase": "waiting-approval", "approvalId": a.id})
		select {
		case <-a.done:
		case <-r.ctx.Done():
			return "", ""
		}
		s.agentEvent(r, "lifecycle", map[string]any{"phase": "approval-resolved", "approvalId": a.id})
		s.mu.Lock()
		text = "exec said: " + rest
		if a.status != "allowed" {
			text = "exec said: Exec denied (gateway id=" + a.id + "): " + rest
		}
		s.mu.Unlock()
	}
	s.agentEvent(r, "lifecycle", map[string]any{"phase": "finishing"})
	return text, ""
}

func (s *Server) agentWait(c *conn, q request) map[string]any {
	var p struct {
		RunID     string
		TimeoutMs int64
	}
	_ = json.Unmarshal(q.Params, &p)
	still := map[string]any{"runId": p.RunID, "status": "timeout"}
	s.mu.Lock()
	r := s.runs[p.RunID]
	s.mu.Unlock()
	t := time.NewTimer(time.Duration(p.TimeoutMs) * time.Millisecond)
	defer t.Stop()
	var done <-chan struct{}
	if r != nil && r.kept(runKept) {
		done = r.done
	}
	select {
	case <-done:
		if r.gone {
			return still
		}
		return r.wait
	case <-t.C:
		return still
	case <-c.ctx.Done():
		return still
	}
}
