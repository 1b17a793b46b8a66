package faketelegram

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of the Bot API.
const (
	maxText    = 4096 // UTF-16 code units of a message, after parsing
	maxCaption = 1024 // likewise of a caption
	maxRawText = 1 << 15
	maxData    = 64 // bytes of callback_data
	maxButtons = 100
)

// formatted is a text with its entities.
type formatted struct {
	text     string
	entities []Entity
}

// utf16Len is the length of s as Telegram counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// tag is an HTML element that is still open.
type tag struct {
	name   string
	value  string // of the one attribute that matters
	offset int    // UTF-16 units of text before it
	start  int    // bytes of text before it
}

var tagNames = map[string]bool{
	"a": true, "b": true, "strong": true, "i": true, "em": true, "s": true, "strike": true, "del": true,
	"u": true, "ins": true, "tg-spoiler": true, "tg-emoji": true, "span": true, "pre": true, "code": true,
	"blockquote": true,
}

// htmlParser reads Telegram's HTML. Its rules and words are those of TDLib,
// which the Bot API runs on: byte offsets count in the input, a reference that
// is not one of the four named or a number stays text, and "</>" closes
// whatever is open.
type htmlParser struct {
	in     string
	pos    int
	out    strings.Builder
	units  int // UTF-16 length of out
	open   []tag
	langs  map[int]string // language of a code element, by index in found
	found  []Entity
	broken bool // a reference to half of a surrogate pair was seen
}

// unparsable is the refusal of a markup.
func unparsable(format string, a ...any) *Error {
	return badRequest("can't parse entities: " + fmt.Sprintf(format, a...))
}

func parseHTML(in string) (formatted, *Error) {
	p := &htmlParser{in: in, langs: map[int]string{}}
	for p.pos < len(in) {
		c := in[p.pos]
		if c == '&' {
			if r, n := reference(in[p.pos:]); n > 0 {
				p.pos += n
				p.write(r)
				continue
			}
		}
		if c != '<' {
			r, n := utf8.DecodeRuneInString(in[p.pos:])
			p.pos += n
			p.write(r)
			continue
		}
		var err *Error
		if strings.HasPrefix(in[p.pos:], "</") {
			err = p.endTag()
		} else {
			err = p.startTag()
		}
		if err != nil {
			return formatted{}, err
		}
	}
	if n := len(p.open); n > 0 {
		return formatted{}, unparsable("Can't find end tag corresponding to start tag %q", p.open[n-1].name)
	}
	if p.broken {
		return formatted{}, unparsable("Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units")
	}
	sortEntities(p.found)
	return formatted{p.out.String(), p.found}, nil
}

func (p *htmlParser) write(r rune) {
	if utf16.IsSurrogate(r) {
		p.broken = true
		r = utf8.RuneError
	}
	p.out.WriteRune(r)
	p.units += utf16.RuneLen(r)
}

// reference decodes the character reference that s begins with, and says how
// long it is; 0 if there is none.
func reference(s string) (rune, int) {
	end := 1
	if strings.HasPrefix(s, "&#") {
		base, digits := 10, "0123456789"
		end = 2
		if strings.HasPrefix(s, "&#x") {
			base, digits = 16, "0123456789abcdefABCDEF"
			end = 3
		}
		start := end
		for end < len(s) && strings.IndexByte(digits, s[end]) >= 0 {
			end++
		}
		n, err := strconv.ParseUint(s[start:end], base, 32)
		if err != nil || n == 0 || n >= utf8.MaxRune || end >= 10 {
			return 0, 0
		}
		return rune(n), skipSemicolon(s, end)
	}
	for end < len(s) && isLetter(s[end]) {
		end++
	}
	switch s[1:end] {
	case "lt":
		return '<', skipSemicolon(s, end)
	case "gt":
		return '>', skipSemicolon(s, end)
	case "amp":
		return '&', skipSemicolon(s, end)
	case "quot":
		return '"', skipSemicolon(s, end)
	}
	return 0, 0
}

