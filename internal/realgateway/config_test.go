package realgateway

import (
	"encoding/json"
	"net"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// at returns the value under keys.
func at(t *testing.T, v any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no object at %q of %q", key, keys)
		}
		v = m[key]
	}
	return v
}

func configured(t *testing.T, dir string, c Config) (*Gateway, map[string]any) {
	t.Helper()
	g := &Gateway{Dir: dir, LogFile: filepath.Join(dir, "logs", "gateway.jsonl"), prog: program{argv: []string{"/bin/echo"}}}
	if err := g.configure(c); err != nil {
		t.Fatal(err)
	}
	var cfg map[string]any
	if err := json.Unmarshal([]byte(read(t, g.configFile())), &cfg); err != nil {
		t.Fatal(err)
	}
	return g, cfg
}

func TestConfigure(t *testing.T) {
	dir := t.TempDir()
	over := map[string]any{
		"gateway": map[string]any{"reload": map[string]any{"mode": "off"}},
		"tools":   map[string]any{"exec": "replaced"},
	}
	g, cfg := configured(t, dir, Config{Ask: "on-miss", LAN: true, ModelURL: "http://127.0.0.1:1/v1", Merge: over})
	for _, tt := range []struct {
		want any
		keys []string
	}{
		{"lan", []string{"gateway", "bind"}},
		{g.Token, []string{"gateway", "auth", "token"}},
		{float64(g.Port), []string{"gateway", "port"}},
		{"off", []string{"gateway", "reload", "mode"}},
		{"replaced", []string{"tools", "exec"}},
		{"http://127.0.0.1:1/v1", []string{"models", "providers", "mock", "baseUrl"}},
		{g.LogFile, []string{"logging", "file"}},
	} {
		if got := at(t, cfg, tt.keys...); got != tt.want {
			t.Errorf("%q = %v, want %v", tt.keys, got, tt.want)
		}
	}
	if len(g.Token) != 48 || g.Port < 20000 || g.Port >= 32000 || g.URL != "ws://127.0.0.1:"+strconv.Itoa(g.Port) {
		t.Errorf("token %q, port %d, URL %s", g.Token, g.Port, g.URL)
	}
	if want := map[string]any{"reload": map[string]any{"mode": "off"}}; !reflect.DeepEqual(over["gateway"], want) {
		t.Errorf("Merge was changed: %v", over)
	}

	// Again in the same folder.
	again, cfg := configured(t, dir, Config{})
	if again.Port != g.Port || again.Token != g.Token {
		t.Error("port and token did not stay")
	}
	if ask, bind := at(t, cfg, "tools", "exec", "ask"), at(t, cfg, "gateway", "bind"); ask != "always" || bind != "loopback" {
		t.Errorf("ask = %v, bind = %v, want the defaults", ask, bind)
	}

	// Again when somebody else has the port.
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(g.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if again, _ := configured(t, dir, Config{}); again.Port == g.Port || again.Token != g.Token {
		t.Errorf("port %d, want another, and the same token", again.Port)
	}

	if err := (&Gateway{Dir: dir}).configure(Config{Ask: "sometimes"}); err == nil || err.Error() != `ask: "sometimes" is not always, on-miss or off` {
		t.Errorf("Ask sometimes: %v", err)
	}
	if _, err := Start(t.Context(), Config{}); err == nil {
		t.Error("Start without Dir starts")
	}
}

// The wrapper hands its arguments on as they are and our environment not at all.
func TestCLI(t *testing.T) {
	t.Setenv("OPENCLAW_GATEWAY_TOKEN", "of another gateway")
	g := &Gateway{Dir: filepath.Join(t.TempDir(), "it's a folder"), prog: program{
		argv: []string{"/bin/sh", "-c", `printf '[%s]' "$@"; env | grep -E '^(HOME|OPENCLAW_|EXTRA)' | sort; exit 4`, "openclaw"},
		env:  []string{"EXTRA=a  b"},
	}}
	if err := g.configure(Config{}); err != nil {
		t.Fatal(err)
	}
	r, err := g.CLI(t.Context(), "agent", "--message", `a "b" 'c' $d`, "")
	want := `[agent][--message][a "b" 'c' $d][]EXTRA=a  b` + "\n" +
		"HOME=" + g.Dir + "/home\n" +
		"OPENCLAW_CONFIG_PATH=" + g.Dir + "/home/.openclaw/openclaw.json\n" +
		"OPENCLAW_STATE_DIR=" + g.Dir + "/home/.openclaw\n"
	if err != nil || r.ExitCode != 4 || r.Stdout != want {
		t.Errorf("CLI = %+v, %v, want\n%s", r, err, want)
	}
	if got, want := g.CLICommand(), `'`+filepath.Dir(g.Dir)+`/it'\''s a folder/bin/openclaw'`; got != want {
		t.Errorf("CLICommand = %s, want %s", got, want)
	}
}
