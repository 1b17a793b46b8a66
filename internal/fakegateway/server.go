package fakegateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Config says what kind of gateway it is. The zero value is one on the same host
// with the token "fake-token".
type Config struct {
	Token   string        // shared token; default "fake-token"
	Remote  bool          // clients come from another host: they must be paired
	Scopes  []string      // grant at most these; nil: all that are asked for
	Tick    time.Duration // between tick events; default 30 s
	Version string        // default "2026.9.6"
	Memory  bool          // listen on nothing: dial with Client
}

// A Server is a gateway that runs. Its methods may be called from any goroutine.
type Server struct {
	cfg  Config
	http *http.Server
	l    *listener
	wg   sync.WaitGroup

	mu        sync.Mutex
	phase     phase
	retry     time.Duration // said while starting and draining
	bootID    string
	startedAt time.Time
	conns     map[*conn]struct{}
	intercept func(Call) Action
	counts    map[string]int
	closed    bool

	sessions  map[string]*session
	runs      map[string]*run // of this boot
	effects   map[string]int  // of all boots
	approvals map[string]*approval
	order     []string // of approvals
	jobs      []*Job
	jobRuns   []map[string]any
	logs      []string
	devices   map[string]*pairing
}

type phase int

const (
	up phase = iota
	starting
	draining
	down
)

// Start starts a gateway on loopback, or in memory.
func Start(c Config) (*Server, error) {
	if c.Token == "" {
		c.Token = "fake-token"
	}
	if c.Tick <= 0 {
		c.Tick = 30 * time.Second
	}
	if c.Version == "" {
		c.Version = "2026.9.6"
	}
	s := &Server{
		cfg: c, conns: make(map[*conn]struct{}), counts: make(map[string]int),
		sessions: make(map[string]*session), runs: make(map[string]*run), effects: make(map[string]int),
		approvals: make(map[string]*approval), devices: make(map[string]*pairing),
		bootID: newID(), startedAt: time.Now(),
	}
	var real net.Listener
	if !c.Memory {
		var err error
		if real, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("fake gateway: %w", err)
		}
	}
	s.l = newListener(real)
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve)}
	s.wg.Go(func() { _ = s.http.Serve(s.l) }) // ends with Close
	return s, nil
}

// Close ends the gateway and everything it started.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, a := range s.approvals {
		a.timer.Stop()
	}
	for _, r := range s.runs {
		r.cancel()
	}
	s.mu.Unlock()
	s.l.gate.unshut()
	_ = s.http.Close()
	s.l.drop()
	s.wg.Wait()
}

// URL is where to dial, ws://…. In memory it is a name that only Client can dial.
func (s *Server) URL() string {
	if s.cfg.Memory {
		if s.cfg.Remote {
			return "ws://gateway.example:18789"
		}
		return "ws://127.0.0.1:18789"
	}
	return "ws://" + s.l.Addr().String()
}

// Token is the shared token.
func (s *Server) Token() string { return s.cfg.Token }

// Client dials the gateway, whatever the address.
func (s *Server) Client() *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if s.l.real == nil {
			s.mu.Lock()
			gone := s.phase == down
			s.mu.Unlock()
			if gone {
				return nil, errRefused
			}
			return s.l.dial()
		}
		return new(net.Dialer).DialContext(ctx, "tcp", s.l.Addr().String())
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// BootID is the id of the gateway's present life.
func (s *Server) BootID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bootID
}

// Hang stops everything, as SIGSTOP does: connections are taken, nothing is read
// or answered, pings neither.
func (s *Server) Hang() { s.l.gate.shut() }

// Resume ends Hang.
func (s *Server) Resume() { s.l.gate.unshut() }

// Drop breaks all sockets without a close frame, as a kill does. The gateway
// lives.
func (s *Server) Drop() { s.l.drop() }

// CloseAll closes all sockets with a close code.
func (s *Server) CloseAll(code int, reason string) {
	for _, c := range s.all() {
		c.close(websocket.StatusCode(code), reason)
	}
}

// Starting refuses connections as a gateway does in its first seconds, until Up.
func (s *Server) Starting(retryAfter time.Duration) { s.set(starting, retryAfter) }

// Draining refuses new sockets with HTTP 503 and, on those that are open, every
// call but the resolving of approvals, until Up or Restart.
func (s *Server) Draining() { s.set(draining, time.Second) }

