package commands

import (
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

// help lists what the operator may run, in groups. What they may not is not
// mentioned.
func (c *call) help() Result {
	op := c.grant.Operator()
	var res Result
	for _, group := range groups {
		var items []Item
		for _, e := range Table() {
			if e.Group != group || e.Hidden || !op.Can(c.Class(e.Name)) || c.off(e.Name) {
				continue
			}
			items = append(items, Item{"/" + e.Name, e.Summary})
		}
		if len(items) > 0 {
			res.Blocks = append(res.Blocks, Block{Kind: List, Title: group, Items: items})
		}
	}
	res.Blocks = append(res.Blocks, Block{Kind: Fields, Items: []Item{{"Lock", c.lockState(op.ID)}}})
	res.Hint = "/help logs shows one command in full"
	return res
}

// off reports whether configuration leaves nothing for the command to do.
func (c *call) off(name string) bool {
	switch name {
	case "run":
		return !c.Shell.Enabled
	case "gateway start":
		return len(c.Start) == 0
	case "auth", "lock":
		return !c.Gate.HasFactor()
	case "audit":
		return !c.grant.Caller().Private
	}
	return false
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
	res.Blocks = append(res.Blocks, Block{Kind: List, Title: "Examples", Items: examples})
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
	case c.off(e.Name):
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
