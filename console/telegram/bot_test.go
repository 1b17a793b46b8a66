package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
	"clawconsole/internal/faketelegram"
	"clawconsole/redact"
)

func newServer(t testing.TB) (*faketelegram.Server, *Bot) {
	t.Helper()
	s, err := faketelegram.New(faketelegram.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); h.Close() })
	b, err := New(Config{Token: redact.NewSecret(faketelegram.Token), APIURL: h.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// A box is an Inbox that keeps what it gets.
type box struct {
	mu   sync.Mutex
	got  []console.Incoming
	fail error
}

func (b *box) Receive(_ context.Context, batch []console.Incoming) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.got = append(b.got, batch...)
	return nil
}

func (b *box) all() []console.Incoming {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func poll(t testing.TB, b *Bot, in Inbox) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, in) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := redact.NewSecret("1:abc")
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{}, "bot token"},
		{Config{Token: redact.NewSecret("abc")}, "bot token"},
		{Config{Token: redact.NewSecret("x1:abc")}, "bot token"},
		{Config{Token: redact.NewSecret("1:abc/../../x")}, "bot token"},
		{Config{Token: good, APIURL: "api.telegram.org"}, "URL of a Bot API"},
		{Config{Token: good, APIURL: "ftp://x"}, "URL of a Bot API"},
		{Config{Token: good, Proxy: "socks4://user:hunter2@x"}, "proxy"},
		{Config{Token: good, Proxy: "http://user:hunter2@x:y"}, "proxy"},
	} {
		_, err := New(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("New(%+v) = %v, want %q in it", tt.config, err, tt.want)
		}
	}
	if _, err := New(Config{Token: good, Proxy: "socks5://127.0.0.1:1"}); err != nil {
		t.Errorf("New = %v", err)
	}
}

func TestReceive(t *testing.T) {
	s, b := newServer(t)
	in := new(box)
	poll(t, b, in)
	until(t, "it polls", s.Polling)
	ours := s.Send(faketelegram.Post{From: faketelegram.Alice, Chat: faketelegram.Forum, Topic: faketelegram.TopicAlerts, Text: "😀 @clawconsole_bot /status", Date: time.Now().Add(-time.Minute)})
	s.Send(faketelegram.Post{Chat: faketelegram.Alice, Text: "/status@CLAWCONSOLE_bot"})
	s.Send(faketelegram.Post{Chat: faketelegram.Alice, Text: "@clawconsole_bot2"})
	s.Send(faketelegram.Post{Chat: faketelegram.Alice, Text: "a file", Document: &faketelegram.Upload{Name: "x", Content: []byte("x")}})
	s.KickBot(faketelegram.Alice, faketelegram.SmallGroup)
	s.AddBot(faketelegram.Alice, faketelegram.SmallGroup)
	until(t, "all are received", func() bool { return len(s.Unconfirmed()) == 0 && len(in.all()) >= 6 })
	got := in.all()

	m := got[0].Message
	if m == nil || m.ChatID != faketelegram.Forum || m.TopicID != faketelegram.TopicAlerts || m.UserID != faketelegram.Alice ||
		m.MessageID != ours.MessageID || m.Private || !m.ToUs || m.Origin != console.Person || m.Text != "😀 @clawconsole_bot /status" {
		t.Errorf("message %+v", m)
	}
	if age := time.Since(m.SentAt); age < time.Minute || age > 2*time.Minute {
		t.Errorf("sent %v ago", age)
	}
	if m := got[1].Message; m == nil || !m.Private || !m.ToUs || m.ChatID != faketelegram.Alice {
		t.Errorf("message %+v", m)
	}
	if got[2].Message.ToUs {
		t.Error("another bot's name is taken for ours")
	}
	if got[3].Message.Origin != console.Other {
		t.Errorf("a document is %v", got[3].Message.Origin)
	}
	var joined []int64
	for _, in := range got[4:] {
		if in.Joined != nil {
			joined = append(joined, in.Joined.ChatID)
		}
	}
	if !slices.Equal(joined, []int64{faketelegram.SmallGroup}) {
		t.Errorf("joined %v", joined)
	}
	if st := b.Status(); st.Username != "clawconsole_bot" || time.Since(st.PolledAt) > time.Minute || st.Err != nil {
		t.Errorf("status %+v", st)
	}
}

