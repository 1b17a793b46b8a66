package commands

import (
	"cmp"
	"context"
	"strings"

	"clawconsole/auth"
)

// Help answers /help: what the one who asks may run, or one command in full.
type Help struct {
	Topic Raw `arg:"" optional:"" name:"command"`
}

func (h *Help) run(_ context.Context, c *call) (Result, error) {
	topic := strings.ToLower(strings.Join(strings.Fields(string(h.Topic)), " "))
	topic = strings.TrimPrefix(topic, "/")
	if topic == "" {
		return c.help(), nil
	}
	var found []Entry
	var names []string
	for _, e := range Table() {
		if e.Name == topic || strings.HasPrefix(e.Name, topic+" ") {
			found = append(found, e)
		}
		names = append(names, e.Name)
	}
	switch len(found) {
	case 0:
		return Result{}, &Failure{
			Message: "unknown command /" + clip(topic, 32),
			Hint:    didYouMean(nearest(topic, names, 1), "/help ", "/help lists what there is"),
		}
	case 1:
		return c.helpOn(found[0]), nil
	}
	items := make([]Item, len(found))
	for i, e := range found {
		items[i] = Item{e.Usage, e.Summary}
	}
	return Result{Blocks: []Block{{Kind: List, Items: items}}}, nil
}

// Offered lists, in the order of [Table], what op may run in a private chat or a
// group, as far as configuration leaves something for it to do.
func (e *Env) Offered(op auth.Operator, private bool) (entries []Entry) {
	for _, entry := range Table() {
		if !entry.Hidden && op.Can(e.Class(entry.Name)) && !e.off(entry.Name, private) {
			entries = append(entries, entry)
		}
	}
	return entries
}

// off reports whether there is nothing for the command to do here.
func (e *Env) off(name string, private bool) bool {
	switch name {
	case "run":
		return !e.Shell.Enabled
	case "gateway start":
		return len(e.Start) == 0
	case "auth", "lock":
		return !e.Gate.HasFactor()
	case "audit":
		return !private
	}
	return false
}

// help lists what the operator may run, in groups, with an example from each. What
// they may not is not mentioned.
func (c *call) help() Result {
	op := c.grant.Operator()
	offered := c.Offered(op, c.grant.Caller().Private)
	var res Result
	var examples []Item
	for _, group := range groups {
		var items []Item
		example := ""
		for _, e := range offered {
			if e.Group != group {
				continue
			}
			items = append(items, Item{"/" + e.Name, e.Summary})
			example = cmp.Or(example, e.telling())
		}
		if len(items) > 0 {
			res.Blocks = append(res.Blocks, Block{Kind: List, Title: group, Items: items, Ours: true})
		}
		if example != "" {
			examples = append(examples, Item{Value: example})
		}
	}
	if len(examples) > 0 {
		res.Blocks = append(res.Blocks, Block{Kind: Given, Title: "Examples", Items: examples})
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: []Item{{"Lock", c.lockState(op.ID)}}})
	res.Hint = "/help logs shows one command in full"
	return res
}

// telling returns the first example that shows more than the command's name, or "".
func (e Entry) telling() string {
	for _, example := range e.Examples {
		if example != "/"+e.Name {
			return example
		}
	}
	return ""
}

// helpOn shows one command in full.
func (c *call) helpOn(e Entry) Result {
	class := c.Class(e.Name)
	op := c.grant.Operator()
	res := Result{Blocks: []Block{
		prose(e.Usage + "\n" + strings.ToUpper(e.Summary[:1]) + e.Summary[1:] + "."),
	}}
	if len(e.Flags) > 0 {
		res.Blocks = append(res.Blocks, Block{Kind: List, Items: e.Flags})
	}
	var examples []Item
	for _, ex := range e.Examples {
		examples = append(examples, Item{Value: ex})
	}
	res.Blocks = append(res.Blocks, Block{Kind: Given, Title: "Examples", Items: examples})
	needs := ""
	switch {
	case class == auth.Moderate && c.Gate.HasFactor():
		needs = ": needs an unlock"
	case class == auth.Dangerous:
		needs = ": needs an unlock and --yes"
	}
	items := []Item{{"Class", class.String() + needs}}
	switch {
	case !op.Can(class):
		items = append(items, Item{"You", "may not run it"})
	case c.off(e.Name, c.grant.Caller().Private):
		items = append(items, Item{"Here", "switched off, or of no use"})
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: items})
	return res
}

// Begin answers /start, the first thing that Telegram sends to a bot.
type Begin struct {
	Payload Raw `arg:"" optional:"" name:"payload"`
}

func (*Begin) run(_ context.Context, c *call) (Result, error) {
	res := c.help()
	res.Summary = "clawconsole for " + c.grant.Operator().Name
	return res, nil
}
