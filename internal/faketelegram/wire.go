package faketelegram

import "encoding/json"

// The types below have the shape of the Bot API's objects of the same name,
// with the fields that this server fills in. Source: core.telegram.org/bots/api.

// User is a person or a bot as the Bot API shows it.
type User struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
}

// Chat is a conversation as the Bot API shows it inside other objects.
type Chat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"` // "private", "group", "supergroup" or "channel"
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	IsForum   bool   `json:"is_forum,omitempty"`
}

// Entity is a MessageEntity. Offset and Length count UTF-16 code units.
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	User          *User  `json:"user,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// Message is a message in its present state, or, with Date 0, an
// InaccessibleMessage.
type Message struct {
	MessageID           int64           `json:"message_id"`
	MessageThreadID     int64           `json:"message_thread_id,omitempty"`
	From                *User           `json:"from,omitempty"`
	SenderChat          *Chat           `json:"sender_chat,omitempty"`
	AuthorSignature     string          `json:"author_signature,omitempty"`
	Date                int64           `json:"date"`
	Chat                Chat            `json:"chat"`
	ForwardOrigin       *MessageOrigin  `json:"forward_origin,omitempty"`
	IsTopicMessage      bool            `json:"is_topic_message,omitempty"`
	IsAutomaticForward  bool            `json:"is_automatic_forward,omitempty"`
	ReplyToMessage      *Message        `json:"reply_to_message,omitempty"`
	ViaBot              *User           `json:"via_bot,omitempty"`
	EditDate            int64           `json:"edit_date,omitempty"`
	HasProtectedContent bool            `json:"has_protected_content,omitempty"`
	Text                string          `json:"text,omitempty"`
	Entities            []Entity        `json:"entities,omitempty"`
	LinkPreviewOptions  json.RawMessage `json:"link_preview_options,omitempty"`
	Document            *Document       `json:"document,omitempty"`
	Caption             string          `json:"caption,omitempty"`
	CaptionEntities     []Entity        `json:"caption_entities,omitempty"`
	NewChatMembers      []User          `json:"new_chat_members,omitempty"`
	LeftChatMember      *User           `json:"left_chat_member,omitempty"`
	ForumTopicCreated   *TopicCreated   `json:"forum_topic_created,omitempty"`
	ReplyMarkup         *InlineKeyboard `json:"reply_markup,omitempty"`
}

// TopicCreated is the service message that opens a topic of a forum.
type TopicCreated struct {
	Name      string `json:"name"`
	IconColor int    `json:"icon_color"`
}

// MessageOrigin says where a forwarded message comes from. Which of the fields
// are set depends on Type: "user", "hidden_user", "chat" or "channel".
type MessageOrigin struct {
	Type           string `json:"type"`
	Date           int64  `json:"date"`
	SenderUser     *User  `json:"sender_user,omitempty"`
	SenderUserName string `json:"sender_user_name,omitempty"`
	SenderChat     *Chat  `json:"sender_chat,omitempty"`
	Chat           *Chat  `json:"chat,omitempty"`
	MessageID      int64  `json:"message_id,omitempty"`
}

// Document is a file in a message. Its bytes are in Entry.Content.
type Document struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	FileName     string `json:"file_name,omitempty"`
	MimeType     string `json:"mime_type,omitempty"`
	FileSize     int64  `json:"file_size"`
}

// InlineKeyboard is an InlineKeyboardMarkup: rows of buttons under a message.
type InlineKeyboard struct {
	Rows [][]Button `json:"inline_keyboard"`
}

// Button is an InlineKeyboardButton.
type Button struct {
	Text         string          `json:"text"`
	CallbackData string          `json:"callback_data,omitempty"`
	URL          string          `json:"url,omitempty"`
	Style        string          `json:"style,omitempty"` // "danger", "success", "primary" or none
	CopyText     json.RawMessage `json:"copy_text,omitempty"`
}

// ForceReply asks the clients of those addressed to open the reply bar.
type ForceReply struct {
	ForceReply  bool   `json:"force_reply"`
	Placeholder string `json:"input_field_placeholder,omitempty"`
	Selective   bool   `json:"selective,omitempty"`
}

// CallbackQuery is a press of an inline button.
type CallbackQuery struct {
	ID           string   `json:"id"`
	From         User     `json:"from"`
	Message      *Message `json:"message,omitempty"`
	ChatInstance string   `json:"chat_instance"`
	Data         string   `json:"data,omitempty"`
}

// ChatMember is how one user stands in one chat.
type ChatMember struct {
	User              User   `json:"user"`
	Status            string `json:"status"`
	CanDeleteMessages bool   `json:"can_delete_messages,omitempty"`
	CanManageChat     bool   `json:"can_manage_chat,omitempty"`
	IsAnonymous       bool   `json:"is_anonymous,omitempty"`
}

// ChatMemberUpdated tells a bot that its own standing in a chat has changed.
type ChatMemberUpdated struct {
	Chat          Chat       `json:"chat"`
	From          User       `json:"from"`
	Date          int64      `json:"date"`
	OldChatMember ChatMember `json:"old_chat_member"`
	NewChatMember ChatMember `json:"new_chat_member"`
}

// Update is what a bot gets from getUpdates or its webhook. Exactly one field
// besides UpdateID is set.
type Update struct {
	UpdateID          int64              `json:"update_id"`
	Message           *Message           `json:"message,omitempty"`
	EditedMessage     *Message           `json:"edited_message,omitempty"`
	ChannelPost       *Message           `json:"channel_post,omitempty"`
	EditedChannelPost *Message           `json:"edited_channel_post,omitempty"`
	CallbackQuery     *CallbackQuery     `json:"callback_query,omitempty"`
	MyChatMember      *ChatMemberUpdated `json:"my_chat_member,omitempty"`
}

// kind is the name of the field that is set, as in allowed_updates.
func (u *Update) kind() string {
	switch {
	case u.Message != nil:
		return "message"
	case u.EditedMessage != nil:
		return "edited_message"
	case u.ChannelPost != nil:
		return "channel_post"
	case u.EditedChannelPost != nil:
		return "edited_channel_post"
	case u.CallbackQuery != nil:
		return "callback_query"
	case u.MyChatMember != nil:
		return "my_chat_member"
	}
	return ""
}

// clone is a copy that shares nothing.
func (u *Update) clone() *Update {
	raw, err := json.Marshal(u)
	c := &Update{}
	if err == nil {
		err = json.Unmarshal(raw, c)
	}
	if err != nil { // only a mistake in the types above gets here
		panic(err)
	}
	return c
}

// Command is a BotCommand: one line of the "/" menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// Scope is a BotCommandScope: for whom a menu is.
type Scope struct {
	Type   string `json:"type"` // "default", "all_private_chats", "chat", "chat_member", …
	ChatID int64  `json:"chat_id,omitempty"`
	UserID int64  `json:"user_id,omitempty"`
}

// Error is a refusal as the Bot API words it.
type Error struct {
	Code        int    // HTTP status and error_code
	Description string // such as "Bad Request: chat not found"
	RetryAfter  int    // seconds, sent as parameters.retry_after; 0 for none
}

func (e *Error) Error() string { return e.Description }

func badRequest(what string) *Error {
	return &Error{Code: 400, Description: "Bad Request: " + what}
}

func forbidden(what string) *Error {
	return &Error{Code: 403, Description: "Forbidden: " + what}
}

func conflict(what string) *Error {
	return &Error{Code: 409, Description: "Conflict: " + what}
}
