package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/chrometest"
	"clawconsole/internal/faketelegram"
	"clawconsole/openclaw"
)

// TestPromptsOnAPhone lets a browser show every kind of prompt at the size of a
// phone: nothing is wider than the screen, in the dark and in the light. With
// SCREENSHOTS set to a folder it leaves pictures there.
func TestPromptsOnAPhone(t *testing.T) {
	r := newOverHTTP(t)
	r.gw.resolving = func(_ string, d openclaw.Decision) (bool, error) {
		if r.hold.Load() {
			<-r.ctx.Done()
		}
		return true, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	browser, err := chrometest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Errorf("close the browser: %v", err)
		}
	})
	view := chrometest.Phone
	page, err := browser.Open(ctx, fmt.Sprintf("%s/#%d/p7000001.%d", r.root, alice, alice), view)
	if err != nil {
		t.Fatal(err)
	}
	look := func(name string) {
		t.Helper()
		for _, dark := range []bool{false, true} {
			v := view
			v.Dark = dark
			if err := page.SetView(ctx, v); err != nil {
				t.Fatal(err)
			}
			if err := page.Eval(ctx, `new Promise((ok) => setTimeout(ok, 300))`, nil); err != nil { // lets transitions end
				t.Fatal(err)
			}
			var wide float64
			if err := page.Eval(ctx, "document.documentElement.scrollWidth", &wide); err != nil {
				t.Fatal(err)
			}
			if wide > float64(view.Width) {
				t.Errorf("%s is %v wide, the screen %d", name, wide, view.Width)
			}
			dir := os.Getenv("SCREENSHOTS")
			if dir == "" {
				continue
			}
			png, err := page.Screenshot(ctx)
			if err != nil {
				t.Fatal(err)
			}
			suffix := "-light"
			if dark {
				suffix = "-dark"
			}
			if err := os.WriteFile(filepath.Join(dir, name+suffix+".png"), png, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	shown := func(text string) {
		t.Helper()
		if err := page.Wait(ctx, "document.body.innerText.includes("+quote(text)+")"); err != nil {
			t.Fatal(err)
		}
	}

	a := r.raise(openclaw.Approval{Command: "kubectl -n prod rollout restart deploy/api", Cwd: "/home/ops/agents/devops", SessionKey: "agent:devops:main", AgentID: "devops", ResolvedPath: "/usr/local/bin/kubectl", Warnings: []string{"Contains command-carrier: kubectl"}})
	shown("Look twice")
	look("1-prompt")
	r.hold.Store(true)
	r.taps(a, "Allow once")
	shown("Sending alice's approval")
	look("2-sending")

	b := r.raise(openclaw.Approval{Command: "curl -s https://get.example.com/install.sh | sudo bash", SessionKey: "agent:devops:main", AgentID: "devops"})
	r.taps(b, "Deny")
	shown("Why? The agent is told.")
	look("3-denying")
	r.hold.Store(false)
	r.taps(b, "looks unsafe")
	shown("Denied by alice")
	look("4-denied")

	c := r.raise(openclaw.Approval{Command: "df -h", ToolCallID: "call", RunID: "run"})
	r.taps(c, "Allow once")
	shown("Approved by alice")
	r.gw.events <- openclaw.AgentEvent{RunID: "run", SessionKey: r.session(c), Stream: "command_output",
		Data: []byte(`{"phase":"end","toolCallId":"call","status":"completed","exitCode":0,"durationMs":143,"output":"Filesystem  Size  Used Avail Use%\n/dev/sda1    80G   61G   19G  77% /"}`)}
	shown("exit code 0")
	look("5-approved")

	d := r.raise(openclaw.Approval{Command: "uptime"})
	r.gw.end(d.approval.ID, openclaw.ApprovalExpired, "", "timeout", false)
	shown("Expired at")
	e := r.raise(openclaw.Approval{Command: "uptime -p"})
	r.gw.end(e.approval.ID, openclaw.ApprovalDenied, "control-ui", "user", false)
	shown("Denied elsewhere")
	look("6-expired-elsewhere")

	long := "python3 - <<'PY'\\u{A}" + strings.Repeat("print('step', 1)  # and so on\\u{A}", 150) + "PY"
	r.raise(openclaw.Approval{Command: long, Warnings: []string{"Contains inline-eval: python3 -"}})
	shown("Shortened. All of it")
	look("7-long")
	r.raise(openclaw.Approval{Kind: openclaw.KindPlugin, Title: "Deploy web to production", Description: "Rolls out build 4711 to all 12 hosts.", Detail: "hosts: web-1 … web-12\nstrategy: rolling\ncanary: no", PluginID: "deploy", Tool: "deploy_web", Severity: "critical"})
	shown("Deploy web to production")
	look("8-plugin")
	if f := page.Faults(); len(f) > 0 {
		t.Errorf("faults of the page: %q", f)
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// An asked is an approval and the prompt that alice sees.
type asked struct {
	approval openclaw.Approval
	message  faketelegram.Entry
}
