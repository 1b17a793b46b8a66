package faketelegram

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// webhook is where a bot's updates are sent to, instead of being polled.
type webhook struct {
	url, secret    string
	maxConnections int64
	wake           chan struct{} // has room for one
	stop           context.CancelFunc
	errorAt        time.Time
	errorText      string
}

func (w *world) setWebhook(b *bot, a args) (any, *Error) {
	to, secret := a.str("url"), a.str("secret_token")
	if to == "" {
		return w.deleteWebhook(b, a)
	}
	var kinds []string
	if a.json("allowed_updates", &kinds) != nil {
		return nil, badRequest("can't parse allowed_updates JSON array")
	}
	u, err := url.Parse(to)
	switch {
	case err != nil || u.Host == "":
		return nil, badRequest("invalid webhook URL specified")
	case u.Scheme != "https" && !loopback(u.Hostname()):
		// Telegram takes no http at all; for tests it may be on this machine.
		return nil, badRequest("bad webhook: An HTTPS URL must be provided for webhook")
	case len(secret) > 256:
		return nil, badRequest("secret token is too long")
	case strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "":
		return nil, badRequest("secret token contains unallowed characters")
	}
	b.dropHook()
	if a.has("allowed_updates") {
		b.allow(kinds)
	}
	if a.bool("drop_pending_updates") {
		b.confirm(b.nextUpdate)
	}
	b.endPoll(errHookSet)
	ctx, stop := context.WithCancel(context.Background())
	h := &webhook{
		url: to, secret: secret, maxConnections: a.clamp("max_connections", 40, 1, 100),
		wake: make(chan struct{}, 1), stop: stop,
	}
	b.hook = h
	b.notify()
	w.running.Go(func() { w.push(ctx, b, h) })
	w.wake()
	return true, nil
}

func (w *world) deleteWebhook(b *bot, a args) (any, *Error) {
	b.dropHook()
	if a.bool("drop_pending_updates") {
		b.confirm(b.nextUpdate)
	}
	w.wake()
	return true, nil
}

func (b *bot) dropHook() {
	if b.hook != nil {
		b.hook.stop()
		b.hook = nil
	}
}

func (w *world) getWebhookInfo(b *bot, _ args) (any, *Error) {
	info := map[string]any{"url": "", "has_custom_certificate": false, "pending_update_count": len(b.queue)}
	if b.allowedRaw != nil {
		info["allowed_updates"] = b.allowedRaw
	}
	if h := b.hook; h != nil {
		info["url"], info["max_connections"] = h.url, h.maxConnections
		if h.errorText != "" {
			info["last_error_date"], info["last_error_message"] = h.errorAt.Unix(), h.errorText
		}
	}
	return info, nil
}

// push sends updates one after the other, in order, until ctx ends. A failed one
// is tried again, later each time. Telegram's own pauses are longer.
func (w *world) push(ctx context.Context, b *bot, h *webhook) {
	defer h.stop()
	go func() { // ends with push
		select {
		case <-w.done:
			h.stop()
		case <-ctx.Done():
		}
	}()
	client := &http.Client{Timeout: 60 * time.Second}
	defer client.CloseIdleConnections()
	const firstPause, longestPause = 50 * time.Millisecond, 5 * time.Second
	pause := firstPause
	for {
		w.mu.Lock()
		us := b.take(1)
		w.mu.Unlock()
		if len(us) == 0 {
			select {
			case <-h.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		problem := deliverHook(ctx, client, h, us[0])
		if ctx.Err() != nil {
			return
		}
		w.mu.Lock()
		if problem == "" {
			b.confirm(us[0].UpdateID + 1)
			pause = firstPause
		} else {
			h.errorAt, h.errorText = w.now(), problem
			if len(b.queue) == 0 || b.queue[0].Update != us[0] {
				b.again = append(us, b.again...) // was taken from there
			}
		}
		w.wake()
		w.mu.Unlock()
		if problem != "" {
			select {
			case <-time.After(pause):
				pause = min(2*pause, longestPause)
			case <-ctx.Done():
				return
			}
		}
	}
}

// deliverHook posts an update, and says what went wrong in the way of
// getWebhookInfo.
func deliverHook(ctx context.Context, client *http.Client, h *webhook, u *Update) (problem string) {
	body, err := json.Marshal(u)
	if err != nil {
		return err.Error()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	if h.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
	}
	res, err := client.Do(req)
	if err != nil {
		return "Connection refused: " + err.Error()
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode/100 != 2 {
		return "Wrong response from the webhook: " + res.Status
	}
	return ""
}

// loopback reports whether a host name means this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
