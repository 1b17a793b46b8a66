package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"clawconsole/openclaw"
)

// scheduleWords says when a job runs: "every 6 h", "Mon to Fri at 09:00".
func scheduleWords(s openclaw.Schedule, now time.Time) string {
	switch s.Kind {
	case "every":
		return "every " + longDuration(s.Every)
	case "at":
		return "once, " + clock(s.At, now)
	case "cron":
		words := cronWords(s.Expr)
		if s.Zone != "" && s.Zone != "UTC" {
			words += " (" + s.Zone + ")"
		}
		return words
	case "on-exit":
		return "when the gateway ends"
	case "stream":
		return "on events of a stream"
	case "":
		return "no schedule"
	}
	return s.Kind
}

var (
	weekdays = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	months   = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

// cronWords says a cron expression of five fields, or six with seconds first. One
// that has no short form in words is shown as it is.
func cronWords(expr string) string {
	raw := "cron " + expr
	f := strings.Fields(expr)
	switch strings.ToLower(expr) {
	case "@hourly":
		f = []string{"0", "*", "*", "*", "*"}
	case "@daily", "@midnight":
		f = []string{"0", "0", "*", "*", "*"}
	case "@weekly":
		f = []string{"0", "0", "*", "*", "0"}
	case "@monthly":
		f = []string{"0", "0", "1", "*", "*"}
	}
	if len(f) == 6 && f[0] == "0" {
		f = f[1:]
	}
	if len(f) != 5 {
		return raw
	}
	minute, hour, day, month, weekday := f[0], f[1], f[2], f[3], f[4]

	date, ok := dateWords(day, month, weekday)
	if !ok {
		return raw
	}
	at := func() (string, bool) { // times of day
		m, err := strconv.Atoi(minute)
		if err != nil || m > 59 {
			return "", false
		}
		var times []string
		for _, h := range strings.Split(hour, ",") {
			n, err := strconv.Atoi(h)
			if err != nil || n > 23 {
				return "", false
			}
			times = append(times, fmt.Sprintf("%02d:%02d", n, m))
		}
		return "at " + join(times, "and"), true
	}
	every := func(field, unit string) (string, bool) {
		if field == "*" {
			return "every " + unit, true
		}
		n, err := strconv.Atoi(strings.TrimPrefix(field, "*/"))
		if err != nil || !strings.HasPrefix(field, "*/") || n < 1 {
			return "", false
		}
		if n == 1 {
			return "every " + unit, true
		}
		return fmt.Sprintf("every %d %ss", n, unit), true
	}

	if times, ok := at(); ok {
		if date == "" {
			return "daily " + times
		}
		return date + " " + times
	}
	var words string
	if hour == "*" {
		if words, ok = every(minute, "minute"); !ok {
			m, err := strconv.Atoi(minute)
			if err != nil {
				return raw
			}
			words = fmt.Sprintf("hourly at :%02d", m)
		}
	} else if words, ok = every(hour, "hour"); ok {
		m, err := strconv.Atoi(minute)
		if err != nil {
			return raw
		}
		words += fmt.Sprintf(" at :%02d", m)
	} else {
		return raw
	}
	if date != "" {
		words += ", " + date
	}
	return words
}

// dateWords says the days of a cron expression; empty means every day.
func dateWords(day, month, weekday string) (string, bool) {
	if day != "*" && weekday != "*" {
		return "", false // cron's "or" of the two has no short form
	}
	in := ""
	if month != "*" {
		m, ok := namesOf(month, months, 1)
		if !ok {
			return "", false
		}
		in = m
	}
	switch {
	case weekday != "*":
		days, ok := namesOf(weekday, weekdays, 0)
		if !ok {
			return "", false
		}
		if in != "" {
			days += " in " + in
		}
		return days, true
	case day != "*":
		n, err := strconv.Atoi(day)
		if err != nil {
			return "", false
		}
		if in != "" {
			return fmt.Sprintf("on %d %s", n, in), true
		}
		return fmt.Sprintf("on day %d of the month", n), true
	case in != "":
		return "in " + in, true
	}
	return "", true
}

// namesOf says a list or range of numbers, or of names' first three letters, by
// name: "Monday to Friday".
func namesOf(field string, names []string, base int) (string, bool) {
	one := func(s string) (string, bool) {
		for _, n := range names {
			if strings.EqualFold(s, n[:3]) || strings.EqualFold(s, n) {
				return n, true
			}
		}
		i, err := strconv.Atoi(s)
		if i -= base; base == 0 && i == 7 {
			i = 0
		}
		if err != nil || i < 0 || i >= len(names) {
			return "", false
		}
		return names[i], true
	}
	var out []string
	for _, part := range strings.Split(field, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, ok := one(from)
		if !ok {
			return "", false
		}
		if isRange {
			b, ok := one(to)
			if !ok {
				return "", false
			}
			a += " to " + b
		}
		out = append(out, a)
	}
	return join(out, "and"), true
}

// sparkline draws values as bars of eight heights.
func sparkline(values []time.Duration) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	var top time.Duration
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 {
			i = int(int64(max(v, 0)) * int64(len(bars)-1) / int64(top))
		}
		b.WriteRune(bars[i])
	}
	return b.String()
}