// Down refuses connections until Up. Sockets that are open stay.
func (s *Server) Down() { s.set(down, 0) }

// Up ends Starting, Draining and Down.
func (s *Server) Up() { s.set(up, 0) }

func (s *Server) set(p phase, retry time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.retry = p, retry
}

// Kill ends the gateway's present life as SIGKILL does: sockets break, runs are
// forgotten, open approvals are cancelled without an event. It begins a new life
// that is Down: call Up.
func (s *Server) Kill() {
	s.reboot()
	s.l.drop()
}

// Restart ends the present life as a restart does: shutdown event, close code
// 1012. It begins a new life that is Down: call Up.
func (s *Server) Restart() {
	s.Broadcast("shutdown", map[string]any{"reason": "gateway restarting", "restartExpectedMs": 1500})
	s.reboot()
	s.CloseAll(1012, "service restart")
}

func (s *Server) reboot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = down
	s.bootID, s.startedAt = newID(), time.Now()
	for _, r := range s.runs {
		r.cancel()
	}
	s.runs = make(map[string]*run)
	for _, a := range s.approvals {
		if a.status == "pending" {
			a.end("cancelled", "gateway-restart", "", nil)
		}
	}
	for _, ses := range s.sessions {
		ses.active = ""
	}
}

// Broadcast sends an event to every socket, as it is.
func (s *Server) Broadcast(event string, payload any) {
	for _, c := range s.all() {
		c.event(event, payload)
	}
}

// Raw sends a text frame to every socket, well-formed or not.
func (s *Server) Raw(text string) {
	for _, c := range s.all() {
		c.text([]byte(text))
	}
}

// SkipSeq makes the next event of every socket look as if n before it were lost.
func (s *Server) SkipSeq(n int64) {
	for _, c := range s.all() {
		c.mu.Lock()
		c.seq += n
		c.mu.Unlock()
	}
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*conn
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// A Connection is a client after its handshake.
type Connection struct {
	ID          string
	DisplayName string
	Scopes      []string
	Caps        []string
	DeviceID    string
	Subscribed  []string // sessions
}

// Connections returns those that are open now.
func (s *Server) Connections() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Connection
	for c := range s.conns {
		all = append(all, c.connection())
	}
	return all
}

// A Call is a request, before it is done.
type Call struct {
	Method string
	Params json.RawMessage
	Conn   Connection
	N      int // of this method, over all connections, from 1
}

// An Action says what goes wrong with a call. The zero value: nothing.
type Action struct {
	Delay   time.Duration // before it is done
	Error   *Error        // answer this instead of doing it
	Silent  bool          // do it and never answer
	Garbled bool          // do it and answer what is not JSON
	Drop    Moment        // break this socket
}

// A Moment is one in the life of a call.
type Moment int

// The moments.
const (
	Never        Moment = iota
	BeforeEffect        // it was not done
	BeforeAnswer        // it was done, nobody learns it
	AfterFirst          // of two answers, the first was sent
)

// An Error is an error response.
type Error struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Details      any    `json:"details,omitempty"`
	Retryable    bool   `json:"retryable,omitempty"`
	RetryAfterMs int64  `json:"retryAfterMs,omitempty"`
}

// Intercept calls f for each request, which says what goes wrong with it. Nil
// ends that. f must not call the Server.
func (s *Server) Intercept(f func(Call) Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = f
}

// Calls is how often method was called.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[method]
}

// A conn is one socket.
type conn struct {
	s      *Server
	ws     *websocket.Conn
	ctx    context.Context
	cancel context.CancelFunc

	id          string
	displayName string
	clientID    string
	scopes      []string
	caps        []string
	deviceID    string

	out chan any // frames to write; a close is a closing

	mu         sync.Mutex
	seq        int64
	subscribed map[string]bool
}

type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c *conn) connection() Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []string
	for k := range c.subscribed {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return Connection{c.id, c.displayName, c.scopes, c.caps, c.deviceID, keys}
}

func (c *conn) has(scope string) bool {
	return slices.Contains(c.scopes, scope) || slices.Contains(c.scopes, "operator.admin") ||
		scope == "operator.read" && slices.Contains(c.scopes, "operator.write")
}

func (c *conn) hasCap(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(c.caps, n) })
}

