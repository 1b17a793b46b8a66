package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// Every key of a configuration has a row here, and the row fails when the key has
// no effect. Each starts the built binary with the key changed.
func TestEveryOptionHasAnEffect(t *testing.T) {
	rows := map[string]func(t *testing.T, w *world, g *fakegateway.Server){
		"state_dir": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(filepath.Join(w.dir, "state"), filepath.Join(w.dir, "elsewhere"))
			w.start()
			if _, err := os.Stat(filepath.Join(w.dir, "elsewhere", ledgerName)); err != nil {
				t.Error(err)
			}
		},
		"telegram.token": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(faketelegram.Token, "7000009"+faketelegram.Token[7:])
			w.refuses("does not know this bot token")
		},
		"telegram.token_file": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(`token = "`+faketelegram.Token+`"`, `token_file = "bot.token"`)
			w.file("bot.token", faketelegram.Token)
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "alice")
		},
		"telegram.api_url": func(t *testing.T, w *world, _ *fakegateway.Server) {
			var through atomic.Int64
			w.edit(`api_url = "`+w.url+`"`, `api_url = "`+w.proxy(&through)+`"`)
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "alice")
			if through.Load() == 0 {
				t.Error("nothing came by the other URL")
			}
		},
		"telegram.proxy": func(t *testing.T, w *world, _ *fakegateway.Server) {
			var through atomic.Int64
			w.edit("api_url = \"http://127.0.0.1", "proxy = \""+w.proxy(&through)+"\"\napi_url = \"http://127.0.0.1")
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "alice")
			if through.Load() == 0 {
				t.Error("nothing came through the proxy")
			}
		},
		"telegram.stale_after": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("api_url", "stale_after = \"30m\"\napi_url")
			w.start()
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			old := func(age time.Duration) faketelegram.Message {
				return w.telegram.Send(faketelegram.Post{From: faketelegram.Alice, Chat: faketelegram.Alice, Text: "/stop agent:main:ops", Date: time.Now().Add(-age)})
			}
			w.answer(old(29*time.Minute), "OK")
			w.answer(old(31*time.Minute), "too old")
		},
		"telegram.group": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.start()
			w.inGroup(faketelegram.Supergroup, 0, "/whoami@clawconsole_bot", true)
		},
		"telegram.group.id": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(fmt.Sprint(faketelegram.Supergroup), fmt.Sprint(faketelegram.Forum))
			w.start()
			w.inGroup(faketelegram.Supergroup, 0, "/whoami@clawconsole_bot", false)
		},
		"telegram.group.require_mention": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("[[operator]]", "require_mention = false\n[[operator]]")
			w.start()
			w.inGroup(faketelegram.Supergroup, 0, "/whoami", true)
		},
		"telegram.group.topics": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(fmt.Sprint(faketelegram.Supergroup), fmt.Sprintf("%d\ntopics = [%d]", faketelegram.Forum, faketelegram.TopicAlerts))
			w.start()
			w.inGroup(faketelegram.Forum, faketelegram.TopicDeploys, "/whoami@clawconsole_bot", false)
			w.inGroup(faketelegram.Forum, faketelegram.TopicAlerts, "/whoami@clawconsole_bot", true)
		},
		"operator": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.start()
			w.silence(faketelegram.Mallory, "/whoami")
		},
		"operator.id": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(fmt.Sprintf("id = %d\nname = \"bob\"", faketelegram.Bob), fmt.Sprintf("id = %d\nname = \"bob\"", faketelegram.Mallory))
			w.start()
			w.ask(faketelegram.Mallory, "/whoami", "bob")
			w.silence(faketelegram.Bob, "/whoami")
		},
		"operator.name": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(`"alice"`, `"carol"`)
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "carol")
		},
		"operator.may": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.start()
			w.ask(faketelegram.Bob, "/stop agent:main:ops", "ERROR: unauthorized")
		},
		"auth.secret": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(testSecret, otherSecret)
			w.start()
			w.ask(faketelegram.Alice, "/auth "+otherSecret, "unlocked")
		},
		"auth.secret_file": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit(`secret = "`+testSecret+`"`, `secret_file = "s"`)
			w.file("s", otherSecret)
			w.start()
			w.ask(faketelegram.Alice, "/auth "+otherSecret, "unlocked")
		},
		"auth.unlock_ttl": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("rate_per", "unlock_ttl = \"3h\"\nrate_per")
			w.start()
			e := w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			if until := e.At.UTC().Add(3 * time.Hour); !strings.Contains(e.Text, until.Format("15:04")) && !strings.Contains(e.Text, until.Add(-time.Minute).Format("15:04")) {
				t.Errorf("%q, want until %s", e.Text, until.Format("15:04"))
			}
		},
		"auth.rate_per_minute": func(t *testing.T, w *world, _ *fakegateway.Server) {
			// One a minute and one at once: the second is refused, whatever the machine's speed,
			// unless it takes a minute.
			w.edit("rate_per_minute = 6000\nrate_burst = 6000", "rate_per_minute = 1\nrate_burst = 1")
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "alice")
			w.ask(faketelegram.Alice, "/whoami", "ERROR: rate limited (try again later)")
		},
		"auth.rate_burst": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("rate_per_minute = 6000\nrate_burst = 6000", "rate_per_minute = 1\nrate_burst = 2")
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "alice")
			w.ask(faketelegram.Alice, "/whoami", "alice")
			w.ask(faketelegram.Alice, "/whoami", "ERROR: rate limited (try again later)")
		},
		"auth.answer_strangers": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("rate_per", "answer_strangers = true\nrate_per")
			w.start()
			w.ask(faketelegram.Mallory, "/whoami", "ERROR: unauthorized")
		},
		"auth.class": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("rate_per", "class = { whoami = \"moderate\" }\nrate_per")
			w.start()
			w.ask(faketelegram.Alice, "/whoami", "ERROR: unauthorized")
		},
		"openclaw.url": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit(g.URL(), "ws://127.0.0.1:1")
			w.start()
			w.ask(faketelegram.Alice, "/status", "down")
		},
		"openclaw.token": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit(`token = "`+g.Token()+`"`, `token = "another-token-entirely"`)
			w.start()
			w.ask(faketelegram.Alice, "/gateway status", "refuse")
		},
		"openclaw.token_file": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit(`token = "`+g.Token()+`"`, `token_file = "gw"`)
			w.file("gw", g.Token())
			w.start()
			w.ask(faketelegram.Alice, "/gateway status", "Reachable: yes")
		},
		"openclaw.cli": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit(g.URL(), "ws://127.0.0.1:1")
			w.edit("/nonexistent/openclaw", w.script("cli", `touch "$0.ran"; exit 1`))
			w.start()
			w.ask(faketelegram.Alice, "/gateway status", "")
			w.exists("cli.ran")
		},
		"openclaw.start": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit(g.URL(), "ws://127.0.0.1:1")
			w.edit("cli = ", fmt.Sprintf("start = %q\ncli = ", w.script("start", `touch "$0.ran"; exit 1`)))
			w.start()
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			w.ask(faketelegram.Alice, "/gateway start", "exit code 1")
			w.exists("start.ran")
		},
		"openclaw.agents": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.edit("ops = ", "night = ")
			w.start()
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			w.ask(faketelegram.Alice, "/agent night hello", "OK: /agent night")
		},
		"run.enabled": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = false")
			w.runs("true", "ERROR")
		},
		"run.timeout": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = true\ntimeout = \"1s\"")
			w.runs("sleep 100", "timed out, killed")
		},
		"run.max_timeout": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = true\ntimeout = \"1s\"\nmax_timeout = \"2s\"")
			w.start()
			w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			w.ask(faketelegram.Alice, "/run --timeout 3 --yes true", "ERROR", "2 s")
		},
		"run.max_output": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = true\nmax_output = 300")
			e := w.runs("yes 123456789 | head -n 100", "OK")
			if n := strings.Count(e.Text, "123456789"); n > 31 {
				t.Errorf("%d lines of 10 bytes are shown of 300 bytes", n)
			}
		},
		"run.shell": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = true\nshell = false")
			w.runs("echo one '$HOME'", "one $HOME")
		},
		"run.allow": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.edit("enabled = true", "enabled = true\nallow = [\"echo one\"]")
			w.runs("echo one more", "one more")
			w.ask(faketelegram.Alice, "/run --yes echo two", "ERROR: refused")
		},
		"run.env": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.environ = []string{"COLOUR=blue", "SIZE=large", "MINE=" + testSecret}
			w.edit("enabled = true", "enabled = true\nenv = [\"PATH\", \"COLOUR\", \"MINE\"]")
			e := w.runs("env", "COLOUR=blue")
			for _, name := range []string{"SIZE=", "HOME=", "MINE="} {
				if strings.Contains(e.Text, name) {
					t.Errorf("%s is not for run.env to hand out:\n%s", name, e.Text)
				}
			}
		},
		"run.dir": func(t *testing.T, w *world, _ *fakegateway.Server) {
			dir := t.TempDir()
			w.edit("enabled = true", fmt.Sprintf("enabled = true\ndir = %q", dir))
			w.runs("pwd", dir)
		},
		"approvals.allow_always": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.append("[approvals]\nallow_always = true\n")
			w.start()
			if _, ok := button(w.prompt(g, faketelegram.Alice), "Always"); !ok {
				t.Error("Always is offered and not shown")
			}
		},
		"approvals.step_up": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.append("[approvals]\nstep_up = true\n")
			w.start()
			e := w.prompt(g, faketelegram.Alice)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p, err := w.telegram.Press(faketelegram.Press{User: faketelegram.Alice, Chat: faketelegram.Alice, Message: e.MessageID, Label: "Allow once"})
			if err != nil {
				t.Fatal(err)
			}
			if note, err := p.Wait(ctx); err != nil || !strings.Contains(note.Text, "unlock") && !strings.Contains(note.Text, "/auth") {
				t.Errorf("pressed without an unlock: %+v, %v", note, err)
			}
			w.ask(faketelegram.Alice, "/whoami", "alice")
			if n := g.Calls("exec.approval.resolve"); n != 0 {
				t.Errorf("%d decisions reached the gateway", n)
			}
		},
		"approvals.route": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.append("[[approvals.route]]\noperators = [\"bob\"]\n")
			w.start()
			w.prompt(g, faketelegram.Bob)
		},
		"approvals.route.operators": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.append("[[approvals.route]]\noperators = [\"bob\"]\n")
			w.start()
			w.prompt(g, faketelegram.Bob)
			w.ask(faketelegram.Alice, "/whoami", "alice")
			if text := w.transcript(faketelegram.Alice); strings.Contains(text, "Allow") {
				t.Errorf("alice is asked too:\n%s", text)
			}
		},
		"approvals.route.chats": func(t *testing.T, w *world, g *fakegateway.Server) {
			w.append(fmt.Sprintf("[[approvals.route]]\nchats = [\"%d\"]\n", faketelegram.Supergroup))
			w.start()
			w.prompt(g, faketelegram.Supergroup)
		},
		"approvals.route.source":  routeMatches("source", "ex*", "plugin"),
		"approvals.route.agent":   routeMatches("agent", "m?in", "ops*"),
		"approvals.route.session": routeMatches("session", "agent:main:*", "agent:ops:*"),
		"approvals.route.tool":    routeMatches("tool", "e*c", "deploy_*"),
		"redact.keys": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.append("[redact]\nkeys = [\"*_COLOUR\"]\n")
			w.runs("echo MY_COLOUR=bluish-green-77", "MY_COLOUR=[redacted]")
		},
		"redact.patterns": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.append("[redact]\npatterns = [\"acme_[a-z0-9]{12}\"]\n")
			w.runs("echo number acme_''0123456789ab", "number [redacted")
		},
		"audit.anchor": func(t *testing.T, w *world, _ *fakegateway.Server) {
			w.append(fmt.Sprintf("[audit]\nanchor = %d\n", faketelegram.Supergroup))
			p := w.start()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			form := regexp.MustCompile(`\b1:[0-9a-f]{64}\b`)
			e, err := w.telegram.WaitMessage(ctx, faketelegram.Supergroup, 0, func(e faketelegram.Entry) bool { return form.MatchString(e.Text) })
			if err != nil {
				t.Fatalf("no anchor in the chat:\n%s", w.transcript(faketelegram.Supergroup))
			}
			p.stop()

			// Whoever cuts the record off after that is found out by it, and by nothing else.
			record := filepath.Join(w.dir, "state", auditName)
			verify := func(args ...string) int {
				cmd := osexec.Command(binary(t), append([]string{"audit", "verify", record}, args...)...)
				cmd.Run()
				return cmd.ProcessState.ExitCode()
			}
			anchor := form.FindString(e.Text)
			if code := verify("--anchor", anchor); code != 0 {
				t.Errorf("verify --anchor %s: exit code %d", anchor, code)
			}
			if err := os.Truncate(record, 0); err != nil {
				t.Fatal(err)
			}
			if with, without := verify("--anchor", anchor), verify(); with != 1 || without != 0 {
				t.Errorf("of a record that was cut off verify says %d with the anchor, %d without", with, without)
			}
		},
	}
	for _, key := range configKeys() {
		if isTable(key) {
			continue
		}
		row, ok := rows[key]
		if !ok {
			t.Errorf("%s has no row: nothing shows that it has an effect", key)
			continue
		}
		delete(rows, key)
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			g, err := fakegateway.Start(fakegateway.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(g.Close)
			g.AddSession(fakegateway.Session{Key: "agent:main:ops", Label: "ops"})
			row(t, newWorld(t, g.URL(), g.Token(), ""), g)
		})
	}
	for key := range rows {
		t.Errorf("%s is no key of a configuration", key)
	}
}

