package console_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/console/telegram"
	"clawconsole/internal/faketelegram"
	"clawconsole/redact"
)

// A wired rig talks to a Telegram server over loopback, by the real client.
type wired struct {
	*rig
	server *faketelegram.Server
	bot    *telegram.Bot
	ctx    context.Context
}

func newWired(t testing.TB, cfg faketelegram.Config) *wired {
	t.Helper()
	server, err := faketelegram.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	t.Cleanup(func() { server.Close(); h.Close() })
	w := &wired{rig: newRig(t), server: server}
	w.bot, err = telegram.New(telegram.Config{Token: redact.NewSecret(faketelegram.Token), APIURL: h.URL, Log: logTo(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.config.Chat = w.bot
	w.config.Bot = func() string { return w.bot.Status().Username }
	w.config.Skew = w.bot.Skew
	w.config.Groups = []console.Group{{ID: group}, {ID: forum}}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return w
}

// run starts router and poll; the returned function, and the end of the test,
// stops them.
func (w *wired) run() (stop func()) {
	w.t.Helper()
	w.start()
	stop = w.poll()
	return stop
}

// poll starts the poll of a router that runs, and stops both.
func (w *wired) poll() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.bot.Run(ctx, w.router) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("bot: %v", err)
		}
		if err := w.stop(); err != nil {
			w.t.Errorf("router: %v", err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// settled waits until update id has an outcome and all replies are sent.
func (w *wired) settled(id int64) {
	w.t.Helper()
	w.until(fmt.Sprintf("update %d is done", id), func() bool { return w.ledger.outcome(id) != 0 && w.ledger.waiting() == 0 })
}

func (w *wired) until(what string, cond func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.t.Fatalf("timed out waiting until %s", what)
		}
	}
}

// answers are the texts that the bot has sent to a chat.
func (w *wired) answers(chat int64) (out []string) {
	for _, e := range w.server.Messages(chat) {
		if e.Bot != 0 && !e.Deleted && e.Text+e.Caption != "" {
			out = append(out, e.Text+e.Caption)
		}
	}
	return out
}

// TestSenders is the matrix of who writes where: only an operator, in person, in
// an allowed place, is answered.
func TestSenders(t *testing.T) {
	person := func(u *faketelegram.Update) *faketelegram.Message { return u.Message }
	senders := []struct {
		name   string
		from   int64
		text   string
		alter  func(u *faketelegram.Update)
		answer bool
	}{
		{name: "operator", from: alice, answer: true},
		{name: "stranger", from: mallory},
		{name: "bot", from: alice, alter: func(u *faketelegram.Update) { from := *person(u).From; from.IsBot = true; person(u).From = &from }},
		{name: "anonymous admin", from: alice, alter: func(u *faketelegram.Update) { chat := person(u).Chat; person(u).SenderChat = &chat }},
		{name: "channel", from: alice, alter: func(u *faketelegram.Update) {
			person(u).SenderChat = &faketelegram.Chat{ID: faketelegram.Channel, Type: "channel", Title: "news"}
		}},
		{name: "linked channel", from: alice, alter: func(u *faketelegram.Update) { person(u).IsAutomaticForward = true }},
		{name: "channel post", from: alice, alter: func(u *faketelegram.Update) { u.ChannelPost, u.Message = u.Message, nil }},
		{name: "forward", from: alice, alter: func(u *faketelegram.Update) {
			person(u).ForwardOrigin = &faketelegram.MessageOrigin{Type: "hidden_user", Date: 1, SenderUserName: "Alice"}
		}},
		{name: "edit", from: alice, alter: func(u *faketelegram.Update) { u.EditedMessage, u.Message = u.Message, nil }},
		{name: "edit in disguise", from: alice, alter: func(u *faketelegram.Update) { person(u).EditDate = person(u).Date + 1 }},
		{name: "via bot", from: alice, alter: func(u *faketelegram.Update) {
			person(u).ViaBot = &faketelegram.User{ID: 5, IsBot: true, FirstName: "inline"}
		}},
		{name: "no sender", from: alice, alter: func(u *faketelegram.Update) { person(u).From = nil }},
		{name: "other bot's command", from: alice, text: "/status@other_bot"},
		{name: "our command", from: alice, text: "/status@" + bot, answer: true},
	}
	places := []struct {
		name    string
		chat    int64
		topic   int64
		allowed bool
	}{
		{"private", 0, 0, true},
		{"allowed group", group, 0, true},
		{"other group", faketelegram.SmallGroup, 0, false},
		{"topic", forum, topic, true},
		{"other topic", forum, faketelegram.TopicDeploys, false},
	}
	for _, s := range senders {
		for _, p := range places {
			t.Run(s.name+"/"+p.name, func(t *testing.T) {
				w := newWired(t, faketelegram.Config{})
				w.gate = newGate(t, func(c *auth.Config) { c.AnswerStrangers = false })
				w.run()
				post := faketelegram.Post{From: s.from, Chat: p.chat, Topic: p.topic, Text: s.text, Alter: s.alter}
				if post.Text == "" {
					post.Text = "/status"
				}
				if post.Chat == 0 {
					post.Chat = s.from
				}
				w.until("the bot polls", w.server.Polling)
				w.server.Send(post)
				w.settled(w.server.LastUpdate())
				want := s.answer && p.allowed
				if got := w.lines(); (len(got) == 1) != want {
					t.Errorf("ran %q, want %v", got, want)
				}
				got := w.answers(post.Chat)
				if (len(got) == 1 && strings.HasPrefix(got[0], "OK: /status @local\n")) != want || !want && len(got) > 0 {
					t.Errorf("answers %q, want %v", got, want)
				}
				if left := len(w.server.Calls("leaveChat")) == 1; left != (p.chat == faketelegram.SmallGroup) {
					t.Errorf("left the chat: %v", left)
				}
			})
		}
	}
}

// The same update a hundred times, over restarts of the console: one execution.
func TestRedeliveryOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.unlock(alice)
	stop := w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/gateway restart"})
	id := w.server.LastUpdate()
	w.settled(id)
	for i := range 100 {
		if !w.server.Redeliver(id) {
			t.Fatal("not redelivered")
		}
		w.until("the update is confirmed", func() bool { return len(w.server.Unconfirmed()) == 0 })
		if i%10 == 9 {
			stop()
			stop = w.run()
		}
	}
	w.settled(id)
	if got := w.lines(); len(got) != 1 {
		t.Errorf("ran %d times", len(got))
	}
	if got := w.answers(alice); len(got) != 1 {
		t.Errorf("answers %q", got)
	}
}

// An update is confirmed only when it is stored.
func TestStoredBeforeConfirmed(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.ledger.broken("receive", errDisk)
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/status"})
	w.until("the store has failed", func() bool { return w.bot.Status().Err != nil && w.ails("ledger") })
	if got := w.server.Unconfirmed(); len(got) != 1 {
		t.Errorf("unconfirmed %v, want the one update", got)
	}
	w.ledger.broken("receive", nil)
	w.settled(w.server.LastUpdate())
	w.until("the update is confirmed", func() bool { return len(w.server.Unconfirmed()) == 0 })
	if got := w.answers(alice); len(got) != 1 || !strings.HasPrefix(got[0], "OK: /status") {
		t.Errorf("answers %q", got)
	}
	if w.bot.Status().Err != nil {
		t.Errorf("status still says %v", w.bot.Status().Err)
	}
}

// Messages of one chat are admitted and answered in order, whatever else goes on.
func TestOrderOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.run()
	const n = 40
	var want []string
	for i := range n {
		for _, chat := range []int64{alice, bob} { // refusals are answered by the lane itself
			w.server.Send(faketelegram.Post{Chat: chat, Text: fmt.Sprintf("/logs --tail n%d", i)})
		}
		want = append(want, fmt.Sprintf("ERROR: --tail: \"n%d\"", i))
	}
	for _, chat := range []int64{alice, bob} {
		w.until("all is answered", func() bool { return len(w.answers(chat)) == n })
		for i, got := range w.answers(chat) {
			if !strings.HasPrefix(got, want[i]) {
				t.Fatalf("answer %d is %q, want %q", i, got, want[i])
			}
		}
	}
}

