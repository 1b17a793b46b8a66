package openclaw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Config says where a gateway is and who we are to it.
type Config struct {
	// URL of the gateway: ws:// or wss://, host and port. Required.
	URL string
	// Token returns the shared gateway token. It is called before every
	// connection, so that a changed file is noticed. Nil or empty: none.
	Token func() (string, error)
	// DeviceKeyFile is where the device's Ed25519 key and the tokens that
	// gateways gave the device are kept (0600, created when first needed, in a
	// folder that exists). It is used for gateways that are not on loopback, or
	// when there is no shared token. Empty: no device, and a gateway on another
	// host grants no scopes.
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
	// OnDeviceToken is called with a token of the device before it is used or
	// stored, so that it can be redacted from then on.
	OnDeviceToken func(token string)
}

// How often and how fast.
const (
	firstDelay  = 250 * time.Millisecond // after a broken connection, then doubling
	lastDelay   = 5 * time.Second
	slowDelay   = 30 * time.Second // while a person has to do something
	mostDelay   = time.Minute      // of what the gateway may ask for
	watchEvery  = 500 * time.Millisecond
	overdueWait = 1500 * time.Millisecond // an answer that takes longer makes us ask whether the gateway lives
	idleWait    = 10 * time.Second        // so does so long a silence
	drainWait   = 2 * time.Second         // between asking whether it still drains
	pingWait    = 2 * time.Second         // a gateway that takes longer to answer a ping hangs
)

// A Gateway is a connection to an OpenClaw gateway that is made anew whenever it
// breaks. Its methods are safe for concurrent use and fail at once while there
// is no connection.
type Gateway struct {
	cfg      Config
	loopback bool
	client   *http.Client
	log      *slog.Logger
	hub      hub
	retry    chan struct{} // ends the pause between two attempts

	deviceMu sync.Mutex // held while the file is read or made
	device   *device    // nil: not needed so far

	mu       sync.Mutex
	state    State
	conn     *conn          // nil unless shaken hands and not yet seen broken
	followed map[string]int // session key to number of followers
}

// New checks c and returns a Gateway that connects when Run is called.
func New(c Config) (*Gateway, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, fmt.Errorf("gateway url %q: want ws://host:port or wss://host:port", c.URL)
	}
	if u.User != nil {
		return nil, errors.New("gateway url: it must not contain a user or password")
	}
	if c.Name == "" {
		c.Name = "clawconsole"
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Scopes == nil {
		c.Scopes = []Scope{ScopeAdmin, ScopeRead, ScopeWrite, ScopeApprovals}
	}
	if c.CallTimeout <= 0 {
		c.CallTimeout = 5 * time.Second
	}
	g := &Gateway{
		cfg:      c,
		loopback: isLoopback(u.Hostname()),
		client:   c.HTTPClient,
		log:      c.Log,
		retry:    make(chan struct{}, 1),
		followed: make(map[string]int),
	}
	if g.client == nil {
		g.client = &http.Client{Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			DisableKeepAlives:   true,
		}}
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.state = State{Phase: Connecting, Since: time.Now()}
	return g, nil
}

func isLoopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Name is what OpenClaw calls this connection, in its record too: Config.Name.
func (g *Gateway) Name() string { return g.cfg.Name }

// Host is how the gateway is called in replies: "local" on loopback, else its
// host.
func (g *Gateway) Host() string {
	if g.loopback {
		return "local"
	}
	u, _ := url.Parse(g.cfg.URL)
	return u.Hostname()
}

// LocalPort is the port of a gateway on this host, and 0 of one on another: only for
// the former does a program of this host know anything about it.
func (g *Gateway) LocalPort() int {
	if !g.loopback {
		return 0
	}
	u, _ := url.Parse(g.cfg.URL)
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	n, _ := strconv.Atoi(port)
	return n
}

