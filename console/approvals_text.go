package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"clawconsole/internal/approvals"
	"clawconsole/openclaw"
	"clawconsole/redact"
)

// How a prompt is laid out. What an agent wrote is hostile: it stands in fixed
// width only (Pre, or the values of Given), where nothing becomes a link, a
// command or a line that looks like ours; what cannot be seen is shown as an
// escape; and it is never cut without saying so and sending the whole before.
//
// Sizes are in UTF-16 units. They leave room for the header and the hint in one
// message of 4096.
const (
	promptUnits = 3300 // of all blocks; less: nothing is shortened
	promptMost  = 3900 // more is never offered for approval
	callMost    = 3600 // of the call alone, likewise
	commandHead = 700
	commandTail = 200
	textUnits   = 300 // description, detail
	valueUnits  = 80
	warnUnits   = 100
	itemsMost   = 10
	linesInAll  = 60 // items in one message; more: shortened. Telegram reads 100 entities, and leaves what follows bare
	risksMost   = 6
	linesMost   = 40 // of the call
	endUnits    = 300
)

// A prompt in the making.
type prompting struct {
	*Desk
	a      openclaw.Approval
	look   approvals.Look
	digest redact.Text
	id     string
	short  bool // values are to be shortened

	cut      bool // something was
	hidden   int  // parts that redaction has replaced
	obscured bool // and one of them may be more than a secret
}

// prompt returns what a message shows about v, and the whole of it if the message
// does not say everything. at is the message itself.
func (d *Desk) prompt(v approvals.View, at approvals.Spot) (Reply, *Document) {
	lead := v.Lead()
	switch {
	case v.Over():
		return d.over(v), nil
	case len(v.Live()) > 0:
		return d.asking(v, at)
	case lead.Step == approvals.Asking:
		return d.denying(v, lead, at), nil
	case lead.Step == approvals.Sending:
		return d.sending(v, lead), nil
	}
	return Reply{
		Header: redact.Literal("Time is up"),
		Blocks: d.reminder(v),
		Hint:   redact.Literal("waiting for the gateway's record…"),
	}, nil
}

// asking is a prompt with buttons.
func (d *Desk) asking(v approvals.View, at approvals.Spot) (Reply, *Document) {
	lead := v.Live()[0]
	reply, p := d.call(lead)
	cut, long := p.cut, units(reply) > callMost
	reply.Header = d.headline(lead, len(v.Live()))
	reply.Blocks = append(reply.Blocks, d.others(v)...)
	if lead.Note != "" {
		reply.Blocks = append(reply.Blocks, Block{Text: d.Redactor.Text(lead.Note)})
	}
	reply.Hint = redact.Sprintf("%s left, until %s", d.Redactor.Text(remaining(time.Until(lead.Approval.ExpiresAt))), d.minute(lead.Approval.ExpiresAt))

	deny := Button{Label: redact.Literal("Deny"), Data: v.Button(approvals.Deny), Style: Serious}
	switch {
	case lead.Look.Bytes > 0:
		reply.Blocks = append(reply.Blocks, Block{Text: tooLong})
		reply.Buttons = [][]Button{{deny}}
	case long || units(reply) > promptMost:
		// Nobody can have read what would be cut.
		reply.Blocks = []Block{{Text: tooLong}}
		reply.Buttons = [][]Button{{deny}}
		cut = true
	case p.obscured:
		reply.Blocks = append(reply.Blocks, Block{Text: obscured})
		reply.Buttons = [][]Button{{deny}}
	default:
		row := []Button{deny}
		if lead.Approval.Offers(openclaw.AllowOnce) {
			row = []Button{{Label: redact.Literal("Allow once"), Data: v.Button(approvals.AllowOnce), Style: Good}, deny}
		}
		reply.Buttons = [][]Button{row}
		if d.AllowAlways && lead.Approval.Offers(openclaw.AllowAlways) {
			reply.Buttons = append(reply.Buttons, []Button{{Label: redact.Literal("Always"), Data: v.Button(approvals.AllowAlways)}})
		}
	}
	reply.Buttons = append(reply.Buttons, d.reasons(v, at)...)
	if !cut {
		return reply, nil
	}
	doc := d.document(lead)
	return reply, &doc
}

