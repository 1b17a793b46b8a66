package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/internal/faketelegram"
	"clawconsole/internal/mockmodel"
	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
)

// real is a console on a real gateway: the built program, the real client of the
// Bot API over HTTP, the real OpenClaw.
type real struct {
	*world
	gw      *realgateway.Gateway
	console *process
}

func newReal(t *testing.T, more string) real {
	t.Helper()
	gw := gatewaytest.Shared(t)
	w := newWorld(t, gw.URL, gw.Token, more)
	w.edit(`cli = "/nonexistent/openclaw"`, fmt.Sprintf("cli = %q", gw.CLICommand()))
	r := real{world: w, gw: gw, console: w.start()}
	r.until("up", "/status", "Gateway: up ")
	r.ask(faketelegram.Alice, "/auth "+testSecret, "OK: unlocked until")
	return r
}

// in is the same for a subtest.
func (r real) in(t *testing.T) real {
	w := *r.world
	w.t = t
	r.world = &w
	return r
}

// do sends a line as alice and returns the final answer, with its buttons.
func (r real) do(line string) string {
	r.t.Helper()
	e, took := r.final(r.say(faketelegram.Alice, line))
	r.t.Logf("%6.0f ms  %s", float64(took.Microseconds())/1000, oneLine(line))
	return withButtons(e)
}

// shows waits until the progress of m has the parts.
func (r real) shows(m faketelegram.Message, parts ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if _, err := r.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool {
		return e.Bot != 0 && strings.HasPrefix(e.Text, "… ") && hasAll(withButtons(e), parts)
	}); err != nil {
		r.t.Errorf("no progress with %q:\n%s", parts, r.transcript(m.Chat.ID))
	}
}

// withButtons is a message and the labels of its buttons.
func withButtons(e faketelegram.Entry) string {
	text := e.Text
	if e.ReplyMarkup != nil {
		for _, row := range e.ReplyMarkup.Rows {
			for _, b := range row {
				text += "\n[" + b.Text + "]"
			}
		}
	}
	return text
}

// soon is do for what has to answer within 10 s. The machine may be busy with
// other things, so the test fails at three times that.
func (r real) soon(line string) string {
	r.t.Helper()
	m := r.say(faketelegram.Alice, line)
	e, took := r.final(m)
	r.t.Logf("%6.0f ms  %s", float64(took.Microseconds())/1000, oneLine(line))
	if took > 30*time.Second {
		r.t.Errorf("%s took %v", line, took)
	}
	return e.Text
}

// until asks until the answer has the parts.
func (r real) until(what, line string, parts ...string) string {
	r.t.Helper()
	end := time.Now().Add(patience)
	for {
		e, _ := r.final(r.say(faketelegram.Alice, line))
		if hasAll(e.Text, parts) {
			return e.Text
		}
		if time.Now().After(end) {
			r.t.Fatalf("not %s; the last answer to %s is:\n%s\n%s", what, line, e.Text, r.console.out)
		}
		pause()
	}
}

// pause lets other processes go on, between two looks at a condition.
func pause() { <-time.After(50 * time.Millisecond) }

func hasAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "⏎") }

// wants fails the test for each part that is not in an answer, and for an answer
// that is a program's rather than a person's.
func wants(t testing.TB, answer string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(answer, p) {
			t.Errorf("no %q in:\n%s", p, answer)
		}
	}
	for _, bad := range []string{`{"`, `":`, "null", "undefined", "%!", "0001-01-01", "goroutine "} {
		if strings.Contains(answer, bad) {
			t.Errorf("%q in:\n%s", bad, answer)
		}
	}
}

// field returns the value behind "label: " in an answer.
func field(t testing.TB, answer, label string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(label) + `: (.*)$`).FindStringSubmatch(answer)
	if m == nil {
		t.Errorf("no %q in:\n%s", label, answer)
		return ""
	}
	return m[1]
}

// openclaw decodes what the gateway's own command line says into out.
func (r real) openclaw(out any, args ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	res, err := r.gw.CLI(ctx, args...)
	if err == nil {
		err = json.Unmarshal([]byte(res.Stdout), out)
	}
	if err != nil {
		r.t.Errorf("openclaw %s: %v\n%s%s", strings.Join(args, " "), err, res.Stdout, res.Stderr)
	}
}

