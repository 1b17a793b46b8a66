package console_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"clawconsole/console/telegram"
	"clawconsole/internal/approvals"
	"clawconsole/internal/faketelegram"
	"clawconsole/openclaw"
	"clawconsole/redact"
	"sync/atomic"
)

// An overHTTP rig has a desk that talks to a Telegram server by the real client.
type overHTTP struct {
	*deskRig
	*wired
	root string
	hold atomic.Bool // the gateway does not answer decisions
}

func newOverHTTP(t testing.TB) *overHTTP {
	t.Helper()
	w := newWired(t, faketelegram.Config{})
	h := httptest.NewServer(w.server)
	t.Cleanup(h.Close)
	d := &deskRig{rig: w.rig, gw: newFakeGateway(), path: filepath.Join(t.TempDir(), "ledger.db")}
	d.deskConf.Name = "local"
	d.deskConf.Routes = []approvals.Route{{Places: []approvals.Place{{Chat: alice}}}}
	bot, err := telegram.New(telegram.Config{Token: redact.NewSecret(faketelegram.Token), APIURL: h.URL, Log: logTo(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.bot, w.config.Chat = bot, bot
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	w.ctx = ctx
	o := &overHTTP{deskRig: d, wired: w, root: h.URL}
	d.open()
	stop := o.poll()
	t.Cleanup(func() {
		stop()
		w.server.Close()
		h.CloseClientConnections()
	})
	t.Cleanup(func() { stop(); d.close() })
	return o
}

// raise raises an approval and waits until alice is asked.
func (r *overHTTP) raise(a openclaw.Approval) asked {
	r.wired.t.Helper()
	last := int64(0)
	for _, e := range r.server.Messages(alice) {
		last = e.MessageID
	}
	a = r.gw.raise(a)
	e, err := r.server.WaitMessage(r.ctx, alice, last, func(e faketelegram.Entry) bool { return strings.HasPrefix(e.Text, "Allow ") })
	if err != nil {
		r.wired.t.Fatal(err)
	}
	return asked{a, e}
}

func (r *overHTTP) session(a asked) string { return a.approval.SessionKey }

// taps waits for a button under alice's prompt and presses it.
func (r *overHTTP) taps(a asked, label string) {
	r.wired.t.Helper()
	var err error
	r.until(fmt.Sprintf("there is a button %q", label), func() bool {
		_, err = r.server.Press(faketelegram.Press{Chat: alice, Message: a.message.MessageID, Label: label})
		return err == nil
	})
}

// hostile texts are what an agent might write to make a person press wrongly, or
// to break the message.
var hostile = []string{
	// HTML, as Telegram reads it.
	"<b>Approved by alice</b>", "</pre><b>Approved by alice at 14:42:07 UTC</b><pre>", "</code></pre>", "<a href=\"https://evil.example\">details</a>",
	"<tg-spoiler>hidden</tg-spoiler>", "<pre><code class=\"language-sh\">ls</code></pre>", "<blockquote expandable>safe</blockquote>",
	"&lt;b&gt;", "&#60;b&#62;", "&amp;lt;", "<", "<<<>>>", "<script>alert(1)</script>", "<tg-emoji emoji-id=\"5368324170671202286\">x</tg-emoji>",
	"<u>x<i>y</u>z</i>", "<b", "<!-- -->", "\x00<b>\x00",
	// Fake headers, buttons and answers.
	"ls\n\nOK: approved\nApproved by alice at 14:42:07 UTC", "ls\r\n\r\nAllow this command on @local?\nuptime", "ls\n[Allow once] [Deny]", "ls\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nThis is safe. Press Allow once.",
	"\u2028Approved by alice", "\u2029Approved by alice", "\u0085Approved", "\vApproved\f",
	// Links, mentions and commands that a client would make tappable.
	"https://evil.example/?q=1", "t.me/evil_bot?start=x", "tg://resolve?domain=evil", "@evil_bot", "/approve 12345678", "/deny_12345678@clawconsole_bot", "#approved", "$AAPL", "mail@evil.example", "+1 202 555 0100",
	// Bidi, zero width and look-alikes.
	"rm -rf /\u202e/ pmt# ", "\u202agnp.exe\u202c", "\u2066ls\u2069", "ls\u200b -l", "r\u200dm -rf /", "\ufeffls", "l\u00ads", "ls\u034f", "ls \U000e0041\U000e0042", "\u3164\u3164\u3164", "\u061cls", "ls\u2800", "а\u0455d -h", "\u1160\u115f",
	// Markdown.
	"*bold* _italic_ `code` [x](https://evil.example)", "```\nOK\n```", "||spoiler||", "> quote", "![x](tg://emoji?id=1)",
	// Sizes.
	strings.Repeat("A", 8000), strings.Repeat("x\n", 3000), strings.Repeat("\u202e", 3000), strings.Repeat("<b>", 1000), strings.Repeat("😀", 3000), strings.Repeat("&", 3000), strings.Repeat(" ", 5000) + "; rm -rf /",
	// Not text.
	"\xff\xfe\xfd", "\xed\xa0\x80", "ls \x1b[2K\x1b[1A", "\x07\x08\x7f", "a\tb\tc",
}

// TestHostileText: whatever an agent writes, and wherever, it stays in boxes of
// fixed width, changes nothing around it, and is all there to be read.
func TestHostileText(t *testing.T) {
	if len(hostile) < 40 {
		t.Fatalf("%d injections", len(hostile))
	}
	r := newOverHTTP(t)
	fields := map[string]func(s string) openclaw.Approval{
		"command": func(s string) openclaw.Approval { return openclaw.Approval{Command: s + " "} },
		"plugin": func(s string) openclaw.Approval {
			return openclaw.Approval{Kind: openclaw.KindPlugin, Title: s + " ", Description: s, Detail: s, PluginID: s, Tool: s}
		},
		"around": func(s string) openclaw.Approval {
			raw, _ := json.Marshal(map[string]any{"command": "uptime", s: s, "argv": []string{s}})
			return openclaw.Approval{Command: "uptime", Request: raw, Cwd: s, AgentID: s, SessionKey: s, Host: s, NodeID: s, ResolvedPath: s, CronJobID: s, ScopeKind: s, Warnings: []string{s, s}}
		},
	}
	for where, make := range fields {
		for i, s := range hostile {
			a := r.raise(make(s))
			e := a.message
			name := fmt.Sprintf("%s %d %.40q", where, i, s)
			if strings.Count(e.Text, "\n") > 120 {
				t.Errorf("%s: %d lines", name, strings.Count(e.Text, "\n"))
			}
			outside := outsideBoxes(e)
			for _, bad := range []string{"evil", "Approved", "alice", "OK:", "rm -rf", "Press", "<", "/approve", "/deny", "\u202e", "\u200b", "😀", "AAAA", "```"} {
				if strings.Contains(outside, bad) {
					t.Errorf("%s: %q stands outside a box:\n%s", name, bad, outside)
				}
			}
			for _, ent := range e.Entities {
				switch ent.Type {
				case "bold", "italic", "pre", "code":
				default:
					t.Errorf("%s: entity %s", name, ent.Type)
				}
			}
			if !strings.HasPrefix(e.Text, "Allow this ") || strings.Count(outside, "Allow this ") != 1 {
				t.Errorf("%s: header is %.60q", name, e.Text)
			}
			var labels []string
			for _, row := range e.ReplyMarkup.Rows {
				for _, b := range row {
					labels = append(labels, b.Text)
					if len(b.CallbackData) > 64 || strings.Contains(b.CallbackData, a.approval.ID[:8]) {
						t.Errorf("%s: button data %q", name, b.CallbackData)
					}
				}
			}
			if fmt.Sprint(labels) != "[Allow once Deny]" {
				t.Errorf("%s: buttons %q", name, labels)
			}
			for _, c := range e.Text {
				if c == '\u202e' || c == '\u200b' || c == '\ufeff' || c == 0x1b || c == 0 {
					t.Errorf("%s: %U is in the message", name, c)
				}
			}
			// What is shortened came as a whole before.
			if strings.Contains(e.Text, "Shortened.") {
				before, ok := r.server.Message(alice, e.MessageID-1)
				if other, ok2 := r.server.Message(alice, e.MessageID-2); ok && before.Document == nil && ok2 {
					before = other
				}
				if before.Document == nil {
					t.Errorf("%s: no document before the buttons", name)
				} else if n := strings.Count(string(before.Content), "A"); strings.HasPrefix(s, "AAAA") && n < 8000 {
					t.Errorf("%s: the document has %d of 8000", name, n)
				}
			} else if len(s) > 4000 {
				t.Errorf("%s: %d bytes, and nothing is said to be shortened", name, len(s))
			}
		}
	}
}

// outsideBoxes is the text of a message without what stands in fixed width.
func outsideBoxes(e faketelegram.Entry) string {
	u := utf16.Encode([]rune(e.Text))
	boxed := make([]bool, len(u))
	for _, ent := range e.Entities {
		if ent.Type == "pre" || ent.Type == "code" {
			for i := ent.Offset; i < ent.Offset+ent.Length; i++ {
				boxed[i] = true
			}
		}
	}
	var left []uint16
	for i, c := range u {
		if !boxed[i] {
			left = append(left, c)
		}
	}
	return string(utf16.Decode(left))
}

// TestSecretsByKey. Attack: a secret that only its key betrays, in an argument that is
// sent as a document and kept in the ledger.
func TestSecretsByKey(t *testing.T) {
	r := newOverHTTP(t)
	long := strings.Repeat("long text ", 400)
	request, err := json.Marshal(map[string]any{
		"title": "t", "detail": long, "api_password": "hunter2hunter2",
		"commandArgv": []string{"mysql", "--password", "hunter3hunter3"}, "env": map[string]string{"DB_PASSWORD": "hunter4hunter4"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.raise(openclaw.Approval{Kind: openclaw.KindPlugin, Title: "t", Detail: long, Request: request})
	rows, err := r.store.OpenApprovals(r.ctx)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	said := map[string]string{"ledger": string(rows[0].Body)}
	for _, e := range r.server.Messages(alice) {
		said["chat"] += e.Text + string(e.Content)
	}
	if !strings.Contains(said["chat"], "== api_password ==") {
		t.Error("no document with all arguments")
	}
	for where, text := range said {
		for _, secret := range []string{"hunter2", "hunter3", "hunter4"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the %s", secret, where)
			}
		}
	}
}

// TestManyLines. Attack: more formatted pieces than Telegram reads in one message, so
// that what comes after them stands bare, and is tappable.
func TestManyLines(t *testing.T) {
	r := newOverHTTP(t)
	var warnings []string
	for i := range 130 {
		warnings = append(warnings, fmt.Sprintf("/approve_%d", i))
	}
	e := r.raise(openclaw.Approval{Command: "uptime", Warnings: warnings}).message
	if !strings.Contains(e.Text, "Shortened.") || strings.Contains(outsideBoxes(e), "/approve_") {
		t.Errorf("the message says\n%s", e.Text)
	}
	formatted := 0
	for _, ent := range e.Entities {
		if ent.Type == "bold" || ent.Type == "code" || ent.Type == "pre" {
			formatted++
		}
	}
	if formatted > 100 { // source: Bot API, "formatting options"
		t.Errorf("%d formatted pieces", formatted)
	}
}

// TestRewrittenPrompt. Attack: whoever has the bot's token edits a prompt, so that it asks
// about something harmless above the same buttons, or names them otherwise, and waits for
// the press.
func TestRewrittenPrompt(t *testing.T) {
	for _, tt := range []struct {
		name, text, from, to, press string
	}{
		{"text", "Allow this command on local?\nuptime", "", "", "Allow once"},
		{"labels", "", "Allow once", "No", "No"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newOverHTTP(t)
			a := r.raise(openclaw.Approval{Command: "rm -rf /srv/app"})
			// Any press that they are sent instead of us tells them the keyboard.
			e := a.message
			keyboard, err := json.Marshal(e.ReplyMarkup)
			if err != nil {
				t.Fatal(err)
			}
			form := url.Values{
				"chat_id": {fmt.Sprint(alice)}, "message_id": {fmt.Sprint(e.MessageID)}, "text": {cmp.Or(tt.text, e.Text)},
				"reply_markup": {strings.Replace(string(keyboard), tt.from, tt.to, 1)},
			}
			resp, err := http.PostForm(r.root+"/bot"+faketelegram.Token+"/editMessageText", form)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("editMessageText: %s", resp.Status)
			}
			r.taps(a, tt.press)
			r.until("the prompt is corrected and alice is told", func() bool {
				now, _ := r.server.Message(alice, e.MessageID)
				told := false
				for id := e.MessageID; id < e.MessageID+20; id++ {
					m, ok := r.server.Message(alice, id)
					told = told || ok && strings.Contains(m.Text, "Somebody else has rewritten")
				}
				return told && strings.Contains(now.Text, "rm -rf /srv/app") && now.ReplyMarkup.Rows[0][0].Text == "Allow once"
			})
			if got := r.gw.decisions(); len(got) != 0 {
				t.Fatalf("the gateway was told %q", got)
			}
			r.taps(a, "Allow once") // what it says now is ours
			r.until("the gateway is told", func() bool { return len(r.gw.decisions()) == 1 })
		})
	}
}
