package openclaw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Limits of one connection.
const (
	readLimit   = 32 << 20         // bytes of one frame; the gateway sends at most 25 MiB (policy.maxPayload)
	dialTimeout = 5 * time.Second  // dial, challenge and hello together
	writeWait   = 10 * time.Second // one frame into the socket
	outQueue    = 64               // frames waiting to be written
)

// dialParams is what a connection is made with.
type dialParams struct {
	url     string
	client  *http.Client
	name    string // display name
	version string
	scopes  []Scope
	caps    []string
	token   string  // shared or device token
	device  *device // nil: none
	onEvent func(*conn, frame)
	onHeard func() // a frame or a pong arrived; must not block
}

// A conn is one socket after its handshake. One goroutine reads it and never
// waits for anybody; one writes.
type conn struct {
	ws    *websocket.Conn
	hello Hello
	auth  wireAuth
	skew  time.Duration
	done  chan struct{} // closed when the reader ended; err is set then
	err   error
	out   chan []byte
	stop  context.CancelFunc
	wg    sync.WaitGroup

	onEvent func(*conn, frame)
	onHeard func()
	heard   atomic.Int64 // UnixNano of the last frame, ping or pong
	seq     int64        // of the last event; reader only

	mu      sync.Mutex
	nextID  int64
	waiters map[string]*waiter
	ended   bool
}

// A waiter is a request that has not had its last response.
type waiter struct {
	method string
	sent   time.Time
	last   func(frame) bool // nil: the first response is the last
	slow   bool             // no answer for a long time says nothing about the gateway
	c      chan frame       // holds two, the most that come
}

type wireAuth struct {
	Method      string  `json:"method"`
	Scopes      []Scope `json:"scopes"`
	DeviceToken string  `json:"deviceToken"`
}

type wireHello struct {
	Protocol int `json:"protocol"`
	Server   struct {
		Version string `json:"version"`
		BootID  string `json:"bootId"`
		ConnID  string `json:"connId"`
	} `json:"server"`
	Snapshot struct {
		UptimeMs ms `json:"uptimeMs"`
	} `json:"snapshot"`
	Auth   wireAuth `json:"auth"`
	Policy struct {
		TickIntervalMs ms `json:"tickIntervalMs"`
	} `json:"policy"`
}

// handshakeError says how far a connection attempt came.
type handshakeError struct {
	err       error
	rpc       *wireError // the gateway's refusal, if it gave one
	status    int        // of HTTP, when the upgrade was refused
	close     websocket.StatusCode
	connected bool // TCP was established
	timeout   bool
}

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// dial makes a connection and shakes hands: challenge, connect, hello. The error
// is a *handshakeError.
// Source: gateway protocol 4, connect.
func dial(ctx context.Context, p dialParams) (_ *conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	he := &handshakeError{}
	defer func() {
		if err != nil {
			he.err = err
			he.close = websocket.CloseStatus(err)
			he.timeout = errors.Is(err, context.DeadlineExceeded)
			err = he
		}
	}()

	c := &conn{
		done:    make(chan struct{}),
		out:     make(chan []byte, outQueue),
		waiters: make(map[string]*waiter),
		onEvent: p.onEvent,
		onHeard: p.onHeard,
	}
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { he.connected = true },
	})
	ws, resp, err := websocket.Dial(traced, p.url, &websocket.DialOptions{
		HTTPClient:     p.client,
		OnPingReceived: func(context.Context, []byte) bool { c.hear(); return true },
		OnPongReceived: func(context.Context, []byte) { c.hear() },
	})
	if err != nil {
		if resp != nil {
			he.status = resp.StatusCode
			return nil, fmt.Errorf("HTTP %d", resp.StatusCode)
		}
		return nil, dialCause(err)
	}
	c.ws = ws
	ws.SetReadLimit(readLimit)
	defer func() {
		if err != nil {
			_ = ws.CloseNow()
		}
	}()

	var challenge struct {
		Nonce string  `json:"nonce"`
		TS    float64 `json:"ts"`
	}
	f, err := readFrame(ctx, ws)
	if err != nil {
		return nil, fmt.Errorf("no challenge: %w", plain(err))
	}
	if f.Type != "event" || f.Event != "connect.challenge" || json.Unmarshal(f.Payload, &challenge) != nil {
		return nil, errors.New("no gateway: it did not begin with a challenge")
	}
	if challenge.TS > 0 {
		c.skew = time.Until(time.UnixMilli(int64(challenge.TS)))
	}

	client := map[string]string{
		"id": clientID, "mode": clientMode, "version": p.version,
		"platform": runtime.GOOS, "displayName": p.name,
	}
	params := map[string]any{
		"minProtocol": 4, "maxProtocol": 4,
		"client": client, "role": role, "scopes": p.scopes, "caps": p.caps,
		"userAgent": "clawconsole/" + p.version,
	}
	if p.token != "" {
		params["auth"] = map[string]string{"token": p.token}
	}
	if p.device != nil {
		params["device"] = p.device.sign(p.scopes, challenge.Nonce, int64(challenge.TS), p.token, runtime.GOOS)
	}
	b, err := json.Marshal(request{"req", "connect", "connect", params})
	if err != nil {
		return nil, err
	}
	if err := ws.Write(ctx, websocket.MessageText, b); err != nil {
		return nil, fmt.Errorf("send connect: %w", plain(err))
	}
	for f.Type != "res" || f.ID != "connect" {
		if f, err = readFrame(ctx, ws); err != nil {
			return nil, fmt.Errorf("no hello: %w", plain(err))
		}
	}
	if !f.OK {
		he.rpc = f.Error
		if he.rpc == nil {
			he.rpc = &wireError{Code: "UNKNOWN", Message: "refused without a reason"}
		}
		// The close code follows the refusal; it is the better witness of
		// whether trying again is of use.
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		_, rerr := readFrame(short, ws)
		cancel()
		err := he.rpc.rpcError("connect")
		return nil, joinClose(err, rerr)
	}
	var h wireHello
	if err := json.Unmarshal(f.Payload, &h); err != nil {
		return nil, fmt.Errorf("read hello: %w", err)
	}
	c.auth = h.Auth
	c.hello = Hello{
		At:           time.Now(),
		Protocol:     h.Protocol,
		Version:      h.Server.Version,
		BootID:       h.Server.BootID,
		ConnID:       h.Server.ConnID,
		AuthMethod:   h.Auth.Method,
		Scopes:       h.Auth.Scopes,
		Uptime:       h.Snapshot.UptimeMs.duration(),
		TickInterval: h.Policy.TickIntervalMs.duration(),
	}
	if c.hello.TickInterval < time.Second {
		c.hello.TickInterval = 30 * time.Second
	}
	c.heard.Store(time.Now().UnixNano())
	return c, nil
}

