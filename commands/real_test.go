package commands_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/shlex"

	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
	"clawconsole/openclaw"
)

// real is a story on a real gateway and its own command line.
type real struct {
	*story
	gw *realgateway.Gateway
	g  *openclaw.Gateway
}

func newReal(t *testing.T) real {
	t.Helper()
	gw := gatewaytest.Shared(t)
	g, err := openclaw.New(openclaw.Config{URL: gw.URL, Token: func() (string, error) { return gw.Token, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("gateway client: %v", err)
		}
	})
	up, cancelUp := context.WithTimeout(t.Context(), time.Minute)
	defer cancelUp()
	if _, err := g.Await(up); err != nil {
		t.Fatalf("gateway not reached: %v", err)
	}
	s := newStory(t, g)
	argv, err := shlex.Split(gw.CLICommand())
	if err != nil {
		t.Fatal(err)
	}
	s.CLI = &openclaw.CLI{Command: argv, Env: gw.Env(), Port: g.LocalPort()}
	return real{s, gw, g}
}

// cli decodes what the gateway's own command line says; lines if it prints one
// object a line.
func (r real) cli(out any, args ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	res, err := r.gw.CLI(ctx, args...)
	if err == nil {
		err = json.Unmarshal([]byte(res.Stdout), out)
	}
	if err != nil {
		r.t.Fatalf("openclaw %s: %v\n%s%s", strings.Join(args, " "), err, res.Stdout, res.Stderr)
	}
}

// field returns the value behind "label: " in an answer.
func field(t *testing.T, answer, label string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(label) + `: (.*)$`).FindStringSubmatch(answer)
	if m == nil {
		t.Errorf("no %q in:\n%s", label, answer)
		return ""
	}
	return m[1]
}

// noJSON fails the test if an answer looks like a program's, not a person's.
func noJSON(t *testing.T, answer string) {
	t.Helper()
	lacks(t, answer, `{"`, `":`, "null", "undefined", "%!", "0001-01-01")
}

// noJSONLine is noJSON for an answer with lines of a log, which may say anything
// but are no JSON themselves.
func noJSONLine(t *testing.T, answer string) {
	t.Helper()
	lacks(t, answer, "\n{", "%!", "0001-01-01", "_meta")
}

// whole does a read until its answer has part: on a busy host it says what it could
// find out in its time.
func (r *real) whole(line, part string) (got string) {
	r.t.Helper()
	for range 10 {
		if got = r.do(line); strings.Contains(got, part) {
			break
		}
	}
	return got
}

func TestRealReads(t *testing.T) {
	r := newReal(t)
	wants(t, r.do("/agent main hello"), "mock reply: hello")
	wants(t, r.do("/session main again"), "mock reply: again")

	var sessions struct {
		TotalCount int
		Sessions   []struct{ Key, Model string }
	}
	r.cli(&sessions, "sessions", "--json", "--all-agents")
	var gateway struct {
		RPC  struct{ Version string }
		Port struct {
			Port      int
			Listeners []struct{ PID int }
		}
	}
	r.cli(&gateway, "gateway", "status", "--json", "--timeout", "10000")
	var jobs struct {
		Jobs []struct{ ID, Name string }
	}
	r.cli(&jobs, "cron", "list", "--json", "--all")
	pid := fmt.Sprintf("pid %d on ", r.gw.Pid())

	t.Run("status", func(t *testing.T) {
		got := r.whole("/status", "Approvals: none waiting")
		noJSON(t, got)
		if v := field(t, got, "Version"); v != gateway.RPC.Version {
			t.Errorf("version %q, its command line says %q", v, gateway.RPC.Version)
		}
		if s, want := field(t, got, "Sessions"), fmt.Sprintf("0 active of %d", sessions.TotalCount); s != want {
			t.Errorf("sessions %q, want %q", s, want)
		}
		wants(t, got, "Gateway: up ", "Approvals: none waiting", "Channels: none configured")
		got = r.whole("/status --verbose", "Event loop: ")
		noJSON(t, got)
		wants(t, got, fmt.Sprintf("pid %d, node 26.", r.gw.Pid()), "Scopes: admin", "Event loop: ", "Disk /")
	})
	t.Run("sessions", func(t *testing.T) {
		got := r.do("/sessions --limit 50")
		noJSON(t, got)
		if len(sessions.Sessions) == 0 {
			t.Fatal("its command line lists no sessions")
		}
		for _, s := range sessions.Sessions {
			wants(t, got, s.Key, s.Model)
		}
		wants(t, r.do("/sessions --active-minutes 5 --kinds main"), "agent:main:main")
		wants(t, r.do("/sessions --kinds voice"), "No sessions of kind voice.")
	})
	t.Run("logs", func(t *testing.T) {
		got := r.do("/logs --tail 500")
		noJSONLine(t, got)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		res, err := r.gw.CLI(ctx, "logs", "--json", "--limit", "500")
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, line := range strings.Split(res.Stdout, "\n") {
			var l struct {
				Type, Level, Subsystem, Message string
				Time                            time.Time
			}
			if json.Unmarshal([]byte(line), &l) != nil || l.Type != "log" || l.Subsystem != "gateway" || strings.ContainsAny(l.Message, "{\n") || l.Time.After(time.Now().Add(-2*time.Second)) {
				continue
			}
			wants(t, got, l.Time.UTC().Format("15:04:05")+" gateway: "+l.Message)
			compared++
		}
		if compared < 5 {
			t.Errorf("only %d lines compared", compared)
		}
		wants(t, r.do("/logs --grep 'gateway ready'"), "gateway: gateway ready")
		lacks(t, r.do("/logs --grep 'gateway ready'"), "starting")
	})
	t.Run("gateway status", func(t *testing.T) {
		got := r.whole("/gateway status", "Work: idle")
		noJSON(t, got)
		wants(t, got, "Reachable: yes", "Version: "+gateway.RPC.Version, pid, "Work: idle, safe to restart")
		if len(gateway.Port.Listeners) == 0 || gateway.Port.Listeners[0].PID != r.gw.Pid() {
			t.Errorf("its command line sees %+v on the port, want pid %d", gateway.Port.Listeners, r.gw.Pid())
		}
		if !strings.Contains(got, "CLI: did not answer") { // on a very busy host
			wants(t, got, fmt.Sprintf("Bind: loopback, port %d", gateway.Port.Port), "CLI: reaches the gateway")
		}
	})
	t.Run("cron list", func(t *testing.T) {
		got := r.do("/cron list")
		noJSON(t, got)
		if len(jobs.Jobs) == 0 {
			t.Fatal("its command line lists no jobs")
		}
		for _, j := range jobs.Jobs {
			wants(t, got, j.Name+": "+j.ID[:8])
		}
		wants(t, got, fmt.Sprintf("== %d jobs", len(jobs.Jobs)))
	})
}

