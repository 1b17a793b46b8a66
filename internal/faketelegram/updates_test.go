package faketelegram_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/faketelegram"
)

func TestOffsets(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	for i := range 5 {
		srv.Send(faketelegram.Post{Chat: alice, Text: fmt.Sprint(i)})
	}
	all := ids(updates(t, b, gotgbot.GetUpdatesOpts{}))
	if len(all) != 5 || all[4] != all[0]+4 {
		t.Fatalf("updates = %v", all)
	}
	check := func(opts gotgbot.GetUpdatesOpts, want []int64) {
		t.Helper()
		if got := ids(updates(t, b, opts)); !slices.Equal(got, want) {
			t.Fatalf("GetUpdates(%+v) = %v, want %v", opts, got, want)
		}
	}
	check(gotgbot.GetUpdatesOpts{Offset: all[0]}, all) // not confirmed by being fetched
	check(gotgbot.GetUpdatesOpts{Offset: all[1], Limit: 2}, all[1:3])
	check(gotgbot.GetUpdatesOpts{}, all[1:]) // confirmed is gone
	check(gotgbot.GetUpdatesOpts{Offset: -2}, all[3:])
	check(gotgbot.GetUpdatesOpts{}, all[3:]) // so is what a negative offset skipped
	check(gotgbot.GetUpdatesOpts{Offset: -9}, all[3:])
	check(gotgbot.GetUpdatesOpts{Offset: all[4] + 1}, nil)
	if got := srv.Unconfirmed(); len(got) != 0 {
		t.Fatalf("unconfirmed = %v", got)
	}

	if !srv.Redeliver(all[2]) || srv.Redeliver(1) {
		t.Fatal("Redeliver knows what it should not, or not what it should")
	}
	check(gotgbot.GetUpdatesOpts{Offset: all[4] + 1}, all[2:3])
	check(gotgbot.GetUpdatesOpts{Offset: all[2] + 1}, nil)

	srv.SetNextUpdateID(7)
	srv.Send(faketelegram.Post{Chat: alice, Text: "after a quiet week"})
	check(gotgbot.GetUpdatesOpts{}, []int64{7})
	if srv.LastUpdate() != 7 {
		t.Errorf("LastUpdate = %d", srv.LastUpdate())
	}
}

func TestUpdatesAreBounded(t *testing.T) {
	srv, b := start(t, faketelegram.Config{MaxUpdates: 3, MaxMessages: 4, MaxCalls: 2})
	var last faketelegram.Message
	for i := range 20 {
		last = srv.Send(faketelegram.Post{Chat: alice, Text: fmt.Sprint(i)})
	}
	if us := updates(t, b, gotgbot.GetUpdatesOpts{}); len(us) != 3 || us[2].Message.Text != "19" {
		t.Errorf("updates = %v", ids(us))
	}
	if ms := srv.Messages(alice); len(ms) > 5 || ms[len(ms)-1].MessageID != last.MessageID || last.MessageID != 20 {
		t.Errorf("%d messages, last %d", len(ms), last.MessageID)
	}
	if e, ok := srv.Message(alice, 19); !ok || e.Text != "18" {
		t.Errorf("message 19 = %+v, %v", e, ok)
	}
	if _, ok := srv.Message(alice, 1); ok {
		t.Error("message 1 is still there")
	}
	updates(t, b, gotgbot.GetUpdatesOpts{})
	if cs := srv.Calls(); len(cs) != 2 {
		t.Errorf("%d calls", len(cs))
	}
}

func TestLongPoll(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	got := make(chan []gotgbot.Update)
	go func() {
		us, err := b.GetUpdates(&gotgbot.GetUpdatesOpts{Timeout: 50})
		if err != nil {
			t.Error(err)
		}
		got <- us
	}()
	if err := srv.Wait(deadline(t), srv.Polling); err != nil {
		t.Fatal(err)
	}
	srv.Send(faketelegram.Post{Chat: alice, Text: "wake up"})
	if us := <-got; len(us) != 1 || us[0].Message.Text != "wake up" {
		t.Errorf("updates = %+v", us)
	}
	if srv.Polling() {
		t.Error("still polling")
	}
}

