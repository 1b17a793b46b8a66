package commands

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"github.com/alecthomas/kong"

	"clawconsole/auth"
)

// grammar is the table of all commands: name, class, group, summary, examples.
// Help, the chat's menu and the README's list come from it. A field's struct
// type, in a file of its own, has the flags and does the work.
type grammar struct {
	Admission

	Status   Status   `cmd:"" class:"safe" group:"Look" help:"is the gateway up, what is it doing" example:"/status|/status --verbose"`
	Sessions Sessions `cmd:"" class:"safe" group:"Look" help:"conversations, newest first" example:"/sessions|/sessions --active-minutes 60 --kinds cron,group"`
	Logs     Logs     `cmd:"" class:"safe" group:"Look" help:"end of the gateway's log" example:"/logs --tail 50|/logs --grep 'error|timeout'|/logs --follow 60"`
	Gateway  struct {
		Status  GatewayStatus  `cmd:"" class:"safe" group:"Look" help:"process, version, uptime, service" example:"/gateway status"`
		Restart GatewayRestart `cmd:"" class:"moderate" group:"Act" help:"restart the gateway and prove it" example:"/gateway restart --reason 'stuck channel'|/gateway restart --now"`
		Start   GatewayStart   `cmd:"" class:"moderate" group:"Act" help:"start a gateway that is dead" example:"/gateway start"`
	} `cmd:"" help:"the gateway's process"`
	Cron struct {
		List CronList `cmd:"" class:"safe" group:"Look" help:"jobs, when they run and how they ended" example:"/cron list"`
		Runs CronRuns `cmd:"" class:"safe" group:"Look" help:"history of one job" example:"/cron runs nightly --limit 10"`
		Run  CronRun  `cmd:"" class:"moderate" group:"Act" help:"run a job now and follow it to its end" example:"/cron run nightly"`
	} `cmd:"" help:"the gateway's jobs"`
	Audit Audit `cmd:"" class:"safe" group:"Look" help:"newest records of this console" example:"/audit --tail 20"`

	Session Session `cmd:"" class:"moderate" group:"Talk" help:"send a message into a session" example:"/session ops what failed last night?|/session main --timeout 60 go on"`
	Agent   Agent   `cmd:"" class:"moderate" group:"Talk" help:"send a message to an agent" example:"/agent devops is the disk full?"`
	Stop    Stop    `cmd:"" class:"moderate" group:"Talk" help:"end what a session is doing" example:"/stop main"`

	Run Run `cmd:"" class:"dangerous" group:"Act" help:"run a shell command on this host" example:"/run --yes df -h|/run --timeout 90 --yes journalctl -n 50"`

	Auth   Auth   `cmd:"" class:"safe" group:"You" help:"unlock with the second factor" example:"/auth <secret>"`
	Lock   Lock   `cmd:"" class:"safe" group:"You" help:"end the unlock now" example:"/lock"`
	Whoami Whoami `cmd:"" class:"safe" group:"You" help:"your ids, rights and lock" example:"/whoami"`
	Help   Help   `cmd:"" class:"safe" group:"You" help:"what you may run" example:"/help|/help logs"`
	Start  Begin  `cmd:"" class:"safe" group:"You" hidden:"" help:"what you may run" example:"/start"`
}

// groups of commands, in the order of help.
var groups = []string{"Look", "Talk", "Act", "Approve", "You"}

// Admission are the flags that every command takes: they prove and confirm, and
// are looked at before the command is.
type Admission struct {
	Yes    bool   `help:"confirm a dangerous command"`
	Secret string `secret:"" placeholder:"s" help:"second factor, for this command only"`
}

// An Entry describes one command.
type Entry struct {
	Name     string // "gateway restart"
	Class    auth.Class
	Group    string // Look, Talk, Act, Approve or You
	Summary  string // one line
	Usage    string // "/logs [--tail n] [--grep pattern]"
	Flags    []Item // each flag and what it does
	Examples []string
	Hidden   bool // not listed: another name of a command that is

	command reflect.Type // pointer to its struct
}

// Table returns all commands in the order of the grammar.
func Table() []Entry { return table() }

var table = sync.OnceValue(func() []Entry {
	_, k := newParser()
	var entries []Entry
	for _, node := range k.Model.Leaves(false) {
		entries = append(entries, entryOf(node))
	}
	return entries
})

func lookup(name string) (Entry, bool) {
	for _, e := range table() {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// newParser returns a parser and what it fills: a kong parser keeps what it
// parsed, so there is one for each message.
func newParser() (*grammar, *kong.Kong) {
	g := new(grammar)
	k, err := kong.New(g, append(mappers(),
		kong.Name("/"),
		kong.NoDefaultHelp(),
		kong.Writers(io.Discard, io.Discard),
		kong.Exit(func(int) { panic("commands: the parser wants to exit") }),
	)...)
	if err != nil {
		panic("commands: bad grammar: " + err.Error())
	}
	return g, k
}

// entryOf panics on a command without class or group: a mistake of ours.
func entryOf(n *kong.Node) Entry {
	class, err := auth.ParseClass(n.Tag.Get("class"))
	if err != nil {
		panic(fmt.Sprintf("commands: class of %s: %v", nameOf(n), err))
	}
	e := Entry{
		Name: nameOf(n), Class: class, Group: n.Tag.Get("group"), Summary: n.Help,
		Usage: usage(n, class), Hidden: n.Tag.Has("hidden"),
		command: reflect.PointerTo(n.Target.Type()),
	}
	for _, ex := range strings.Split(n.Tag.Get("example"), "|/") {
		e.Examples = append(e.Examples, "/"+strings.TrimPrefix(ex, "/"))
	}
	for _, f := range n.Flags {
		e.Flags = append(e.Flags, Item{flagUsage(f), f.Help})
	}
	return e
}

// nameOf returns "gateway restart".
func nameOf(n *kong.Node) string {
	if n.Parent == nil || n.Parent.Type == kong.ApplicationNode {
		return n.Name
	}
	return nameOf(n.Parent) + " " + n.Name
}

// usage returns a command's usage line: "/session <key> [--timeout s] <message…>".
// Of a group it names the subcommands.
func usage(n *kong.Node, class auth.Class) string {
	s := "/" + nameOf(n)
	if len(n.Children) > 0 {
		var subs []string
		for _, c := range n.Children {
			subs = append(subs, c.Name)
		}
		return s + " " + strings.Join(subs, "|")
	}
	var payload string
	for _, p := range n.Positional {
		u := "<" + p.Name + ">"
		if isRaw(p) {
			u = "<" + p.Name + "…>"
		}
		if !p.Required {
			u = "[" + strings.Trim(u, "<>") + "]"
		}
		if isRaw(p) {
			payload = " " + u
		} else {
			s += " " + u
		}
	}
	for _, f := range n.Flags {
		s += " [" + flagUsage(f) + "]"
	}
	if class >= auth.Dangerous {
		s += " --yes"
	}
	return s + payload
}

func flagUsage(f *kong.Flag) string {
	if f.IsBool() {
		return "--" + f.Name
	}
	return "--" + f.Name + " " + f.FormatPlaceHolder()
}

func isRaw(p *kong.Positional) bool { return p.Target.Type() == reflect.TypeFor[Raw]() }
