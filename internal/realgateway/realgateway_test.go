package realgateway_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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

func TestExecRunsWhenApprovalsAreOff(t *testing.T) {
	g := gatewaytest.New(t, realgateway.Config{Ask: "off"})
	file := filepath.Join(t.TempDir(), "ran")
	if got, want := agent(t, g, "exec: echo $((6*7)) | tee "+file), "exec said: 42"; got != want {
		t.Errorf("agent = %q, want %q", got, want)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
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

func TestStopAndRestart(t *testing.T) {
	g := gatewaytest.New(t, realgateway.Config{Merge: map[string]any{
		"agents": map[string]any{"list": []any{map[string]any{"id": "devops"}}},
	}})
	r, err := g.CLI(within(t, time.Minute), "agents", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Stdout, `"devops"`) {
		t.Errorf("Merge did not reach the gateway: agents = %s", r.Stdout)
	}

	pid, port, token := g.Pid(), g.Port, g.Token
	if len(processesOf(t, g)) == 0 {
		t.Fatal("the test does not see the gateway's processes")
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if g.Alive() || g.Ready(t.Context()) {
		t.Error("it runs after Stop")
	}
	noProcesses(t, g)
	if err := g.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop: %v", err)
	}

	if err := g.Restart(within(t, 3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if g.Pid() == pid || g.Port != port || g.Token != token || !g.Ready(t.Context()) {
		t.Errorf("after Restart: pid %d, port %d, ready %v", g.Pid(), g.Port, g.Ready(t.Context()))
	}
	g.Kill()
	if g.Alive() {
		t.Error("it runs after Kill")
	}
	noProcesses(t, g)
}

// processesOf returns the processes that have g's folder in their environment or command line.
func processesOf(t *testing.T, g *realgateway.Gateway) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range dirs {
		environ, _ := os.ReadFile(dir + "/environ") // it may have ended meanwhile
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		if dir != "/proc/"+strconv.Itoa(os.Getpid()) && strings.Contains(string(environ)+string(cmdline), g.Dir) {
			found = append(found, filepath.Base(dir)+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

func noProcesses(t *testing.T, g *realgateway.Gateway) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second) // a killed process takes a moment to vanish
	for {
		found := processesOf(t, g)
		if len(found) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %q", found)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
