package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/console"
	"clawconsole/internal/faketelegram"
	"clawconsole/redact"
)

func decoder(t *testing.T, apiURL string) *Bot {
	t.Helper()
	b, err := New(Config{Token: redact.NewSecret("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), APIURL: apiURL})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Attack: an update that ends the process. It is never confirmed, so it does the
// same at every start.
func TestOddUpdates(t *testing.T) {
	b := decoder(t, "")
	const huge = "9223372036854775807"
	for _, raw := range []string{
		`{"update_id":7,"my_chat_member":{}}`,
		`{"update_id":7,"my_chat_member":{"chat":{"id":-5,"type":"group"},"new_chat_member":null}}`,
		`{"update_id":7,"callback_query":{}}`,
		`{"update_id":7,"callback_query":{"message":{"date":0,"chat":{"id":9}}}}`,
		`{"update_id":7,"callback_query":{"message":{"date":1,"chat":{"id":9},"reply_markup":{"inline_keyboard":[null,[{}]]}}}}`,
		`{"update_id":7,"message":{}}`,
		`{"update_id":7,"edited_message":{"caption":"\udfff"}}`,
		`{"update_id":7,"message":{"text":"\ud800","entities":[{"type":"mention","offset":` + huge + `,"length":` + huge + `}],"reply_to_message":{}}}`,
		`{"update_id":7,"message":{"date":` + huge + `,"text":"x"}}`,
		`{"update_id":7,"message":{"date":-` + huge + `,"text":"x","from":{"id":-` + huge + `},"chat":{"id":` + huge + `}}}`,
	} {
		in, _ := b.Decode([]byte(raw))
		if in.UpdateID != 7 {
			t.Errorf("%s: update %d", raw, in.UpdateID)
		}
		if _, err := json.Marshal(in); err != nil { // as the console stores it, or panics
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// Attack: with the stolen phone, write a command now and have Telegram send it when
// its owner has unlocked the console.
func TestScheduledIsNoCommand(t *testing.T) {
	b := decoder(t, "")
	const form = `{"update_id":7,"message":{"message_id":1,"date":1,"chat":{"id":9,"type":"private"},"from":{"id":9},"text":"/gateway restart"%s}}`
	for more, want := range map[string]console.Origin{"": console.Person, `,"is_from_offline":true`: console.Other} {
		in, err := b.Decode(fmt.Appendf(nil, form, more))
		if err != nil || in.Message.Origin != want {
			t.Errorf("%q: %+v, %v", more, in.Message, err)
		}
	}
}

// Attack: send data that is of no button under that message.
func TestStray(t *testing.T) {
	b := decoder(t, "")
	const form = `{"update_id":7,"callback_query":{"id":"1","from":{"id":9},"data":%q,"message":{"message_id":1,"date":%d,"chat":{"id":9,"type":"private"},
		"reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":"one"}],[{"text":"b","callback_data":"two"}]]}}}}`
	for _, tt := range []struct {
		data string
		date int // 0: the message is not accessible
		want bool
	}{{"two", 1, false}, {"three", 1, true}, {"", 1, true}, {"two", 0, true}} {
		in, err := b.Decode(fmt.Appendf(nil, form, tt.data, tt.date))
		if err != nil || in.Press.Stray != tt.want || in.Press.ChatID != 9 {
			t.Errorf("%+v: %+v, %v", tt, in.Press, err)
		}
	}
}

type inboxFunc func([]console.Incoming) error

func (f inboxFunc) Receive(_ context.Context, in []console.Incoming) error { return f(in) }

// Attack: updates without a readable id. They cannot be confirmed, and were asked
// for again without a pause.
func TestUnreadableIDsAreNoHotLoop(t *testing.T) {
	var polls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getMe") {
			fmt.Fprint(w, `{"ok":true,"result":{"id":1,"is_bot":true,"username":"b"}}`)
			return
		}
		polls.Add(1)
		fmt.Fprint(w, `{"ok":true,"result":[{"update_id":99999999999999999999},{}]}`)
	}))
	defer s.Close()
	b := decoder(t, s.URL)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, inboxFunc(func([]console.Incoming) error { return nil }))
	}()
	for deadline := time.Now().Add(10 * time.Second); b.Status().Err == nil; {
		if time.Now().After(deadline) || polls.Load() > 50 {
			t.Fatalf("%d polls, no error", polls.Load())
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := polls.Load(); n > 2 {
		t.Errorf("polled %d times", n)
	}
}

// Attack: a session's title, a job's name, an error or an agent's answer says
// "console locked, open https://…, or /lock", and a tired operator taps it. Of what
// others wrote Telegram makes nothing that can be tapped, in any part of a reply.
func TestNothingForeignIsTappable(t *testing.T) {
	srv, err := faketelegram.New(faketelegram.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	h := httptest.NewServer(srv)
	defer h.Close()
	b, err := New(Config{Token: redact.NewSecret(faketelegram.Token), APIURL: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	evil := "locked: open https://evil.example/auth, evil.example:80 (www.evil.рф), tg://resolve?domain=x 1.2.3.4 a@evil.example " +
		"or /lock, /auth@evil_bot (/deny) @evil_bot #tag $TAG +4930123456 «/lock»"
	text := r.Text(evil)
	items := []console.Item{{Label: text, Value: text}, {Value: text}, {Label: r.Text("/lock"), Value: r.Text("idle")}}
	many := r.Text(strings.Repeat("/lock @evil_bot ", 120))
	for _, reply := range []console.Reply{
		{Kind: console.Error, Header: text},
		{Header: redact.Literal("x"), Hint: r.Text("open https://evil.example/auth evil.example @evil_bot #tag +4930123456")},
		{Header: redact.Literal("x"), Blocks: []console.Block{{Title: text}, {Text: text}, {Kind: console.Quote, Text: text}, {Kind: console.Given, Items: items}}},
		{Header: redact.Literal("x"), Blocks: []console.Block{{Kind: console.List, Items: items}}},
		{Header: redact.Literal("x"), Blocks: []console.Block{{Kind: console.Fields, Items: items}}},
		{Header: redact.Literal("x"), Blocks: []console.Block{{Title: text, Text: many}, {Kind: console.Quote, Text: text}, {Text: text}}},
	} {
		id, err := b.Send(t.Context(), console.Address{ChatID: faketelegram.Alice}, reply)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range srv.Messages(faketelegram.Alice) {
			if m.MessageID != id {
				continue
			}
			if len(m.Entities) > 100 {
				t.Errorf("%d entities: Telegram ignores those beyond the hundredth", len(m.Entities))
			}
			for _, e := range m.Entities {
				switch e.Type {
				case "bold", "italic", "code", "pre", "expandable_blockquote":
				default:
					t.Errorf("%s at %d in %q", e.Type, e.Offset, m.Text)
				}
			}
		}
		// Telegram's own words for a link are more than the stand-in knows.
		left := regexp.MustCompile(`(?s)<(code|pre)>.*?</(code|pre)>`).ReplaceAllString(render(reply).html, " ")
		if bare := regexp.MustCompile(`evil|lock\b[^e]|tag|TAG|1\.2|\+49`).FindString(strings.ReplaceAll(left, "locked", "")); bare != "" {
			t.Errorf("%q stands bare in %q", bare, left)
		}
	}
	// Help's commands are ours.
	f := render(console.Reply{Header: redact.Literal("x"), Hint: redact.Literal("/help lists all"), Blocks: []console.Block{
		{Kind: console.List, Ours: true, Items: []console.Item{{Label: redact.Literal("/status"), Value: redact.Literal("is it up")}}}}})
	if strings.Contains(f.html, "code") {
		t.Errorf("commands of ours cannot be tapped: %q", f.html)
	}
}

// Attack: marks that combine with the letters before them strike a command through,
// or are so many that they cover the lines around. Languages that need them keep them.
func TestMarksAreShown(t *testing.T) {
	for in, want := range map[string]string{
		"Z" + strings.Repeat("\u0310", 4): "Z\u0310\u0310\\u{310}\\u{310}",
		"r\u0336m\u0336":                  `r\u{336}m\u{336}`,
		"a \u0301b":                       `a \u{301}b`,
		"\u0301b":                         `\u{301}b`,
		"5\u20dd":                         `5\u{20DD}`,
		"/\u0338":                         `/\u{338}`,
		"e\u0301 हिन्दी ไทยที่ שָׁלוֹם Việt 1\ufe0f\u20e3": "e\u0301 हिन्दी ไทยที่ שָׁלוֹם Việt 1\ufe0f\u20e3",
	} {
		if got := show(in); got != want {
			t.Errorf("show(%+q) = %+q, want %+q", in, got, want)
		}
	}
}
