// Package fakegateway is an OpenClaw gateway in memory: a WebSocket server that
// speaks protocol 4 and has state (sessions, runs, approvals, jobs, logs,
// devices), for what a real gateway cannot be made to do on demand. It can hang,
// break sockets at chosen moments, answer garbage, late, twice or never, drain,
// start slowly, restart, and forget what a real one forgets.
//
// It listens on loopback, or, for tests on a fake clock, on nothing: [Server.Client]
// dials it through memory.
//
// It answers as openclaw 2026.9.6 was seen to. Where it is less, it refuses: an
// unknown method is an error.
package fakegateway
