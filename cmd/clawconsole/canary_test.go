package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"clawconsole/console"
	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// canaries are what the console of TestNothingSecretLeaves is configured with.
var canaries = map[string]string{
	"bot token":         faketelegram.Token,
	"console secret":    testSecret,
	"gateway token":     "gwZq81LmNx73RtYp42KdWsVb",
	"proxy password":    "pxHj29QwTn56BzMc80LrUeXa",
	"environment":       "evFs47KpDy31VgNa95CxJmWo",
	"environment, JSON": `jsQ"u7\o2Te&Xk<41>LmPz/Rv`,
}

// foreign are secrets that the console does not know, but whose form tells them.
var foreign = []string{
	"7000001:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0",
	"AKIA" + "Q3EGRIXZ5LTPOWNM",
	"AIza" + "SyD4x7Qm2Lk9Rv6Tb1Wc8Zn3Hf5Jg0Pd_sE",
}

// leaks returns which canaries are in what left, whole or 12 characters of one, as
// they are or encoded.
func leaks(left []byte) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(canaries)) {
		v := canaries[name]
		j, _ := json.Marshal(v)
		for form, text := range map[string]string{
			"plain": v, "as JSON": strings.Trim(string(j), `"`), "in a URL": url.QueryEscape(v), "in a path": url.PathEscape(v),
			"in base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(v)), "="),
			"as HTML":   strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(v),
		} {
			for i := 0; i+12 <= len(text); i++ {
				if bytes.Contains(left, []byte(text[i:i+12])) {
					found = append(found, name+" "+form)
					break
				}
			}
		}
	}
	return found
}

func TestLeaksAreFound(t *testing.T) {
	for name, v := range canaries {
		for _, text := range []string{v, "x" + v[3:15], base64.StdEncoding.EncodeToString([]byte(v)), url.QueryEscape(v)} {
			if len(leaks([]byte(text))) == 0 {
				t.Errorf("%s: %q is not seen to be a leak", name, text)
			}
		}
	}
	if found := leaks([]byte("nothing [redacted] here")); len(found) > 0 {
		t.Errorf("leaks in nothing: %q", found)
	}
}

