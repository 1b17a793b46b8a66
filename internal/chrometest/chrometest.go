// Package chrometest drives a headless Chromium over the DevTools protocol, for
// tests of pages.
package chrometest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// ErrNoBrowser is in the chain of the error of Start when no browser is
// installed.
var ErrNoBrowser = errors.New("no chromium, chromium-browser or google-chrome on PATH: install it, for instance with apt-get install chromium")

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	cmd    *osexec.Cmd
	dir    string
	exited chan struct{} // closed when the process is gone
	conn   *websocket.Conn
	stop   context.CancelFunc // ends read
	ended  chan struct{}      // closed when read has returned

	mu      sync.Mutex
	lastID  int64
	answers map[int64]chan answer
	pages   map[string]*Page // by session
	err     error            // why read has returned
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start finds and starts a browser. It blocks until that can be spoken to, or
// ctx ends. Close ends it, and so does the end of this process on Linux.
func Start(ctx context.Context) (b *Browser, err error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err = osexec.LookPath(name); err == nil {
			break
		}
	}
	if path == "" {
		return nil, ErrNoBrowser
	}
	dir, err := os.MkdirTemp("", "chrometest-")
	if err != nil {
		return nil, err
	}
	var log bytes.Buffer
	b = &Browser{dir: dir, exited: make(chan struct{}), answers: map[int64]chan answer{}, pages: map[string]*Page{}}
	b.cmd = osexec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none",
		"--remote-debugging-port=0", "--user-data-dir="+dir, "about:blank")
	b.cmd.Stderr = &log
	b.cmd.Env = append(os.Environ(), "TMPDIR="+dir) // it leaves folders there when killed
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		b.cmd.Wait()
		close(b.exited)
	}()
	url, err := b.endpoint(ctx)
	if err == nil {
		b.conn, _, err = websocket.Dial(ctx, url, nil)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w; it says:\n%s", path, err, bytes.TrimSpace(log.Bytes()))
	}
	b.conn.SetReadLimit(64 << 20) // screenshots
	var reading context.Context
	reading, b.stop = context.WithCancel(context.Background())
	b.ended = make(chan struct{})
	go b.read(reading)
	return b, nil
}

// endpoint waits for the file in which the browser says where it listens.
func (b *Browser) endpoint(ctx context.Context) (string, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(filepath.Join(b.dir, "DevToolsActivePort"))
		if port, path, ok := strings.Cut(string(raw), "\n"); err == nil && ok && path != "" {
			return "ws://127.0.0.1:" + port + strings.TrimSpace(path), nil
		}
		select {
		case <-tick.C:
		case <-b.exited:
			return "", errors.New("it ended at once")
		case <-ctx.Done():
			return "", fmt.Errorf("wait for its DevTools port: %w", ctx.Err())
		}
	}
}

// Close ends the browser and removes its profile. It blocks until all its
// processes were told to end and the first of them is gone.
func (b *Browser) Close() error {
	if b.stop != nil {
		b.stop()
		<-b.ended
		b.conn.CloseNow()
	}
	syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	<-b.exited
	var err error
	for range 50 { // children may still be writing for a moment
		if err = os.RemoveAll(b.dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func (b *Browser) read(ctx context.Context) {
	defer close(b.ended)
	for {
		_, raw, err := b.conn.Read(ctx)
		if err != nil {
			b.mu.Lock()
			b.err = fmt.Errorf("browser is gone: %w", err)
			for id, ch := range b.answers {
				close(ch)
				delete(b.answers, id)
			}
			b.mu.Unlock()
			return
		}
		var msg struct {
			ID        int64
			Method    string
			SessionID string
			Params    json.RawMessage
			answer
		}
		if json.Unmarshal(raw, &msg) != nil {
			continue
		}
		b.mu.Lock()
		if ch := b.answers[msg.ID]; ch != nil {
			ch <- msg.answer
			delete(b.answers, msg.ID)
		} else if p := b.pages[msg.SessionID]; p != nil {
			p.event(msg.Method, msg.Params)
		}
		b.mu.Unlock()
	}
}

// call sends one command of the protocol and waits for its result.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	ch := make(chan answer, 1)
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return b.err
	}
	b.lastID++
	id := b.lastID
	b.answers[id] = ch
	b.mu.Unlock()
	if params == nil {
		params = struct{}{}
	}
	raw, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	if session == "" {
		raw, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err != nil {
		return err
	}
	// Not with ctx: when that ends in the middle of a write the connection is lost.
	if err := b.conn.Write(context.WithoutCancel(ctx), websocket.MessageText, raw); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a, ok := <-ch:
		switch {
		case !ok:
			return fmt.Errorf("%s: browser is gone", method)
		case a.Error != nil:
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		case result != nil:
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// View is the screen that a page believes to be on.
type View struct {
	Width, Height int     // CSS pixels
	Scale         float64 // device pixels per CSS pixel; zero means 1
	Dark          bool    // prefers-color-scheme
	Phone         bool    // a touch screen without a mouse
}

// Phone is the view of a phone of usual size.
var Phone = View{Width: 390, Height: 844, Scale: 2, Phone: true}

// Page is a tab.
type Page struct {
	b       *Browser
	target  string
	session string
	faults  []string // guarded by b.mu
}

// Open opens a URL in a new tab and blocks until it is loaded.
func (b *Browser) Open(ctx context.Context, url string, v View) (*Page, error) {
	var target struct{ TargetID string }
	if err := b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return nil, err
	}
	var session struct{ SessionID string }
	if err := b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session); err != nil {
		return nil, err
	}
	p := &Page{b: b, target: target.TargetID, session: session.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		if err := p.call(ctx, domain+".enable", nil, nil); err != nil {
			return nil, err
		}
	}
	if err := p.SetView(ctx, v); err != nil {
		return nil, err
	}
	var nav struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": url}, &nav); err != nil {
		return nil, err
	}
	if nav.ErrorText != "" {
		return nil, fmt.Errorf("open %s: %s", url, nav.ErrorText)
	}
	return p, p.Wait(ctx, `location.href !== 'about:blank' && document.readyState === 'complete'`)
}

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	return p.b.call(ctx, p.session, method, params, result)
}

