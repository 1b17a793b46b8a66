package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clawconsole/console"
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