// addJob adds a job to the gateway that runs a command.
func (r real) addJob(name, script string) (id string) {
	r.t.Helper()
	id, err := addJob(r.t.Context(), r.gw, name, script)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// Every command, from a message in a chat to the real gateway and back, compared
// with what the gateway's own command line says.
func TestReal(t *testing.T) {
	r := newReal(t, "")
	version := strings.TrimSpace(versionOf(t, r.gw))

	// What a person writes reaches the agent byte for byte.
	t.Run("payload", func(t *testing.T) {
		r := r.in(t)
		for _, payload := range []string{
			`it's "quoted" 'twice' \ back\\slash # no comment`,
			"“curly” ‘quotes’ — dashes –now",
			"two\nlines\n\n  and  spaces 😀 👩‍👩‍👧 é",
			"`tick` $HOME $(id) <b>&amp;</b> --timeout 5 --yes /status @clawconsole_bot",
		} {
			for _, head := range []string{"/agent main ", "/session main --timeout 60 "} {
				before := gatewaytest.Model(t).Count()
				got := r.do(head + payload)
				wants(t, got, "OK: "+strings.Join(strings.Fields(head)[:2], " "), "mock reply: ")
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := gatewaytest.Model(t).Wait(ctx, before, func(q mockmodel.Request) bool { return q.Contains(payload) })
				cancel()
				if err != nil {
					t.Errorf("%q did not reach the model byte for byte", payload)
				}
			}
		}
	})

	failing, fine := r.addJob("disk check", "echo oops; exit 3"), r.addJob("disk report", "echo fine")
	var (
		sessions struct {
			TotalCount int
			Sessions   []struct{ Key, Model string }
		}
		gateway struct {
			RPC  struct{ Version string }
			Port struct {
				Port      int
				Listeners []struct{ PID int }
			}
		}
		jobs struct{ Jobs []struct{ ID, Name string } }
	)
	var asks sync.WaitGroup // each starts a node
	asks.Go(func() { r.openclaw(&sessions, "sessions", "--json", "--all-agents") })
	asks.Go(func() { r.openclaw(&gateway, "gateway", "status", "--json", "--timeout", "20000") })
	asks.Go(func() { r.openclaw(&jobs, "cron", "list", "--json", "--all") })
	asks.Wait()
	if len(sessions.Sessions) == 0 || len(gateway.Port.Listeners) == 0 || len(jobs.Jobs) < 2 {
		t.Fatalf("its command line says %+v, %+v, %+v", sessions, gateway, jobs)
	}
	pid := fmt.Sprintf("pid %d", r.gw.Pid())

	t.Run("status", func(t *testing.T) {
		r := r.in(t)
		got := r.do("/status")
		wants(t, got, "OK: /status @local", "Gateway: up ", "Approvals: none waiting", "Channels: none configured", "Console: ok", "[Details]", "[Sessions]", "[Logs]")
		if v := field(t, got, "Version"); v != version || v != gateway.RPC.Version {
			t.Errorf("version %q, want %q of --version and %q of gateway status", v, version, gateway.RPC.Version)
		}
		if s, want := field(t, got, "Sessions"), fmt.Sprintf("0 active of %d", sessions.TotalCount); s != want {
			t.Errorf("sessions %q, want %q", s, want)
		}
		wants(t, r.do("/status --verbose"), pid+", node 26.", "Scopes: admin", "Disk /")
	})
	t.Run("sessions", func(t *testing.T) {
		r := r.in(t)
		got := r.do("/sessions --limit 50")
		for _, s := range sessions.Sessions {
			wants(t, got, s.Key, s.Model)
		}
		wants(t, r.do("/sessions --active-minutes 5 --kinds main"), "agent:main:main")
		wants(t, r.do("/sessions --kinds voice"), "No sessions of kind voice.")
	})
	t.Run("logs", func(t *testing.T) {
		r := r.in(t)
		got := r.do("/logs --tail 5")
		wants(t, got, "OK: /logs --tail 5 @local")
		if n := strings.Count(got, "gateway"); n == 0 {
			t.Errorf("nothing of the gateway in:\n%s", got)
		}
		log, err := os.ReadFile(r.gw.LogFile)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(log, []byte("gateway ready")) {
			t.Fatal("the gateway's log does not say that it is ready")
		}
		got = r.do("/logs --tail 5000 --grep 'gateway ready'")
		wants(t, got, "gateway: gateway ready")
		if strings.Contains(got, "starting") {
			t.Errorf("--grep lets other lines through:\n%s", got)
		}
		wants(t, r.do("/logs --grep ("), "ERROR: ", "--grep")
	})
	t.Run("gateway status", func(t *testing.T) {
		r := r.in(t)
		got := r.soon("/gateway status")
		wants(t, got, "Reachable: yes", "Version: "+version, pid+" on ", "Work: ")
		if gateway.Port.Listeners[0].PID != r.gw.Pid() {
			t.Errorf("its command line sees %+v on the port, want %s", gateway.Port.Listeners, pid)
		}
		if !strings.Contains(got, "CLI: did not answer") { // on a very busy host
			wants(t, got, fmt.Sprintf("Bind: loopback, port %d", gateway.Port.Port), "CLI: reaches the gateway")
		}
	})
	slow := r.say(faketelegram.Alice, "/agent ops slow: 3000")
	t.Run("cron", func(t *testing.T) {
		r := r.in(t)
		got := r.do("/cron list")
		wants(t, got, fmt.Sprintf("%d jobs", len(jobs.Jobs)))
		for _, j := range jobs.Jobs {
			wants(t, got, j.Name, j.ID[:8])
		}
		wants(t, r.do("/cron run disk"), "ERROR: ", "could be disk", "give the id")
		wants(t, r.do("/cron run "+failing), "ERROR: disk check: failed after ", "exited with code 3", "oops", "[History]")
		wants(t, r.do("/cron run 'disk report'"), "OK: disk report: ok after ", "fine")
		wants(t, r.do("/cron runs nope"), `ERROR: no job "nope"`)
		var runs struct {
			Entries []struct {
				Status  string
				RunAtMs int64
			}
		}
		r.openclaw(&runs, "cron", "runs", "--id", fine, "--json")
		if len(runs.Entries) != 1 || runs.Entries[0].Status != "ok" {
			t.Fatalf("its command line says %+v", runs)
		}
		wants(t, r.do("/cron runs "+fine[:8]), "OK: /cron runs disk report", time.UnixMilli(runs.Entries[0].RunAtMs).UTC().Format("15:04:05 UTC"))
	})
	t.Run("slow", func(t *testing.T) {
		r := r.in(t)
		e := r.answer(slow, "OK: /agent ops", "mock reply: slow: 3000")
		if len(e.Versions) == 0 || !strings.HasPrefix(e.Versions[0].Text, "… /agent ops") {
			t.Errorf("the answer is no edited progress message:\n%s", r.transcript(slow.Chat.ID))
		}
	})
	t.Run("talk", func(t *testing.T) {
		r := r.in(t)
		before := gatewaytest.Model(t).Count()
		wants(t, r.do("/session mian hello"), "ERROR: no session", "did you mean main?")
		wants(t, r.do("/agent mian hello"), "ERROR: no agent", "did you mean main?")
		if n := gatewaytest.Model(t).Count(); n != before {
			t.Errorf("the model was asked %d times by messages to nobody", n-before)
		}
		// A long reply: the start in the message, the whole as a document.
		m := r.say(faketelegram.Alice, "/agent ops long: 9000")
		wants(t, r.answer(m, "OK: /agent ops").Text, " more in the document")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		e, err := r.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool { return e.Document != nil })
		if err != nil || len(e.Content) < 8990 {
			t.Errorf("document of %d bytes, %v; want the whole reply", len(e.Content), err)
		}
		wants(t, r.do("/sessions --limit 1"), "[Older]")
		// One that is stopped says so.
		m = r.say(faketelegram.Alice, "/session main slow: 60000")
		r.until("busy", "/sessions", "busy")
		wants(t, r.do("/stop main"), "OK: main: 1 run stopped")
		// "was stopped", or "failed" if its model had not been asked yet.
		r.answer(m, "ERROR: main ")
		wants(t, r.do("/stop main"), "OK: main was idle")
	})
	// A message that waits says for what, and can be ended or decided meanwhile.
	t.Run("waits", func(t *testing.T) {
		r := r.in(t)
		m := r.say(faketelegram.Alice, "/session main fail: 503")
		r.shows(m, "The model failed. ", "[Stop it]")
		wants(t, r.do("/stop main"), "OK: main: 1 run stopped")
		r.answer(m, "ERROR: main ")
		m = r.say(faketelegram.Alice, "/agent ops exec: uptime")
		r.shows(m, "Waits for an approval (/pending)")
		id := regexp.MustCompile(`\[Deny (\S+)\]`).FindStringSubmatch(r.do("/pending"))
		if id == nil {
			t.Fatalf("/pending does not say how to deny:\n%s", r.do("/pending"))
		}
		wants(t, r.do("/deny "+id[1]+" not now"), "OK: ")
		wants(t, r.answer(m, "OK: /agent ops").Text, "denied")
	})
	t.Run("you", func(t *testing.T) {
		r := r.in(t)
		help := r.do("/help")
		for _, want := range []string{"/status", "/sessions", "/logs", "/gateway restart", "/cron run", "/session", "/agent", "/stop", "/run", "/auth", "/lock", "/audit", "/whoami"} {
			wants(t, help, want)
		}
		wants(t, r.do("/start"), "OK: clawconsole for alice")
		wants(t, r.do("/help logs"), "--tail", "--grep")
		wants(t, r.do("/whoami"), "Name: alice", fmt.Sprint("User id: ", faketelegram.Alice), "Rights: safe, moderate, dangerous, approve", "Lock: unlocked until ")
		wants(t, r.do("/gateway start"), "ERROR: openclaw.start is not configured")
		wants(t, r.do("/audit --tail 2"), "alice · command.done · /gateway start · failed", "alice · command.claimed · /audit --tail 2")
		wants(t, r.do("/run --yes printf '%s' \"it's 😀\" | tr s S; exit 3"), "ERROR: /run", "exit code 3", "it'S 😀")
		bob, _ := r.final(r.say(faketelegram.Bob, "/gateway restart"))
		wants(t, bob.Text, "ERROR: unauthorized")
		wants(t, r.do("/lock"), "OK: locked")
		wants(t, r.do("/run --yes true"), "ERROR: unauthorized")
		wants(t, r.do("/auth "+testSecret), "OK: unlocked until ")
	})
	t.Run("restart", func(t *testing.T) {
		r := r.in(t)
		m := r.say(faketelegram.Alice, "/gateway restart --reason 'test of the console'")
		e, took := r.final(m)
		t.Logf("%6.0f ms  /gateway restart", float64(took.Milliseconds()))
		wants(t, e.Text, "OK: gateway restarted, away ", " → ", pid+" as before", "Version: "+version+" as before", "Uptime: ")
		wants(t, r.do("/status"), "Gateway: up ")
		log, err := os.ReadFile(r.gw.LogFile)
		if err != nil || !bytes.Contains(log, []byte("clawconsole: alice: test of the console")) {
			t.Errorf("the gateway's own log does not say who restarted it and why (%v)", err)
		}
	})

	// What was done is on the record, and the program's own reader finds it good.
	if code := r.console.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, r.console.out)
	}
	out, err := osexec.Command(binary(t), "audit", "verify", filepath.Join(r.dir, "state")).CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("good: ")) {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
}

