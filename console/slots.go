package console

import (
	"context"
	"sync"
	"time"
)

// Limits of what runs at once. They hold for quick commands and for all others
// separately.
const (
	perOperator = 4
	maxWaiting  = 64 // of all operators together
)

// quick names the commands that do not count among an operator's four and never
// wait behind them: what decides, stops or tells how things are is needed most
// while everything else is stuck. Each ends within seconds, whatever the gateway
// does. /auth and /lock need no slot at all; see immediate.
func quick(name string) bool {
	switch name {
	case "approve", "deny", "pending", "stop", "status", "whoami", "help", "start":
		return true
	}
	return false
}

// talks names the commands to a session: those of one chat reach the gateway in the
// order in which they began, or /stop would end the work that was asked for after
// it.
func talks(name string) bool { return name == "session" || name == "agent" || name == "stop" }

// orderFor is how long a command waits at most until the one before it has reached
// the gateway.
const orderFor = 5 * time.Second

// slots says which commands may run at once: 4 of each operator, one of the
// exclusive ones (/run), and 64 wait; and as many quick ones. Waiting ones begin
// in the order in which they came, but one that cannot does not hold up the
// others.
type slots struct {
	mu        sync.Mutex
	running   map[lot]int
	exclusive bool // one is running
	total     int
	waiting   []*slot
	closed    bool
	last      map[int64]*slot // by chat: of the commands that talk, the one that began last
}

// A lot is the commands that one limit holds for.
type lot struct {
	operator int64
	quick    bool
}

// A slot is a place in the queue, and later the right to run.
type slot struct {
	lot
	exclusive bool
	begin     chan bool // receives once: true to run, false if the console stops first

	chat   int64
	talks  bool
	before *slot         // whose command must have reached the gateway first; may be nil
	passed chan struct{} // closed when this one's has
	once   sync.Once     // closes passed
}

func newSlots() *slots { return &slots{running: make(map[lot]int), last: make(map[int64]*slot)} }

// reserve returns a slot for the named command, or nil if too many wait already.
func (s *slots) reserve(operator, chat int64, command string) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &slot{
		lot: lot{operator, quick(command)}, exclusive: command == "run", begin: make(chan bool, 1),
		chat: chat, talks: talks(command), passed: make(chan struct{}),
	}
	switch {
	case s.closed:
		p.begin <- false
	case s.free(p):
		s.start(p)
	case s.full(p.quick):
		return nil
	default:
		s.waiting = append(s.waiting, p)
	}
	return p
}

// free reports whether p may run now. s.mu is held.
func (s *slots) free(p *slot) bool {
	return s.running[p.lot] < perOperator && !(p.exclusive && s.exclusive)
}

// full reports whether no further command may wait, a quick one or another.
// s.mu is held.
func (s *slots) full(quick bool) bool {
	n := 0
	for _, w := range s.waiting {
		if w.quick == quick {
			n++
		}
	}
	return n >= maxWaiting
}

// start lets p run. s.mu is held.
func (s *slots) start(p *slot) {
	s.running[p.lot]++
	s.total++
	s.exclusive = s.exclusive || p.exclusive
	if p.talks {
		p.before, s.last[p.chat] = s.last[p.chat], p
	}
	p.begin <- true
}

// follow waits until the command before p's has reached the gateway.
func (p *slot) follow(ctx context.Context) {
	if p.before == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, orderFor)
	defer cancel()
	select {
	case <-p.before.passed:
	case <-ctx.Done():
	}
	p.before = nil
}

// pass says that p's command has reached the gateway, or never will.
func (p *slot) pass() { p.once.Do(func() { close(p.passed) }) }

// release gives back a slot whose command has ended.
func (s *slots) release(p *slot) {
	p.pass()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last[p.chat] == p {
		delete(s.last, p.chat)
	}
	if s.running[p.lot]--; s.running[p.lot] == 0 {
		delete(s.running, p.lot)
	}
	s.total--
	if p.exclusive {
		s.exclusive = false
	}
	for i := 0; i < len(s.waiting); {
		if w := s.waiting[i]; s.free(w) {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.start(w)
		} else {
			i++
		}
	}
}

// withdraw gives back a slot that is not wanted after all.
func (s *slots) withdraw(p *slot) {
	s.mu.Lock()
	for i, w := range s.waiting {
		if w == p {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.mu.Unlock()
			return
		}
	}
	s.mu.Unlock()
	if <-p.begin {
		s.release(p)
	}
}

// close tells all who wait that they will not run.
func (s *slots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, w := range s.waiting {
		w.begin <- false
	}
	s.waiting = nil
}

func (s *slots) count() (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, len(s.waiting)
}
