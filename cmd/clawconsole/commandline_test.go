package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// openclawFor makes the openclaw program of the console one that says it is about the
// gateway on port, and notes what it is asked.
func (w *world) openclawFor(port string) {
	w.t.Helper()
	w.edit("/nonexistent/openclaw", w.script("openclaw", fmt.Sprintf(`
echo "$@" "url=$OPENCLAW_GATEWAY_URL" >> $HOME/asked
case "$1 $2" in
"gateway status") echo '{"rpc":{"ok":false},"port":{"port":%s,"status":"free"}}' ;;
"gateway restart") echo '{"ok":false,"message":"not running"}' ;;
"sessions --json") echo '{"totalCount":1,"sessions":[{"key":"agent:elsewhere:main"}]}' ;;
logs*) echo '{"type":"meta","file":"elsewhere.jsonl","localFallback":true}'; echo '{"type":"raw","raw":"elsewhere"}' ;;
esac`, port)))
}

// asked returns what the openclaw program was asked.
func (w *world) asked() string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "asked"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(raw)
}

// The configured gateway is on another host, or on another port of this one, and cannot
// be reached. The openclaw program of this host knows some gateway, but not that one: what
// it tells is not shown as that one's, and above all it is not asked to restart.
func TestCommandLineOfAnotherGateway(t *testing.T) {
	for _, tt := range []struct{ name, url string }{
		{"on another host", "ws://10.255.255.1:18789"},
		{"on another port", "ws://127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.url, "a-token-of-the-gateway", "")
			w.openclawFor("18789")
			w.start()
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			for _, line := range []string{"/status", "/sessions", "/logs", "/gateway status", "/gateway restart"} {
				if e, _ := w.final(w.say(faketelegram.Alice, line)); strings.Contains(e.Text, "elsewhere") || strings.Contains(e.Text, "18789") && tt.url == "ws://127.0.0.1:1" {
					t.Errorf("%s shows another gateway:\n%s", line, e.Text)
				}
			}
			got := w.asked()
			if strings.Contains(got, "gateway restart") || tt.name == "on another host" && got != "" {
				t.Errorf("the program of another gateway was asked:\n%s", got)
			}
		})
	}
}

// The one of the same gateway is asked, and finds it as it always does: told the address,
// openclaw reads no log of a gateway that is dead.
func TestCommandLineOfOurGateway(t *testing.T) {
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	u, err := url.Parse(g.URL())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, g.URL(), g.Token(), "")
	w.openclawFor(u.Port())
	w.environ = []string{"OPENCLAW_GATEWAY_URL=" + g.URL()}
	w.start()
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
	w.ask(faketelegram.Alice, "/gateway status", "Reachable: yes")

	// The gateway does what it is asked for and its answer is lost: it restarts once.
	g.Intercept(func(c fakegateway.Call) fakegateway.Action {
		return fakegateway.Action{Silent: c.Method == "gateway.restart.request"}
	})
	w.ask(faketelegram.Alice, "/gateway restart", "OK: gateway restarted")
	if got := w.asked(); strings.Contains(got, "restart") || g.Calls("gateway.restart.request") != 1 {
		t.Errorf("%d requests, and the program was asked:\n%s", g.Calls("gateway.restart.request"), got)
	}

	g.Kill()
	w.ask(faketelegram.Alice, "/logs", "elsewhere")
	w.ask(faketelegram.Alice, "/gateway restart", "ERROR: the gateway was not restarted", "not running")
	if got := w.asked(); !strings.Contains(got, "gateway restart") || strings.Contains(got, "url=w") {
		t.Errorf("the program was asked:\n%s", got)
	}
}
