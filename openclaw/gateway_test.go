package openclaw_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/openclaw"
)

// fake starts a gateway in memory, for tests on the bubble's clock.
func fake(t *testing.T, c fakegateway.Config) *fakegateway.Server {
	t.Helper()
	c.Memory = true
	s, err := fakegateway.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// to is the Config of a client of s.
func to(s *fakegateway.Server) openclaw.Config {
	return openclaw.Config{URL: s.URL(), Token: token(s.Token()), HTTPClient: s.Client()}
}

// bubble runs f on a fake clock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// dials notes when an http.Client dials.
type dials struct {
	next http.RoundTripper
	mu   sync.Mutex
	at   []time.Time
}

func (d *dials) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.at = append(d.at, time.Now())
	d.mu.Unlock()
	return d.next.RoundTrip(r)
}

func (d *dials) gaps() (gaps []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 1; i < len(d.at); i++ {
		gaps = append(gaps, d.at[i].Sub(d.at[i-1]))
	}
	return gaps
}

func counted(c openclaw.Config) (openclaw.Config, *dials) {
	d := &dials{next: c.HTTPClient.Transport}
	c.HTTPClient = &http.Client{Transport: d}
	return c, d
}

func TestNewRefusesURLs(t *testing.T) {
	for _, u := range []string{"", "http://x", "ws://", "127.0.0.1:18789", "ws://user:pass@host:1"} {
		if g, err := openclaw.New(openclaw.Config{URL: u}); err == nil || strings.Contains(err.Error(), "user:pass") {
			t.Errorf("New(%q) = %v, %v, want an error", u, g, err)
		}
	}
}

func TestHost(t *testing.T) {
	for u, want := range map[string]string{
		"ws://127.0.0.1:1": "local", "ws://[::1]:1": "local", "ws://localhost:1": "local", "wss://claw.example.com": "claw.example.com", "ws://10.0.0.1:1": "10.0.0.1",
	} {
		g, err := openclaw.New(openclaw.Config{URL: u})
		if err != nil || g.Host() != want || g.Name() != "clawconsole" {
			t.Errorf("Host of %s = %q, %v, want %q; Name = %q", u, g.Host(), err, want, g.Name())
		}
	}
}

func TestLocalPort(t *testing.T) {
	for u, want := range map[string]int{"ws://127.0.0.1:18789": 18789, "ws://[::1]:1": 1, "ws://localhost": 80, "wss://localhost": 443, "wss://claw.example.com:18789": 0, "ws://10.0.0.1:1": 0} {
		if g, err := openclaw.New(openclaw.Config{URL: u}); err != nil || g.LocalPort() != want {
			t.Errorf("LocalPort of %s = %d, %v, want %d", u, g.LocalPort(), err, want)
		}
	}
}

func TestBackoffGrowsToFiveSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		s.Down()
		c, d := counted(to(s))
		g := start(t, c)
		time.Sleep(40 * time.Second)
		gaps := d.gaps()
		if len(gaps) < 8 {
			t.Fatalf("%d attempts in 40 s", len(gaps)+1)
		}
		want := 250 * time.Millisecond
		for i, gap := range gaps {
			if gap < want || gap > want+want/5+time.Millisecond {
				t.Errorf("pause %d = %v, want %v and up to a fifth more", i, gap, want)
			}
			want = min(want*2, 5*time.Second)
		}
		if st := g.State(); st.Phase != openclaw.Down || st.Err == nil || st.Attempts != len(gaps)+1 || !st.NextTryAt.After(time.Now()) {
			t.Errorf("state = %+v", st)
		}
		s.Up()
		await(t, g)
		if st := g.State(); st.Err != nil || st.Attempts != 0 || !st.NextTryAt.IsZero() || st.LastUpAt.IsZero() {
			t.Errorf("state = %+v", st)
		}
	})
}

func TestStartingHonoursRetryAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		s.Starting(700 * time.Millisecond)
		c, d := counted(to(s))
		g := start(t, c)
		time.Sleep(6 * time.Second)
		if st := g.State(); st.Phase != openclaw.Starting {
			t.Errorf("phase = %v, want starting", st.Phase)
		}
		for _, gap := range d.gaps() {
			if gap < 700*time.Millisecond || gap > 800*time.Millisecond {
				t.Errorf("pause = %v, want the 700 ms that the gateway asked for", gap)
			}
		}
		if err := g.Call(t.Context(), "status", nil, nil); !errors.Is(err, openclaw.ErrStarting) {
			t.Errorf("Call = %v, want ErrStarting", err)
		}
		s.Up()
		await(t, g)
	})
}

