package commands

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"clawconsole/openclaw"
)

// Sessions answers /sessions: a page of conversations, newest first.
type Sessions struct {
	Limit         int  `placeholder:"n" default:"10" min:"1" max:"50" help:"how many, default 10"`
	ActiveMinutes int  `placeholder:"n" min:"1" max:"525600" help:"only those used in the last n minutes"`
	Kinds         list `placeholder:"a,b" help:"only these kinds: direct, group, cron, main, …"`
	Page          int  `placeholder:"n" default:"1" min:"1" max:"1000" help:"which page, default 1"`
}

// sessionScan is how many sessions a filter by kind looks through: the gateway
// cannot filter by kind.
const sessionScan = 500

// sessionPage is one page of what the filters left.
type sessionPage struct {
	rows  []openclaw.Session
	total int      // of all pages; -1: not known
	more  bool     // there is a next page
	kinds []string // that were seen and not wanted
}

// sessionLister is Sessions of a Gateway or a CLI.
type sessionLister func(context.Context, openclaw.SessionsParams) (openclaw.SessionList, error)

func (s *Sessions) run(ctx context.Context, c *call) (Result, error) {
	page, err, why := ask(ctx, c,
		func(ctx context.Context) (sessionPage, error) { return s.page(ctx, c.Gateway.Sessions) },
		func(ctx context.Context) (sessionPage, error) { return s.pageOfOne(ctx, c.CLI.Sessions) })
	if err != nil {
		return Result{}, c.failed("list sessions", err)
	}
	var res Result
	if why != nil {
		res.Blocks = append(res.Blocks, prose(c.gatewayLine(why)+" This is from its local files: what is busy now is not known."))
	}
	if len(page.rows) == 0 {
		res.Blocks = append(res.Blocks, prose(s.none(page)))
		return res, nil
	}
	now := time.Now()
	names := c.jobNames(ctx, page.rows, why)
	items := make([]Item, len(page.rows))
	for i, x := range page.rows {
		items[i] = sessionItem(x, names, now)
	}
	first := (s.Page-1)*s.Limit + 1
	heading := ""
	switch last := first + len(items) - 1; {
	case page.total > len(items):
		heading = fmt.Sprintf("%d to %d of %d", first, last, page.total)
	case page.more || s.Page > 1:
		heading = fmt.Sprintf("%d to %d", first, last)
	}
	res.Blocks = append(res.Blocks, Block{Kind: List, Title: heading, Items: items})

	var row []Button
	if s.Page > 1 {
		row = append(row, Button{Label: "Newer", Line: s.line(s.Page - 1)})
	}
	if page.more {
		row = append(row, Button{Label: "Older", Line: s.line(s.Page + 1)})
	}
	if row != nil {
		res.Buttons = [][]Button{row}
	}
	return res, nil
}

// page reads the page from the gateway, which pages by itself but cannot filter
// by kind: then pages are read from the start until this one is full.
func (s *Sessions) page(ctx context.Context, from sessionLister) (sessionPage, error) {
	p := openclaw.SessionsParams{Limit: s.Limit, Active: time.Duration(s.ActiveMinutes) * time.Minute}
	skip := (s.Page - 1) * s.Limit
	if len(s.Kinds) == 0 {
		p.Offset = skip
		l, err := from(ctx, p)
		return sessionPage{rows: l.Sessions, total: l.Total, more: l.More}, err
	}
	var all openclaw.SessionList
	for p.Limit = 100; p.Offset < sessionScan; p.Offset = all.NextOffset {
		l, err := from(ctx, p)
		if err != nil {
			return sessionPage{}, err
		}
		l.Sessions = append(all.Sessions, l.Sessions...)
		if all = l; !l.More || l.NextOffset <= p.Offset {
			break
		}
	}
	return s.cut(all.Sessions, all.More), nil
}

// pageOfOne reads the page from a source that has only one.
func (s *Sessions) pageOfOne(ctx context.Context, from sessionLister) (sessionPage, error) {
	l, err := from(ctx, openclaw.SessionsParams{Limit: sessionScan, Active: time.Duration(s.ActiveMinutes) * time.Minute})
	return s.cut(l.Sessions, l.More), err
}

// cut filters rows, which go on beyond their end if more is set, and takes the page.
func (s *Sessions) cut(rows []openclaw.Session, more bool) sessionPage {
	var p sessionPage
	for _, x := range rows {
		if s.wants(x) {
			p.rows = append(p.rows, x)
		} else {
			p.kinds = append(p.kinds, x.Kind, x.Classification)
		}
	}
	if p.total = len(p.rows); more {
		p.total = -1
	}
	skip := min((s.Page-1)*s.Limit, len(p.rows))
	end := min(skip+s.Limit, len(p.rows))
	p.more = end < len(p.rows)
	p.rows = p.rows[skip:end]
	return p
}