// plain is closeCause for a handshake, whose deadline is a reason of its own.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("no answer within %v: %w", dialTimeout, context.DeadlineExceeded)
	}
	return closeCause(err)
}

// closedError is an error with the close code that came after it.
type closedError struct {
	error
	cause error
}

func (e closedError) Unwrap() []error { return []error{e.error, e.cause} }

// joinClose keeps the words of err and the close code of after.
func joinClose(err, after error) error {
	if after == nil || websocket.CloseStatus(after) == -1 {
		return err
	}
	return closedError{err, after}
}

// dialCause drops the layers of a dial error that only repeat the URL.
func dialCause(err error) error {
	var op *net.OpError
	var u *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return plain(err)
	case errors.As(err, &op):
		return op
	case errors.As(err, &u):
		return u.Err
	}
	return err
}

// closeCause says in plain words how a socket ended; [websocket.CloseStatus]
// still works on it.
func closeCause(err error) error {
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return closedError{fmt.Errorf("closed by the gateway: %d %s", closed.Code, oneLine(closed.Reason, 100)), err}
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return errors.New("connection lost")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("connection lost: %w", op.Err)
	}
	return fmt.Errorf("connection lost: %w", err)
}

func readFrame(ctx context.Context, ws *websocket.Conn) (f frame, err error) {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return f, err
	}
	return parseFrame(b)
}

// start lets the connection live until close, or until ctx ends. The handlers
// get everything from the hello on.
func (c *conn) start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(ctx)
	c.wg.Add(2)
	go c.read(ctx)
	go c.write(ctx)
}

func (c *conn) hear() {
	c.heard.Store(time.Now().UnixNano())
	if c.onHeard != nil {
		c.onHeard()
	}
}

func (c *conn) heardAt() time.Time { return time.Unix(0, c.heard.Load()) }

// read hands out responses and events until the socket breaks.
func (c *conn) read(ctx context.Context) {
	defer c.wg.Done()
	var err error
	for {
		var b []byte
		if _, b, err = c.ws.Read(ctx); err != nil {
			break
		}
		c.hear()
		f, ferr := parseFrame(b)
		if ferr != nil {
			c.lose() // it may have been an event
			continue
		}
		switch f.Type {
		case "res":
			c.respond(f)
		case "event":
			if f.Seq > 0 && c.seq > 0 && f.Seq > c.seq+1 {
				c.lose()
			}
			c.seq = max(c.seq, f.Seq)
			if c.onEvent != nil {
				c.onEvent(c, f)
			}
		}
	}
	c.mu.Lock()
	c.ended = true
	c.err = err
	clear(c.waiters)
	c.mu.Unlock()
	close(c.done)
	c.stop()
}