func TestRefusedIsNotHammered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		c, d := counted(to(s))
		var secret string
		c.Token = func() (string, error) { return secret, nil }
		secret = "wrong-secret-0123456789"
		g := start(t, c)
		time.Sleep(95 * time.Second)
		gaps := d.gaps()
		if len(gaps) != 3 {
			t.Errorf("%d attempts in 95 s, want 4", len(gaps)+1)
		}
		st := g.State()
		if st.Phase != openclaw.Refused || !strings.Contains(st.Advice, "token_file") {
			t.Errorf("state = %+v", st)
		}
		if err := g.Call(t.Context(), "status", nil, nil); !errors.Is(err, openclaw.ErrRefused) || strings.Contains(fmt.Sprintf("%v %+v", err, st), secret) {
			t.Errorf("Call = %v, want ErrRefused without the token", err)
		}
		// The file was corrected; the operator does not want to wait.
		secret = s.Token()
		before := time.Now()
		g.Reconnect()
		await(t, g)
		if d := time.Since(before); d > time.Second {
			t.Errorf("Reconnect took %v", d)
		}
	})
}

func TestTokenThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		c := to(s)
		c.Token = func() (string, error) { return "", fs.ErrPermission }
		g := start(t, c)
		synctest.Wait()
		if st := g.State(); st.Phase != openclaw.Refused || !errors.Is(st.Err, fs.ErrPermission) {
			t.Errorf("state = %+v", st)
		}
	})
}

// What the phases mean for calls, and which words and pauses refusals get.
func TestHandshakeRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config fakegateway.Config
		break_ func(*openclaw.Config)
		advice string
	}{
		{"no token, no device", fakegateway.Config{}, func(c *openclaw.Config) { c.Token = nil }, "token_file"},
		{"wrong token", fakegateway.Config{}, func(c *openclaw.Config) { c.Token = token("other") }, "gateway.auth.token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := to(fake(t, tt.config))
				tt.break_(&c)
				g := start(t, c)
				synctest.Wait()
				time.Sleep(time.Second)
				if s := g.State(); s.Phase != openclaw.Refused || !strings.Contains(s.Advice, tt.advice) {
					t.Errorf("state = %v, advice %q, err %v", s.Phase, s.Advice, s.Err)
				}
			})
		})
	}
}

func TestHang(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		s.Hang()
		hungAt := time.Now()
		err := g.Call(t.Context(), "status", nil, nil)
		if d := time.Since(hungAt); !errors.Is(err, openclaw.ErrTimeout) || d != 5*time.Second {
			t.Errorf("a call into the hang = %v after %v, want ErrTimeout after 5 s", err, d)
		}
		if st := g.State(); st.Phase != openclaw.Hanging || st.Since.Sub(hungAt) > 4500*time.Millisecond || st.HeardAt.After(hungAt) {
			t.Errorf("state = %+v, hung at %v", st, hungAt)
		}
		began := time.Now()
		if err := g.Call(t.Context(), "status", nil, nil); !errors.Is(err, openclaw.ErrHanging) || time.Since(began) > 0 {
			t.Errorf("the next call = %v after %v, want ErrHanging at once", err, time.Since(began))
		}
		// That nobody waits for an answer any more does not mean that it lives.
		time.Sleep(3 * time.Second)
		if st := g.State(); st.Phase != openclaw.Hanging {
			t.Errorf("phase = %v 3 s after the call was given up", st.Phase)
		}
		s.Resume()
		began = time.Now()
		await(t, g)
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("connected %v after it went on", d)
		}
		if err := g.Call(t.Context(), "status", nil, nil); err != nil {
			t.Errorf("Call after the hang = %v", err)
		}
	})
}

func TestHangAtRestIsNoticed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		c, d := counted(to(s))
		g := start(t, c)
		await(t, g)
		s.Hang()
		time.Sleep(13 * time.Second) // 10 s of silence, 2 s for the ping
		if st := g.State(); st.Phase != openclaw.Hanging {
			t.Errorf("phase = %v 13 s after the hang began", st.Phase)
		}
		// After two ticks the socket is given up; the next one hangs in its handshake.
		time.Sleep(60 * time.Second)
		if n := len(d.gaps()); n == 0 {
			t.Error("the silent socket was kept")
		}
		if st := g.State(); st.Phase != openclaw.Hanging {
			t.Errorf("phase = %v while a new connection hangs too", st.Phase)
		}
		s.Resume()
		await(t, g)
	})
}

// A quiet connection is a healthy one.
func TestQuietIsNotHanging(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{Tick: time.Hour})
		c, d := counted(to(s))
		g := start(t, c)
		conn := await(t, g).Hello.ConnID
		time.Sleep(10 * time.Minute)
		if st := g.State(); st.Phase != openclaw.Connected || st.Hello.ConnID != conn || len(d.gaps()) != 0 {
			t.Errorf("state = %+v", st)
		}
	})
}

