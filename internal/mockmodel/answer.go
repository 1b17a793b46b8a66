package mockmodel

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what the model does: a call of tool, a failure, or else a text.
type answer struct {
	tool string
	args string // JSON
	fail int    // HTTP status
	text string
	slow time.Duration
}

func (a answer) String() string {
	switch {
	case a.fail != 0:
		return fmt.Sprintf("fail: %d", a.fail)
	case a.tool != "":
		return a.tool + ": " + a.args
	default:
		return "text: " + a.text
	}
}

const (
	maxSlow = 10 * time.Minute
	maxLong = 1 << 20

	// maxResult is how much of a tool's result is repeated in the answer.
	maxResult = 1500
	maxLine   = 500
)

var (
	slowDirective = regexp.MustCompile(`(?:^|\s)slow:\s*(\d{1,6})`)
	longDirective = regexp.MustCompile(`(?:^|\s)long:\s*(\d{1,7})`)
	failDirective = regexp.MustCompile(`(?:^|\s)fail:\s*([45]\d\d)`)
	codeDirective = regexp.MustCompile(`(?:^|\s)code:`)
	callDirective = regexp.MustCompile(`(?:^|\s)(?:exec:[ \t]*([^\n]+)|tool:[ \t]*([\w.-]+)[ \t]*(\{[^\n]*\})?)`)

	// OpenClaw puts this around what a person typed.
	envelope = []*regexp.Regexp{
		regexp.MustCompile(`(?s)<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>.*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>`),
		regexp.MustCompile(`\n+Runtime: agent=[^\n]*`),
		regexp.MustCompile(`^\s*\[[A-Z][a-z]{2} \d{4}-\d\d-\d\d [^\]]*\]\s*`),
	}

	// notice finds OpenClaw's own messages about a command, which quote it. To obey them would
	// run it again, and again.
	notice = regexp.MustCompile(`(?i)exec (finished|denied|running|completed)|async command|approval (was )?(denied|timed out|expired)`)
)

const markdown = "**Status**\n\n- one\n- two `inline`\n\n```sh\nuptime && df -h <disk>\n```\nDone & dusted."

// decide says what the model does in a conversation, when these tools are offered.
func decide(messages []Message, tools []string) answer {
	last, said := -1, ""
	for i, m := range messages {
		if m.Role != "user" {
			continue
		}
		if s := typed(m.Content); s != "" {
			last, said = i, s
		}
	}
	var results []Message
	names := make(map[string]string)
	for _, m := range messages[last+1:] {
		for id, name := range m.calls {
			names[id] = name
		}
		if m.Role == "tool" {
			results = append(results, m)
		}
	}

	if status, ok := number(failDirective, said); ok {
		return answer{fail: status, slow: slowness(said)}
	}
	if calls := calls(said, tools); len(results) < len(calls) {
		a := calls[len(results)]
		if len(results) == 0 {
			a.slow = slowness(said)
		}
		return a
	}
	if len(results) > 0 {
		r := results[len(results)-1]
		name := names[r.callID]
		if name == "" {
			name = "tool"
		}
		return answer{text: name + " said: " + cut(r.Content, maxResult)}
	}
	a := answer{slow: slowness(said)}
	if n, ok := number(longDirective, said); ok {
		const unit = "All systems nominal. "
		n = min(n, maxLong)
		a.text = strings.Repeat(unit, n/len(unit)+1)[:n]
	} else if codeDirective.MatchString(said) {
		a.text = markdown
	} else {
		a.text = "mock reply: " + cut(strings.TrimSpace(said[strings.LastIndexByte(said, '\n')+1:]), maxLine)
	}
	return a
}

// calls returns the tool calls that said asks for, in order.
func calls(said string, tools []string) []answer {
	if notice.MatchString(said) {
		return nil
	}
	var out []answer
	for _, m := range callDirective.FindAllStringSubmatch(said, -1) {
		a := answer{tool: m[2], args: m[3]}
		if a.tool == "" {
			a.tool = "exec"
			args, _ := json.Marshal(map[string]string{"command": strings.TrimSpace(m[1])})
			a.args = string(args)
		}
		if !json.Valid([]byte(a.args)) {
			a.args = "{}"
		}
		if slices.Contains(tools, a.tool) {
			out = append(out, a)
		}
	}
	return out
}

// typed is what a person typed of a user message.
func typed(content string) string {
	for _, re := range envelope {
		content = re.ReplaceAllString(content, "")
	}
	return strings.TrimSpace(content)
}

func slowness(said string) time.Duration {
	ms, _ := number(slowDirective, said)
	return min(time.Duration(ms)*time.Millisecond, maxSlow)
}

func number(re *regexp.Regexp, said string) (int, bool) {
	m := re.FindStringSubmatch(said)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// cut returns the first n characters of s.
func cut(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