func skipSemicolon(s string, end int) int {
	if end < len(s) && s[end] == ';' {
		end++
	}
	return end
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == '\v'
}

// at is the byte at the position, 0 after the end.
func (p *htmlParser) at() byte {
	if p.pos < len(p.in) {
		return p.in[p.pos]
	}
	return 0
}

func (p *htmlParser) ended() bool { return p.pos >= len(p.in) }

func (p *htmlParser) skipSpace() {
	for !p.ended() && isSpace(p.at()) {
		p.pos++
	}
}

// until moves to the next space or one of stop, and returns what was passed.
func (p *htmlParser) until(stop string) string {
	start := p.pos
	for !p.ended() && !isSpace(p.at()) && strings.IndexByte(stop, p.at()) < 0 {
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *htmlParser) startTag() *Error {
	begin := p.pos
	p.pos++
	name := strings.ToLower(p.until(">"))
	if p.ended() {
		return unparsable("Unclosed start tag at byte offset %d", begin)
	}
	if !tagNames[name] {
		return unparsable("Unsupported start tag \"%s\" at byte offset %d", name, begin)
	}
	t := tag{name: name, offset: p.units, start: p.out.Len()}
	for p.at() != '>' {
		p.skipSpace()
		if p.at() == '>' {
			break
		}
		attr := p.until("=>/\"'")
		if attr == "" {
			return unparsable("Empty attribute name in the tag %q at byte offset %d", name, begin)
		}
		p.skipSpace()
		if p.ended() {
			return unparsable("Unclosed start tag %q at byte offset %d", name, begin)
		}
		if p.at() != '=' {
			t.set(attr, "")
			continue
		}
		p.pos++
		p.skipSpace()
		if p.ended() {
			return unparsable("Unclosed start tag %q at byte offset %d", name, begin)
		}
		value, err := p.attrValue()
		if err != nil {
			return err
		}
		if p.ended() {
			return unparsable("Unclosed start tag at byte offset %d", begin)
		}
		t.set(attr, value)
	}
	p.pos++
	if name == "span" && t.value != "spoiler" {
		return unparsable("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
	}
	p.open = append(p.open, t)
	return nil
}

// set takes over an attribute if it means something for the tag.
func (t *tag) set(attr, value string) {
	switch {
	case t.name == "a" && attr == "href", t.name == "tg-emoji" && attr == "emoji-id":
		t.value = value
	case t.name == "code" && attr == "class" && strings.HasPrefix(value, "language-"):
		t.value = strings.TrimPrefix(value, "language-")
	case t.name == "span" && attr == "class" && strings.HasPrefix(value, "tg-"):
		t.value = strings.TrimPrefix(value, "tg-")
	case t.name == "blockquote" && attr == "expandable":
		t.value = "1"
	}
}

// attrValue reads a quoted value or a bare name.
func (p *htmlParser) attrValue() (string, *Error) {
	quote := p.at()
	if quote != '"' && quote != '\'' {
		begin := p.pos
		for c := p.at(); isLetter(c) || '0' <= c && c <= '9' || c == '.' || c == '-'; c = p.at() {
			p.pos++
		}
		if !isSpace(p.at()) && p.at() != '>' {
			return "", unparsable("Unexpected end of name token at byte offset %d", begin)
		}
		if p.ended() {
			return "", unparsable("Unexpected end of name token at byte offset %d", begin)
		}
		return strings.ToLower(p.in[begin:p.pos]), nil
	}
	p.pos++
	var value strings.Builder
	for !p.ended() && p.at() != quote {
		if r, n := reference(p.in[p.pos:]); p.at() == '&' && n > 0 {
			value.WriteRune(r)
			p.pos += n
			continue
		}
		value.WriteByte(p.at())
		p.pos++
	}
	if !p.ended() {
		p.pos++
	}
	return value.String(), nil
}

func (p *htmlParser) endTag() *Error {
	begin := p.pos
	n := len(p.open)
	if n == 0 {
		return unparsable("Unexpected end tag at byte offset %d", begin)
	}
	t := p.open[n-1]
	p.pos += 2
	name := strings.ToLower(p.until(">"))
	p.skipSpace()
	if p.at() != '>' {
		return unparsable("Unclosed end tag at byte offset %d", begin)
	}
	p.pos++
	if name != "" && name != t.name {
		return unparsable("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, t.name, name)
	}
	p.open = p.open[:n-1]
	if p.units == t.offset {
		return nil
	}
	return p.close(t)
}

// close adds the entity of an element that has content.
func (p *htmlParser) close(t tag) *Error {
	e := Entity{Offset: t.offset, Length: p.units - t.offset}
	last := len(p.found) - 1
	same := last >= 0 && p.found[last].Offset == e.Offset && p.found[last].Length == e.Length
	switch t.name {
	case "b", "strong":
		e.Type = "bold"
	case "i", "em":
		e.Type = "italic"
	case "u", "ins":
		e.Type = "underline"
	case "s", "strike", "del":
		e.Type = "strikethrough"
	case "tg-spoiler", "span":
		e.Type = "spoiler"
	case "blockquote":
		e.Type = "blockquote"
		if t.value != "" {
			e.Type = "expandable_blockquote"
		}
	case "tg-emoji":
		if _, err := strconv.ParseUint(t.value, 10, 64); err != nil {
			return unparsable("Invalid custom emoji identifier specified")
		}
		e.Type, e.CustomEmojiID = "custom_emoji", t.value
	case "a":
		url := t.value
		if url == "" {
			url = p.out.String()[t.start:]
		}
		if !p.link(&e, url) {
			return nil
		}
	case "pre":
		e.Type = "pre"
		if same && p.found[last].Type == "code" && p.langs[last] != "" {
			e.Language = p.langs[last]
			p.found = p.found[:last]
		}
	case "code":
		if same && p.found[last].Type == "pre" && p.found[last].Language == "" && t.value != "" {
			p.found[last].Language = t.value
			return nil
		}
		e.Type = "code"
		p.langs[len(p.found)] = t.value
	}
	p.found = append(p.found, e)
	return nil
}

// link makes e a text_link or a mention by ID; false if the URL is none that
// Telegram takes.
func (p *htmlParser) link(e *Entity, url string) bool {
	if id, ok := strings.CutPrefix(url, "tg://user?id="); ok {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > 0 {
			e.Type, e.User = "text_mention", &User{ID: n}
			return true
		}
	}
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = "http", url
		url = "http://" + url
	}
	host, _, _ := strings.Cut(rest, "/")
	switch strings.ToLower(scheme) {
	case "http", "https", "tg", "ton", "tonsite":
	default:
		return false
	}
	if host == "" || strings.ContainsAny(host, " \n") || !ok && !strings.Contains(host, ".") {
		return false
	}
	if ok && !strings.Contains(rest, "/") && !strings.Contains(rest, "?") && scheme != "tg" {
		url += "/"
	}
	e.Type, e.URL = "text_link", url
	return true
}

// entityRank orders entities of one span: outer ones first.
var entityRank = map[string]int{
	"blockquote": 0, "expandable_blockquote": 0, "pre": 10, "code": 20, "text_link": 49, "text_mention": 49,
	"bold": 90, "italic": 91, "underline": 92, "strikethrough": 93, "spoiler": 94, "custom_emoji": 99,
}

func sortEntities(es []Entity) {
	slices.SortStableFunc(es, func(a, b Entity) int {
		rank := func(e Entity) int {
			if r, ok := entityRank[e.Type]; ok {
				return r
			}
			return 50
		}
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length), cmp.Compare(rank(a), rank(b)))
	})
}