func TestSlowAnswerIsNotHanging(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		s.Intercept(func(c fakegateway.Call) fakegateway.Action { return fakegateway.Action{Delay: 8 * time.Second} })
		if err := g.Call(t.Context(), "status", nil, nil); !errors.Is(err, openclaw.ErrTimeout) {
			t.Errorf("Call = %v, want ErrTimeout", err)
		}
		if st := g.State(); st.Phase != openclaw.Connected {
			t.Errorf("phase = %v, want connected: it answers pings", st.Phase)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := g.Status(ctx); err != nil {
			t.Errorf("with a longer deadline = %v", err)
		}
	})
}

func TestBrokenFrames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		conn := await(t, g).Hello.ConnID
		sub := g.Events(0, func(e openclaw.Event) bool { _, ok := e.(openclaw.Resync); return ok })
		defer sub.Close()
		for _, tt := range []struct{ name, frame string }{
			{"not JSON", "{"},
			{"an approval without id", `{"type":"event","event":"exec.approval.requested","payload":{}}`},
			{"an approval of another shape", `{"type":"event","event":"exec.approval.requested","payload":{"id":"x","request":{"command":7}}}`},
			{"a resolution that is a list", `{"type":"event","event":"plugin.approval.resolved","payload":[]}`},
			{"a cron event that is text", `{"type":"event","event":"cron","payload":"x"}`},
		} {
			s.Raw(tt.frame)
			synctest.Wait()
			select {
			case <-sub.C:
			default:
				t.Errorf("%s: no Resync", tt.name)
			}
		}
		for _, frame := range []string{`null`, `[]`, `{"type":"res","id":"999","ok":true}`, `{"type":"event"}`, `{"type":"event","event":"shutdown","payload":7}`, `{"type":"event","event":"agent","payload":7}`, `{"type":"req"}`} {
			s.Raw(frame)
		}
		s.SkipSeq(3)
		s.Broadcast("health", map[string]any{})
		synctest.Wait()
		if g.State().Hello.ConnID != conn || g.Call(t.Context(), "status", nil, nil) != nil {
			t.Error("the connection did not survive")
		}
		s.Intercept(func(fakegateway.Call) fakegateway.Action { return fakegateway.Action{Garbled: true} })
		if err := g.Call(t.Context(), "status", nil, nil); !errors.Is(err, openclaw.ErrTimeout) {
			t.Errorf("a garbled answer = %v, want ErrTimeout", err)
		}
	})
}

func TestLostEventsAreSignalled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		isHealth := func(e openclaw.Event) bool {
			o, ok := e.(openclaw.OtherEvent)
			_, lost := e.(openclaw.Resync)
			return ok && o.Name == "health" || lost
		}
		slow, quick := g.Events(10, isHealth), g.Events(1000, isHealth)
		defer slow.Close()
		defer quick.Close()
		<-slow.C // how things stand
		<-quick.C
		s.Broadcast("health", map[string]any{})
		synctest.Wait()
		s.SkipSeq(5) // the gateway dropped some
		for range 100 {
			s.Broadcast("health", map[string]any{})
		}
		synctest.Wait()
		count := func(sub *openclaw.Subscription) (n, lost int, last openclaw.Event) {
			for {
				select {
				case e := <-sub.C:
					last = e
					if _, ok := e.(openclaw.Resync); ok {
						lost++
					} else {
						n++
					}
				default:
					return n, lost, last
				}
			}
		}
		if n, lost, _ := count(quick); n != 101 || lost != 1 {
			t.Errorf("the quick one got %d events and %d resyncs, want 101 and 1 for the gap", n, lost)
		}
		if n, lost, last := count(slow); n != 9 || lost != 2 || last != (openclaw.Resync{}) {
			t.Errorf("the slow one got %d events, %d resyncs and last %T, want 9, 2 and a Resync", n, lost, last)
		}
		// It has caught up: what comes now is delivered again.
		s.Broadcast("health", map[string]any{})
		synctest.Wait()
		if n, lost, _ := count(slow); n != 1 || lost != 0 {
			t.Errorf("after it caught up it got %d events and %d resyncs, want 1 and 0", n, lost)
		}
		slow.Close()
		slow.Close() // twice is no harm
		if _, ok := <-slow.C; ok {
			t.Error("C is open after Close")
		}
	})
}

