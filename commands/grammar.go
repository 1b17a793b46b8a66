package commands

import (
	"fmt"
	"io"
	"reflect"
	"slices"
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

	Pending  Pending  `cmd:"" class:"safe" group:"Approve" help:"tool calls that wait for a decision" example:"/pending"`
	Approve  Approve  `cmd:"" class:"approve" group:"Approve" help:"allow the call with that digest, or show it" example:"/approve 07f9a8f6 3b5c1e90"`
	Deny     Deny     `cmd:"" class:"approve" group:"Approve" help:"deny a waiting call and say why" example:"/deny 07f9a8f6 wrong target"`
	Selftest Selftest `cmd:"" class:"approve" group:"Approve" help:"raise a harmless approval and time each leg" example:"/selftest"`

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
func Table() []Entry { return slices.Clone(model().entries) }

// A tree is the grammar as kong understands it. It is made once, only read, and
// nothing is parsed into it.
type tree struct {
	root    *kong.Node
	entries []Entry
	byName  map[string]Entry
	flags   map[*kong.Node]map[string]*kong.Flag // of each command, those of Admission too
}

var model = sync.OnceValue(func() *tree {
	k := newParser(new(grammar))
	t := &tree{root: k.Model.Node, byName: make(map[string]Entry), flags: make(map[*kong.Node]map[string]*kong.Flag)}
	for _, node := range k.Model.Leaves(false) {
		e := entryOf(node)
		t.entries = append(t.entries, e)
		t.byName[e.Name] = e
		t.flags[node] = make(map[string]*kong.Flag)
		for _, group := range node.AllFlags(false) {
			for _, f := range group {
				t.flags[node][f.Name] = f
			}
		}
	}
	return t
})

func lookup(name string) (Entry, bool) {
	e, ok := model().byName[name]
	return e, ok
}

// newParser returns a parser that fills target: a pointer to the grammar or to
// one command. It panics on a mistake in the tags, which are ours.
func newParser(target any, more ...kong.Option) *kong.Kong {
	k, err := kong.New(target, append(append(mappers(), more...),
		kong.Name("/"),
		kong.NoDefaultHelp(),
		kong.Writers(io.Discard, io.Discard),
		kong.Exit(func(int) { panic("commands: the parser wants to exit") }),
	)...)
	if err != nil {
		panic("commands: bad grammar: " + err.Error())
	}
	return k
}

// decode fills a new command of e from args, which scan has checked. A kong
// parser keeps what it parsed and takes 1 ms to make for the whole grammar; one for
// a single command is made for each message.
func decode(e Entry, args []string) (Command, Admission, error) {
	target := reflect.New(e.command.Elem())
	var a Admission
	wordless := len(args) == 1 // "--"
	if made, ok := unasked.Load(e.Name); ok && wordless {
		target.Elem().Set(made.(reflect.Value))
		return target.Interface().(Command), a, nil
	}
	if _, err := newParser(target.Interface(), kong.Embed(&a)).Parse(args); err != nil {
		return nil, a, err
	}
	if wordless {
		kept := reflect.New(e.command.Elem()).Elem()
		kept.Set(target.Elem())
		unasked.Store(e.Name, kept)
	}
	return target.Interface().(Command), a, nil
}

// unasked keeps, by name, what kong made of commands without any flag or argument:
// the same every time.
var unasked sync.Map

// entryOf panics on a command that has no class or cannot be done: a mistake of ours.
func entryOf(n *kong.Node) Entry {
	class, err := auth.ParseClass(n.Tag.Get("class"))
	if err != nil {
		panic(fmt.Sprintf("commands: class of %s: %v", nameOf(n), err))
	}
	if _, ok := n.Target.Addr().Interface().(Command); !ok {
		panic(fmt.Sprintf("commands: /%s cannot be done", nameOf(n)))
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
	if class == auth.Dangerous {
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
