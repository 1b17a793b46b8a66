package openclaw

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

// An ApprovalKind says where an approval comes from. It must be given back when
// the approval is resolved.
type ApprovalKind string

// The kinds of approvals.
const (
	KindExec        ApprovalKind = "exec"         // a command
	KindPlugin      ApprovalKind = "plugin"       // a tool of a plugin
	KindSystemAgent ApprovalKind = "system-agent" // OpenClaw's own agent
)

// A Decision is one of OpenClaw's three.
type Decision string

// The decisions. There is no field for a reason.
const (
	AllowOnce   Decision = "allow-once"
	AllowAlways Decision = "allow-always"
	Deny        Decision = "deny"
)

// An Approval is a tool call that waits for a person. All its texts come from
// an agent or a model and are hostile until proven otherwise; Command has been
// through the gateway's own masking (secrets, bidi characters) and has up to
// 16 KB.
// Source: exec.approval.list, plugin.approval.list, openclaw.approval.list and
// the .requested events.
type Approval struct {
	ID          string // any string; UUID or "plugin:<UUID>" when an agent raised it
	Kind        ApprovalKind
	Command     string // of exec
	Title       string // of the others
	Description string // of the others
	Detail      string // of plugins, up to 16 KB
	Severity    string // of plugins: info, warning, critical or empty
	PluginID    string
	Tool        string // of plugins: name of the tool; "exec" for exec

	Cwd          string
	Host         string // gateway, node, ...
	NodeID       string
	ResolvedPath string // of the program that would run
	Security     string // effective policy: full, allowlist, ...
	Ask          string // effective policy: always, on-miss, ...
	AgentID      string
	SessionKey   string
	RunID        string
	ToolCallID   string
	CronJobID    string // of the automation that asks; empty: none
	CronJobName  string // its name, untrusted
	ScopeKind    string // "standing-grant", "payment", ...; empty: none

	Warnings         []string   // warningText and the lines of the command's analysis
	RiskKinds        []string   // of the command's analysis: "redirect", "inline-eval", ...
	AllowedDecisions []Decision // those that may be sent; never empty
	CreatedAt        time.Time
	ExpiresAt        time.Time

	// Request is everything the gateway said about the call, all keys included.
	Request json.RawMessage
}

// Offers reports whether d may be sent for the approval.
func (a Approval) Offers(d Decision) bool { return slices.Contains(a.AllowedDecisions, d) }

// An ApprovalStatus is where an approval stands, by the gateway's record.
type ApprovalStatus string

// The statuses. All but ApprovalPending are final.
const (
	ApprovalPending   ApprovalStatus = "pending"
	ApprovalAllowed   ApprovalStatus = "allowed"
	ApprovalDenied    ApprovalStatus = "denied"
	ApprovalExpired   ApprovalStatus = "expired"
	ApprovalCancelled ApprovalStatus = "cancelled"
)

// An ApprovalRecord is the gateway's own record of an approval: the truth,
// whoever decided.
// Source: approval.get, approval.resolve, approval.history.
type ApprovalRecord struct {
	ID               string
	Kind             ApprovalKind
	Status           ApprovalStatus
	Reason           string   // user, no-route, malformed-verdict, timeout, gateway-restart, run-aborted, ...
	Decision         Decision // empty: none
	Resolver         string   // display name, device or client that decided; empty: nobody
	Command          string   // as presented: command or title
	AllowedDecisions []Decision
	CreatedAt        time.Time
	ExpiresAt        time.Time
	ResolvedAt       time.Time // zero: not yet
}

// A Resolution is the answer to a decision.
type Resolution struct {
	Applied bool           // this decision ended it; false: it had ended before
	Record  ApprovalRecord // as it stands now
}