// A flood with nobody reading does not keep answers from coming.
func TestFloodDoesNotBlock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		sub := g.Events(1, nil)
		defer sub.Close()
		for range 3000 {
			s.Broadcast("agent", map[string]any{"runId": "x", "sessionKey": "y", "data": strings.Repeat("z", 1000)})
		}
		if err := g.Call(t.Context(), "status", nil, nil); err != nil {
			t.Errorf("Call in a flood = %v", err)
		}
	})
}

func TestLargeAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		s.LogRaw(strings.Repeat("x", 24<<20))
		p, err := g.Logs(t.Context(), openclaw.LogsParams{})
		if err != nil || len(p.Lines) != 1 || len(p.Lines[0].Message) != 24<<20 {
			t.Errorf("24 MiB of log: %d lines, %v", len(p.Lines), err)
		}
	})
}

func TestConcurrentCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		for i := range 50 {
			s.AddSession(fakegateway.Session{Key: fmt.Sprintf("agent:main:s%d", i)})
		}
		// Answers come in another order than requests.
		s.Intercept(func(c fakegateway.Call) fakegateway.Action {
			return fakegateway.Action{Delay: time.Duration(100-c.N%100) * time.Millisecond}
		})
		g := start(t, to(s))
		await(t, g)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				key := fmt.Sprintf("agent:main:s%d", i)
				if got, err := g.Session(t.Context(), key); err != nil || got.Key != key {
					t.Errorf("Session(%q) = %q, %v", key, got.Key, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestCallEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		for _, tt := range []struct {
			name   string
			action fakegateway.Action
			want   error
			open   bool // whether it was done
		}{
			{"silent", fakegateway.Action{Silent: true}, openclaw.ErrTimeout, true},
			{"dropped before the effect", fakegateway.Action{Drop: fakegateway.BeforeEffect}, openclaw.ErrLost, true},
			{"dropped before the answer", fakegateway.Action{Drop: fakegateway.BeforeAnswer}, openclaw.ErrLost, true},
			{"no scope", fakegateway.Action{Error: &fakegateway.Error{Code: "FORBIDDEN", Message: "missing scope: operator.admin", Details: map[string]any{"code": "MISSING_SCOPE", "missingScope": "operator.admin"}}}, openclaw.ErrScope, false},
			{"not found", fakegateway.Action{Error: &fakegateway.Error{Code: "INVALID_REQUEST", Details: map[string]any{"reason": "APPROVAL_NOT_FOUND"}}}, openclaw.ErrNotFound, false},
			{"draining", fakegateway.Action{Error: &fakegateway.Error{Code: "UNAVAILABLE", Details: map[string]any{"reason": "gateway-restarting"}, RetryAfterMs: 1000}}, openclaw.ErrDraining, false},
		} {
			s.Intercept(func(fakegateway.Call) fakegateway.Action { return tt.action })
			if _, err := g.Status(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			} else if openclaw.Unsettled(err) != tt.open {
				t.Errorf("%s: Unsettled(%v) = %v, want %v", tt.name, err, !tt.open, tt.open)
			}
			s.Intercept(nil)
			time.Sleep(time.Second)
			if _, err := g.Status(t.Context()); err != nil {
				t.Errorf("%s: the next call = %v", tt.name, err)
			}
		}
		s.Intercept(func(fakegateway.Call) fakegateway.Action { return fakegateway.Action{Silent: true} })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := g.Status(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, openclaw.ErrTimeout) {
			t.Errorf("canceled = %v, want context.Canceled", err)
		} else if !openclaw.Unsettled(err) {
			t.Error("a call that was canceled may have been done")
		}
		s.Kill()
		time.Sleep(time.Second)
		if _, err := g.Status(t.Context()); !errors.Is(err, openclaw.ErrDown) || openclaw.Unsettled(err) {
			t.Errorf("not sent: %v, Unsettled = %v", err, openclaw.Unsettled(err))
		}
	})
}

// What follows from each error of a call: whether the gateway is away, was not sent
// the request, or may have done it.
func TestWhatErrorsMean(t *testing.T) {
	for _, tt := range []struct {
		err                      error
		away, notSent, unsettled bool
	}{
		{nil, false, false, false},
		{openclaw.ErrDown, true, true, false},
		{openclaw.ErrStarting, true, true, false},
		{openclaw.ErrDraining, true, true, false},
		{openclaw.ErrHanging, true, true, false},
		{openclaw.ErrTimeout, true, false, true},
		{openclaw.ErrLost, true, false, true},
		{openclaw.ErrRefused, true, true, false},
		{openclaw.ErrPairing, true, true, false},
		{&openclaw.PairingError{}, true, true, false},
		{openclaw.ErrScope, false, true, false},
		{openclaw.ErrNotFound, false, false, false},
		{openclaw.ErrNotOffered, false, false, false},
		{&openclaw.RPCError{Code: "INTERNAL"}, false, false, false},
		{fmt.Errorf("%w while the gateway is %w", openclaw.ErrTimeout, openclaw.ErrStarting), true, false, true},
		{context.Canceled, false, false, true},
		{errors.New("an answer that cannot be read"), false, false, true},
	} {
		err := tt.err
		if err != nil {
			err = fmt.Errorf("resolve approval 1: %w", err)
		}
		if got := openclaw.Away(err); got != tt.away {
			t.Errorf("Away(%v) = %v, want %v", err, got, tt.away)
		}
		if got := openclaw.NotSent(err); got != tt.notSent {
			t.Errorf("NotSent(%v) = %v, want %v", err, got, tt.notSent)
		}
		if got := openclaw.Unsettled(err); got != tt.unsettled {
			t.Errorf("Unsettled(%v) = %v, want %v", err, got, tt.unsettled)
		}
	}
}

