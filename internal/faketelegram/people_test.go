package faketelegram_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/faketelegram"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// next is the one update that is waiting, which it confirms.
func next(t *testing.T, b *gotgbot.Bot) gotgbot.Update {
	t.Helper()
	us := updates(t, b, gotgbot.GetUpdatesOpts{})
	if len(us) != 1 {
		t.Fatalf("%d updates, want 1: %+v", len(us), us)
	}
	updates(t, b, gotgbot.GetUpdatesOpts{Offset: us[0].UpdateId + 1})
	return us[0]
}

func TestSenders(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	old := time.Now().Add(-9 * time.Minute)
	for _, tt := range []struct {
		name string
		post faketelegram.Post
		want func(*gotgbot.Message) bool
	}{
		{"operator in private", faketelegram.Post{Chat: alice, Text: "x"}, func(m *gotgbot.Message) bool {
			return m.From.Id == alice && m.Chat.Id == alice && m.Chat.Type == "private"
		}},
		{"in a group", faketelegram.Post{From: bob, Chat: faketelegram.Supergroup, Text: "x"}, func(m *gotgbot.Message) bool {
			return m.From.Id == bob && m.Chat.Id == faketelegram.Supergroup && m.Chat.Type == "supergroup" && !m.Chat.IsForum
		}},
		{"in a basic group", faketelegram.Post{From: bob, Chat: faketelegram.SmallGroup, Text: "x"}, func(m *gotgbot.Message) bool {
			return m.Chat.Type == "group"
		}},
		{"in a topic", faketelegram.Post{Chat: faketelegram.Forum, Topic: faketelegram.TopicDeploys, Text: "x"}, func(m *gotgbot.Message) bool {
			return m.MessageThreadId == faketelegram.TopicDeploys && m.IsTopicMessage && m.Chat.IsForum &&
				m.ReplyToMessage.ForumTopicCreated != nil && m.MessageId > faketelegram.TopicDeploys
		}},
		{"old", faketelegram.Post{Chat: alice, Text: "x", Date: old}, func(m *gotgbot.Message) bool { return m.Date == old.Unix() }},
		{"forwarded", faketelegram.Post{Chat: alice, Text: "x", ForwardFrom: bob}, func(m *gotgbot.Message) bool {
			o, ok := m.ForwardOrigin.(gotgbot.MessageOriginUser)
			return ok && o.SenderUser.Id == bob
		}},
		{"hidden forward", faketelegram.Post{Chat: alice, Text: "x", ForwardOrigin: &faketelegram.MessageOrigin{Type: "hidden_user", SenderUserName: "?"}},
			func(m *gotgbot.Message) bool { _, ok := m.ForwardOrigin.(gotgbot.MessageOriginHiddenUser); return ok }},
		{"via bot", faketelegram.Post{Chat: alice, Text: "x", ViaBot: 99}, func(m *gotgbot.Message) bool { return m.ViaBot != nil && m.From.Id == alice }},
		{"anonymous admin", faketelegram.Post{Chat: faketelegram.Supergroup, Text: "x", SenderChat: faketelegram.Supergroup}, func(m *gotgbot.Message) bool {
			return m.From.Username == "GroupAnonymousBot" && m.From.IsBot && m.SenderChat.Id == faketelegram.Supergroup
		}},
		{"channel in a group", faketelegram.Post{Chat: faketelegram.Supergroup, Text: "x", SenderChat: faketelegram.Channel}, func(m *gotgbot.Message) bool {
			return m.From.Username == "Channel_Bot" && m.SenderChat.Type == "channel"
		}},
		{"altered", faketelegram.Post{Chat: alice, Text: "x", Alter: func(u *faketelegram.Update) { u.Message.From.IsBot = true }}, func(m *gotgbot.Message) bool {
			return m.From.IsBot
		}},
		{"after altered", faketelegram.Post{Chat: alice, Text: "x"}, func(m *gotgbot.Message) bool { return !m.From.IsBot }},
		{"document", faketelegram.Post{Chat: alice, Text: "see", Document: &faketelegram.Upload{Name: "a.log", Content: []byte("abc")}}, func(m *gotgbot.Message) bool {
			return m.Document.FileName == "a.log" && m.Caption == "see" && m.Document.FileSize == 3
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv.Send(tt.post)
			if u := next(t, b); u.Message == nil || !tt.want(u.Message) {
				t.Errorf("update = %+v", u)
			}
		})
	}

	srv.Send(faketelegram.Post{Chat: faketelegram.Channel, Text: "news"})
	if u := next(t, b); u.ChannelPost == nil || u.ChannelPost.SenderChat.Id != faketelegram.Channel || u.ChannelPost.From != nil {
		t.Errorf("update = %+v", u)
	}
	m := srv.Send(faketelegram.Post{Chat: alice, Text: "tpyo"})
	next(t, b)
	srv.EditByUser(alice, m.MessageID, "typo")
	if u := next(t, b); u.EditedMessage == nil || u.EditedMessage.Text != "typo" || u.EditedMessage.EditDate == 0 {
		t.Errorf("update = %+v", u)
	}
	srv.DeleteByUser(alice, alice, m.MessageID)
	if us := updates(t, b, gotgbot.GetUpdatesOpts{}); len(us) != 0 {
		t.Errorf("a deletion was told to the bot: %+v", us)
	}
	_, err := b.SendMessage(alice, "x", &gotgbot.SendMessageOpts{ReplyParameters: &gotgbot.ReplyParameters{MessageId: m.MessageID}})
	refused(t, err, 400, "Bad Request: message to be replied not found")

	srv.SetSkew(-time.Hour)
	if m := srv.Send(faketelegram.Post{Chat: alice, Text: "x"}); time.Since(time.Unix(m.Date, 0)) < 59*time.Minute {
		t.Errorf("date = %v", time.Unix(m.Date, 0))
	}
}

