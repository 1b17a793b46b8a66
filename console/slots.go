package console

import "sync"

// Limits of what runs at once.
const (
	perOperator = 4
	maxWaiting  = 64 // of all operators together
)

// slots says which commands may run at once: 4 of each operator, one of the
// exclusive ones (/run), and 64 wait. Waiting ones begin in the order in which
// they came, but one that cannot does not hold up the others.
type slots struct {
	mu        sync.Mutex
	running   map[int64]int // by operator
	exclusive bool          // one is running
	total     int
	waiting   []*slot
	closed    bool
}

// A slot is a place in the queue, and later the right to run.
type slot struct {
	operator  int64
	exclusive bool
	begin     chan bool // receives once: true to run, false if the console stops first
}

func newSlots() *slots { return &slots{running: make(map[int64]int)} }

// reserve returns a slot, or nil if too many wait already.
func (s *slots) reserve(operator int64, exclusive bool) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &slot{operator: operator, exclusive: exclusive, begin: make(chan bool, 1)}
	switch {
	case s.closed:
		p.begin <- false
	case s.free(p):
		s.start(p)
	case len(s.waiting) >= maxWaiting:
		return nil
	default:
		s.waiting = append(s.waiting, p)
	}
	return p
}

// free reports whether p may run now. s.mu is held.
func (s *slots) free(p *slot) bool {
	return s.running[p.operator] < perOperator && !(p.exclusive && s.exclusive)
}

// start lets p run. s.mu is held.
func (s *slots) start(p *slot) {
	s.running[p.operator]++
	s.total++
	s.exclusive = s.exclusive || p.exclusive
	p.begin <- true
}

// release gives back a slot whose command has ended.
func (s *slots) release(p *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[p.operator]--; s.running[p.operator] == 0 {
		delete(s.running, p.operator)
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