// text, event and respond queue a frame. A client that does not read loses it,
// as with the real gateway.
func (c *conn) text(b []byte) {
	select {
	case c.out <- b:
	case <-c.ctx.Done():
	default:
	}
}

func (c *conn) event(name string, payload any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	c.text(marshal(map[string]any{"type": "event", "event": name, "payload": payload, "seq": c.seq}))
}

func (c *conn) respond(id string, payload any, e *Error) {
	f := map[string]any{"type": "res", "id": id, "ok": e == nil}
	if e != nil {
		f["error"] = e
	} else {
		f["payload"] = payload
	}
	c.text(marshal(f))
}

func (c *conn) close(code websocket.StatusCode, reason string) {
	select {
	case c.out <- closing{code, reason}:
	case <-c.ctx.Done():
	}
}

func (c *conn) drop() { c.cancel(); _ = c.ws.CloseNow() }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // ours: everything sent is made of maps and strings
	}
	return b
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// serve is one socket from its upgrade to its end.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.phase
	s.mu.Unlock()
	switch p {
	case draining:
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	case down: // over TCP the port is still bound: break it before any answer
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	ws.SetReadLimit(25 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{s: s, ws: ws, ctx: ctx, cancel: cancel, id: newID(), out: make(chan any, 4096), subscribed: make(map[string]bool)}
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.drop()
	}()
	if !s.handshake(c) {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(c.write)
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return
		}
		var q request
		if json.Unmarshal(b, &q) != nil {
			continue // a real gateway says nothing either
		}
		if q.Type != "req" || q.ID == "" || q.Method == "" {
			c.respond(q.ID, nil, invalid("invalid request frame"))
			continue
		}
		s.handle(c, &wg, q)
	}
}

func (c *conn) write() {
	tick := time.NewTicker(c.s.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
			c.event("tick", map[string]any{"ts": time.Now().UnixMilli()})
		case f := <-c.out:
			if end, ok := f.(closing); ok {
				_ = c.ws.Close(end.code, end.reason)
				return
			}
			if c.ws.Write(c.ctx, websocket.MessageText, f.([]byte)) != nil {
				return
			}
		}
	}
}

type request struct {
	Type   string          `json:"type"`
	ID     string          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: "INVALID_REQUEST", Message: fmt.Sprintf(format, args...)}
}

// handle does one request, each in its own goroutine as its answer may take long.
func (s *Server) handle(c *conn, wg *sync.WaitGroup, q request) {
	s.mu.Lock()
	s.counts[q.Method]++
	call := Call{Method: q.Method, Params: q.Params, Conn: c.connection(), N: s.counts[q.Method]}
	f, p := s.intercept, s.phase
	s.mu.Unlock()
	var a Action
	if f != nil {
		a = f(call)
	}
	wg.Go(func() {
		if a.Delay > 0 {
			t := time.NewTimer(a.Delay)
			defer t.Stop()
			select {
			case <-t.C:
			case <-c.ctx.Done():
				return
			}
		}
		if a.Drop == BeforeEffect {
			c.drop()
			return
		}
		answers := 0
		answer := func(payload any, e *Error) {
			answers++
			switch {
			case a.Drop == BeforeAnswer:
				c.drop()
			case a.Silent:
			case a.Garbled:
				c.text([]byte(`{"type":"res","id":` + q.ID + `,"ok":tru`))
			default:
				c.respond(q.ID, payload, e)
				if a.Drop == AfterFirst && answers == 1 {
					// After the answer has left: a frame behind it in the queue.
					c.close(closeDrop, "")
				}
			}
		}
		switch {
		case a.Error != nil:
			answer(nil, a.Error)
		case p == draining && !resolves(q.Method):
			answer(nil, &Error{
				Code: "UNAVAILABLE", Message: q.Method + " unavailable during gateway restart", Retryable: true, RetryAfterMs: 1000,
				Details: map[string]any{"method": q.Method, "reason": "gateway-restarting", "phase": "accepting"},
			})
		default:
			s.do(c, q, answer)
		}
	})
}

// closeDrop is sent as the close code of a broken socket, which has none: going
// away comes nearest.
const closeDrop = websocket.StatusGoingAway

func resolves(method string) bool {
	return method == "exec.approval.resolve" || method == "plugin.approval.resolve"
}
