package main

import (
	"net"
	"strconv"
	"time"
)

// notifier tells systemd how the process fares; without systemd it does nothing. Ready
// means that every console has its state folder and its parts run, and a watchdog's tick
// that the process handles signals: neither says that Telegram or the gateway answers,
// for which a restart would be no help. Source: sd_notify(3).
type notifier struct {
	socket   string
	interval time.Duration // of the watchdog; 0: none
}

func newNotifier(vars []string) *notifier {
	m := environment(vars)
	n := &notifier{socket: m["NOTIFY_SOCKET"]}
	if us, err := strconv.ParseInt(m["WATCHDOG_USEC"], 10, 64); err == nil && us > 0 {
		n.interval = time.Duration(us) * time.Microsecond
	}
	return n
}

func (n *notifier) send(state string) {
	if n.socket == "" {
		return
	}
	// A name that starts with @ is an abstract socket, which net writes the same way.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return // systemd's own watchdog notices
	}
	defer c.Close()
	c.Write([]byte(state))
}

// watchdog ticks at a third of the interval.
func (n *notifier) watchdog() (<-chan time.Time, func()) {
	if n.interval == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(n.interval / 3)
	return t.C, t.Stop
}