func TestReplyToUs(t *testing.T) {
	s, b := newServer(t)
	in := new(box)
	poll(t, b, in)
	id, err := b.Send(t.Context(), console.Address{ChatID: faketelegram.Supergroup}, console.Reply{Header: redact.Literal("why?"), ForceReply: true})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it polls", s.Polling)
	s.Send(faketelegram.Post{From: faketelegram.Alice, Chat: faketelegram.Supergroup, Text: "because", ReplyTo: id})
	until(t, "the reply is received", func() bool { return len(in.all()) == 1 })
	if m := in.all()[0].Message; !m.ToUs || m.ReplyTo != id || m.TopicID != 0 {
		t.Errorf("message %+v", m)
	}
}

func TestPress(t *testing.T) {
	s, b := newServer(t)
	in := new(box)
	poll(t, b, in)
	to := console.Address{ChatID: faketelegram.Forum, TopicID: faketelegram.TopicAlerts}
	id, err := b.Send(t.Context(), to, console.Reply{Header: redact.Literal("press"), Buttons: [][]console.Button{{{Label: redact.Literal("Go"), Data: "c:1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	press := func() (faketelegram.Pressed, *console.Press) {
		n := len(in.all())
		p, err := s.Press(faketelegram.Press{User: faketelegram.Bob, Chat: to.ChatID, Message: id, Data: "c:1"})
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the press is received", func() bool { return len(in.all()) == n+1 })
		return p, in.all()[n].Press
	}
	p, got := press()
	if got == nil || got.ID != p.ID || got.Data != "c:1" || got.UserID != faketelegram.Bob || got.ChatID != to.ChatID || got.TopicID != to.TopicID || got.MessageID != id || got.Private {
		t.Errorf("press %+v", got)
	}
	if err := b.Answer(t.Context(), p.ID, redactor(t).Text(strings.Repeat("x", 300)), true); err != nil {
		t.Fatal(err)
	}
	if a, err := p.Wait(t.Context()); err != nil || !a.Alert || len([]rune(a.Text)) > 200 {
		t.Errorf("answer %+v, %v", a, err)
	}
	if err := b.Answer(t.Context(), p.ID, redact.Text{}, false); !errors.Is(err, console.ErrGone) {
		t.Errorf("second Answer = %v, want ErrGone", err)
	}
	if err := b.Delete(t.Context(), to, id); err != nil {
		t.Fatal(err)
	}
	if _, got := press(); got.MessageID != id || got.ChatID != to.ChatID {
		t.Errorf("press on a deleted message %+v", got)
	}
}

func TestSendAndEdit(t *testing.T) {
	s, b := newServer(t)
	to := console.Address{ChatID: faketelegram.Alice}
	reply := console.Reply{Kind: console.OK, Header: redact.Literal("one"), Sound: true, Blocks: []console.Block{{Kind: console.Quote, Text: redact.Literal("https://example.com <&>")}}}
	id, err := b.Send(t.Context(), to, reply)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := s.Message(to.ChatID, id)
	if e.Text != "OK: one\nhttps://example.com <&>" || e.Silent || !strings.Contains(string(e.LinkPreviewOptions), "true") {
		t.Errorf("sent %+v", e)
	}
	if len(e.Entities) < 2 || e.Entities[1].Type != "expandable_blockquote" {
		t.Errorf("entities %+v", e.Entities)
	}
	for range 2 { // the second changes nothing
		reply.Header = redact.Literal("two")
		if err := b.Edit(t.Context(), to, id, reply); err != nil {
			t.Errorf("Edit = %v", err)
		}
	}
	if e, _ := s.Message(to.ChatID, id); !strings.HasPrefix(e.Text, "OK: two") {
		t.Errorf("edited to %q", e.Text)
	}
	s.DeleteByUser(faketelegram.Alice, to.ChatID, id)
	if err := b.Edit(t.Context(), to, id, console.Reply{Header: redact.Literal("three")}); !errors.Is(err, console.ErrGone) {
		t.Errorf("Edit of a deleted message = %v, want ErrGone", err)
	}
	if err := b.Delete(t.Context(), to, id); err != nil {
		t.Errorf("Delete of a deleted message = %v", err)
	}
	s.Block(faketelegram.Alice)
	if _, err := b.Send(t.Context(), to, reply); !errors.Is(err, console.ErrBlocked) {
		t.Errorf("Send to someone who blocked the bot = %v, want ErrBlocked", err)
	}
	if _, err := b.Send(t.Context(), console.Address{ChatID: 99}, reply); !errors.Is(err, console.ErrBlocked) {
		t.Errorf("Send to nobody = %v, want ErrBlocked", err)
	}
	if _, err := b.Document(t.Context(), console.Address{ChatID: faketelegram.Bob}, console.Document{Name: redact.Literal("../a\nb.txt"), Text: redact.Literal("whole"), Caption: redact.Literal("<cap>")}); err != nil {
		t.Fatal(err)
	}
	d := s.Messages(faketelegram.Bob)[0]
	if d.Document == nil || d.Document.FileName != "..-a-b.txt" || string(d.Content) != "whole" || d.Caption != "<cap>" || !d.Silent {
		t.Errorf("document %+v %+v", d, d.Document)
	}
}

// Telegram is asked with the markup first; whatever it says against it, the text
// goes out.
func TestMarkupFallback(t *testing.T) {
	s, b := newServer(t)
	s.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Params["parse_mode"] != "" {
			return &faketelegram.Fault{Error: &faketelegram.Error{Code: 400, Description: "Bad Request: can't parse entities: unsupported start tag"}}
		}
		return nil
	})
	to := console.Address{ChatID: faketelegram.Alice}
	reply := console.Reply{Kind: console.OK, Header: redact.Literal("a <b>"), Blocks: []console.Block{{Kind: console.Pre, Text: redact.Literal("x & y")}}, Buttons: [][]console.Button{{{Label: redact.Literal("Go"), Data: "c:1"}}}}
	id, err := b.Send(t.Context(), to, reply)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := s.Message(to.ChatID, id)
	if e.Text != "OK: a <b>\nx & y" || e.ReplyMarkup == nil {
		t.Errorf("sent %q, buttons %v", e.Text, e.ReplyMarkup)
	}
	reply.Header = redact.Literal("new")
	if err := b.Edit(t.Context(), to, id, reply); err != nil {
		t.Fatal(err)
	}
	if e, _ := s.Message(to.ChatID, id); e.Text != "OK: new\nx & y" {
		t.Errorf("edited to %q", e.Text)
	}
}

// What Telegram refuses is an error with a meaning, and none of them, nor what the
// network says, shows the token.
func TestErrors(t *testing.T) {
	s, b := newServer(t)
	to := console.Address{ChatID: faketelegram.Alice}
	for _, tt := range []struct {
		name  string
		fault faketelegram.Fault
		is    error
		says  string
	}{
		{"blocked", faketelegram.Fault{Error: &faketelegram.Error{Code: 403, Description: "Forbidden: bot was blocked by the user"}}, console.ErrBlocked, "blocked"},
		{"rejected", faketelegram.Fault{Error: &faketelegram.Error{Code: 400, Description: "Bad Request: message is too long"}}, console.ErrRejected, "too long"},
		{"unauthorized", faketelegram.Fault{Error: &faketelegram.Error{Code: 401, Description: "Unauthorized"}}, nil, "does not know this bot token"},
		{"conflict", faketelegram.Fault{Error: &faketelegram.Error{Code: 409, Description: "Conflict: terminated by other getUpdates request"}}, nil, "another process polls"},
		{"webhook", faketelegram.Fault{Error: &faketelegram.Error{Code: 409, Description: "Conflict: can't use getUpdates method while webhook is active"}}, nil, "a webhook is set"},
		{"bad gateway", faketelegram.Fault{Status: 502, Body: "<html>bad gateway"}, nil, "sendMessage"},
		{"dropped", faketelegram.Fault{Drop: true}, nil, "EOF"},
	} {
		s.OnCall(func(faketelegram.Call) *faketelegram.Fault { return &tt.fault })
		_, err := b.Send(t.Context(), to, console.Reply{Header: redact.Literal("x")})
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
		leak(t, err)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", tt.name, err)
		}
	}
	var moved *console.MigratedError
	err := b.clean("sendMessage", &gotgbot.TelegramError{Code: 400, ResponseParams: &gotgbot.ResponseParameters{MigrateToChatId: -100}})
	if !errors.As(err, &moved) || moved.ChatID != -100 {
		t.Errorf("migrated: %v", err)
	}
}

// TestLimited: who gives up while Telegram asks to wait hears that, and not that there
// is no answer.
func TestLimited(t *testing.T) {
	server, b := newServer(t)
	server.OnCall(func(faketelegram.Call) *faketelegram.Fault { return faketelegram.TooManyRequests(60) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Send(ctx, console.Address{ChatID: faketelegram.Alice}, console.Reply{Header: redact.Literal("x")})
	if !errors.Is(err, console.ErrLimited) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send = %v, want ErrLimited", err)
	}
}

// leak fails if err, or anything it wraps, shows the token.
func leak(t *testing.T, err error) {
	t.Helper()
	_, secret, _ := strings.Cut(faketelegram.Token, ":")
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		var ue *url.Error
		if _, ok := err.(*url.Error); ok || errors.As(err, &ue) {
			t.Errorf("%v wraps a url.Error", err)
		}
		if s := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(s, secret) {
			t.Errorf("the token is in %q", s)
		}
		if u, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range u.Unwrap() {
				walk(e)
			}
			return
		}
		walk(errors.Unwrap(err))
	}
	walk(err)
}

