package fakegateway

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A gate stops everything behind it while it is shut, like a stopped process.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while open
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		g.open = make(chan struct{})
	default:
	}
}

func (g *gate) unshut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	c := g.open
	g.mu.Unlock()
	<-c
}

// A gatedConn is the server's side of a connection, behind a gate.
type gatedConn struct {
	net.Conn
	gate *gate
}

func (c gatedConn) Read(p []byte) (int, error) {
	c.gate.wait()
	n, err := c.Conn.Read(p)
	c.gate.wait()
	return n, err
}

func (c gatedConn) Write(p []byte) (int, error) {
	c.gate.wait()
	return c.Conn.Write(p)
}

// A listener takes connections from Dial, or from a real listener, and keeps
// count of them so that they can be broken.
type listener struct {
	gate *gate
	real net.Listener // nil: in memory
	in   chan net.Conn
	done chan struct{}
	once sync.Once

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func newListener(real net.Listener) *listener {
	return &listener{gate: newGate(), real: real, in: make(chan net.Conn), done: make(chan struct{}), conns: make(map[net.Conn]struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	var c net.Conn
	if l.real != nil {
		var err error
		if c, err = l.real.Accept(); err != nil {
			return nil, err
		}
	} else {
		select {
		case c = <-l.in:
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	return gatedConn{c, l.gate}, nil
}

// dial is the other end of Accept, in memory.
func (l *listener) dial() (net.Conn, error) {
	a, b := newPipe()
	select {
	case l.in <- b:
		return a, nil
	case <-l.done:
		return nil, errRefused
	}
}

var errRefused = &net.OpError{Op: "dial", Net: "memory", Err: errors.New("connection refused")}

// drop breaks all connections without a word.
func (l *listener) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
	clear(l.conns)
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	if l.real != nil {
		return l.real.Close()
	}
	return nil
}

func (l *listener) Addr() net.Addr {
	if l.real != nil {
		return l.real.Addr()
	}
	return memoryAddr{}
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "127.0.0.1:0" }

// newPipe is net.Pipe with buffers: a write does not wait for the reader, as over
// TCP. Its goroutines wait on channels only, so that it works on a fake clock.
func newPipe() (net.Conn, net.Conn) {
	x, y := newBuffer(), newBuffer()
	return &pipe{r: x, w: y}, &pipe{r: y, w: x}
}

type pipe struct{ r, w *buffer }

func (p *pipe) Read(b []byte) (int, error)  { return p.r.read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.w.write(b) }
func (p *pipe) Close() error                { p.r.close(); p.w.close(); return nil }
func (p *pipe) LocalAddr() net.Addr         { return memoryAddr{} }
func (p *pipe) RemoteAddr() net.Addr        { return memoryAddr{} }
func (p *pipe) SetDeadline(t time.Time) error {
	return p.SetReadDeadline(t)
}
func (p *pipe) SetReadDeadline(t time.Time) error { p.r.setDeadline(t); return nil }

// SetWriteDeadline does nothing: a write never waits.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

type buffer struct {
	mu      sync.Mutex
	data    []byte
	closed  bool
	expired bool
	timer   *time.Timer
	changed chan struct{} // closed and replaced at every change
}

func newBuffer() *buffer { return &buffer{changed: make(chan struct{})} }

// notify is called with mu held.
func (b *buffer) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *buffer) read(p []byte) (int, error) {
	for {
		b.mu.Lock()
		switch {
		case len(b.data) > 0:
			n := copy(p, b.data)
			b.data = b.data[n:]
			b.mu.Unlock()
			return n, nil
		case b.closed:
			b.mu.Unlock()
			return 0, io.EOF
		case b.expired:
			b.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		}
		c := b.changed
		b.mu.Unlock()
		<-c
	}
}

func (b *buffer) write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	b.data = append(b.data, p...)
	b.notify()
	return len(p), nil
}

func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	if !b.closed {
		b.closed = true
		b.notify()
	}
}

func (b *buffer) setDeadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.expired = false
	switch d := time.Until(t); {
	case t.IsZero() || b.closed:
	case d <= 0:
		b.expired = true
	default:
		b.timer = time.AfterFunc(d, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.expired = true
			b.notify()
		})
	}
	b.notify()
}
