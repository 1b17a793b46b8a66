package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"sort"
	"strings"
	"time"

	"clawconsole/openclaw"
)

// Logs answers /logs: the end of the gateway's log, newest last, and what is
// added to it while it is followed.
type Logs struct {
	Tail   int           `placeholder:"n" default:"100" min:"1" max:"5000" help:"how many lines, default 100"`
	Grep   string        `placeholder:"pattern" help:"only lines that match (RE2)"`
	Follow time.Duration `placeholder:"s" min:"1s" max:"120s" help:"show new lines for so long, at most 120 s"`
}

const (
	logScan     = 5000            // lines that --grep looks through: what logs.tail gives at most
	grepLine    = 4096            // bytes of a line that --grep looks at
	grepTime    = 5 * time.Second // that --grep may take over a page
	followEvery = 2 * time.Second // between looks at the log
	followLines = 20              // shown while following, if --tail asks for no more

	followContext = 200 // lines before the new ones that say what is a secret in these
)

// check reads the pattern, so that a bad one is a usage error.
func (l *Logs) check() error {
	_, err := pattern(l.Grep)
	return err
}

// The bounds of a pattern. Go's matching takes time by the pattern's compiled size
// for each byte of the log, so twenty letters may not stand for a million states.
const (
	maxPattern = 256  // bytes as typed
	maxStates  = 1000 // about what it compiles to
)

// pattern compiles a pattern of --grep, if it is one and is not too large.
func pattern(s string) (*regexp.Regexp, error) {
	if len(s) > maxPattern {
		return nil, wrong("--grep: pattern has %d bytes, %d are allowed", len(s), maxPattern)
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		why := err.Error()
		if i := strings.LastIndex(why, "parsing regexp: "); i >= 0 {
			why = why[i+len("parsing regexp: "):]
		}
		return nil, wrong("--grep: %s is not a pattern: %s", quote(s), clip(why, 80))
	}
	if states(tree) > maxStates {
		return nil, wrong("--grep: %s repeats too much", quote(s))
	}
	return regexp.Compile(s)
}

