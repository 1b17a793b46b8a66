// Package realgateway installs and runs a real OpenClaw gateway, for the demo and the tests.
//
// A gateway lives in one folder: its configuration, its HOME, its logs and the workspace of its
// agents. It gets a clean environment, so that no key, proxy or setting of the person who starts
// it gets in, and it listens on loopback unless told otherwise.
//
// On Linux it does not outlive the process that started it, even if that is killed. What the
// gateway itself has started, agents' commands among it, is then ended by its own helper
// process, which follows within six seconds. Stop and Kill leave nothing at all.
//
// One start takes about ten seconds of two cores and 650 to 1000 MB of memory.
package realgateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config says which gateway Start starts.
type Config struct {
	// Dir holds everything of this gateway; it is created. A gateway started again in the
	// same Dir keeps its token, its sessions and, unless somebody else has it now, its port.
	Dir string

	// Cache is where node and openclaw are installed, for any number of gateways. See Install.
	Cache string

	// UsePath prefers an openclaw on PATH that runs to the one of the cache, whatever its version.
	UsePath bool

	// Ask is when a command of an agent needs an approval: "always", "on-miss" (only if the
	// allowlist does not have it) or "off". Default "always".
	Ask string

	// LAN makes the gateway listen on all interfaces. Clients that do not come over loopback
	// must then be paired.
	LAN bool

	// ModelURL is the base URL, with /v1, of an OpenAI-compatible server that becomes the
	// default model, such as internal/mockmodel. Empty: agents have no model and cannot answer.
	ModelURL string

	// Merge is laid over the generated openclaw.json: objects are merged key by key, anything
	// else replaces what was there. It is not changed.
	Merge map[string]any

	// Progress, if not nil, gets one line for each slow step, from the goroutine that calls Start.
	Progress func(line string)
}

// A Gateway is a gateway that was started. Its methods may be called from any goroutine, but
// Stop, Kill and Restart not at the same time as each other.
type Gateway struct {
	URL     string // ws://127.0.0.1:port
	HTTP    string // http://127.0.0.1:port
	Port    int
	Token   string // the shared token that gives all scopes on loopback
	Dir     string // as in Config, absolute
	LogFile string // its log as JSON lines; what it prints is in Dir/logs/gateway.out

	prog program

	mu   sync.Mutex
	proc *process
}

// readyWithin is how long a gateway gets to become ready. On a busy machine with two cores a
// start was seen to take 40 s.
const readyWithin = 3 * time.Minute

// stopWithin is how long a gateway gets to stop by itself. An idle one needs 2 s; one that has
// an approval pending would wait for up to 315 s.
const stopWithin = 15 * time.Second

// Start installs OpenClaw if needed, starts a gateway and blocks until it is ready for requests,
// or ctx ends, or it has exited, or three minutes have passed since it was started. ctx is for
// the start only: the gateway then runs until Stop or Kill.
func Start(ctx context.Context, c Config) (*Gateway, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil || c.Dir == "" {
		return nil, fmt.Errorf("start gateway: no usable folder %q", c.Dir)
	}
	var p program
	found := false
	if c.UsePath {
		p, found = onPath(ctx)
	}
	if !found {
		if p, err = install(ctx, c.Cache, c.Progress); err != nil {
			return nil, err
		}
	}
	g := &Gateway{Dir: dir, LogFile: filepath.Join(dir, "logs", "gateway.jsonl"), prog: p}
	if err := g.configure(c); err != nil {
		return nil, fmt.Errorf("configure gateway: %w", err)
	}
	report(c.Progress, "starting the gateway (10 to 20 s)")
	began := time.Now()
	if err := g.start(ctx); err != nil {
		return nil, err
	}
	report(c.Progress, "gateway ready after %s", time.Since(began).Round(100*time.Millisecond))
	return g, nil
}

func (g *Gateway) home() string       { return filepath.Join(g.Dir, "home") }
func (g *Gateway) stateDir() string   { return filepath.Join(g.home(), ".openclaw") }
func (g *Gateway) configFile() string { return filepath.Join(g.stateDir(), "openclaw.json") }
func (g *Gateway) outFile() string    { return filepath.Join(g.Dir, "logs", "gateway.out") }
func (g *Gateway) cliFile() string    { return filepath.Join(g.Dir, "bin", "openclaw") }