func TestPrivacyMode(t *testing.T) {
	cfg := faketelegram.Config{Bots: []faketelegram.Bot{
		{Token: "7:secret", Username: "our_bot", Privacy: true},
		{Token: "8:secret", Username: "other_bot"},
	}}
	srv, b := start(t, cfg)
	mine := must[*gotgbot.Message](t)(b.SendMessage(faketelegram.Supergroup, "hello", nil))
	for _, tt := range []struct {
		post faketelegram.Post
		sees bool
	}{
		{faketelegram.Post{Text: "chatter"}, false},
		{faketelegram.Post{Text: "/status"}, true},
		{faketelegram.Post{Text: "/status@OUR_bot now"}, true},
		{faketelegram.Post{Text: "/status@other_bot"}, false},
		{faketelegram.Post{Text: "hey @our_bot"}, true},
		{faketelegram.Post{Text: "yes", ReplyTo: mine.MessageId}, true},
	} {
		tt.post.Chat, tt.post.From = faketelegram.Supergroup, bob
		before := len(srv.Unconfirmed())
		srv.Send(tt.post)
		if got := len(srv.Unconfirmed()) > before; got != tt.sees {
			t.Errorf("%q seen: %v, want %v", tt.post.Text, got, tt.sees)
		}
	}
	if n := len(srv.With("other_bot").Unconfirmed()); n != 6 {
		t.Errorf("other bot got %d updates, want 6", n)
	}
	// Private chats of two bots are two chats.
	srv.With("other_bot").Send(faketelegram.Post{Chat: alice, Text: "for the other"})
	if n := len(srv.Messages(alice)); n != 0 {
		t.Errorf("%d messages in the chat with the wrong bot", n)
	}
}