// Every secret the console is configured with is pushed through every path by
// which anything leaves it, and appears on none. Each path must have been taken;
// a subcommand, a method of the chat or a call of the Bot API that is not a row here
// fails the test.
func TestNothingSecretLeaves(t *testing.T) {
	var proxied atomic.Int64
	g, err := fakegateway.Start(fakegateway.Config{Token: canaries["gateway token"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	w := newWorld(t, g.URL(), canaries["gateway token"], "max_output = 1000\n")
	w.environ = []string{"DEPLOY_API_KEY=" + canaries["environment"], "DEPLOY_DB_PASSWORD=" + canaries["environment, JSON"]}
	w.edit("api_url = \"http://127.0.0.1", `proxy = "`+strings.Replace(w.proxy(&proxied), "http://", "http://ops:"+canaries["proxy password"]+"@", 1)+"\"\napi_url = \"http://127.0.0.1")
	program := w.script("fake-openclaw", "env > $HOME/cli-env; cat $HOME/canaries; cat $HOME/canaries >&2; exit 1\n")
	w.edit(`cli = "/nonexistent/openclaw"`, fmt.Sprintf("cli = %q", program))
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(canaries)) {
		fmt.Fprintf(&all, "%s is %s.\n", name, canaries[name])
	}
	w.file("canaries", all.String())
	j, err := json.Marshal(canaries)
	if err != nil {
		t.Fatal(err)
	}
	w.file("known.json", string(j))
	// Each in two halves, with time between them.
	halves := ""
	for _, v := range canaries {
		for _, half := range []string{v[:len(v)/2], v[len(v)/2:] + "\n"} {
			halves += fmt.Sprintf("printf '%%s' '%s'\nsleep 0.05\n", half)
		}
	}
	w.file("halves", halves)

	// Telegram and the gateway fail, with words of their own.
	var faults atomic.Int64
	w.telegram.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		switch n := faults.Add(1); {
		case c.Method == "sendChatAction" && n%2 == 0:
			return &faketelegram.Fault{Drop: true}
		case c.Method == "setMyCommands" && n%3 == 0:
			return &faketelegram.Fault{Status: 502, Body: "bad gateway: " + all.String()}
		case c.Method == "getUpdates" && n == 7:
			return &faketelegram.Fault{Drop: true}
		}
		return nil
	})
	g.Intercept(func(c fakegateway.Call) fakegateway.Action {
		if c.Method == "cron.list" {
			return fakegateway.Action{Error: &fakegateway.Error{Code: "INTERNAL", Message: "cannot: " + all.String()}}
		}
		return fakegateway.Action{}
	})
	for i := range 300 {
		g.Log("info", "gateway", fmt.Sprintf("line %d: %s", i, strings.ReplaceAll(all.String(), "\n", " ")))
	}

	p := w.start()
	left := map[string][]byte{} // by path, what has left
	ask := func(line string, parts ...string) faketelegram.Entry {
		return w.ask(faketelegram.Alice, line, parts...)
	}
	ask("/auth "+testSecret, "unlocked until")
	ask("/run --yes cat $HOME/canaries", "OK: /run", "[redacted")
	ask("/run --yes sh $HOME/halves; sleep 4", "OK: /run", "[redacted")
	ask("/run --yes env > $HOME/run-env; env | base64 -w0; cat $HOME/canaries | base64 -w0", "OK: /run")
	// Each lies across the end of what is shown, all but its last letter before it.
	for _, v := range foreign {
		w.file("across", strings.Repeat("x", 1000-len(v))+"\n"+v+strings.Repeat(" more", 2000))
		if e := ask("/run --yes cat $HOME/across", "OK: /run", "the first 1.0 KB of "); strings.Contains(e.Text, v[:12]) {
			t.Errorf("redacted after it was cut:\n%s", e.Text)
		}
	}
	// What a person types comes back in headers, goes into the ledger and on record.
	for _, v := range canaries {
		ask("/run --yes echo '"+v+"'", "/run")
		ask("/session "+v+" hello", "ERROR: ")
		ask("/stauts "+v, "ERROR: ")
		ask("/logs --grep "+v, "/logs")
	}
	ask("/cron list", "ERROR: ")
	m := w.say(faketelegram.Alice, "/logs --tail 300")
	e := w.answer(m, "OK: /logs")
	if len(w.telegram.Calls("sendDocument")) == 0 {
		pressed, err := w.telegram.Press(faketelegram.Press{User: faketelegram.Alice, Chat: m.Chat.ID, Message: e.MessageID, Label: "Full output"})
		if err != nil {
			t.Fatalf("no way to the full output: %v\n%s", err, e.Text)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := pressed.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.telegram.Wait(ctx, func() bool { return len(w.telegram.Calls("sendDocument")) > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	g.Raise(fakegateway.Approval{Request: map[string]any{
		"command": "deploy " + all.String(), "cwd": "/srv", "agentId": "main", "sessionKey": "agent:main:ops",
	}})
	w.telegram.Send(faketelegram.Post{From: faketelegram.Mallory, Chat: faketelegram.Forum, Text: "/whoami@clawconsole_bot"}) // no group of ours: it leaves
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.telegram.WaitMessage(ctx, faketelegram.Alice, 0, func(e faketelegram.Entry) bool { return strings.Contains(e.Text, "deploy") && e.Bot != 0 }); err != nil {
		t.Errorf("no prompt for the approval:\n%s", w.transcript(faketelegram.Alice))
	}
	g.Kill()
	w.ask(faketelegram.Alice, "/status", "The gateway")
	w.ask(faketelegram.Alice, "/gateway status")
	ask("/audit --tail 100", "OK: /audit")
	settled(w)

	// The chat: every method of it, by the calls that it makes.
	methods := map[string]string{
		"Send": "sendMessage", "Edit": "editMessageText", "Delete": "deleteMessage", "Document": "sendDocument",
		"Answer": "answerCallbackQuery", "Typing": "sendChatAction", "Leave": "leaveChat",
	}
	for i := range reflect.TypeFor[console.Chat]().NumMethod() {
		name := reflect.TypeFor[console.Chat]().Method(i).Name
		if methods[name] == "" {
			t.Errorf("console.Chat.%s is a path out that this test does not know", name)
		}
		path := "chat " + name
		left[path] = nil
		for _, c := range w.telegram.Calls(methods[name]) {
			left[path] = fmt.Append(left[path], c.Params, c.Files, "\n")
			for _, f := range c.Files {
				left[path] = append(left[path], f.Content...)
			}
		}
	}
	quiet := []string{"getMe", "getUpdates", "getWebhookInfo", "deleteWebhook", "setMyCommands", "deleteMyCommands", "editMessageReplyMarkup", "getChat", "getChatMember"}
	for _, c := range w.telegram.Calls() {
		if slices.Contains(quiet, c.Method) {
			left["chat, other"] = fmt.Append(left["chat, other"], c.Params, "\n")
		} else if !slices.Contains(slices.Collect(maps.Values(methods)), c.Method) {
			t.Errorf("%s is a call that this test does not know", c.Method)
		}
	}

	// What stays on this machine, and who is started by the console.
	mustRead := func(name string) []byte {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			t.Error(err)
		}
		return raw
	}
	left["environment of /run"] = mustRead("run-env")
	env := mustRead("cli-env")
	// The openclaw program is the operator's own: it gets their environment, and
	// nothing that is ours.
	for _, name := range []string{"DEPLOY_API_KEY", "DEPLOY_DB_PASSWORD"} {
		env = bytes.ReplaceAll(env, []byte(strings.TrimPrefix(w.environ[slices.IndexFunc(w.environ, func(s string) bool { return strings.HasPrefix(s, name) })], name+"=")), nil)
	}
	left["environment of openclaw"] = env

	// It dies, with every goroutine's stack.
	p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.done
	left["log and panic"] = []byte(p.out.String())
	err = filepath.WalkDir(filepath.Join(w.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			raw, readErr := os.ReadFile(path)
			left["state "+strings.TrimRight(d.Name(), "0123456789")], err = append(left["state "+d.Name()], raw...), readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	// The command line: every subcommand has a row.
	g.Up()
	w.file("broken.toml", strings.NewReplacer(`name = "alice"`, "name = \"alice\"\nid = 1", `enabled = true`, `enabled = "`+canaries["gateway token"]+`"`).Replace(string(mustRead("clawconsole.toml"))))
	rows := map[string][][]string{
		"serve":   {{"serve", "--config", filepath.Join(w.dir, "broken.toml")}, {"serve", "--help"}},
		"demo":    {{"demo", "--help"}, {"demo", "--listen", canaries["gateway token"]}},
		"doctor":  {{"doctor", "--config", w.config}, {"doctor", "--config", filepath.Join(w.dir, "broken.toml")}, {"doctor", "--help"}},
		"audit":   {{"audit", "verify", "--config", w.config}, {"audit", "show", "--config", w.config}, {"audit", "tail", "-n", "99", "--config", w.config}, {"audit", "export", "--config", w.config}},
		"redact":  {{"redact", "--known", filepath.Join(w.dir, "known.json")}},
		"version": {{"version"}},
	}
	for i := range reflect.TypeFor[cli]().NumField() {
		name := strings.ToLower(reflect.TypeFor[cli]().Field(i).Name)
		if rows[name] == nil {
			t.Errorf("clawconsole %s is a path out that this test does not know", name)
		}
		for _, args := range rows[name] {
			cmd := osexec.Command(binary(t), args...)
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}, w.environ...)
			cmd.Stdin = bytes.NewReader(mustRead("canaries"))
			out, _ := cmd.CombinedOutput()
			if slices.Contains(args, canaries["gateway token"]) {
				out = bytes.ReplaceAll(out, []byte(canaries["gateway token"]), []byte("(typed)")) // at one's own terminal
			}
			path := "clawconsole " + strings.Join(args[:min(2, len(args))], " ")
			left[path] = append(append(left[path], "> "...), out...)
		}
	}

	for _, path := range slices.Sorted(maps.Keys(left)) {
		if len(left[path]) == 0 && !strings.HasSuffix(path, "-wal") { // the ledger empties that one
			t.Errorf("%s: nothing took this path", path)
		}
		if found := leaks(left[path]); len(found) > 0 {
			t.Errorf("%s: %q left", path, found)
			for line := range bytes.Lines(left[path]) {
				if len(leaks(line)) > 0 {
					i := bytes.Index(line, []byte(canaries["gateway token"][:12]))
					t.Logf("in …%q…", line[max(0, i-200):min(len(line), max(i, 0)+200)])
					break
				}
			}
		}
		t.Logf("%7d bytes by %s", len(left[path]), path)
	}
}
