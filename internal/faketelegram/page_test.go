package faketelegram_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/chrometest"
	"clawconsole/internal/faketelegram"
)

// browse opens a browser for one test.
func browse(t *testing.T) (context.Context, *chrometest.Browser) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	b, err := chrometest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close the browser: %v", err)
		}
	})
	return ctx, b
}

// runBot answers updates with f until the test ends.
func runBot(t *testing.T, b *gotgbot.Bot, f func(gotgbot.Update)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		offset := int64(0)
		for ctx.Err() == nil {
			us, err := b.GetUpdatesWithContext(ctx, &gotgbot.GetUpdatesOpts{Offset: offset, Timeout: 20})
			if err != nil && ctx.Err() == nil {
				t.Errorf("GetUpdates: %v", err)
				return
			}
			for _, u := range us {
				f(u)
				offset = u.UpdateId + 1
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// shoot writes a screenshot into the folder SCREENSHOTS, if that is set.
func shoot(t *testing.T, ctx context.Context, p *chrometest.Page, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := p.Screenshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

const statusCard = `<b>OK: /status</b> @local
<b>Gateway</b> up 3 d 4 h · <code>2026.9.6</code>
<b>Sessions</b> 2 active of 14
<b>Approvals</b> none pending
<b>Channels</b> telegram ok, slack <i>reconnecting</i>
<b>Console</b> polled 2 s ago, ledger ok
<blockquote expandable><b>Last error</b>
14:02:10 slack: socket closed (1006)
14:02:11 slack: retry in 1 s
14:02:12 slack: retry in 2 s
14:02:14 slack: retry in 4 s
14:02:18 slack: connected</blockquote>`

func TestPage(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	b := client(t, root, faketelegram.Token)
	ctx, browser := browse(t)
	if _, err := b.SetMyCommands([]gotgbot.BotCommand{
		{Command: "help", Description: "what you may run"},
		{Command: "status", Description: "the gateway and its sessions"},
		{Command: "sessions", Description: "list of sessions"},
	}, nil); err != nil {
		t.Fatal(err)
	}
	button := func(text, data string) gotgbot.InlineKeyboardButton {
		return gotgbot.InlineKeyboardButton{Text: text, CallbackData: data}
	}
	release := make(chan struct{})
	runBot(t, b, func(u gotgbot.Update) {
		switch {
		case u.Message != nil && u.Message.Text == "/status":
			b.SendChatAction(u.Message.Chat.Id, "typing", nil)
			<-release
			b.SendMessage(u.Message.Chat.Id, statusCard, &gotgbot.SendMessageOpts{
				ParseMode: "HTML", DisableNotification: true,
				ReplyMarkup: gotgbot.InlineKeyboardMarkup{InlineKeyboard: [][]gotgbot.InlineKeyboardButton{{button("Refresh", "r"), button("Details", "d")}}},
			})
		case u.CallbackQuery != nil && u.CallbackQuery.Data == "d":
			b.AnswerCallbackQuery(u.CallbackQuery.Id, &gotgbot.AnswerCallbackQueryOpts{Text: "This approval has expired.\nNothing was run.", ShowAlert: true})
		case u.Message != nil && u.Message.ReplyToMessage != nil:
			b.SendMessage(u.Message.Chat.Id, "reason: "+u.Message.Text, nil)
		case u.CallbackQuery != nil && u.CallbackQuery.Data == "r":
			<-release
			b.EditMessageText(&gotgbot.EditMessageTextOpts{ChatId: u.CallbackQuery.From.Id, MessageId: u.CallbackQuery.Message.GetMessageId(), Text: "OK: refreshed"})
			b.AnswerCallbackQuery(u.CallbackQuery.Id, &gotgbot.AnswerCallbackQueryOpts{Text: "Fresh"})
			b.SendMessage(u.CallbackQuery.From.Id, "Why?", &gotgbot.SendMessageOpts{ReplyMarkup: gotgbot.ForceReply{ForceReply: true, InputFieldPlaceholder: "Reason"}})
		}
	})

	p, err := browser.Open(ctx, root+fmt.Sprintf("/#%d", alice), chrometest.Phone)
	if err != nil {
		t.Fatal(err)
	}
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(p.Click(ctx, fmt.Sprintf(`[data-chat="p%d.%d"]`, b.Id, alice)))
	step(p.Wait(ctx, `document.querySelector('#title').textContent === 'clawconsole' && !document.querySelector('#slash').hidden`))
	step(p.Click(ctx, "#text"))
	step(p.Type(ctx, "/st"))
	step(p.Wait(ctx, `document.querySelectorAll('#menu button').length === 1`))
	step(p.Type(ctx, "atus"))
	step(p.Key(ctx, "Enter"))
	step(p.Wait(ctx, `document.querySelector('#state').textContent === 'typing'`))
	release <- struct{}{}
	step(p.Wait(ctx, `document.querySelectorAll('.msg').length === 2 && document.querySelector('.msg:last-child .text b').textContent === 'OK: /status'`))
	step(p.Wait(ctx, `document.querySelector('.msg:last-child blockquote.expandable') && document.querySelector('.msg:last-child .silent')`))
	step(p.Click(ctx, "blockquote.expandable"))
	step(p.Wait(ctx, `document.querySelector('blockquote.open')`))

	step(p.Click(ctx, ".keyboard button:nth-child(2)"))
	step(p.Wait(ctx, `document.querySelector('#alert').open && document.querySelector('#alert p').textContent.startsWith('This approval')`))
	shoot(t, ctx, p, "alert")
	step(p.Click(ctx, "#alert button"))
	step(p.Wait(ctx, `!document.querySelector('#alert').open && !document.querySelector('.loading')`))

	step(p.Click(ctx, ".keyboard button"))
	step(p.Wait(ctx, `document.querySelector('.keyboard button').classList.contains('loading')`))
	release <- struct{}{}
	step(p.Wait(ctx, `!document.querySelector('#toast').hidden && document.querySelector('#toast').textContent === 'Fresh'`))
	step(p.Wait(ctx, `document.querySelector('.edited') && !document.querySelector('.keyboard')`))
	step(p.Wait(ctx, `!document.querySelector('#context').hidden && document.querySelector('#text').placeholder === 'Reason'`))
	step(p.Type(ctx, "not <b>now</b>"))
	shoot(t, ctx, p, "force-reply")
	step(p.Click(ctx, "#send"))
	step(p.Wait(ctx, `document.querySelector('.msg:last-child .text').innerText.startsWith('reason: not <b>now</b>') && document.querySelector('#context').hidden`))
	if ms := srv.Messages(alice); len(ms) != 5 || ms[3].ReplyToMessage == nil || ms[3].ReplyToMessage.MessageID != ms[2].MessageID {
		t.Errorf("messages = %+v", ms)
	}

	// What is deleted vanishes; what comes while another chat is open is counted.
	_, err = b.DeleteMessage(alice, srv.Messages(alice)[0].MessageID, nil)
	step(err)
	step(p.Wait(ctx, `document.querySelectorAll('.msg').length === 4`))
	step(p.Click(ctx, "#back"))
	_, err = b.SendMessage(alice, "while away", nil)
	step(err)
	step(p.Wait(ctx, fmt.Sprintf(`document.querySelector('[data-chat="p%d.%d"] em')?.textContent === '1'`, b.Id, alice)))

	// As somebody else, in a group.
	step(p.Click(ctx, fmt.Sprintf(`#people [data-user="%d"]`, faketelegram.Mallory)))
	step(p.Click(ctx, fmt.Sprintf(`[data-chat="g%d"]`, faketelegram.Supergroup)))
	step(p.Wait(ctx, `document.querySelector('#title').textContent === 'On-call'`))
	step(p.Click(ctx, "#text"))
	step(p.Type(ctx, "let me in"))
	step(p.Key(ctx, "Enter"))
	step(p.Wait(ctx, `document.querySelector('.msg.out')`))
	if ms := srv.Messages(faketelegram.Supergroup); len(ms) != 1 || ms[0].From.ID != faketelegram.Mallory {
		t.Errorf("messages = %+v", ms)
	}
	if f := p.Faults(); len(f) > 0 {
		t.Errorf("faults on the page: %q", f)
	}
}

// A page that is open while the demo starts anew follows the new world.
func TestPageReconnects(t *testing.T) {
	ctx, browser := browse(t)
	serveAt := func(addr string) (*faketelegram.Server, *httptest.Server) {
		t.Helper()
		srv, err := faketelegram.New(faketelegram.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		h := &httptest.Server{Listener: ln, Config: &http.Server{Handler: srv}}
		h.Start()
		t.Cleanup(func() { srv.Close(); h.CloseClientConnections(); h.Close() })
		return srv, h
	}
	srv, h := serveAt("127.0.0.1:0")
	for range 3 {
		srv.Send(faketelegram.Post{Chat: alice, Text: "before"})
	}
	p, err := browser.Open(ctx, fmt.Sprintf("%s/#%d/p7000001.%d", h.URL, alice, alice), chrometest.Phone)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(ctx, `document.querySelectorAll('.msg').length === 3`); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	h.CloseClientConnections()
	h.Close()
	if err := p.Wait(ctx, `document.body.classList.contains('offline')`); err != nil {
		t.Fatal(err)
	}
	again, _ := serveAt(h.Listener.Addr().String())
	again.Send(faketelegram.Post{Chat: alice, Text: "after"})
	if err := p.Wait(ctx, `!document.body.classList.contains('offline') && document.querySelectorAll('.msg').length === 1`); err != nil {
		t.Fatal(err)
	}
	again.Send(faketelegram.Post{Chat: alice, Text: "live again"})
	if err := p.Wait(ctx, `document.querySelectorAll('.msg').length === 2`); err != nil {
		t.Fatal(err)
	}
}

func TestPageKeepsOthersOut(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	body := fmt.Sprintf(`{"user":%d,"chat":"p7000001.%d","text":"/status"}`, alice, alice)
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"the page itself", func(*http.Request) {}, 200},
		{"another site", func(r *http.Request) { r.Header.Del("X-Chat") }, 403},
		{"a name that points here", func(r *http.Request) { r.Host = "evil.example:80" }, 421},
		{"no such chat", func(r *http.Request) { r.Body = readCloser(`{"user":1001,"chat":"p7000001.5"}`) }, 404},
		{"someone else's chat", func(r *http.Request) { r.Body = readCloser(`{"user":1002,"chat":"p7000001.1001","text":"x"}`) }, 403},
		{"no JSON", func(r *http.Request) { r.Body = readCloser(`user=1`) }, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest("POST", root+"/chat/send", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Chat", "1")
			r.Body = readCloser(body)
			tt.change(r)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("status = %d, want %d", res.StatusCode, tt.status)
			}
			if csp := res.Header.Get("Content-Security-Policy"); res.StatusCode != 421 && !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("policy = %q", csp)
			}
		})
	}
	if n := len(srv.Messages(alice)); n != 1 {
		t.Errorf("%d messages were sent, want 1", n)
	}
}

// All that the page shows comes from this server.
func TestPageNeedsNoNetwork(t *testing.T) {
	files, err := filepath.Glob("page/*")
	if err != nil || len(files) < 4 {
		t.Fatalf("files = %v, %v", files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "http://www.w3.org/2000/svg", "")
		for _, bad := range []string{"http://", "https://", "//cdn", "@import", "innerHTML", "eval("} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
	}
}

// scene fills the chats with what an operator sees on a bad night.
func scene(t *testing.T, srv *faketelegram.Server, b *gotgbot.Bot) {
	t.Helper()
	send := func(chat int64, text string, opts gotgbot.SendMessageOpts) int64 {
		t.Helper()
		opts.ParseMode = "HTML"
		m, err := b.SendMessage(chat, text, &opts)
		if err != nil {
			t.Fatal(err)
		}
		return m.MessageId
	}
	keys := func(rows ...[]gotgbot.InlineKeyboardButton) gotgbot.InlineKeyboardMarkup {
		return gotgbot.InlineKeyboardMarkup{InlineKeyboard: rows}
	}
	key := func(text, style string) gotgbot.InlineKeyboardButton {
		return gotgbot.InlineKeyboardButton{Text: text, CallbackData: text, Style: style}
	}
	says := func(chat int64, from int64, text string) int64 {
		return srv.Send(faketelegram.Post{Chat: chat, From: from, Text: text}).MessageID
	}
	quiet := gotgbot.SendMessageOpts{DisableNotification: true}

	says(alice, alice, "/status")
	send(alice, statusCard, gotgbot.SendMessageOpts{DisableNotification: true, ReplyMarkup: keys([]gotgbot.InlineKeyboardButton{key("Refresh", ""), key("Details", "")})})
	says(alice, alice, "/logs --tail 6")
	send(alice, "<b>OK: /logs --tail 6</b> @local\n<pre>03:12:04 INFO  gateway: listening on 127.0.0.1:18789\n03:12:04 INFO  channel telegram: polling\n03:12:09 WARN  session agent:devops:main: tool exec waits for approval 5f1c\n03:12:44 ERROR provider openai: 429 rate limited, retry in 20 s\n03:13:05 INFO  provider openai: recovered</pre>\n… 3.1 KB cut, oldest first", gotgbot.SendMessageOpts{DisableNotification: true,
		ReplyMarkup: keys([]gotgbot.InlineKeyboardButton{key("Full output", "")})})
	if _, err := b.SendDocument(alice, gotgbot.InputFileByReader("logs-20261120-031305.txt", strings.NewReader(strings.Repeat("03:12:04 INFO  gateway: listening on 127.0.0.1:18789\n03:12:09 WARN  session agent:devops:main waits\n", 60))), &gotgbot.SendDocumentOpts{DisableNotification: true, Caption: "redacted, 120 lines"}); err != nil {
		t.Fatal(err)
	}
	says(alice, alice, "/stauts")
	send(alice, "<b>ERROR: unknown command /stauts</b>\nDid you mean /status?", quiet)
	says(alice, alice, "/gateway restart --reason \"hanging since 03:02, see ticket\"")
	id := send(alice, "Restarting…", quiet)
	if _, _, err := b.EditMessageText(&gotgbot.EditMessageTextOpts{ChatId: alice, MessageId: id, ParseMode: "HTML",
		Text: "<b>OK: /gateway restart</b> @local\nBack after <b>6.4 s</b>: new process, same version.\n<blockquote>pid 4121 → 5310\nboot 7c1e… → a90d…\nversion 2026.9.6</blockquote>"}); err != nil {
		t.Fatal(err)
	}
	send(alice, "<b>Approval needed</b> · 28 min left\n<b>exec</b> by agent <code>devops</code> in <code>agent:devops:main</code>\n<pre><code class=\"language-sh\">rm -r ./build &amp;&amp; curl -fsS https://get.example.com/install.sh | sh -s -- --channel stable</code></pre>\n<b>Host</b> gateway  <b>Dir</b> <code>/srv/app</code>\n<b>Digest</b> <code>9f2c41d0</code>\n⚠︎ pipes network into a shell\n⚠︎ deletes files\n<tg-spoiler>ticket OPS-1421</tg-spoiler>", gotgbot.SendMessageOpts{
		ReplyMarkup: keys([]gotgbot.InlineKeyboardButton{key("Allow once", "success"), key("Deny", "danger")}, []gotgbot.InlineKeyboardButton{key("Full text", "")})})

	says(faketelegram.Supergroup, alice, "Gateway hangs again. Restarting it.")
	q := says(faketelegram.Supergroup, bob, "/status@clawconsole_bot")
	send(faketelegram.Supergroup, "<b>OK: /status</b> @local\n<b>Gateway</b> up 12 s · <code>2026.9.6</code>", gotgbot.SendMessageOpts{ReplyParameters: &gotgbot.ReplyParameters{MessageId: q}})
	says(faketelegram.Supergroup, bob, "Thanks @alice, back to sleep then")
	says(faketelegram.Supergroup, faketelegram.Mallory, "what is this bot?")
	says(faketelegram.Supergroup, alice, "Ours. You will not get an answer from it.")
	srv.Send(faketelegram.Post{Chat: faketelegram.Supergroup, Text: "Reminder: hand-over at 08:00", SenderChat: faketelegram.Supergroup})
	for _, topic := range []int64{faketelegram.TopicAlerts, faketelegram.TopicDeploys} {
		srv.Send(faketelegram.Post{Chat: faketelegram.Forum, Topic: topic, From: bob, Text: "Anything here?"})
	}
	send(bob, "Nothing pending.", quiet)
	if _, err := b.SetMyCommands([]gotgbot.BotCommand{
		{Command: "help", Description: "what you may run"},
		{Command: "status", Description: "gateway, sessions, approvals"},
		{Command: "sessions", Description: "list of sessions"},
		{Command: "logs", Description: "newest log lines"},
		{Command: "gateway", Description: "status, restart, start"},
		{Command: "pending", Description: "open approvals with their buttons"},
		{Command: "lock", Description: "end the unlocked time now"},
	}, nil); err != nil {
		t.Fatal(err)
	}
}

// Whatever is shown, in both schemes: nothing is wider than the phone, and the
// page has no faults. With SCREENSHOTS set to a folder, pictures go there.
func TestPageLook(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	b := client(t, root, faketelegram.Token)
	scene(t, srv, b)
	ctx, browser := browse(t)
	private := fmt.Sprintf("%d/p%d.%d", alice, b.Id, alice)
	for _, dark := range []bool{false, true} {
		view := chrometest.Phone
		view.Dark = dark
		scheme := map[bool]string{false: "light", true: "dark"}[dark]
		for _, tt := range []struct{ name, hash, ready, then string }{
			{"list", fmt.Sprint(alice), `document.querySelectorAll('#chats button').length === 5`, ``},
			{"private", private, `document.querySelectorAll('.msg').length === 10 && document.querySelector('.preview').textContent`, ``},
			{"private-top", private, `document.querySelector('.preview')?.textContent`, `document.querySelector('#scroll').scrollTop = 0`},
			{"private-middle", private, `document.querySelector('.preview')?.textContent`, `document.querySelector('#scroll').scrollTop = 560`},
			{"menu", private, `document.querySelector('.preview')?.textContent && !document.querySelector('#slash').hidden`, `document.querySelector('#slash').click()`},
			{"group", fmt.Sprintf("%d/g%d", alice, faketelegram.Supergroup), `document.querySelectorAll('.msg').length === 7`, ``},
			{"forum", fmt.Sprintf("%d/g%d/%d", bob, faketelegram.Forum, faketelegram.TopicAlerts), `document.querySelectorAll('.msg').length === 1`, ``},
		} {
			t.Run(tt.name+"-"+scheme, func(t *testing.T) {
				p, err := browser.Open(ctx, root+"/#"+tt.hash, view)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close(ctx)
				if err := p.Wait(ctx, tt.ready); err != nil {
					t.Fatal(err)
				}
				if tt.then != "" {
					if err := p.Eval(ctx, tt.then+"; 0", nil); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Eval(ctx, `new Promise((ok) => setTimeout(ok, 300))`, nil); err != nil { // lets transitions end
					t.Fatal(err)
				}
				shoot(t, ctx, p, tt.name+"-"+scheme)
				var wide []string
				if err := p.Eval(ctx, `[...document.querySelectorAll('.bubble, .keyboard, .bar, #composer, #chats button, #people button')]
					.filter((e) => e.offsetParent && (e.getBoundingClientRect().right > 390.5 || e.getBoundingClientRect().left < -0.5 || e.scrollWidth > e.clientWidth + 1))
					.map((e) => e.className + ' ' + e.innerText.slice(0, 40) + ' ' + e.scrollWidth + '>' + e.clientWidth)`, &wide); err != nil {
					t.Fatal(err)
				}
				if len(wide) > 0 {
					t.Errorf("too wide: %q", wide)
				}
				if f := p.Faults(); len(f) > 0 {
					t.Errorf("faults on the page: %q", f)
				}
			})
		}
	}
	if os.Getenv("SCREENSHOTS") != "" {
		p, err := browser.Open(ctx, root+"/#"+private, chrometest.View{Width: 1180, Height: 800, Scale: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(ctx, `document.querySelector('.preview')?.textContent`); err != nil {
			t.Fatal(err)
		}
		shoot(t, ctx, p, "desktop-light")
	}
}
