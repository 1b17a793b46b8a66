package faketelegram

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Post is a message that a person sends. Only Chat and Text are needed.
type Post struct {
	// From is the sender. Zero means the person of a private chat, the first
	// person in a group, and nobody in a channel. A bot's ID makes a message
	// whose sender is a bot.
	From int64

	Chat int64 // a user ID for that person's private chat with the bot
	Text string

	Topic   int64 // message_thread_id in a forum
	ReplyTo int64 // ID of a message of this chat

	// Date is the message's own date; zero means now on Telegram's clock (see
	// SetSkew).
	Date time.Time

	// ForwardFrom makes a forward of something that this user wrote.
	// ForwardOrigin is for the other kinds of forwards.
	ForwardFrom   int64
	ForwardOrigin *MessageOrigin

	ViaBot int64 // the inline bot the text was made with, a user ID

	// SenderChat sends on behalf of a chat: the group itself for an anonymous
	// administrator, or a channel.
	SenderChat int64

	// Document with Text as its caption.
	Document *Upload

	// Alter may change the update of each bot before it is queued: for what
	// the other fields cannot say.
	Alter func(*Update)
}

// Send delivers a message as a person and returns it. Whether a bot gets an
// update depends on its membership, its privacy mode and its allowed_updates.
// The text goes as it is; Telegram's own apps trim it first.
//
// It panics if the post names a chat, a user or a message that does not exist.
func (s *Server) Send(p Post) Message {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	m, err := s.w.send(s.bot, p)
	if err != nil {
		panic("faketelegram: send: " + err.Error())
	}
	return m
}

func (w *world) send(b *bot, p Post) (Message, error) {
	c := w.conv(b, p.Chat)
	if c == nil {
		return Message{}, fmt.Errorf("no chat %d", p.Chat)
	}
	e := &Entry{}
	e.Date = p.Date.Unix()
	if p.Date.IsZero() {
		e.Date = w.now().Unix()
	}
	if err := w.sender(c, e, p); err != nil {
		return Message{}, err
	}
	f := formatted{text: p.Text}.detect()
	if p.Document != nil {
		e.Document, e.Content = w.store(*p.Document), p.Document.Content
		e.Caption, e.CaptionEntities = f.text, f.entities
	} else {
		e.Text, e.Entities = f.text, f.entities
	}
	if p.ReplyTo != 0 {
		to := c.live(p.ReplyTo)
		if to == nil {
			return Message{}, fmt.Errorf("no message %d in chat %d to reply to", p.ReplyTo, p.Chat)
		}
		e.ReplyToMessage = quoted(to)
		if p.Topic == 0 {
			p.Topic = to.MessageThreadID
		}
	}
	if err := w.intoTopic(c, e, p.Topic); err != nil {
		return Message{}, fmt.Errorf("no topic %d in chat %d", p.Topic, p.Chat)
	}
	w.add(c, e)
	w.deliver(b, c, e, false, p.Alter)
	return e.Message, nil
}