// ListApprovals returns all open approvals that this connection may see, of the
// three kinds, oldest first. Kinds that the gateway does not know are left out, and
// so is what cannot be read.
// Source: exec.approval.list, plugin.approval.list, openclaw.approval.list.
func (g *Gateway) ListApprovals(ctx context.Context) ([]Approval, error) {
	var all []Approval
	for _, method := range []string{"exec.approval.list", "plugin.approval.list", "openclaw.approval.list"} {
		var raws []json.RawMessage
		err := g.Call(ctx, method, map[string]any{}, &raws)
		var rpc *RPCError
		if errors.As(err, &rpc) && rpc.Code == "INVALID_REQUEST" && strings.Contains(rpc.Message, "unknown method") {
			continue // an older gateway; there is no code for it
		}
		if err != nil {
			return nil, err
		}
		for _, raw := range raws {
			a, err := decodeApproval(raw, kindOf(method))
			if err != nil {
				// Nobody can decide this one, so the gateway denies it in the end. The
				// others must not wait for that.
				g.log.Error("approval not understood, left out", "method", method, "err", err)
				continue
			}
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Approval) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all, nil
}

// ListedApproval returns one open approval as the list of its kind has it: what was
// announced, if it has not changed since. One that is not listed is [ErrNotFound].
// Source: exec.approval.list, plugin.approval.list, openclaw.approval.list.
func (g *Gateway) ListedApproval(ctx context.Context, kind ApprovalKind, id string) (Approval, error) {
	method := string(kind) + ".approval.list"
	if kind == KindSystemAgent {
		method = "openclaw.approval.list"
	}
	var raws []json.RawMessage
	if err := g.Call(ctx, method, map[string]any{}, &raws); err != nil {
		return Approval{}, err
	}
	for _, raw := range raws {
		var w struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &w) == nil && w.ID == id {
			return decodeApproval(raw, kind)
		}
	}
	return Approval{}, fmt.Errorf("%w: approval %s is not listed", ErrNotFound, id)
}

