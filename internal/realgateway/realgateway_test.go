package realgateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
)

func TestMain(m *testing.M) { gatewaytest.Main(m) }

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// agent runs one turn of an agent and returns its reply.
func agent(t *testing.T, g *realgateway.Gateway, message string) string {
	t.Helper()
	r, err := g.CLI(within(t, 2*time.Minute), "agent", "--agent", "main", "--message", message, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Result struct{ Payloads []struct{ Text string } }
	}
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil || r.ExitCode != 0 {
		t.Fatalf("openclaw agent: exit code %d, %v\nstdout: %s\nstderr: %s", r.ExitCode, err, r.Stdout, r.Stderr)
	}
	var texts []string
	for _, p := range out.Result.Payloads {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, "\n")
}

func TestVersion(t *testing.T) {
	g := gatewaytest.Shared(t)
	r, err := g.CLI(within(t, time.Minute), "--version")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Stdout, "OpenClaw "+realgateway.OpenClawVersion+" ") || r.ExitCode != 0 {
		t.Errorf("openclaw --version = %q, exit code %d", r.Stdout, r.ExitCode)
	}
}

func TestAgentAnswers(t *testing.T) {
	g := gatewaytest.Shared(t)
	if got, want := agent(t, g, "hello"), "mock reply: hello"; got != want {
		t.Errorf("agent = %q, want %q", got, want)
	}
}

// Without an approver a command that needs an approval must not run, and the agent must be told.
func TestExecIsDeniedWithoutApprover(t *testing.T) {
	g, model := gatewaytest.Shared(t), gatewaytest.Model(t)
	file := filepath.Join(t.TempDir(), "ran")
	after := model.Count()
	reply := agent(t, g, "exec: touch "+file)
	if !strings.HasPrefix(reply, "exec said: ") || !strings.Contains(reply, "interactive exec approval") {
		t.Errorf("agent = %q", reply)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the command ran")
	}
	told := false
	for _, r := range model.Requests() {
		told = told || r.Number > after && r.Contains("interactive exec approval")
	}
	if !told {
		t.Error("the model's next request does not say that the command was denied")
	}
}

// The process that was started must be the gateway itself: signals go to it.
func TestPid(t *testing.T) {
	g := gatewaytest.Shared(t)
	r, err := g.CLI(within(t, time.Minute), "gateway", "call", "system.info", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ PID, Port int }
	if err := json.Unmarshal([]byte(r.Stdout), &info); err != nil {
		t.Fatalf("system.info: %v: %+v", err, r)
	}
	if info.PID != g.Pid() || info.Port != g.Port {
		t.Errorf("pid %d, port %d, the gateway says %+v", g.Pid(), g.Port, info)
	}
}

func TestPause(t *testing.T) {
	g := gatewaytest.Shared(t)
	if err := g.Pause(); err != nil {
		t.Fatal(err)
	}
	if g.Ready(t.Context()) {
		t.Error("a paused gateway answers")
	}
	if !g.Alive() {
		t.Error("a paused gateway is not alive")
	}
	if err := g.Resume(); err != nil {
		t.Fatal(err)
	}
	if !g.Ready(t.Context()) {
		t.Error("a resumed gateway does not answer")
	}
}

// One gateway through its whole life, for each start takes ten seconds.
func TestLife(t *testing.T) {
	g := gatewaytest.New(t, realgateway.Config{Ask: "off", Merge: map[string]any{
		"logging": map[string]any{"level": "debug"},
	}})
	r, err := g.CLI(within(t, time.Minute), "config", "get", "logging.level")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Stdout, "debug") {
		t.Errorf("Merge did not reach openclaw: %+v", r)
	}
	if got, want := agent(t, g, "exec: echo $((6*7))"), "exec said: 42"; got != want {
		t.Errorf("agent with approvals off = %q, want %q", got, want)
	}

	pid, port, token := g.Pid(), g.Port, g.Token
	family := tree(t, pid)
	if len(family) < 2 {
		t.Errorf("processes %v: the gateway is known to have a helper", family)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	gone(t, family)
	if g.Alive() || g.Ready(t.Context()) {
		t.Error("it runs after Stop")
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Errorf("Stop of one that does not run: %v", err)
	}
	if err := g.Pause(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Pause of one that does not run: %v", err)
	}

	if err := g.Restart(within(t, 3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if g.Pid() == pid || g.Port != port || g.Token != token || !g.Ready(t.Context()) {
		t.Errorf("after Restart: pid %d, port %d, token %q", g.Pid(), g.Port, g.Token)
	}

	// With a command under way it would drain for minutes. And the command has its own session.
	turn := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(turn)
		g.CLI(ctx, "agent", "--agent", "main", "--message", "exec: sleep 86400")
	}()
	sleeps := func(p process) bool { return p.args == "sleep 86400" }
	deadline := time.Now().Add(time.Minute)
	for family = nil; !slices.ContainsFunc(slices.Collect(maps.Values(family)), sleeps); family = tree(t, g.Pid()) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent's command does not run: %v", family)
		}
		time.Sleep(50 * time.Millisecond)
	}
	hurry, cancelHurry := context.WithTimeoutCause(t.Context(), time.Second, errors.New("hurry"))
	defer cancelHurry()
	if err := g.Stop(hurry); err == nil || err.Error() != "stop gateway: killed: hurry" {
		t.Errorf("Stop of a busy one: %v", err)
	}
	gone(t, family)
	cancel()
	<-turn
}

// A process as of one moment. Another one with its ID has another started.
type process struct{ args, started string }

// tree returns the process with that ID and all below it.
func tree(t *testing.T, root int) map[int]process {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents := make(map[int]int)
	all := make(map[int]process)
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		args, err2 := os.ReadFile(filepath.Dir(file) + "/cmdline")
		if err != nil || err2 != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[0] == "Z" { // it has ended, and nobody has waited for it
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parents[pid], _ = strconv.Atoi(fields[1])
		all[pid] = process{strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")), fields[19]}
	}
	maps.DeleteFunc(all, func(pid int, _ process) bool {
		for pid != root && pid != 0 {
			pid = parents[pid]
		}
		return pid != root
	})
	return all
}

// gone fails unless all of them end very soon. OpenClaw's helper would end by itself after 5 s.
func gone(t *testing.T, family map[int]process) {
	t.Helper()
	for pid, p := range family {
		for deadline := time.Now().Add(2 * time.Second); tree(t, pid)[pid] == p; {
			if time.Now().After(deadline) {
				t.Errorf("left behind: %d %s", pid, p.args)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