// sender fills in who a message is from, and by which way.
func (w *world) sender(c *conv, e *Entry, p Post) error {
	user := func(id int64) *User {
		if u := w.users[id]; u != nil {
			return u
		}
		return nil
	}
	if p.From == 0 {
		switch c.chat.Type {
		case "private":
			p.From = c.chat.ID
		case "channel":
			chat := c.chat
			e.SenderChat = &chat
		default:
			p.From = w.people[0].ID
		}
	}
	if p.From != 0 {
		if e.From = user(p.From); e.From == nil {
			return fmt.Errorf("no user %d", p.From)
		}
	}
	if p.SenderChat != 0 {
		g := w.groups[p.SenderChat]
		if g == nil {
			return fmt.Errorf("no chat %d to send as", p.SenderChat)
		}
		chat := g.chat()
		e.SenderChat = &chat
		e.From = &User{ID: channelBot, IsBot: true, FirstName: "Channel", Username: "Channel_Bot"}
		if p.SenderChat == c.chat.ID {
			e.From = &User{ID: groupAnonymousBot, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
		}
	}
	if p.ViaBot != 0 {
		e.ViaBot = user(p.ViaBot)
		if e.ViaBot == nil {
			e.ViaBot = &User{ID: p.ViaBot, IsBot: true, FirstName: "inline", Username: "inline_bot"}
		}
	}
	e.ForwardOrigin = p.ForwardOrigin
	if p.ForwardFrom != 0 {
		u := user(p.ForwardFrom)
		if u == nil {
			return fmt.Errorf("no user %d to forward from", p.ForwardFrom)
		}
		e.ForwardOrigin = &MessageOrigin{Type: "user", Date: e.Date - 60, SenderUser: u}
	}
	return nil
}

// deliver queues an update for every bot that sees the message.
func (w *world) deliver(b *bot, c *conv, e *Entry, edited bool, alter func(*Update)) {
	bots := w.botList
	if c.key.bot != 0 {
		bots = []*bot{b}
	}
	for _, b := range bots {
		if !w.sees(b, c, e) {
			continue
		}
		m := e.Message
		u := &Update{}
		switch channel := c.chat.Type == "channel"; {
		case channel && edited:
			u.EditedChannelPost = &m
		case channel:
			u.ChannelPost = &m
		case edited:
			u.EditedMessage = &m
		default:
			u.Message = &m
		}
		if alter != nil {
			u = u.clone()
			alter(u)
		}
		w.enqueue(b, u)
	}
}

// sees reports whether b gets a message of c. Source:
// core.telegram.org/bots/features#privacy-mode.
func (w *world) sees(b *bot, c *conv, e *Entry) bool {
	g := w.groups[c.chat.ID]
	switch {
	case e.From != nil && e.From.ID == b.user.ID:
		return false
	case g == nil:
		return !b.blocked[c.chat.ID]
	case !g.members[b.user.ID]:
		return false
	case !b.privacy || g.BotsAdmin || g.Type == "channel":
		return true
	}
	if r := e.ReplyToMessage; r != nil && r.From != nil && r.From.ID == b.user.ID {
		return true
	}
	if e.NewChatMembers != nil || e.LeftChatMember != nil {
		return true
	}
	for _, ent := range e.Entities {
		word := slice16(e.Text, ent.Offset, ent.Length)
		switch ent.Type {
		case "mention":
			if strings.EqualFold(word, "@"+b.user.Username) {
				return true
			}
		case "bot_command":
			_, to, ok := strings.Cut(word, "@")
			if !ok || strings.EqualFold(to, b.user.Username) {
				return true
			}
		}
	}
	return false
}

// slice16 cuts s by UTF-16 units.
func slice16(s string, offset, length int) string {
	units, start := 0, -1
	for i, r := range s {
		if units == offset {
			start = i
		}
		if units >= offset+length && start >= 0 {
			return s[start:i]
		}
		units += 1
		if r > 0xffff {
			units++
		}
	}
	if start < 0 {
		return ""
	}
	return s[start:]
}

// EditByUser changes the text of a person's message and delivers that. It
// panics if there is no such message.
func (s *Server) EditByUser(chat, message int64, text string) Message {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c, e := s.entry(chat, message)
	s.edit(c, e, text)
	return e.Message
}

func (s *Server) edit(c *conv, e *Entry, text string) {
	e.keepVersion()
	f := formatted{text: text}.detect()
	e.Text, e.Entities, e.EditDate = f.text, f.entities, s.w.now().Unix()
	s.w.emit("edit", c, e.MessageID, nil)
	s.w.deliver(s.bot, c, e, true, nil)
}

// DeleteByUser deletes a message as a person; bots do not hear of it. It panics
// if there is no such message.
func (s *Server) DeleteByUser(user, chat, message int64) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c, e := s.entry(chat, message)
	s.w.remove(c, e, user)
}

