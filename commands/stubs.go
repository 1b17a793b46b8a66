package commands

import (
	"context"
	"time"
)

// The commands, to be moved into files of their own as they are done.
type (
	// Status answers /status.
	Status struct {
		Verbose bool `help:"channels, tasks, memory, the console itself"`
	}
	// Sessions answers /sessions.
	Sessions struct {
		Limit         int  `placeholder:"n" default:"10" min:"1" max:"50" help:"how many, default 10"`
		ActiveMinutes int  `placeholder:"n" min:"1" max:"525600" help:"only those used in the last n minutes"`
		Kinds         list `placeholder:"a,b" help:"only these kinds, such as direct, group, cron"`
		Page          int  `placeholder:"n" default:"1" min:"1" max:"1000" help:"which page, default 1"`
	}
	// Logs answers /logs.
	Logs struct {
		Tail   int           `placeholder:"n" default:"100" min:"1" max:"5000" help:"how many lines, default 100"`
		Grep   string        `placeholder:"pattern" help:"only lines that match (RE2)"`
		Follow time.Duration `placeholder:"s" min:"1s" max:"120s" help:"keep showing new lines for so long"`
	}
	// GatewayStatus answers /gateway status.
	GatewayStatus struct{}
	// GatewayRestart does /gateway restart.
	GatewayRestart struct {
		Reason string `placeholder:"text" help:"why, for the gateway's log"`
		Now    bool   `help:"do not wait for work in flight"`
	}
	// GatewayStart does /gateway start.
	GatewayStart struct{}
	// CronList answers /cron list.
	CronList struct{}
	// CronRuns answers /cron runs.
	CronRuns struct {
		ID    string `arg:"" name:"id"`
		Limit int    `placeholder:"n" default:"5" min:"1" max:"50" help:"how many, default 5"`
	}
	// CronRun does /cron run.
	CronRun struct {
		ID string `arg:"" name:"id"`
	}
	// Audit answers /audit.
	Audit struct {
		Tail int `placeholder:"n" default:"10" min:"1" max:"100" help:"how many, default 10"`
	}
	// Session does /session.
	Session struct {
		Key     string        `arg:"" name:"key"`
		Timeout time.Duration `placeholder:"s" default:"10m" min:"1s" max:"60m" help:"how long to wait for the reply, default 10m"`
		Message Raw           `arg:"" name:"message"`
	}
	// Agent does /agent.
	Agent struct {
		Label   string        `arg:"" name:"label"`
		Timeout time.Duration `placeholder:"s" default:"10m" min:"1s" max:"60m" help:"how long to wait for the reply, default 10m"`
		Message Raw           `arg:"" name:"message"`
	}
	// Stop does /stop.
	Stop struct {
		Session string `arg:"" name:"session"`
	}
	// Run does /run.
	Run struct {
		Timeout time.Duration `placeholder:"s" min:"1s" max:"10m" help:"how long it may take"`
		Command Raw           `arg:"" name:"command"`
	}
	// Auth does /auth.
	Auth struct {
		Code string `arg:"" name:"secret" secret:""`
	}
	// Lock does /lock.
	Lock struct{}
	// Whoami answers /whoami.
	Whoami struct{}
	// Help answers /help.
	Help struct {
		Topic Raw `arg:"" optional:"" name:"command"`
	}
	// Begin answers /start, Telegram's first message to a bot.
	Begin struct {
		Payload Raw `arg:"" optional:"" name:"payload"`
	}
)

var errLater = &Failure{Message: "not built yet"}

func (*Status) run(context.Context, *call) (Result, error)         { return Result{}, errLater }
func (*Sessions) run(context.Context, *call) (Result, error)       { return Result{}, errLater }
func (*Logs) run(context.Context, *call) (Result, error)           { return Result{}, errLater }
func (*GatewayStatus) run(context.Context, *call) (Result, error)  { return Result{}, errLater }
func (*GatewayRestart) run(context.Context, *call) (Result, error) { return Result{}, errLater }
func (*GatewayStart) run(context.Context, *call) (Result, error)   { return Result{}, errLater }
func (*CronList) run(context.Context, *call) (Result, error)       { return Result{}, errLater }
func (*CronRuns) run(context.Context, *call) (Result, error)       { return Result{}, errLater }
func (*CronRun) run(context.Context, *call) (Result, error)        { return Result{}, errLater }
func (*Audit) run(context.Context, *call) (Result, error)          { return Result{}, errLater }
func (*Session) run(context.Context, *call) (Result, error)        { return Result{}, errLater }
func (*Agent) run(context.Context, *call) (Result, error)          { return Result{}, errLater }
func (*Stop) run(context.Context, *call) (Result, error)           { return Result{}, errLater }
func (*Run) run(context.Context, *call) (Result, error)            { return Result{}, errLater }
func (*Auth) run(context.Context, *call) (Result, error)           { return Result{}, errLater }
func (*Lock) run(context.Context, *call) (Result, error)           { return Result{}, errLater }
func (*Whoami) run(context.Context, *call) (Result, error)         { return Result{}, errLater }
func (*Help) run(context.Context, *call) (Result, error)           { return Result{}, errLater }
func (*Begin) run(context.Context, *call) (Result, error)          { return Result{}, errLater }
