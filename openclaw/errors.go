package openclaw

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Why a call could not be made or answered. Every error of this package that is
// about the gateway being away wraps exactly one of them, so that a caller can
// decide with errors.Is; [RPCError] is what the gateway itself answered.
var (
	// ErrDown: nothing listens, the socket broke, or Run is not running.
	ErrDown = errors.New("gateway is down")
	// ErrStarting: it listens but refuses connections for some seconds more.
	ErrStarting = errors.New("gateway is starting")
	// ErrDraining: a restart waits for work in flight; only resolving approvals works.
	ErrDraining = errors.New("gateway is draining before a restart")
	// ErrHanging: it accepts connections but does not answer, not even pings.
	ErrHanging = errors.New("gateway hangs")
	// ErrTimeout: no answer by the deadline. Whether the request had an effect
	// is unknown.
	ErrTimeout = errors.New("gateway did not answer in time")
	// ErrLost: the socket broke after the request was sent. Whether it had an
	// effect is unknown.
	ErrLost = errors.New("connection lost while waiting for the answer")
	// ErrRefused: the gateway does not let us in (token, signature, protocol).
	ErrRefused = errors.New("gateway refuses the connection")
	// ErrPairing: this device waits for approval on the gateway's host; the
	// error is a *PairingError.
	ErrPairing = errors.New("device is not paired yet")
	// ErrScope: the connection lacks a scope that the method needs.
	ErrScope = errors.New("missing scope")
	// ErrNotFound: the gateway knows no such session, job or approval.
	ErrNotFound = errors.New("not found")
	// ErrNotOffered: the decision is not among those the approval allows, or
	// the kind is not the approval's. Nothing was sent: the gateway would have
	// taken it as a denial.
	ErrNotOffered = errors.New("decision is not offered for this approval")
)

// away are the errors of a gateway that takes no requests: none was sent, or it was
// refused before anything was done.
var away = []error{ErrDown, ErrStarting, ErrDraining, ErrHanging, ErrRefused, ErrPairing}

// Away reports whether err says nothing about what was asked for, only that the gateway
// cannot answer now, so that another source may know, or a later attempt may succeed.
func Away(err error) bool { return isAny(err, away...) || isAny(err, ErrTimeout, ErrLost) }

// NotSent reports whether err, of a call, says that the gateway did nothing because
// of the connection: there is none that takes requests, or it lacks a scope.
func NotSent(err error) bool {
	return (isAny(err, away...) || errors.Is(err, ErrScope)) && !isAny(err, ErrTimeout, ErrLost)
}

// Unsettled reports whether err, of a call, leaves open if the gateway did what it was
// asked for: the request may have been sent, and no answer came that could be read. To
// make such a request again may do it twice.
func Unsettled(err error) bool {
	return err != nil && !errors.As(err, new(*RPCError)) && !NotSent(err) && !isAny(err, ErrNotFound, ErrNotOffered)
}

// isAny reports whether err is one of the sentinels.
func isAny(err error, sentinels ...error) bool {
	return slices.ContainsFunc(sentinels, func(e error) bool { return errors.Is(err, e) })
}

// An RPCError is an error response of the gateway. It wraps [ErrScope],
// [ErrNotFound], [ErrDraining] or [ErrStarting] when it is one of those.
type RPCError struct {
	Method     string
	Code       string        // INVALID_REQUEST, FORBIDDEN, UNAVAILABLE, NOT_PAIRED, ...
	Reason     string        // details.code, else details.reason: MISSING_SCOPE, startup-sidecars, ...
	Message    string        // the gateway's own words, untrusted
	RetryAfter time.Duration // zero: not said
	Scope      string        // the scope that is missing, if that is the reason
	kind       error
}

// Error names the method, the code and the gateway's words.
func (e *RPCError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s (%s, %s)", e.Method, oneLine(e.Message, 300), e.Code, e.Reason)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Method, oneLine(e.Message, 300), e.Code)
}

// Unwrap returns the sentinel that e is a case of, or nil.
func (e *RPCError) Unwrap() error { return e.kind }

// A PairingError says which pairing request waits on the gateway's host. It
// wraps [ErrPairing].
type PairingError struct {
	RequestID string // for `openclaw devices approve <RequestID>`
	DeviceID  string // hex SHA-256 of our public key
	Reason    string // not-paired, scope-upgrade, ...
}

// Error names the command that ends the wait.
func (e *PairingError) Error() string {
	return fmt.Sprintf("%v: run %q on the gateway's host", ErrPairing, e.Advice())
}

// Advice is the command to run on the gateway's host.
func (e *PairingError) Advice() string {
	if !plainID(e.RequestID) {
		return "openclaw devices list"
	}
	return "openclaw devices approve " + e.RequestID
}

// Unwrap returns ErrPairing.
func (e *PairingError) Unwrap() error { return ErrPairing }

// plainID reports whether s is harmless inside a command line shown to a person.
func plainID(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.', r == ':':
		default:
			return false
		}
	}
	return s[0] != '-'
}
