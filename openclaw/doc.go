// Package openclaw is OpenClaw's gateway and command line as Go functions and
// events.
//
// A [Gateway] holds one WebSocket to the gateway (wire protocol 4), reconnects
// it for as long as Run runs, and knows at any time what state the gateway is
// in. Its methods are what the console needs, each with its own types; times
// on the wire are milliseconds since 1970, here they are time.Time and
// time.Duration. A [CLI] runs the openclaw program: a slow second way (0.9 to 5
// s for what the socket does in a millisecond) for when the socket is dead.
//
// Text that comes from OpenClaw (titles, log lines, replies, commands) is
// untrusted: it is returned as it came and must be redacted and escaped before
// it is shown.
//
// Sources: openclaw 2026.9.6 as run, and protocol.schema.json of
// @openclaw/gateway-protocol.
package openclaw