// configure makes the folders, the configuration and the command-line wrapper, and sets the
// fields that say where the gateway is.
func (g *Gateway) configure(c Config) error {
	for _, dir := range []string{g.stateDir(), filepath.Dir(g.outFile()), filepath.Dir(g.cliFile()), g.workspace()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	cfg, err := g.generate(c)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(g.configFile(), append(data, '\n'), 0o600); err != nil {
		return err
	}
	at, err := readAddress(g.configFile()) // not c: Merge may have changed it
	if err != nil {
		return err
	}
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
	g.Port, g.Token, g.URL, g.HTTP = at.Port, at.Token, "ws://"+host, "http://"+host
	return os.WriteFile(g.cliFile(), []byte(g.wrapper()), 0o755)
}

func (g *Gateway) workspace() string { return filepath.Join(g.Dir, "workspace") }

// policies are the settings of tools.exec for each Config.Ask.
var policies = map[string]map[string]any{
	"always":  {"host": "gateway", "security": "full", "ask": "always"},
	"on-miss": {"host": "gateway", "security": "allowlist", "ask": "on-miss"},
	"off":     {"host": "gateway", "security": "full", "ask": "off"},
}

func (g *Gateway) generate(c Config) (map[string]any, error) {
	ask := c.Ask
	if ask == "" {
		ask = "always"
	}
	policy, ok := policies[ask]
	if !ok {
		return nil, fmt.Errorf("ask: %q is not always, on-miss or off", ask)
	}
	at, err := readAddress(g.configFile())
	if err != nil || !free(at.Port) {
		if at.Port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if at.Token == "" {
		token := make([]byte, 24)
		rand.Read(token)
		at.Token = hex.EncodeToString(token)
	}
	bind := "loopback"
	if c.LAN {
		bind = "lan"
	}
	defaults := map[string]any{
		"workspace":     g.workspace(),
		"skipBootstrap": true,
		"heartbeat":     map[string]any{"every": "0m"},
	}
	cfg := map[string]any{
		"gateway": map[string]any{
			"mode": "local",
			"port": at.Port,
			"bind": bind,
			"auth": map[string]any{"mode": "token", "token": at.Token},
			// Each gateway would unpack 55 MB of it.
			"controlUi": map[string]any{"enabled": false},
		},
		"update":    map[string]any{"checkOnStart": false},
		"discovery": map[string]any{"mdns": map[string]any{"mode": "off"}},
		"logging":   map[string]any{"file": g.LogFile},
		"agents":    map[string]any{"defaults": defaults},
		"tools":     map[string]any{"exec": maps.Clone(policy)},
	}
	if c.ModelURL != "" {
		defaults["model"] = map[string]any{"primary": "mock/mock-1"}
		defaults["models"] = map[string]any{"mock/mock-1": map[string]any{"alias": "Mock"}}
		cfg["models"] = map[string]any{
			"mode": "merge",
			"providers": map[string]any{"mock": map[string]any{
				"baseUrl": c.ModelURL,
				"apiKey":  "mock-key",
				"api":     "openai-completions",
				"models": []any{map[string]any{
					"id": "mock-1", "name": "Mock 1", "reasoning": false, "input": []string{"text"},
					"cost":          map[string]any{"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0},
					"contextWindow": 128000, "maxTokens": 8192,
				}},
			}},
		}
	}
	merge(cfg, c.Merge)
	return cfg, nil
}

// merge lays over on to base.
func merge(base, over map[string]any) {
	for key, value := range over {
		b, ok1 := base[key].(map[string]any)
		o, ok2 := value.(map[string]any)
		if ok1 && ok2 {
			merge(b, o)
		} else {
			base[key] = value
		}
	}
}

type address struct {
	Port  int
	Token string
}

// readAddress reads where a gateway listens from its openclaw.json.
func readAddress(file string) (address, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return address{}, err
	}
	var c struct {
		Gateway struct {
			Port int
			Auth struct{ Token string }
		}
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return address{}, fmt.Errorf("%s: %w", file, err)
	}
	return address{c.Gateway.Port, c.Gateway.Auth.Token}, nil
}

// freePort chooses a port that nobody listens on. The gateway binds it only seconds later, so it
// is not taken from the range (32768 and up on Linux) in which the kernel picks ports for
// outgoing connections and for tests that listen on port 0.
func freePort() (int, error) {
	for range 100 {
		if port := 20000 + mathrand.IntN(12000); free(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port between 20000 and 32000")
}

func free(port int) bool {
	if port <= 0 {
		return false
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// start starts the process and waits until it is ready.
func (g *Gateway) start(ctx context.Context) error {
	out, err := os.OpenFile(g.outFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	defer out.Close()
	argv := append(g.prog.argv[:len(g.prog.argv):len(g.prog.argv)], "gateway", "run")
	cmd := osexec.Command(argv[0], argv[1:]...)
	cmd.Dir = g.Dir
	cmd.Env = append(g.Env(),
		"OPENCLAW_NO_RESPAWN=1",      // one process, whose pid we know
		"OPENCLAW_DISABLE_BONJOUR=1") // no announcement on the network
	cmd.Stdout, cmd.Stderr = out, out
	proc, err := start(cmd)
	if err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	g.mu.Lock()
	g.proc = proc
	g.mu.Unlock()
	if err := g.waitReady(ctx, proc); err != nil {
		g.Kill()
		return fmt.Errorf("start gateway: %w: %s", err, g.lastOutput())
	}
	return nil
}

func (g *Gateway) waitReady(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready after %s", readyWithin))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !g.Ready(ctx) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-proc.ended:
			return fmt.Errorf("ended before it was ready (%v)", proc.err)
		case <-tick.C:
		}
	}
	return nil
}

// Ready reports whether the gateway answers that it is ready for requests. It blocks for at
// most two seconds. Source: OpenClaw gateway, GET /readyz.
func (g *Gateway) Ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.HTTP+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// client uses no proxy and keeps no connection, which the gateway would wait for when it stops.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// lastOutput is the end of what the gateway printed, on one line.
func (g *Gateway) lastOutput() string {
	data, err := os.ReadFile(g.outFile())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(data), 8)
}

// Pid is the process ID of the gateway. A restart that the gateway does itself keeps it,
// Restart does not.
func (g *Gateway) Pid() int { return g.process().pid }

// Alive reports whether the process runs. A paused one does.
func (g *Gateway) Alive() bool { return g.process().alive() }

func (g *Gateway) process() *process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proc
}

// Stop asks the gateway to stop and blocks until it has, with what it started. One that has
// not stopped after 15 seconds, or when ctx ends, is killed: that is an error, but it has ended
// then too. Stopping a gateway that does not run does nothing.
func (g *Gateway) Stop(ctx context.Context) error {
	p := g.process()
	if !p.alive() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stopWithin, fmt.Errorf("not stopped after %s", stopWithin))
	defer cancel()
	if err := p.stop(ctx); err != nil {
		p.kill()
		return fmt.Errorf("stop gateway: killed: %w", err)
	}
	return nil
}

// Kill kills the gateway and what it started, as a crash would, and blocks until it has ended.
func (g *Gateway) Kill() { g.process().kill() }

// Pause stops the processes of the gateway where they are (SIGSTOP): it keeps its port and its
// connections and answers nothing, like one that hangs.
func (g *Gateway) Pause() error { return g.process().signalGroup(syscall.SIGSTOP) }

// Resume ends Pause.
func (g *Gateway) Resume() error { return g.process().signalGroup(syscall.SIGCONT) }

// Restart starts the gateway again, in the same folder, on the same port and with the
// configuration as it is on disk now, and blocks like Start until it is ready. One that runs is
// stopped before.
func (g *Gateway) Restart(ctx context.Context) error {
	g.Stop(ctx) // an error would say that it was killed
	return g.start(ctx)
}

// Env is the environment of the gateway and its command line, as for os/exec: PATH with openclaw
// and node first, an own HOME, and none of our environment but the rest of PATH and the folder
// for temporary files.
func (g *Gateway) Env() []string {
	path := append([]string{filepath.Dir(g.cliFile())}, g.prog.path...)
	if p := os.Getenv("PATH"); p != "" {
		path = append(path, p)
	}
	return append([]string{
		"PATH=" + strings.Join(path, string(os.PathListSeparator)),
		"HOME=" + g.home(),
		"TMPDIR=" + os.TempDir(),
		"LANG=C.UTF-8",
		"TERM=dumb",
		"NO_COLOR=1",
		"OPENCLAW_STATE_DIR=" + g.stateDir(),
		"OPENCLAW_CONFIG_PATH=" + g.configFile(),
	}, g.prog.env...)
}

// CLICommand is one command line, quoted for a shell, that runs the openclaw command line
// against this gateway, whatever the environment of the one who runs it.
func (g *Gateway) CLICommand() string { return quote(g.cliFile()) }

// CLI runs the openclaw command line against this gateway, and kills it when ctx ends. The error
// is nil if it ran to its end, whatever its exit code. With the gateway down some of its commands
// block for more than a minute; most take one to five seconds.
func (g *Gateway) CLI(ctx context.Context, args ...string) (Result, error) {
	cmd := osexec.Command(g.cliFile(), args...)
	cmd.Dir = g.Dir
	r, err := run(ctx, cmd)
	if err != nil {
		return r, fmt.Errorf("openclaw %s: %w", strings.Join(args, " "), err)
	}
	return r, nil
}

// wrapper is the script behind CLICommand.
func (g *Gateway) wrapper() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Runs openclaw against the gateway of this folder, with its environment and no other.\nexec env -i")
	for _, arg := range append(g.Env(), g.prog.argv...) {
		b.WriteString(" \\\n\t" + quote(arg))
	}
	b.WriteString(" \"$@\"\n")
	return b.String()
}

// quote quotes s for a POSIX shell, if it needs it.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:=@%", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
