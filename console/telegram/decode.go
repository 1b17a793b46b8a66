package telegram

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
)

// Decode turns the JSON of one update into what the console knows. Something the
// console has no use for is an Incoming with nothing but its ID. When the update
// cannot be decoded the ID is returned with the error if at least that could be
// read, and 0 otherwise.
func (b *Bot) Decode(raw []byte) (in console.Incoming, err error) {
	defer func() {
		// An update that ended the process would do so again at every start.
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
		if err != nil {
			var id struct {
				ID int64 `json:"update_id"`
			}
			_ = json.Unmarshal(raw, &id) // the ID alone; err tells the rest
			in = console.Incoming{UpdateID: id.ID}
		}
	}()
	var u gotgbot.Update
	if err := json.Unmarshal(raw, &u); err != nil {
		return in, err
	}
	in.UpdateID = u.UpdateId
	b.mu.Lock()
	me := b.me
	b.mu.Unlock()
	switch {
	case u.Message != nil:
		in.Message = message(u.UpdateId, u.Message, origin(u.Message), me)
	case u.EditedMessage != nil:
		in.Message = message(u.UpdateId, u.EditedMessage, console.Edited, me)
	case u.ChannelPost != nil:
		in.Message = message(u.UpdateId, u.ChannelPost, console.Channel, me)
	case u.EditedChannelPost != nil:
		in.Message = message(u.UpdateId, u.EditedChannelPost, console.Channel, me)
	case u.CallbackQuery != nil:
		in.Press = press(u.UpdateId, u.CallbackQuery)
	case u.MyChatMember != nil:
		if s := u.MyChatMember.NewChatMember.GetStatus(); s != "left" && s != "kicked" && u.MyChatMember.Chat.Type != "private" {
			in.Joined = &console.Joined{UpdateID: u.UpdateId, ChatID: u.MyChatMember.Chat.Id}
		}
	}
	return in, nil
}

// maxDate is the last second of the year 9999: a later one has no JSON form.
const maxDate = 253402300799

// origin decides from positive signs only: what it does not recognise as typed
// by a person is not.
func origin(m *gotgbot.Message) console.Origin {
	switch {
	case m.Chat.Type == "channel" || m.IsAutomaticForward:
		return console.Channel
	case m.SenderChat != nil:
		return console.Anonymous
	case m.ForwardOrigin != nil:
		return console.Forwarded
	case m.EditDate != 0:
		return console.Edited
	case m.ViaBot != nil:
		return console.ViaBot
	case m.From == nil:
		return console.Other
	case m.From.IsBot || m.SenderBusinessBot != nil:
		return console.Bot
	case m.IsFromOffline:
		return console.Other // scheduled: nobody is there now, and who wrote it may not have been allowed to then
	case m.BusinessConnectionId != "" || m.GuestQueryId != "" || m.GuestBotCallerUser != nil || m.Text == "":
		return console.Other
	}
	return console.Person
}

func message(id int64, m *gotgbot.Message, o console.Origin, me gotgbot.User) *console.Message {
	c := &console.Message{
		UpdateID: id, ChatID: m.Chat.Id, MessageID: m.MessageId,
		Private: m.Chat.Type == "private", Origin: o, Text: m.Text,
		SentAt: time.Unix(min(max(m.Date, 0), maxDate), 0).UTC(), ReceivedAt: time.Now(),
	}
	if c.Text == "" {
		c.Text = m.Caption // never a command, but it may hold a secret
	}
	// In a group without topics message_thread_id is the thread of a reply.
	if m.IsTopicMessage {
		c.TopicID = m.MessageThreadId
	}
	if m.From != nil {
		c.UserID, c.UserName = m.From.Id, m.From.FirstName
	}
	if r := m.ReplyToMessage; r != nil {
		c.ReplyTo = r.MessageId
		c.ToUs = r.From != nil && r.From.Id == me.Id && me.Id != 0
	}
	c.ToUs = c.ToUs || mentions(m, me.Username)
	return c
}

// mentions reports whether m names @username. Offsets of entities are in UTF-16
// units.
func mentions(m *gotgbot.Message, username string) bool {
	if username == "" {
		return false
	}
	var units []uint16
	for _, e := range m.Entities {
		if e.Type != "mention" && e.Type != "bot_command" {
			continue
		}
		if units == nil {
			units = utf16.Encode([]rune(m.Text))
		}
		if e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > int64(len(units)) {
			continue
		}
		_, name, _ := strings.Cut(string(utf16.Decode(units[e.Offset:e.Offset+e.Length])), "@")
		if strings.EqualFold(name, username) {
			return true
		}
	}
	return false
}

func press(id int64, q *gotgbot.CallbackQuery) *console.Press {
	p := &console.Press{
		UpdateID: id, ID: q.Id, UserID: q.From.Id, UserName: q.From.FirstName,
		FromBot: q.From.IsBot, Data: q.Data, Stray: true, ReceivedAt: time.Now(),
	}
	if q.Message != nil {
		chat := q.Message.GetChat()
		p.ChatID, p.MessageID, p.Private = chat.Id, q.Message.GetMessageId(), chat.Type == "private"
		if m, ok := q.Message.(gotgbot.Message); ok {
			if m.IsTopicMessage {
				p.TopicID = m.MessageThreadId
			}
			p.Stray = !hasButton(m.ReplyMarkup, q.Data)
			if m.Text != "" {
				p.Print = printOf(m.Text, m.ReplyMarkup)
			}
		}
	}
	return p
}

// printOf is a hash of what a message shows: whoever has the token can edit messages of
// ours, and with that what a press of their buttons means to people. How much blank
// there is between words does not count, as Telegram trims it.
func printOf(text string, k *gotgbot.InlineKeyboardMarkup) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", strings.Fields(text))
	if k != nil {
		for _, row := range k.InlineKeyboard {
			for _, b := range row {
				fmt.Fprintf(h, "%q %q %q\n", b.Text, b.CallbackData, b.Url)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// hasButton reports whether a keyboard has a button with data. Source: Bot API,
// CallbackQuery: "a bad client can send arbitrary data in this field".
func hasButton(k *gotgbot.InlineKeyboardMarkup, data string) bool {
	return k != nil && slices.ContainsFunc(k.InlineKeyboard, func(row []gotgbot.InlineKeyboardButton) bool {
		return slices.ContainsFunc(row, func(b gotgbot.InlineKeyboardButton) bool { return b.CallbackData == data })
	})
}