// trim removes white space around the text, as Telegram does, and moves the
// entities along.
func (f formatted) trim() formatted {
	right := strings.TrimRight(f.text, " \t\r\n\v\f\u00a0")
	text := strings.TrimLeft(right, " \t\r\n\v\f\u00a0")
	size := utf16Len(text)
	shift := utf16Len(right) - size
	var es []Entity
	for _, e := range f.entities {
		start := max(e.Offset-shift, 0)
		end := min(e.Offset+e.Length-shift, size)
		if end > start {
			e.Offset, e.Length = start, end-start
			es = append(es, e)
		}
	}
	return formatted{text, es}
}

// detect adds the entities that Telegram finds by itself: commands, mentions,
// hashtags and links. Inside code there are none.
func (f formatted) detect() formatted {
	var found []Entity
	units, prev := 0, rune(' ')
	for i := 0; i < len(f.text); {
		r, n := utf8.DecodeRuneInString(f.text[i:])
		if kind, size := autoEntity(f.text[i:], prev); size > 0 {
			e := Entity{Type: kind, Offset: units, Length: utf16Len(f.text[i : i+size])}
			if !f.inCode(e) {
				found = append(found, e)
			}
			units += e.Length
			i += size
			prev = 'x'
			continue
		}
		units += utf16.RuneLen(r)
		i += n
		prev = r
	}
	if found != nil {
		f.entities = append(slices.Clone(f.entities), found...)
		sortEntities(f.entities)
	}
	return f
}