// awaitReboot blocks until g is connected with another boot id than the one given.
func awaitReboot(ctx context.Context, g *openclaw.Gateway, boot string) (openclaw.State, error) {
	sub := g.Events(0, nil)
	defer sub.Close()
	for {
		if st := g.State(); st.Phase == openclaw.Connected && st.Hello.BootID != boot {
			return st, nil
		}
		select {
		case <-sub.C:
		case <-ctx.Done():
			return g.State(), ctx.Err()
		}
	}
}

func TestRestartByEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		before := await(t, g).Hello
		sub := g.Events(0, nil)
		defer sub.Close()
		if a, err := g.Restart(t.Context(), "test", false); err != nil || a.Status != "scheduled" {
			t.Fatalf("Restart = %+v, %v", a, err)
		}
		if e := next[openclaw.ShutdownNoted](t, sub, nil); e.Shutdown.Expected != 1500*time.Millisecond {
			t.Errorf("shutdown = %+v", e)
		}
		st, err := awaitReboot(t.Context(), g, before.BootID)
		if err != nil || st.Hello.BootID != s.BootID() || !st.Shutdown.At.IsZero() {
			t.Errorf("after the restart: %+v, %v", st, err)
		}
		e := next[openclaw.Rebooted](t, sub, nil)
		if e.Before.BootID != before.BootID || e.After.BootID != s.BootID() {
			t.Errorf("Rebooted = %+v", e)
		}
		// A lost socket of the same process is no reboot.
		s.Drop()
		next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Down })
		next(t, sub, func(e openclaw.StateChanged) bool { return e.State.Phase == openclaw.Connected })
		synctest.Wait()
		for {
			select {
			case e := <-sub.C:
				if _, ok := e.(openclaw.Rebooted); ok {
					t.Error("a lost socket was taken for a reboot")
				}
				continue
			default:
			}
			break
		}
	})
}

func TestDraining(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		id := s.Raise(fakegateway.Approval{Request: map[string]any{"command": "uptime"}})
		s.Draining()
		if _, err := g.Status(t.Context()); !errors.Is(err, openclaw.ErrDraining) {
			t.Errorf("Status = %v, want ErrDraining", err)
		}
		if st := g.State(); st.Phase != openclaw.Draining {
			t.Errorf("phase = %v", st.Phase)
		}
		if r, err := g.ResolveApproval(t.Context(), "alice", id, openclaw.KindExec, openclaw.AllowOnce); err != nil || !r.Applied || r.Record.Status != openclaw.ApprovalAllowed || r.Record.Resolver != "clawconsole" {
			t.Errorf("ResolveApproval = %+v, %v", r, err)
		}
		if s.Status(id) != "allowed" {
			t.Errorf("the gateway says %q", s.Status(id))
		}
		if st := g.State(); st.Phase != openclaw.Draining {
			t.Errorf("phase = %v after a decision, which works in a drain too", st.Phase)
		}
		// The end of a drain without a restart is noticed by itself.
		s.Up()
		began := time.Now()
		await(t, g)
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("noticed after %v", d)
		}
		s.Draining()
		if _, err := g.Status(t.Context()); !errors.Is(err, openclaw.ErrDraining) {
			t.Errorf("Status = %v, want ErrDraining", err)
		}
		// A socket that breaks meanwhile is refused with 503.
		s.Drop()
		time.Sleep(2 * time.Second)
		if st := g.State(); st.Phase != openclaw.Draining {
			t.Errorf("phase = %v without a socket, want draining", st.Phase)
		}
		s.Up()
		await(t, g)
	})
}

