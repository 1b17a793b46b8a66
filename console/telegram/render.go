package telegram

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
	"clawconsole/redact"
)

// Telegram's limits, in UTF-16 units after the markup has been parsed away.
// Source: Bot API, sendMessage, sendDocument, answerCallbackQuery,
// InlineKeyboardButton.
const (
	maxMessage = 4096
	maxCaption = 1024
	maxNote    = 200
	maxData    = 64 // bytes
)

// Limits of ours, in the same units.
const (
	maxHeader = 300
	maxTitle  = 200
	maxHint   = 400
	maxLabel  = 48
	maxCut    = 40  // what a notice of a cut takes
	maxBlocks = 30  // in one message; Telegram ignores entities beyond the hundredth
	columns   = 36  // of a phone held upright
	minShare  = 120 // a block that gets less is not shown at all
)

// A form is a reply as Telegram takes it. Both texts show the same.
type form struct {
	html, plain string
	keyboard    gotgbot.InlineKeyboardMarkup
	cut         bool
}

// render cuts r to one message and escapes it.
func render(r console.Reply) form {
	var w writer
	header := shorten(r.Header, maxHeader)
	if strings.TrimSpace(header) == "" {
		header = "…" // Telegram refuses an empty message
	}
	word := map[console.Kind]string{console.OK: "OK: ", console.Error: "ERROR: "}[r.Kind]
	if rest, under := strings.CutPrefix(header, "… /"); under && word == "" {
		word, header = "… ", "/"+rest // a command under way
	}
	if word != "" && strings.HasPrefix(header, "/") {
		// As code, or Telegram makes links of it: a tap on the command would send it
		// again, and a tap on @local would open the profile of whoever has that name.
		w.tag("b", strings.TrimSpace(word))
		w.text(" ")
		w.tag("code", header)
	} else {
		w.styled("b", word+header, false)
	}
	header = word + header

	hint := shorten(r.Hint, maxHint)
	room := maxMessage - units(header)
	if hint != "" {
		room -= units(hint) + 2
	}
	parts, left := layOut(r.Blocks, room)
	for i, p := range parts {
		if i > 0 && !p.boxed() && !parts[i-1].boxed() {
			w.text("\n")
		}
		w.text("\n")
		p.write(&w)
		w.cut = w.cut || p.lost > 0
	}
	if left > 0 {
		w.text("\n\n" + notice(left, false))
		w.cut = true
	}
	if hint != "" {
		w.text("\n\n")
		w.styled("i", hint, true) // commands in a hint are ours, to be tapped
	}

	f := form{html: w.html.String(), plain: w.plain.String(), cut: w.cut}
	f.keyboard.InlineKeyboard = [][]gotgbot.InlineKeyboardButton{}
	rows := r.Buttons
	if r.Overflow != nil && f.cut {
		rows = append(slices.Clip(rows), []console.Button{*r.Overflow})
	}
	for _, row := range rows {
		var buttons []gotgbot.InlineKeyboardButton
		for _, b := range row {
			if b.Data == "" || len(b.Data) > maxData {
				continue // Telegram would refuse the whole message
			}
			buttons = append(buttons, gotgbot.InlineKeyboardButton{
				Text: cmp.Or(shorten(b.Label, maxLabel), "…"), CallbackData: b.Data, Style: style(b.Style),
			})
		}
		if len(buttons) > 0 {
			f.keyboard.InlineKeyboard = append(f.keyboard.InlineKeyboard, buttons)
		}
	}
	return f
}

func style(s console.Style) string {
	switch s {
	case console.Good:
		return "success"
	case console.Serious:
		return "danger"
	}
	return ""
}

// A part is a block that has been given its room.
type part struct {
	kind   console.BlockKind
	title  string
	body   redact.Text
	items  []console.Item // of Given
	oldest bool
	ours   bool
	size   int // of body as shown
	lost   int // bytes of body that were cut
}

// boxed reports whether Telegram draws a box around the body, which sets it off
// without an empty line.
func (p part) boxed() bool { return p.kind == console.Pre || p.kind == console.Quote }

func (p part) overhead() int {
	n := 2 // line ends before
	if p.title != "" {
		n += units(p.title) + 1
	}
	return n
}

func (p part) write(w *writer) {
	if p.title != "" {
		w.styled("b", p.title, false)
		if p.size > 0 || p.lost > 0 {
			w.text("\n")
		}
	}
	text := show(p.body.String())
	if p.lost > 0 && p.oldest {
		w.text(notice(p.lost, true))
		if text != "" {
			w.text("\n")
		}
	}
	switch {
	case text == "":
	case p.kind == console.Pre, p.kind == console.Given && p.lost > 0:
		w.tag("pre", text)
	case p.kind == console.Given:
		w.given(p.items)
	case p.kind == console.Quote:
		w.styled("blockquote expandable", text, false)
	case p.ours:
		w.styled("", text, true)
	default:
		w.styled("", text, false)
	}
	if p.lost > 0 && !p.oldest {
		if text != "" {
			w.text("\n")
		}
		w.text(notice(p.lost, false))
	}
}

