package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/commands"
	"clawconsole/openclaw"
)

// logOf is a gateway whose log has these messages.
func logOf(messages ...string) *gateway {
	g := busyGateway()
	g.logs = func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
		page := openclaw.LogPage{File: "a", Cursor: 1}
		if p.Cursor != 0 {
			return page, nil
		}
		for _, m := range messages {
			page.Lines = append(page.Lines, openclaw.LogLine{Level: "error", Subsystem: "db", Message: m})
		}
		return page, nil
	}
	return g
}

// Attack: the log holds a secret that is never shown. Whoever asks for
// password=[A-M], then for one half of the half that was found, and so on, has it
// spelt by "found" and "none" in a few dozen commands of class safe.
func TestGrepIsNoOracle(t *testing.T) {
	pem := []string{"-----BEGIN PRIVATE KEY-----"}
	for _, c := range "ABCD" {
		pem = append(pem, strings.Repeat(string(c)+"iEvQ1BADk0gkqhk", 4))
	}
	pem = append(pem, "-----END PRIVATE KEY-----")
	for _, tt := range []struct {
		log            []string
		found, secrets []string
	}{
		{[]string{"connected password=Zq7vXw91TtRb to host7"},
			[]string{"connected", "password=", "host7", `redacted`},
			[]string{"Zq7", "password=[A-Z]", "password=[^[]", "=.q7v", "TtRb"}},
		{[]string{`login {"user":"bob","password":"Zq7v Xw91 TtRb"}`},
			[]string{"login", "bob"}, []string{"Zq7", "Xw91", "TtRb", `word":"[A-Z]`, "word=.Zq"}},
		{[]string{"\x1b[31mpassword=\x1b[0mZq7vXw91TtRb"}, []string{"password"}, []string{"Zq7", "=[A-Z]"}},
		{[]string{"failed:\nat x\ntoken=Zq7vXw91TtRb\nthe end"}, []string{"the end", "at x"}, []string{"Zq7", "token=[A-Z]"}},
		{[]string{"token", "Zq7vXw91TtRb"}, []string{"token"}, nil},
		{append(pem, "after"), []string{"after"}, []string{"Aiev|AiEv", "^.*BiEvQ1BADk", "DiEvQ1BADk0gkqhkD"}},
	} {
		s := newStory(t, logOf(tt.log...))
		for _, p := range tt.found {
			lacks(t, s.do("/logs --grep '"+p+"'"), "None of the last")
		}
		for _, p := range tt.secrets {
			wants(t, s.do("/logs --grep '"+p+"'"), "None of the last")
		}
	}
}

// Attack: as above, with the secret written while the log is followed; its key's
// first line has been shown before.
func TestFollowIsNoOracle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busyGateway()
		body := strings.Repeat("MiEvQ1BADk0gkqhk", 4)
		looks := 0
		g.logs = func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			looks++
			switch looks {
			case 1:
				return openclaw.LogPage{Cursor: 1, Lines: []openclaw.LogLine{{Message: "-----BEGIN PRIVATE KEY-----"}, {Message: body}}}, nil
			case 2:
				return openclaw.LogPage{Cursor: 2, Lines: []openclaw.LogLine{{Message: body}, {Message: "password=Zq7vXw91TtRb"}, {Message: "-----END PRIVATE KEY-----"}, {Message: "password=Zq7vXw91TtRb ok"}}}, nil
			}
			return openclaw.LogPage{Cursor: 2}, nil
		}
		s := newStory(t, g)
		wants(t, s.do("/logs --follow 5 --grep MiEv"), "0 new lines")
		looks = 0
		wants(t, s.do("/logs --follow 5 --grep Zq7"), "0 new lines")
		looks = 0
		wants(t, s.do("/logs --follow 5 --grep ok"), "1 new line", "password=[redacted] ok")
	})
}

// Attack: [Stop] in the middle of a search, which must not end in Go's words.
func TestSearchStoppedInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		g := busyGateway()
		g.logs = func(_ context.Context, p openclaw.LogsParams) (openclaw.LogPage, error) {
			return openclaw.LogPage{Cursor: p.Cursor + 1, Lines: []openclaw.LogLine{{Message: fmt.Sprint("new ", p.Cursor)}}}, nil
		}
		s := newStory(t, g)
		s.Hide = func(text string) string {
			if strings.Contains(text, "new 3") {
				cancel()
			}
			return text
		}
		got := show(s.result(ctx, "/logs --follow 60 --grep new"))
		wants(t, got, "stopped: not searched to the end")
		lacks(t, got, "context")
	})
}