func TestStanding(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	send := func(chat int64) error {
		_, err := b.SendMessage(chat, "x", nil)
		return err
	}
	srv.Block(alice)
	if u := next(t, b); u.MyChatMember == nil || u.MyChatMember.NewChatMember.GetStatus() != "kicked" {
		t.Errorf("update = %+v", u)
	}
	refused(t, send(alice), 403, "Forbidden: bot was blocked by the user")
	_, err := b.SendChatAction(alice, "typing", nil)
	refused(t, err, 403, "Forbidden: bot was blocked by the user")
	if err := send(bob); err != nil {
		t.Error(err)
	}
	srv.Unblock(alice)
	if err := send(alice); err != nil {
		t.Error(err)
	}
	srv.KickBot(alice, faketelegram.Supergroup)
	refused(t, send(faketelegram.Supergroup), 403, "Forbidden: bot was kicked from the supergroup chat")
	if _, err := b.LeaveChat(faketelegram.SmallGroup, nil); err != nil {
		t.Error(err)
	}
	refused(t, send(faketelegram.SmallGroup), 403, "Forbidden: bot is not a member of the group chat")
	updates(t, b, gotgbot.GetUpdatesOpts{Offset: srv.LastUpdate() + 1})
	srv.AddBot(bob, faketelegram.Supergroup)
	us := updates(t, b, gotgbot.GetUpdatesOpts{})
	if len(us) != 2 || us[0].MyChatMember == nil || us[1].Message == nil || us[1].Message.NewChatMembers[0].Id != b.Id {
		t.Errorf("updates = %+v", us)
	}
	if err := send(faketelegram.Supergroup); err != nil {
		t.Error(err)
	}
	theirs := srv.Send(faketelegram.Post{Chat: faketelegram.Supergroup, Text: "/auth secret"})
	_, err = b.DeleteMessage(faketelegram.Supergroup, theirs.MessageID, nil)
	refused(t, err, 400, "Bad Request: message can't be deleted")
	_, _, err = b.EditMessageText(&gotgbot.EditMessageTextOpts{ChatId: faketelegram.Supergroup, MessageId: theirs.MessageID, Text: "x"})
	refused(t, err, 400, "Bad Request: message can't be edited")
	if err := srv.AddGroup(faketelegram.Group{ID: -1009, Title: "unknown", Type: "group", Members: []int64{bob}}); err != nil {
		t.Fatal(err)
	}
	refused(t, send(-1009), 403, "Forbidden: bot is not a member of the group chat")
	m := must[gotgbot.ChatMember](t)(b.GetChatMember(faketelegram.Supergroup, bob, nil))
	if m.GetStatus() != "member" {
		t.Errorf("status = %s", m.GetStatus())
	}
	c := must[*gotgbot.ChatFullInfo](t)(b.GetChat(faketelegram.Forum, nil))
	if !c.IsForum || c.Title != "Operations" {
		t.Errorf("chat = %+v", c)
	}
}

