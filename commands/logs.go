package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
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
	followEvery = 2 * time.Second // between looks at the log
	followLines = 20              // shown while following, if --tail asks for no more
)

// check compiles the pattern, so that a bad one is a usage error.
func (l *Logs) check() error {
	if _, err := regexp.Compile(l.Grep); err != nil {
		why := err.Error()
		if i := strings.LastIndex(why, "parsing regexp: "); i >= 0 {
			why = why[i+len("parsing regexp: "):]
		}
		return wrong("--grep: %s is not a pattern: %s", quote(l.Grep), clip(why, 80))
	}
	return nil
}

func (l *Logs) run(ctx context.Context, c *call) (Result, error) {
	re := regexp.MustCompile(l.Grep) // check has tried it
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
	lines := matching(page.Lines, re)
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
		add := matching(next.Lines, re)
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

func matching(lines []openclaw.LogLine, re *regexp.Regexp) []openclaw.LogLine {
	if re.String() == "" {
		return lines
	}
	var out []openclaw.LogLine
	for _, l := range lines {
		if re.MatchString(l.Level+" "+l.Subsystem+": "+l.Message) || re.MatchString(renderLine(l)) {
			out = append(out, l)
		}
	}
	return out
}

// renderLog writes lines for a phone, a line with the day where it changes.
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

// readable returns a line's message without what nobody reads on a phone:
// colours, connection ids, whole JSON documents.
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