// decodeApproval reads an element of a list or the payload of an event. kind is
// for gateways that leave it out.
func decodeApproval(raw json.RawMessage, kind ApprovalKind) (Approval, error) {
	var w struct {
		ID           string          `json:"id"`
		ApprovalKind ApprovalKind    `json:"approvalKind"`
		Request      json.RawMessage `json:"request"`
		CreatedAt    instant         `json:"createdAtMs"`
		ExpiresAt    instant         `json:"expiresAtMs"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Approval{}, fmt.Errorf("read approval: %w", err)
	}
	if w.ID == "" {
		return Approval{}, errors.New("read approval: it has no id")
	}
	// Optional keys may be null, which leaves the fields as they are.
	var r struct {
		Command          string     `json:"command"`
		Title            string     `json:"title"`
		Description      string     `json:"description"`
		Detail           string     `json:"detail"`
		Severity         string     `json:"severity"`
		PluginID         string     `json:"pluginId"`
		ToolName         string     `json:"toolName"`
		Cwd              string     `json:"cwd"`
		Host             string     `json:"host"`
		NodeID           string     `json:"nodeId"`
		ResolvedPath     string     `json:"resolvedPath"`
		Security         string     `json:"security"`
		Ask              string     `json:"ask"`
		AgentID          string     `json:"agentId"`
		SessionKey       string     `json:"sessionKey"`
		RunID            string     `json:"runId"`
		ToolCallID       string     `json:"toolCallId"`
		WarningText      string     `json:"warningText"`
		AllowedDecisions []Decision `json:"allowedDecisions"`
		CommandAnalysis  struct {
			RiskKinds    []string `json:"riskKinds"`
			WarningLines []string `json:"warningLines"`
		} `json:"commandAnalysis"`
		Scope struct {
			Kind       string `json:"kind"`
			Automation string `json:"automation"`
		} `json:"scope"`
		CronExecutionSource struct {
			JobID string `json:"jobId"`
		} `json:"cronExecutionSource"`
	}
	if len(w.Request) > 0 {
		if err := json.Unmarshal(w.Request, &r); err != nil {
			return Approval{}, fmt.Errorf("read approval %s: %w", w.ID, err)
		}
	}
	a := Approval{
		ID: w.ID, Kind: cmp.Or(w.ApprovalKind, kind),
		Command: r.Command, Title: r.Title, Description: r.Description, Detail: r.Detail,
		Severity: r.Severity, PluginID: r.PluginID, Tool: r.ToolName,
		Cwd: r.Cwd, Host: r.Host, NodeID: r.NodeID, ResolvedPath: r.ResolvedPath,
		Security: r.Security, Ask: r.Ask, AgentID: r.AgentID, SessionKey: r.SessionKey,
		RunID: r.RunID, ToolCallID: r.ToolCallID, CronJobID: r.CronExecutionSource.JobID, CronJobName: r.Scope.Automation, ScopeKind: r.Scope.Kind,
		RiskKinds: r.CommandAnalysis.RiskKinds, AllowedDecisions: allowed(r.AllowedDecisions),
		CreatedAt: w.CreatedAt.Time, ExpiresAt: w.ExpiresAt.Time, Request: w.Request,
	}
	if a.Kind == KindExec && a.Tool == "" {
		a.Tool = "exec"
	}
	if r.WarningText != "" {
		a.Warnings = append(a.Warnings, r.WarningText)
	}
	a.Warnings = append(a.Warnings, r.CommandAnalysis.WarningLines...)
	return a, nil
}

// allowed is what an absent list of decisions means: all three.
func allowed(d []Decision) []Decision {
	if d == nil {
		return []Decision{AllowOnce, AllowAlways, Deny}
	}
	return d
}

// wireRecord is what approval.get and approval.resolve call "approval".
type wireRecord struct {
	ID           string         `json:"id"`
	Status       ApprovalStatus `json:"status"`
	Reason       string         `json:"reason"`
	Decision     Decision       `json:"decision"`
	CreatedAt    instant        `json:"createdAtMs"`
	ExpiresAt    instant        `json:"expiresAtMs"`
	ResolvedAt   instant        `json:"resolvedAtMs"`
	Presentation struct {
		Kind             ApprovalKind `json:"kind"`
		CommandText      string       `json:"commandText"`
		Title            string       `json:"title"`
		AllowedDecisions []Decision   `json:"allowedDecisions"`
	} `json:"presentation"`
	Resolver struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"resolver"`
}

func (w wireRecord) record() ApprovalRecord {
	return ApprovalRecord{
		ID: w.ID, Kind: w.Presentation.Kind, Status: w.Status, Reason: w.Reason, Decision: w.Decision,
		Resolver: w.Resolver.ID, Command: cmp.Or(w.Presentation.CommandText, w.Presentation.Title),
		AllowedDecisions: allowed(w.Presentation.AllowedDecisions),
		CreatedAt:        w.CreatedAt.Time, ExpiresAt: w.ExpiresAt.Time, ResolvedAt: w.ResolvedAt.Time,
	}
}

// GetApproval returns the gateway's record of approval id, pending or finished
// (30 days). An unknown id is [ErrNotFound].
// Source: approval.get.
func (g *Gateway) GetApproval(ctx context.Context, id string) (ApprovalRecord, error) {
	return getApproval(ctx, g.Call, id)
}

// caller is Gateway.Call, or the same over another connection.
type caller func(ctx context.Context, method string, params, result any) error

func getApproval(ctx context.Context, call caller, id string) (ApprovalRecord, error) {
	var w struct {
		Approval wireRecord `json:"approval"`
	}
	err := call(ctx, "approval.get", map[string]any{"id": id}, &w)
	return w.Approval.record(), err
}

// ResolveApproval decides approval id over a connection of its own that bears
// the console's name and the person's ("clawconsole: alice"), so that OpenClaw's
// record names who decided. While the gateway drains and takes no connections it
// goes over the shared one instead, and the record then names the console. It
// returns the gateway's record, whoever won; [ErrNotFound] if there is no such
// approval or it is gone without a record, and [ErrNotOffered], with nothing
// sent, if an allowing decision is not among those offered or kind is wrong.
// After [ErrTimeout] or [ErrLost] the outcome is unknown: ask GetApproval.
// Source: exec.approval.resolve, plugin.approval.resolve, approval.resolve.
func (g *Gateway) ResolveApproval(ctx context.Context, person, id string, kind ApprovalKind, d Decision) (Resolution, error) {
	ctx, cancel := g.withDeadline(ctx)
	defer cancel()
	call, name, done, err := g.as(ctx, person)
	if err != nil {
		return Resolution{}, fmt.Errorf("resolve approval %s: %w", id, err)
	}
	defer done()
	r, err := resolveApproval(ctx, call, name, id, kind, d)
	if err != nil {
		return Resolution{}, fmt.Errorf("resolve approval %s: %w", id, err)
	}
	return r, nil
}

// resolveApproval decides over a connection that bears name.
func resolveApproval(ctx context.Context, call caller, name, id string, kind ApprovalKind, d Decision) (Resolution, error) {
	before, err := getApproval(ctx, call, id)
	looked := err == nil
	switch {
	case errors.Is(err, ErrDraining):
		// Only resolving works now. Its methods refuse a wrong kind or decision.
	case err != nil:
		return Resolution{}, err
	case before.Status != ApprovalPending:
		return Resolution{Applied: false, Record: before}, nil
	case before.Kind != kind:
		return Resolution{}, fmt.Errorf("%w: it is a %s approval", ErrNotOffered, before.Kind)
	case !slices.Contains(before.AllowedDecisions, d):
		return Resolution{}, fmt.Errorf("%w: %q", ErrNotOffered, d)
	}

	method, params := string(kind)+".approval.resolve", map[string]any{"id": id, "decision": d}
	if kind == KindSystemAgent {
		// The only method for it. It takes a mistake as a denial, so that it is
		// not called on mere hope.
		if !looked {
			return Resolution{}, ErrDraining
		}
		method, params["kind"] = "approval.resolve", kind
	}
	var answer struct {
		Applied bool `json:"applied"` // of approval.resolve, whose record does not bear our name
	}
	err = call(ctx, method, params, &answer)
	var rpc *RPCError
	late := errors.As(err, &rpc) && (rpc.Reason == "APPROVAL_ALREADY_RESOLVED" || rpc.Reason == "APPROVAL_NOT_FOUND")
	if err != nil && !late {
		if rpc != nil && strings.HasPrefix(rpc.Reason, "APPROVAL_") {
			err = fmt.Errorf("%w: %w", ErrNotOffered, err)
		}
		return Resolution{}, err
	}
	after, gerr := getApproval(ctx, call, id)
	switch {
	case gerr == nil:
		applied := !late && after.Decision == d && (answer.Applied || after.Resolver == name)
		return Resolution{Applied: applied, Record: after}, nil
	case late:
		return Resolution{}, err
	}
	// The gateway took the decision and cannot show its record (it drains).
	after = before
	after.ID, after.Kind, after.Status, after.Reason, after.Decision, after.ResolvedAt = id, kind, ApprovalAllowed, "user", d, time.Now()
	after.Resolver = name
	if d == Deny {
		after.Status = ApprovalDenied
	}
	return Resolution{Applied: true, Record: after}, nil
}

// as returns calls that are made in the name of person, the name that the gateway
// records for them, and what ends them.
func (g *Gateway) as(ctx context.Context, person string) (_ caller, name string, done func(), err error) {
	if _, err := g.current(); err != nil {
		return nil, "", nil, err
	}
	name = DisplayName(g.cfg.Name, person)
	c, err := g.connect(ctx, name, g.decidingScopes(), []string{}, nil)
	var he *handshakeError
	switch {
	case err == nil:
		c.start(ctx)
		return func(ctx context.Context, method string, params, result any) error {
			return c.call(ctx, method, params, result, false)
		}, name, c.close, nil
	case errors.As(err, &he) && he.status == http.StatusServiceUnavailable, errors.Is(err, ErrDraining):
		return g.Call, g.cfg.Name, func() {}, nil
	case ctx.Err() != nil, errors.As(err, &he) && he.timeout:
		return nil, "", nil, fmt.Errorf("%w: %w", ErrHanging, err)
	case errors.Is(err, ErrStarting), errors.Is(err, ErrScope):
		return nil, "", nil, err
	default:
		return nil, "", nil, fmt.Errorf("%w: %w", ErrDown, err)
	}
}

// decidingScopes are those of ours that decide about approvals.
func (g *Gateway) decidingScopes() []Scope {
	var s []Scope
	for _, scope := range g.cfg.Scopes {
		if scope == ScopeAdmin || scope == ScopeApprovals {
			s = append(s, scope)
		}
	}
	return s
}

// DisplayName joins the console's and the person's name to that of a connection of
// theirs, as the gateway's records have it: no control characters, at most 60
// characters.
func DisplayName(console, person string) string {
	name := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return -1
		}
		return r
	}, console+": "+person)), " ")
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60])
	}
	return name
}

