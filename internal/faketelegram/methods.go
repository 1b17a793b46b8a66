package faketelegram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Telegram's limits on the menu.
const (
	maxCommands    = 100
	maxDescription = 256
)

// call does what the client asks for.
func (s *Server) call(ctx context.Context, b *bot, c *Call) (any, *Error) {
	a := args{c}
	if strings.EqualFold(c.Method, "getUpdates") {
		return s.w.getUpdates(ctx, b, a)
	}
	method := methods[strings.ToLower(c.Method)]
	if method == nil {
		return nil, &Error{Code: 404, Description: "Not Found: method not found"}
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	select {
	case <-s.w.done: // nothing may start any more
		return nil, aborted
	default:
	}
	return method(s.w, b, a)
}

// methods by name in lower case; Telegram does not look at the case. They run
// under the lock, and what they return must not change afterwards.
var methods map[string]func(*world, *bot, args) (any, *Error)

func init() {
	yes := func(*world, *bot, args) (any, *Error) { return true, nil }
	methods = map[string]func(*world, *bot, args) (any, *Error){
		"getme":                  (*world).getMe,
		"sendmessage":            (*world).sendMessage,
		"senddocument":           (*world).sendDocument,
		"editmessagetext":        (*world).editMessageText,
		"editmessagereplymarkup": (*world).editMessageReplyMarkup,
		"editmessagecaption":     (*world).editMessageCaption,
		"deletemessage":          (*world).deleteMessage,
		"deletemessages":         (*world).deleteMessages,
		"answercallbackquery":    (*world).answerCallbackQuery,
		"sendchataction":         (*world).sendChatAction,
		"setmycommands":          (*world).setMyCommands,
		"getmycommands":          (*world).getMyCommands,
		"deletemycommands":       (*world).deleteMyCommands,
		"setwebhook":             (*world).setWebhook,
		"deletewebhook":          (*world).deleteWebhook,
		"getwebhookinfo":         (*world).getWebhookInfo,
		"getchat":                (*world).getChat,
		"getchatmember":          (*world).getChatMember,
		"getchatadministrators":  (*world).getChatAdministrators,
		"getchatmembercount":     (*world).getChatMemberCount,
		"leavechat":              (*world).leaveChat,
		"getfile":                (*world).getFile,

		// Accepted, without an effect that anyone could see here.
		"setmessagereaction":    yes,
		"pinchatmessage":        yes,
		"unpinchatmessage":      yes,
		"setmyname":             yes,
		"setmydescription":      yes,
		"setmyshortdescription": yes,
		"setchatmenubutton":     yes,
		"logout":                yes,
		"close":                 yes,
	}
}

func (w *world) getMe(b *bot, _ args) (any, *Error) {
	return struct {
		User
		CanJoinGroups   bool `json:"can_join_groups"`
		CanReadAll      bool `json:"can_read_all_group_messages"`
		SupportsInline  bool `json:"supports_inline_queries"`
		ConnectBusiness bool `json:"can_connect_to_business"`
		HasMainWebApp   bool `json:"has_main_web_app"`
	}{User: *b.user, CanJoinGroups: true, CanReadAll: !b.privacy}, nil
}

// chatOf finds the chat a call is about, if the bot may act there.
func (w *world) chatOf(b *bot, a args) (*conv, *Error) {
	id := strings.TrimSpace(a.str("chat_id"))
	if id == "" {
		return nil, badRequest("chat_id is empty")
	}
	var c *conv
	if name, ok := strings.CutPrefix(id, "@"); ok {
		for gid, g := range w.groups {
			if strings.EqualFold(g.Username, name) {
				c = w.conv(b, gid)
			}
		}
	} else if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		c = w.conv(b, n)
	}
	if c == nil {
		return nil, badRequest("chat not found")
	}
	if g := w.groups[c.chat.ID]; g != nil && !g.members[b.user.ID] {
		kind := g.Type
		if g.kicked[b.user.ID] {
			return nil, forbidden("bot was kicked from the " + kind + " chat")
		}
		return nil, forbidden("bot is not a member of the " + kind + " chat")
	}
	return c, nil
}

