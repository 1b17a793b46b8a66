package console

import (
	"encoding/json"
	"fmt"

	"clawconsole/redact"
)

// An Outgoing is something on its way to a chat. Exactly one of Reply, Document
// and Delete is set, but for a Reply beside Delete.
type Outgoing struct {
	To       Address   `json:"-"`
	Edit     int64     `json:"-"` // message to edit; 0: a new one
	Reply    *Reply    `json:",omitempty"`
	Document *Document `json:",omitempty"`
	Delete   int64     `json:",omitempty"` // message to delete; Reply is sent if Telegram does not let us

	final bool // there is nothing to be sent instead
}

// instead is what is sent when o cannot be, so that nobody waits for an answer in
// vain.
func (o Outgoing) instead() Outgoing {
	if o.Delete != 0 {
		return Outgoing{To: o.To, Reply: o.Reply, final: true}
	}
	return Outgoing{To: o.To, Edit: o.Edit, Reply: &lost, final: true}
}

var lost = Reply{
	Kind:   Error,
	Header: redact.Literal("Telegram does not take what was to be shown here"),
	Hint:   redact.Literal("/audit in private shows how the command ended."),
}

// encode gives the form in which o rests in the outbox.
func (o Outgoing) encode() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic("console: outgoing message has no JSON form: " + err.Error()) // a mistake in the types above
	}
	return b
}

// decodeOutgoing reads what encode wrote. What comes from a disk is not known to
// be redacted, so r goes over it again; over its own output that changes nothing.
func decodeOutgoing(b []byte, r *redact.Redactor) (Outgoing, error) {
	var w struct {
		Reply    *wireReply
		Document *struct{ Name, Caption, Text string }
		Delete   int64
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return Outgoing{}, fmt.Errorf("decode outgoing message: %w", err)
	}
	o := Outgoing{Delete: w.Delete}
	switch {
	case w.Reply != nil:
		reply := w.Reply.reply(r)
		o.Reply = &reply
	case w.Document != nil:
		o.Document = &Document{Name: r.Text(w.Document.Name), Caption: r.Text(w.Document.Caption), Text: r.Text(w.Document.Text)}
	default:
		return Outgoing{}, fmt.Errorf("decode outgoing message: neither reply nor document")
	}
	return o, nil
}

// wireReply is Reply with strings, for a redact.Text cannot be decoded.
type wireReply struct {
	Kind   Kind
	Header string
	Blocks []struct {
		Kind        BlockKind
		Title, Text string
		Items       []struct{ Label, Value string }
		Oldest      bool
		Ours        bool
	}
	Hint       string
	Buttons    [][]wireButton
	Overflow   *wireButton
	Sound      bool
	ReplyTo    int64
	ForceReply bool
}

type wireButton struct {
	Label, Data string
	Style       Style
}

func (w wireButton) button(r *redact.Redactor) Button {
	return Button{Label: r.Text(w.Label), Data: w.Data, Style: w.Style}
}

func (w wireReply) reply(r *redact.Redactor) Reply {
	reply := Reply{
		Kind: w.Kind, Header: r.Text(w.Header), Hint: r.Text(w.Hint),
		Sound: w.Sound, ReplyTo: w.ReplyTo, ForceReply: w.ForceReply,
	}
	for _, b := range w.Blocks {
		block := Block{Kind: b.Kind, Title: r.Text(b.Title), Text: r.Text(b.Text), Oldest: b.Oldest, Ours: b.Ours}
		for _, it := range b.Items {
			block.Items = append(block.Items, item(r, it.Label, it.Value))
		}
		reply.Blocks = append(reply.Blocks, block)
	}
	for _, row := range w.Buttons {
		var buttons []Button
		for _, b := range row {
			buttons = append(buttons, b.button(r))
		}
		reply.Buttons = append(reply.Buttons, buttons)
	}
	if w.Overflow != nil {
		b := w.Overflow.button(r)
		reply.Overflow = &b
	}
	return reply
}

// item redacts a label and its value together, for it is often the label that
// tells that the value is secret.
func item(r *redact.Redactor, label, value string) Item {
	if label == "" || value == "" {
		return Item{r.Text(label), r.Text(value)}
	}
	l, v, _ := r.Text(label + ": " + value).Cut(": ")
	return Item{l, v}
}