// A Simulation is a harmless approval that we raised ourselves, over a second
// connection: nothing runs whatever is decided.
type Simulation struct {
	ID        string
	ExpiresAt time.Time

	wait func(ctx context.Context) (Decision, error)
	stop func()
}

// Wait blocks until the approval is decided, expired (empty Decision) or ctx
// ends.
func (s *Simulation) Wait(ctx context.Context) (Decision, error) { return s.wait(ctx) }

// Close ends the second connection. An approval still open then runs into its
// expiry.
func (s *Simulation) Close() { s.stop() }

// RequestSimulatedApproval raises an exec approval for command that nobody will
// run, open for ttl (at least 1 s). Our own events announce it like any other.
// Source: exec.approval.request.
func (g *Gateway) RequestSimulatedApproval(ctx context.Context, id, command string, ttl time.Duration) (*Simulation, error) {
	ctx, cancel := g.withDeadline(ctx)
	defer cancel()
	c, err := g.connect(ctx, DisplayName(g.cfg.Name, "selftest"), g.decidingScopes(), []string{}, nil)
	if err != nil {
		return nil, fmt.Errorf("simulate an approval: %w", err)
	}
	c.start(context.WithoutCancel(ctx))
	var accepted struct {
		Status    string  `json:"status"`
		ID        string  `json:"id"`
		ExpiresAt instant `json:"expiresAtMs"`
	}
	const method = "exec.approval.request"
	w := &waiter{slow: true, last: func(f frame) bool { return !f.OK || !isAccepted(f.Payload) }}
	_, err = c.send(ctx, method, map[string]any{
		"id": id, "command": command, "host": "gateway", "twoPhase": true,
		"timeoutMs":   max(ttl, time.Second).Milliseconds(),
		"warningText": "Simulated by " + g.cfg.Name + ": nothing runs, whatever is decided.",
	}, w)
	var f frame
	if err == nil {
		f, err = c.await(ctx, w)
	}
	if err == nil {
		err = f.into(method, &accepted)
	}
	if err == nil && accepted.Status != "accepted" {
		err = errors.New("denied at once: no connection of ours takes approvals")
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("simulate an approval: %w", err)
	}
	return &Simulation{
		ID:        cmp.Or(accepted.ID, id),
		ExpiresAt: accepted.ExpiresAt.Time,
		wait: func(ctx context.Context) (Decision, error) {
			f, err := c.await(ctx, w)
			if err != nil {
				return "", fmt.Errorf("simulated approval: %w", err)
			}
			var end struct {
				Decision Decision `json:"decision"`
			}
			err = f.into(method, &end)
			return end.Decision, err
		},
		stop: c.close,
	}, nil
}

// isAccepted reports whether a response is the first of two.
func isAccepted(payload json.RawMessage) bool {
	var p struct {
		Status string `json:"status"`
	}
	return json.Unmarshal(payload, &p) == nil && p.Status == "accepted"
}