// A check of /selftest that fails says so in words; what the system said is for the log.
func TestSelftestInWords(t *testing.T) {
	g := busyGateway()
	s := newStory(t, g)
	s.Checks = func(context.Context) []commands.Check {
		return []commands.Check{
			{Name: "Ledger", Err: errors.New("sync state.db: input/output error"), Note: "written in 3 ms"},
			{Name: "Telegram", Err: &commands.Failure{Message: "clock 40 s apart"}},
		}
	}
	res := s.result(t.Context(), "/selftest")
	got := show(res)
	wants(t, got, "ERROR:", "Ledger: FAILED: the console's log says why", "Telegram: FAILED: clock 40 s apart")
	lacks(t, got, "input/output")
	if res.Cause == nil || !strings.Contains(res.Cause.Error(), "Ledger: sync state.db: input/output error") {
		t.Errorf("the log gets %v", res.Cause)
	}
}

// Attack: a log line is redacted as JSON, but shown as key=value, by which only its
// first word or nothing is known as a secret.
func TestLogFieldsStayRedacted(t *testing.T) {
	for _, m := range []string{
		`login {"password":"Zq7vXw91TtRb horse battery"}`,
		`login {"user":"bob","password":"Tr0ub4 Zq7vXw91TtRb&3 xyz","z":"1"}`,
		`env {"token":"first,Zq7vXw91TtRb third"}`,
		`{"apiKey":"abc\nZq7vXw91TtRb"}`,
		`{"apiKey":"Zq7vXw91TtRb\nabc"}`,
		`⇄ res ✓ x conn=1 token=abc id=password Zq7vXw91TtRb`,
		"\x1b[31mpassword=\x1b[0mZq7vXw91TtRb",
		"pass\x1b[31mword=Zq7vXw91TtRb",
		"password=Zq7v\x1b[0mXw91TtRb",
	} {
		s := newStory(t, logOf(m))
		for _, line := range []string{"/logs", "/logs --grep .", "/status"} {
			lacks(t, s.do(line), "Zq7v", "horse", "TtRb", "xyz", " third")
		}
	}
}

// What nobody redacts is not shown.
func TestLogNeedsRedactor(t *testing.T) {
	s := newStory(t, logOf("harmless"))
	s.Hide = nil
	for _, line := range []string{"/logs", "/status"} {
		lacks(t, s.do(line), "harmless")
	}
	wants(t, s.do("/logs --grep harmless"), "None of the last")
}

// Attack: a pattern of a few letters that compiles to a million states takes the
// host's memory when it is parsed, and its processor for hours when it is matched.
func TestGrepIsBounded(t *testing.T) {
	for _, p := range []string{
		strings.Repeat("x", 257),
		"(?:" + strings.Repeat(".?", 1650) + `){1000}\x00`,
		"(?:" + strings.Repeat(".?", 100) + "){1000}",
		"(.{30}){34}", "(((a{10}){10}){10}){10}", strings.Repeat("(?:.?){900}", 20), "(?:x{2,}){700}", "(a|b|c|d){0,500}",
		`(?:\pL\pN?){900}`,
	} {
		began := time.Now()
		_, err := commands.Parse("/logs --grep '"+p+"'", "bot")
		var usage *commands.UsageError
		if !errors.As(err, &usage) {
			t.Errorf("Parse(--grep %.60q) = %v, want a usage error", p, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("--grep %.60q: refused after %v", p, took)
		}
	}
	for _, p := range []string{"a{3}", `\d{4}-\d{2}-\d{2}T[0-9:.]{8,12}Z`, `(?i)error|warn(ing)?`, `\pL+`, `(\d{1,3}\.){3}\d{1,3}`, strings.Repeat("é", 128), ".{0,200}x"} {
		if _, err := commands.Parse("/logs --grep '"+p+"'", "bot"); err != nil {
			t.Errorf("Parse(--grep %q) = %v", p, err)
		}
	}
}

// Attack: the worst pattern that is taken, over all that the gateway gives. It ends
// when it is cancelled, and at the latest after its time.
func TestGrepEnds(t *testing.T) {
	var big []string
	for i := range 5000 {
		big = append(big, fmt.Sprint(i)+strings.Repeat(" hello world", 16))
	}
	s := newStory(t, logOf(big...))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	got := show(s.result(ctx, `/logs --grep '(?:(?:.?){15}x?){15}\x00'`))
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("ended %v after it began, cancelled after 500 ms", took)
	}
	wants(t, got, "ERROR: not searched to the end")
}