// entry finds a message that a test names.
func (s *Server) entry(chat, message int64) (*conv, *Entry) {
	c := s.w.conv(s.bot, chat)
	if c == nil {
		panic(fmt.Sprintf("faketelegram: no chat %d", chat))
	}
	e := c.live(message)
	if e == nil {
		panic(fmt.Sprintf("faketelegram: no message %d in chat %d", message, chat))
	}
	return c, e
}

// Press is a press of an inline button.
type Press struct {
	// User presses; zero means the person of a private chat, or the first
	// person in a group.
	User int64

	Chat    int64
	Message int64 // deleted ones too: a phone may be slow to hear of it

	// Data is sent as it is, also if no button has it, as a hostile client can.
	// Empty means that of the button with the text Label.
	Data  string
	Label string
}

// PressAnswer is what the bot says to a press with answerCallbackQuery.
type PressAnswer struct {
	Text  string
	Alert bool // a dialog rather than a toast
	URL   string
	At    time.Time
}

// press is a callback query that is not answered yet.
type press struct {
	id      string
	user    int64
	bot     *bot
	conv    *conv
	message int64
	answer  PressAnswer
	done    chan struct{} // closed when answered
}

// Pressed is a press that was made. Use Wait for its answer.
type Pressed struct {
	ID string // callback_query_id
	p  *press
	s  *Server
}

// Press presses a button and returns at once. It fails if there is no message or
// no button of that kind, or if its message is not by a bot.
func (s *Server) Press(p Press) (Pressed, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	w := s.w
	c := w.conv(s.bot, p.Chat)
	if c == nil {
		return Pressed{}, fmt.Errorf("press: no chat %d", p.Chat)
	}
	e := c.get(p.Message)
	if e == nil {
		return Pressed{}, fmt.Errorf("press: no message %d in chat %d", p.Message, p.Chat)
	}
	b := w.botByID(e.Bot)
	if b == nil {
		return Pressed{}, fmt.Errorf("press: message %d is not by a bot", p.Message)
	}
	if p.User == 0 {
		p.User = w.people[0].ID
		if c.chat.Type == "private" {
			p.User = c.chat.ID
		}
	}
	u := w.users[p.User]
	if u == nil {
		return Pressed{}, fmt.Errorf("press: no user %d", p.User)
	}
	if p.Data == "" {
		var labels []string
		if e.ReplyMarkup != nil {
			for _, row := range e.ReplyMarkup.Rows {
				for _, btn := range row {
					labels = append(labels, btn.Text)
					if btn.Text == p.Label && btn.CallbackData != "" {
						p.Data = btn.CallbackData
					}
				}
			}
		}
		if p.Data == "" {
			return Pressed{}, fmt.Errorf("press: message %d has no button %q, only %q", p.Message, p.Label, labels)
		}
	}
	m := e.Message
	if e.Deleted {
		m = Message{MessageID: m.MessageID, Chat: m.Chat} // InaccessibleMessage
	}
	w.lastID++
	pr := &press{
		id: strconv.FormatInt(p.User<<20|w.lastID, 10), user: p.User, bot: b, conv: c, message: p.Message,
		done: make(chan struct{}),
	}
	w.presses[pr.id] = pr
	w.enqueue(b, &Update{CallbackQuery: &CallbackQuery{
		ID: pr.id, From: *u, Message: &m, Data: p.Data, ChatInstance: strconv.FormatInt(c.chat.ID*7919, 10),
	}})
	return Pressed{pr.id, pr, s}, nil
}

// Wait blocks until the bot has answered the press, or ctx ends.
func (p Pressed) Wait(ctx context.Context) (PressAnswer, error) {
	select {
	case <-p.p.done:
		return p.p.answer, nil
	case <-p.s.w.done:
		return PressAnswer{}, errClosed
	case <-ctx.Done():
		return PressAnswer{}, fmt.Errorf("wait for the answer to press %s: %w", p.ID, ctx.Err())
	}
}