// With the gateway stopped, hanging, starting or draining every command gives a
// useful answer, and soon.
func TestRealAway(t *testing.T) {
	gw := gatewaytest.Shared(t)
	started := filepath.Join(t.TempDir(), "started")
	w := newWorld(t, gw.URL, gw.Token, "")
	w.edit(`cli = "/nonexistent/openclaw"`, fmt.Sprintf("cli = %q\nstart = %q", gw.CLICommand(), "touch "+started))
	r := real{world: w, gw: gw, console: w.start()}
	r.until("up", "/status", "Gateway: up ")
	r.ask(faketelegram.Alice, "/auth "+testSecret, "OK: unlocked until")
	wants(t, r.do("/agent ops hello"), "mock reply: hello")
	wants(t, r.do("/gateway start"), "ERROR: the gateway is up")

	type answers []struct{ line, says string }
	acts := func(says string) answers {
		return answers{{"/cron list", says}, {"/cron runs x", says}, {"/session main hi", says}, {"/agent main hi", says}, {"/cron run x", says}, {"/stop main", says}}
	}
	ours := answers{{"/whoami", "^OK: "}, {"/help", "^OK: "}, {"/run --yes echo alive", "^OK: [^$]*alive"}}
	all := func(t *testing.T, lists ...answers) {
		t.Helper()
		for _, a := range slices.Concat(lists...) {
			got := r.in(t).soon(a.line)
			wants(t, got)
			if !regexp.MustCompile(a.says).MatchString(got) {
				t.Errorf("%s does not say %q:\n%s", a.line, a.says, got)
			}
		}
	}

	t.Run("hanging", func(t *testing.T) {
		if err := gw.Pause(); err != nil {
			t.Fatal(err)
		}
		defer gw.Resume()
		const hangs = "(?i)gateway (hangs|did not answer)"
		all(t, answers{{"/status", hangs}, {"/sessions", hangs}, {"/logs --tail 5", hangs}, {"/gateway status", hangs}}, acts(hangs), ours)
		if err := gw.Resume(); err != nil {
			t.Fatal(err)
		}
		r.in(t).until("up again", "/status", "Gateway: up ")
	})

	t.Run("draining", func(t *testing.T) {
		r := r.in(t)
		before := gatewaytest.Model(t).Count()
		busy := r.say(faketelegram.Alice, "/agent ops slow: 15000")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := gatewaytest.Model(t).Wait(ctx, before, func(q mockmodel.Request) bool { return q.Contains("slow: 15000") }); err != nil {
			t.Fatal(err)
		}
		restart := r.say(faketelegram.Alice, "/gateway restart --now")
		r.answer(restart, "… /gateway restart --now")
		const drains = "(?i)before a restart|drain"
		all(t, acts(drains), answers{{"/status", drains}, {"/sessions", drains}})
		wants(t, r.answer(busy, "/agent ops @local", "mock reply: slow: 15000").Text, "OK: ")
		// On a busy host it takes longer than the minute that the command waits.
		long, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		_, err := r.telegram.WaitMessage(long, restart.Chat.ID, restart.MessageID, func(e faketelegram.Entry) bool {
			return strings.HasPrefix(e.Text, "OK: gateway restarted") || strings.HasPrefix(e.Text, "ERROR: not back after 1 min")
		})
		if err != nil {
			t.Fatalf("no end of the restart:\n%s", r.transcript(restart.Chat.ID))
		}
		r.until("up again", "/status", "Gateway: up ")
	})

	t.Run("down", func(t *testing.T) {
		gw.Kill()
		r.in(t).until("seen to be down", "/status", "The gateway is down")
		const down, files = "(?i)gateway is down", "agent:main:ops[^$]*local files|local files[^$]*agent:main:ops"
		all(t, acts(down), ours, answers{
			{"/status --verbose", down}, {"/sessions", files}, {"/logs --tail 5", "log file says"},
			{"/gateway status", "(?i)gateway is down[^$]*(nothing listens|CLI: did not answer)"},
			{"/gateway restart", "^ERROR: the gateway was not restarted"},
		})
	})

	// /gateway start runs what is configured and waits until the gateway answers.
	// While it starts everything still has an answer.
	t.Run("starting", func(t *testing.T) {
		r := r.in(t)
		start := r.say(faketelegram.Alice, "/gateway start")
		for end := time.Now().Add(patience); ; pause() {
			if _, err := os.Stat(started); err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the configured command did not run:\n%s", r.transcript(faketelegram.Alice))
			}
		}
		ready := make(chan error, 1)
		go func() { ready <- gw.Restart(context.Background()) }()
		seen := map[string]bool{}
		for up := false; !up; {
			for _, line := range []string{"/status", "/sessions", "/agent nobody hi", "/gateway start"} {
				e, took := r.final(r.say(faketelegram.Alice, line))
				if took > 30*time.Second && line != "/gateway start" { // which waits until it is up
					t.Errorf("%s took %v", line, took)
				}
				wants(t, e.Text)
				m := regexp.MustCompile(`(?i)gateway (is down|is starting|starts|started|is up|did not answer)|Gateway: up|agent:main:ops|no agent`).FindString(e.Text)
				if m == "" {
					t.Errorf("%s, while the gateway starts:\n%s", line, e.Text)
				}
				seen[strings.ToLower(m)] = true
				up = up || m == "Gateway: up"
			}
		}
		t.Logf("seen while it started: %v", seen)
		if err := <-ready; err != nil {
			t.Fatal(err)
		}
		wants(t, r.answer(start, "OK: gateway started, ready after ").Text, " → ", "Version: ")
	})
}

func versionOf(t testing.TB, gw *realgateway.Gateway) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := gw.CLI(ctx, "--version")
	m := regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(res.Stdout)
	if err != nil || m == "" {
		t.Fatalf("openclaw --version: %v %q", err, res.Stdout)
	}
	return m
}
