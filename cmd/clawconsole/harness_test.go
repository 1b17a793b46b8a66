package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clawconsole/internal/faketelegram"
)

// patience bounds every wait of the tests here. It is no expectation of speed.
const patience = 90 * time.Second

// buildDir holds the built binary; empty: there is none.
var buildDir string

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "clawconsole-binary-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	binary := filepath.Join(dir, "clawconsole")
	cmd := osexec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// binary is the program as `make` builds it.
func binary(t testing.TB) string {
	t.Helper()
	b, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// world is an embedded Telegram and the configuration of a console for it.
type world struct {
	t        testing.TB
	telegram *faketelegram.Server
	url      string // of the Bot API
	dir      string
	config   string   // file
	more     []string // files of further consoles in the same process
	environ  []string // of the console, beside PATH and HOME
}

func newWorld(t testing.TB, gatewayURL, gatewayToken, more string) *world {
	t.Helper()
	s, err := faketelegram.New(faketelegram.Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.Handler(s))
	t.Cleanup(func() { s.Close(); srv.Close() })
	w := &world{t: t, telegram: s, url: srv.URL, dir: t.TempDir()}
	w.config = filepath.Join(w.dir, "clawconsole.toml")
	text := fmt.Sprintf(`state_dir = %q
[telegram]
token = %q
api_url = %q
[[telegram.group]]
id = %d
[[operator]]
id = %d
name = "alice"
may = ["safe", "moderate", "dangerous", "approve"]
[[operator]]
id = %d
name = "bob"
may = ["safe", "approve"]
[auth]
secret = %q
rate_per_minute = 6000
rate_burst = 6000
[openclaw]
url = %q
token = %q
cli = "/nonexistent/openclaw"
agents = { ops = "agent:main:ops" }
[run]
enabled = true
%s`, filepath.Join(w.dir, "state"), faketelegram.Token, srv.URL, faketelegram.Supergroup, faketelegram.Alice, faketelegram.Bob,
		testSecret, gatewayURL, gatewayToken, more)
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// edit replaces a piece of the configuration, which must be there.
func (w *world) edit(old, new string) {
	w.t.Helper()
	raw, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		w.t.Fatalf("no %q in the configuration", old)
	}
	if err := os.WriteFile(w.config, []byte(strings.Replace(string(raw), old, new, 1)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// process is a running console.
type process struct {
	t      testing.TB
	cmd    *osexec.Cmd
	out    *lockedBuffer
	done   chan struct{}
	exited error
}

type lockedBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed and made anew by every write
}

// wait blocks until the buffer holds text, and reports whether it did before ctx ended.
func (b *lockedBuffer) wait(ctx context.Context, text string) bool {
	for {
		b.mu.Lock()
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		has, changed := strings.Contains(b.b.String(), text), b.changed
		b.mu.Unlock()
		if has {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs the built binary and waits until it polls. before, if any, are words
// in front of the command line.
func (w *world) start(before ...string) *process {
	w.t.Helper()
	p := w.launch(before...)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := w.telegram.Wait(ctx, w.telegram.Polling); err != nil {
		w.t.Fatalf("the console does not poll:\n%s", p.out)
	}
	return p
}

// launch is start without the wait.
func (w *world) launch(before ...string) *process {
	w.t.Helper()
	args := append(before, binary(w.t), "serve", "--config", w.config)
	for _, file := range w.more {
		args = append(args, "--config", file)
	}
	p := &process{t: w.t, cmd: osexec.Command(args[0], args[1:]...), out: new(lockedBuffer), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}, w.environ...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { p.exited = p.cmd.Wait(); close(p.done) }()
	w.t.Cleanup(func() {
		if w.t.Failed() {
			// Where it is, in case it hangs.
			p.cmd.Process.Signal(syscall.SIGQUIT)
			select {
			case <-p.done:
			case <-time.After(5 * time.Second):
			}
			log, dump, _ := strings.Cut(p.out.String(), "SIGQUIT: quit\n")
			w.t.Logf("the console's log:\n%s", log)
			for line := range strings.Lines(dump) {
				if strings.HasPrefix(line, "clawconsole/") {
					w.t.Logf("in %s", line)
				}
			}
		}
		p.kill()
	})
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// stop ends it as systemd does, and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the console does not stop:\n%s", p.out)
	}
	return p.cmd.ProcessState.ExitCode()
}

// say sends text as the person, in private.
func (w *world) say(person int64, text string) faketelegram.Message {
	return w.telegram.Send(faketelegram.Post{From: person, Chat: person, Text: text})
}

// answer waits for the console's final message after m that contains all of parts.
func (w *world) answer(m faketelegram.Message, parts ...string) faketelegram.Entry {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	e, err := w.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool {
		for _, p := range parts {
			if !strings.Contains(e.Text, p) {
				return false
			}
		}
		return e.Bot != 0
	})
	if err != nil {
		w.t.Fatalf("no answer to %q with %q; there is:\n%s", m.Text, parts, w.transcript(m.Chat.ID))
	}
	return e
}

// ask sends text and waits for the answer.
func (w *world) ask(person int64, text string, parts ...string) faketelegram.Entry {
	w.t.Helper()
	return w.answer(w.say(person, text), parts...)
}

// final waits for what becomes of m: an answer that is no longer in progress. It
// returns that and how long it took, by the clock of the embedded Telegram.
func (w *world) final(m faketelegram.Message) (faketelegram.Entry, time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	e, err := w.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool {
		return e.Bot != 0 && (strings.HasPrefix(e.Text, "OK: ") || strings.HasPrefix(e.Text, "ERROR: "))
	})
	if err != nil {
		w.t.Fatalf("no answer to %q; there is:\n%s", m.Text, w.transcript(m.Chat.ID))
	}
	at := e.At
	if n := len(e.Versions); n > 0 {
		at = e.Versions[n-1].Until
	}
	asked, _ := w.telegram.Message(m.Chat.ID, m.MessageID)
	return e, at.Sub(asked.At)
}

func (w *world) transcript(chat int64) string {
	var b strings.Builder
	for _, e := range w.telegram.Messages(chat) {
		who := "person"
		if e.Bot != 0 {
			who = "bot"
		}
		fmt.Fprintf(&b, "--- %s\n%s\n", who, e.Text)
	}
	return b.String()
}