// Run connects, and reconnects when the connection breaks, until ctx ends. It
// returns nil then, with everything ended that it started. Call it once.
func (g *Gateway) Run(ctx context.Context) error {
	delay := firstDelay
	for ctx.Err() == nil {
		c, err := g.connect(ctx, g.cfg.Name, g.cfg.Scopes, []string{"approvals", "session-scoped-events"}, g.event)
		if err == nil {
			delay = firstDelay
			err = g.serve(ctx, c)
		}
		if ctx.Err() != nil {
			break
		}
		pause := g.failed(err, &delay)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-g.retry:
		case <-t.C:
		}
		t.Stop()
	}
	g.update(func(s *State) { s.Phase, s.Err, s.Advice, s.NextTryAt = Down, nil, "", time.Time{} })
	return nil
}

// Reconnect makes the next attempt now instead of after its pause. It does
// nothing while connected.
func (g *Gateway) Reconnect() {
	select {
	case g.retry <- struct{}{}:
	default:
	}
}

// connect dials with whatever proves who we are: the device's own token if it
// has one, else the shared one.
func (g *Gateway) connect(ctx context.Context, name string, scopes []Scope, caps []string, onEvent func(*conn, frame)) (*conn, error) {
	p := dialParams{
		url: g.cfg.URL, client: g.client, name: name, version: g.cfg.Version,
		scopes: scopes, caps: caps, onEvent: onEvent,
	}
	var shared string
	if g.cfg.Token != nil {
		var err error
		if shared, err = g.cfg.Token(); err != nil {
			return nil, fmt.Errorf("%w: gateway token: %w", ErrRefused, err)
		}
	}
	p.token = shared
	d, err := g.loadDevice(shared)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if d == nil {
		return dial(ctx, p)
	}
	p.device = d
	own := d.token(g.cfg.URL)
	if own != "" {
		g.learn(own)
		p.token = own
	}
	c, err := dial(ctx, p)
	if own != "" && shared != "" && (refusedAs(err, "AUTH_TOKEN_MISMATCH") || refusedAs(err, "AUTH_SCOPE_MISMATCH")) {
		// Rotated, revoked, or paired for fewer scopes than we ask for now: the
		// shared token gets a new one or a pairing request for more.
		p.token = shared
		c, err = dial(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	if t := c.auth.DeviceToken; t != "" {
		g.learn(t)
		if err := d.setToken(g.cfg.URL, t); err != nil {
			g.log.Error("device token not stored", "err", err)
		}
	}
	return c, nil
}

// loadDevice returns our device identity where one is needed, else nil.
func (g *Gateway) loadDevice(shared string) (*device, error) {
	if g.cfg.DeviceKeyFile == "" || g.loopback && shared != "" {
		return nil, nil
	}
	g.deviceMu.Lock()
	defer g.deviceMu.Unlock()
	if g.device == nil {
		d, err := loadDevice(g.cfg.DeviceKeyFile)
		if err != nil {
			return nil, err
		}
		g.device = d
	}
	return g.device, nil
}

func (g *Gateway) learn(token string) {
	if g.cfg.OnDeviceToken != nil {
		g.cfg.OnDeviceToken(token)
	}
}

func refusedAs(err error, reason string) bool {
	var r *RPCError
	return errors.As(err, &r) && r.Reason == reason
}

// serve lets one connection live to its end, which it returns the cause of.
func (g *Gateway) serve(ctx context.Context, c *conn) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var missing []Scope
	for _, s := range g.cfg.Scopes {
		if !c.hello.Has(s) {
			missing = append(missing, s)
		}
	}

	g.mu.Lock()
	before := g.state.Hello
	g.conn = c
	g.updateLocked(func(s *State) {
		*s = State{
			Phase: Connected, Since: s.Since, Hello: c.hello, Missing: missing,
			Skew: c.skew, HeardAt: c.hello.At, Advice: scopeAdvice(missing, c.hello, g.loopback),
		}
	})
	if before.BootID != "" && before.BootID != c.hello.BootID {
		g.log.Info("gateway rebooted", "boot", c.hello.BootID, "version", c.hello.Version)
		g.hub.publish(Rebooted{before, c.hello})
	}
	keys := slices.Collect(maps.Keys(g.followed))
	g.mu.Unlock()
	c.start(ctx)
	defer c.close()
	defer func() {
		g.mu.Lock()
		g.conn = nil
		g.mu.Unlock()
	}()

	wg.Go(func() {
		for _, k := range keys {
			tctx, cancel := context.WithTimeout(ctx, g.cfg.CallTimeout)
			if err := c.call(tctx, "sessions.messages.subscribe", map[string]any{"key": k}, nil, false); err != nil {
				g.log.Warn("session not followed after the reconnect", "err", err)
			}
			cancel()
		}
	})
	return g.watch(ctx, c)
}

// watch asks the gateway whether it lives when it is silent for too long, and
// gives the socket up when it stays so. It returns when the socket is gone.
func (g *Gateway) watch(ctx context.Context, c *conn) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	var askedAt time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return closeCause(c.err)
		case <-tick.C:
		}
		now, heard, phase := time.Now(), c.heardAt(), g.State().Phase
		if phase == Draining && now.Sub(askedAt) >= drainWait {
			// The end of a drain without a restart is not announced.
			askedAt = now
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, drainWait)
				defer cancel()
				_ = g.call(ctx, "health", map[string]any{}, nil, false) // only its refusal is of interest
			})
		}
		idle := now.Sub(heard)
		if idle > 2*c.hello.TickInterval {
			return errSilent
		}
		// What was heard before a hang does not end it, only an answer to a ping does.
		if o := c.overdue(now, overdueWait); phase != Hanging && idle <= idleWait && (o.IsZero() || heard.After(o)) {
			g.alive(heard)
			continue
		}
		pctx, cancel := context.WithTimeout(ctx, pingWait)
		err := c.ws.Ping(pctx)
		cancel()
		switch {
		case err == nil:
			g.alive(c.heardAt())
		case ctx.Err() == nil && !isClosed(c.done) && c.heardAt().Equal(heard):
			g.update(func(s *State) {
				if s.Phase == Connected || s.Phase == Draining {
					s.Phase, s.Err, s.HeardAt = Hanging, ErrHanging, heard
					s.Advice = "its process may be stopped or out of CPU; see /gateway status"
				}
			})
		}
	}
}

