package telegram

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"clawconsole/console"
	"clawconsole/redact"
)

func redactor(t testing.TB) *redact.Redactor {
	t.Helper()
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRender(t *testing.T) {
	r := redactor(t)
	for _, tt := range []struct {
		name  string
		reply console.Reply
		want  string
	}{
		{"header", console.Reply{Kind: console.OK, Header: r.Text("/status @local")}, "<b>OK:</b> <code>/status @local</code>"},
		{"under way", console.Reply{Header: r.Text("… /status @local")}, "<b>…</b> <code>/status @local</code>"},
		{"error", console.Reply{Kind: console.Error, Header: r.Text("rate limited"), Hint: r.Text("wait")}, "<b>ERROR: rate limited</b>\n\n<i>wait</i>"},
		{"empty", console.Reply{}, "<b>…</b>"},
		{"header of many lines", console.Reply{Header: r.Text("a\nb")}, "<b>a …</b>"},
		{"markup", console.Reply{Header: r.Text(`<b>&amp;"</b>`)}, `<code>&lt;b&gt;&amp;amp;"&lt;/b&gt;</code>`},
		{
			"blocks",
			console.Reply{Header: r.Text("h"), Blocks: []console.Block{
				{Kind: console.Prose, Text: r.Text("one")},
				{Kind: console.Fields, Title: r.Text("T"), Items: []console.Item{{Label: r.Text("up"), Value: r.Text("2 h")}, {Label: r.Text("pid"), Value: r.Text("7")}}},
				{Kind: console.List, Items: []console.Item{{Label: r.Text("short"), Value: r.Text("v")}, {Label: r.Text("a long label of a session"), Value: r.Text("a long value beside it")}}},
				{Kind: console.Pre, Text: r.Text("x < y\n\n")},
				{Kind: console.Quote, Text: r.Text("more")},
				{Kind: console.Prose},
			}},
			"<b>h</b>\none\n\n<b>T</b>\nup: 2 h\npid: 7\n\n• short: v\n• a long label of a session\n  a long value beside it\n<pre>x &lt; y</pre>\n<blockquote expandable>more</blockquote>",
		},
		{
			"invisible",
			console.Reply{Header: r.Text("a\u202eb\u200bc\x00\x1b[31m\xff\u2028\ufeff"), Blocks: []console.Block{{Text: r.Text("tab\there, ❤️, line\r\nend\u00ad")}}},
			"<b>a\\u{202E}b\\u{200B}c\\u{0}\\u{1B}[31m\\x{FF}\\u{2028}\\u{FEFF}</b>\ntab\there, ❤️, line\nend\\u{AD}",
		},
	} {
		if got := render(tt.reply).html; got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	r := redactor(t)
	var logs strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&logs, "line %03d\n", i)
	}
	full := &console.Button{Label: r.Text("Full output"), Data: "c:1"}
	f := render(console.Reply{Header: r.Text("/logs"), Overflow: full, Hint: r.Text("the hint"), Blocks: []console.Block{
		{Kind: console.Prose, Text: r.Text("short and whole")},
		{Kind: console.Pre, Text: r.Text(logs.String()), Oldest: true},
	}})
	for _, want := range []string{"short and whole", "line 999</pre>", " KB cut, oldest first\n<pre>line ", "the hint"} {
		if !strings.Contains(f.html, want) {
			t.Errorf("no %q in %q…%q", want, f.html[:80], f.html[len(f.html)-80:])
		}
	}
	if strings.Contains(f.html, "line 000") {
		t.Error("the oldest was kept")
	}
	if n := units(f.plain); n > maxMessage || n < maxMessage-100 {
		t.Errorf("%d units of %d used", n, maxMessage)
	}
	if len(f.keyboard.InlineKeyboard) != 1 {
		t.Error("no [Full output]")
	}
	f = render(console.Reply{Header: r.Text("/logs"), Overflow: full, Blocks: []console.Block{{Kind: console.Pre, Text: r.Text(logs.String())}}})
	if !strings.Contains(f.html, "<pre>line 000") || !strings.HasSuffix(f.html, " KB cut") {
		t.Errorf("from the start: %q…%q", f.html[:40], f.html[len(f.html)-40:])
	}
	f = render(console.Reply{Header: r.Text("/logs"), Overflow: full, Blocks: []console.Block{{Kind: console.Pre, Text: r.Text("short")}}})
	if len(f.keyboard.InlineKeyboard) != 0 || f.cut {
		t.Error("[Full output] though nothing was cut")
	}
	for _, tt := range []struct {
		n    int
		want string
	}{{1, "1 B"}, {999, "999 B"}, {3100, "3.1 KB"}, {2_340_000, "2.3 MB"}} {
		if got := size(tt.n); got != tt.want {
			t.Errorf("size(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestButtonsThatTelegramWouldRefuse(t *testing.T) {
	r := redactor(t)
	f := render(console.Reply{Header: r.Text("h"), Buttons: [][]console.Button{
		{{Label: r.Text("a"), Data: "1"}, {Label: r.Text("b"), Data: strings.Repeat("x", 65)}, {Label: r.Text("c")}},
		{{Label: r.Text("d")}},
		{{Data: strings.Repeat("x", 64), Style: console.Serious}},
	}})
	b, err := json.Marshal(f.keyboard)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"inline_keyboard":[[{"text":"a","callback_data":"1"}],[{"text":"…","style":"danger","callback_data":"` + strings.Repeat("x", 64) + `"}]]}`
	if string(b) != want {
		t.Errorf("keyboard %s, want %s", b, want)
	}
}

var tags = regexp.MustCompile(`</?[a-z]+(?: expandable)?>`)

// checkForm holds a form to what Telegram accepts: balanced tags that do not
// nest, nothing unescaped, not too long, and the same text in both.
func checkForm(t *testing.T, f form) {
	t.Helper()
	if n := len(utf16.Encode([]rune(f.plain))); n > maxMessage || n == 0 {
		t.Errorf("%d units", n)
	}
	if !utf8.ValidString(f.html) {
		t.Error("not UTF-8")
	}
	open := ""
	for _, tag := range tags.FindAllString(f.html, -1) {
		name, _, _ := strings.Cut(strings.Trim(tag, "</>"), " ")
		switch {
		case tag[1] == '/' && name != open:
			t.Fatalf("%s closes <%s>", tag, open)
		case tag[1] == '/':
			open = ""
		case open != "":
			t.Fatalf("%s inside <%s>", tag, open)
		default:
			open = name
		}
	}
	if open != "" {
		t.Fatalf("<%s> is not closed", open)
	}
	if got := html.UnescapeString(tags.ReplaceAllString(f.html, "")); got != f.plain {
		t.Fatalf("markup shows\n%q\nand plain text\n%q", got, f.plain)
	}
	for _, r := range f.plain {
		if r != '\n' && r != '\t' && r != 0xfe0f && r != 0xfe0e && escapes("a"+string(r), 1, r) {
			t.Fatalf("%U is shown", r)
		}
	}
}

var cutNotice = regexp.MustCompile(`… [0-9.]+ [KM]?B cut(, oldest first)?`)

// FuzzRender: whatever a command answers is one message that Telegram accepts,
// and what is shown of a text and what is announced as cut make the whole.
func FuzzRender(f *testing.F) {
	f.Add("/status", "all is well", "log\nlog", "hint", 1, true)
	f.Add("<b>", strings.Repeat("<>&", 3000), strings.Repeat("😀\n", 3000), "", 3, false)
	f.Add("\u202e", strings.Repeat("\u200b", 5000), strings.Repeat("\x00", 9000), "a\nb", 40, true)
	f.Add("", "\xff\xfe", "…", strings.Repeat("x", 500), 0, false)
	f.Add(strings.Repeat("x", 5000), strings.Repeat("[redacted token]", 999), "", "", 2, true)
	r := redactor(f)
	f.Fuzz(func(t *testing.T, header, a, b, hint string, n int, oldest bool) {
		reply := console.Reply{Kind: console.Kind(n & 1), Header: r.Text(header), Hint: r.Text(hint)}
		for i := range 1 + n&63 {
			text := a
			if i%2 == 1 {
				text = b
			}
			kind := console.BlockKind(i % 5)
			bl := console.Block{Kind: kind, Title: r.Text(b), Text: r.Text(text), Oldest: oldest}
			if kind == console.List || kind == console.Fields {
				bl.Items = []console.Item{{Label: r.Text(a), Value: r.Text(b)}, {Label: r.Text(b)}}
			}
			reply.Blocks = append(reply.Blocks, bl)
		}
		form := render(reply)
		checkForm(t, form)
		if form.cut != cutNotice.MatchString(form.plain) && !cutNotice.MatchString(a+b+header+hint) {
			t.Errorf("cut = %v, but said: %v", form.cut, cutNotice.MatchString(form.plain))
		}
	})
}

// FuzzFit: the part that is kept and the part that is cut join to the whole, and
// nothing fits that would not.
func FuzzFit(f *testing.F) {
	f.Add("one\ntwo\nthree\n", 9, false)
	f.Add("\u202e😀\x00", 8, true)
	f.Add(strings.Repeat("ab\u200b", 400), 100, false)
	f.Add("x [redacted] y", 7, true)
	r := redactor(f)
	f.Fuzz(func(t *testing.T, s string, room int, oldest bool) {
		if room < 0 || room > maxMessage {
			return
		}
		whole := r.Text(s)
		kept, lost := fit(whole, room, oldest)
		if kept.Len()+lost != whole.Len() {
			t.Fatalf("kept %d, lost %d of %d bytes", kept.Len(), lost, whole.Len())
		}
		if oldest && !strings.HasSuffix(whole.String(), kept.String()) || !oldest && !strings.HasPrefix(whole.String(), kept.String()) {
			t.Fatalf("%q is not an end of %q", kept, whole)
		}
		if n := units(show(kept.String())); n > room || n != shownUnits(kept) {
			t.Fatalf("%d units shown, counted as %d, in room for %d", n, shownUnits(kept), room)
		}
	})
}
