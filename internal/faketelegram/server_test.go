package faketelegram_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/faketelegram"
)

const (
	alice = faketelegram.Alice
	bob   = faketelegram.Bob
)

// start serves a world and gives a real client of its first bot.
func start(t *testing.T, cfg faketelegram.Config) (*faketelegram.Server, *gotgbot.Bot) {
	t.Helper()
	srv, root := serve(t, cfg)
	token := faketelegram.Token
	if len(cfg.Bots) > 0 {
		token = cfg.Bots[0].Token
	}
	return srv, client(t, root, token)
}

func serve(t *testing.T, cfg faketelegram.Config) (*faketelegram.Server, string) {
	t.Helper()
	srv, err := faketelegram.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		h.CloseClientConnections()
		h.Close()
	})
	return srv, h.URL
}

func client(t *testing.T, root, token string) *gotgbot.Bot {
	t.Helper()
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxIdleConnsPerHost = 64
	t.Cleanup(tr.CloseIdleConnections)
	b, err := gotgbot.NewBot(token, &gotgbot.BotOpts{
		BotClient: &gotgbot.BaseBotClient{
			Client:             http.Client{Transport: tr},
			DefaultRequestOpts: &gotgbot.RequestOpts{Timeout: 30 * time.Second, APIURL: root},
		},
	})
	if err != nil {
		t.Fatalf("NewBot: %v", err)
	}
	return b
}

// deadline is a context that ends long after what is waited for.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks that Telegram says no in these words.
func refused(t *testing.T, err error, code int, description string) {
	t.Helper()
	var e *gotgbot.TelegramError
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want %d %q", err, code, description)
	}
	if e.Code != code || e.Description != description {
		t.Fatalf("error = %d %q, want %d %q", e.Code, e.Description, code, description)
	}
}

func updates(t *testing.T, b *gotgbot.Bot, opts gotgbot.GetUpdatesOpts) []gotgbot.Update {
	t.Helper()
	us, err := b.GetUpdates(&opts)
	if err != nil {
		t.Fatalf("GetUpdates(%+v): %v", opts, err)
	}
	return us
}

func ids(us []gotgbot.Update) []int64 {
	var ids []int64
	for _, u := range us {
		ids = append(ids, u.UpdateId)
	}
	return ids
}

func TestConversation(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	if b.Username != "clawconsole_bot" || !b.CanReadAllGroupMessages {
		t.Fatalf("getMe = %+v", b.User)
	}
	sent := srv.Send(faketelegram.Post{Chat: alice, Text: "/status --verbose"})
	us := updates(t, b, gotgbot.GetUpdatesOpts{Timeout: 10})
	if len(us) != 1 || us[0].Message == nil || us[0].Message.Text != "/status --verbose" || us[0].Message.From.Id != alice {
		t.Fatalf("updates = %+v", us)
	}
	if e := us[0].Message.Entities; len(e) != 1 || e[0].Type != "bot_command" || e[0].Length != 7 {
		t.Fatalf("entities = %+v", e)
	}
	m := must[*gotgbot.Message](t)(b.SendMessage(alice, "<b>OK</b>: /status", &gotgbot.SendMessageOpts{
		ParseMode: "HTML", DisableNotification: true,
		ReplyParameters: &gotgbot.ReplyParameters{MessageId: sent.MessageID},
		ReplyMarkup: gotgbot.InlineKeyboardMarkup{InlineKeyboard: [][]gotgbot.InlineKeyboardButton{
			{{Text: "Again", CallbackData: "again"}}}},
	}))
	if m.Text != "OK: /status" || m.ReplyToMessage == nil || m.ReplyToMessage.MessageId != sent.MessageID {
		t.Fatalf("message = %+v", m)
	}
	e := must[faketelegram.Entry](t)(srv.WaitMessage(deadline(t), alice, sent.MessageID, faketelegram.Contains("OK")))
	if !e.Silent || e.MessageID != m.MessageId {
		t.Fatalf("entry = %+v", e)
	}

	p := must[faketelegram.Pressed](t)(srv.Press(faketelegram.Press{Chat: alice, Message: e.MessageID, Label: "Again"}))
	us = updates(t, b, gotgbot.GetUpdatesOpts{Offset: us[0].UpdateId + 1, Timeout: 10})
	if len(us) != 1 || us[0].CallbackQuery == nil || us[0].CallbackQuery.Data != "again" || us[0].CallbackQuery.Id != p.ID {
		t.Fatalf("updates = %+v", us)
	}
	if _, err := b.AnswerCallbackQuery(p.ID, &gotgbot.AnswerCallbackQueryOpts{Text: "on it", ShowAlert: true}); err != nil {
		t.Fatal(err)
	}
	if a := must[faketelegram.PressAnswer](t)(p.Wait(deadline(t))); a.Text != "on it" || !a.Alert {
		t.Fatalf("answer = %+v", a)
	}
	_, err := b.AnswerCallbackQuery(p.ID, nil)
	refused(t, err, 400, "Bad Request: query is too old and response timeout expired or query ID is invalid")

	edit := func(text string) error {
		_, _, err := b.EditMessageText(&gotgbot.EditMessageTextOpts{Text: text, ChatId: alice, MessageId: e.MessageID, ParseMode: "HTML"})
		return err
	}
	if err := edit("done"); err != nil {
		t.Fatal(err)
	}
	refused(t, edit(" done "), 400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	if e, _ = srv.Message(alice, e.MessageID); e.Text != "done" || len(e.Versions) != 1 || e.Versions[0].Text != "OK: /status" || e.ReplyMarkup != nil || e.EditDate == 0 {
		t.Fatalf("entry = %+v", e)
	}
	if _, err := b.DeleteMessage(alice, sent.MessageID, nil); err != nil {
		t.Fatal(err)
	}
	if e, _ := srv.Message(alice, sent.MessageID); !e.Deleted || e.DeletedBy != b.Id {
		t.Fatalf("entry = %+v", e)
	}
	_, err = b.DeleteMessage(alice, sent.MessageID, nil)
	refused(t, err, 400, "Bad Request: message to delete not found")

	var methods []string
	for _, c := range srv.Calls() {
		methods = append(methods, c.Method)
	}
	if got, want := strings.Join(methods, " "), "getMe getUpdates sendMessage getUpdates answerCallbackQuery answerCallbackQuery editMessageText editMessageText deleteMessage deleteMessage"; got != want {
		t.Errorf("calls = %s, want %s", got, want)
	}
}
