package openclaw

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
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
// three kinds, oldest first. Kinds that the gateway does not know are left out.
// Source: exec.approval.list, plugin.approval.list, openclaw.approval.list.
func (g *Gateway) ListApprovals(ctx context.Context) ([]Approval, error) {
	return nil, errors.ErrUnsupported
}

// GetApproval returns the gateway's record of approval id, pending or finished
// (30 days). An unknown id is [ErrNotFound].
// Source: approval.get.
func (g *Gateway) GetApproval(ctx context.Context, id string) (ApprovalRecord, error) {
	return ApprovalRecord{}, errors.ErrUnsupported
}

// ResolveApproval decides approval id over a connection of its own that bears
// the console's name and the person's ("clawconsole: alice"), so that OpenClaw's
// record names who decided. It works while the gateway drains if a connection
// can still be made, else it goes over the shared one. It returns the gateway's
// record, whoever won; [ErrNotFound] if there is no such approval, and
// [ErrNotOffered], with nothing sent, if an allowing decision is not among those
// offered or kind is wrong. After [ErrTimeout] or [ErrLost] ask GetApproval.
// Source: approval.resolve.
func (g *Gateway) ResolveApproval(ctx context.Context, person, id string, kind ApprovalKind, d Decision) (Resolution, error) {
	return Resolution{}, errors.ErrUnsupported
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
	return nil, errors.ErrUnsupported
}
