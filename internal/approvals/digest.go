package approvals

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"clawconsole/openclaw"
)

// circumstances are the keys of a request that say who asks, when, and how it is
// handled, but not what would be done.
var circumstances = []string{
	"agentId", "sessionKey", "sessionId", "runId", "toolCallId",
	"turnSourceChannel", "turnSourceTo", "turnSourceAccountId", "turnSourceThreadId",
	"allowedDecisions", "unavailableDecisions", "security", "ask",
	"warningText", "commandAnalysis", "commandSpans", "cronExecutionSource",
}

// placed are the keys of a request that have a field of their own in
// [openclaw.Approval], or tell nothing that helps to decide.
var placed = []string{
	"command", "title", "description", "detail", "severity", "pluginId", "toolName",
	"cwd", "host", "nodeId", "resolvedPath", "scope", "commandPreview", "cronOperationBinding",
}

// HasPlace reports whether an argument with that key need not be shown among the
// others.
func HasPlace(key string) bool {
	return slices.Contains(placed, key) || slices.Contains(circumstances, key)
}

// Arguments are all that the gateway said about a call, less what is empty.
func Arguments(a openclaw.Approval) map[string]json.RawMessage {
	var args map[string]json.RawMessage
	_ = json.Unmarshal(a.Request, &args) // what cannot be read has no keys
	maps.DeleteFunc(args, func(_ string, raw json.RawMessage) bool {
		return slices.Contains([]string{"null", `""`, "[]", "{}"}, string(raw))
	})
	return args
}

// Plain reports whether nothing about a call but its command and where it runs can
// matter to whoever decides: it has no other arguments, nothing of it is hidden, and
// nobody warns of it.
func (c Case) Plain() bool {
	a := c.Approval
	for key := range Arguments(a) {
		if !HasPlace(key) {
			return false
		}
	}
	return a.Kind == openclaw.KindExec && a.ScopeKind == "" && a.CronJobID == "" && len(a.Warnings)+len(a.RiskKinds)+len(c.Look.Risks)+c.Look.Hidden == 0 &&
		c.Look.Taken && c.Look.Bar == ""
}

// digest is the SHA-256, in hex, of exactly what would be done: the kind and the
// arguments of the call as sorted JSON. Two calls with the same digest are
// identical.
func digest(a openclaw.Approval) string {
	args := make(map[string]any)
	d := json.NewDecoder(bytes.NewReader(a.Request))
	d.UseNumber()
	if err := d.Decode(&args); err != nil || len(args) == 0 {
		// There is no raw request: a gateway that we do not know.
		args = map[string]any{
			"command": a.Command, "title": a.Title, "description": a.Description, "detail": a.Detail,
			"cwd": a.Cwd, "host": a.Host, "nodeId": a.NodeID, "pluginId": a.PluginID, "toolName": a.Tool,
		}
	}
	for _, key := range circumstances {
		delete(args, key)
	}
	args["approvalKind"] = a.Kind
	b, err := json.Marshal(args) // sorts the keys
	if err != nil {
		panic("approvals: decoded JSON has no JSON form: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