func TestFollowOutlivesTheSocket(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		g := start(t, to(s))
		await(t, g)
		const key = "agent:main:ops"
		stop1, err := g.Follow(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		stop2, err := g.Follow(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		subscribed := func() bool {
			synctest.Wait()
			c := s.Connections()
			return len(c) == 1 && len(c[0].Subscribed) == 1 && c[0].Subscribed[0] == key
		}
		s.Drop()
		time.Sleep(time.Second)
		if !subscribed() {
			t.Errorf("not followed after the reconnect: %+v", s.Connections())
		}
		stop1()
		stop1()
		if !subscribed() {
			t.Error("one of two followers ended it for both")
		}
		stop2()
		if subscribed() {
			t.Error("followed after the last stop")
		}
	})
}

func TestScopesThatAreMissing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{Scopes: []string{"operator.write"}})
		g := start(t, to(s))
		st := await(t, g)
		if !st.Has(openclaw.ScopeRead) || !st.Has(openclaw.ScopeWrite) || st.Has(openclaw.ScopeAdmin) || len(st.Missing) != 2 {
			t.Errorf("scopes %v, missing %v", st.Hello.Scopes, st.Missing)
		}
		if !strings.Contains(st.Advice, "operator.admin") || !strings.Contains(st.Advice, "restart") {
			t.Errorf("advice = %q, want what is missing and what for", st.Advice)
		}
	})
}

func TestHelloDeclares(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		await(t, start(t, to(s)))
		c := s.Connections()
		if len(c) != 1 || c[0].DisplayName != "clawconsole" || strings.Join(c[0].Caps, " ") != "approvals session-scoped-events" || len(c[0].Scopes) != 4 {
			t.Errorf("connections = %+v", c)
		}
	})
}

func TestPairing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{Remote: true})
		c := to(s)
		c.DeviceKeyFile = filepath.Join(t.TempDir(), "device.json")
		var mu sync.Mutex
		var tokens []string
		c.OnDeviceToken = func(tok string) {
			mu.Lock()
			defer mu.Unlock()
			if !slices.Contains(tokens, tok) {
				tokens = append(tokens, tok)
			}
		}
		known := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(tokens)
		}
		g := start(t, c)
		synctest.Wait()
		time.Sleep(time.Second)

		ids := s.PairingRequests()
		st := g.State()
		if len(ids) != 1 || st.Phase != openclaw.Pairing || !strings.Contains(st.Advice, "openclaw devices approve "+ids[0]) {
			t.Fatalf("requests %v, state %+v", ids, st)
		}
		var pair *openclaw.PairingError
		err := g.Call(t.Context(), "status", nil, nil)
		if !errors.As(err, &pair) || !errors.Is(err, openclaw.ErrPairing) || pair.RequestID != ids[0] || pair.Advice() != "openclaw devices approve "+ids[0] {
			t.Errorf("Call = %v, want a PairingError for %s", err, ids[0])
		}
		time.Sleep(2 * time.Minute)
		if again := s.PairingRequests(); len(again) != 1 || again[0] != ids[0] {
			t.Errorf("requests after a while = %v", again)
		}
		if !s.Approve(ids[0]) {
			t.Fatal("no such request")
		}
		g.Reconnect()
		if st := await(t, g); len(st.Missing) != 0 || st.Hello.AuthMethod != "token" {
			t.Errorf("paired: %+v", st)
		}
		learned := known()
		if len(learned) != 1 || learned[0] == "" {
			t.Fatalf("OnDeviceToken got %d tokens", len(learned))
		}
		fi, err := os.Stat(c.DeviceKeyFile)
		if err != nil || fi.Mode() != 0o600 {
			t.Errorf("device file: %v, %v", fi.Mode(), err)
		}
		dir, err := os.ReadDir(filepath.Dir(c.DeviceKeyFile))
		if err != nil || len(dir) != 1 {
			t.Errorf("left in the folder: %v, %v", dir, err)
		}
		s.Drop()
		next := await2(t, g, s)
		if next.Hello.AuthMethod != "device-token" {
			t.Errorf("method = %q, want the device's own token", next.Hello.AuthMethod)
		}

		// Another console with the same file and no shared token.
		c.Token = nil
		g2 := start(t, c)
		if st := await(t, g2); st.Hello.AuthMethod != "device-token" {
			t.Errorf("a second start: %+v", st)
		}

		// A token that was rotated: without the shared one refused, with it healed.
		s.RotateDeviceTokens()
		s.Drop()
		time.Sleep(2 * time.Second)
		if st := g2.State(); st.Phase != openclaw.Refused || strings.Contains(fmt.Sprintf("%+v", st), learned[0]) {
			t.Errorf("with a useless token: %+v", st)
		}
		if st := g.State(); st.Phase != openclaw.Connected || len(known()) != 2 {
			t.Errorf("with the shared token: %v, learned %d", st.Phase, len(known()))
		}
	})
}