// ExpirePresses makes all open presses too old to be answered.
func (s *Server) ExpirePresses() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	clear(s.w.presses)
}

// Block makes a person block the bot: it can no longer write to them.
func (s *Server) Block(user int64) { s.setBlocked(user, true) }

// Unblock takes Block back.
func (s *Server) Unblock(user int64) { s.setBlocked(user, false) }

func (s *Server) setBlocked(user int64, blocked bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	b, u := s.bot, s.w.users[user]
	if u == nil {
		panic(fmt.Sprintf("faketelegram: no user %d", user))
	}
	if b.blocked[user] == blocked {
		return
	}
	b.blocked[user] = blocked
	status := map[bool]string{true: "kicked", false: "member"}
	s.w.enqueue(b, &Update{MyChatMember: &ChatMemberUpdated{
		Chat: s.w.private(b, user).chat, From: *u, Date: s.w.now().Unix(),
		OldChatMember: ChatMember{User: *b.user, Status: status[!blocked]},
		NewChatMember: ChatMember{User: *b.user, Status: status[blocked]},
	}})
}

// SetSkew moves Telegram's clock against ours: the dates of messages and of
// HTTP answers are that much later.
func (s *Server) SetSkew(d time.Duration) {
	s.w.mu.Lock()
	s.w.skew = d
	s.w.mu.Unlock()
}

func (g *group) chat() Chat {
	return Chat{ID: g.ID, Type: g.Type, Title: g.Title, Username: g.Username, IsForum: len(g.topics) > 0}
}

// AddGroup makes a chat of several. It fails if the ID is taken or does not fit
// the type.
func (s *Server) AddGroup(cfg Group) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	w := s.w
	if cfg.Type == "" {
		cfg.Type = "supergroup"
	}
	big := cfg.ID <= -1_000_000_000_000
	switch {
	case cfg.ID >= 0:
		return fmt.Errorf("group %q: chat ID %d is not negative", cfg.Title, cfg.ID)
	case !slices.Contains([]string{"group", "supergroup", "channel"}, cfg.Type):
		return fmt.Errorf("group %q: unknown type %q", cfg.Title, cfg.Type)
	case big != (cfg.Type != "group"):
		return fmt.Errorf("group %q: chat ID %d is not of a %s", cfg.Title, cfg.ID, cfg.Type)
	case cfg.Topics != nil && cfg.Type != "supergroup":
		return fmt.Errorf("group %q: only a supergroup has topics", cfg.Title)
	case w.groups[cfg.ID] != nil:
		return fmt.Errorf("group %q: chat ID %d is taken", cfg.Title, cfg.ID)
	}
	g := &group{Group: cfg, members: map[int64]bool{}, kicked: map[int64]bool{}, topics: map[int64]string{}}
	first := int64(1)
	for _, t := range cfg.Topics {
		g.topics[t.ID] = t.Title
		first = max(first, t.ID+1) // a topic's ID is that of the message that opened it
	}
	for _, id := range cfg.Members {
		if w.users[id] == nil {
			return fmt.Errorf("group %q: no user %d", cfg.Title, id)
		}
		g.members[id] = true
	}
	if len(cfg.Members) == 0 {
		for id := range w.users {
			g.members[id] = true
		}
	}
	w.groups[cfg.ID] = g
	w.groupIDs = append(w.groupIDs, cfg.ID)
	w.convs[convKey{0, cfg.ID}] = &conv{key: convKey{0, cfg.ID}, first: first, chat: g.chat()}
	w.emit("world", nil, 0, nil)
	return nil
}

// AddBot makes a person add the bot to a group: it gets a my_chat_member update
// and the message that says so.
func (s *Server) AddBot(by, chat int64) { s.botMembership(by, chat, true) }

// KickBot makes a person throw the bot out of a group.
func (s *Server) KickBot(by, chat int64) { s.botMembership(by, chat, false) }