func (s *Sessions) wants(x openclaw.Session) bool {
	return len(s.Kinds) == 0 || slices.ContainsFunc(s.Kinds, func(k string) bool {
		return strings.EqualFold(k, x.Kind) || strings.EqualFold(k, x.Classification)
	})
}

// none says why there is nothing to show.
func (s *Sessions) none(p sessionPage) string {
	switch {
	case s.Page > 1:
		return "No sessions on page " + strconv.Itoa(s.Page) + "."
	case len(p.kinds) > 0:
		slices.Sort(p.kinds)
		kinds := slices.DeleteFunc(slices.Compact(p.kinds), func(k string) bool { return k == "" })
		return "No sessions of kind " + or(s.Kinds) + ". There are " + join(kinds, "and") + "."
	case s.ActiveMinutes > 0:
		return "No sessions used in the last " + count(s.ActiveMinutes, "minute") + "."
	}
	return "No sessions yet."
}

// line is the command that shows another page.
func (s *Sessions) line(page int) string {
	line := fmt.Sprintf("/sessions --limit %d --page %d", s.Limit, page)
	if s.ActiveMinutes > 0 {
		line += fmt.Sprintf(" --active-minutes %d", s.ActiveMinutes)
	}
	if len(s.Kinds) > 0 {
		line += " --kinds " + quoteWord(strings.Join(s.Kinds, ","))
	}
	return line
}

// quoteWord writes w so that splitWords reads it as one word. A word with both
// kinds of quotes has no such form; its double quotes are dropped.
func quoteWord(w string) string {
	switch {
	case !strings.ContainsFunc(w, func(r rune) bool { return unicode.IsSpace(r) || quoteKind(r) >= 0 }) && w != "" && !isFlag(straightDashes(w)):
		return w
	case !strings.ContainsFunc(w, func(r rune) bool { return quoteKind(r) == 0 }):
		return "'" + w + "'"
	}
	return `"` + strings.Map(func(r rune) rune {
		if quoteKind(r) == 1 {
			return -1
		}
		return r
	}, w) + `"`
}

// sessionItem shows one session: what people call it, then what to call it here.
func sessionItem(x openclaw.Session, jobs map[string]string, now time.Time) Item {
	name := x.Label
	if name == "" && jobs[cronJobOf(x.Key)] != "" {
		name = "job " + jobs[cronJobOf(x.Key)]
	}
	if name == "" {
		name = x.Title
	}
	var parts []string
	if name == "" || name == x.Key {
		name = x.Key
	} else {
		parts = append(parts, x.Key)
	}
	if x.Busy {
		parts = append(parts, "busy")
	} else if x.Status != "" && x.Status != "done" && x.Status != "running" {
		parts = append(parts, x.Status)
	} else {
		parts = append(parts, "idle")
	}
	kind := x.Kind
	if x.Classification != "" && x.Classification != x.Kind {
		kind += "/" + x.Classification
	}
	parts = append(parts, kind, ago(x.UpdatedAt, now), x.Model)
	if used := x.ContextUsed(); used >= 0 {
		parts = append(parts, fmt.Sprintf("%.0f%% of context", math.Min(100*used, 999)))
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return Item{firstLine(name, 60), strings.Join(parts, " · ")}
}

// cronJobOf returns the job of a session that an automation made:
// agent:main:cron:<job>:run:<uuid>; else nothing.
func cronJobOf(key string) string {
	_, rest, ok := strings.Cut(key, ":cron:")
	if !ok {
		return ""
	}
	job, _, _ := strings.Cut(rest, ":")
	return job
}

// jobNames returns the names of the jobs that made sessions of rows, if there
// are any and the gateway is there to tell.
func (c *call) jobNames(ctx context.Context, rows []openclaw.Session, why error) map[string]string {
	if why != nil || !slices.ContainsFunc(rows, func(x openclaw.Session) bool { return cronJobOf(x.Key) != "" }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, socketBudget)
	defer cancel()
	jobs, err := c.Gateway.CronJobs(ctx)
	if err != nil {
		return nil // the keys are shown instead
	}
	names := make(map[string]string, len(jobs))
	for _, j := range jobs {
		names[j.ID] = j.Name
	}
	return names
}
