package telegram

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// wire is an HTTP transport that can be renewed while it is used, and that reads
// Telegram's clock off the answers.
type wire struct {
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	proxy  *url.URL
	skewed func(time.Duration)

	mu   sync.Mutex
	http *http.Transport
}

func newWire(proxy *url.URL, skewed func(time.Duration)) *wire {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	w := &wire{dial: d.DialContext, proxy: proxy, skewed: skewed}
	w.renew()
	return w
}

// renew drops all idle connections; the next request makes a new one.
func (w *wire) renew() {
	t := &http.Transport{
		DialContext:           w.dial,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   64, // replies to many chats at once; Go's default of 2 would dial for each
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// HTTP/1.1 only: over HTTP/2 one stalled connection would stall every method.
		Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if w.proxy != nil {
		t.Proxy = http.ProxyURL(w.proxy)
	}
	w.mu.Lock()
	old := w.http
	w.http = t
	w.mu.Unlock()
	if old != nil {
		old.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	t := w.http
	w.mu.Unlock()
	resp, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header is cut to whole seconds: on average it is half a second behind.
		w.skewed(time.Until(date.Add(500 * time.Millisecond)).Round(time.Second))
	}
	return resp, nil
}