// prepare checks everything about a new message but its content.
func (w *world) prepare(b *bot, a args) (*conv, *Entry, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, nil, err
	}
	e := &Entry{Bot: b.user.ID, Silent: a.bool("disable_notification")}
	e.From, e.Date = b.user, w.now().Unix()
	e.HasProtectedContent = a.bool("protect_content")
	if c.chat.Type == "channel" {
		chat := c.chat
		e.From, e.SenderChat = nil, &chat
	}
	var reply struct {
		MessageID int64 `json:"message_id"`
		Anyway    bool  `json:"allow_sending_without_reply"`
	}
	if a.json("reply_parameters", &reply) != nil {
		return nil, nil, badRequest("can't parse reply parameters JSON object")
	}
	if !a.has("reply_parameters") {
		reply.MessageID, reply.Anyway = a.int("reply_to_message_id", 0), a.bool("allow_sending_without_reply")
	}
	thread := a.int("message_thread_id", 0)
	if reply.MessageID != 0 {
		to := c.live(reply.MessageID)
		switch {
		case to == nil && !reply.Anyway:
			return nil, nil, badRequest("message to be replied not found")
		case to != nil:
			e.ReplyToMessage = quoted(to)
			if thread == 0 {
				thread = to.MessageThreadID
			}
		}
	}
	if err := w.intoTopic(c, e, thread); err != nil {
		return nil, nil, err
	}
	if err := readMarkup(a, e); err != nil {
		return nil, nil, err
	}
	if c.chat.Type == "private" && b.blocked[c.chat.ID] {
		return nil, nil, forbidden("bot was blocked by the user")
	}
	return c, e, nil
}

// quoted is a message as it stands inside a reply to it.
func quoted(to *Entry) *Message {
	m := to.Message
	m.ReplyToMessage = nil
	return &m
}

// intoTopic puts a message into a thread of a forum. Elsewhere only a reply has
// a thread, and 0 and 1 mean the general topic, which is not marked.
func (w *world) intoTopic(c *conv, e *Entry, thread int64) *Error {
	if thread == 0 {
		return nil
	}
	if !c.chat.IsForum {
		if e.ReplyToMessage == nil {
			return badRequest("message thread not found")
		}
		return nil
	}
	if thread == 1 {
		return nil
	}
	title, ok := w.groups[c.chat.ID].topics[thread]
	if !ok {
		return badRequest("message thread not found")
	}
	e.MessageThreadID, e.IsTopicMessage = thread, true
	if e.ReplyToMessage == nil {
		// In a topic Telegram shows what is no reply as one to the topic's start.
		e.ReplyToMessage = &Message{
			MessageID: thread, MessageThreadID: thread, IsTopicMessage: true,
			From: &User{ID: w.people[0].ID, FirstName: w.people[0].Name}, Date: w.start.Unix(), Chat: c.chat,
			ForumTopicCreated: &TopicCreated{Name: title, IconColor: 0x6FB9F0},
		}
	}
	return nil
}

// readMarkup reads reply_markup, of which there are four kinds.
func readMarkup(a args, e *Entry) *Error {
	raw := a.str("reply_markup")
	if raw == "" {
		return nil
	}
	if !json.Valid([]byte(raw)) {
		return badRequest("can't parse reply keyboard markup JSON object")
	}
	if raw[0] != '{' {
		return badRequest("object expected as reply markup")
	}
	var any struct {
		Inline *[]json.RawMessage `json:"inline_keyboard"`
		Force  bool               `json:"force_reply"`
	}
	if json.Unmarshal([]byte(raw), &any) != nil {
		return badRequest("field \"inline_keyboard\" must be of type Array")
	}
	switch {
	case any.Inline != nil:
		return e.setKeyboard(*any.Inline)
	case any.Force:
		e.ForceReply = &ForceReply{}
		json.Unmarshal([]byte(raw), e.ForceReply)
	}
	return nil
}