// The token is in no error and no log line, whatever goes wrong with the network.
func TestTokenStaysInside(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	junk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path) // a proxy that repeats the URL
	}))
	defer junk.Close()
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	defer loop.Close()
	for _, c := range []Config{
		{APIURL: "http://" + addr},
		{APIURL: "https://" + addr},
		{APIURL: junk.URL},
		{APIURL: loop.URL},
		{APIURL: strings.Replace(junk.URL, "http:", "https:", 1)},
		{APIURL: junk.URL, Proxy: "http://" + addr},
		{APIURL: junk.URL, Proxy: "socks5://" + addr},
	} {
		var log strings.Builder
		c.Token, c.Log = redact.NewSecret(faketelegram.Token), slog.New(slog.NewTextHandler(&log, nil))
		b, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = b.Identify(ctx)
		if err == nil {
			t.Errorf("%+v: Identify worked", c)
		}
		leak(t, err)
		if _, err = b.Send(ctx, console.Address{ChatID: 1}, console.Reply{}); err == nil {
			t.Errorf("%+v: Send worked", c)
		}
		leak(t, err)
		_, _, err = b.pollOnce(ctx, new(box), 0, time.Time{})
		leak(t, err)
		cancel()
		if _, secret, _ := strings.Cut(faketelegram.Token, ":"); strings.Contains(log.String(), secret) {
			t.Errorf("the token is in the log: %s", log.String())
		}
	}
}