// routeMatches shows that a route to Alice does not apply where its glob does not match,
// and that the next one, to Bob, does: without it Alice would be asked too.
func routeMatches(key, matches, other string) func(t *testing.T, w *world, g *fakegateway.Server) {
	return func(t *testing.T, w *world, g *fakegateway.Server) {
		for _, route := range [][2]string{{"alice", other}, {"bob", matches}} {
			w.append(fmt.Sprintf("[[approvals.route]]\noperators = [%q]\n%s = %q\n", route[0], key, route[1]))
		}
		w.start()
		w.prompt(g, faketelegram.Bob)
		w.ask(faketelegram.Alice, "/pending", "1 call waits")
		for _, e := range w.telegram.Messages(faketelegram.Alice) {
			if strings.HasPrefix(e.Text, "Allow ") {
				t.Errorf("alice is asked:\n%s", e.Text)
			}
		}
	}
}

// raised is the id of the approval that prompt raises.
const raised = "07f9a8f6-2e0e-43b2-a1ae-40a28d4af95d"

// prompt has the gateway raise an approval and waits for it in a chat.
func (w *world) prompt(g *fakegateway.Server, chat int64) faketelegram.Entry {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	// Until the console's socket is there, approvals are denied at once.
	for g.Calls("exec.approval.list") == 0 {
		w.ask(faketelegram.Alice, "/gateway status", "")
	}
	g.Raise(fakegateway.Approval{
		ID:      raised,
		Request: map[string]any{"command": "uptime", "cwd": "/srv", "agentId": "main", "sessionKey": "agent:main:ops"},
		Allowed: []string{"allow-once", "allow-always", "deny"},
	})
	e, err := w.telegram.WaitMessage(ctx, chat, 0, func(e faketelegram.Entry) bool {
		_, ok := button(e, "Allow once")
		return ok
	})
	if err != nil {
		w.t.Fatalf("no prompt in chat %d:\n%s", chat, w.transcript(chat))
	}
	return e
}