// addJob adds a job that runs a command, and removes it when the test ends.
func (r real) addJob(name, script string) string {
	r.t.Helper()
	var added struct{ ID string }
	err := r.g.Call(r.t.Context(), "cron.add", map[string]any{
		"name": name, "schedule": map[string]any{"kind": "every", "everyMs": 86400000},
		"sessionTarget": "isolated", "wakeMode": "now", "delivery": map[string]any{"mode": "none"},
		"payload": map[string]any{"kind": "command", "argv": []string{"sh", "-c", script}},
	}, &added)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.(*testing.T).Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r.g.Call(ctx, "cron.remove", map[string]any{"id": added.ID}, nil)
	})
	return added.ID
}

func TestRealCronRun(t *testing.T) {
	r := newReal(t)
	id := r.addJob("disk check", "echo oops; exit 3")
	r.addJob("disk report", "echo fine")
	wants(t, r.do("/cron run disk"), "ERROR:", "could be disk", "give the id")
	wants(t, r.do("/cron run 'disk c'"), "ERROR: disk check: failed after ", "Command exited with code 3.", "oops", "[History](/cron runs "+id+")")
	wants(t, r.do("/cron run 'disk report'"), "OK: disk report: ok after ", "fine")
	got := r.do("/cron runs " + id[:8])
	noJSON(t, got)
	wants(t, got, "OK: /cron runs disk check", "Every 1 day.", "failed · ", "command exited with code 3 · oops")

	var runs struct {
		Entries []struct {
			Status     string
			DurationMs int64
			RunAtMs    int64
		}
	}
	r.cli(&runs, "cron", "runs", "--id", id, "--json")
	if len(runs.Entries) != 1 || runs.Entries[0].Status != "error" {
		t.Fatalf("its command line says %+v", runs)
	}
	wants(t, got, time.UnixMilli(runs.Entries[0].RunAtMs).UTC().Format("15:04:05 UTC"))
}

func TestRealTalk(t *testing.T) {
	r := newReal(t)
	wants(t, r.do("/agent main hello"), "OK: /agent main", "mock reply: hello")
	payload := "it's “curly” 'q' \"dq\" \\ back # hash\n\n  two  spaces 😀 `tick` $HOME --timeout 5"
	wants(t, r.do("/session main --timeout 60 "+payload), "OK: /session main", "mock reply: two  spaces", "agent:main:main")
	got := false
	for _, q := range gatewaytest.Model(t).Requests() {
		got = got || q.Contains(payload)
	}
	if !got {
		t.Error("the model was never asked the payload byte for byte")
	}
	before := gatewaytest.Model(t).Count()
	wants(t, r.do("/session mian hello"), "ERROR: no session", "did you mean main?")
	wants(t, r.do("/agent mian hello"), "ERROR: no agent", "did you mean main?")
	if n := gatewaytest.Model(t).Count(); n != before {
		t.Errorf("the model was asked %d times by messages to nobody", n-before)
	}

	res := r.result(t.Context(), "/agent main long: 20000")
	if res.Document == nil || len(res.Document.Text) < 20000 {
		t.Errorf("a reply of 20,000 letters: document %v", res.Document != nil)
	}

	// Too slow: the run goes on, and its reply can be had later.
	out := r.result(t.Context(), "/session main --timeout 2 slow: 3000")
	wants(t, show(out), "OK: no reply yet", "No reply within 2 s. The run goes on.")
	if len(out.Buttons) == 0 {
		t.Fatal("no way to look again")
	}
	wants(t, r.do(out.Buttons[0][0].Line), "OK: /session agent:main:main", "mock reply: slow: 3000")

	// One that is stopped says so.
	r.mu.Lock()
	r.progress = nil
	r.mu.Unlock()
	ended := make(chan string, 1)
	go func() { ended <- r.do("/session main slow: 60000") }()
	r.until(func() bool { return strings.Contains(r.do("/sessions"), "busy") })
	r.until(func() bool { return strings.Contains(r.told(), "The model works") }) // stopped earlier, it was never taken
	wants(t, r.do("/stop main"), "OK: main: ", " stopped")
	wants(t, <-ended, "ERROR: main was stopped")
	wants(t, r.do("/stop main"), "OK: main was idle")
}