func TestSecondPollerEndsTheFirst(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	first, second := make(chan error), make(chan error)
	poll := func(out chan error, ctx context.Context) {
		_, err := b.GetUpdatesWithContext(ctx, &gotgbot.GetUpdatesOpts{Timeout: 50})
		out <- err
	}
	go poll(first, t.Context())
	if err := srv.Wait(deadline(t), srv.Polling); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go poll(second, ctx)
	refused(t, <-first, 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
	if err := srv.Wait(deadline(t), srv.Polling); err != nil {
		t.Fatal(err)
	}
	cancel() // a client that goes away is no poller any more
	if <-second == nil {
		t.Error("no error")
	}
	if err := srv.Wait(deadline(t), func() bool { return !srv.Polling() }); err != nil {
		t.Fatal(err)
	}
}

func TestAllowedUpdates(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	m := must[*gotgbot.Message](t)(b.SendMessage(alice, "x", nil))
	updates(t, b, gotgbot.GetUpdatesOpts{AllowedUpdates: []string{"callback_query"}})
	sent := srv.Send(faketelegram.Post{Chat: alice, Text: "unwanted"})
	if _, err := srv.Press(faketelegram.Press{Chat: alice, Message: m.MessageId, Data: "forged"}); err != nil {
		t.Fatal(err)
	}
	us := updates(t, b, gotgbot.GetUpdatesOpts{})
	if len(us) != 1 || us[0].CallbackQuery == nil || us[0].CallbackQuery.Data != "forged" {
		t.Fatalf("updates = %+v", us)
	}
	if _, err := srv.Press(faketelegram.Press{Chat: alice, Message: sent.MessageID, Data: "x"}); err == nil {
		t.Error("a button was pressed on a person's message")
	}
}

func TestWebhook(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	type delivery struct {
		secret string
		update gotgbot.Update
	}
	got := make(chan delivery, 10)
	failures := 1
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if failures > 0 { // deliveries come one after the other
			failures--
			http.Error(rw, "not yet", http.StatusBadGateway)
			return
		}
		var d delivery
		d.secret = r.Header.Get("X-Telegram-Bot-Api-Secret-Token")
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &d.update); err != nil {
			t.Error(err)
		}
		got <- d
	}))
	defer hook.Close()

	polled := make(chan error)
	go func() {
		_, err := b.GetUpdates(&gotgbot.GetUpdatesOpts{Timeout: 50})
		polled <- err
	}()
	if err := srv.Wait(deadline(t), srv.Polling); err != nil {
		t.Fatal(err)
	}
	_, err := b.SetWebhook("http://hook.example.com/", nil)
	refused(t, err, 400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
	_, err = b.SetWebhook(hook.URL, &gotgbot.SetWebhookOpts{SecretToken: "no spaces"})
	refused(t, err, 400, "Bad Request: secret token contains unallowed characters")
	if _, err := b.SetWebhook(hook.URL+"/hook", &gotgbot.SetWebhookOpts{SecretToken: "s-3_cret"}); err != nil {
		t.Fatal(err)
	}
	refused(t, <-polled, 409, "Conflict: terminated by setWebhook request")
	_, err = b.GetUpdates(nil)
	refused(t, err, 409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")

	for i := range 3 {
		srv.Send(faketelegram.Post{Chat: alice, Text: fmt.Sprint(i)})
	}
	for i := range 3 {
		select {
		case d := <-got:
			if d.secret != "s-3_cret" || d.update.Message.Text != fmt.Sprint(i) {
				t.Errorf("delivery %d = %+v", i, d)
			}
		case <-deadline(t).Done():
			t.Fatal("no delivery")
		}
	}
	if err := srv.Wait(deadline(t), func() bool { return len(srv.Unconfirmed()) == 0 }); err != nil {
		t.Fatal(err)
	}
	info := must[*gotgbot.WebhookInfo](t)(b.GetWebhookInfo(nil))
	if info.Url != hook.URL+"/hook" || info.PendingUpdateCount != 0 || info.LastErrorMessage != "Wrong response from the webhook: 502 Bad Gateway" {
		t.Errorf("info = %+v", info)
	}
	if _, err := b.DeleteWebhook(nil); err != nil {
		t.Fatal(err)
	}
	srv.Send(faketelegram.Post{Chat: alice, Text: "polled"})
	if us := updates(t, b, gotgbot.GetUpdatesOpts{Timeout: 5}); len(us) != 1 || us[0].Message.Text != "polled" {
		t.Errorf("updates = %+v", us)
	}
}

// Content types other than gotgbot's.
func TestContentTypes(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	url := root + "/bot" + faketelegram.Token + "/SENDmessage"
	post := func(kind, body string) string {
		t.Helper()
		res, err := http.Post(url, kind, stringReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return fmt.Sprint(res.StatusCode, " ", string(text))
	}
	post("application/json; charset=utf-8", `{"chat_id":1001,"text":"json","disable_notification":true,"parse_mode":null,"reply_markup":{"force_reply":true,"input_field_placeholder":"why"}}`)
	post("application/x-www-form-urlencoded", "chat_id=1001&text=form+text&protect_content=true")
	res, err := http.Get(url + "?chat_id=1001&text=query")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	ms := srv.Messages(alice)
	if len(ms) != 3 || ms[0].Text != "json" || !ms[0].Silent || ms[0].ForceReply == nil || ms[0].ForceReply.Placeholder != "why" ||
		ms[1].Text != "form text" || !ms[1].HasProtectedContent || ms[2].Text != "query" {
		t.Errorf("messages = %+v", ms)
	}
	if got, want := post("application/json", `{"chat_id":`), `400 {"ok":false,"error_code":400,"description":"Bad Request: can't parse JSON object"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for path, want := range map[string]string{
		"/bot1:wrong/getMe":                   `{"ok":false,"error_code":401,"description":"Unauthorized"}`,
		"/bot" + faketelegram.Token:           `{"ok":false,"error_code":404,"description":"Not Found"}`,
		"/bot" + faketelegram.Token + "/nope": `{"ok":false,"error_code":404,"description":"Not Found: method not found"}`,
	} {
		res, err := http.Get(root + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != want {
			t.Errorf("%s = %s, want %s", path, body, want)
		}
	}
}

func TestFaults(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	var fault atomic.Pointer[faketelegram.Fault]
	srv.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method == "sendMessage" && c.Params["chat_id"] == "1001" {
			return fault.Load()
		}
		return nil
	})
	send := func() error {
		_, err := b.SendMessage(alice, "x", nil)
		return err
	}
	sent := func(want int) {
		t.Helper()
		if got := len(srv.Messages(alice)); got != want {
			t.Errorf("%d messages, want %d", got, want)
		}
	}
	fault.Store(faketelegram.TooManyRequests(7))
	err := send()
	refused(t, err, 429, "Too Many Requests: retry after 7")
	if e := err.(*gotgbot.TelegramError); e.ResponseParams == nil || e.ResponseParams.RetryAfter != 7 {
		t.Errorf("parameters = %+v", e.ResponseParams)
	}
	sent(0)
	fault.Store(&faketelegram.Fault{Drop: true})
	if err := send(); err == nil {
		t.Error("no error from a dropped connection")
	}
	sent(0)
	fault.Store(&faketelegram.Fault{Drop: true, AfterEffect: true})
	if err := send(); err == nil {
		t.Error("no error from a dropped connection")
	}
	sent(1)
	fault.Store(&faketelegram.Fault{Status: 502, Body: "<html>bad gateway"})
	if err := send(); err == nil {
		t.Error("no error from a proxy's page")
	}
	sent(1)
	fault.Store(&faketelegram.Fault{Error: &faketelegram.Error{Code: 500, Description: "Internal Server Error"}, AfterEffect: true})
	refused(t, send(), 500, "Internal Server Error")
	sent(2)
	fault.Store(&faketelegram.Fault{Hang: true})
	_, err = b.SendMessage(alice, "x", &gotgbot.SendMessageOpts{RequestOpts: &gotgbot.RequestOpts{Timeout: 30 * time.Millisecond}})
	if err == nil {
		t.Error("no error from a hanging call")
	}
	sent(2)
	fault.Store(&faketelegram.Fault{Delay: time.Millisecond})
	if err := send(); err != nil {
		t.Error(err)
	}
	sent(3)
	calls := srv.Calls("sendmessage")
	if len(calls) != 7 || calls[0].Err == nil || calls[0].Err.RetryAfter != 7 || calls[6].Err != nil || !calls[6].Done || calls[6].Took < time.Millisecond {
		t.Errorf("calls = %+v", calls)
	}
}

// Hours pass in a bubble, where the handler is called without a network.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := faketelegram.New(faketelegram.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		call := func(query string) string {
			rw := httptest.NewRecorder()
			srv.ServeHTTP(rw, httptest.NewRequest("GET", "http://127.0.0.1/bot"+faketelegram.Token+"/"+query, nil))
			return rw.Body.String()
		}
		const none = `{"ok":true,"result":[]}`
		began := time.Now()
		if got := call("getUpdates?timeout=90"); got != none || time.Since(began) != 50*time.Second {
			t.Errorf("an empty poll is %s after %v, want 50 s, the most Telegram waits", got, time.Since(began))
		}
		m := srv.Send(faketelegram.Post{Chat: alice, Text: "/old"})
		time.Sleep(23 * time.Hour)
		srv.Send(faketelegram.Post{Chat: alice, Text: "/new"})
		if n := len(srv.Unconfirmed()); n != 2 {
			t.Errorf("%d updates after 23 hours", n)
		}
		time.Sleep(2 * time.Hour)
		if got := call("getUpdates?limit=1"); !strings.Contains(got, "/new") {
			t.Errorf("after 25 hours: %s", got)
		}
		time.Sleep(24 * time.Hour)
		if got := call("getUpdates"); got != none {
			t.Errorf("after two days: %s", got)
		}
		if got, want := call(fmt.Sprintf("deleteMessage?chat_id=%d&message_id=%d", alice, m.MessageID)),
			`{"ok":false,"error_code":400,"description":"Bad Request: message can't be deleted"}`; got != want {
			t.Errorf("deleting after two days: %s", got)
		}
	})
}