// layOut gives each block its share of room units: short blocks are shown whole,
// long ones share what is left equally. It returns how many bytes are in blocks
// that found no room at all.
func layOut(blocks []console.Block, room int) (parts []part, left int) {
	for _, b := range blocks {
		p := part{kind: b.Kind, title: shorten(b.Title, maxTitle), body: body(b), items: b.Items, oldest: b.Oldest, ours: b.Ours}
		p.size = shownUnits(p.body)
		if p.title != "" || p.size > 0 {
			parts = append(parts, p)
		}
	}
	total := 0
	for _, p := range parts {
		total += p.overhead() + p.size
	}
	if total <= room && len(parts) <= maxBlocks {
		return parts, 0
	}

	room -= maxCut // for a notice at the end
	need := 0
	for i, p := range parts {
		need += p.overhead() + min(p.size, minShare)
		if need > room || i == maxBlocks {
			for _, p := range parts[i:] {
				left += len(p.title) + p.body.Len()
			}
			parts = parts[:i]
			break
		}
	}
	for _, p := range parts {
		room -= p.overhead()
	}
	bySize := make([]*part, len(parts))
	for i := range parts {
		bySize[i] = &parts[i]
	}
	slices.SortStableFunc(bySize, func(a, b *part) int { return cmp.Compare(a.size, b.size) })
	for i, p := range bySize {
		share := room / (len(bySize) - i)
		if p.size > share {
			p.body, p.lost = fit(p.body, max(0, share-maxCut), p.oldest)
			p.size = shownUnits(p.body)
			room -= maxCut
		}
		room -= p.size
	}
	return parts, left
}

// body is a block's text.
func body(b console.Block) redact.Text {
	if b.Kind != console.List && b.Kind != console.Fields && b.Kind != console.Given {
		return trimEnd(b.Text)
	}
	lines := make([]redact.Text, 0, len(b.Items))
	for _, it := range b.Items {
		var line redact.Text
		switch {
		case it.Value.IsZero():
			line = it.Label
		case it.Label.IsZero():
			line = it.Value
		case b.Kind == console.List && it.Label.UTF16Len()+it.Value.UTF16Len()+4 > columns:
			line = redact.Sprintf("%s\n  %s", it.Label, it.Value)
		default:
			line = redact.Sprintf("%s: %s", it.Label, it.Value)
		}
		if b.Kind == console.List {
			line = redact.Sprintf("• %s", line)
		}
		lines = append(lines, line)
	}
	return redact.Join(redact.Literal("\n"), lines...)
}

// fit returns the longest start of t, or end if oldest is to go first, that shows
// in at most room units, and how many bytes it left out.
func fit(t redact.Text, room int, oldest bool) (redact.Text, int) {
	cut := redact.Text.Head
	if oldest {
		cut = redact.Text.Tail
	}
	// What is shown is never shorter than what it stands for.
	best, lost := cut(t, room)
	if shownUnits(best) <= room {
		return best, lost
	}
	lo, hi := 0, room // lo fits, hi does not
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if part, _ := cut(t, mid); shownUnits(part) <= room {
			lo = mid
		} else {
			hi = mid
		}
	}
	return cut(t, lo)
}

// notice says that something was cut.
func notice(bytes int, oldest bool) string {
	s := fmt.Sprintf("… %s cut", size(bytes))
	if oldest {
		s += ", oldest first"
	}
	return s
}

func size(bytes int) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// shorten makes one line of at most limit units of t.
func shorten(t redact.Text, limit int) string {
	line := t.TrimSpace()
	more := false
	if first, rest, ok := line.Cut("\n"); ok {
		line, more = first.TrimSpace(), !rest.IsZero()
	}
	head, lost := fit(line, limit, false)
	if lost > 0 {
		head, _ = fit(line, limit-2, false)
		more = true
	}
	s := show(head.String())
	if more && units(s)+2 > limit {
		head, _ = fit(line, limit-2, false)
		s = show(head.String())
	}
	if more {
		s += " …"
	}
	return s
}

