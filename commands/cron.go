package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clawconsole/openclaw"
)

// CronList answers /cron list: every job, when it runs and how it ended.
type CronList struct{}

func (*CronList) run(ctx context.Context, c *call) (Result, error) {
	jobs, err := c.jobs(ctx)
	if err != nil {
		return Result{}, err
	}
	if len(jobs) == 0 {
		return Result{Blocks: []Block{prose("No jobs.")}}, nil
	}
	now := time.Now()
	items := make([]Item, len(jobs))
	for i, j := range jobs {
		items[i] = jobItem(j, now)
	}
	return Result{
		Blocks: []Block{{Kind: List, Title: count(len(jobs), "job"), Items: items}},
		Hint:   "/cron runs shows a job's history",
	}, nil
}

// jobs lists all jobs, by next run; only the gateway knows them.
func (c *call) jobs(ctx context.Context) ([]openclaw.CronJob, error) {
	jobs, err, _ := ask(ctx, c, c.Gateway.CronJobs, nil)
	if err != nil {
		return nil, c.failed("list jobs", err)
	}
	slices.SortStableFunc(jobs, func(a, b openclaw.CronJob) int {
		if a.Enabled != b.Enabled {
			if a.Enabled {
				return -1
			}
			return 1
		}
		return a.NextRunAt.Compare(b.NextRunAt)
	})
	return jobs, nil
}

func jobItem(j openclaw.CronJob, now time.Time) Item {
	parts := []string{clip8(j.ID), scheduleWords(j.Schedule, now)}
	switch {
	case !j.Enabled:
		parts = append(parts, "disabled")
	case j.Running:
		parts = append(parts, "running now")
	case !j.NextRunAt.IsZero() && j.NextRunAt.Before(now):
		parts = append(parts, "due")
	case !j.NextRunAt.IsZero():
		parts = append(parts, "next "+ago(j.NextRunAt, now))
	}
	if j.LastRunAt.IsZero() {
		parts = append(parts, "never ran")
	} else {
		last := "last " + j.LastStatus + " " + ago(j.LastRunAt, now)
		if j.LastDuration > 0 {
			last += ", took " + longDuration(j.LastDuration)
		}
		parts = append(parts, last)
	}
	if j.LastStatus == "error" && j.LastError != "" {
		parts = append(parts, firstLine(j.LastError, 120))
	}
	if j.Errors > 1 {
		parts = append(parts, fmt.Sprintf("failed %d times in a row", j.Errors))
	}
	return Item{firstLine(jobName(j), 60), strings.Join(parts, " · ")}
}

func jobName(j openclaw.CronJob) string {
	if j.Name != "" {
		return j.Name
	}
	return j.ID
}

// job finds the one job that ref means: its id, a unique name, or a prefix of
// either that only one job has. It does not guess.
func (c *call) job(ctx context.Context, ref string) (openclaw.CronJob, error) {
	jobs, err := c.jobs(ctx)
	if err != nil {
		return openclaw.CronJob{}, err
	}
	match := func(is func(j openclaw.CronJob) bool) []openclaw.CronJob {
		var found []openclaw.CronJob
		for _, j := range jobs {
			if is(j) {
				found = append(found, j)
			}
		}
		return found
	}
	low := strings.ToLower(ref)
	for _, is := range []func(j openclaw.CronJob) bool{
		func(j openclaw.CronJob) bool { return j.ID == ref },
		func(j openclaw.CronJob) bool { return j.Name == ref },
		func(j openclaw.CronJob) bool { return strings.EqualFold(j.Name, ref) },
		func(j openclaw.CronJob) bool {
			return strings.HasPrefix(strings.ToLower(j.Name), low) || strings.HasPrefix(j.ID, low)
		},
	} {
		found := match(is)
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			var names []string
			for _, j := range found {
				names = append(names, fmt.Sprintf("%s (%s)", clip(jobName(j), 40), clip8(j.ID)))
			}
			return openclaw.CronJob{}, &Failure{
				Message: quote(ref) + " could be " + or(atMost(names, 4)),
				Hint:    "give the id",
			}
		}
	}
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name, j.ID)
	}
	return openclaw.CronJob{}, &Failure{
		Message: "no job " + quote(ref),
		Hint:    didYouMean(nearest(ref, names, 1), "", "/cron list shows them"),
	}
}