func button(e faketelegram.Entry, label string) (faketelegram.Button, bool) {
	if e.ReplyMarkup != nil {
		for _, row := range e.ReplyMarkup.Rows {
			for _, b := range row {
				if b.Text == label {
					return b, true
				}
			}
		}
	}
	return faketelegram.Button{}, false
}

// isTable reports whether key only holds other keys.
func isTable(key string) bool {
	switch key {
	case "telegram", "auth", "openclaw", "run", "approvals", "redact", "audit":
		return true
	}
	return false
}

const otherSecret = "pR4vK8wX2nZ6bT1mC9qF5hJ3sL7dG0yA"

// file writes a secret beside the configuration.
func (w *world) file(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// script writes an executable and returns its path.
func (w *world) script(name, body string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) exists(name string) {
	w.t.Helper()
	if _, err := os.Stat(filepath.Join(w.dir, name)); err != nil {
		w.t.Error(err)
	}
}

func (w *world) append(text string) {
	w.t.Helper()
	raw, err := os.ReadFile(w.config)
	if err == nil {
		err = os.WriteFile(w.config, append(raw, text...), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// proxy starts another way to the Bot API, which counts, and returns its URL.
func (w *world) proxy(count *atomic.Int64) string {
	w.t.Helper()
	target, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) { count.Add(1); r.SetURL(target) }}
	srv := &http.Server{Handler: forward}
	go srv.Serve(ln)
	w.t.Cleanup(func() { srv.Close() })
	return "http://" + ln.Addr().String()
}

// runs unlocks and has a shell command run.
func (w *world) runs(command string, parts ...string) faketelegram.Entry {
	w.t.Helper()
	w.start()
	w.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
	return w.ask(faketelegram.Alice, "/run --yes "+command, parts...)
}

// refuses starts the console and waits until it says so in its log.
func (w *world) refuses(says string) {
	w.t.Helper()
	p := w.launch()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if !p.out.wait(ctx, says) {
		w.t.Fatalf("the log does not say %q:\n%s", says, p.out)
	}
}

// inGroup sends text to a group as Alice and expects an answer, or none before the
// answer to a later private message.
func (w *world) inGroup(chat, topic int64, text string, answered bool) {
	w.t.Helper()
	m := w.telegram.Send(faketelegram.Post{From: faketelegram.Alice, Chat: chat, Topic: topic, Text: text})
	if answered {
		w.answer(m, "alice")
		return
	}
	w.ask(faketelegram.Alice, "/whoami", "alice")
	for _, e := range w.telegram.MessagesAfter(chat, m.MessageID) {
		if e.Bot != 0 {
			w.t.Errorf("an answer in a group: %s", e.Text)
		}
	}
}

// silence sends text as a stranger and expects no answer before an operator's.
func (w *world) silence(person int64, text string) {
	w.t.Helper()
	m := w.say(person, text)
	operator := int64(faketelegram.Alice)
	w.ask(operator, "/whoami", "Rights")
	for _, e := range w.telegram.MessagesAfter(m.Chat.ID, m.MessageID) {
		if e.Bot != 0 {
			w.t.Errorf("an answer to %d: %s", person, e.Text)
		}
	}
}