// await2 awaits a connection made after now.
func await2(t *testing.T, g *openclaw.Gateway, s *fakegateway.Server) openclaw.State {
	t.Helper()
	synctest.Wait()
	return await(t, g)
}

func TestWiderScopesWantPairingAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{Remote: true})
		c := to(s)
		c.DeviceKeyFile = filepath.Join(t.TempDir(), "device.json")
		c.Scopes = []openclaw.Scope{openclaw.ScopeRead}
		g := start(t, c)
		time.Sleep(time.Second)
		s.Approve(s.PairingRequests()[0])
		g.Reconnect()
		await(t, g)

		c.Scopes = nil
		wide := start(t, c)
		time.Sleep(time.Second)
		if st := wide.State(); st.Phase != openclaw.Pairing || len(s.PairingRequests()) != 1 || !strings.Contains(st.Advice, s.PairingRequests()[0]) {
			t.Errorf("state = %+v, requests %v", st, s.PairingRequests())
		}
	})
}

func TestRemoteWithoutDevice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{Remote: true})
		st := await(t, start(t, to(s)))
		if len(st.Hello.Scopes) != 0 || len(st.Missing) != 4 || !strings.Contains(st.Advice, "paired device") {
			t.Errorf("state = %+v", st)
		}
	})
}

// goodKey is the content of a device file that is taken if its mode is.
const goodKey = `{"version":1,"seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`

func TestDeviceFileThatIsNotOurs(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path string) error
	}{
		{"ours", func(p string) error { return os.WriteFile(p, []byte(goodKey), 0o600) }},
		{"readable by others", func(p string) error { return os.WriteFile(p, []byte(goodKey), 0o644) }},
		{"of another version", func(p string) error { return os.WriteFile(p, []byte(strings.Replace(goodKey, "1", "2", 1)), 0o600) }},
		{"not a key", func(p string) error { return os.WriteFile(p, []byte("{}"), 0o600) }},
		{"a symlink", func(p string) error {
			if err := os.WriteFile(p+".real", []byte(goodKey), 0o600); err != nil {
				return err
			}
			return os.Symlink(p+".real", p)
		}},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }},
		{"no folder for it", func(p string) error { return os.Remove(filepath.Dir(p)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "state")
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, "device.json")
				if err := tt.make(path); err != nil {
					t.Fatal(err)
				}
				c := to(fake(t, fakegateway.Config{Remote: true}))
				c.DeviceKeyFile = path
				g := start(t, c)
				synctest.Wait()
				time.Sleep(time.Second)
				st := g.State()
				if tt.name == "ours" {
					if st.Phase != openclaw.Pairing {
						t.Errorf("state = %v, %v, want pairing", st.Phase, st.Err)
					}
					return
				}
				if st.Phase != openclaw.Refused || !strings.Contains(st.Err.Error(), "device key") {
					t.Errorf("state = %v, %v", st.Phase, st.Err)
				}
			})
		})
	}
}

func TestCronThroughFake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		s.AddJob(fakegateway.Job{ID: "j1", Name: "backup", Every: time.Hour, Takes: 40 * time.Second, Error: "disk full", Summary: "no"})
		g := start(t, to(s))
		await(t, g)
		sub := g.Events(0, nil)
		defer sub.Close()
		r, err := g.CronRun(t.Context(), "j1")
		if err != nil || !r.Started {
			t.Fatalf("CronRun = %+v, %v", r, err)
		}
		s.Drop() // the end is told to the next socket
		time.Sleep(time.Minute)
		synctest.Wait()
		e := next(t, sub, func(e openclaw.CronChanged) bool { return e.Action == "finished" })
		if e.RunID != r.RunID || e.Run.Error != "disk full" || e.Run.Duration != 40*time.Second || e.Run.JobName != "backup" {
			t.Errorf("event = %+v", e)
		}
		if runs, err := g.CronRuns(t.Context(), openclaw.CronRunsParams{RunID: r.RunID}); err != nil || len(runs) != 1 || s.JobRuns("j1") != 1 {
			t.Errorf("CronRuns = %+v, %v", runs, err)
		}
	})
}

