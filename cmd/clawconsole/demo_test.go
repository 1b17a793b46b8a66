package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"clawconsole/internal/chrometest"
	"clawconsole/internal/faketelegram"
	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
)

// phone is the page of a running demo in a browser.
type phone struct {
	*chrometest.Page
	t   *testing.T
	ctx context.Context
}

func (p phone) step(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// types sends a line as a finger would.
func (p phone) types(line string) {
	p.t.Helper()
	p.step(p.Wait(p.ctx, `document.querySelector('#title').textContent !== '' && document.querySelector('#text').offsetParent !== null`))
	p.step(p.Click(p.ctx, "#text"))
	p.step(p.Type(p.ctx, line))
	p.step(p.Wait(p.ctx, fmt.Sprintf(`document.querySelector('#text').value === %q`, line)))
	p.step(p.Click(p.ctx, "#send"))
	p.step(p.Wait(p.ctx, `document.querySelector('#text').value === ''`))
}

// sees waits until the newest message has all of parts, and returns its text.
func (p phone) sees(parts ...string) string {
	p.t.Helper()
	const last = `(document.querySelector('.msg:last-child:not(.out) .text')?.innerText ?? '')`
	for _, part := range parts {
		p.step(p.Wait(p.ctx, fmt.Sprintf(`%s.includes(%q)`, last, part)))
	}
	var text string
	p.step(p.Eval(p.ctx, last, &text))
	return text
}

// presses taps the newest button with that label.
func (p phone) presses(label string) {
	p.t.Helper()
	p.step(p.Eval(p.ctx, fmt.Sprintf(`[...document.querySelectorAll('.keyboard button')].findLast(b => b.innerText.trim() === %q).dataset.test = 'press'`, label), nil))
	p.step(p.Click(p.ctx, `[data-test="press"]`))
}

// shoot writes screenshots, light and dark, into the folder SCREENSHOTS if that is set.
func (p phone) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, dark := range []bool{false, true} {
		v := chrometest.Phone
		v.Dark = dark
		p.step(p.SetView(p.ctx, v))
		p.step(p.Eval(p.ctx, `Promise.all(document.getAnimations().map(a => a.finished)).then(() => true, () => true)`, nil))
		png, err := p.Screenshot(p.ctx)
		p.step(err)
		if dark {
			name += "-dark"
		}
		p.step(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
	}
	p.step(p.SetView(p.ctx, chrometest.Phone))
}

// The demo as `make demo` runs it: a person types on its page and reads what the
// real gateway answers. With SCREENSHOTS=FOLDER it goes on, and takes pictures.
func TestDemo(t *testing.T) {
	cache, err := gatewaytest.Cache()
	if err != nil {
		t.Fatal(err)
	}
	if err := realgateway.Install(t.Context(), cache, func(line string) { t.Log(line) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out := new(lockedBuffer)
	cmd := osexec.Command(binary(t), "demo", "--pinned", "--listen", "127.0.0.1:0", "--cache", cache, "--verbose")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		if t.Failed() {
			t.Logf("the demo says:\n%s", out)
		}
	})
	awaits(t, "the demo is ready", func() bool { return strings.Contains(out.String(), "Ctrl-C") })
	find := func(re string) string {
		m := regexp.MustCompile(re).FindStringSubmatch(out.String())
		if m == nil {
			t.Fatalf("no %s in:\n%s", re, out)
		}
		return m[1]
	}
	page, secret := find(`open +(http://\S+)`), find(`/auth (\S+)`)

	browser, err := chrometest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { browser.Close() })
	tab, err := browser.Open(ctx, fmt.Sprintf("%s#%d/p7000001.%d", page, faketelegram.Alice, faketelegram.Alice), chrometest.Phone)
	if err != nil {
		t.Fatal(err)
	}
	p := phone{tab, t, ctx}

	p.types("/status")
	p.sees("OK: /status", "Gateway: up ", "Version: "+realgateway.OpenClawVersion, "Console: ok")
	p.shoot("status")
	p.presses("Sessions")
	p.sees("OK: /sessions")
	p.types("/run --yes id")
	p.sees("ERROR: unauthorized")
	p.shoot("unauthorized")
	p.types("/auth " + secret)
	p.sees("OK: unlocked until ")
	p.step(p.Wait(ctx, fmt.Sprintf(`!document.querySelector('#messages').innerText.includes(%q)`, secret)))
	p.types("/run --yes printf '%s\\n' one two; exit 3")
	p.sees("exit code 3", "one\ntwo")
	p.shoot("run-exit-3")
	p.types("/run echo pressed > pressed; cat pressed; rm pressed")
	p.sees("ERROR: not confirmed", "[Run it] is for you")
	p.shoot("run-it")
	p.presses("Run it")
	p.sees("OK: /run", "pressed")
	p.types("/agent devops hello from the page")
	p.sees("OK: /agent devops", "mock reply: hello from the page")

	p.types("/cron run nightly")
	p.sees("ERROR: nightly backup: failed after ", "no space left on device")
	p.shoot("cron-failed")

	var wide int
	p.step(p.Eval(ctx, `Math.max(document.documentElement.scrollWidth, document.querySelector('#scroll').scrollWidth)`, &wide))
	if wide > chrometest.Phone.Width {
		t.Errorf("the page is %d wide on a phone of %d", wide, chrometest.Phone.Width)
	}
	if os.Getenv("SCREENSHOTS") != "" {
		scenes(p)
	}
	if f := p.Faults(); len(f) > 0 {
		t.Errorf("faults on the page: %q", f)
	}

	// Ctrl-C ends all of it.
	gateway := "http" + strings.TrimPrefix(find(`gateway: (ws://\S+)`), "ws") + "/healthz"
	cmd.Process.Signal(os.Interrupt)
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the demo does not end")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if res, err := http.Get(gateway); err == nil {
		res.Body.Close()
		t.Error("the gateway is still there")
	}
}

// scenes shows what a phone shows of everything that takes time or goes wrong.
func scenes(p phone) {
	p.types("/help")
	p.sees("OK: /help")
	p.shoot("help")
	p.types("/logs --tail 30")
	p.sees("OK: /logs")
	p.shoot("logs")
	p.types("/stauts")
	p.sees("ERROR: unknown command")
	p.shoot("error")
	p.types("/run --yes rm -rf /srv")
	p.sees("ERROR")
	p.shoot("run-refused")
	p.types("/agent devops slow: 5000")
	p.sees("… /agent devops")
	p.shoot("agent-progress")
	p.sees("OK: /agent devops", "mock reply")
	p.shoot("agent-done")
	p.types("/agent devops code:")
	p.sees("OK: /agent devops")
	p.shoot("agent-markdown")
	p.types("/logs --tail 5 --follow 10")
	p.sees("… /logs --tail 5 --follow 10")
	p.shoot("logs-follow")
	p.sees("OK: /logs --tail 5 --follow 10")
	p.types("/cron list")
	p.sees("OK: /cron list")
	p.shoot("cron-list")
	p.types("/agent devops exec: uptime")
	p.step(p.Wait(p.ctx, `document.querySelector('#messages').innerText.includes('Allow once')`))
	p.shoot("approval")
	p.presses("Allow once")
	p.sees("OK: /agent devops", "exec said")
	p.shoot("approved")
	p.types("/gateway status")
	p.sees("OK: /gateway status")
	p.shoot("gateway-status")
	p.types("/gateway restart")
	p.sees("… /gateway restart")
	p.shoot("restart-progress")
	p.sees("OK: gateway restarted")
	p.shoot("restart-done")
}
