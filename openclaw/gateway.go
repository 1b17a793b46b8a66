package openclaw

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where a gateway is and who we are to it.
type Config struct {
	// URL of the gateway: ws:// or wss://, host and port. Required.
	URL string
	// Token returns the shared gateway token. It is called before every
	// connection, so that a changed file is noticed. Nil or empty: none.
	Token func() (string, error)
	// DeviceKeyFile is where the device's Ed25519 key and the token that the
	// gateway gave the device are kept (0600, created when first needed). It is
	// used for gateways that are not on loopback. Empty: no device, and such a
	// gateway grants no scopes.
	DeviceKeyFile string
	// Name is shown by OpenClaw for this connection. Default "clawconsole".
	Name string
	// Version of the console, as told to the gateway. Default "dev".
	Version string
	// Scopes asked for. Default: admin, read, write, approvals.
	Scopes []Scope
	// CallTimeout is the deadline of calls whose context has none. Default 5 s.
	CallTimeout time.Duration
	// HTTPClient dials. Default: one without proxy.
	HTTPClient *http.Client
	// Log gets state changes. Default: nothing is logged.
	Log *slog.Logger
	// OnDeviceToken is called with the token of the device, before it is used
	// or stored, so that it can be redacted from then on.
	OnDeviceToken func(token string)
}

// A Gateway is a connection to an OpenClaw gateway that is made anew whenever it
// breaks. Its methods are safe for concurrent use and fail at once while there
// is no connection.
type Gateway struct {
	cfg    Config
	url    *url.URL
	events hub
}

// New checks c and returns a Gateway that connects when Run is called.
func New(c Config) (*Gateway, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, fmt.Errorf("gateway url %q: want ws://host:port or wss://host:port", c.URL)
	}
	return &Gateway{cfg: c, url: u}, nil
}

// Run connects, and reconnects when the connection breaks, until ctx ends. It
// returns nil then, with everything ended that it started. Call it once.
func (g *Gateway) Run(ctx context.Context) error { return errors.ErrUnsupported }

// State returns how things stand now. It never blocks.
func (g *Gateway) State() State { return State{} }

// Await blocks until the gateway is connected or ctx ends, and returns the state
// then. The error is nil only when connected.
func (g *Gateway) Await(ctx context.Context) (State, error) { return State{}, errors.ErrUnsupported }

// AwaitReboot blocks until the gateway is connected with another boot id than
// the one given, or ctx ends.
func (g *Gateway) AwaitReboot(ctx context.Context, bootID string) (State, error) {
	return State{}, errors.ErrUnsupported
}

// Events subscribes to what happens from now on; the first event is a
// StateChanged that tells how things stand. n is how many events are kept for a
// subscriber that is behind (default 256); want, if not nil, chooses which, is
// called from the socket's reader and must not block. Close the subscription
// when done.
func (g *Gateway) Events(n int, want func(Event) bool) *Subscription {
	if n <= 0 {
		n = 256
	}
	return g.events.add(n, want, func() Event { return StateChanged{g.State()} })
}

// Call makes one request. params and result are as encoding/json takes them;
// either may be nil. It blocks until the answer or the deadline: the context's,
// or Config.CallTimeout. Errors are [RPCError] or wrap one of this package's
// sentinels; none holds a token.
func (g *Gateway) Call(ctx context.Context, method string, params, result any) error {
	return errors.ErrUnsupported
}

// Follow asks for AgentEvent and SessionEvent of one session from now on, also
// after reconnects, until the returned function is called.
// Source: sessions.messages.subscribe.
func (g *Gateway) Follow(ctx context.Context, sessionKey string) (stop func(), err error) {
	return nil, errors.ErrUnsupported
}

// oneLine returns s without line breaks and control characters, cut to n bytes.
func oneLine(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