// CronRuns answers /cron runs: how a job's last runs went.
type CronRuns struct {
	ID    string `arg:"" name:"id"`
	Limit int    `placeholder:"n" default:"5" min:"1" max:"50" help:"how many, default 5"`
}

func (r *CronRuns) run(ctx context.Context, c *call) (Result, error) {
	job, err := c.job(ctx, r.ID)
	if err != nil {
		return Result{}, err
	}
	runs, err, _ := ask(ctx, c, func(ctx context.Context) ([]openclaw.CronRun, error) {
		return c.Gateway.CronRuns(ctx, openclaw.CronRunsParams{JobID: job.ID, Limit: r.Limit})
	}, nil)
	if err != nil {
		return Result{}, c.failed("list runs", err)
	}
	now := time.Now()
	res := Result{Summary: "/cron runs " + clip(jobName(job), 40) + c.at()}
	res.Blocks = append(res.Blocks, prose(title(scheduleWords(job.Schedule, now))+"."))
	if len(runs) == 0 {
		res.Blocks = append(res.Blocks, prose("It never ran."))
		return res, nil
	}
	items := make([]Item, len(runs))
	durations := make([]time.Duration, len(runs))
	failed := 0
	for i, run := range runs {
		items[i] = runItem(run, now)
		durations[len(runs)-1-i] = run.Duration
		if !succeeded(run) {
			failed++
		}
	}
	res.Blocks = append(res.Blocks, Block{Kind: List, Items: items})
	if len(runs) > 1 {
		res.Blocks = append(res.Blocks, prose(fmt.Sprintf("%s oldest to newest, longest %s, %d of %d failed",
			sparkline(durations), longDuration(slices.Max(durations)), failed, len(runs))))
	}
	return res, nil
}

func succeeded(r openclaw.CronRun) bool { return r.Status == "ok" }

func runItem(r openclaw.CronRun, now time.Time) Item {
	at := r.StartedAt
	if at.IsZero() {
		at = r.At
	}
	parts := []string{ago(at, now), runStatus(r), longDuration(r.Duration)}
	if r.Error != "" {
		parts = append(parts, firstLine(r.Error, 120))
	}
	if r.Summary != "" && r.Summary != r.Error {
		parts = append(parts, firstLine(r.Summary, 120))
	}
	return Item{clock(at, now), strings.Join(parts, " · ")}
}

func runStatus(r openclaw.CronRun) string {
	if r.Status == "error" {
		return "failed"
	}
	return r.Status
}

// CronRun does /cron run: it starts a job and follows it to its end.
type CronRun struct {
	ID string `arg:"" name:"id"`
}

const (
	cronWithin = 10 * time.Minute // how long a run is followed; it goes on after that
	cronPoll   = 3 * time.Second  // in case an event was lost
	cronMissed = 3                // looks at a new process before a run is given up
)