// One update that cannot be decoded does not stop those after it.
func TestPoisonedUpdate(t *testing.T) {
	_, b := newServer(t)
	for _, raw := range []string{
		`{"update_id":5,"message":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"text":"x","forward_origin":{"type":"from_mars","date":1}}}`,
		`{"update_id":5,"message":"text"}`,
		`{"update_id":5,"my_chat_member":{"chat":{"id":1},"new_chat_member":{"status":"emperor"}}}`,
	} {
		in, err := b.Decode([]byte(raw))
		if err == nil || in.UpdateID != 5 || in.Message != nil || in.Press != nil || in.Joined != nil {
			t.Errorf("Decode(%s) = %+v, %v", raw, in, err)
		}
	}
	in, err := b.Decode([]byte(`{"update_id":6,"poll":{"id":"1"}}`))
	if err != nil || in.UpdateID != 6 || in.Message != nil {
		t.Errorf("Decode = %+v, %v", in, err)
	}
}

// TestPressOfBefore: Telegram keeps presses while nobody asks for them, and does not say
// how old they are: not older than the last poll that had nothing more.
func TestPressOfBefore(t *testing.T) {
	server, b := newServer(t)
	last := time.Now().Add(-20 * time.Minute)
	id, err := b.Send(t.Context(), console.Address{ChatID: faketelegram.Alice}, console.Reply{
		Header: redact.Literal("x"), Buttons: [][]console.Button{{{Label: redact.Literal("Allow once"), Data: "a:x"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Press(faketelegram.Press{Chat: faketelegram.Alice, Message: id, Label: "Allow once"}); err != nil {
		t.Fatal(err)
	}
	in := new(box)
	if _, more, err := b.pollOnce(t.Context(), in, 0, last); err != nil || more {
		t.Errorf("pollOnce = more %v, %v", more, err)
	}
	got := in.all()
	if len(got) == 0 || got[len(got)-1].Press == nil || !got[len(got)-1].Press.MadeAfter.Equal(last) {
		t.Errorf("got %+v, want a press made after %v", got, last)
	}
}

func TestPollSurvivesPoison(t *testing.T) {
	var mu sync.Mutex
	var offsets []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/getMe"):
			_, _ = io.WriteString(w, `{"ok":true,"result":{"id":7,"is_bot":true,"first_name":"x","username":"x_bot"}}`)
		case r.FormValue("offset") == "0" || r.FormValue("offset") == "":
			_, _ = io.WriteString(w, `{"ok":true,"result":[{"update_id":5,"message":"poison"},{"update_id":6,"message":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"from":{"id":1,"first_name":"a","is_bot":false},"text":"/status"}}]}`)
		default:
			mu.Lock()
			offsets = append(offsets, r.FormValue("offset"))
			mu.Unlock()
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
			_, _ = io.WriteString(w, `{"ok":true,"result":[]}`)
		}
	}))
	defer srv.Close()
	b, err := New(Config{Token: redact.NewSecret(faketelegram.Token), APIURL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	in := new(box)
	poll(t, b, in)
	until(t, "the batch is confirmed", func() bool { mu.Lock(); defer mu.Unlock(); return len(offsets) > 0 })
	got := in.all()
	if len(got) != 2 || got[1].Message == nil || got[1].Message.Text != "/status" || offsets[0] != "7" {
		t.Errorf("got %+v, then offset %v", got, offsets)
	}
}

// A poll that Telegram never answers is given up in time, on a new connection.
func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		conns, polls := 0, 0
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		count := func(ctx context.Context, _, _ string) (net.Conn, error) {
			mu.Lock()
			conns++
			mu.Unlock()
			return l.dial(ctx)
		}
		hang := make(chan struct{})
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if strings.HasSuffix(r.URL.Path, "/getMe") {
				_, _ = io.WriteString(w, `{"ok":true,"result":{"id":7,"is_bot":true,"first_name":"x","username":"x_bot"}}`)
				return
			}
			mu.Lock()
			polls++
			n := polls
			mu.Unlock()
			if n == 2 {
				<-hang // the connection is dead from here on
			}
			time.Sleep(time.Second)
			_, _ = io.WriteString(w, `{"ok":true,"result":[]}`)
		})}
		served := make(chan struct{})
		go func() { _ = srv.Serve(l); close(served) }()

		b, err := New(Config{Token: redact.NewSecret(faketelegram.Token), APIURL: "http://telegram.example"})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []*wire{b.wire, b.line} {
			w.dial = count
			w.renew()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = b.Run(ctx, new(box)); close(ended) }()
		time.Sleep(90 * time.Second)
		mu.Lock()
		if polls < 3 || conns < 3 { // getMe and the first poll use one connection each
			t.Errorf("%d polls over %d connections within 90 s of a dead one", polls, conns)
		}
		mu.Unlock()
		if st := b.Status(); st.Err != nil || time.Since(st.PolledAt) > 5*time.Second {
			t.Errorf("status %+v, %v ago", st, time.Since(st.PolledAt))
		}
		cancel()
		close(hang)
		<-ended
		b.wire.renew()
		_ = srv.Close()
		_ = l.Close()
		<-served
		time.Sleep(2 * time.Second) // handlers end
	})
}