// errSilent ends a connection on which nothing came for two tick intervals.
var errSilent = fmt.Errorf("%w: nothing heard for two tick intervals", ErrHanging)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// alive notes that the gateway was heard, which ends a hang.
func (g *Gateway) alive(at time.Time) {
	g.update(func(s *State) {
		s.HeardAt = at
		if s.Phase == Hanging {
			s.Phase, s.Err = Connected, nil
			s.Advice = scopeAdvice(s.Missing, s.Hello, g.loopback)
		}
	})
}

// failed records why there is no connection and returns the pause before the
// next attempt.
func (g *Gateway) failed(err error, delay *time.Duration) time.Duration {
	phase, advice, pause := g.judge(err)
	if pause == 0 {
		pause = *delay + rand.N(*delay/5+1)
		*delay = min(*delay*2, lastDelay)
	}
	// An earlier call of Reconnect is not for this pause.
	select {
	case <-g.retry:
	default:
	}
	g.update(func(s *State) {
		s.Phase, s.Err, s.Advice = phase, err, advice
		s.Attempts++
		s.NextTryAt = time.Now().Add(pause)
		s.Missing = nil
	})
	return pause
}

// judge says what a failed attempt or a broken connection means. A pause of zero
// is the usual backoff.
func (g *Gateway) judge(err error) (p Phase, advice string, pause time.Duration) {
	var he *handshakeError
	var rpc *RPCError
	var pair *PairingError
	errors.As(err, &he)
	errors.As(err, &rpc)
	code := websocket.CloseStatus(err)
	switch {
	case errors.As(err, &pair):
		return Pairing, pair.Advice(), slowDelay
	case rpc != nil && rpc.Reason == "PAIRING_REQUIRED":
		return Pairing, "run `" + pairingError(he, rpc).Advice() + "` on the gateway's host", slowDelay
	case rpc != nil && (errors.Is(rpc, ErrStarting) || code == websocket.StatusTryAgainLater):
		return Starting, "", clampPause(rpc.RetryAfter, firstDelay)
	case rpc != nil && rpc.Code == "UNAVAILABLE":
		return Draining, "", clampPause(rpc.RetryAfter, time.Second)
	case rpc != nil || code == websocket.StatusPolicyViolation || code == websocket.StatusProtocolError || errors.Is(err, ErrRefused):
		return Refused, refusedAdvice(rpc), slowDelay
	case code == websocket.StatusTryAgainLater:
		return Starting, "", 0
	case he != nil && he.status == http.StatusServiceUnavailable:
		return Draining, "", 0
	case he != nil && he.status != 0:
		return Refused, "no gateway answers at this address: check openclaw.url", slowDelay
	case errors.Is(err, errSilent), he != nil && he.timeout && he.connected:
		return Hanging, "its process may be stopped or out of CPU; see /gateway status", 0
	case code == websocket.StatusServiceRestart && g.State().Shutdown.restarting():
		return Draining, "", 0
	}
	return Down, "", 0
}

