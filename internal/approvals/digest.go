package approvals

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

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