// pipeListener is a listener without a network.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestSkew(t *testing.T) {
	s, b := newServer(t)
	s.SetSkew(-10 * time.Minute)
	if _, err := b.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.Skew(); got < -10*time.Minute-2*time.Second || got > -10*time.Minute+2*time.Second {
		t.Errorf("skew %v, want about -10m", got)
	}
}

// memory is a Memory.
type memory map[string]string

func (m memory) Meta(_ context.Context, k string) (string, error) { return m[k], nil }
func (m memory) SetMeta(_ context.Context, k, v string) error     { m[k] = v; return nil }

func TestMenus(t *testing.T) {
	s, b := newServer(t)
	m := memory{}
	menus := []Menu{{}, {ChatID: faketelegram.Alice, Commands: []MenuCommand{{"status", "is it up"}}}, {ChatID: 99, Commands: []MenuCommand{{"status", "is it up"}}}}
	for range 3 {
		if err := b.SetMenus(t.Context(), menus, m); !errors.Is(err, console.ErrBlocked) {
			t.Fatalf("SetMenus = %v, want ErrBlocked for the chat that is not there yet", err)
		}
	}
	sent := 0
	for _, c := range s.Calls("setMyCommands") {
		var scope struct {
			Chat int64 `json:"chat_id"`
		}
		if err := json.Unmarshal([]byte(c.Params["scope"]), &scope); err != nil {
			t.Fatal(err)
		}
		if scope.Chat != 99 { // is not there yet, and is tried again
			sent++
		}
	}
	if sent != 2 {
		t.Errorf("sent %d times, want once for each chat", sent)
	}
	menus = menus[:2]
	menus[1].Commands[0].Summary = "changed"
	if err := b.SetMenus(t.Context(), menus, m); err != nil {
		t.Fatal(err)
	}
	if got := s.Commands(faketelegram.Scope{Type: "chat", ChatID: faketelegram.Alice}); len(got) != 1 || got[0].Description != "changed" {
		t.Errorf("menu %+v", got)
	}
}
