package openclaw

import (
	"slices"
	"time"
)

// A Phase is how things stand between us and the gateway.
type Phase int

// The phases. All but Connected make calls fail at once with the error named.
const (
	Connecting Phase = iota // dialing or shaking hands, nothing known yet: ErrDown
	Connected               // calls work, with the scopes of Hello
	Starting                // it refuses connections for some seconds: ErrStarting
	Draining                // it restarts as soon as its work is done: ErrDraining; resolving approvals still works
	Down                    // nothing there; redialing: ErrDown
	Hanging                 // it takes connections and answers nothing: ErrHanging
	Pairing                 // waits for a person on its host: ErrPairing; retried every 30 s
	Refused                 // token, signature or protocol refused: ErrRefused; retried every 30 s
)

var phaseNames = [...]string{"connecting", "connected", "starting", "draining", "down", "hanging", "pairing", "refused"}

// String returns the phase as one lower-case word.
func (p Phase) String() string {
	if p < 0 || int(p) >= len(phaseNames) {
		return "unknown"
	}
	return phaseNames[p]
}

// A State is what is known about the gateway at one moment. It is a copy: it
// does not change.
type State struct {
	Phase     Phase
	Since     time.Time     // when Phase began
	Err       error         // what the last attempt ended with, nil while connected; never holds a token
	Advice    string        // what a person should do about it, one line; empty: nothing
	Hello     Hello         // of the last connection that succeeded; zero before the first
	Missing   []Scope       // asked for and not granted, while connected
	Skew      time.Duration // gateway's clock minus ours, at the last handshake; good to some milliseconds
	HeardAt   time.Time     // when the last frame or ping of the gateway arrived; zero: never
	LastUpAt  time.Time     // when it was last known to be Connected (now, while it is); zero: never
	Shutdown  Shutdown      // the last farewell of the gateway; zero: none since the last connect
	Attempts  int           // connection attempts since the last success
	NextTryAt time.Time     // when the next attempt is made; zero while connected
}

// Has reports whether the connection has scope s, directly or by implication.
func (s State) Has(scope Scope) bool { return s.Phase == Connected && s.Hello.Has(scope) }

// Hello is what the gateway said about itself when the connection was made.
// Source: hello-ok.
type Hello struct {
	At           time.Time     // when, by our clock
	Protocol     int           // 4
	Version      string        // of OpenClaw: "2026.9.6"
	BootID       string        // new with every start of the gateway: the only proof of a restart in place
	ConnID       string        // of this connection
	AuthMethod   string        // "token" or "device-token"
	Scopes       []Scope       // really granted; may be empty although the connect succeeded
	Uptime       time.Duration // of the gateway's process at At; a restart in place does not begin it anew
	TickInterval time.Duration // between its tick events, 30 s
}

// A Scope is a right that a connection has on the gateway.
type Scope string

// The scopes of operator connections.
const (
	ScopeAdmin     Scope = "operator.admin" // implies all others
	ScopeRead      Scope = "operator.read"
	ScopeWrite     Scope = "operator.write" // implies read
	ScopeApprovals Scope = "operator.approvals"
)

// Has reports whether the connection has scope s, directly or because admin
// implies everything and write implies read.
func (h Hello) Has(s Scope) bool {
	return slices.Contains(h.Scopes, s) || slices.Contains(h.Scopes, ScopeAdmin) ||
		s == ScopeRead && slices.Contains(h.Scopes, ScopeWrite)
}

// without says what a console cannot do without s, for people.
func (s Scope) without() string {
	switch s {
	case ScopeAdmin:
		return "no restart, no running of jobs, and approvals of other people's runs are not seen"
	case ScopeRead:
		return "nothing can be read"
	case ScopeWrite:
		return "no messages to agents"
	case ScopeApprovals:
		return "no approvals"
	default:
		return "some requests are refused"
	}
}

// Shutdown is the gateway's announcement that it goes away.
// Source: event shutdown.
type Shutdown struct {
	At       time.Time
	Reason   string        // "gateway restarting" or "gateway stopping"
	Expected time.Duration // until it is back, by its own optimistic word (1.5 s means 4 to 5 s); zero: not said
}