func (r *CronRun) run(ctx context.Context, c *call) (Result, error) {
	job, err := c.job(ctx, r.ID)
	if err != nil {
		return Result{}, err
	}
	// Listen before starting: a short job ends before the answer is read.
	sub := c.Gateway.Events(0, func(e openclaw.Event) bool {
		ev, ok := e.(openclaw.CronChanged)
		return ok && ev.JobID == job.ID && ev.Action == "finished"
	})
	defer sub.Close()

	began := time.Now()
	short, cancel := context.WithTimeout(ctx, socketBudget)
	start, err := c.Gateway.CronRun(short, job.ID)
	cancel()
	name, look := clip(jobName(job), 40), "/cron runs "+quoteWord(job.ID)
	switch {
	case openclaw.Unsettled(err):
		how := "The gateway's answer could not be read."
		switch {
		case ctx.Err() != nil, errors.Is(err, context.Canceled):
			how = "No longer waiting for the gateway's answer."
		case away(err):
			how = c.gatewayLine(err)
		}
		return Result{
			Failed: true, Summary: "not known whether " + name + " was started",
			Blocks:  []Block{prose(how + " It may have taken the request before.")},
			Hint:    "see its runs before starting it again",
			Buttons: [][]Button{{{Label: "History", Line: look}}}, Cause: err,
		}, nil
	case err != nil:
		return Result{}, c.failed("run jobs", err)
	}
	if !start.Started {
		why := start.Why
		if why == "" {
			why = "it may be running already"
		}
		return Result{}, &Failure{Message: name + " was not started: " + firstLine(why, 120), Hint: "/cron runs " + quoteWord(r.ID) + " shows its runs"}
	}
	run, err := c.followRun(ctx, sub.C, job.ID, start.RunID, func(waited time.Duration) {
		c.progress(Result{Blocks: []Block{prose(fmt.Sprintf("%s is running, %s so far.", title(name), longDuration(waited.Truncate(time.Second))))}})
	})
	switch {
	case errors.Is(err, errRestarted):
		return Result{
			Failed: true, Summary: "not known how " + name + " ended",
			Blocks: []Block{prose("The gateway was restarted while it ran.")},
			Hint:   look + " may tell later",
		}, nil
	case err != nil:
		return Result{
			Summary: name + " is still running",
			Blocks:  []Block{prose(fmt.Sprintf("It was started %s and goes on.", ago(began, time.Now())))},
			Hint:    look + " shows how it ended",
		}, nil
	}
	res := Result{Summary: fmt.Sprintf("%s: %s after %s", name, runStatus(run), longDuration(run.Duration)), Failed: !succeeded(run)}
	if run.Error != "" {
		res.Blocks = append(res.Blocks, prose(title(firstLine(run.Error, 300))+"."))
	}
	if run.Summary != "" && run.Summary != run.Error {
		if job.Payload == "command" || job.Payload == "script" {
			res.Blocks = append(res.Blocks, Block{Kind: Pre, Text: run.Summary})
		} else {
			res.Blocks = append(res.Blocks, prose(run.Summary))
		}
	}
	res.Buttons = [][]Button{{{Label: "History", Line: look}}}
	return res, nil
}

// errRestarted means that the gateway that ran a job is gone.
var errRestarted = errors.New("gateway restarted meanwhile")

// followRun waits for the end of a run by events, and asks now and then in case
// one was lost with a connection. The error is ctx's if that or the patience ended
// first, or errRestarted if a new process of the gateway has no end of the run.
func (c *call) followRun(ctx context.Context, events <-chan openclaw.Event, jobID, runID string, tell func(time.Duration)) (openclaw.CronRun, error) {
	began, boot, missed := time.Now(), c.Gateway.State().Hello.BootID, 0
	ctx, cancel := context.WithTimeout(ctx, cronWithin)
	defer cancel()
	tick := time.NewTicker(cronPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return openclaw.CronRun{}, ctx.Err()
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			if ev, ok := e.(openclaw.CronChanged); ok && (ev.RunID == runID || ev.Run.RunID == runID) && runID != "" {
				return ev.Run, nil
			}
		case <-tick.C:
			tell(time.Since(began))
			short, cancel := context.WithTimeout(ctx, socketBudget)
			runs, err := c.Gateway.CronRuns(short, openclaw.CronRunsParams{JobID: jobID, RunID: runID, Limit: 1})
			cancel()
			switch {
			case err != nil:
			case len(runs) > 0 && runs[0].RunID == runID:
				return runs[0], nil
			case c.Gateway.State().Hello.BootID == boot:
			default:
				if missed++; missed == cronMissed {
					return openclaw.CronRun{}, errRestarted
				}
			}
		}
	}
}
