package faketelegram_test

import (
	"context"
	"fmt"
	"net/http"
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

	step(p.Click(ctx, ".keyboard button"))
	step(p.Wait(ctx, `document.querySelector('.keyboard button').classList.contains('loading')`))
	release <- struct{}{}
	step(p.Wait(ctx, `!document.querySelector('#toast').hidden && document.querySelector('#toast').textContent === 'Fresh'`))
	step(p.Wait(ctx, `document.querySelector('.edited') && !document.querySelector('.keyboard')`))
	step(p.Wait(ctx, `!document.querySelector('#context').hidden && document.querySelector('#text').placeholder === 'Reason'`))
	step(p.Type(ctx, "not <b>now</b>"))
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
			if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
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