func TestDocuments(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	content := bytes.Repeat([]byte("log line\n"), 1000)
	m, err := b.SendDocument(alice, gotgbot.InputFileByReader("full.txt", bytes.NewReader(content)), &gotgbot.SendDocumentOpts{
		Caption: "<b>Full</b> output", ParseMode: "HTML", DisableNotification: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Document.FileName != "full.txt" || m.Document.MimeType != "text/plain" || m.Caption != "Full output" || len(m.CaptionEntities) != 1 {
		t.Errorf("message = %+v", m)
	}
	e, _ := srv.Message(alice, m.MessageId)
	if !bytes.Equal(e.Content, content) || !e.Silent {
		t.Errorf("content has %d bytes, silent %v", len(e.Content), e.Silent)
	}
	f := must[*gotgbot.File](t)(b.GetFile(m.Document.FileId, nil))
	res, err := http.Get(f.URL(b, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); !bytes.Equal(got, content) {
		t.Errorf("downloaded %d bytes, status %d", len(got), res.StatusCode)
	}
	again := must[*gotgbot.Message](t)(b.SendDocument(bob, gotgbot.InputFileByID(m.Document.FileId), nil))
	if again.Document.FileSize != int64(len(content)) {
		t.Errorf("message = %+v", again)
	}
	_, err = b.SendDocument(alice, gotgbot.InputFileByReader("e.txt", strings.NewReader("")), nil)
	refused(t, err, 400, "Bad Request: file must be non-empty")
	_, err = b.SendDocument(alice, gotgbot.InputFileByReader("e.txt", strings.NewReader("x")), &gotgbot.SendDocumentOpts{Caption: strings.Repeat("x", 1025)})
	refused(t, err, 400, "Bad Request: message caption is too long")
}

func TestMenu(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	set := func(scope gotgbot.BotCommandScope, name string) error {
		_, err := b.SetMyCommands([]gotgbot.BotCommand{{Command: name, Description: "about " + name}}, &gotgbot.SetMyCommandsOpts{Scope: scope})
		return err
	}
	for scope, name := range map[gotgbot.BotCommandScope]string{
		gotgbot.BotCommandScopeDefault{}: "help", gotgbot.BotCommandScopeAllPrivateChats{}: "status", gotgbot.BotCommandScopeChat{ChatId: alice}: "run",
	} {
		if err := set(scope, name); err != nil {
			t.Fatal(err)
		}
	}
	for scope, want := range map[faketelegram.Scope]string{
		{}: "help", {Type: "all_private_chats"}: "status", {Type: "chat", ChatID: alice}: "run",
	} {
		if cs := srv.Commands(scope); len(cs) != 1 || cs[0].Command != want {
			t.Errorf("Commands(%+v) = %+v, want %s", scope, cs, want)
		}
	}
	refused(t, set(gotgbot.BotCommandScopeDefault{}, "Help"), 400, "Bad Request: BOT_COMMAND_INVALID")
	refused(t, set(nil, "help"), 400, "Bad Request: can't parse BotCommandScope: BotCommandScope must be an Object") // gotgbot sends null
	refused(t, set(gotgbot.BotCommandScopeChat{ChatId: 5}, "x"), 400, "Bad Request: chat not found")
	if _, err := b.DeleteMyCommands(nil); err != nil {
		t.Fatal(err)
	}
	if cs := must[[]gotgbot.BotCommand](t)(b.GetMyCommands(nil)); len(cs) != 0 {
		t.Errorf("commands = %+v", cs)
	}
}

func readCloser(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

func TestTopics(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	send := func(opts gotgbot.SendMessageOpts) (*gotgbot.Message, error) {
		return b.SendMessage(faketelegram.Forum, "x", &opts)
	}
	m := must[*gotgbot.Message](t)(send(gotgbot.SendMessageOpts{MessageThreadId: faketelegram.TopicAlerts}))
	if m.MessageThreadId != faketelegram.TopicAlerts || !m.IsTopicMessage {
		t.Errorf("message = %+v", m)
	}
	asked := srv.Send(faketelegram.Post{Chat: faketelegram.Forum, Topic: faketelegram.TopicDeploys, Text: "/status"})
	m = must[*gotgbot.Message](t)(send(gotgbot.SendMessageOpts{ReplyParameters: &gotgbot.ReplyParameters{MessageId: asked.MessageID}}))
	if m.MessageThreadId != faketelegram.TopicDeploys || m.ReplyToMessage.MessageId != asked.MessageID {
		t.Errorf("a reply went elsewhere: %+v", m)
	}
	for _, thread := range []int64{0, 1} {
		if m := must[*gotgbot.Message](t)(send(gotgbot.SendMessageOpts{MessageThreadId: thread})); m.MessageThreadId != 0 || m.IsTopicMessage {
			t.Errorf("thread %d: message = %+v", thread, m)
		}
	}
	_, err := send(gotgbot.SendMessageOpts{MessageThreadId: 77})
	refused(t, err, 400, "Bad Request: message thread not found")
	_, err = b.SendChatAction(faketelegram.Forum, "typing", &gotgbot.SendChatActionOpts{MessageThreadId: 77})
	refused(t, err, 400, "Bad Request: message thread not found")
}

func TestDeletions(t *testing.T) {
	srv, b := start(t, faketelegram.Config{Groups: []faketelegram.Group{
		{ID: -1001, Type: "group", Title: "ours", BotsAdmin: true}, {ID: -1002, Type: "group", Title: "theirs"},
	}})
	var ids []int64
	for range 3 {
		ids = append(ids, srv.Send(faketelegram.Post{Chat: -1001, From: bob, Text: "/auth x"}).MessageID)
	}
	if _, err := b.DeleteMessages(-1001, append(ids[:2:2], 999), nil); err != nil {
		t.Error(err) // one that is not there is no fault
	}
	for i, m := range srv.Messages(-1001) {
		if m.Deleted != (i < 2) {
			t.Errorf("message %d deleted: %v", i, m.Deleted)
		}
	}
	theirs := srv.Send(faketelegram.Post{Chat: -1002, From: bob, Text: "/auth x"})
	_, err := b.DeleteMessages(-1002, []int64{theirs.MessageID}, nil)
	refused(t, err, 400, "Bad Request: message can't be deleted")
	own := must[*gotgbot.Message](t)(b.SendMessage(-1002, "x", nil))
	if _, err := b.DeleteMessage(-1002, own.MessageId, nil); err != nil {
		t.Error(err)
	}
	// A press on what is gone still arrives, without the message's content.
	if _, err := srv.Press(faketelegram.Press{Chat: -1002, Message: own.MessageId, Data: "late"}); err != nil {
		t.Fatal(err)
	}
	us := updates(t, b, gotgbot.GetUpdatesOpts{Offset: -1})
	if _, gone := us[0].CallbackQuery.Message.(gotgbot.InaccessibleMessage); !gone {
		t.Errorf("message = %#v", us[0].CallbackQuery.Message)
	}
	srv.ExpirePresses()
	_, err = b.AnswerCallbackQuery(us[0].CallbackQuery.Id, nil)
	refused(t, err, 400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
}

func TestUploadTooLarge(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	_, err := b.SendDocument(alice, gotgbot.InputFileByReader("big.bin", io.LimitReader(zeros{}, 60<<20)), nil)
	// The server stops reading; what the client makes of that depends on who is first.
	if err == nil {
		t.Error("60 MB were taken")
	}
	if n := len(srv.Messages(alice)); n != 0 {
		t.Errorf("%d messages", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestClockSkew(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	srv.SetSkew(90 * time.Minute)
	res, err := http.Get(root + "/bot" + faketelegram.Token + "/getMe")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	date, err := http.ParseTime(res.Header.Get("Date"))
	if ahead := time.Until(date); err != nil || ahead < 89*time.Minute || ahead > 91*time.Minute {
		t.Errorf("Date is ahead by %v, %v", ahead, err)
	}
}

// Bots have nothing to say about each other's presses and messages.
func TestTwoBots(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{Bots: []faketelegram.Bot{{Token: "7:a", Username: "our_bot"}, {Token: "8:b", Username: "peer_bot"}}})
	ours, peer := client(t, root, "7:a"), client(t, root, "8:b")
	m := must[*gotgbot.Message](t)(ours.SendMessage(faketelegram.Supergroup, "x", nil))
	p := must[faketelegram.Pressed](t)(srv.Press(faketelegram.Press{Chat: faketelegram.Supergroup, Message: m.MessageId, Data: "x", User: bob}))
	if us := updates(t, peer, gotgbot.GetUpdatesOpts{}); len(us) != 0 {
		t.Errorf("the peer was told: %+v", us)
	}
	_, err := peer.AnswerCallbackQuery(p.ID, nil)
	refused(t, err, 400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
	_, _, err = peer.EditMessageText(&gotgbot.EditMessageTextOpts{ChatId: faketelegram.Supergroup, MessageId: m.MessageId, Text: "y"})
	refused(t, err, 400, "Bad Request: message can't be edited")
	if _, err := ours.AnswerCallbackQuery(p.ID, nil); err != nil {
		t.Error(err)
	}
}

// A file goes when the message that brought it is dropped.
func TestOldFilesGo(t *testing.T) {
	srv, b := start(t, faketelegram.Config{MaxMessages: 4})
	m := must[*gotgbot.Message](t)(b.SendDocument(alice, gotgbot.InputFileByReader("a.txt", strings.NewReader("x")), nil))
	must[*gotgbot.File](t)(b.GetFile(m.Document.FileId, nil))
	for range 5 {
		srv.Send(faketelegram.Post{Chat: alice, Text: "x"})
	}
	_, err := b.GetFile(m.Document.FileId, nil)
	refused(t, err, 400, "Bad Request: invalid file_id")
}