var tooLong = redact.Literal("This call is too large to be shown. It can only be denied here.")

var obscured = redact.Literal("What is hidden may be more than a secret. This call can only be denied here.")

// call shows all of a call, as far as it can be shown, and returns what became of it.
func (d *Desk) call(c approvals.Case) (reply Reply, p *prompting) {
	p = &prompting{Desk: d, a: c.Approval, look: c.Look, digest: d.short(c), id: c.ShortID()}
	reply.Blocks = p.blocks()
	if size(reply.Blocks) > promptUnits || items(reply.Blocks) > linesInAll || p.cut {
		p.short = true
		reply.Blocks = p.blocks()
	}
	if p.cut {
		reply.Blocks = append(reply.Blocks, Block{Text: redact.Sprintf("Shortened. All of it: approval-%s.txt.", d.short(c))})
	}
	return reply, p
}

// read finds out how a call can be shown.
func (d *Desk) read(c approvals.Case) (hidden int, bar approvals.Bar) {
	switch reply, p := d.call(c); {
	case p.obscured:
		return p.hidden, approvals.Obscured
	case units(reply) > callMost:
		return p.hidden, approvals.Large
	default:
		return p.hidden, ""
	}
}

// items is how many lines of their own blocks have.
func items(blocks []Block) (n int) {
	for _, b := range blocks {
		n += max(1, len(b.Items))
	}
	return n
}

// others says how the calls of a group stand that cannot be decided any more.
func (d *Desk) others(v approvals.View) (blocks []Block) {
	ended := 0
	say := func(t redact.Text) { blocks = append(blocks, Block{Text: t}) }
	for _, c := range v {
		by := d.Redactor.Text(c.Claim.By.Name)
		switch {
		case c.State.Final():
			ended++
		case c.Step == approvals.Asking:
			say(redact.Sprintf("One more is being denied by %s.", by))
		case c.Step == approvals.Sending:
			say(redact.Sprintf("One more: sending %s's %s…", by, decision(c)))
		case c.Step == approvals.Overdue:
			say(redact.Literal("The time of one more is up."))
		}
	}
	if ended > 0 {
		say(redact.Sprintf("%s of %s identical calls have ended.", redact.Int(int64(ended)), redact.Int(int64(len(v)))))
	}
	return blocks
}

// decision is what somebody has decided, in a word.
func decision(c approvals.Case) redact.Text {
	switch c.Claim.Decision {
	case openclaw.Deny:
		return redact.Literal("denial")
	case openclaw.AllowAlways:
		return redact.Literal("approval for always")
	}
	return redact.Literal("approval")
}

// least is a prompt without anything of what it is about, for when Telegram does not
// take that.
func (d *Desk) least(v approvals.View) Reply {
	lead := v.Lead()
	reply := Reply{
		Header: d.outcomeOf(lead, true),
		Hint:   redact.Sprintf("digest %s", d.short(lead)),
	}
	if live := v.Live(); len(live) > 0 {
		reply.Header = d.headline(live[0], len(live))
		reply.Blocks = []Block{{Text: redact.Literal("Telegram does not take this call as a message. It can only be denied here.")}}
		reply.Buttons = [][]Button{{{Label: redact.Literal("Deny"), Data: v.Button(approvals.Deny), Style: Serious}}}
	}
	return reply
}

// headline asks the question.
func (d *Desk) headline(c approvals.Case, n int) redact.Text {
	what := "tool call"
	switch c.Approval.Kind {
	case openclaw.KindExec:
		what = "command"
	case openclaw.KindSystemAgent:
		what = "change by OpenClaw itself"
	}
	if n > 1 {
		return d.Redactor.Text(fmt.Sprintf("Allow these %d identical %ss on %s?", n, what, d.Name))
	}
	return d.Redactor.Text(fmt.Sprintf("Allow this %s on %s?", what, d.Name))
}