func (s *Server) botMembership(by, chat int64, in bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	g, u := s.w.groups[chat], s.w.users[by]
	if g == nil || u == nil {
		panic(fmt.Sprintf("faketelegram: no group %d or no user %d", chat, by))
	}
	s.w.setMember(g, s.bot, u, in, !in)
}

// setMember lets a bot into a group or out of it.
func (w *world) setMember(g *group, b *bot, by *User, in, kicked bool) {
	id := b.user.ID
	before := w.member(g, b.user)
	if g.members[id] == in {
		return
	}
	g.kicked[id] = kicked
	if in {
		g.members[id] = true
	} else {
		delete(g.members, id)
	}
	w.enqueue(b, &Update{MyChatMember: &ChatMemberUpdated{
		Chat: g.chat(), From: *by, Date: w.now().Unix(), OldChatMember: before, NewChatMember: w.member(g, b.user),
	}})
	e := &Entry{Message: Message{From: by, Date: w.now().Unix()}}
	if in {
		e.NewChatMembers = []User{*b.user}
	} else {
		e.LeftChatMember = b.user
	}
	c := w.convs[convKey{0, g.ID}]
	w.add(c, e)
	w.deliver(b, c, e, false, nil)
}

// Messages returns what is kept of a chat, oldest first, with what was edited
// and deleted.
func (s *Server) Messages(chat int64) []Entry { return s.MessagesAfter(chat, 0) }

// MessagesAfter returns the messages of a chat whose IDs are greater than that.
func (s *Server) MessagesAfter(chat, message int64) []Entry {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c := s.w.conv(s.bot, chat)
	if c == nil {
		panic(fmt.Sprintf("faketelegram: no chat %d", chat))
	}
	skip := min(max(message-c.first+1, 0), int64(len(c.entries)))
	es := make([]Entry, 0, int64(len(c.entries))-skip)
	for _, e := range c.entries[skip:] {
		es = append(es, *e)
	}
	return es
}

// Message returns one message, deleted or not, and whether there is one.
func (s *Server) Message(chat, message int64) (Entry, bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if c := s.w.conv(s.bot, chat); c != nil {
		if e := c.get(message); e != nil {
			return *e, true
		}
	}
	return Entry{}, false
}

var errClosed = errors.New("telegram server is closed")

// Wait blocks until cond is true, which it asks at once and after every change
// of the server's state. cond may use the server. Wait fails when ctx ends.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.w.mu.Lock()
		changed := s.w.change()
		s.w.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-s.w.done:
			return errClosed
		case <-ctx.Done():
			return fmt.Errorf("wait for telegram: %w", ctx.Err())
		}
	}
}

// WaitMessage blocks until a bot's message newer than after is in the chat that
// match accepts, in its state at that time: edits count. A nil match accepts
// any. When ctx ends the error tells what is there instead.
func (s *Server) WaitMessage(ctx context.Context, chat, after int64, match func(Entry) bool) (Entry, error) {
	var found Entry
	err := s.Wait(ctx, func() bool {
		for _, e := range s.MessagesAfter(chat, after) {
			if e.Bot != 0 && !e.Deleted && (match == nil || match(e)) {
				found = e
				return true
			}
		}
		return false
	})
	if err != nil {
		var texts []string
		for _, e := range s.MessagesAfter(chat, after) {
			if e.Bot != 0 {
				texts = append(texts, strings.TrimSpace(e.Text+e.Caption))
			}
		}
		return Entry{}, fmt.Errorf("%w; messages of bots since then: %q", err, texts)
	}
	return found, nil
}

// Contains is a match for WaitMessage: the text or caption contains sub.
func Contains(sub string) func(Entry) bool {
	return func(e Entry) bool { return strings.Contains(e.Text+e.Caption, sub) }
}

// Matches is a match for WaitMessage: the text or caption matches the pattern,
// which must compile.
func Matches(pattern string) func(Entry) bool {
	re := regexp.MustCompile(pattern)
	return func(e Entry) bool { return re.MatchString(e.Text + e.Caption) }
}