// states is about how many instructions a pattern compiles to: repeats are written
// out, so that those in each other multiply.
func states(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		n = 1 + len(re.Rune)/8 // one instruction, but looked up range by range
	}
	for _, sub := range re.Sub {
		n += states(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

func (l *Logs) run(ctx context.Context, c *call) (Result, error) {
	re, err := pattern(l.Grep)
	if err != nil {
		return Result{}, err // check has tried it
	}
	scan := l.Tail
	if l.Grep != "" {
		scan = logScan
	}
	page, err, why := ask(ctx, c,
		func(ctx context.Context) (openclaw.LogPage, error) {
			return c.Gateway.Logs(ctx, openclaw.LogsParams{Limit: scan})
		},
		func(ctx context.Context) (openclaw.LogPage, error) { return c.CLI.Logs(ctx, scan) })
	if err != nil {
		return Result{}, c.failed("read the log", err)
	}
	lines, err := c.matching(ctx, c.hidden(page.Lines), re)
	if err != nil {
		return Result{}, err
	}
	found := len(lines)
	lines = lines[max(0, found-l.Tail):]

	var res Result
	if why != nil {
		source := "This is what its log file says."
		if page.Source == "gateway" {
			source = "The command line could still read its log."
		}
		res.Blocks = append(res.Blocks, prose(c.gatewayLine(why)+" "+source))
	}
	if l.Follow > 0 {
		if why != nil {
			res.Hint = "not followed: that needs the gateway"
		} else {
			return l.follow(ctx, c, page, lines, re)
		}
	}
	switch {
	case len(lines) == 0 && l.Grep != "":
		res.Blocks = append(res.Blocks, prose(fmt.Sprintf("None of the last %s matches %s.", count(len(page.Lines), "line"), quote(l.Grep))))
		return res, nil
	case len(lines) == 0:
		res.Blocks = append(res.Blocks, prose("The log is empty."))
		return res, nil
	}
	title := ""
	switch {
	case l.Grep != "":
		title = fmt.Sprintf("%d of the last %s", found, count(len(page.Lines), "line"))
		if found > len(lines) {
			title += fmt.Sprintf(", newest %d shown", len(lines))
		}
	case len(lines) < l.Tail && page.Truncated:
		title = "newest " + count(len(lines), "line") + ", as much as the gateway gives"
	}
	res.Blocks = append(res.Blocks, Block{Kind: Pre, Title: title, Text: renderLog(lines), Oldest: true})
	return res, nil
}

// follow shows what is added to the log after page until the time is over or
// the operator stops it.
func (l *Logs) follow(ctx context.Context, c *call, page openclaw.LogPage, lines []openclaw.LogLine, re *regexp.Regexp) (Result, error) {
	keep := followLines
	if l.Tail != 100 {
		keep = l.Tail
	}
	lines = lines[max(0, len(lines)-keep):]
	before := page.Lines[max(0, len(page.Lines)-followContext):] // what comes may go on in the middle of a secret
	began := time.Now()
	end, cancel := context.WithTimeout(ctx, l.Follow)
	defer cancel()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	fresh := 0
	away := ""
	show := func(final string) Result {
		res := Result{Hint: away}
		title := "following, " + longDuration(time.Since(began).Truncate(time.Second)) + " of " + longDuration(l.Follow)
		if final != "" {
			title = final
		} else {
			res.Buttons = [][]Button{{{Label: "Stop", Cancel: true, Style: Serious}}}
		}
		if len(lines) == 0 {
			res.Blocks = []Block{prose(title + ". Nothing yet.")}
			return res
		}
		res.Blocks = []Block{{Kind: Pre, Title: title, Text: renderLog(lines), Oldest: true}}
		return res
	}
	c.progress(show(""))
	for {
		select {
		case <-end.Done():
			how := "followed for "
			if ctx.Err() != nil {
				how = "stopped after "
			}
			return show(fmt.Sprintf("%s%s, %s", how, longDuration(time.Since(began).Round(time.Second)), count(fresh, "new line"))), nil
		case <-tick.C:
		}
		short, cancel := context.WithTimeout(end, socketBudget)
		next, err := c.Gateway.Logs(short, openclaw.LogsParams{Limit: logScan, Cursor: page.Cursor})
		cancel()
		if err != nil {
			if end.Err() == nil {
				away = strings.TrimSuffix(c.gatewayLine(err), ".")
			}
			c.progress(show(""))
			continue
		}
		away = ""
		page.Cursor = next.Cursor
		add := c.hidden(append(slices.Clone(before), next.Lines...))[len(before):]
		before = append(before, next.Lines...)
		before = before[max(0, len(before)-followContext):]
		if add, err = c.matching(ctx, add, re); err != nil {
			why := "stopped"
			if f := (*Failure)(nil); errors.As(err, &f) {
				why += ": " + f.Message
			}
			return show(why), nil
		}
		if next.Reset {
			add = after(add, lines) // the end of the log again: what we have not shown
		}
		fresh += len(add)
		lines = append(lines, add...)
		lines = lines[max(0, len(lines)-max(keep, 200)):]
		c.progress(show(""))
	}
}

// after returns those of lines that are newer than all of shown.
func after(lines, shown []openclaw.LogLine) []openclaw.LogLine {
	if len(shown) == 0 {
		return lines
	}
	last := shown[len(shown)-1].At
	i := sort.Search(len(lines), func(i int) bool { return lines[i].At.After(last) })
	return lines[i:]
}

// hidden returns lines with their secrets replaced, as they are before a phone could
// show them. That comes before anything else is done to a line: what is left out or
// written anew may be what a secret is known by. It is also what a pattern is matched
// with, or the answers to a few dozen patterns would spell a secret that no answer
// shows.
func (e *Env) hidden(lines []openclaw.LogLine) []openclaw.LogLine {
	label := func(l openclaw.LogLine) string {
		if l.Subsystem == "" {
			return ""
		}
		return l.Subsystem + ": "
	}
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = label(l) + ansi.ReplaceAllString(l.Message, "")
	}
	// A secret may go on over several lines, as a private key does.
	whole := strings.Split(e.hide(strings.Join(texts, "\n")), "\n")
	known := make(map[string]bool, len(whole))
	for _, w := range whole {
		known[w] = true
	}
	out := slices.Clone(lines)
	for i, l := range lines {
		text := e.hide(texts[i])
		for part := range strings.SplitSeq(text, "\n") {
			if !known[part] {
				// Among its neighbours more of it is hidden, or it is hidden with them.
				text = label(l) + withheld
				break
			}
		}
		rest, ok := strings.CutPrefix(text, label(l))
		if !ok {
			out[i].Subsystem, rest = "", text
		}
		out[i].Message = rest
	}
	return out
}

// withheld stands for text of which nobody can say whether it holds a secret.
const withheld = "[redacted]"

// hide returns s without its secrets. An Env that does not know them shows nothing.
func (e *Env) hide(s string) string {
	if e.Hide == nil {
		return withheld
	}
	return e.Hide(s)
}

// matching returns those of lines, hidden ones, that a phone would show with
// something that re matches. The error is a *Failure.
func (e *Env) matching(ctx context.Context, lines []openclaw.LogLine, re *regexp.Regexp) ([]openclaw.LogLine, error) {
	if re.String() == "" {
		return lines, nil
	}
	end, cancel := context.WithTimeout(ctx, grepTime)
	defer cancel()
	match := func(s string) bool { return re.MatchString(s[:min(len(s), grepLine)]) }
	var out []openclaw.LogLine
	for _, l := range lines {
		if ctx.Err() != nil {
			return nil, &Failure{Message: "not searched to the end", Err: ctx.Err()}
		}
		if end.Err() != nil {
			return nil, &Failure{Message: "the pattern takes too long, search ended", Hint: "A simpler pattern is quicker."}
		}
		if match(e.hide(l.Level+" "+l.Subsystem+": "+l.Message)) || match(e.hide(renderLine(l))) {
			out = append(out, l)
		}
	}
	return out, nil
}

// renderLog writes hidden lines for a phone, a line with the day where it changes.
func renderLog(lines []openclaw.LogLine) string {
	var b strings.Builder
	day := time.Now().UTC().Format(time.DateOnly)
	for _, l := range lines {
		if !l.At.IsZero() {
			if d := l.At.UTC().Format(time.DateOnly); d != day {
				day = d
				b.WriteString("— " + l.At.UTC().Format("2 Jan 2006") + " —\n")
			}
		}
		b.WriteString(renderLine(l))
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// renderLine writes "14:02:10 WARN gateway/ws: message". Info is not said: most
// lines are.
func renderLine(l openclaw.LogLine) string {
	var parts []string
	if !l.At.IsZero() {
		parts = append(parts, l.At.UTC().Format("15:04:05"))
	}
	if l.Level != "" && l.Level != "info" {
		parts = append(parts, strings.ToUpper(l.Level))
	}
	text := readable(l)
	if l.Subsystem != "" {
		text = l.Subsystem + ": " + text
	}
	return strings.Join(append(parts, text), " ")
}

// noise reports whether a line only repeats what the openclaw program printed
// for whoever ran it: OpenClaw writes that to the same log.
func noise(l openclaw.LogLine) bool { return l.Subsystem == "openclaw" }

var (
	// The gateway's line for each request: "⇄ res ✗ cron.run 1ms errorCode=X
	// errorMessage=… conn=2890e372…416d id=c17".
	wireLine  = regexp.MustCompile(`^⇄ (?:res|req) `)
	wireNoise = regexp.MustCompile(` (?:conn|id|runId)=\S+`)
	wireError = regexp.MustCompile(` errorCode=(\S+) errorMessage=`)
	ansi      = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
)

// How many letters of one message are shown, and of the fields behind it.
const (
	longLine   = 400
	longFields = 120
)

// dull are fields of log lines that help nobody with a phone.
var dull = map[string]bool{
	"pid": true, "threadId": true, "workerThreadId": true, "isMainThread": true, "storePath": true, "completionDelayMs": true,
	"writerExecutionMs": true, "schedulerNextWakeAtMs": true, "nextWakeAtMs": true, "timerArmed": true, "cronEnabled": true, "nextRunAtMs": true,
}

// readable returns the message of a hidden line without what nobody reads on a
// phone: colours, connection ids, whole JSON documents.
func readable(l openclaw.LogLine) string {
	s := strings.TrimSpace(ansi.ReplaceAllString(l.Message, ""))
	if wireLine.MatchString(s) {
		s = wireLine.ReplaceAllString(s, "")
		s = wireNoise.ReplaceAllString(s, "")
		s = wireError.ReplaceAllString(s, " $1: ")
	}
	if i := strings.IndexByte(s, '{'); i >= 0 && json.Valid([]byte(s[i:])) {
		s = strings.TrimSpace(s[:i] + flatten(s[i:]))
	} else if strings.HasPrefix(s, "[") && json.Valid([]byte(s)) {
		s = "(" + size(int64(len(s))) + " of JSON)"
	}
	if head, rest, ok := strings.Cut(s, "\n"); ok {
		n := strings.Count(strings.TrimSpace(rest), "\n") + 1
		if clean := strings.TrimSpace(head); clean == "{" || clean == "[" || clean == "" {
			s = "(" + count(n+1, "line") + ")"
		} else {
			s = clean + " (+" + count(n, "line") + ")"
		}
	}
	return clip(s, longLine)
}

// flatten writes a JSON object as "a=1 b=two". What is nested or dull is left out.
func flatten(object string) string {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &m) != nil {
		return ""
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		if !dull[k] {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	var parts []string
	for _, k := range keys {
		v := string(m[k])
		var s string
		switch {
		case json.Unmarshal(m[k], &s) == nil:
			v = s
		case strings.HasPrefix(v, "{"), strings.HasPrefix(v, "["):
			continue
		}
		parts = append(parts, k+"="+v)
	}
	return clip(strings.Join(parts, " "), longFields)
}