// setKeyboard checks the buttons; an empty keyboard is none.
func (e *Entry) setKeyboard(rows []json.RawMessage) *Error {
	k, n := &InlineKeyboard{}, 0
	for _, raw := range rows {
		var row []json.RawMessage
		if raw[0] != '[' || json.Unmarshal(raw, &row) != nil {
			return badRequest("field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays")
		}
		var buttons []Button
		for _, raw := range row {
			var all map[string]json.RawMessage
			var btn Button
			if json.Unmarshal(raw, &all) != nil || json.Unmarshal(raw, &btn) != nil {
				return badRequest("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
			}
			switch {
			case all["text"] == nil:
				return badRequest("can't parse inline keyboard button: Can't find field \"text\"")
			case len(btn.CallbackData) > maxData:
				return badRequest("BUTTON_DATA_INVALID")
			case btn.CallbackData == "" && btn.URL == "" && btn.CopyText == nil && all["web_app"] == nil &&
				all["switch_inline_query"] == nil && all["switch_inline_query_current_chat"] == nil &&
				all["login_url"] == nil && all["pay"] == nil:
				return badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
			case btn.URL != "" && !strings.Contains(btn.URL, ".") && !strings.Contains(btn.URL, "://"):
				return badRequest("inline keyboard button URL '" + btn.URL + "' is invalid: Wrong HTTP URL")
			}
			if strings.TrimSpace(btn.Text) == "" {
				continue // as TDLib does
			}
			buttons = append(buttons, btn)
			n++
		}
		if buttons != nil {
			k.Rows = append(k.Rows, buttons)
		}
	}
	if n > maxButtons {
		return badRequest("reply markup is too long")
	}
	if n > 0 {
		e.ReplyMarkup = k
	}
	return nil
}

// text reads a text or caption parameter.
func (a args) text(name, entities string) (formatted, *Error) {
	var given []Entity
	if a.str("parse_mode") == "" && a.json(entities, &given) != nil {
		return formatted{}, badRequest("can't parse entities JSON object")
	}
	return format(a.str(name), a.str("parse_mode"), given)
}

func (w *world) sendMessage(b *bot, a args) (any, *Error) {
	if a.str("text") == "" {
		if _, err := w.chatOf(b, a); err != nil && a.str("chat_id") == "" {
			return nil, err
		}
		return nil, badRequest("message text is empty")
	}
	f, err := a.text("text", "entities")
	if err != nil {
		return nil, err
	}
	c, e, err := w.prepare(b, a)
	if err != nil {
		return nil, err
	}
	switch n := utf16Len(f.text); {
	case n == 0:
		return nil, badRequest("text must be non-empty")
	case n > maxText:
		return nil, badRequest("message is too long")
	}
	e.Text, e.Entities = f.text, f.entities
	if raw := a.str("link_preview_options"); raw != "" {
		if !json.Valid([]byte(raw)) {
			return nil, badRequest("can't parse link preview options JSON object")
		}
		e.LinkPreviewOptions = json.RawMessage(raw)
	}
	return w.sent(c, e), nil
}

// sent adds a message of a bot to its chat and gives what the bot is answered.
func (w *world) sent(c *conv, e *Entry) *Message {
	w.add(c, e)
	m := e.Message
	return &m
}

// file is an uploaded document.
type file struct {
	doc     Document
	content []byte
	path    string
}

func (w *world) sendDocument(b *bot, a args) (any, *Error) {
	f, err := a.text("caption", "caption_entities")
	if err != nil {
		return nil, err
	}
	c, e, err := w.prepare(b, a)
	if err != nil {
		return nil, err
	}
	if utf16Len(f.text) > maxCaption {
		return nil, badRequest("message caption is too long")
	}
	up, ok := a.Files["document"]
	if name, attached := strings.CutPrefix(a.str("document"), "attach://"); attached {
		up, ok = a.Files[name]
	}
	old := w.files[a.str("document")]
	switch {
	case ok && len(up.Content) == 0:
		return nil, badRequest("file must be non-empty")
	case ok:
		e.Document, e.Content = w.store(up), up.Content
	case old != nil:
		doc := old.doc
		e.Document, e.Content = &doc, old.content
	case a.str("document") != "":
		return nil, badRequest("wrong file identifier/HTTP URL specified")
	default:
		return nil, badRequest("there is no document in the request")
	}
	e.Caption, e.CaptionEntities = f.text, f.entities
	return w.sent(c, e), nil
}

// store keeps an uploaded file under a new ID.
func (w *world) store(up Upload) *Document {
	w.lastID++
	kind := up.Type
	if t := mime.TypeByExtension(path.Ext(up.Name)); kind == "" || kind == "application/octet-stream" && t != "" {
		kind = t
	}
	kind, _, _ = strings.Cut(kind, ";")
	if kind == "" {
		kind = "application/octet-stream"
	}
	id := fmt.Sprintf("BQACAgIAAxkBAAI%08d", w.lastID)
	f := &file{
		doc: Document{
			FileID:       id,
			FileUniqueID: fmt.Sprintf("AgAD%08d", w.lastID),
			FileName:     path.Base(strings.ReplaceAll(up.Name, "\\", "/")),
			MimeType:     kind,
			FileSize:     int64(len(up.Content)),
		},
		content: up.Content,
		path:    "documents/" + id + path.Ext(up.Name),
	}
	w.files[f.doc.FileID] = f
	doc := f.doc
	return &doc
}

func (w *world) getFile(_ *bot, a args) (any, *Error) {
	f := w.files[a.str("file_id")]
	if f == nil {
		return nil, badRequest("invalid file_id")
	}
	if len(f.content) > 20<<20 {
		return nil, badRequest("file is too big")
	}
	return map[string]any{
		"file_id": f.doc.FileID, "file_unique_id": f.doc.FileUniqueID, "file_size": f.doc.FileSize, "file_path": f.path,
	}, nil
}

// serveFile serves what getFile names, at /file/bot<token>/<path>.
func (s *Server) serveFile(rw http.ResponseWriter, r *http.Request) {
	token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/file/bot"), "/")
	s.w.mu.Lock()
	b := s.w.bots[token]
	var content []byte
	id, _, _ := strings.Cut(path.Base(name), ".")
	if f := s.w.files[id]; f != nil && f.path == name {
		content = f.content
	}
	s.w.mu.Unlock()
	switch {
	case b == nil:
		answer(rw, nil, &Error{Code: 401, Description: "Unauthorized"})
	case content == nil:
		answer(rw, nil, &Error{Code: 404, Description: "Not Found"})
	default:
		rw.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// ownMessage finds the message that a bot wants to edit.
func (w *world) ownMessage(b *bot, a args) (*conv, *Entry, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, nil, err
	}
	id := a.int("message_id", 0)
	if id == 0 {
		return nil, nil, badRequest("message identifier is not specified")
	}
	e := c.live(id)
	if e == nil {
		return nil, nil, badRequest("message to edit not found")
	}
	if e.Bot != b.user.ID {
		return nil, nil, badRequest("message can't be edited")
	}
	return c, e, nil
}

// replace puts next in the place of e, unless it is the same.
func (w *world) replace(c *conv, e, next *Entry) (any, *Error) {
	if next.Text == e.Text && next.Caption == e.Caption && sameEntities(next.Entities, e.Entities) &&
		sameEntities(next.CaptionEntities, e.CaptionEntities) && reflect.DeepEqual(next.ReplyMarkup, e.ReplyMarkup) {
		return nil, badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	if c.chat.Type == "private" && w.botByID(e.Bot).blocked[c.chat.ID] {
		return nil, forbidden("bot was blocked by the user")
	}
	e.keepVersion()
	if next.Text != e.Text || next.Caption != e.Caption || !sameEntities(next.Entities, e.Entities) {
		next.EditDate = w.now().Unix()
	}
	e.Message = next.Message
	w.emit("edit", c, e.MessageID, nil)
	m := e.Message
	return &m, nil
}

func sameEntities(a, b []Entity) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// keepVersion remembers what a message is before it changes.
func (e *Entry) keepVersion() {
	text, entities := e.Text, e.Entities
	if e.Document != nil {
		text, entities = e.Caption, e.CaptionEntities
	}
	e.Versions = append(e.Versions, Version{text, entities, e.ReplyMarkup, time.Now()})
}

func (w *world) botByID(id int64) *bot {
	for _, b := range w.botList {
		if b.user.ID == id {
			return b
		}
	}
	return nil
}

func (w *world) editMessageText(b *bot, a args) (any, *Error) {
	if a.str("text") == "" {
		return nil, badRequest("message text is empty")
	}
	f, err := a.text("text", "entities")
	if err != nil {
		return nil, err
	}
	c, e, err := w.ownMessage(b, a)
	if err != nil {
		return nil, err
	}
	switch n := utf16Len(f.text); {
	case e.Document != nil:
		return nil, badRequest("there is no text in the message to edit")
	case n == 0:
		return nil, badRequest("text must be non-empty")
	case n > maxText:
		return nil, badRequest("MESSAGE_TOO_LONG")
	}
	next := *e
	next.Text, next.Entities, next.ReplyMarkup = f.text, f.entities, nil
	if err := readMarkup(a, &next); err != nil {
		return nil, err
	}
	return w.replace(c, e, &next)
}

func (w *world) editMessageCaption(b *bot, a args) (any, *Error) {
	f, err := a.text("caption", "caption_entities")
	if err != nil {
		return nil, err
	}
	c, e, err := w.ownMessage(b, a)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Document == nil:
		return nil, badRequest("there is no caption in the message to edit")
	case utf16Len(f.text) > maxCaption:
		return nil, badRequest("message caption is too long")
	}
	next := *e
	next.Caption, next.CaptionEntities, next.ReplyMarkup = f.text, f.entities, nil
	if err := readMarkup(a, &next); err != nil {
		return nil, err
	}
	return w.replace(c, e, &next)
}

func (w *world) editMessageReplyMarkup(b *bot, a args) (any, *Error) {
	c, e, err := w.ownMessage(b, a)
	if err != nil {
		return nil, err
	}
	next := *e
	next.ReplyMarkup = nil
	if err := readMarkup(a, &next); err != nil {
		return nil, err
	}
	return w.replace(c, e, &next)
}

// mayDelete says whether a bot may delete a message: its own, what a person
// wrote to it in private, and anything where it is an administrator.
func (w *world) mayDelete(b *bot, c *conv, e *Entry) bool {
	if time.Since(e.At) > 48*time.Hour {
		return false
	}
	g := w.groups[c.chat.ID]
	return e.Bot == b.user.ID || g == nil || g.BotsAdmin
}

func (w *world) remove(c *conv, e *Entry, by int64) {
	e.Deleted, e.DeletedBy = true, by
	w.emit("delete", c, e.MessageID, nil)
}

func (w *world) deleteMessage(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	id := a.int("message_id", 0)
	if id == 0 {
		return nil, badRequest("message identifier is not specified")
	}
	e := c.live(id)
	switch {
	case e == nil:
		return nil, badRequest("message to delete not found")
	case !w.mayDelete(b, c, e):
		return nil, badRequest("message can't be deleted")
	}
	w.remove(c, e, b.user.ID)
	return true, nil
}

// deleteMessages skips messages that are not there, unlike deleteMessage.
func (w *world) deleteMessages(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	var ids []int64
	if a.json("message_ids", &ids) != nil {
		return nil, badRequest("can't parse message identifiers JSON object")
	}
	switch {
	case len(ids) == 0:
		return nil, badRequest("message identifiers are not specified")
	case len(ids) > 100:
		return nil, badRequest("too many message identifiers specified")
	}
	var found []*Entry
	for _, id := range ids {
		if e := c.live(id); e != nil {
			if !w.mayDelete(b, c, e) {
				return nil, badRequest("message can't be deleted")
			}
			found = append(found, e)
		}
	}
	for _, e := range found {
		if !e.Deleted {
			w.remove(c, e, b.user.ID)
		}
	}
	return true, nil
}

func (w *world) answerCallbackQuery(b *bot, a args) (any, *Error) {
	p := w.presses[a.str("callback_query_id")]
	if p == nil || p.bot != b {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	text := a.str("text")
	if utf16Len(text) > 200 {
		return nil, badRequest("MESSAGE_TOO_LONG")
	}
	p.answer = PressAnswer{Text: text, Alert: a.bool("show_alert"), URL: a.str("url"), At: time.Now()}
	delete(w.presses, p.id)
	close(p.done)
	w.emit("answer", p.conv, p.message, map[string]any{"query": p.id, "text": text, "alert": p.answer.Alert, "user": p.user})
	return true, nil
}

var chatActions = []string{
	"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
	"choose_sticker", "find_location", "record_video_note", "upload_video_note",
}

func (w *world) sendChatAction(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	action := strings.ToLower(a.str("action"))
	if !slices.Contains(chatActions, action) {
		return nil, badRequest("wrong parameter action in request")
	}
	if b.blocked[c.chat.ID] {
		return nil, forbidden("bot was blocked by the user")
	}
	thread := a.int("message_thread_id", 0)
	if err := w.intoTopic(c, &Entry{Message: Message{ReplyToMessage: &Message{}}}, thread); err != nil {
		return nil, err
	}
	w.emit("action", c, 0, map[string]any{"action": action, "bot": b.user.ID, "thread": thread})
	return true, nil
}

// scopeKey is a scope with a language.
type scopeKey struct {
	Scope
	language string
}

func (w *world) scopeOf(b *bot, a args) (scopeKey, *Error) {
	key := scopeKey{language: a.str("language_code")}
	key.Type = "default"
	raw := a.str("scope")
	if raw == "" {
		return key, nil
	}
	var in struct {
		Type   string          `json:"type"`
		ChatID json.RawMessage `json:"chat_id"`
		UserID int64           `json:"user_id"`
	}
	if raw[0] != '{' && json.Valid([]byte(raw)) {
		return key, badRequest("can't parse BotCommandScope: BotCommandScope must be an Object")
	}
	if json.Unmarshal([]byte(raw), &in) != nil {
		return key, badRequest("can't parse BotCommandScope JSON object")
	}
	key.Type = in.Type
	switch in.Type {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		return key, nil
	case "chat", "chat_administrators", "chat_member":
	default:
		return key, badRequest("can't parse BotCommandScope: unsupported type specified")
	}
	chat := args{&Call{Params: map[string]string{"chat_id": strings.Trim(string(in.ChatID), `"`)}}}
	c, err := w.chatOf(b, chat)
	if err != nil {
		return key, err
	}
	key.ChatID = c.chat.ID
	if in.Type == "chat_member" {
		if w.users[in.UserID] == nil {
			return key, badRequest("invalid user_id specified")
		}
		key.UserID = in.UserID
	}
	return key, nil
}

func (w *world) setMyCommands(b *bot, a args) (any, *Error) {
	key, err := w.scopeOf(b, a)
	if err != nil {
		return nil, err
	}
	var cs []Command
	if a.json("commands", &cs) != nil {
		return nil, badRequest("can't parse commands JSON object")
	}
	if len(cs) > maxCommands {
		return nil, badRequest("BOT_COMMANDS_TOO_MUCH")
	}
	for i := range cs {
		cs[i].Command = strings.TrimPrefix(strings.TrimSpace(cs[i].Command), "/")
		if n := len(cs[i].Command); n == 0 || n > 32 || strings.Trim(cs[i].Command, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return nil, badRequest("BOT_COMMAND_INVALID")
		}
		if n := utf16Len(cs[i].Description); n == 0 || n > maxDescription {
			return nil, badRequest("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	if len(cs) == 0 {
		delete(b.commands, key)
	} else {
		b.commands[key] = cs
	}
	w.emit("commands", nil, 0, map[string]any{"bot": b.user.ID})
	return true, nil
}

func (w *world) getMyCommands(b *bot, a args) (any, *Error) {
	key, err := w.scopeOf(b, a)
	if err != nil {
		return nil, err
	}
	return append([]Command{}, b.commands[key]...), nil
}

func (w *world) deleteMyCommands(b *bot, a args) (any, *Error) {
	key, err := w.scopeOf(b, a)
	if err != nil {
		return nil, err
	}
	delete(b.commands, key)
	w.emit("commands", nil, 0, map[string]any{"bot": b.user.ID})
	return true, nil
}

// Commands returns the menu that the bot has set for a scope, without a
// language. The zero Scope is the default one.
func (s *Server) Commands(scope Scope) []Command {
	if scope.Type == "" {
		scope.Type = "default"
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return slices.Clone(s.bot.commands[scopeKey{Scope: scope}])
}

// menu is what a user sees after "/" in a chat: of the scopes that have
// commands, the narrowest. Source: core.telegram.org/bots/api#botcommandscope.
func (w *world) menu(b *bot, c Chat, user int64) []Command {
	scopes := []Scope{{Type: "chat_member", ChatID: c.ID, UserID: user}, {Type: "chat", ChatID: c.ID}}
	if c.Type == "private" {
		scopes = append(scopes[1:], Scope{Type: "all_private_chats"})
	} else {
		scopes = append(scopes, Scope{Type: "all_group_chats"})
	}
	for _, scope := range append(scopes, Scope{Type: "default"}) {
		for _, language := range []string{"en", ""} {
			if cs := b.commands[scopeKey{scope, language}]; cs != nil {
				return cs
			}
		}
	}
	return nil
}

func (w *world) getChat(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	return struct {
		Chat
		AccentColorID    int            `json:"accent_color_id"`
		MaxReactionCount int            `json:"max_reaction_count"`
		AcceptedGifts    map[string]any `json:"accepted_gift_types"`
	}{Chat: c.chat, MaxReactionCount: 11, AcceptedGifts: map[string]any{
		"unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false, "premium_subscription": false, "gifts_from_channels": false,
	}}, nil
}

// member is how a user stands in a group.
func (w *world) member(g *group, u *User) ChatMember {
	m := ChatMember{User: *u, Status: "left"}
	switch {
	case g.kicked[u.ID]:
		m.Status = "kicked"
	case !g.members[u.ID]:
	case u.IsBot && g.BotsAdmin:
		m.Status, m.CanDeleteMessages, m.CanManageChat = "administrator", true, true
	case len(w.people) > 0 && u.ID == w.people[0].ID:
		m.Status = "creator"
	default:
		m.Status = "member"
	}
	return m
}

func (w *world) getChatMember(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	u := w.users[a.int("user_id", 0)]
	if u == nil {
		return nil, badRequest("invalid user_id specified")
	}
	if g := w.groups[c.chat.ID]; g != nil {
		return w.member(g, u), nil
	}
	return ChatMember{User: *u, Status: "member"}, nil
}

func (w *world) getChatAdministrators(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	g := w.groups[c.chat.ID]
	if g == nil {
		return nil, badRequest("there are no administrators in the private chat")
	}
	admins := []ChatMember{}
	for _, u := range w.users {
		if m := w.member(g, u); m.Status == "creator" || m.Status == "administrator" && u.ID == b.user.ID {
			admins = append(admins, m)
		}
	}
	return admins, nil
}

func (w *world) getChatMemberCount(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	if g := w.groups[c.chat.ID]; g != nil {
		return len(g.members), nil
	}
	return 2, nil
}

func (w *world) leaveChat(b *bot, a args) (any, *Error) {
	c, err := w.chatOf(b, a)
	if err != nil {
		return nil, err
	}
	g := w.groups[c.chat.ID]
	if g == nil {
		return nil, badRequest("chat member status can't be changed in private chats")
	}
	w.setMember(g, b, b.user, false, false)
	return true, nil
}