func (p *prompting) blocks() (blocks []Block) {
	a := p.a
	// What was found out from the exact arguments holds when only memory without
	// secrets is left of them.
	p.cut, p.hidden, p.obscured = false, 0, !p.look.Taken || p.look.Bar == approvals.Obscured
	if a.Command != "" {
		blocks = append(blocks, p.code("Command", a.Command, commandHead, commandTail)...)
	}
	if a.Title != "" {
		blocks = append(blocks, p.code("", a.Title, textUnits, 0)...)
	}
	if a.Description != "" {
		blocks = append(blocks, p.code("Description", a.Description, textUnits, 0)...)
	}
	if a.Detail != "" {
		blocks = append(blocks, p.code("Detail", a.Detail, textUnits, 0)...)
	}

	var items []Item
	add := func(label, value string) {
		if value != "" {
			items = append(items, p.item(label, value))
		}
	}
	if a.Kind != openclaw.KindExec {
		add("Plugin", a.PluginID)
		add("Tool", a.Tool)
		add("Severity", a.Severity)
	}
	add("Agent", a.AgentID)
	add("Session", a.SessionKey)
	add("Automation", cmp.Or(a.CronJobName, a.CronJobID))
	if a.Host != "" && (a.Host != "gateway" || a.NodeID != "") {
		add("Runs on", strings.TrimSpace(a.Host+" "+a.NodeID))
	}
	add("In", a.Cwd)
	if a.ResolvedPath != "" && !strings.HasPrefix(a.Command, a.ResolvedPath) {
		add("Program", a.ResolvedPath)
	}
	add("Scope", a.ScopeKind)
	more := p.more()
	most := len(more)
	if p.short {
		most = min(most, max(0, itemsMost-len(items)))
	}
	items = append(items, more[:most]...)
	if left := len(more) - most; left > 0 {
		p.cut = true
		items = append(items, Item{Label: redact.Sprintf("and %s more", redact.Int(int64(left)))})
	}
	add("ID", p.id)
	items = append(items, Item{Label: redact.Literal("Digest"), Value: p.digest})
	blocks = append(blocks, Block{Kind: Given, Items: items})

	var why []Item
	for i, w := range a.Warnings {
		if p.short && i == 4 {
			p.cut = true
			break
		}
		why = append(why, Item{Value: p.line(w, warnUnits)})
	}
	if len(why) > 0 {
		blocks = append(blocks, Block{Kind: Given, Title: redact.Literal("OpenClaw warns"), Items: why})
	}
	risks := p.look.Risks
	var notes []Item
	switch n := max(p.hidden, p.look.Hidden); {
	case n == 1:
		notes = append(notes, Item{Label: redact.Literal("• 1 part is hidden as a secret")})
	case n > 1:
		notes = append(notes, Item{Label: redact.Sprintf("• %s parts are hidden as secrets", redact.Int(int64(n)))})
	}
	for i, r := range risks {
		if p.short && i == risksMost {
			notes = append(notes, Item{Label: redact.Sprintf("• and %s more", redact.Int(int64(len(risks)-i)))})
			p.cut = true
			break
		}
		note := Item{Label: p.Redactor.Text("• " + r.Note)}
		if r.Detail != "" {
			note.Value = p.fit(p.text(r.Detail, false), utf8.RuneCountInString(r.Detail), valueUnits)
		}
		notes = append(notes, note)
	}
	if len(notes) > 0 {
		blocks = append(blocks, Block{Kind: Given, Title: redact.Literal("Look twice"), Items: notes})
	}
	return blocks
}