// A writer writes the markup and the plain text side by side.
type writer struct {
	html, plain strings.Builder
	cut         bool
	entities    int // written so far
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (w *writer) text(s string) {
	_, _ = escape.WriteString(&w.html, s) // a strings.Builder does not fail
	w.plain.WriteString(s)
}

// tag writes s inside a tag, whose name may be followed by attributes.
func (w *writer) tag(tag, s string) {
	w.entities++
	name, _, _ := strings.Cut(tag, " ")
	w.html.WriteString("<" + tag + ">")
	w.text(s)
	w.html.WriteString("</" + name + ">")
}

// tappable are words of which Telegram makes something to be tapped: a command, which
// is sent at once, a mention, a hashtag, a link, an address, a telephone number. Most
// of what we show was written by others, who would have such a tap for the asking.
// Rather too much than too little: what it takes for a link changes.
var (
	tappable = regexp.MustCompile(`\S*(?:\B/[A-Za-z0-9_]|` + linking + `)\S*`)
	linkable = regexp.MustCompile(`\S*(?:` + linking + `)\S*`) // the same without commands
)

const linking = `[@＠#＃$][\pL\pN_]|:/|[\pL\pN]\.[\pL]{2}|xn--|\d\.\d+\.\d+\.\d|\+\d[\d ()-]{5}`

// maxEntities is where single words are no longer set apart: Telegram ignores the
// markup beyond the hundredth.
const maxEntities = 60

// styled writes s inside a tag, or none if that is empty, and in it the tappable words
// as code, where nothing can be tapped. Commands are left tappable if s is ours.
func (w *writer) styled(tag, s string, ours bool) {
	words := tappable
	if ours {
		words = linkable
	}
	found := words.FindAllStringIndex(s, -1)
	switch {
	case len(found) == 0 && tag != "":
		w.tag(tag, s)
		return
	case w.entities+2*len(found) > maxEntities:
		w.tag("pre", s)
		return
	}
	name, _, _ := strings.Cut(tag, " ")
	quote := name == "blockquote"
	begin, end := func() {}, func() {}
	if tag != "" {
		begin = func() { w.entities++; w.html.WriteString("<" + tag + ">") }
		end = func() { w.html.WriteString("</" + name + ">") }
	}
	plain := func(s string) {
		if s == "" {
			return
		}
		if !quote {
			begin()
			defer end()
		}
		w.text(s)
	}
	if quote { // the one tag that may have code in it
		begin()
		defer end()
	}
	from := 0
	for _, at := range found {
		plain(s[from:at[0]])
		w.tag("code", s[at[0]:at[1]])
		from = at[1]
	}
	plain(s[from:])
}

// given writes items with their values in fixed width.
func (w *writer) given(items []console.Item) {
	for i, it := range items {
		if i > 0 {
			w.text("\n")
		}
		label, value := show(it.Label.String()), show(it.Value.String())
		w.styled("", label, false)
		if label != "" && value != "" {
			w.text(": ")
		}
		if value != "" {
			w.tag("code", value)
		}
	}
}

// show makes visible what would not be seen, or would change how the rest is
// seen: control, bidi and zero-width characters and broken UTF-8.
func show(s string) string {
	clean := true
	for i, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || r > '~' && (r == utf8.RuneError || escapes(s, i, r)) || r == 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x{%02X}`, s[i])
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case escapes(s, i, r):
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// escapes reports whether r, at offset i of s, is shown as an escape.
func escapes(s string, i int, r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r == 0xfe0f || r == 0xfe0e:
		return i == 0 // else: how the emoji before it looks
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector):
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x2800, r == 0x3164, r == 0xffa0:
		return true // fillers and joiners without a shape
	case unicode.In(r, unicode.Mn, unicode.Me):
		return smears(s[:i], r)
	}
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// maxMarks is how many marks one letter of any language has.
const maxMarks = 2

// smears reports whether the combining mark r, after the text before, is none of a
// letter: it strikes text through, frames it, or is one of so many that they cover
// the lines around.
func smears(before string, r rune) bool {
	switch {
	case r == 0x20e3: // of the emoji of a key: 1️⃣
		before = strings.TrimSuffix(before, "\ufe0f")
		return before == "" || !strings.Contains("0123456789#*", before[len(before)-1:])
	case r >= 0x0334 && r <= 0x0338, r >= 0x20d0 && r <= 0x20ff, unicode.Is(unicode.Me, r):
		return true
	}
	for range maxMarks {
		last, n := utf8.DecodeLastRuneInString(before)
		if !unicode.Is(unicode.M, last) {
			return !unicode.IsLetter(last)
		}
		before = before[:len(before)-n]
	}
	return true
}

// shownUnits is how many units t takes when shown. It stops counting somewhere
// above maxMessage.
func shownUnits(t redact.Text) int {
	n := 0
	s := t.String()
	for i := 0; i < len(s) && n <= 2*maxMessage; {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			n += len(`\x{FF}`)
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case r >= ' ' && r <= '~':
			n++
		case escapes(s, i, r):
			n += len(fmt.Sprintf(`\u{%X}`, r))
		default:
			n += max(1, utf16.RuneLen(r))
		}
		i += size
	}
	return n
}

// units is the length of s in UTF-16 units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// trimEnd drops empty lines at the end of t.
func trimEnd(t redact.Text) redact.Text {
	s := t.String()
	if !strings.HasSuffix(s, "\n") && !strings.HasSuffix(s, "\r") {
		return t
	}
	lines := t.Lines()
	for len(lines) > 0 && lines[len(lines)-1].TrimSpace().IsZero() {
		lines = lines[:len(lines)-1]
	}
	return redact.Join(redact.Literal("\n"), lines...)
}