func clampPause(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return min(max(d, 50*time.Millisecond), mostDelay)
}

func (s Shutdown) restarting() bool { return strings.Contains(s.Reason, "restart") }

func pairingError(he *handshakeError, rpc *RPCError) *PairingError {
	e := &PairingError{Reason: rpc.Reason}
	if he != nil && he.rpc != nil {
		d := he.rpc.details()
		e.RequestID, e.DeviceID, e.Reason = d.RequestID, d.DeviceID, d.Reason
	}
	return e
}

// refusedAdvice is what helps against a refusal. The words of the gateway are in
// the error itself.
func refusedAdvice(rpc *RPCError) string {
	if rpc == nil {
		return "check openclaw.url and openclaw.token_file"
	}
	switch r := rpc.Reason; {
	case strings.HasPrefix(r, "AUTH_TOKEN"), strings.HasPrefix(r, "AUTH_PASSWORD"):
		return "check openclaw.token_file against gateway.auth.token on the gateway's host"
	case r == "AUTH_RATE_LIMITED":
		return "too many failures; the gateway locks this address out for 5 minutes"
	case r == "AUTH_SCOPE_MISMATCH":
		return "this device is paired for fewer scopes; set the shared token, or pair it anew"
	case r == "DEVICE_IDENTITY_REQUIRED":
		return "set openclaw.token_file"
	case r == "DEVICE_AUTH_SIGNATURE_EXPIRED":
		return "the clocks of the two hosts differ too much"
	case strings.HasPrefix(r, "DEVICE_"):
		return "run `openclaw devices list` on the gateway's host"
	case r == "PROTOCOL_MISMATCH":
		return "this console speaks protocol 4; update one of the two"
	}
	return "see the gateway's log"
}

func scopeAdvice(missing []Scope, h Hello, loopback bool) string {
	if len(missing) == 0 {
		return ""
	}
	why := missing[0].without()
	if len(h.Scopes) == 0 {
		why = "nothing can be done"
		if !loopback {
			why += "; a gateway on another host wants a paired device (device key)"
		}
	}
	names := make([]string, len(missing))
	for i, s := range missing {
		names[i] = string(s)
	}
	return "missing " + strings.Join(names, ", ") + ": " + why
}

// State returns how things stand now. It never blocks.
func (g *Gateway) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stateLocked()
}

func (g *Gateway) stateLocked() State {
	s := g.state
	if g.conn != nil {
		s.HeardAt = g.conn.heardAt()
	}
	if s.Phase == Connected {
		s.LastUpAt = time.Now()
	}
	return s
}

func (g *Gateway) update(f func(*State)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.updateLocked(f)
}

// updateLocked changes the state and tells everybody if the phase is another
// one, or if a person has something else to do.
func (g *Gateway) updateLocked(f func(*State)) {
	old, now := g.state, time.Now()
	f(&g.state)
	s := &g.state
	s.LastUpAt = old.LastUpAt
	if old.Phase == Connected || s.Phase == Connected {
		s.LastUpAt = now
	}
	if s.Phase == old.Phase && s.Advice == old.Advice && s.Hello.ConnID == old.Hello.ConnID {
		return
	}
	if s.Phase != old.Phase || s.Hello.ConnID != old.Hello.ConnID {
		s.Since = now
	}
	var attrs []any
	if s.Err != nil {
		attrs = append(attrs, "err", s.Err)
	}
	if s.Advice != "" {
		attrs = append(attrs, "advice", s.Advice)
	}
	g.log.Info("gateway "+s.Phase.String(), attrs...)
	g.hub.publish(StateChanged{g.stateLocked()})
}

