package commands

import (
	"strings"
	"testing"
	"time"

	"clawconsole/openclaw"
)

// Half a secret is one that the redactor does not know: what is cut before it comes
// to redaction is cut between words.
func TestClipNeverSplitsAWord(t *testing.T) {
	const token = "7000001:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
	for before := range 80 {
		s := strings.Repeat("x", before) + " " + token + " and more, and more"
		for _, n := range []int{8, 40, 60} {
			got := clip(s, n)
			if strings.Contains(got, "70") && !strings.Contains(got, token) {
				t.Errorf("clip(%q, %d) = %q", s, n, got)
			}
		}
	}
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"one two three", 8, "one two…"},
		{"one two three", 7, "one…"},
		{token, 10, token},
		{token + " and more", 10, token + "…"},
		{strings.Repeat("x", longWord+1), 10, "…"},
	} {
		if got := clip(tt.s, tt.n); got != tt.want {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}

func TestCronWords(t *testing.T) {
	for expr, want := range map[string]string{
		"0 6 * * *":       "daily at 06:00",
		"30 6,18 * * *":   "daily at 06:30 and 18:30",
		"0 9 * * 1-5":     "Monday to Friday at 09:00",
		"0 9 * * MON,fri": "Monday and Friday at 09:00",
		"0 0 * * 7":       "Sunday at 00:00",
		"*/15 * * * *":    "every 15 minutes",
		"* * * * *":       "every minute",
		"*/1 * * * *":     "every minute",
		"5 * * * *":       "hourly at :05",
		"0 */6 * * *":     "every 6 hours at :00",
		"0 0 1 * *":       "on day 1 of the month at 00:00",
		"0 0 1 1 *":       "on 1 January at 00:00",
		"0 12 * 6-8 *":    "in June to August at 12:00",
		"*/10 * * * 6":    "every 10 minutes, Saturday",
		"0 0 6 * * *":     "daily at 06:00",
		"@hourly":         "hourly at :00",
		"@daily":          "daily at 00:00",
		"@reboot":         "cron @reboot",
		"0 0 1 * 1":       "cron 0 0 1 * 1",
		"1-5 * * * *":     "cron 1-5 * * * *",
		"0 25 * * *":      "cron 0 25 * * *",
		"61 1 * * *":      "cron 61 1 * * *",
		"0 9 * * 8":       "cron 0 9 * * 8",
		"0 9 * 13 *":      "cron 0 9 * 13 *",
		"0 9-17 * * *":    "cron 0 9-17 * * *",
		"":                "cron ",
		"x y z a b":       "cron x y z a b",
	} {
		if got := cronWords(expr); got != want {
			t.Errorf("cronWords(%q) = %q, want %q", expr, got, want)
		}
	}
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	for want, s := range map[string]openclaw.Schedule{
		"every 6 h":                      {Kind: "every", Every: 6 * time.Hour},
		"once, 21 Nov 09:30 UTC":         {Kind: "at", At: now.Add(19*time.Hour + 30*time.Minute)},
		"daily at 06:00 (Europe/Berlin)": {Kind: "cron", Expr: "0 6 * * *", Zone: "Europe/Berlin"},
		"when the gateway ends":          {Kind: "on-exit"},
		"lunar":                          {Kind: "lunar"},
		"no schedule":                    {},
	} {
		if got := scheduleWords(s, now); got != want {
			t.Errorf("scheduleWords(%+v) = %q, want %q", s, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", time.Second: "just now", 9300 * time.Millisecond: "9 s ago", 59 * time.Second: "59 s ago", 61 * time.Second: "1 min 1 s ago",
		11*time.Minute + 5*time.Second: "11 min ago", 2*time.Hour + 5*time.Minute: "2 h 5 min ago", 25 * time.Hour: "1 day 1 h ago", 100 * time.Hour: "4 days ago",
		-20 * time.Minute: "in 20 min",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
	if got := ago(time.Time{}, now); got != "never" {
		t.Errorf("ago(zero) = %q", got)
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 KB", 8192: "8.2 KB", 123456: "123 KB", 1e9: "1.0 GB", 5e15: "5000 TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for want, at := range map[string]time.Time{"13:59:00 UTC": now.Add(-time.Minute), "19 Nov 14:00 UTC": now.Add(-24 * time.Hour), "20 Nov 2025 14:00 UTC": now.AddDate(-1, 0, 0)} {
		if got := clock(at, now); got != want {
			t.Errorf("clock(%v) = %q, want %q", at, got, want)
		}
	}
	if got := sparkline([]time.Duration{0, time.Second, 4 * time.Second, 8 * time.Second}); got != "▁▁▄█" {
		t.Errorf("sparkline = %q", got)
	}
	for _, w := range []string{"main", "a b", "it's", `say "x"`, "--x", "—x", "", "a\u00a0b"} {
		if got := splitWords(quoteWord(w)); len(got) != 1 || got[0].text != w {
			t.Errorf("quoteWord(%q) = %q, read as %+v", w, quoteWord(w), got)
		}
	}
}
