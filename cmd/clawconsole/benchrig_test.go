package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"clawconsole/internal/faketelegram"
)

// What benchmarks need beside the world of the tests: clocks on both wires of the
// console, outside of it.

// A rig is a world whose Bot API is watched by a tap.
type rig struct {
	*world
	tap *tap
}

// newRig makes a Telegram of telegram's shape and the configuration of a console
// with these operators. more is TOML that follows.
func newRig(b testing.TB, telegram faketelegram.Config, gatewayURL, gatewayToken string, operators []int64, more string) *rig {
	b.Helper()
	s, err := faketelegram.New(telegram)
	if err != nil {
		b.Fatal(err)
	}
	t := &tap{next: s, delivered: make(map[string]delivery)}
	srv := httptest.NewServer(t)
	b.Cleanup(func() { s.Close(); srv.Close() })
	r := &rig{&world{t: b, telegram: s, url: srv.URL, dir: b.TempDir()}, t}
	r.config = filepath.Join(r.dir, "clawconsole.toml")
	var text strings.Builder
	fmt.Fprintf(&text, "state_dir = %q\n[telegram]\ntoken = %q\napi_url = %q\n", filepath.Join(r.dir, "state"), faketelegram.Token, srv.URL)
	for _, id := range operators {
		fmt.Fprintf(&text, "[[operator]]\nid = %d\nname = \"operator%d\"\nmay = [\"safe\", \"moderate\", \"dangerous\", \"approve\"]\n", id, id)
	}
	fmt.Fprintf(&text, "[openclaw]\nurl = %q\ntoken = %q\ncli = \"/nonexistent/openclaw\"\nagents = { devops = \"agent:main:ops\" }\n", gatewayURL, gatewayToken)
	fmt.Fprintf(&text, "[auth]\nrate_per_minute = 1000000\nrate_burst = 1000000\n%s\n", more)
	if err := os.WriteFile(r.config, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return r
}

// reconfigure replaces texts in the configuration: old, new, old, new, …
func (r *rig) reconfigure(oldnew ...string) {
	r.t.Helper()
	text, err := os.ReadFile(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.config, []byte(strings.NewReplacer(oldnew...).Replace(string(text))), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// A tap stands before a Bot API and notes when updates leave it and when calls
// arrive.
type tap struct {
	next http.Handler

	mu        sync.Mutex
	polled    chan time.Time      // gets the instant of the next getUpdates, if set
	delivered map[string]delivery // by token: the last one
	watch     func(token, method string, at time.Time)
}

type delivery struct {
	update int64
	at     time.Time
}

func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	at := time.Now()
	token, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/bot"), "/")
	if method == "getUpdates" {
		t.mu.Lock()
		if t.polled != nil {
			t.polled <- at
			t.polled = nil
		}
		t.mu.Unlock()
		w = &tapped{w, t, token}
	} else if f := t.watching(); f != nil {
		f(token, method, at)
	}
	t.next.ServeHTTP(w, r)
}

func (t *tap) watching() func(token, method string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.watch
}

// onCall sets what is called for every call but polls, with the instant at which
// its request had been read.
func (t *tap) onCall(f func(token, method string, at time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watch = f
}

func (t *tap) last(token string) delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.delivered[token]
}

// nextPoll gives the instant at which the next getUpdates arrives.
func (t *tap) nextPoll() <-chan time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.polled = make(chan time.Time, 1)
	return t.polled
}

// tapped notes which updates are in the answer to a poll, just before it leaves.
type tapped struct {
	http.ResponseWriter
	t     *tap
	token string
}

func (w *tapped) Write(b []byte) (int, error) {
	var a struct {
		Result []struct {
			UpdateID int64 `json:"update_id"`
		}
	}
	if json.Unmarshal(b, &a) == nil && len(a.Result) > 0 {
		w.t.mu.Lock()
		w.t.delivered[w.token] = delivery{a.Result[len(a.Result)-1].UpdateID, time.Now()}
		w.t.mu.Unlock()
	}
	return w.ResponseWriter.Write(b)
}

// A relay stands between the console and a gateway and notes when a request is
// on the gateway's side: from when its frame was read from the console until the
// frame of its last answer goes back, the relay's own work included. What remains
// of a command's time is the console's.
type relay struct {
	url string

	mu    sync.Mutex
	trips []*trip
}

type trip struct {
	from, to time.Time // to is zero while there is no answer
}

func newRelay(b testing.TB, gateway string) *relay {
	y := new(relay)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { y.serve(w, r, gateway) }))
	b.Cleanup(srv.Close)
	y.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	return y
}

func (y *relay) serve(w http.ResponseWriter, r *http.Request, gateway string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	up, _, err := websocket.Dial(ctx, gateway, nil)
	if err != nil {
		http.Error(w, "no gateway", http.StatusBadGateway)
		return
	}
	defer up.CloseNow()
	down, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer down.CloseNow()
	up.SetReadLimit(64 << 20)
	down.SetReadLimit(64 << 20)

	open := make(map[string]*trip) // by request id of this socket; guarded by y.mu
	type frame struct{ Type, ID string }
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer cancel()
		for {
			kind, b, err := down.Read(ctx)
			if err != nil {
				return
			}
			s := &trip{from: time.Now()}
			var f frame
			if json.Unmarshal(b, &f) == nil && f.Type == "req" {
				y.mu.Lock()
				open[f.ID] = s
				y.trips = append(y.trips, s)
				y.mu.Unlock()
			}
			if up.Write(ctx, kind, b) != nil {
				return
			}
		}
	})
	defer cancel()
	for {
		kind, b, err := up.Read(ctx)
		if err != nil {
			return
		}
		var f frame
		if json.Unmarshal(b, &f) == nil && f.Type == "res" {
			y.mu.Lock()
			if s := open[f.ID]; s != nil {
				s.to = time.Now()
			}
			y.mu.Unlock()
		}
		if down.Write(ctx, kind, b) != nil {
			return
		}
	}
}

// forget drops what was noted.
func (y *relay) forget() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.trips = nil
}

// busy is for how long of from … to at least one request was with the gateway.
func (y *relay) busy(from, to time.Time) (d time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var trips []trip
	for _, s := range y.trips {
		if s.to.IsZero() || s.to.After(to) {
			trips = append(trips, trip{s.from, to})
		} else {
			trips = append(trips, *s)
		}
	}
	slices.SortFunc(trips, func(a, b trip) int { return a.from.Compare(b.from) })
	for _, s := range trips {
		if s.from.Before(from) {
			s.from = from
		}
		if s.to.After(s.from) {
			d += s.to.Sub(s.from)
			from = s.to
		}
	}
	return d
}

// quantile returns the value that p of ds do not exceed.
func quantile(ds []time.Duration, p float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(ds))
	return s[min(len(s)-1, int(p*float64(len(s))))]
}

// ms reports a duration in milliseconds.
func ms(b *testing.B, d time.Duration, unit string) {
	b.ReportMetric(float64(d)/float64(time.Millisecond), unit)
}

// quiet takes the time per iteration out of a benchmark's line: it would be that
// of the fakes too.
func quiet(b *testing.B) { b.ReportMetric(0, "ns/op") }

// memory reads a figure such as "VmRSS" of a process, in MB of 2^20 bytes.
func memory(b testing.TB, pid int, field string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			kb, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) / 1024
		}
	}
	b.Fatalf("process %d has no %s", pid, field)
	return 0
}

// cpuTime is what a process and its threads have used, to the clock tick.
func cpuTime(b testing.TB, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// Fields 14 and 15 of proc(5), counted after the name, which may hold blanks.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ
}