func (f formatted) inCode(e Entity) bool {
	for _, in := range f.entities {
		switch in.Type {
		case "code", "pre", "text_link", "text_mention":
			if e.Offset < in.Offset+in.Length && in.Offset < e.Offset+e.Length {
				return true
			}
		}
	}
	return false
}

// autoEntity says what s begins with, and its length in bytes.
func autoEntity(s string, prev rune) (string, int) {
	if isWord(prev) || prev == '/' || prev == '<' || prev == '>' {
		return "", 0
	}
	word := func(from int) int {
		for from < len(s) && isWord(rune(s[from])) {
			from++
		}
		return from
	}
	switch s[0] {
	case '/':
		end := word(1)
		if end == 1 || end > 65 {
			return "", 0
		}
		if end < len(s) && s[end] == '@' {
			if at := word(end + 1); at-end > 3 {
				end = at
			}
		}
		if end < len(s) && s[end] == '/' {
			return "", 0
		}
		return "bot_command", end
	case '@':
		if end := word(1); end > 3 {
			return "mention", end
		}
	case '#':
		if end := word(1); end > 1 && strings.Trim(s[1:end], "0123456789") != "" {
			return "hashtag", end
		}
	case 'h', 'H':
		low := strings.ToLower(s[:min(len(s), 8)])
		if strings.HasPrefix(low, "http://") || strings.HasPrefix(low, "https://") {
			end := strings.IndexAny(s, " \n\t\"<>")
			if end < 0 {
				end = len(s)
			}
			end = len(strings.TrimRight(s[:end], ".,;:!?)'"))
			if end > 10 {
				return "url", end
			}
		}
	}
	return "", 0
}

func isWord(r rune) bool {
	return r == '_' || r < utf8.RuneSelf && (isLetter(byte(r)) || '0' <= r && r <= '9')
}

// format reads a text parameter in its parse mode.
func format(text, mode string, given []Entity) (formatted, *Error) {
	if !utf8.ValidString(text) {
		return formatted{}, badRequest("strings must be encoded in UTF-8")
	}
	if len(text) > maxRawText {
		return formatted{}, badRequest("text is too long")
	}
	f := formatted{text, given}
	switch strings.ToLower(mode) {
	case "", "none":
	case "html":
		var err *Error
		if f, err = parseHTML(text); err != nil {
			return formatted{}, err
		}
	default:
		return formatted{}, badRequest("unsupported parse_mode")
	}
	return f.trim().detect(), nil
}