func TestLogsFollow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		for i := range 5 {
			s.Log("info", "gateway/ws", fmt.Sprintf("line %d", i))
		}
		g := start(t, to(s))
		await(t, g)
		p, err := g.Logs(t.Context(), openclaw.LogsParams{Limit: 2})
		if err != nil || len(p.Lines) != 2 || p.Lines[1].Message != "line 4" || p.Lines[1].Subsystem != "gateway/ws" || p.Lines[1].Level != "info" || p.Lines[1].At.IsZero() || !p.Truncated {
			t.Errorf("Logs = %+v, %v", p, err)
		}
		s.LogRaw("not JSON")
		p, err = g.Logs(t.Context(), openclaw.LogsParams{Cursor: p.Cursor})
		if err != nil || len(p.Lines) != 1 || p.Lines[0] != (openclaw.LogLine{Message: "not JSON"}) || p.Reset {
			t.Errorf("after the cursor = %+v, %v", p, err)
		}
		s.RotateLog()
		s.Log("error", "x", "new file")
		if p, err = g.Logs(t.Context(), openclaw.LogsParams{Cursor: p.Cursor}); err != nil || !p.Reset || len(p.Lines) != 1 {
			t.Errorf("after a rotation = %+v, %v", p, err)
		}
	})
}

func TestSessionPages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := fake(t, fakegateway.Config{})
		for i := range 25 {
			s.AddSession(fakegateway.Session{Key: fmt.Sprintf("agent:main:s%02d", i), Label: fmt.Sprintf("label-%d", i), UpdatedAt: time.Now().Add(-time.Duration(i) * time.Minute)})
		}
		g := start(t, to(s))
		await(t, g)
		seen := 0
		for offset := 0; ; {
			l, err := g.Sessions(t.Context(), openclaw.SessionsParams{Offset: offset})
			if err != nil || l.Total != 25 {
				t.Fatalf("Sessions = %+v, %v", l, err)
			}
			for _, row := range l.Sessions {
				if want := fmt.Sprintf("agent:main:s%02d", seen); row.Key != want {
					t.Errorf("row %d = %q, want %q", seen, row.Key, want)
				}
				seen++
			}
			if !l.More {
				break
			}
			offset = l.NextOffset
		}
		if seen != 25 {
			t.Errorf("%d rows on all pages, want 25", seen)
		}
		if l, err := g.Sessions(t.Context(), openclaw.SessionsParams{Active: 5*time.Minute + time.Second}); err != nil || len(l.Sessions) != 7 {
			t.Errorf("active within 5 min 1 s: %d, %v, want 7 (whole minutes, rounded up)", len(l.Sessions), err)
		}
		for _, ref := range []string{"agent:main:s03", "s03", "label-3"} {
			if key, agent, err := g.ResolveSession(t.Context(), ref); err != nil || key != "agent:main:s03" || agent != "main" {
				t.Errorf("ResolveSession(%q) = %q, %q, %v", ref, key, agent, err)
			}
		}
	})
}

func TestDecodeHealth(t *testing.T) {
	h, err := openclaw.DecodeHealth(json.RawMessage(`{"ok":true,"ts":1795169593798,"plugins":{"errors":["plain",{"pluginId":"x","message":"broke"},{"other":1}]},"eventLoop":{"degraded":true,"reasons":["cpu"],"delayP99Ms":22.6}}`))
	if err != nil || !h.OK || h.At.UnixMilli() != 1795169593798 || strings.Join(h.PluginErrors, "|") != `plain|x: broke|{"other":1}` || h.EventLoop.DelayP99 != 22600*time.Microsecond {
		t.Errorf("DecodeHealth = %+v, %v", h, err)
	}
}

// What a person is shown of an error says what happened, once.
func TestErrorsAreReadable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		break_ func(*fakegateway.Server)
		want   string
	}{
		{"killed", func(s *fakegateway.Server) { s.Down(); s.Drop() }, "status: gateway is down: connection lost"},
		{"closed", func(s *fakegateway.Server) { s.Down(); s.CloseAll(1011, "oops") }, "status: gateway is down: closed by the gateway: 1011 oops"},
		{"starting", func(s *fakegateway.Server) { s.Starting(time.Hour); s.Drop() }, "status: gateway is starting"},
		{"down for longer", func(s *fakegateway.Server) { s.Down(); s.Drop(); time.Sleep(10 * time.Second) }, "status: gateway is down: dial memory: connection refused"},
		{"draining", func(s *fakegateway.Server) { s.Draining(); s.Drop(); time.Sleep(10 * time.Second) }, "status: gateway is draining before a restart: HTTP 503"},
		{"hanging", func(s *fakegateway.Server) {
			s.Hang()
			time.AfterFunc(time.Hour, s.Resume)
			time.Sleep(2 * time.Minute)
		}, "status: gateway hangs: no answer within 5s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := fake(t, fakegateway.Config{})
				g := start(t, to(s))
				await(t, g)
				tt.break_(s)
				synctest.Wait()
				if tt.name == "starting" {
					time.Sleep(time.Second)
				}
				_, err := g.Status(t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "failed to") || strings.Contains(err.Error(), "\n") {
					t.Errorf("Status = %q, want %q", err, tt.want)
				}
			})
		})
	}
}