// Await blocks until the gateway is connected or ctx ends, and returns the state
// then. The error is nil only when connected.
func (g *Gateway) Await(ctx context.Context) (State, error) {
	sub := g.Events(0, func(e Event) bool { _, ok := e.(StateChanged); return ok })
	defer sub.Close()
	for {
		if s := g.State(); s.Phase == Connected {
			return s, nil
		}
		select {
		case <-sub.C:
		case <-ctx.Done():
			s := g.State()
			return s, fmt.Errorf("%w while the gateway is %v", contextError(ctx), s.Phase)
		}
	}
}

// Events subscribes to what happens from now on; the first event is a
// StateChanged that tells how things stand. n is how many events are kept for a
// subscriber that is behind (default 256); want, if not nil, chooses which. It
// is called while the Gateway is locked: it must not block or call its methods.
// Close the subscription when done.
func (g *Gateway) Events(n int, want func(Event) bool) *Subscription {
	if n <= 0 {
		n = 256
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hub.add(n, want, StateChanged{g.stateLocked()})
}

// current returns the connection, or why there is none that answers.
func (g *Gateway) current() (*conn, error) {
	g.mu.Lock()
	c, s := g.conn, g.state
	g.mu.Unlock()
	if c != nil && s.Phase != Hanging && !isClosed(c.done) {
		return c, nil
	}
	return nil, s.unavailable()
}

// unavailable is the error of a call in a phase without connection.
func (s State) unavailable() error {
	sentinel := ErrDown
	switch s.Phase {
	case Starting:
		sentinel = ErrStarting
	case Draining:
		sentinel = ErrDraining
	case Hanging:
		sentinel = ErrHanging
	case Refused:
		sentinel = ErrRefused
	case Pairing:
		var he *handshakeError
		var rpc *RPCError
		if errors.As(s.Err, &he) && errors.As(s.Err, &rpc) {
			return pairingError(he, rpc)
		}
		sentinel = ErrPairing
	}
	if s.Err == nil || errors.Is(s.Err, sentinel) {
		return sentinel
	}
	return fmt.Errorf("%w: %s", sentinel, oneLine(s.Err.Error(), 300))
}

// Call makes one request. params and result are as encoding/json takes them;
// either may be nil. It blocks until the answer or the deadline: the context's,
// or Config.CallTimeout. Errors are [RPCError] or wrap one of this package's
// sentinels; none holds a token.
func (g *Gateway) Call(ctx context.Context, method string, params, result any) error {
	ctx, cancel := g.withDeadline(ctx)
	defer cancel()
	return g.call(ctx, method, params, result, false)
}

// withDeadline adds the usual deadline to a context that has none.
func (g *Gateway) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, g.cfg.CallTimeout)
}

// call is Call with a context that has a deadline. slow says that the answer may
// take long without anything being wrong.
func (g *Gateway) call(ctx context.Context, method string, params, result any, slow bool) error {
	c, err := g.current()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	err = c.call(ctx, method, params, result, slow)
	g.draining(method, err)
	return err
}

// draining learns from an answer whether the gateway waits for its restart.
func (g *Gateway) draining(method string, err error) {
	switch {
	case errors.Is(err, ErrDraining):
		g.update(func(s *State) {
			if s.Phase == Connected {
				s.Phase, s.Err = Draining, ErrDraining
			}
		})
	case err == nil && !strings.Contains(method, "approval"):
		g.update(func(s *State) {
			if s.Phase == Draining && g.conn != nil {
				s.Phase, s.Err = Connected, nil
			}
		})
	}
}