// Close closes the tab. A browser keeps only six connections to a server, so
// pages that hold one open should not pile up.
func (p *Page) Close(ctx context.Context) error {
	p.b.mu.Lock()
	delete(p.b.pages, p.session)
	p.b.mu.Unlock()
	return p.b.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
}

// event takes note of what goes wrong on the page. The browser's lock is held.
func (p *Page) event(method string, params json.RawMessage) {
	switch method {
	case "Runtime.exceptionThrown":
		var e struct {
			ExceptionDetails struct {
				Text      string
				Exception struct{ Description string }
			}
		}
		if json.Unmarshal(params, &e) == nil {
			p.faults = append(p.faults, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
		}
	case "Log.entryAdded":
		var e struct {
			Entry struct{ Level, Text, URL string }
		}
		if json.Unmarshal(params, &e) == nil && e.Entry.Level == "error" {
			p.faults = append(p.faults, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// Faults returns the uncaught exceptions, refused resources and failed requests
// of the page so far.
func (p *Page) Faults() []string {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return append([]string(nil), p.faults...)
}

// SetView changes the screen.
func (p *Page) SetView(ctx context.Context, v View) error {
	if v.Scale == 0 {
		v.Scale = 1
	}
	if err := p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": v.Width, "height": v.Height, "deviceScaleFactor": v.Scale, "mobile": v.Phone,
	}, nil); err != nil {
		return err
	}
	if err := p.call(ctx, "Emulation.setTouchEmulationEnabled", map[string]any{"enabled": v.Phone}, nil); err != nil {
		return err
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	return p.call(ctx, "Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// Eval runs a JavaScript expression, waits for it if it is a promise, and
// decodes its JSON into result unless that is nil.
func (p *Page) Eval(ctx context.Context, expression string, result any) error {
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := p.call(ctx, "Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	}, &out); err != nil {
		return err
	}
	if e := out.ExceptionDetails; e != nil {
		return fmt.Errorf("evaluate %q: %s %s", expression, e.Text, e.Exception.Description)
	}
	if result == nil || out.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(out.Result.Value, result)
}

// Wait blocks until the JavaScript expression is true, or ctx ends; then the
// error tells what the page shows instead.
func (p *Page) Wait(ctx context.Context, expression string) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		err := p.Eval(ctx, "Boolean("+expression+")", &ok)
		if err == nil && ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			var text string
			p.Eval(short, "document.body.innerText", &text)
			if err != nil && !errors.Is(err, ctx.Err()) {
				return fmt.Errorf("wait for %s: %w", expression, err)
			}
			return fmt.Errorf("wait for %s: %w; the page shows:\n%s", expression, ctx.Err(), text)
		}
	}
}

// Click clicks the middle of the first element that the CSS selector finds,
// after it was scrolled into view. What covers it gets the click, as with a real
// finger.
func (p *Page) Click(ctx context.Context, selector string) error {
	if err := p.Wait(ctx, "document.querySelector("+quote(selector)+")"); err != nil {
		return err
	}
	var at struct{ X, Y float64 }
	if err := p.Eval(ctx, `(() => {
		const e = document.querySelector(`+quote(selector)+`)
		e.scrollIntoView({block: 'nearest'})
		const r = e.getBoundingClientRect()
		return {x: r.left + r.width / 2, y: r.top + r.height / 2}
	})()`, &at); err != nil {
		return err
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		if err := p.call(ctx, "Input.dispatchMouseEvent", map[string]any{
			"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1,
		}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Type writes text where the focus is.
func (p *Page) Type(ctx context.Context, text string) error {
	return p.call(ctx, "Input.insertText", map[string]any{"text": text}, nil)
}

// Key presses a key by its DOM name: "Enter", "Tab", "Escape", "ArrowUp" or
// "ArrowDown".
func (p *Page) Key(ctx context.Context, name string) error {
	codes := map[string]int{"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40}
	if codes[name] == 0 {
		return fmt.Errorf("unknown key %q", name)
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
		if name == "Enter" && kind == "keyDown" {
			params["text"] = "\r"
		}
		if err := p.call(ctx, "Input.dispatchKeyEvent", params, nil); err != nil {
			return err
		}
	}
	return nil
}

// Screenshot returns a PNG of what the view shows.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var shot struct{ Data string }
	if err := p.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

func quote(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}
