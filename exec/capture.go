package exec

import (
	"os"
	"syscall"
	"time"
)

// drainMax is the most that a pipe can hold without privileges
// (/proc/sys/fs/pipe-max-size): all that the program itself can have left in it.
const drainMax = 1 << 20

// capture reads a pipe as fast as it is written, keeps the start and counts all.
type capture struct {
	r, w *os.File
	max  int
	done chan struct{} // closed when read has returned

	kept []byte
	n    int64
}

func newCapture(maxBytes int) (*capture, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &capture{r: r, w: w, max: maxBytes}, nil
}

// start begins to read. Our own copy of the writing end is closed: from here on
// only the program and what came from it can keep the pipe open.
func (c *capture) start() {
	c.w.Close()
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		buf := make([]byte, 32<<10)
		for {
			n, err := c.r.Read(buf)
			c.add(buf[:n])
			if err != nil {
				return
			}
		}
	}()
}

func (c *capture) add(p []byte) {
	c.n += int64(len(p))
	if room := c.max - len(c.kept); room > 0 {
		c.kept = append(c.kept, p[:min(room, len(p))]...)
	}
}

// finish takes what is in the pipe now and stops. It does not wait for the end of the
// pipe, which a process that got away may hold open for ever.
func (c *capture) finish() {
	c.r.SetReadDeadline(time.Now())
	<-c.done
	c.r.SetReadDeadline(time.Time{})
	raw, err := c.r.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool {
		buf := make([]byte, 32<<10)
		for left := drainMax; left > 0; {
			n, err := syscall.Read(int(fd), buf[:min(left, len(buf))])
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				break
			}
			c.add(buf[:n])
			left -= n
		}
		return true
	})
}

func (c *capture) close() {
	c.w.Close()
	c.r.Close()
}