// A confirmation over the wire: the question, the press, the answer in its place.
func TestConfirmOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.unlock(alice)
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/run echo <b>&amp;"})
	e, err := w.server.WaitMessage(w.ctx, alice, 0, faketelegram.Contains("not confirmed"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.server.Press(faketelegram.Press{Chat: alice, Message: e.MessageID, Label: "Run it"})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := p.Wait(w.ctx); err != nil || a.Alert {
		t.Errorf("press answered %+v, %v", a, err)
	}
	e, err = w.server.WaitMessage(w.ctx, alice, 0, faketelegram.Contains("OK: /run echo <b>&amp; @local"))
	if err != nil {
		t.Fatal(err)
	}
	if e.ReplyMarkup != nil && len(e.ReplyMarkup.Rows) > 0 {
		t.Error("the answer still has buttons")
	}
	p, err = w.server.Press(faketelegram.Press{Chat: alice, Message: e.MessageID, Data: "c:NOTOFTHISPROCESS"})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := p.Wait(w.ctx); err != nil || !a.Alert || !strings.Contains(a.Text, "expired") {
		t.Errorf("unknown button answered %+v, %v", a, err)
	}
}

// Telegram asks to wait while answers are due: they come later, in order, once.
func TestFloodLimit(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	var asked []time.Time
	w.server.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method == "sendMessage" {
			asked = append(asked, c.At)
			if len(asked) == 1 {
				return faketelegram.TooManyRequests(1)
			}
		}
		return nil
	})
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/status"})
	w.settled(w.server.LastUpdate())
	if got := w.answers(alice); len(got) != 1 {
		t.Errorf("answers %q", got)
	}
	if len(asked) != 2 || asked[1].Sub(asked[0]) < time.Second {
		t.Errorf("asked again after %v, want the second that Telegram wanted", asked)
	}
}