// lose reports that events are missing here.
func (c *conn) lose() {
	if c.onEvent != nil {
		c.onEvent(c, frame{Type: "event", Event: lostEvent})
	}
}

// lostEvent is no event of the gateway's.
const lostEvent = "\x00lost"

func (c *conn) respond(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiters[f.ID]
	if w == nil {
		return // too late: nobody waits any more
	}
	if w.last == nil || w.last(f) {
		delete(c.waiters, f.ID)
	}
	select {
	case w.c <- f:
	default: // more responses than the protocol has
	}
}

func (c *conn) write(ctx context.Context) {
	defer c.wg.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-c.out:
			wctx, cancel := context.WithTimeout(ctx, writeWait)
			err := c.ws.Write(wctx, websocket.MessageText, b)
			cancel()
			if err != nil {
				_ = c.ws.CloseNow() // the reader tells everybody
				return
			}
		}
	}
}

// send queues a request. The waiter gets its responses until forget. The error
// is ErrLost, or ctx's, and then nothing was sent.
func (c *conn) send(ctx context.Context, method string, params any, w *waiter) (id string, err error) {
	w.method, w.c, w.sent = method, make(chan frame, 2), time.Now()
	c.mu.Lock()
	c.nextID++
	id = strconv.FormatInt(c.nextID, 10)
	ended := c.ended
	c.mu.Unlock()
	if ended {
		return "", errNotSent
	}
	b, err := json.Marshal(request{"req", id, method, params})
	if err != nil {
		return "", fmt.Errorf("%s: %w", method, err)
	}
	c.mu.Lock()
	c.waiters[id] = w
	c.mu.Unlock()
	select {
	case c.out <- b:
		return id, nil
	case <-c.done:
		err = errNotSent
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.forget(id)
	return "", err
}

// errNotSent is ErrLost before anything was sent.
var errNotSent = fmt.Errorf("%w (not sent)", ErrDown)

func (c *conn) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiters, id)
}

// await returns the next response of w. After a lost socket it is ErrLost, after
// the deadline ErrTimeout.
func (c *conn) await(ctx context.Context, w *waiter) (frame, error) {
	select {
	case f := <-w.c:
		return f, nil
	case <-ctx.Done():
	case <-c.done:
	}
	select { // an answer that arrived at the same moment counts
	case f := <-w.c:
		return f, nil
	default:
	}
	if ctx.Err() != nil {
		return frame{}, contextError(ctx)
	}
	return frame{}, ErrLost
}

// contextError says why ctx ended in this package's words.
func contextError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	}
	return ctx.Err()
}

// call makes one request with one answer.
func (c *conn) call(ctx context.Context, method string, params, result any, slow bool) error {
	w := &waiter{slow: slow}
	id, err := c.send(ctx, method, params, w)
	if err != nil {
		if ctx.Err() != nil {
			err = contextError(ctx)
		}
		return fmt.Errorf("%s: %w", method, err)
	}
	defer c.forget(id)
	f, err := c.await(ctx, w)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return f.into(method, result)
}

// into decodes a response.
func (f frame) into(method string, result any) error {
	if !f.OK {
		e := f.Error
		if e == nil {
			e = &wireError{Code: "UNKNOWN", Message: "error without a reason"}
		}
		return e.rpcError(method)
	}
	if result == nil || len(f.Payload) == 0 {
		return nil
	}
	if err := json.Unmarshal(f.Payload, result); err != nil {
		return fmt.Errorf("%s: read the answer: %w", method, err)
	}
	return nil
}

// overdue returns when the oldest request that should have been answered was
// sent, or the zero Time.
func (c *conn) overdue(now time.Time, after time.Duration) (oldest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		if !w.slow && now.Sub(w.sent) > after && (oldest.IsZero() || w.sent.Before(oldest)) {
			oldest = w.sent
		}
	}
	return oldest
}

// close ends the connection, politely if the gateway answers within half a
// second, and waits for its goroutines.
func (c *conn) close() {
	select {
	case <-c.done:
	default:
		// Closing says goodbye and waits up to 5 s for the answer in the
		// reader's place; ending the reader's context cuts that short.
		t := time.AfterFunc(500*time.Millisecond, c.stop)
		_ = c.ws.Close(websocket.StatusNormalClosure, "")
		t.Stop()
	}
	c.stop()
	_ = c.ws.CloseNow()
	c.wg.Wait()
}