// more returns the arguments that have no place of their own.
func (p *prompting) more() (items []Item) {
	all, args := approvals.Arguments(p.a), approvals.Arguments(p.withoutSecrets(p.a))
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if !approvals.HasPlace(key) {
			s := key + " = " + compact(args[key])
			t := p.text(s, false)
			p.see(visible(key+" = "+compact(all[key]), false), t)
			items = append(items, Item{Value: p.fit(t, utf8.RuneCountInString(s), valueUnits)})
			delete(all, key)
		}
	}
	for key := range all {
		if !approvals.HasPlace(key) { // even its name is hidden
			p.hidden, p.obscured = p.hidden+1, true
		}
	}
	return items
}

// see counts what is hidden of s, whose invisible characters are visible, where it
// is shown as t.
func (p *prompting) see(s string, t redact.Text) {
	n, obscured := approvals.Withheld(s, t.String())
	p.hidden, p.obscured = p.hidden+n, p.obscured || obscured
}

// withoutSecrets is a without what its keys say is secret. Of a value alone that cannot be
// told.
func (d *Desk) withoutSecrets(a openclaw.Approval) openclaw.Approval {
	if hidden := []byte(d.Redactor.Text(string(a.Request)).String()); json.Valid(hidden) {
		a.Request = hidden
	}
	return a
}