// until waits for a condition, for a minute at most.
func (r real) until(ok func() bool) {
	r.t.Helper()
	end := time.After(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			r.t.Fatal("condition not met within a minute")
		case <-tick.C:
		}
	}
}

// The gateway hangs, then is dead: every read answers within 10 s and says so.
func TestRealReadsWithoutTheGateway(t *testing.T) {
	r := newReal(t)
	wants(t, r.do("/agent main hello"), "mock reply: hello") // so that there is a session
	all := func(says string) {
		for _, line := range []string{"/status", "/sessions", "/logs", "/gateway status", "/cron list", "/cron runs j1"} {
			began := time.Now()
			got := r.do(line)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s took %v", line, took)
			}
			if line == "/logs" {
				noJSONLine(t, got)
			} else {
				noJSON(t, got)
			}
			if !regexp.MustCompile(says).MatchString(got) {
				t.Errorf("%s does not say %q:\n%s", line, says, got)
			}
		}
	}
	if err := r.gw.Pause(); err != nil {
		t.Fatal(err)
	}
	all("(?i)gateway (hangs|did not answer)")
	if err := r.gw.Resume(); err != nil {
		t.Fatal(err)
	}
	r.until(func() bool { return r.g.State().Phase == openclaw.Connected })
	wants(t, r.do("/status"), "Gateway: up ")

	r.gw.Kill()
	r.until(func() bool { return r.g.State().Phase == openclaw.Down })
	all("(?i)gateway is down")
	wants(t, r.do("/sessions"), "OK:", "agent:main:main", "local files")
	wants(t, r.do("/logs --tail 20"), "OK:", "log file says", "gateway")
	wants(t, r.do("/gateway status"), fmt.Sprintf("%d is free: nothing listens", r.gw.Port), "CLI: does not reach the gateway")
	wants(t, r.do("/gateway restart"), "ERROR: the gateway was not restarted", "its last log lines")
	wants(t, r.do("/agent main hi"), "ERROR: the gateway is down", "nothing sent")
}

func TestRealRestart(t *testing.T) {
	r := newReal(t)
	wants(t, r.do("/agent main hello"), "mock reply: hello") // so that there is a session
	before := r.g.State().Hello.BootID
	got := r.do("/gateway restart --reason test")
	after := r.g.State().Hello.BootID
	if after == before {
		t.Errorf("the boot id is still %s", after)
	}
	wants(t, got, "OK: gateway restarted, away ", before[:8]+" → "+after[:8], fmt.Sprintf("Process: pid %d as before: restarted in place", r.gw.Pid()), "Version: "+r.g.State().Hello.Version+" as before", "Uptime: ")

	// Busy: it says what it waits for. --now does not wait.
	ended := make(chan string, 1)
	go func() { ended <- r.do("/session main slow: 8000") }()
	r.until(func() bool { return strings.Contains(r.do("/sessions"), "busy") })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	wants(t, show(r.result(ctx, "/gateway restart")), "no longer waiting, the restart was asked for")
	wants(t, r.told(), "The gateway is busy. It restarts when this is done:", "[Restart now](/gateway restart --now)")
	wants(t, <-ended, "main")

	// It does restart when the run is over.
	r.until(func() bool { st := r.g.State(); return st.Phase == openclaw.Connected && st.Hello.BootID != after })
}

func TestRealLogsFollow(t *testing.T) {
	r := newReal(t)
	ended := make(chan string, 1)
	go func() { ended <- r.do("/logs --tail 5 --follow 8") }()
	r.until(func() bool { return strings.Contains(r.told(), "following") })
	if err := r.g.Call(t.Context(), "no.such.method", nil, nil); err == nil { // which the gateway logs
		t.Error("the gateway knows a method that there is not")
	}
	got := <-ended
	noJSONLine(t, got)
	wants(t, got, "== followed for 8 s, ", "gateway/ws: ✗ no.such.method ")
	lacks(t, got, ", 0 new lines")
}
