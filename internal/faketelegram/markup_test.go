package faketelegram_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/faketelegram"
)

func html(b *gotgbot.Bot, text string) (*gotgbot.Message, error) {
	return b.SendMessage(alice, text, &gotgbot.SendMessageOpts{ParseMode: "HTML"})
}

func TestHTML(t *testing.T) {
	_, b := start(t, faketelegram.Config{})
	for _, tt := range []struct{ in, text, entities string }{
		{"plain", "plain", ""},
		{"a &lt;b&gt; &amp;&quot; &#65;&#x42; &copy; &", `a <b> &" AB &copy; &`, ""},
		{"&lt x &ltx", "< x &ltx", ""},
		{"<b>x</b><strong>y</strong>", "xy", "bold 0+1, bold 1+1"},
		{"<i>1</i><em>2</em><u>3</u><ins>4</ins><s>5</s><strike>6</strike><del>7</del>", "1234567",
			"italic 0+1, italic 1+1, underline 2+1, underline 3+1, strikethrough 4+1, strikethrough 5+1, strikethrough 6+1"},
		{"👍 <b>ü👍</b>.", "👍 ü👍.", "bold 3+3"},
		{"<B CLASS=x>up</B>", "up", "bold 0+2"},
		{"<b>a<i>b</i></b>", "ab", "bold 0+2, italic 1+1"},
		{"<b>a</>", "a", "bold 0+1"},
		{"x<b></b>", "x", ""},
		{"<code>x &lt; y</code>", "x < y", "code 0+5"},
		{"<pre>l1\nl2</pre>", "l1\nl2", "pre 0+5"},
		{`<pre><code class="language-go">x := 1</code></pre>`, "x := 1", "pre/go 0+6"},
		{`<pre><code>x</code></pre>`, "x", "pre 0+1, code 0+1"},
		{"<blockquote>q</blockquote>", "q", "blockquote 0+1"},
		{"<blockquote expandable>q\nr</blockquote>", "q\nr", "expandable_blockquote 0+3"},
		{"<tg-spoiler>s</tg-spoiler><span class='tg-spoiler'>t</span>", "st", "spoiler 0+1, spoiler 1+1"},
		{`<a href="https://example.com/?a=1&amp;b=2">l</a>`, "l", "text_link(https://example.com/?a=1&b=2) 0+1"},
		{`<a href="tg://user?id=42">m</a>`, "m", "text_mention(42) 0+1"},
		{`<a href="javascript://x">m</a>`, "m", ""},
		{`<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>`, "👍", "custom_emoji 0+2"},
		{"\n  <b>x</b> y \n", "x y", "bold 0+1"},
		{"do /status@x_bot and /help, not a/b", "do /status@x_bot and /help, not a/b", "bot_command 3+13, bot_command 21+5"},
		{"<code>/status</code> @alice #tag #1 https://x.example/y.", "/status @alice #tag #1 https://x.example/y.",
			"code 0+7, mention 8+6, hashtag 15+4, url 23+19"},
	} {
		m, err := html(b, tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		var es []string
		for _, e := range m.Entities {
			kind := e.Type
			switch {
			case e.Url != "":
				kind += "(" + e.Url + ")"
			case e.User != nil:
				kind += fmt.Sprintf("(%d)", e.User.Id)
			case e.Language != "":
				kind += "/" + e.Language
			}
			es = append(es, fmt.Sprintf("%s %d+%d", kind, e.Offset, e.Length))
		}
		if got := strings.Join(es, ", "); m.Text != tt.text || got != tt.entities {
			t.Errorf("%q:\ngot  %q [%s]\nwant %q [%s]", tt.in, m.Text, got, tt.text, tt.entities)
		}
	}
}

func TestHTMLRefused(t *testing.T) {
	srv, b := start(t, faketelegram.Config{})
	for _, tt := range []struct{ in, want string }{
		{"<b>x", `Can't find end tag corresponding to start tag "b"`},
		{"a <div>x</div>", `Unsupported start tag "div" at byte offset 2`},
		{"ä <email@example.com>", `Unsupported start tag "email@example.com" at byte offset 3`},
		{"1 < 2", `Unsupported start tag "" at byte offset 2`},
		{"a <<b>", `Unsupported start tag "<b" at byte offset 2`},
		{"a <b", `Unclosed start tag at byte offset 2`},
		{"x</b>", `Unexpected end tag at byte offset 1`},
		{"<b><i>x</b></i>", `Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`},
		{"<b>x</b", `Unclosed end tag at byte offset 4`},
		{"<br/>", `Unsupported start tag "br/" at byte offset 0`},
		{"<span>x</span>", `Tag "span" must have class "tg-spoiler" at byte offset 0`},
		{"<b =x>y</b>", `Empty attribute name in the tag "b" at byte offset 0`},
		{"<a href=https://x.example>y</a>", `Unexpected end of name token at byte offset 8`},
		{`<a href="x`, `Unclosed start tag at byte offset 0`},
		{"<a href=", `Unclosed start tag "a" at byte offset 0`},
		{"&#xD800;x", `Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units`},
		{"<tg-emoji>x</tg-emoji>", `Invalid custom emoji identifier specified`},
	} {
		_, err := html(b, tt.in)
		if err == nil {
			t.Errorf("%q was taken", tt.in)
			continue
		}
		refused(t, err, 400, "Bad Request: can't parse entities: "+tt.want)
	}
	if n := len(srv.Messages(alice)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

func TestLimits(t *testing.T) {
	_, b := start(t, faketelegram.Config{})
	m := must[*gotgbot.Message](t)(html(b, "<b>"+strings.Repeat("👍", 2048)+"</b>"))
	if m.Entities[0].Length != 4096 {
		t.Errorf("length = %d, want 4096", m.Entities[0].Length)
	}
	button := func(data string) gotgbot.InlineKeyboardMarkup {
		return gotgbot.InlineKeyboardMarkup{InlineKeyboard: [][]gotgbot.InlineKeyboardButton{{{Text: "x", CallbackData: data}}}}
	}
	send := func(text string, opts gotgbot.SendMessageOpts) error {
		_, err := b.SendMessage(alice, text, &opts)
		return err
	}
	edit := func(id int64, text string) error {
		_, _, err := b.EditMessageText(&gotgbot.EditMessageTextOpts{ChatId: alice, MessageId: id, Text: text})
		return err
	}
	if err := send("x", gotgbot.SendMessageOpts{ReplyMarkup: button(strings.Repeat("x", 64))}); err != nil {
		t.Error(err)
	}
	mine := mineMessage(t, b)
	for _, tt := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"4097 units", send(strings.Repeat("👍", 2048)+"x", gotgbot.SendMessageOpts{}), 400, "Bad Request: message is too long"},
		{"4097 units in an edit", edit(mine, strings.Repeat("x", 4097)), 400, "Bad Request: MESSAGE_TOO_LONG"},
		{"no text", send("", gotgbot.SendMessageOpts{}), 400, "Bad Request: message text is empty"},
		{"spaces", send(" \n ", gotgbot.SendMessageOpts{}), 400, "Bad Request: text must be non-empty"},
		{"only tags", send("<b> </b>", gotgbot.SendMessageOpts{ParseMode: "HTML"}), 400, "Bad Request: text must be non-empty"},
		{"parse mode", send("x", gotgbot.SendMessageOpts{ParseMode: "RTF"}), 400, "Bad Request: unsupported parse_mode"},
		{"65 bytes of data", send("x", gotgbot.SendMessageOpts{ReplyMarkup: button(strings.Repeat("x", 65))}), 400, "Bad Request: BUTTON_DATA_INVALID"},
		{"a button that does nothing", send("x", gotgbot.SendMessageOpts{ReplyMarkup: button("")}), 400,
			"Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"},
		{"a row that is none", send("x", gotgbot.SendMessageOpts{ReplyMarkup: gotgbot.InlineKeyboardMarkup{InlineKeyboard: [][]gotgbot.InlineKeyboardButton{nil}}}), 400,
			"Bad Request: field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays"},
		{"reply to nothing", send("x", gotgbot.SendMessageOpts{ReplyParameters: &gotgbot.ReplyParameters{MessageId: 999}}), 400,
			"Bad Request: message to be replied not found"},
		{"topic in private", send("x", gotgbot.SendMessageOpts{MessageThreadId: 5}), 400, "Bad Request: message thread not found"},
		{"edit of nothing", edit(999, "x"), 400, "Bad Request: message to edit not found"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.err, tt.code, tt.want) })
	}
	if err := send("x", gotgbot.SendMessageOpts{ReplyParameters: &gotgbot.ReplyParameters{MessageId: 999, AllowSendingWithoutReply: true}}); err != nil {
		t.Error(err)
	}
	_, err := b.SendMessage(555, "x", nil)
	refused(t, err, 400, "Bad Request: chat not found")
	_, err = b.Request("sendMassage", map[string]any{}, nil)
	refused(t, err, 404, "Not Found: method not found")
}

// mineMessage sends a message and gives its ID.
func mineMessage(t *testing.T, b *gotgbot.Bot) int64 {
	t.Helper()
	return must[*gotgbot.Message](t)(b.SendMessage(alice, "mine", nil)).MessageId
}

// Every offset that Telegram returns must be within the text, whatever the HTML.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<b>x</b>", "<a href='x.y'>&lt;</a>", "<pre><code class=language-go>x</code></pre>", "👍<i>&#x1F44D;</i> ", "\u00a0<u>x</u>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		es, units, ok := faketelegram.FormatForTest(in)
		if !ok {
			return
		}
		for _, e := range es {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > units {
				t.Fatalf("%q: entity %+v outside of %d units", in, e, units)
			}
		}
	})
}
