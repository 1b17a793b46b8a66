package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clawconsole/redact"
)

// An Origin says how a message came to be. Only [Person] can be a command.
type Origin int

// Origins of a message.
const (
	Other     Origin = iota // no new text: a photo, a service message, a business or guest message
	Person                  // typed by the person it is from
	Edited                  // an older message, changed
	Forwarded               // written elsewhere
	ViaBot                  // composed by an inline bot
	Bot                     // sent by a bot
	Anonymous               // an anonymous administrator, or someone writing as a chat
	Channel                 // a channel post
)

// A Message is one text in a chat, as the sender's client sent it.
type Message struct {
	UpdateID, ChatID, TopicID, MessageID, UserID int64

	UserName string // how the person calls himself; for logs, never for decisions
	Private  bool   // a chat of this person with us alone
	Origin   Origin
	Text     string // byte for byte

	// Withheld is true for a message that was on disk without its text because it
	// held a secret. Text is then empty.
	Withheld bool

	SentAt     time.Time // by Telegram's clock, whole seconds
	ReceivedAt time.Time // by ours
	ReplyTo    int64     // message that this one replies to, or 0
	ToUs       bool      // names @ourbot, or replies to a message of ours
}

// A Press is a tap on a button under a message of ours. Telegram does not say
// when it was made, and keeps it while we are away.
type Press struct {
	UpdateID                           int64
	ID                                 string // for Chat.Answer
	ChatID, TopicID, MessageID, UserID int64
	Private                            bool
	UserName                           string
	Data                               string // of the button
	Stray                              bool   // the message has no such button (any more): a client may send what it likes
	FromBot                            bool
	Print                              string // of the message as it stood; see Reply.Print. Empty: Telegram did not say
	ReceivedAt                         time.Time
	MadeAfter                          time.Time // by our clock, as Telegram had none for us then; zero: not known
}

// Joined says that the bot was added to a group or channel, or that it learned
// of one it is in.
type Joined struct {
	UpdateID, ChatID int64
}

// An Incoming is one update. At most one of its fields is set beside UpdateID;
// none is set for an update that we do not care about, which is stored all the
// same.
type Incoming struct {
	UpdateID int64
	Message  *Message `json:",omitempty"`
	Press    *Press   `json:",omitempty"`
	Joined   *Joined  `json:",omitempty"`
}

// An Address is where a message goes.
type Address struct {
	ChatID  int64
	TopicID int64 `json:",omitempty"` // of a forum; 0: none
}

// A Kind is the word before a reply's header.
type Kind int

// Kinds of reply.
const (
	Plain Kind = iota // no word
	OK                // "OK: "
	Error             // "ERROR: "
)

// A Reply is a message of ours. What it holds is redacted; it is neither cut nor
// escaped: that is the adapter's work. It has a JSON form, in which it rests in the
// outbox.
type Reply struct {
	Kind    Kind        `json:",omitempty"`
	Header  redact.Text // first line
	Blocks  []Block     `json:",omitempty"`
	Hint    redact.Text // last line
	Buttons [][]Button  `json:",omitempty"` // rows

	// Overflow is a button that is shown only if something had to be cut.
	Overflow *Button `json:",omitempty"`

	Sound      bool  `json:",omitempty"` // rings; other messages are silent
	ReplyTo    int64 `json:",omitempty"` // message that this one answers, or 0
	ForceReply bool  `json:",omitempty"` // opens the input field of the person answered; not with Buttons

	// Print, if not nil, is where Send and Edit put a hash of what Telegram says that
	// the message shows by now: its text, and the label and data of each button. It is
	// the same as Press.Print unless somebody else has edited the message.
	Print *string `json:"-"`
}

// A BlockKind says how a Block is laid out.
type BlockKind int

// Kinds of block.
const (
	Prose  BlockKind = iota // Text
	List                    // Items, one bullet each
	Fields                  // Items, label and value
	Pre                     // Text in fixed width
	Quote                   // Text, folded until tapped
	Given                   // Items; a value stands as somebody else gave it: in fixed width, nothing in it a link or a command
)

// A Block is one part of a Reply.
type Block struct {
	Kind   BlockKind   `json:",omitempty"`
	Title  redact.Text // a line above it; may be empty
	Text   redact.Text // of Prose, Pre and Quote
	Items  []Item      `json:",omitempty"` // of List, Fields and Given
	Oldest bool        `json:",omitempty"` // cut from the start
	Ours   bool        `json:",omitempty"` // its commands may be tapped; in what others wrote nothing may
}

// An Item is a line of a List, of Fields or of what is Given.
type Item struct{ Label, Value redact.Text }

// A Style colours a button.
type Style int

// Styles of button.
const (
	Neutral Style = iota
	Good          // green
	Serious       // red
)

// A Button stands under a Reply.
type Button struct {
	Label redact.Text
	Data  string // comes back in Press.Data: opaque, 1 to 64 bytes
	Style Style  `json:",omitempty"`
}

// A Document is a text file.
type Document struct {
	Name    redact.Text // "logs.txt"
	Caption redact.Text // one line; may be empty
	Text    redact.Text
}

// Chat is how the console speaks. Every method blocks until Telegram has
// answered, ctx is done or the adapter gives up; it obeys Telegram's requests to
// wait. Source of every method: Telegram Bot API, implemented by
// console/telegram.
type Chat interface {
	// Send sends r as one message and returns its ID. Errors: ErrBlocked, ErrLimited,
	// ErrRejected, *MigratedError; any other may be tried again.
	Send(ctx context.Context, to Address, r Reply) (messageID int64, err error)

	// Edit makes an earlier message of ours say r. Saying what it says already is
	// no error. Errors: those of Send, and ErrGone.
	Edit(ctx context.Context, to Address, messageID int64, r Reply) error

	// Delete removes a message, the sender's or ours. A message that is not there
	// is no error; one we may not delete is ErrRejected.
	Delete(ctx context.Context, to Address, messageID int64) error

	// Document sends a file. Errors as of Send.
	Document(ctx context.Context, to Address, d Document) (messageID int64, err error)

	// Answer ends a press; note (at most 200 UTF-16 units are shown) is seen only by
	// the one who pressed, as a dialog to dismiss if alert. A press that is too old
	// to be answered is ErrGone.
	Answer(ctx context.Context, pressID string, note redact.Text, alert bool) error

	// Typing shows for about five seconds that an answer is being made.
	Typing(ctx context.Context, to Address) error

	// Leave makes the bot leave a group or channel.
	Leave(ctx context.Context, chatID int64) error
}

var (
	// ErrGone means that a message, or a press, is no longer there to be changed.
	ErrGone = errors.New("message is gone")

	// ErrBlocked means that this chat cannot be reached: the person blocked the bot
	// or never started it, or the bot is no longer in the group.
	ErrBlocked = errors.New("chat cannot be reached")

	// ErrLimited means that Telegram still asked to wait when ctx was done: the chat is
	// there, and takes no more messages for now.
	ErrLimited = errors.New("chat takes no more messages for now")

	// ErrRejected means that Telegram will never accept this message.
	ErrRejected = errors.New("rejected by Telegram")
)

// A MigratedError means that a group has become a supergroup and has a new ID.
type MigratedError struct{ ChatID int64 }

func (e *MigratedError) Error() string {
	return fmt.Sprintf("group has become supergroup %d", e.ChatID)
}