// Follow asks for AgentEvent and SessionEvent of one session from now on, also
// after reconnects, until stop is called.
// Source: sessions.messages.subscribe.
func (g *Gateway) Follow(ctx context.Context, sessionKey string) (stop func(), err error) {
	if err := g.Call(ctx, "sessions.messages.subscribe", map[string]any{"key": sessionKey}, nil); err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.followed[sessionKey]++
	g.mu.Unlock()
	return sync.OnceFunc(func() {
		g.mu.Lock()
		g.followed[sessionKey]--
		last := g.followed[sessionKey] == 0
		if last {
			delete(g.followed, sessionKey)
		}
		g.mu.Unlock()
		if last {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			// Best effort: the gateway forgets it with the connection anyhow.
			_ = g.Call(ctx, "sessions.messages.unsubscribe", map[string]any{"key": sessionKey}, nil)
		}
	}), nil
}

// event turns a frame into an Event. It runs on the socket's reader.
func (g *Gateway) event(c *conn, f frame) {
	e := decodeEvent(f)
	if e == nil {
		return
	}
	if s, ok := e.(ShutdownNoted); ok {
		g.update(func(st *State) {
			st.Shutdown = s.Shutdown
			if st.Phase == Connected && s.Shutdown.restarting() {
				st.Phase, st.Err = Draining, ErrDraining
			}
		})
	}
	g.hub.publish(e)
}

// decodeEvent returns nil for what is no news.
func decodeEvent(f frame) Event {
	switch f.Event {
	case lostEvent:
		return Resync{}
	case "tick", "connect.challenge":
		return nil
	case "shutdown":
		var p struct {
			Reason            string `json:"reason"`
			RestartExpectedMs ms     `json:"restartExpectedMs"`
		}
		if json.Unmarshal(f.Payload, &p) != nil {
			break
		}
		return ShutdownNoted{Shutdown{At: time.Now(), Reason: oneLine(p.Reason, 200), Expected: p.RestartExpectedMs.duration()}}
	case "exec.approval.requested", "plugin.approval.requested", "openclaw.approval.requested":
		a, err := decodeApproval(f.Payload, kindOf(f.Event))
		if err != nil {
			return Resync{} // the lists may still be readable
		}
		return ApprovalRequested{a}
	case "exec.approval.resolved", "plugin.approval.resolved", "openclaw.approval.resolved":
		var p struct {
			ID         string   `json:"id"`
			Decision   Decision `json:"decision"`
			ResolvedBy string   `json:"resolvedBy"`
			TS         instant  `json:"ts"`
		}
		if json.Unmarshal(f.Payload, &p) != nil || p.ID == "" {
			return Resync{}
		}
		return ApprovalResolved{ID: p.ID, Kind: kindOf(f.Event), Decision: p.Decision, By: p.ResolvedBy, At: p.TS.Time}
	case "cron":
		var p struct {
			wireCronRun
			Job wireCronJob `json:"job"`
		}
		if json.Unmarshal(f.Payload, &p) != nil {
			return Resync{}
		}
		run := p.run()
		if run.JobName == "" {
			run.JobName = p.Job.Name
		}
		return CronChanged{JobID: p.JobID, Action: p.Action, RunID: p.RunID, Run: run}
	case "agent":
		var p struct {
			RunID      string          `json:"runId"`
			SessionKey string          `json:"sessionKey"`
			Stream     string          `json:"stream"`
			TS         instant         `json:"ts"`
			Data       json.RawMessage `json:"data"`
		}
		if json.Unmarshal(f.Payload, &p) != nil {
			break
		}
		return AgentEvent{RunID: p.RunID, SessionKey: p.SessionKey, Stream: p.Stream, At: p.TS.Time, Data: p.Data}
	case "chat", "session.message", "session.tool", "session.approval":
		var p struct {
			SessionKey string `json:"sessionKey"`
		}
		if json.Unmarshal(f.Payload, &p) != nil {
			break
		}
		return SessionEvent{Name: f.Event, SessionKey: p.SessionKey, Payload: f.Payload}
	}
	return OtherEvent{Name: f.Event, Payload: f.Payload}
}

// kindOf returns the kind of approval that a name of an event or method is about.
func kindOf(name string) ApprovalKind {
	switch {
	case strings.HasPrefix(name, "exec."):
		return KindExec
	case strings.HasPrefix(name, "plugin."):
		return KindPlugin
	}
	return KindSystemAgent
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