// The connection is cut before Telegram's answer arrives: the reply may come
// twice, the effect may not.
func TestCutConnection(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.unlock(alice)
	cut := true
	w.server.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method == "sendMessage" && cut {
			cut = false
			return &faketelegram.Fault{Drop: true, AfterEffect: true}
		}
		return nil
	})
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/gateway restart"})
	w.settled(w.server.LastUpdate())
	if got := w.answers(alice); len(got) < 1 || len(got) > 2 {
		t.Errorf("answers %q", got)
	}
	if got := w.lines(); len(got) != 1 {
		t.Errorf("ran %q", got)
	}
}

// A secret is taken out of the chat, and is not in anything that is sent.
func TestSecretOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	w.run()
	m := w.server.Send(faketelegram.Post{Chat: alice, Text: "/auth " + secret})
	w.settled(w.server.LastUpdate())
	if e, _ := w.server.Message(alice, m.MessageID); !e.Deleted {
		t.Error("the message is still there")
	}
	for _, c := range w.server.Calls() {
		for k, v := range c.Params {
			if strings.Contains(v, secret) {
				t.Errorf("%s: %s holds the secret", c.Method, k)
			}
		}
	}
	if got := w.answers(alice); !slices.Equal(got, []string{"OK: unlocked"}) {
		t.Errorf("answers %q", got)
	}
}

// Over three seconds: one message, which becomes the answer; if the person
// deletes it, the answer comes anew.
func TestProgressOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	release := make(chan struct{})
	w.do = func(ctx context.Context, _ auth.Grant, _ commands.Request, _ func(commands.Result)) (commands.Result, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return commands.Result{Blocks: []commands.Block{{Text: "finished"}}}, nil
	}
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/status"})
	e, err := w.server.WaitMessage(w.ctx, alice, 0, faketelegram.Contains("… /status @local"))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.server.Calls("sendChatAction")) == 0 {
		t.Error("typing was not shown")
	}
	w.server.DeleteByUser(alice, alice, e.MessageID)
	close(release)
	if _, err := w.server.WaitMessage(w.ctx, alice, e.MessageID, faketelegram.Contains("finished")); err != nil {
		t.Fatal(err)
	}
	if !e.Silent {
		t.Error("progress rings")
	}
}

// [Full output] sends the redacted whole.
func TestFullOutputOverHTTP(t *testing.T) {
	w := newWired(t, faketelegram.Config{})
	var long strings.Builder
	for i := range 500 {
		fmt.Fprintf(&long, "line %d <&> 😀 token=%s\n", i, secret)
	}
	w.do = func(context.Context, auth.Grant, commands.Request, func(commands.Result)) (commands.Result, error) {
		return commands.Result{Blocks: []commands.Block{{Kind: commands.Pre, Text: long.String(), Oldest: true}}}, nil
	}
	w.run()
	w.server.Send(faketelegram.Post{Chat: alice, Text: "/logs"})
	e, err := w.server.WaitMessage(w.ctx, alice, 0, faketelegram.Matches(`… [0-9.]+ KB cut, oldest first`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(e.Text, "line 499 <&> 😀") {
		t.Error("the newest line was cut")
	}
	if _, err := w.server.Press(faketelegram.Press{Chat: alice, Message: e.MessageID, Label: "Full output"}); err != nil {
		t.Fatal(err)
	}
	d, err := w.server.WaitMessage(w.ctx, alice, e.MessageID, func(e faketelegram.Entry) bool { return e.Document != nil })
	if err != nil {
		t.Fatal(err)
	}
	got := string(d.Content)
	if !strings.Contains(got, "line 0 <&> 😀") || !strings.Contains(got, "line 499 ") || strings.Contains(got, secret) || d.Document.FileName != "logs.txt" {
		t.Errorf("document %q of %d bytes", d.Document.FileName, len(got))
	}
}