// compact is a JSON value as one line, a string without its quotes.
func compact(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// code is a text in a box of its own, and its start and end in two if it has to be
// shortened.
func (p *prompting) code(name, s string, head, tail int) []Block {
	t := p.text(s, true)
	p.see(visible(s, true), t)
	lines := len(t.Lines())
	if !p.short && lines > linesMost {
		p.cut = true
	}
	if !p.short || t.UTF16Len() <= head+tail && lines <= linesMost {
		return []Block{box(redact.Text{}, t)}
	}
	p.cut = true
	first := firstLines(t, linesMost*3/4)
	first, _ = first.Head(head)
	total := redact.Int(int64(utf8.RuneCountInString(s)))
	blocks := []Block{box(redact.Sprintf("%s, first %s of %s characters:", p.Redactor.Text(cmp.Or(name, "Title")), redact.Int(int64(utf8.RuneCountInString(first.String()))), total), first)}
	if tail > 0 {
		last, _ := t.Tail(tail)
		last = lastLines(last, linesMost/4)
		blocks = append(blocks, box(redact.Sprintf("last %s:", redact.Int(int64(utf8.RuneCountInString(last.String())))), last))
	}
	return blocks
}

// box puts t where nothing in it can act, and where it is seen whole: some clients
// do not wrap what is in a Pre, and the end of a line is where the harm is.
func box(title, t redact.Text) Block {
	const columns = 36
	for _, line := range t.Lines() {
		if line.UTF16Len() > columns {
			return Block{Kind: Given, Title: title, Items: []Item{{Value: t}}}
		}
	}
	return Block{Kind: Pre, Title: title, Text: t}
}

func firstLines(t redact.Text, n int) redact.Text {
	if lines := t.Lines(); len(lines) > n {
		return redact.Join(redact.Literal("\n"), lines[:n]...)
	}
	return t
}

func lastLines(t redact.Text, n int) redact.Text {
	if lines := t.Lines(); len(lines) > n {
		return redact.Join(redact.Literal("\n"), lines[len(lines)-n:]...)
	}
	return t
}

// item is an argument: its label is ours, its value in one line.
func (p *prompting) item(label, value string) Item {
	it := item(p.Redactor, label, value)
	t := p.text(it.Value.String(), false)
	p.see(visible(value, false), t)
	it.Value = p.fit(t, utf8.RuneCountInString(value), valueUnits)
	return it
}

// line is a text in one line.
func (p *prompting) line(s string, most int) redact.Text {
	t := p.text(s, false)
	p.see(visible(s, false), t)
	return p.fit(t, utf8.RuneCountInString(s), most)
}

// fit shortens t to most units if that has to be, and says how long it was.
func (p *prompting) fit(t redact.Text, runes, most int) redact.Text {
	if !p.short || t.UTF16Len() <= most {
		return t
	}
	p.cut = true
	head, _ := t.Head(most)
	return redact.Sprintf("%s … (%s characters)", head, redact.Int(int64(runes)))
}

// text is hostile text, redacted and made visible.
func (d *Desk) text(s string, lines bool) redact.Text {
	// Redacted first, as an escape might hide a secret from the redactor, and again
	// because only a Redactor makes a Text.
	return d.Redactor.Text(visible(d.Redactor.Text(s).String(), lines))
}

// visible shows every character that cannot be seen as an escape, and so does line
// ends unless lines is true.
func visible(s string, lines bool) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x{%02X}`, s[i])
		case r == '\n' && lines, r >= ' ' && r <= '~':
			b.WriteByte(s[i])
		case r == '\t' && lines:
			b.WriteString("    ")
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point),
			r != ' ' && unicode.Is(unicode.Zs, r), r == 0x2800, r == 0x3164, r == 0xffa0, r == 0x115f, r == 0x1160:
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	out := b.String()
	if lines {
		// The gateway's escape for a line end, and then a real one: exact, and
		// readable.
		out = strings.ReplaceAll(out, `\u{A}`, "\\u{A}\n")
	}
	return out
}

// document is everything about a call, to be read before the buttons.
func (d *Desk) document(c approvals.Case) Document {
	a := c.Approval
	nl := redact.Literal("\n")
	var parts []redact.Text
	section := func(title, text string) {
		if text != "" {
			parts = append(parts, d.Redactor.Text("== "+title+" =="), nl)
			for _, line := range d.text(text, true).Lines() {
				parts = append(parts, redact.Literal("| "), line, nl)
			}
			parts = append(parts, nl)
		}
	}
	parts = append(parts, d.headline(c, 1), nl, redact.Sprintf("digest %s", d.Redactor.Text(c.Digest)), nl,
		redact.Literal("Every line that comes from outside begins with a bar."), nl, nl)
	section("command", a.Command)
	section("title", a.Title)
	section("description", a.Description)
	section("detail", a.Detail)
	section("warnings", strings.Join(a.Warnings, "\n"))
	var risks []string
	if n := c.Look.Hidden; n > 0 {
		risks = append(risks, fmt.Sprintf("parts hidden as secrets: %d", n))
	}
	for _, r := range c.Look.Risks {
		risks = append(risks, strings.TrimSpace(r.Note+" "+r.Detail))
	}
	section("look twice", strings.Join(risks, "\n"))
	args := approvals.Arguments(d.withoutSecrets(a))
	for _, key := range slices.Sorted(maps.Keys(args)) {
		switch key {
		case "command", "title", "description", "detail", "warningText":
			continue
		}
		section(visible(key, false), compact(args[key]))
	}
	return Document{
		Name:    redact.Sprintf("approval-%s.txt", d.short(c)),
		Caption: redact.Literal("All of it. Read this before you decide."),
		Text:    redact.Concat(parts...),
	}
}

// denying is a prompt while a reason is awaited.
func (d *Desk) denying(v approvals.View, c approvals.Case, at approvals.Spot) Reply {
	reply := Reply{
		Header: redact.Sprintf("%s denies it", d.Redactor.Text(c.Claim.By.Name)),
		Blocks: d.reminder(v),
		Hint:   redact.Sprintf("Nobody can allow it here any more. Without a reason it is sent at %s.", d.clock(c.Until)),
	}
	if reply.Buttons = d.reasons(v, at); reply.Buttons != nil {
		why := redact.Literal("Why?")
		if c.Approval.SessionKey != "" {
			why = redact.Literal("Why? The agent is told.")
		}
		reply.Blocks = append(reply.Blocks, Block{Text: why})
	}
	return reply
}

// reasons are the buttons that say why, under the prompt at which somebody denies.
func (d *Desk) reasons(v approvals.View, at approvals.Spot) [][]Button {
	if !slices.ContainsFunc(v, func(c approvals.Case) bool { return c.Step == approvals.Asking && c.AskedAt == at }) {
		return nil
	}
	button := func(a approvals.Action, label redact.Text) Button { return Button{Label: label, Data: v.Button(a)} }
	return [][]Button{
		{button(approvals.WrongTarget, redact.Literal("wrong target")), button(approvals.NotNow, redact.Literal("not now"))},
		{button(approvals.LooksUnsafe, redact.Literal("looks unsafe")), button(approvals.Other, redact.Literal("other…"))},
	}
}

// sending is a prompt whose decision the gateway has not confirmed.
func (d *Desk) sending(v approvals.View, c approvals.Case) Reply {
	reply := Reply{
		Header: redact.Sprintf("Sending %s's %s…", d.Redactor.Text(c.Claim.By.Name), decision(c)),
		Blocks: d.reminder(v),
		Hint:   redact.Literal("The gateway has not confirmed it yet."),
	}
	if c.Claim.Reason != "" {
		reply.Blocks = append(reply.Blocks, Block{Kind: Given, Items: []Item{{Label: redact.Literal("Reason"), Value: d.text(c.Claim.Reason, false)}}})
	}
	return reply
}

// reminder says what a prompt was about, for those who have read it.
func (d *Desk) reminder(v approvals.View) []Block {
	c := v.Lead()
	a := c.Approval
	t := firstLines(d.text(cmp.Or(a.Command, a.Title, a.Tool), true), 6)
	if head, cut := t.Head(endUnits); cut > 0 {
		t = redact.Concat(head, redact.Literal(" …"))
	}
	blocks := []Block{box(redact.Text{}, t)}
	var items []Item
	for _, it := range []struct{ label, value string }{{"Agent", a.AgentID}, {"Session", a.SessionKey}} {
		if it.value == "" {
			continue
		}
		shown := item(d.Redactor, it.label, it.value)
		shown.Value, _ = d.text(shown.Value.String(), false).Head(valueUnits)
		items = append(items, shown)
	}
	if len(items) > 0 {
		blocks = append(blocks, Block{Kind: Given, Items: items})
	}
	if len(v) > 1 {
		blocks = append(blocks, Block{Text: redact.Sprintf("%s identical calls", redact.Int(int64(len(v))))})
	}
	return blocks
}

// over is a prompt whose cases have all ended.
func (d *Desk) over(v approvals.View) Reply {
	c := v[len(v)-1]
	same := true
	for _, o := range v {
		same = same && o.State == c.State && o.Claim.By == c.Claim.By && o.End.Ours == c.End.Ours
	}
	reply := Reply{Blocks: d.reminder(v)}
	if same {
		reply.Header = d.outcomeOf(c, true)
	} else {
		reply.Header = redact.Sprintf("%s identical calls have ended", redact.Int(int64(len(v))))
		var items []Item
		for _, o := range v {
			items = append(items, Item{Label: d.outcomeOf(o, true)})
		}
		reply.Blocks = append(reply.Blocks, Block{Kind: List, Items: items})
	}
	var items []Item
	if c.Claim.Reason != "" {
		label := redact.Literal("Reason")
		if !c.End.Ours {
			label = redact.Sprintf("Reason of %s", d.Redactor.Text(c.Claim.By.Name))
		}
		items = append(items, Item{Label: label, Value: d.text(c.Claim.Reason, false)})
	}
	if c.End.Resolver != "" {
		by, _ := d.text(c.End.Resolver, false).Head(valueUnits)
		items = append(items, Item{Label: redact.Literal("By"), Value: by})
	}
	if len(items) > 0 {
		reply.Blocks = append(reply.Blocks, Block{Kind: Given, Items: items})
	}
	if !c.End.Ours && c.Claim.By != (approvals.Person{}) {
		reply.Blocks = append(reply.Blocks, Block{Text: redact.Sprintf("The %s of %s did not reach the gateway in time.", decision(c), d.Redactor.Text(c.Claim.By.Name))})
	}
	if slices.ContainsFunc(v, func(o approvals.Case) bool { return o.Unheard }) {
		reply.Blocks = append(reply.Blocks, Block{Text: redact.Literal("The agent could not be told.")})
	}
	for _, o := range v {
		if o.Outcome == "" {
			continue
		}
		first, rest, _ := strings.Cut(o.Outcome, "\n")
		title := redact.Literal("Done: ")
		if o.Failed {
			title = redact.Literal("Failed: ")
		}
		out, _ := firstLines(d.text(rest, true), 8).Head(endUnits)
		reply.Blocks = append(reply.Blocks, Block{Kind: Pre, Title: redact.Concat(title, d.text(first, false)), Text: out})
	}
	reply.Hint = redact.Sprintf("%s · digest %s", d.text(c.ShortID(), false), d.short(c))
	return reply
}

// outcomeOf says how a case ended, or how it stands, in one line.
func (d *Desk) outcomeOf(c approvals.Case, sentence bool) redact.Text {
	at := d.clock(c.End.At)
	by := d.Redactor.Text(c.Claim.By.Name)
	var t redact.Text
	switch {
	case c.State == approvals.Approved && c.End.Ours && c.End.Decision == openclaw.AllowAlways:
		t = redact.Sprintf("approved always by %s at %s", by, at)
	case c.State == approvals.Approved && c.End.Ours:
		t = redact.Sprintf("approved by %s at %s", by, at)
	case c.State == approvals.Approved:
		t = redact.Sprintf("approved elsewhere at %s", at)
	case c.State == approvals.Denied && c.End.Ours:
		t = redact.Sprintf("denied by %s at %s", by, at)
	case c.State == approvals.Denied && c.End.Why == "user":
		t = redact.Sprintf("denied elsewhere at %s", at)
	case c.State == approvals.Denied:
		t = redact.Sprintf("denied by the gateway at %s (%s)", at, d.reasonFor(c))
	case c.State == approvals.Expired:
		t = redact.Sprintf("expired at %s, nobody decided", at)
	case c.State == approvals.Cancelled:
		t = redact.Sprintf("cancelled at %s (%s)", at, d.reasonFor(c))
	case c.State == approvals.Undeliverable:
		t = redact.Sprintf("undeliverable at %s, no approver was reached", at)
	case c.Step == approvals.Sending:
		t = redact.Sprintf("the decision of %s is being sent", by)
	default:
		t = redact.Literal("it is still open")
	}
	if sentence {
		s := t.String()
		return d.Redactor.Text(strings.ToUpper(s[:1]) + s[1:])
	}
	return t
}

// reasonFor is the gateway's reason in words.
func (d *Desk) reasonFor(c approvals.Case) redact.Text {
	switch c.End.Why {
	case "gateway-restart":
		return redact.Literal("the gateway was restarted")
	case "run-aborted":
		return redact.Literal("the run was stopped")
	case "no-route":
		return redact.Literal("nobody was connected to ask")
	case "timeout":
		return redact.Literal("time was up")
	case "gone":
		return redact.Literal("the gateway no longer knows it")
	case "replaced":
		return redact.Literal("another call took its place")
	case "":
		return redact.Literal("no reason given")
	}
	why, _ := d.text(c.End.Why, false).Head(valueUnits)
	return why
}

// short is the start of a digest, for people.
func (d *Desk) short(c approvals.Case) redact.Text {
	return d.Redactor.Text(c.ShortDigest())
}

func (d *Desk) clock(t time.Time) redact.Text {
	return d.Redactor.Text(t.UTC().Format("15:04:05 UTC"))
}

func (d *Desk) minute(t time.Time) redact.Text { return d.Redactor.Text(t.UTC().Format("15:04 UTC")) }

// remaining says a time that is left.
func remaining(d time.Duration) string {
	switch {
	case d <= 0:
		return "no time"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
}

// size is about how long blocks are.
func size(blocks []Block) int { return units(Reply{Blocks: blocks}) }
