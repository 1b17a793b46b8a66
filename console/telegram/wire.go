package telegram

import (
	"bytes"
	"context"
	"io"
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
	r, err := whole(r)
	if err != nil {
		return nil, err
	}
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

// wholeBytes is how long a body may be to be sent as a whole: longer than any
// message, shorter than most documents.
const wholeBytes = 64 << 10

// whole returns r with its body in memory, if it is not long. gotgbot gives a body
// that it writes into a pipe bit by bit, and each bit would be a packet of its own,
// more than ten for a message. What was not sent at all can then be sent again by
// the transport, when the connection turns out to have been closed.
func whole(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength > 0 {
		return r, nil
	}
	start, err := io.ReadAll(io.LimitReader(r.Body, wholeBytes+1))
	if err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	out := new(http.Request)
	*out = *r
	if len(start) > wholeBytes {
		out.Body = rest{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
		return out, nil
	}
	_ = r.Body.Close() // read to its end
	out.ContentLength = int64(len(start))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(start)), nil }
	out.Body, _ = out.GetBody()
	return out, nil
}

// rest is a body of which a part was read already.
type rest struct {
	io.Reader
	io.Closer
}
