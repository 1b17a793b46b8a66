package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/internal/approvals"
)

// desk returns what asks people about approvals. i has everything but the router.
func (i *instance) desk(c console.DeskConfig) *console.Desk {
	c.Gateway, c.Ledger = i.gateway, i.store
	c.Record, c.Redactor, c.Log = i.record, i.redactor, i.log
	c.Routes = approvalRoutes(i.config)
	c.AllowAlways = i.config.Approvals.AllowAlways
	return console.NewDesk(c)
}

// approvalRoutes puts the configuration's names and chats into numbers. The
// configuration has been checked: what cannot be read is not there.
func approvalRoutes(c Config) (routes []approvals.Route) {
	for _, r := range c.Approvals.Routes {
		route := approvals.Route{Source: r.Source, Agent: r.Agent, Session: r.Session, Tool: r.Tool}
		for _, name := range r.Operators {
			for _, op := range c.Operators {
				if op.Name == name {
					route.Places = append(route.Places, approvals.Place{Chat: op.ID})
				}
			}
		}
		for _, s := range r.Chats {
			chat, topic, _ := strings.Cut(s, "/")
			id, err := strconv.ParseInt(chat, 10, 64)
			if err != nil {
				continue
			}
			t, _ := strconv.ParseInt(cmp.Or(topic, "0"), 10, 64)
			route.Places = append(route.Places, approvals.Place{Chat: id, Topic: t})
		}
		routes = append(routes, route)
	}
	return routes
}

// watchApprovals runs the desk on the gateway's events.
func (i *instance) watchApprovals(d *console.Desk) func(context.Context) error {
	return func(ctx context.Context) error {
		const room = 4096 // events; when they do not fit, the list is compared
		sub := i.gateway.Events(room, approvals.Wanted)
		defer sub.Close()
		return d.Run(ctx, sub.C)
	}
}

// checks is what /selftest looks at besides the gateway.
func (i *instance) checks(ctx context.Context) []commands.Check {
	timed := func(name string, f func() error) commands.Check {
		begun := time.Now()
		err := f()
		return commands.Check{Name: name, Err: err, Note: fmt.Sprintf("written in %d ms", time.Since(begun).Milliseconds())}
	}
	skew := i.bot.Skew().Round(time.Second)
	clock := commands.Check{Name: "Telegram", Note: fmt.Sprintf("clock %v apart", skew.Abs())}
	if skew.Abs() > 30*time.Second {
		clock.Err = &commands.Failure{Message: clock.Note}
	}
	return []commands.Check{
		timed("Ledger", func() error { return i.store.Check(ctx) }),
		{Name: "Record", Err: i.record.Err()},
		clock,
	}
}
